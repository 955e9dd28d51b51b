"""Calibration errors beside torchmetrics' and scikit-learn's.

torchmetrics puts an edge into the bin above it (Guo et al. 2017 and we: below) and gives a confidence of exactly 1 a
bin of its own. On confidences that are no edges the two definitions are the same. Its bins are of equal width only.
"""

from __future__ import annotations

import pytest
import torch
from sklearn.metrics import brier_score_loss, log_loss
from torch import Tensor
from torchmetrics.functional.classification import multiclass_calibration_error

from gradlab import evaluate


@pytest.fixture(params=[30, 3000])
def judged(request: pytest.FixtureRequest) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    z = 3 * torch.randn(request.param, 7, generator=generator)
    return z, torch.multinomial((z / 2).softmax(1), 1, generator=generator)[:, 0]


@pytest.mark.parametrize(("norm", "theirs"), [("mean", "l1"), ("max", "max")])
@pytest.mark.parametrize("bins", [1, 10, 15, 40])
def test_torchmetrics(judged: tuple[Tensor, Tensor], bins: int, norm: str, theirs: str) -> None:
    z, y = judged
    p = z.double().softmax(1)
    ours = evaluate.calibration_error(p, y, bins, norm=norm)  # type: ignore[arg-type]
    want = multiclass_calibration_error(p, y, num_classes=7, n_bins=bins, norm=theirs)  # type: ignore[arg-type]
    assert ours == pytest.approx(float(want), abs=1e-6) and ours > 0


def test_where_torchmetrics_differs() -> None:
    """Confidences 0.9 (wrong) and exactly 1 (right) share Guo's last bin of ten: |0.95 - 0.5|."""
    p = torch.tensor([[0.91, 0.09], [1.0, 0.0]], dtype=torch.float64)
    y = torch.tensor([1, 0])
    assert evaluate.calibration_error(p, y, 10) == pytest.approx(0.955 - 0.5)
    theirs = float(multiclass_calibration_error(p, y, num_classes=2, n_bins=10))
    assert theirs == pytest.approx(0.91 / 2, abs=1e-6), "each in a bin of its own; here the mean is the same"
    worst = float(multiclass_calibration_error(p, y, num_classes=2, n_bins=10, norm="max"))
    assert worst == pytest.approx(0.91, abs=1e-6)
    assert evaluate.calibration_error(p, y, 10, norm="max") == pytest.approx(0.455)


def test_scikit_learn(judged: tuple[Tensor, Tensor]) -> None:
    z, y = judged
    p = z.double().softmax(1)
    assert evaluate.nll(z, y) == pytest.approx(log_loss(y, p, labels=range(7)), rel=1e-6)
    right = torch.nn.functional.one_hot(y, 7)
    # of each class against the rest, summed: the two-class score counts one of the two
    want = sum(brier_score_loss(right[:, c], p[:, c]) for c in range(7))
    assert evaluate.brier(p, y) == pytest.approx(want, rel=1e-9)
