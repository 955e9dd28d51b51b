"""Scores and figures beside pytorch-ood's, whose scores are higher for outliers and whose positive class they are.

So its energy and the others have the opposite sign; to ask for our FPR at 95 % TPR, with in-distribution positive, its
labels have to be swapped, and its area under the precision-recall curve is by straight lines where ours is a sum of
steps. Its ODIN once took ``F.nll_loss`` of raw logits by default, whose slope is that of one logit alone; the paper's
and ours is the cross entropy, which version 0.4 takes too.
"""

from __future__ import annotations

import pytest
import torch
from sklearn.metrics import auc, precision_recall_curve
from torch import Tensor, nn
from torch.nn import functional as F

from gradlab.evaluate import ood
from tests.conftest import Residual, Small

pytest.importorskip("pytorch_ood")

from pytorch_ood.detector import ODIN, EnergyBased, GradNorm, MaxLogit, MaxSoftmax
from pytorch_ood.metrics import functional as theirs


@pytest.fixture
def model() -> nn.Module:
    return Small().double().eval()


@pytest.fixture
def x() -> Tensor:
    return torch.randn(6, 3, 16, 16, dtype=torch.float64)


def test_scores(model: nn.Module, x: Tensor) -> None:
    with torch.no_grad():
        torch.testing.assert_close(ood.msp(model, x), -MaxSoftmax(model).predict(x), atol=1e-6, rtol=0)
        torch.testing.assert_close(ood.max_logit(model, x), -MaxLogit(model).predict(x), atol=1e-6, rtol=0)
        torch.testing.assert_close(ood.energy(model, x, 2), -EnergyBased(model, t=2).predict(x), atol=1e-6, rtol=0)


@pytest.mark.parametrize("temperature", [1.0, 100.0, 1000.0])
def test_odin(model: nn.Module, x: Tensor, temperature: float) -> None:
    detector = ODIN(model, F.cross_entropy, eps=0.01, temperature=temperature)
    torch.testing.assert_close(ood.odin(model, x, temperature, eps=0.01), -detector.predict(x), atol=1e-6, rtol=0)
    std = (0.2, 0.3, 0.4)
    detector = ODIN(model, F.cross_entropy, eps=0.01, temperature=temperature, norm_std=list(std))
    ours = ood.odin(model, x, temperature, eps=[0.01 / s for s in std])
    torch.testing.assert_close(ours, -detector.predict(x), atol=1e-6, rtol=0)


def test_where_another_criterion_differs(model: nn.Module, x: Tensor) -> None:
    one_logit = ODIN(model, F.nll_loss, eps=0.05, temperature=1.0).predict(x)
    assert float((ood.odin(model, x, 1.0, eps=0.05) + one_logit).abs().max()) > 1e-4


def test_gradient_norm(x: Tensor) -> None:
    """Theirs pulls the mean over classes back for the whole weight; ours is two short vectors, times C."""
    model = Residual().double().eval()  # theirs maps over the samples, which a network that counts its calls forbids
    want = -GradNorm(model, param_filter=lambda name: name == "fc.weight").predict(x)
    torch.testing.assert_close(ood.gradient_norm(model, x) / 5, want, atol=1e-6, rtol=0)


@pytest.mark.parametrize("steps", [3, 1000])
def test_figures(steps: int) -> None:
    """Scores of few values, with many ties, and of many."""
    generator = torch.Generator().manual_seed(steps)
    inside, outside = torch.randn(203, generator=generator) + 1, torch.randn(57, generator=generator)
    inside, outside = ((s * steps).round().double() / steps for s in (inside, outside))
    both = torch.cat([inside, outside])
    out = torch.cat([torch.zeros(203), -torch.ones(57)])  # theirs: below 0 is an outlier
    assert ood.auroc(inside, outside) == pytest.approx(float(theirs.auroc(-both, out)), abs=1e-6)
    swapped = -1 - out
    assert ood.fpr_at_95_tpr(inside, outside) == pytest.approx(float(theirs.fpr_at_tpr(both, swapped)), abs=1e-6)
    assert ood.auroc(inside, outside) == pytest.approx(float(theirs.auroc(both, swapped)), abs=1e-6)
    precision, recall, _ = precision_recall_curve(swapped < 0, both)
    lines = float(theirs.aupr(both, swapped))
    assert lines == pytest.approx(auc(recall, precision), abs=1e-6)
    assert ood.aupr(inside, outside) != pytest.approx(lines, abs=1e-6)
    assert ood.aupr(inside, outside) == pytest.approx(lines, abs=0.05)
