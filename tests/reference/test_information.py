"""Identities to machine precision, and every fast way beside the slow one."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import Tensor, nn
from torch.nn import functional as F

import gradlab.core.per_sample as engine
from gradlab import explain, information
from gradlab.core import LayerError
from gradlab.information import bridge, families, fisher, fisher_map, last_layer, scores
from gradlab.models.small import SmallNet
from tests.conftest import NETWORKS, ConvScored, Small
from tests.reference import information as slow

BASES = st.sampled_from([2.0, math.e, 10.0, 0.5])
# whole numbers first: many zeros, and sums that can be divided by
counts = hnp.arrays(np.int64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=6), elements=st.integers(0, 50))
tables = counts.filter(lambda c: c.sum() > 0).map(lambda c: c / c.sum())


@given(tables, BASES)
def test_shannons_identities(joint: np.ndarray, base: float) -> None:
    x, y = joint.sum(1), joint.sum(0)
    hx, hy, hxy = information.entropy(x, base), information.entropy(y, base), information.joint_entropy(joint, base)
    mutual = information.mutual_information(joint, base)
    if base > 1:  # below 1 the logarithm, and every entropy, changes its sign
        assert -1e-12 <= hx <= math.log(len(x), base) + 1e-12
        assert mutual >= 0
        assert mutual == pytest.approx(hx + hy - hxy, abs=1e-12)
        assert mutual == pytest.approx(hx - information.conditional_entropy(joint, base), abs=1e-12)
        assert hxy == pytest.approx(hy + information.conditional_entropy(joint, base), abs=1e-12)
        assert mutual == pytest.approx(information.kl(joint.ravel(), np.outer(x, y).ravel(), base), abs=1e-12)
        assert mutual == pytest.approx(information.mutual_information(joint.T, base), abs=1e-12)
        assert mutual == pytest.approx(slow.mutual_information(joint.tolist(), base), abs=1e-12)
        assert hx == pytest.approx(slow.entropy(x.tolist(), base), abs=1e-12)
    surprises = np.where(x > 0, information.surprise(np.where(x > 0, x, 1), base), 0)
    if base > 1:
        assert hx == pytest.approx(float((x * surprises).sum()), abs=1e-12)


EXACT = [
    (families.bernoulli(), st.floats(0.01, 0.99), lambda t: np.arange(2.0)),
    (families.poisson(), st.floats(0.05, 20), lambda t: np.arange(150.0)),
    (
        families.categorical(),
        hnp.arrays(float, st.integers(2, 6), elements=st.floats(-4, 4)),
        lambda t: np.arange(float(len(t))),
    ),
]


@pytest.mark.parametrize(("family", "thetas", "support"), EXACT, ids=lambda v: getattr(v, "name", ""))
@given(data=st.data())
def test_families_summed_over_all_that_can_happen(family, thetas, support, data) -> None:
    """No sampling: the expectations of the three forms are the textbook's to machine precision."""
    theta = data.draw(thetas)
    x = support(theta)
    p = np.exp(family.log_likelihood(x, theta))
    assert p.sum() == pytest.approx(1, abs=1e-12)
    u, want = family.score(x, theta).reshape(len(x), -1), np.atleast_2d(family.fisher(theta))
    scale = max(1.0, float(np.abs(want).max()))
    assert np.abs(p @ u).max() <= 1e-12 * scale
    assert np.allclose(np.einsum("n,ni,nj->ij", p, u, u), want, rtol=1e-12, atol=1e-12 * scale)
    curved = np.tensordot(p, family.hessian(x, theta), 1)
    assert np.allclose(-curved, want, rtol=1e-12, atol=1e-12 * scale)


SAMPLED = [
    (families.gaussian_mean(3.0), 1.5),
    (families.gaussian_scale(1.0), 0.7),
    (families.bernoulli(), 0.2),
    (families.poisson(), 2.5),
    (families.categorical(), [1.0, 0.0, -1.0]),
]


