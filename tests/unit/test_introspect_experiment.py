"""The experiment on introspection: a small one from end to end, and the committed tables, whole and up to date."""

from __future__ import annotations

import dataclasses
import io
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from data_scripts import cifar, introspect_experiment, introspect_worlds, model_cards
from data_scripts.introspect_experiment import CSV, PAGE, Config, arms, measured
from data_scripts.introspect_page import page, signed, verdict
from data_scripts.introspect_rows import CONTROLS, TEMPERATURE, VALIDATION, Arm, F, Row, Table, read, shifted, write
from gradlab.core import InputError
from gradlab.data import CHALLENGES, CORRUPTIONS
from gradlab.introspect import IntrospectiveNetwork

CONTROL, EQUAL = (Arm(name, "", "l2", "yes") for name in CONTROLS)
FEATURES = Arm("features", "mse", "l2", "yes")
TINY = Config(seeds=2, steps=20, pictures=40, levels=(5,), arms=[CONTROL, EQUAL, FEATURES])
CHANGES = {"digits": CHALLENGES, "signs": CHALLENGES, "cifar10": CORRUPTIONS}


def test_a_small_one_repeats_and_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world, state = introspect_worlds.digits(), torch.get_rng_state()
    whole = measured("digits", world, TINY, tmp_path / "whole", quiet=True)
    assert torch.equal(state, torch.get_rng_state())
    assert len(whole) == (2 + 3 * 2) * (1 + 1 + 12)
    assert {row.n for row in whole} == {40, 200}  # test, validation
    weights = {arm: {row.weights for row in whole if row.arm == arm} for arm in (CONTROL, EQUAL, FEATURES)}
    (few,), (matched,), (many,) = weights.values()
    assert few < 0.5 * many and matched == pytest.approx(many, rel=0.02)

    class Interrupted(Exception):
        pass

    fitted = []
    fit = IntrospectiveNetwork.fit

    def some_fits(self: IntrospectiveNetwork, *args: object, **options: object) -> IntrospectiveNetwork:
        if len(fitted) == 4:
            raise Interrupted
        fitted.append(options["seed"])
        return fit(self, *args, **options)

    monkeypatch.setattr(IntrospectiveNetwork, "fit", some_fits)
    with pytest.raises(Interrupted):
        measured("digits", world, TINY, tmp_path / "parts", quiet=True)
    fitted[:] = [None]  # three more are allowed; two are left
    assert measured("digits", world, TINY, tmp_path / "parts", quiet=True) == whole
    assert fitted == [None, 1, 1]
    other = dataclasses.replace(TINY, pictures=30, seeds=1, arms=[FEATURES])
    assert {row.n for row in measured("digits", world, other, tmp_path / "whole", quiet=True)} == {30, 200}


def test_the_committed_table_is_whole() -> None:
    rows = read(CSV)
    worlds = {row.world for row in rows}
    assert {"digits", "signs"} <= worlds <= set(CHANGES)
    assert Config().seeds >= 5
    for world in worlds:
        sets = [(VALIDATION, 0), ("none", 0), *product(CHANGES[world], Config().levels)]
        runs = [(F, 0), (TEMPERATURE, 0), *product(arms(), range(Config().seeds))]
        found = [(row.arm, row.seed, row.challenge, row.level) for row in rows if row.world == world]
        assert sorted(found, key=repr) == sorted(((*run, *each) for run, each in product(runs, sets)), key=repr)
    assert all(row.n >= 200 and 0 <= row.ece <= 1 and 0 < row.accuracy <= 1 for row in rows)


def test_the_page_is_the_tables() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(read(CSV), model_cards.read())


@pytest.mark.parametrize("name", ["digits", "signs"])
def test_f_is_the_network_that_ships(name: str) -> None:
    world = getattr(introspect_worlds, name)()
    pictures, labels = (each[: Config().pictures] for each in world.pictures("test"))
    written = {(row.challenge, row.level): row for row in read(CSV) if row.world == name and row.arm == F}
    for challenge, level in (("none", 0), ("noise", 3)):
        seen = pictures if level == 0 else world.under(pictures, challenge, level)
        found = model_cards.row(name, challenge, level, "all", model_cards.logits_of(world.net, seen), labels)
        row = written[challenge, level]
        assert (row.n, row.accuracy) == (found.n, pytest.approx(found.accuracy, abs=3e-3))
        assert row.ece == pytest.approx(found.ece, abs=5e-3)


