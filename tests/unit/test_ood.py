"""Scores of being in-distribution by their definitions, figures by hand and beside scikit-learn, and the state kept."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve
from torch import Tensor, nn

from gradlab.core import InputError, LayerError, ModelError
from gradlab.evaluate import batches, ood
from gradlab.introspect import IntrospectiveNetwork, features
from tests.conftest import ConvScored, Small
from tests.contract.test_state import unchanged

FIGURES = {
    "auroc": ood.auroc,
    "aupr": ood.aupr,
    "fpr_at_95_tpr": ood.fpr_at_95_tpr,
    "detection_error": ood.detection_error,
}


@pytest.fixture
def model() -> nn.Module:
    return Small().double().eval()


@pytest.fixture
def x() -> Tensor:
    return torch.randn(5, 3, 12, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


@pytest.fixture
def reflecting(model: nn.Module, x: Tensor) -> IntrospectiveNetwork:
    return IntrospectiveNetwork(model, hidden=(8,)).fit(x, [0, 1, 2, 3, 4], epochs=2, progress=False)


# --- scores --------------------------------------------------------------------------------------------------------


def test_scores_of_logits(model: nn.Module, x: Tensor) -> None:
    z = model(x).detach().numpy()
    for t in (1.0, 7.0):
        e = np.exp(z / t)
        np.testing.assert_allclose(ood.msp(model, x, t), e.max(1) / e.sum(1), rtol=1e-12)
        np.testing.assert_allclose(ood.energy(model, x, t), t * np.log(e.sum(1)), rtol=1e-12)
    np.testing.assert_allclose(ood.max_logit(model, x), z.max(1), rtol=1e-12)


def slow_odin(network: Callable[[Tensor], Tensor], picture: Tensor, temperature: float, step: Tensor) -> float:
    """x~ = x - eps sign(-d/dx log S_y(x; T)) of one picture, spelled as the paper does."""
    picture = picture.clone().requires_grad_()
    z = network(picture[None])[0] / temperature
    (slope,) = torch.autograd.grad(-torch.log(torch.exp(z[z.argmax()]) / torch.exp(z).sum()), picture)
    with torch.no_grad():
        z = network((picture - step * slope.sign())[None])[0] / temperature
    return float((torch.exp(z) / torch.exp(z).sum()).max())


@pytest.mark.parametrize("eps", [0.0, 0.01, (0.01, 0.0, 0.02)])
@pytest.mark.parametrize("temperature", [1.0, 100.0])
def test_odin(model: nn.Module, x: Tensor, temperature: float, eps: Any) -> None:
    step = torch.as_tensor(eps, dtype=x.dtype).view(-1, 1, 1)
    want = [slow_odin(model, picture, temperature, step) for picture in x]
    np.testing.assert_allclose(ood.odin(model, x, temperature, eps=eps), want, rtol=1e-10)


def test_odin_raises_the_networks_own_answer(model: nn.Module, x: Tensor) -> None:
    torch.testing.assert_close(ood.odin(model, x, 10, eps=0), ood.msp(model, x, 10))
    assert bool((ood.odin(model, x, 10, eps=1e-4) > ood.msp(model, x, 10)).all())


def test_through_the_introspective_network(reflecting: IntrospectiveNetwork, x: Tensor) -> None:
    want = [slow_odin(reflecting, picture, 10.0, torch.tensor(0.01)) for picture in x]
    np.testing.assert_allclose(ood.odin(reflecting, x, 10.0, eps=0.01), want, rtol=1e-9)
    assert not torch.allclose(ood.odin(reflecting, x, 10.0, eps=0.01), ood.odin(reflecting, x, 10.0, eps=0), rtol=1e-7)
    torch.testing.assert_close(ood.msp(reflecting, x), reflecting.predict_proba(x).amax(1))


@pytest.mark.parametrize("score", [ood.odin, ood.msp, ood.energy, ood.max_logit, ood.gradient_norm])
def test_the_introspective_network_stays_as_it_is(
    reflecting: IntrospectiveNetwork, x: Tensor, score: Callable[[nn.Module, Tensor], Tensor]
) -> None:
    reflecting.model.train()
    with unchanged(reflecting, x):
        assert not score(reflecting, x).requires_grad


@pytest.mark.parametrize("loss", ["ce", "mse", "bce"])
@pytest.mark.parametrize("order", [1, 2, math.inf])
def test_gradient_norm_is_the_length_of_the_features(model: nn.Module, x: Tensor, loss: Any, order: float) -> None:
    made = features(model, x, loss, question="ones", normalize=None)
    got = ood.gradient_norm(model, x, loss, order=order)
    torch.testing.assert_close(got, torch.linalg.vector_norm(made, order, dim=1))
    torch.testing.assert_close(ood.gradient_norm(model, x, loss, layer="fc", order=order), got)


def test_gradient_norm_of_a_convolution(x: Tensor) -> None:
    model = ConvScored().double().eval()
    want = features(model, x, "ce", question="ones", normalize=None, layer="score.1").abs().sum(1)
    torch.testing.assert_close(ood.gradient_norm(model, x, layer="score.1"), want)
    torch.testing.assert_close(ood.gradient_norm(model, x), want)
    with pytest.raises(LayerError, match="closed form"):
        ood.gradient_norm(nn.Sequential(model, nn.Tanh()), x)


def test_more_pictures_than_run_together(model: nn.Module, monkeypatch: pytest.MonkeyPatch, x: Tensor) -> None:
    want = [score(model, x) for score in (ood.msp, ood.odin, ood.gradient_norm)]
    monkeypatch.setattr(batches, "BATCH", 2)
    for whole, score in zip(want, (ood.msp, ood.odin, ood.gradient_norm), strict=True):
        torch.testing.assert_close(score(model, x), whole)


class Blind(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.ones(len(x), 3, dtype=x.dtype)


BAD_SCORES: dict[str, tuple[Callable[[nn.Module, Tensor], Any], type[Exception], str]] = {
    "temperature 0": (lambda m, x: ood.msp(m, x, 0), InputError, "temperature is 0"),
    "temperature NaN": (lambda m, x: ood.odin(m, x, math.nan), InputError, "temperature is nan"),
    "temperature inf": (lambda m, x: ood.energy(m, x, math.inf), InputError, "temperature is inf"),
    "step below 0": (lambda m, x: ood.odin(m, x, eps=-1), InputError, "eps is -1"),
    "step NaN": (lambda m, x: ood.odin(m, x, eps=math.nan), InputError, "eps is nan"),
    "steps of two channels": (lambda m, x: ood.odin(m, x, eps=(0.1, 0.1)), InputError, r"per channel \(3\)"),
    "order below 1": (lambda m, x: ood.gradient_norm(m, x, order=0.5), InputError, "order is 0.5"),
    "NaN": (lambda m, x: ood.msp(m, x * math.nan), InputError, "NaN or infinite"),
    "empty": (lambda m, x: ood.odin(m, x[:0]), InputError, "empty"),
    "no batch": (lambda m, x: ood.max_logit(m, x[0]), InputError, "no batch axis"),
    "maps": (lambda m, x: ood.msp(m.conv1, x), ModelError, "not logits"),  # type: ignore[arg-type]
    "blind": (lambda m, x: ood.odin(Blind(), x), InputError, "does not depend on the picture"),
}


@pytest.mark.parametrize("name", BAD_SCORES)
def test_bad_scores(model: nn.Module, x: Tensor, name: str) -> None:
    ask, error, message = BAD_SCORES[name]
    with unchanged(model, x), pytest.raises(error, match=message):
        ask(model, x)


# --- figures -------------------------------------------------------------------------------------------------------


def test_by_hand() -> None:
    inside, outside = [4.0, 3.0, 3.0, 1.0], [3.0, 0.0, 0.0, 2.0]
    # of 16 pairs: 4 beats 4; each 3 beats 3 and ties 1; 1 beats 2
    assert ood.auroc(inside, outside) == pytest.approx((4 + 2 * 3.5 + 2) / 16)
    # all four pass at 1 or more, and so do 3 and 2 of the others
    assert ood.fpr_at_95_tpr(inside, outside) == 0.5
    # t = 3: 3 of 4 pass, 1 of 4 wrongly
    assert ood.detection_error(inside, outside) == pytest.approx(0.125 + 0.125)
    # recall gains at 4, 3, 1: precision 1, 3/4, 4/6
    assert ood.aupr(inside, outside) == pytest.approx(0.25 * 1 + 0.5 * 3 / 4 + 0.25 * 4 / 6)


def test_the_ends() -> None:
    apart = ([2.0, 3.0], [0.0, 1.0])
    assert [f(*apart) for f in FIGURES.values()] == [1, 1, 0, 0]
    backwards = (apart[1], apart[0])
    assert [f(*backwards) for f in FIGURES.values()] == [0, pytest.approx((1 / 3 + 2 / 4) / 2), 1, 0.5]
    same = ([1.0] * 3, [1.0] * 5)
    assert [f(*same) for f in FIGURES.values()] == [0.5, pytest.approx(3 / 8), 1, 0.5]


def test_ninety_five_percent_is_not_rounded() -> None:
    """Of 20 scores 19 have to pass, of 21 twenty: at least 95 %."""
    for n, passing in ((1, 1), (19, 19), (20, 19), (21, 20), (40, 38), (100, 95), (101, 96)):
        inside = torch.arange(n).double()
        outside = inside + 0.5  # just above each: as many pass as inside ones do
        assert ood.fpr_at_95_tpr(inside, outside) == pytest.approx(passing / n), n


def test_the_curve() -> None:
    curve = ood.roc(torch.tensor([1.0, 2.0]), np.array([2, 0]))
    assert curve.thresholds.tolist() == [math.inf, 2, 1, 0]
    assert curve.tpr.tolist() == [0, 0.5, 1, 1] and curve.fpr.tolist() == [0, 0.5, 0.5, 1]


scores = some.lists(some.integers(-8, 8).map(float) | some.floats(-3, 3, width=32), min_size=1, max_size=40)


@given(scores, scores)
@settings(deadline=None, max_examples=60)
def test_scikit_learn(inside: list[float], outside: list[float]) -> None:
    y, s = [1] * len(inside) + [0] * len(outside), np.array(inside + outside)
    assert ood.auroc(inside, outside) == pytest.approx(roc_auc_score(y, s), abs=1e-9)
    assert ood.aupr(inside, outside) == pytest.approx(average_precision_score(y, s), abs=1e-9)
    out = average_precision_score([1 - v for v in y], -s)
    assert ood.aupr(inside, outside, "out") == pytest.approx(out, abs=1e-9)
    fpr, tpr, _ = roc_curve(y, s, drop_intermediate=False)
    assert ood.fpr_at_95_tpr(inside, outside) == pytest.approx(fpr[tpr >= 0.95 - 1e-12].min(), abs=1e-9)
    assert ood.detection_error(inside, outside) == pytest.approx((0.5 * (1 - tpr) + 0.5 * fpr).min(), abs=1e-9)


@given(scores, scores, some.sampled_from([lambda s: 3 * s - 7, np.arctan, np.exp, lambda s: s**3 + s]))
@settings(deadline=None, max_examples=60)
def test_only_the_order_matters(inside: list[float], outside: list[float], up: Callable[[Any], Any]) -> None:
    """A rising function of all scores changes no figure, unless it rounds two scores to one."""
    both = np.array(inside + outside)
    moved = up(both)
    if len(np.unique(moved)) < len(np.unique(both)):
        return
    for name, figure in FIGURES.items():
        again = figure(moved[: len(inside)], moved[len(inside) :])
        assert figure(inside, outside) == pytest.approx(again, abs=1e-12), name


@given(scores, scores)
@settings(deadline=None, max_examples=30)
def test_the_other_way_round(inside: list[float], outside: list[float]) -> None:
    assert ood.auroc(inside, outside) + ood.auroc(outside, inside) == pytest.approx(1)
    assert 0 <= ood.detection_error(inside, outside) <= 0.5
    assert ood.detection_error(inside, outside) <= 0.025 + ood.fpr_at_95_tpr(inside, outside) / 2 + 1e-12


BAD_FIGURES: dict[str, tuple[Any, Any, str]] = {
    "empty": ([], [1.0], "in_scores holds no scores"),
    "empty tensor": ([1.0], torch.empty(0), "out_scores holds no scores"),
    "NaN": ([1.0, math.nan], [1.0], "in_scores holds 1 NaN or infinite values out of 2"),
    "infinite": ([1.0], torch.tensor([math.inf, 0.0]), "out_scores holds 1 NaN or infinite"),
    "words": (["high"], [1.0], "in_scores is .*: expected numbers"),
}


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("name", BAD_FIGURES)
def test_bad_figures(name: str, figure: str) -> None:
    inside, outside, message = BAD_FIGURES[name]
    with pytest.raises(InputError, match=message):
        FIGURES[figure](inside, outside)


def test_bad_positive() -> None:
    with pytest.raises(InputError, match="positive is 'id'"):
        ood.aupr([1.0], [0.0], "id")  # type: ignore[arg-type]


def test_read_only_arrays_are_read() -> None:
    scores = np.arange(4.0)
    scores.flags.writeable = False
    assert ood.auroc(scores + 9, scores) == 1.0
    assert ood.auroc(scores, scores) == 0.5


@pytest.mark.parametrize("figure", ["auroc", "aupr", "fpr_at_95_tpr", "detection_error"])
def test_logits_are_not_read_as_scores(figure: str) -> None:
    with pytest.raises(InputError, match=r"in_scores has shape \(30, 10\): expected one score per picture"):
        getattr(ood, figure)(torch.randn(30, 10), torch.randn(20))
    with pytest.raises(InputError, match=r"out_scores has shape \(20, 1\)"):
        getattr(ood, figure)(torch.randn(30), torch.randn(20, 1))