@pytest.mark.parametrize(("family", "theta"), SAMPLED, ids=lambda v: getattr(v, "name", ""))
def test_score_and_hessian_are_derivatives(family, theta) -> None:
    x, t, step = family.sample(theta, 5, seed=1), np.asarray(theta, dtype=float), 1e-6
    for k, one in enumerate(np.eye(t.size).reshape(t.size, *t.shape)):
        up, down = t + step * one, t - step * one
        slope = (family.log_likelihood(x, up) - family.log_likelihood(x, down)) / (2 * step)
        assert np.allclose(family.score(x, t).reshape(5, -1)[:, k], slope, atol=1e-6)
        bend = (family.score(x, up) - family.score(x, down)).reshape(5, -1) / (2 * step)
        assert np.allclose(family.hessian(x, t).reshape(5, t.size, t.size)[:, k], bend, atol=1e-5)


@pytest.mark.parametrize(("family", "theta"), SAMPLED, ids=lambda v: getattr(v, "name", ""))
def test_sampled_fisher_is_off_by_one_over_the_root_of_n(family, theta) -> None:
    """Errors over seeds are as large as the standard error says, and four times smaller for 16 times the samples."""
    exact = np.asarray(family.fisher(theta))
    few, many = (
        [family.three_ways(theta, n, seed) for seed in range(60)] for n in (400, 6400)
    )  # fmt: skip
    for way in ("variance", "second_moment", "curvature"):
        error = [math.sqrt(np.mean([np.square(getattr(w, way) - exact) for w in runs])) for runs in (few, many)]
        if error[0] < 1e-12:  # the curvature of some does not depend on what was drawn
            assert error[1] < 1e-12
            continue
        assert error[0] / error[1] == pytest.approx(4, rel=0.35)
    said = math.sqrt(np.mean([np.square(w.standard_error) for w in many]))
    seen = math.sqrt(np.mean([np.square(w.second_moment - exact) for w in many]))
    assert seen == pytest.approx(said, rel=0.35)


def lively(model: nn.Module) -> nn.Module:
    """In eval mode and float64, with batch statistics that are not those of the start."""
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d):
            for values in (part.running_mean, part.weight.data, part.bias.data):
                nn.init.uniform_(values, -0.5, 1.0)
            nn.init.uniform_(part.running_var, 0.5, 1.5)
    return model.double().eval()


class Awkward(nn.Module):
    """All that a rule may trip over: groups, dilation, a layer used twice, a bare parameter, a norm of another kind."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 6, 3, stride=2, padding=1)
        self.depthwise = nn.Conv2d(6, 6, 3, padding=2, dilation=2, groups=6, bias=False)
        self.grouped = nn.Conv2d(6, 6, 1, groups=2)
        self.reflected = nn.Conv2d(6, 6, 3, padding=1, padding_mode="reflect")
        self.twice = nn.Conv2d(6, 6, 3, padding="same")
        self.norm, self.gain = nn.GroupNorm(2, 6), nn.Parameter(torch.rand(6, 1, 1))
        self.tokens, self.fc = nn.Linear(6, 5), nn.Linear(5, 4)
        self.unused = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu_(self.first(x))
        x = self.grouped(self.depthwise(x)) * self.gain
        x = self.norm(self.twice(F.silu(self.twice(self.reflected(x)))))
        return self.fc(self.tokens(x.flatten(2).transpose(1, 2)).tanh().mean(1))


class Sideways(nn.Module):
    """A linear layer that reads samples along its second axis, three of them where there are three samples."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.mix, self.fc = nn.Conv2d(3, 3, 3), nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.adaptive_avg_pool2d(self.conv(x), 2).flatten(2).transpose(0, 1)  # (channels = 3, N, 4)
        return self.fc(torch.tanh(self.mix(x)).mean(0))


MODELS = {
    **NETWORKS,
    "digits": lambda: SmallNet(3, 10, width=4, depth=1),
    "awkward": Awkward,
    "sideways": Sideways,
}


