"""Calibration against values worked out by hand, the bias of bins, and temperatures that are known."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gradlab import evaluate
from gradlab.core import InputError, TargetError


def two_class(confidences: list[float], right: list[int]) -> tuple[Tensor, Tensor]:
    """Class 0 is always said, with these confidences; ``right`` says where it is the label."""
    p = torch.tensor(confidences, dtype=torch.float64)
    return torch.stack([p, 1 - p], 1), 1 - torch.tensor(right)


def drawn(n: int, seed: int = 0, sharper: float = 1.0, classes: int = 4) -> tuple[Tensor, Tensor]:
    """Logits whose softmax is the truth, times ``sharper``, and labels drawn from that truth."""
    generator = torch.Generator().manual_seed(seed)
    z = 2 * torch.randn(n, classes, dtype=torch.float64, generator=generator)
    return sharper * z, torch.multinomial(z.softmax(1), 1, generator=generator)[:, 0]


def test_by_hand() -> None:
    p, y = two_class([0.6, 0.7, 0.9, 1.0], [1, 0, 1, 1])
    diagram = evaluate.reliability(p, y, bins=5)
    # (0.4, 0.6], (0.6, 0.8], (0.8, 1]: an edge belongs to the bin below it
    assert diagram.counts.tolist() == [0, 0, 1, 1, 2]
    assert diagram.bin_of.tolist() == [2, 3, 4, 4]
    np.testing.assert_allclose(diagram.confidence, [math.nan, math.nan, 0.6, 0.7, 0.95])
    np.testing.assert_allclose(diagram.accuracy, [math.nan, math.nan, 1, 0, 1])
    np.testing.assert_allclose(diagram.gaps, [math.nan, math.nan, -0.4, 0.7, -0.05])
    assert evaluate.calibration_error(p, y, bins=5) == pytest.approx((0.4 + 0.7 + 2 * 0.05) / 4)
    assert evaluate.calibration_error(p, y, bins=5, norm="max") == pytest.approx(0.7)
    assert evaluate.calibration_error(p, y, bins=1) == pytest.approx(abs(0.8 - 0.75))
    assert evaluate.brier(p, y) == pytest.approx(2 * (0.4**2 + 0.7**2 + 0.1**2) / 4)
    assert evaluate.nll(p[:3].log(), y[:3]) == pytest.approx(-(math.log(0.6) + math.log(0.3) + math.log(0.9)) / 3)


def test_bins_of_equal_count() -> None:
    p, y = two_class([0.51, 0.52, 0.53, 0.9, 0.95, 0.99], [1, 1, 0, 1, 1, 0])
    diagram = evaluate.reliability(p, y, bins=3, binning="count")
    assert diagram.counts.tolist() == [2, 2, 2]
    want = (abs(0.515 - 1) + abs(0.715 - 0.5) + abs(0.97 - 0.5)) / 3
    assert evaluate.calibration_error(p, y, bins=3, binning="count") == pytest.approx(want)
    # equal confidences stay together, whatever the order of the pictures
    tied, labels = two_class([0.8] * 5 + [0.9], [1, 1, 1, 0, 0, 1])
    order = torch.tensor([3, 5, 0, 4, 1, 2])
    errors = {evaluate.calibration_error(tied[i], labels[i], 3, binning="count") for i in (order, torch.arange(6))}
    assert len(errors) == 1 and errors.pop() == pytest.approx((5 * 0.2 + 0.1) / 6)
    assert evaluate.reliability(p[:2], y[:2], bins=7, binning="count").counts.sum() == 2, "more bins than pictures"


def test_a_perfectly_calibrated_network_has_an_error_and_the_floor_says_which() -> None:
    """The binning bias: its ECE is 0 in truth, far from it on 50 pictures, and shrinks like 1 / sqrt(n)."""
    found = {}
    for n in (50, 500, 5000):
        measured = []
        for seed in range(40):
            z, y = drawn(n, seed)
            measured.append(evaluate.calibration_error(z.softmax(1), y))
        floor = evaluate.calibration_floor(z.softmax(1), draws=100)
        found[n] = float(np.mean(measured))
        spread = float(np.std(measured)) / math.sqrt(40) + float(floor.std()) / 10
        assert abs(found[n] - float(floor.mean())) < 4 * spread
    assert found[50] > 0.08 > 0.02 > found[5000]
    assert found[50] / found[5000] == pytest.approx(10, rel=0.4)
    z, y = drawn(50)
    few, many = (evaluate.calibration_floor(z.softmax(1), bins).mean() for bins in (2, 50))
    assert float(many) > 2 * float(few), "more bins, more bias"


def test_the_floor_is_seeded_and_leaves_the_random_state_alone() -> None:
    p = drawn(100)[0].softmax(1)
    state = torch.get_rng_state()
    a, b, c = (evaluate.calibration_floor(p, draws=5, seed=s) for s in (1, 1, 2))
    assert torch.equal(state, torch.get_rng_state())
    assert torch.equal(a, b) and not torch.equal(a, c)


@pytest.mark.parametrize("sharper", [0.4, 1.0, 2.5])
def test_the_temperature_undoes_a_known_one(sharper: float) -> None:
    z, y = drawn(20000, sharper=sharper)
    found = evaluate.temperature(z, y)
    assert found == pytest.approx(sharper, rel=0.03)
    best = evaluate.nll(z, y, found)
    assert best <= min(evaluate.nll(z, y, found * by) for by in (0.99, 1.01))
    if sharper > 1:
        before, after = (evaluate.calibration_error((z / t).softmax(1), y) for t in (1, found))
        assert after < before / 5


def test_temperatures_without_an_end() -> None:
    z = torch.eye(5) * 3
    y = torch.arange(5)
    assert evaluate.temperature(z, y) < 0.1
    assert evaluate.temperature(-z, y) == pytest.approx(100, rel=0.01)


P, Y = two_class([0.6, 0.7], [1, 0])
REFUSED: dict[str, tuple[Any, ...]] = {
    "logits": (InputError, "softmax", (torch.randn(4, 3), [0, 1, 2, 0])),
    "nan": (InputError, "NaN", (P * torch.nan, Y)),
    "empty": (InputError, "not empty", (P[:0], Y[:0])),
    "one axis": (InputError, "expected a floating tensor", (P[:, 0], Y)),
    "array": (InputError, "expected a floating tensor", (P.numpy(), Y)),
    "too few": (TargetError, "expected 2 integers", (P, Y[:1])),
    "float": (TargetError, "expected 2 integers", (P, Y.double())),
    "range": (TargetError, "expected 0 to 1", (P, Y + 1)),
    "words": (TargetError, "expected 2 integers", (P, ["cat", "dog"])),
    "bins": (InputError, "bins is 0", (P, Y, 0)),
    "half a bin": (InputError, "bins is 1.5", (P, Y, 1.5)),
    "binning": (InputError, "binning is 'equal'", (P, Y, 5), {"binning": "equal"}),
    "norm": (InputError, "norm is 'l3'", (P, Y, 5), {"norm": "l3"}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_say_what_would_be_right(case: str) -> None:
    error, words, given, *options = REFUSED[case]
    with pytest.raises(error, match=words):
        evaluate.calibration_error(*given, **(options[0] if options else {}))


def test_other_refusals() -> None:
    for ask in (evaluate.brier, evaluate.reliability):
        with pytest.raises(InputError, match="softmax"):
            ask(torch.randn(2, 2), Y)
    for ask in (evaluate.nll, evaluate.temperature):
        with pytest.raises(InputError, match="NaN"):
            ask(P / 0, Y)
        with pytest.raises(TargetError, match="expected 0 to 1"):
            ask(P, Y + 1)
    with pytest.raises(InputError, match="temperature is 0"):
        evaluate.nll(P, Y, 0)
    with pytest.raises(InputError, match="draws is 0"):
        evaluate.calibration_floor(P, draws=0)
    with pytest.raises(InputError, match="softmax"):
        evaluate.calibration_floor(torch.randn(4, 3))