def test_rows_survive_a_file(tmp_path: Path) -> None:
    rows = [Row(**dataclasses.asdict(FEATURES), world="digits", seed=3, level=2, challenge="lens blur", nll=0.25)]
    write(rows, tmp_path / "rows.csv")
    assert read(tmp_path / "rows.csv") == rows
    assert (tmp_path / "rows.csv").read_text().startswith("world,arm,loss,normalize,standardize,seed,")


def test_the_choice_looks_at_validation_alone_and_differences_are_paired() -> None:
    def rows(arm: Arm, nll: float, accuracy: list[float]) -> list[Row]:
        head = Row(**dataclasses.asdict(arm), world="w")
        found = []
        for seed, right in enumerate(accuracy):
            found.append(dataclasses.replace(head, seed=seed, challenge=VALIDATION, nll=nll))
            found.append(dataclasses.replace(head, seed=seed, challenge="noise", level=1, accuracy=right, nll=9 - nll))
        return found

    good = dataclasses.replace(FEATURES, loss="bce")
    made = rows(F, 0.2, [0.5]) + rows(FEATURES, 0.3, [0.9, 0.9, 0.9]) + rows(good, 0.1, [0.51, 0.52, 0.53])
    each = Table(made + rows(EQUAL, 0.1, [0.50, 0.51, 0.52]), "w")
    assert each.chosen("features") == good
    assert each.control_of(good) == EQUAL
    apart = each.differences(good, F, "accuracy", shifted)
    assert apart == pytest.approx([0.01, 0.02, 0.03])
    # 4.303 is the 97.5 % point of Student's t with 2 degrees of freedom: 4.303 * 0.01 / sqrt(3) = 0.0248
    assert signed(apart) == "+2.0 ± 2.5"
    assert signed([0.01, 0.02, 0.01, 0.02]) == "**+1.5 ± 0.9**"
    assert each.differences(good, EQUAL, "accuracy", shifted) == pytest.approx([0.01] * 3)
    told = verdict(each, "accuracy", {"f": lambda _: F, "control": each.control_of})
    assert told == "1 better and 0 worse than f; 2 better and 0 worse than control; 1 better than both"
    assert verdict(each, "ece", {"f": lambda _: F}).startswith("0 better and 0 worse than f")


def test_parts_of_cifar_hold_all_classes_though_the_file_is_sorted(tmp_path: Path) -> None:
    files = []
    for shade in range(0, 240, 12):
        out = io.BytesIO()
        Image.new("RGB", (32, 32), (shade, shade, shade)).save(out, "JPEG")
        files.append(np.frombuffer(out.getvalue(), np.uint8))
    np.savez(
        tmp_path / "cifar10_jpeg_train.npz",
        jpeg_bytes=np.concatenate(files),
        offsets=np.cumsum([0, *map(len, files)]),
        labels=np.repeat([0, 1], 10),
        classes=np.array(["dark", "bright"]),
    )
    found = cifar.cifar(tmp_path, "train")
    assert set(found.labels[:8].tolist()) == set(found.labels[-8:].tolist()) == {0, 1}
    brightness = found.pictures.float().mean((1, 2, 3))  # each picture has kept its own label
    assert float(brightness[found.labels == 0].max()) < float(brightness[found.labels == 1].min())


def test_cifar_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no file .*cifar10_jpeg_train.npz"):
        introspect_experiment.main(["--only", "cifar10", "--cifar", str(tmp_path), "--cache", str(tmp_path)])


def test_pictures_are_mirrored_and_moved() -> None:
    x = torch.zeros(64, 3, 32, 32)
    x[:, :, 10, 20] = 1.0
    found = cifar.varied(x, torch.Generator().manual_seed(0))
    _, _, rows, columns = (found == 1).nonzero().unbind(1)
    assert found.shape == x.shape and len(rows) == 64 * 3
    assert {abs(int(row) - 10) <= cifar.SHIFT for row in rows} == {True} and len(set(rows.tolist())) > 4
    mirrored = {abs(int(column) - 11) <= cifar.SHIFT for column in columns}
    assert mirrored == {True, False}


def test_the_slim_network_has_the_layout_of_resnet_18() -> None:
    from torchvision.models import resnet18

    slim, whole = cifar.SlimResNet18(10), resnet18()
    layout = [part.stride for part in whole.modules() if isinstance(part, torch.nn.Conv2d)]
    own = [part.stride for part in slim.modules() if isinstance(part, torch.nn.Conv2d)]
    assert own == layout and len(slim.stages) == 4
    assert slim(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