@pytest.fixture(params=list(MODELS))
def any_model(request: pytest.FixtureRequest) -> nn.Module:
    return lively(MODELS[request.param]())


def batch(n: int = 4, size: int = 16) -> Tensor:
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def check(got: dict[str, Tensor], want: dict[str, Tensor]) -> None:
    assert got.keys() == want.keys()
    for name, values in want.items():
        torch.testing.assert_close(got[name], values, rtol=1e-6, atol=1e-9 * float(values.abs().max()) + 1e-15)


def mean_of(parts: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([part[name] for part in parts]).mean(0) for name in parts[0]}


@pytest.mark.parametrize("chunk", [1, 3000, engine.CHUNK_NUMBERS])
def test_diagonals_and_traces_equal_the_slow_loop(any_model: nn.Module, chunk: int, monkeypatch) -> None:
    monkeypatch.setattr(engine, "CHUNK_NUMBERS", chunk)
    x = batch()
    p = any_model(x).softmax(1).detach()
    each = slow.diagonals(any_model, x, p)
    assert max(float(v.max()) for v in each[0].values()) > 0
    check(fisher(any_model, x), mean_of(each))
    traces = torch.stack([sum(v.sum() for v in one.values()) for one in each])
    torch.testing.assert_close(fisher(any_model, x, what="trace"), traces, rtol=1e-9, atol=0)
    labels = [0, 1, 2, 0]
    observed = slow.diagonals(any_model, x, F.one_hot(torch.tensor(labels), p.shape[1]).double())
    check(fisher(any_model, x, "empirical", labels=labels), mean_of(observed))


def test_a_layer_of_its_own_equals_its_part_of_the_whole(any_model: nn.Module) -> None:
    x = batch(3)
    whole = fisher(any_model, x)
    for name, part in any_model.named_children():
        own = {n: v for n, v in whole.items() if n.startswith(f"{name}.")}
        if own and name != "unused":
            check(fisher(any_model, x, layer=name), own)
            check(fisher(any_model, x, layer=part), own)


def test_scores_equal_the_slow_loop(any_model: nn.Module) -> None:
    x = batch(3)
    every, one = scores(any_model, x), scores(any_model, x, labels=[2, 0, 1])
    p = any_model(x).softmax(1).detach()
    for i, label in enumerate((2, 0, 1)):
        for c in range(p.shape[1]):
            check({name: v[i, c] for name, v in every.items()}, slow.score(any_model, x[i], c))
        check({name: v[i] for name, v in one.items()}, slow.score(any_model, x[i], label))
    for values in every.values():  # over the network's own labels the mean score is 0
        mean = torch.einsum("nc,nc...->n...", p, values)
        assert float(mean.abs().max()) <= 1e-12 * max(1.0, float(values.abs().max()))


def test_monte_carlo_is_unbiased_and_its_error_shrinks() -> None:
    model, x = lively(SmallNet(3, 10, width=4, depth=1)), batch(6)
    exact = fisher(model, x, what="trace")

    def error(samples: int) -> float:
        found = [fisher(model, x, "monte carlo", what="trace", samples=samples, seed=seed) for seed in range(24)]
        spread = torch.stack(found) - exact
        assert bool((spread.mean(0).abs() <= 4 * spread.std(0) / 24**0.5).all())
        return float(spread.square().mean().sqrt())

    assert error(4) / error(64) == pytest.approx(4, rel=0.35)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 6), st.floats(0.1, 1))
