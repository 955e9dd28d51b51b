"""Sweeps from coarse to fine, their cost in memory, and what occlusion refuses."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gradlab import explain
from gradlab.core import InputError, ModelError, TargetError
from tests.conftest import Small


@pytest.fixture
def model() -> nn.Module:
    return Small().eval()


@pytest.fixture
def x() -> Tensor:
    return torch.randn(2, 3, 30, 26, generator=torch.Generator().manual_seed(2))


def test_a_sweep_goes_from_a_guess_to_the_exact_map(model: nn.Module, x: Tensor) -> None:
    want = explain.occlusion(model, x, 1, window=6, stride=3)
    found = list(explain.occlusion_sweep(model, x, 1, window=6, stride=3))
    assert found[0].first_order and not any(sweep.first_order for sweep in found[1:])
    assert found[0].done == 0 and found[-1].done == found[-1].total == 2 * 9 * 8
    assert all(a.done < b.done for a, b in pairwise(found))
    assert bool(found[0].maps().isfinite().all())
    assert torch.allclose(found[-1].maps(), want, atol=1e-6)
    errors = [float((sweep.maps() - want).abs().mean()) for sweep in found[2::2]]
    assert errors[-1] < errors[0] / 10, "finer is nearer"


def test_a_first_guess_is_exact_for_a_linear_model(x: Tensor) -> None:
    linear = nn.Sequential(nn.Flatten(), nn.Linear(3 * 30 * 26, 4)).eval()
    guess = next(iter(explain.occlusion_sweep(linear, x, 2, window=(6, 4), stride=(4, 4), baseline=0.5)))
    assert guess.first_order
    assert torch.allclose(
        guess.maps(), explain.occlusion(linear, x, 2, window=(6, 4), stride=(4, 4), baseline=0.5), atol=1e-5
    )


class Counting(Small):
    runs = 0

    def forward(self, x: Tensor) -> Tensor:
        Counting.runs += 1
        return super().forward(x)


@pytest.mark.parametrize("steps", [None, 2])
def test_what_was_found_out_about_a_network_outlives_a_sweep(x: Tensor, steps: int | None) -> None:
    model = Counting().eval()

    def runs_of_a_question() -> int:
        before = Counting.runs
        explain.all_contrasts(model, x)
        return Counting.runs - before

    first, again = runs_of_a_question(), runs_of_a_question()
    assert first > again == 1
    sweep = explain.occlusion_sweep(model, x, 1, window=6, stride=3)
    for _ in range(steps or 1000):
        next(sweep, None)
    assert runs_of_a_question() == 1, "finished, or paused and its network still in use"
    sweep.close()
    assert runs_of_a_question() == 1


def test_a_sweep_can_be_left_at_any_point(model: nn.Module, x: Tensor) -> None:
    sweep = explain.occlusion_sweep(model, x, 1, window=6, stride=3)
    next(sweep)
    kept = next(sweep)
    sweep.close()
    known = ~kept.occluded.isnan()
    assert int(known.sum()) == kept.done > 0
    before = kept.occluded.clone()
    whole = list(explain.occlusion_sweep(model, x, 1, window=6, stride=3))[-1]
    assert torch.equal(kept.occluded.nan_to_num(), before.nan_to_num()), "a later item must not write in an earlier one"
    assert torch.allclose(kept.occluded[known], whole.occluded[known], atol=1e-6)


def test_every_class_from_one_sweep(model: nn.Module, x: Tensor) -> None:
    found = list(explain.occlusion_sweep(model, x, "all", window=6, stride=3, score="probability"))
    maps = found[-1].maps()
    assert maps.shape == (2, 5, 30, 26)
    for c in range(5):
        assert torch.allclose(
            maps[:, c : c + 1], explain.occlusion(model, x, c, window=6, stride=3, score="probability"), atol=1e-6
        )
    assert float(maps.sum(1).abs().max()) < 1e-6, "probabilities sum to 1, so what one class loses the others gain"
    predicted = found[0].clean.argmax(1)
    assert bool(found[0].occluded[[0, 1], predicted].isfinite().all()), "the guess is of the predicted class"


def test_progress_is_told(model: nn.Module, x: Tensor) -> None:
    seen: list[tuple[int, int]] = []
    explain.occlusion(model, x, 1, window=6, stride=3, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (144, 144) and [done for done, _ in seen] == sorted({done for done, _ in seen})


def test_an_interrupt_of_progress_leaves_the_model_alone(model: nn.Module, x: Tensor) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    model.train()
    with pytest.raises(KeyboardInterrupt):
        explain.occlusion(model, x, 1, window=6, stride=3, progress=stop)
    assert model.training and model.bn1.training


BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"window": 0}, InputError, "window is 0"),
    ({"window": 6.5}, InputError, "window is 6.5"),
    ({"window": (6, 27)}, InputError, "window's width 27 exceeds the picture's 26"),
    ({"window": 6, "stride": 7}, InputError, "stride's height 7 exceeds the window's 6"),
    ({"stride": -1}, InputError, "stride is -1"),
    ({"baseline": torch.zeros(5)}, InputError, r"baseline has shape \(5,\)"),
    ({"baseline": torch.zeros(3, 9, 9)}, InputError, "baseline has shape"),
    ({"baseline": float("nan")}, InputError, "baseline holds NaN"),
    ({"score": "odds"}, InputError, "score is 'odds'"),
    ({"target": 77}, TargetError, "class 77 does not exist"),
    ({"target": "a cat"}, TargetError, "no labels"),
    ({"target": torch.tensor([[0, 9], [1, 1]])}, TargetError, "class 9 does not exist"),
    ({"target": torch.zeros(3, 2, dtype=torch.int64)}, TargetError, "3 pictures' classes"),
]


@pytest.mark.parametrize(("arguments", "error", "words"), BAD)
def test_bad_input(arguments: dict[str, Any], error: type[Exception], words: str, model: nn.Module, x: Tensor) -> None:
    for method in (explain.occlusion, explain.occlusion_sweep):
        with pytest.raises(error, match=words):
            method(model, x, **{"window": 6, "stride": 3, **arguments})


def test_bad_pictures(model: nn.Module, x: Tensor) -> None:
    with pytest.raises(InputError, match="no batch axis"):
        explain.occlusion(model, x[0])
    with pytest.raises(InputError, match="NaN"):
        explain.occlusion(model, x * torch.nan)
    with pytest.raises(ModelError):
        explain.occlusion(lambda z: z, x)


MEMORY = r"""
import re, torch, torchvision
from gradlab import explain
def peak():  # of this program alone; getrusage would start at its parent's
    return int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1])
torch.set_num_threads(1)
model = torchvision.models.resnet18(weights=None).eval()
x = torch.randn(1, 3, 224, 224)
with torch.no_grad():
    model(x)
before = peak()
explain.occlusion(model, x, 1, window=32, stride=16)
print((peak() - before) // 1024)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peak memory is read from Linux")
def test_a_sweep_stays_small_in_memory() -> None:
    used = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True, timeout=120)
    assert 0 < int(used.stdout) < 1000, "MB above the network itself"
