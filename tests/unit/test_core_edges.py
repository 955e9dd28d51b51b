"""The core's edges: what is dropped, what is counted, and a way back that is cut short."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gradlab import evaluate, explain, information, introspect
from gradlab.core import InputError, ModelError, run
from gradlab.core.interrupts import and_back
from gradlab.core.progress import counted
from tests.conftest import Small

X = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))


class Dropping(nn.Module):
    """Eight ones in each of six channels, some dropped: the classes' logits are the channels' sums."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way, self.scale = way, nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        ones = self.scale * x.new_ones(len(x), 6, 8)
        if self.way == "dropout1d":
            return F.dropout1d(ones, 0.5, self.training).sum(2)
        if self.way == "train=":
            return torch.dropout(ones, p=0.5, train=self.training).sum(2)
        return torch.feature_dropout(ones, p=0.5, train=self.training).sum(2)


@pytest.mark.parametrize(("way", "whole"), [("dropout1d", True), ("feature_dropout", True), ("train=", False)])
def test_channels_are_dropped_whole_and_units_one_by_one(way: str, whole: bool) -> None:
    p = evaluate.active.dropout_passes(Dropping(way).eval(), X, passes=20, seed=0)
    sums = p.log() - p.log().amin(-1, keepdim=True)  # up to one number for each picture and pass
    assert bool(((sums < 1e-3) | ((sums - 16).abs() < 1e-3)).all()) == whole
    assert float(sums.max()) > 1


def test_a_way_back_that_is_cut_short_is_gone_once_more() -> None:
    state, calls = ["changed"], []

    def put_back() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise KeyboardInterrupt
        state[0] = "as before"

    with pytest.raises(KeyboardInterrupt):
        and_back(lambda: None, put_back)
    assert state == ["as before"]


def test_a_bar_knows_how_much_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(counted(iter([1, 2, 3]), 3, True, "things")) == [1, 2, 3]
    assert "3/3" in capsys.readouterr().err


def closed_over(model: Small) -> Small:
    """A model that no stand-in can replace: its forward is a closure over it."""
    inner = model.forward
    model.forward = lambda x: inner(x)  # type: ignore[method-assign]
    return model


def test_a_borrowed_model_may_have_an_empty_buffer_and_one_of_inference_mode() -> None:
    model = Small().eval()
    want = explain.grad_cam(model, X, 1)
    model.register_buffer("mask", None)
    with torch.inference_mode():
        model.register_buffer("scale", torch.ones(1))
    torch.testing.assert_close(explain.grad_cam(closed_over(model), X, 1), want)


def test_cotangents_of_another_shape_are_refused() -> None:
    kept = run(Small().eval(), X)
    with pytest.raises(InputError, match="cotangents"):
        next(kept.pull_back_many(torch.ones(3, 2, kept.logits.shape[1] + 1)))


@pytest.mark.parametrize(
    "ask", [explain.contrast_cam, explain.all_contrasts, introspect.features, information.fisher, evaluate.ood.odin]
)
def test_probabilities_are_refused_where_a_softmax_would_be_taken_once_more(ask: Any) -> None:
    with pytest.raises(ModelError, match="returns probabilities: each row sums to 1"):
        ask(nn.Sequential(Small(), nn.Softmax(1)).eval(), X, *([1] if ask is explain.contrast_cam else []))


def test_logits_that_sum_to_two_are_no_probabilities() -> None:
    class Two(Small):
        def forward(self, x: Tensor) -> Tensor:
            return 2 * super().forward(x).softmax(1)

    assert explain.all_contrasts(Two().eval(), X).isfinite().all()


def test_a_double_networks_alphas_without_a_closed_form_are_double() -> None:
    class Squared(Small):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x).square()

    model = Squared().double().eval()
    maps = explain.class_maps(model, X.double())
    for c in range(maps.maps.shape[1]):
        torch.testing.assert_close(maps.maps[:, c], explain.grad_cam(model, X.double(), c)[:, 0])
    assert maps.maps.dtype == torch.double and not maps.exact
