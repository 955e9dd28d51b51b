"""Streams: constant memory, the same rows after any kill, and no shard of other pictures or settings."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from gradlab import introspect
from gradlab.core import InputError, ModelError
from tests.conftest import Small
from tests.reference.introspect import Head

ROWS = int(os.environ.get("GRADLAB_STREAM_ROWS", "1000"))
BATCH, SHARD = 100, 256
MOST_BYTES = 1_000_000_000
ROOT = Path(__file__).resolve().parents[2]


class Simulated:
    """A loader of any length that holds nothing: batch i is drawn from seed i. It dies before batch ``dies``."""

    def __init__(self, rows: int = ROWS, dies: int | None = None, seed: int = 0) -> None:
        self.rows, self.dies, self.seed = rows, dies, seed

    def __len__(self) -> int:
        return -(-self.rows // BATCH)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for i in range(len(self)):
            if i == self.dies:
                os._exit(9)  # as a kill: nothing is cleaned up
            n = min(BATCH, self.rows - i * BATCH)
            generator = torch.Generator().manual_seed(self.seed + i)
            yield torch.randn(n, 3, 4, 4, generator=generator), torch.randint(10, (n,), generator=generator)


def network() -> Head:
    torch.manual_seed(0)
    return Head(10, d=64).eval()


def peak() -> int:
    """Return the largest memory this process had since it began, bytes; 0 where there is no /proc."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.is_file() else []
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


# A process that starts one for each kill, which is quicker than to load PyTorch for each, and then streams to the end.
DYING = """
import os, sys, torch
from gradlab import introspect
from tests.unit import test_introspect_stream as t
torch.set_num_threads(1)
def stream(dies=None):
    introspect.stream(t.network(), t.Simulated(dies=dies), sys.argv[1], shard_rows=t.SHARD, progress=False)
for dies in map(int, sys.argv[2:]):
    child = os.fork()
    if child == 0:
        stream(dies)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    try:
        introspect.Store(sys.argv[1])
    except t.ModelError as error:
        assert "no finished stream" in str(error)
    else:
        raise AssertionError("a store that was killed was opened")
stream()
print(t.peak())
"""


