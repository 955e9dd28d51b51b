"""captum agrees where its module hooks see every ReLU, and is wrong elsewhere; we equal the definition in both."""

from __future__ import annotations

import warnings

import pytest
import torch
from captum.attr import Deconvolution, GuidedBackprop, Saliency
from torch import Tensor, nn

from gradlab import explain
from tests.reference import gradients as slow
from tests.reference import narrow

PEERS = {"deconvnet": Deconvolution, "guided_backprop": GuidedBackprop}


def captum(kind: str, model: nn.Module, x: Tensor, target: int) -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if kind == "gradient":
            return Saliency(model).attribute(x.clone().requires_grad_(), target, abs=False)
        return PEERS[kind](model).attribute(x.clone().requires_grad_(), target).detach()


@pytest.mark.parametrize("name", ["vgg", "resnet18", "squeezenet1_1"])
@pytest.mark.parametrize("kind", ["gradient", "deconvnet", "guided_backprop"])
def test_equal_where_every_relu_is_a_module(kind: str, name: str) -> None:
    model = narrow.network(name).eval()
    for part in model.modules():
        if isinstance(part, nn.ReLU):
            part.inplace = False  # captum's hooks need it
    x = torch.randn(1, 3, 64, 64)
    got, want = getattr(explain, kind)(model, x, 3), captum(kind, model, x, 3)
    assert float((got - want).abs().max()) <= 1e-5 * float(want.abs().max())


@pytest.mark.parametrize(
    ("style", "network"), [("functional", slow.Plain), ("module", slow.Skip), ("relu6", slow.Plain)]
)
@pytest.mark.parametrize("kind", ["deconvnet", "guided_backprop"])
def test_captum_misses_functional_relus_skips_and_relu6(kind: str, style: str, network: type[slow.Plain]) -> None:
    torch.manual_seed(0)
    model, x = network(style).eval(), torch.randn(1, 3, 7, 7)
    want = slow.slope(model, kind, x, 1)
    assert torch.allclose(getattr(explain, kind)(model, x, 1), want, rtol=1e-5, atol=1e-7)
    assert float((captum(kind, model, x, 1) - want).abs().max()) > 0.01 * float(want.abs().max())


@pytest.mark.parametrize("name", ["densenet121", "googlenet"])
def test_networks_with_functional_relus(name: str) -> None:
    """With every functional ReLU made a module by hand, captum agrees with us on the network as shipped."""
    model = narrow.network(name).eval()
    x = torch.randn(1, 3, 64, 64)
    got = explain.guided_backprop(model, x, 3)
    want = _with_spelled_relus(model, x, 3)
    assert float((got - want).abs().max()) <= 1e-5 * float(want.abs().max())
    assert float((captum("guided_backprop", model, x, 3) - want).abs().max()) > 0.01 * float(want.abs().max())


class Guided(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.clamp_min(0)

    @staticmethod
    def backward(ctx, arriving: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return torch.where((x > 0) & (arriving > 0), arriving, 0)


def _with_spelled_relus(model: nn.Module, x: Tensor, target: int) -> Tensor:
    """Return guided backpropagation with F.relu itself replaced, for this one process-wide moment."""
    kept = torch.nn.functional.relu
    torch.nn.functional.relu = lambda t, inplace=False: Guided.apply(t.clone())
    try:
        x = x.clone().requires_grad_()
        return torch.autograd.grad(model(x)[:, target].sum(), x)[0]
    finally:
        torch.nn.functional.relu = kept