def test_the_last_layer_and_the_bridge(seed: int, classes: int, confidence: float) -> None:
    torch.manual_seed(seed)
    model = lively(Small(classes=classes))
    model.fc.weight.data *= confidence
    x = batch(3)
    b, closed = bridge(model, x), last_layer(model, x)
    assert float(b.p.amax()) < 0.999, "p - 1 of a sure network loses as many digits as p has nines"
    assert all(error <= 1e-12 for error in b.errors().values()), b.errors()
    # F(x) is the Hessian of CE by W, whatever the label
    h = closed.hidden[0]
    for label in (0, classes - 1):

        def loss(w: Tensor, h: Tensor = h, label: int = label) -> Tensor:
            return -(w @ h + model.fc.bias.detach()).log_softmax(0)[label]

        hessian = torch.autograd.functional.hessian(loss, model.fc.weight.detach()).reshape(b.fisher[0].shape)
        torch.testing.assert_close(b.fisher[0], hessian, rtol=0, atol=1e-12 * float(b.fisher[0].abs().max()))
    torch.testing.assert_close(closed.diagonal().flatten(1), b.fisher.diagonal(dim1=1, dim2=2), rtol=1e-9, atol=1e-14)
    torch.testing.assert_close(closed.trace(), closed.diagonal().sum((1, 2)), rtol=1e-12, atol=0)
    torch.testing.assert_close(closed.scores(), scores(model, x, layer="fc")["fc.weight"], rtol=1e-9, atol=1e-14)
    torch.testing.assert_close(closed.diagonal().mean(0), fisher(model, x, layer="fc")["fc.weight"], rtol=1e-9, atol=0)


MAPPED = [
    ("plain", "bn2"), ("plain", "bn1"), ("residual", "conv"), ("flattened", "features.0"), ("conv-scored", "features"),
]  # fmt: skip


@pytest.mark.parametrize("of", ["presence", "values"])
@pytest.mark.parametrize(("name", "layer"), [*MAPPED, ("plain", "input"), ("tokens", "input")])
def test_maps_equal_the_slow_loop(name: str, layer: str, of) -> None:
    model, x = lively(NETWORKS[name]()), batch(2, size=8)
    got = fisher_map(model, x, layer=layer, of=of)
    part = None if layer == "input" else model.get_submodule(layer)
    for i in range(2):
        want = slow.fisher_map(model, part, x[i : i + 1], of)
        assert float(want.max()) > 0
        torch.testing.assert_close(got[i, 0], want, rtol=1e-9, atol=1e-12 * float(want.max()))


def test_values_are_flat_where_presence_is_not() -> None:
    """After average pooling and one linear layer dz/dA is the same in every cell; the docstring says so."""
    model, x = lively(SmallNet(3, 10, width=4, depth=1)), batch(2, size=32)
    flat, placed = (fisher_map(model, x, layer="stages", of=of).flatten(1) for of in ("values", "presence"))
    assert float((flat.std(1) / flat.mean(1)).max()) < 1e-12
    assert float((placed.std(1) / placed.mean(1)).min()) > 0.03


def test_presence_is_the_variance_of_the_contrast_maps() -> None:
    model, x = lively(SmallNet(3, 10, width=4, depth=1)), batch(2, size=32)
    p, contrasts = model(x).softmax(1).detach(), explain.all_contrasts(model, x, layer="stages")
    assert float(torch.einsum("nc,nchw->nhw", p, contrasts).abs().max()) < 1e-12
    want = torch.einsum("nc,nchw->nhw", p, contrasts.square())[:, None]
    torch.testing.assert_close(fisher_map(model, x, layer="stages"), want, rtol=1e-9, atol=1e-15)


def test_a_head_of_convolutions_by_its_closed_form() -> None:
    model, x = lively(ConvScored()), batch(2)
    weights = fisher(model, x, what="trace", layer="score.1") - fisher_of_bias(model, x)
    torch.testing.assert_close(last_layer(model, x).trace(), weights, rtol=1e-9, atol=0)
    with pytest.raises(LayerError, match="closed form"):
        last_layer(nn.Sequential(model, nn.Tanh()), x)


def fisher_of_bias(model: nn.Module, x: Tensor) -> Tensor:
    found = scores(model, x, layer="score.1")["score.1.bias"].square()
    return torch.einsum("nc,nck->n", model(x).softmax(1).detach(), found)