def run_and_die(folder: Path, kills: list[int]) -> int:
    """Stream in another process, killed before those batches; return the largest memory it had, if the system tells."""
    done = subprocess.run(
        [sys.executable, "-c", DYING, str(folder), *map(str, kills)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_killed_at_three_points_and_resumed_the_rows_are_identical(tmp_path: Path) -> None:
    """``GRADLAB_STREAM_ROWS=1000000`` asks the full size of this test."""
    batches = len(Simulated())
    largest = run_and_die(tmp_path / "killed", [batches // 4 + 1, batches // 2, batches - 1])
    introspect.stream(network(), Simulated(), tmp_path / "whole", shard_rows=SHARD, progress=False)
    one, other = introspect.Store(tmp_path / "killed"), introspect.Store(tmp_path / "whole")
    assert len(one) == len(other) == ROWS and one.shards == -(-ROWS // SHARD)
    names = sorted(path.name for path in (tmp_path / "whole").iterdir())
    assert sorted(path.name for path in (tmp_path / "killed").iterdir()) == names
    for name in names:
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    print(f"{ROWS} rows, at most {largest / 1e6:.0f} MB")
    assert largest < MOST_BYTES
    before = peak()
    count = sum(len(made) for made, _ in one.features(introspect.Recipe("ce")))
    assert count == ROWS
    assert peak() - before < 200_000_000


def test_the_rows_are_those_of_the_pictures(tmp_path: Path) -> None:
    model, loader = network(), Simulated(330)
    store = introspect.stream(model, loader, tmp_path, shard_rows=64, progress=False)
    assert store.shards == 6 and len(store) == 330
    recipe = introspect.Recipe("bce", "each", "minmax")
    made = list(store.features(recipe, rows=50))
    assert max(len(rows) for rows, _ in made) == 50
    want = torch.cat([introspect.features(model, x, "bce", question="each", normalize="minmax") for x, _ in loader])
    torch.testing.assert_close(torch.cat([rows for rows, _ in made]), want)
    assert torch.equal(
        torch.cat([labels for _, labels in made if labels is not None]), torch.cat([y for _, y in loader])
    )


def test_another_layers_features_are_written_as_they_are(tmp_path: Path) -> None:
    model = Small().eval()
    x = torch.randn(10, 3, 16, 16)
    recipe = introspect.Recipe("ce", "ones", None, "conv1")
    store = introspect.stream(model, x.split(4), tmp_path, recipe=recipe, shard_rows=3, progress=False)
    got = torch.cat([rows for rows, _ in store.features()])
    torch.testing.assert_close(got, introspect.features(model, x, "ce", question="ones", normalize=None, layer="conv1"))
    assert store.read(0)[1] is None
    with pytest.raises(InputError, match="leave recipe out"):
        next(store.features(introspect.Recipe()))
    with pytest.raises(InputError, match="of your own"):
        introspect.stream(model, [x], tmp_path / "b", recipe=introspect.Recipe(lambda z, y: z.sum()), progress=False)


def test_what_is_there_is_not_computed_again(tmp_path: Path) -> None:
    model = network()
    introspect.stream(model, Simulated(330), tmp_path, shard_rows=64, progress=False)
    asked = []
    model.register_forward_hook(lambda *_: asked.append(1))
    introspect.last_layer(model, next(iter(Simulated(330)))[0])  # what is found out about a network once
    asked.clear()
    introspect.stream(model, Simulated(330), tmp_path, shard_rows=64, progress=False)
    assert asked == []
    (tmp_path / "000004.safetensors").unlink()  # rows 256 to 319: of the third batch and the fourth
    (tmp_path / "000005.safetensors").unlink()
    introspect.stream(model, Simulated(330), tmp_path, shard_rows=64, progress=False)
    assert len(asked) == 2


def test_other_settings_and_other_pictures_are_refused(tmp_path: Path) -> None:
    model = network()
    introspect.stream(model, Simulated(330), tmp_path, shard_rows=50, progress=False)
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ModelError, match="another shard_rows"):
        introspect.stream(model, Simulated(330), tmp_path, shard_rows=51, progress=False)
    with pytest.raises(ModelError, match="another recipe"):
        introspect.stream(model, Simulated(330), tmp_path, recipe=introspect.Recipe(), shard_rows=50, progress=False)
    with pytest.raises(InputError, match="other pictures"):
        introspect.stream(model, Simulated(330, seed=1), tmp_path, shard_rows=50, progress=False)
    with pytest.raises(InputError, match="more pictures than the loader gave"):
        introspect.stream(model, Simulated(100), tmp_path, shard_rows=50, progress=False)
    with pytest.raises(InputError, match="other pictures"):
        introspect.stream(model, Simulated(400), tmp_path, shard_rows=50, progress=False)
    with torch.no_grad():
        model.fc.bias[0] += 1e-6
    with pytest.raises(ModelError, match="another network"):
        introspect.stream(model, Simulated(330), tmp_path, shard_rows=50, progress=False)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == written


def test_a_damaged_shard_is_named(tmp_path: Path) -> None:
    model = network()
    store = introspect.stream(model, Simulated(330), tmp_path, shard_rows=64, progress=False)
    (tmp_path / "000002.safetensors").write_bytes(b"damaged")
    with pytest.raises(ModelError, match=r"000002\.safetensors cannot be read"):
        store.read(2)
    with pytest.raises(ModelError, match=r"000002\.safetensors cannot be read"):
        introspect.stream(model, Simulated(330), tmp_path, shard_rows=64, progress=False)


class Endless(IterableDataset[tuple[Tensor, Tensor]]):
    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for x, y in Simulated(200):
            yield from zip(x, y, strict=True)


def test_loaders_of_every_kind(tmp_path: Path) -> None:
    model = network()
    x, y = (torch.cat(part) for part in zip(*Simulated(200), strict=True))
    pairs = TensorDataset(x, y)
    with pytest.raises(InputError, match="shuffle=False"):
        introspect.stream(model, DataLoader(pairs, 50, shuffle=True), tmp_path, progress=False)
    assert len(introspect.stream(model, DataLoader(pairs, 50), tmp_path / "a", progress=False)) == 200
    assert len(introspect.stream(model, DataLoader(Endless(), 50), tmp_path / "b", progress=False)) == 200
    for bad in (["text"], [(x, y, y)], [(x, y[:5])], [{"x": x}]):
        with pytest.raises(InputError, match="loader must give"):
            introspect.stream(model, bad, tmp_path / "c", progress=False)
    with pytest.raises(InputError, match="gave no pictures"):
        introspect.stream(model, [], tmp_path / "d", progress=False)
    with pytest.raises(InputError, match="shard_rows"):
        introspect.stream(model, [x], tmp_path / "e", shard_rows=0, progress=False)


def test_a_bar_shows_how_far_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    introspect.stream(network(), Simulated(200), tmp_path)
    assert "2/2" in capsys.readouterr().err
