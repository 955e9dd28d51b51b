"""Heads of a 1 x 1 convolution and average pooling, with and without a rectifier between: all that reads them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gradlab import core, information, introspect
from gradlab.core import LastLayer, LayerError
from gradlab.evaluate import active, ood
from tests.reference import introspect as slow
from tests.reference.test_introspect import assert_equal


class ConvHead(nn.Module):
    """As SqueezeNet ends: dropout, a 1 x 1 convolution, perhaps a rectifier, average pooling."""

    def __init__(self, middle: nn.Module, bias: bool = True) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 6, 3), nn.Tanh())
        self.score = nn.Conv2d(6, 4, 1, bias=bias)
        self.rest = nn.Sequential(middle, nn.AdaptiveAvgPool2d(1), nn.Flatten())

    def forward(self, x: Tensor) -> Tensor:
        return self.rest(self.score(F.dropout(self.body(x), 0.5, self.training)))


HEADS = {
    "rectified": lambda: ConvHead(nn.ReLU(inplace=True)),
    "rectified, no bias": lambda: ConvHead(nn.ReLU(), bias=False),
    "linear": lambda: ConvHead(nn.Identity()),
}


def asked(name: str, dtype: torch.dtype = torch.float64) -> tuple[nn.Module, Tensor]:
    torch.manual_seed(0)
    model = HEADS[name]().to(dtype).eval()
    nn.init.normal_(model.score.weight)  # logits that differ, or C p - 1 would be rounding in single precision
    return model, torch.randn(5, 3, 6, 6, dtype=torch.float64).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("question", ["ones", "each"])
@pytest.mark.parametrize("loss", slow.LOSSES)
@pytest.mark.parametrize("name", HEADS)
def test_features_equal_autograd(name: str, loss: str, question: str, dtype: torch.dtype) -> None:
    model, x = asked(name, dtype)
    want = slow.features(model, x, loss, question, "score")
    assert_equal(introspect.features(model, x, loss, question=question, normalize=None), want)
    flat = want.flatten(1)
    length = introspect.features(model, x, loss, question=question)
    assert_equal(length, (flat / flat.norm(dim=1, keepdim=True)).view_as(want))
    stretched = introspect.features(model, x, loss, question=question, normalize="minmax")
    low, high = flat.amin(1, keepdim=True), flat.amax(1, keepdim=True)
    assert_equal(stretched, ((flat - low) / (high - low)).view_as(want))


@pytest.mark.parametrize("name", HEADS)
def test_all_that_the_last_layer_says(name: str) -> None:
    model, x = asked(name)
    kept = introspect.last_layer(model, x)
    assert kept.layer == "score" and kept.hidden.shape == ((5, 6) if name == "linear" else (5, 4, 6))
    g = slow.features(model, x, "ce", "each", "score")  # (N, questions, classes d)
    torch.testing.assert_close(kept.norms("ce", "each"), g.norm(dim=2))
    torch.testing.assert_close(kept.norms("mse"), slow.features(model, x, "mse", "ones", "score").norm(dim=1))
    unit = F.normalize(g, dim=2)
    torch.testing.assert_close(kept.cosines(), unit @ unit.transpose(1, 2))
    energy = g.unflatten(2, (4, 6)).square().sum(3)
    torch.testing.assert_close(kept.effective_rows(), energy.sum(2).square() / energy.square().sum(2))
    torch.testing.assert_close(kept.scores().flatten(2), -g)
    matrix = torch.einsum("nc,nck,ncl->nkl", kept.p, g, g)
    torch.testing.assert_close(kept.fisher(), matrix)
    diagonal = matrix.diagonal(dim1=1, dim2=2)
    torch.testing.assert_close(kept.diagonal().flatten(1), diagonal)
    torch.testing.assert_close(kept.trace(), diagonal.sum(1))
    torch.testing.assert_close(information.fisher(model, x, layer="score")["score.weight"].flatten(), diagonal.mean(0))
    for order in (1, 2, 3):
        made = slow.features(model, x, "mse", "ones", "score")
        torch.testing.assert_close(
            ood.gradient_norm(model, x, loss="mse", order=order), torch.linalg.vector_norm(made, order, dim=1)
        )
    assert max(information.bridge(model, x).errors().values()) < 1e-12


@pytest.mark.parametrize("name", HEADS)
def test_badge_reads_the_gradients_themselves(name: str) -> None:
    model, x = asked(name)
    kept = introspect.last_layer(model, x)
    said = kept.logits.argmax(1)
    g = slow.features(model, x, "ce", "each", "score")[torch.arange(5), said]
    dense = _badge(g, 4, 2)
    assert active.badge(kept.p, kept.hidden, 4, seed=2).tolist() == dense
    assert active.ask("badge", model, x, 4, seed=2).tolist() == dense


def _badge(g: Tensor, n: int, seed: int) -> list[int]:
    """k-means++ on whole gradients, drawn as the strategy draws."""
    generator, picked = torch.Generator().manual_seed(seed), [int(g.norm(dim=1).argmax())]
    while len(picked) < n:
        nearest = torch.stack([(g - g[i]).square().sum(1) for i in picked]).amin(0)
        nearest[picked] = 0
        ends = nearest.cumsum(0)
        at = torch.rand(1, dtype=ends.dtype, generator=generator) * ends[-1]
        picked.append(int(torch.searchsorted(ends, at, right=True)))
    return picked


@pytest.mark.parametrize("on", ["gradient", "h"])
@pytest.mark.parametrize("name", HEADS)
def test_an_introspective_network_reads_such_a_head(name: str, on: str, tmp_path: Path) -> None:
    model, x = asked(name, torch.float32)
    labels = torch.tensor([0, 1, 2, 3, 0])
    second = introspect.IntrospectiveNetwork(model, "ce", on=on, hidden=(8,)).fit(x, labels, epochs=3, progress=False)
    kept = introspect.last_layer(model, x)
    torch.testing.assert_close(second(x).softmax(1), second.predict_proba(kept))
    made = introspect.features(model, x, "ce") if on == "gradient" else F.normalize(kept.hidden.flatten(1), dim=1)
    torch.testing.assert_close(second.features(kept), made)
    # gradients reach the picture, as a difference says
    leaf = x.double().requires_grad_()
    deep = introspect.IntrospectiveNetwork(model.double(), "ce", on=on, hidden=(8,)).fit(
        leaf.detach(), labels, epochs=3, progress=False
    )
    (g,) = torch.autograd.grad(deep(leaf)[:, 1].sum(), leaf)
    step = 1e-6 * torch.randn_like(x.double())
    with torch.no_grad():
        slope = (deep(leaf + step)[:, 1].sum() - deep(leaf - step)[:, 1].sum()) / 2
    assert float((g * step).sum()) == pytest.approx(float(slope), rel=1e-4)
    if on == "gradient":
        store = introspect.stream(model.float(), [(x, labels)], tmp_path / "store", progress=False)
        torch.testing.assert_close(second.predict_proba(store), second.predict_proba(x))


@pytest.mark.parametrize("middle", [nn.Sigmoid(), nn.ReLU6(), nn.LeakyReLU(0.5), nn.Hardtanh(), nn.Softplus()])
def test_another_function_between_has_no_closed_form(middle: nn.Module) -> None:
    torch.manual_seed(0)
    model, x = ConvHead(middle).double().eval(), 9 * torch.randn(5, 3, 6, 6, dtype=torch.float64)
    with torch.no_grad():
        model.score.weight.mul_(20)  # into the range where each of them differs from a rectifier
    with pytest.raises(LayerError, match="closed form"):
        core.last_layer(model, x)


def test_hidden_of_other_classes_is_refused() -> None:
    with pytest.raises(core.InputError, match="hidden is of 3 classes, logits of 4"):
        LastLayer(torch.zeros(2, 4), torch.zeros(2, 3, 6))
