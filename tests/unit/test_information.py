"""Information: what is refused and how, what is loaded, and the shapes that come back."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gradlab import information
from gradlab.core import GradlabError, InputError, LayerError, ModelError, TargetError
from gradlab.information import families, fisher, fisher_map, last_layer, scores
from gradlab.models import Classifier
from tests.conftest import ConvScored, Flattened, Small


def test_numbers_need_no_torch() -> None:
    code = (
        "import sys; from gradlab import information as i\n"
        "i.entropy([.5, .5]); i.mutual_information([[.5, 0], [0, .5]]); i.families.poisson().three_ways(2, 10)\n"
        "assert 'torch' not in sys.modules\n"
        "assert i.fisher and 'torch' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_shannon_known_values() -> None:
    p = [0.5, 0.25, 0.25]
    assert information.entropy(p) == 1.5
    assert information.entropy(p, math.e) == pytest.approx(1.0397207708, abs=1e-10)
    assert information.entropy([1, 0, 0]) == 0 and not np.signbit(information.entropy([1, 0, 0]))
    assert information.entropy(np.full(5, 0.2), base=5) == pytest.approx(1, abs=1e-12)
    assert information.surprise([1, 0.5, 0]).tolist() == [0, 1, math.inf]
    assert information.mutual_information(np.eye(4) / 4) == 2
    assert information.mutual_information(np.full((3, 4), 1 / 12)) == pytest.approx(0, abs=1e-12)
    assert information.conditional_entropy(np.eye(4) / 4) == 0
    assert information.conditional_entropy([[0.25, 0.25], [0.25, 0.25]]) == 1
    assert information.kl([0.5, 0.5], [1, 0]) == math.inf
    assert information.kl([1, 0], [0.5, 0.5]) == 1


def test_shannon_batches_and_accepts_tensors() -> None:
    rows = np.random.default_rng(0).dirichlet(np.ones(6), (2, 3))
    assert information.entropy(rows).shape == (2, 3)
    assert information.mutual_information(rows.reshape(2, 1, 3, 6) / 3).shape == (2, 1)
    assert information.kl(rows, rows[0, 0]).shape == (2, 3)
    for i in range(2):
        assert information.entropy(rows)[i, 1] == information.entropy(rows[i, 1])
    tensor = torch.tensor(rows, dtype=torch.float32, requires_grad=True)
    assert information.entropy(tensor) == pytest.approx(information.entropy(rows), abs=1e-6)
    assert isinstance(information.entropy(tensor), np.ndarray)
    assert information.entropy(torch.randn(3, 1000).softmax(1).half()).shape == (3,)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: information.entropy([0.5, 0.6]), "sums to 1.1"),
        (lambda: information.entropy([[0.5, 0.5], [0.5, 0.4]]), "sums to 0.9"),
        (lambda: information.entropy([1.5, -0.5]), "holds -0.5"),
        (lambda: information.entropy([math.nan, 1]), "NaN"),
        (lambda: information.entropy([]), "empty"),
        (lambda: information.entropy(1.0), "expected \\(..., events\\)"),
        (lambda: information.entropy(["a"]), "no real numbers"),
        (lambda: information.entropy([[0.5], [0.2, 0.3]]), "no real numbers"),
        (lambda: information.entropy([1j]), "no real numbers"),
        (lambda: information.entropy([0.5, 0.5], base=1), "base is 1"),
        (lambda: information.entropy([0.5, 0.5], base=-2), "base is -2"),
        (lambda: information.entropy([0.5, 0.5], base="e"), "base is 'e'"),
        (lambda: information.surprise(1.2), "at most 1"),
        (lambda: information.surprise(-0.1), "at least 0"),
        (lambda: information.mutual_information([0.5, 0.5]), "a table"),
        (lambda: information.joint_entropy([[0.5, 0.6]]), "sums to 1.1"),
        (lambda: information.conditional_entropy([[1, 1]]), "sums to 2"),
        (lambda: information.kl([0.5, 0.5], [1.0]), "the same events"),
        (lambda: families.gaussian_mean(0), "sigma is 0"),
        (lambda: families.gaussian_mean("wide"), "sigma is 'wide'"),
        (lambda: families.gaussian_scale(math.nan), "mu is nan"),
        (lambda: families.bernoulli().fisher(1.0), "between 0 and 1"),
        (lambda: families.poisson().sample(-1, 5), "above 0"),
        (lambda: families.categorical().fisher([1.0]), "two labels or more"),
        (lambda: families.categorical().fisher("dog"), "two labels or more"),
        (lambda: families.poisson().score([0.5], 1.0), "whole numbers"),
        (lambda: families.bernoulli().score([2], 0.5), "expected 0 or 1"),
        (lambda: families.bernoulli().score([], 0.5), "at least one"),
        (lambda: families.categorical().score([3], [0.0, 1.0]), "labels 0 to k - 1"),
        (lambda: families.bernoulli().sample(0.5, 0), "n is 0"),
    ],
)
def test_bad_numbers_are_refused(call, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()


def test_families_leave_the_global_random_state_alone() -> None:
    before = np.random.get_state()[1].copy()
    one, other = (families.poisson().sample(3, 50, seed) for seed in (0, 1))
    assert (np.random.get_state()[1] == before).all()
    assert (one == families.poisson().sample(3, 50, 0)).all() and (one != other).any()


def test_shapes(pictures: Tensor) -> None:
    model = Small().eval()
    by_name = fisher(model, pictures)
    assert {n: v.shape for n, v in by_name.items()} == {n: p.shape for n, p in model.named_parameters()}
    assert all(bool((v >= 0).all()) for v in by_name.values())
    assert fisher(model, pictures, what="trace").shape == (2,)
    assert list(fisher(model, pictures, layer="fc")) == ["fc.weight", "fc.bias"]
    assert scores(model, pictures, layer=model.conv1)["conv1.weight"].shape == (2, 5, 6, 3, 3, 3)
    assert scores(model, pictures, labels=None, layer="fc")["fc.weight"].shape == (2, 5, 8)
    closed = last_layer(model, pictures)
    assert (closed.layer, closed.scores().shape, closed.fisher().shape) == ("fc", (2, 5, 5, 8), (2, 40, 40))
    assert fisher_map(model, pictures).shape == (2, 1, 8, 8)
    assert fisher_map(model, pictures, layer="input").shape == (2, 1, 16, 16)


def test_one_picture_is_enough_and_does_not_see_the_others(pictures: Tensor) -> None:
    model = Flattened().eval()
    both = fisher(model, pictures, what="trace")
    each = torch.cat([fisher(model, pictures[i : i + 1], what="trace") for i in range(2)])
    torch.testing.assert_close(both, each)


def test_a_classifiers_labels_are_understood(pictures: Tensor) -> None:
    net = Classifier(Small().eval(), ["cat", "dog", "horse", "cow", "hen"], size=(16, 16))
    named = fisher(net, pictures, "empirical", labels=["dog", "hen"], what="trace")
    torch.testing.assert_close(named, fisher(net.model, pictures, "empirical", labels=[1, 4], what="trace"))


def test_the_three_kinds_differ_and_a_sure_network_shows_it(pictures: Tensor) -> None:
    """Observed labels that the network is sure of have a smaller score than it expects, and wrong ones a larger one."""
    model = Small().eval()
    with torch.no_grad():
        model.fc.weight *= 20
    guess = model(pictures).argmax(1)
    true = fisher(model, pictures, what="trace")
    right = fisher(model, pictures, "empirical", labels=guess, what="trace")
    wrong = fisher(model, pictures, "empirical", labels=(guess + 1) % 5, what="trace")
    assert bool((right < true).all()) and bool((true < wrong).all())


def test_monte_carlo_is_the_generators_alone(pictures: Tensor) -> None:
    model, before = Small().eval(), torch.get_rng_state()

    def ask(seed: int) -> Tensor:
        return fisher(model, pictures, "monte carlo", what="trace", seed=seed, samples=2)

    torch.testing.assert_close(ask(0), ask(0), rtol=0, atol=0)
    assert not torch.equal(ask(0), ask(1))
    assert torch.equal(torch.get_rng_state(), before)


class Twisted(nn.Module):
    """Returns whatever it is told to."""

    def __init__(self, twist) -> None:
        super().__init__()
        self.fc, self.twist = nn.Linear(3, 4), twist

    def forward(self, x: Tensor) -> Tensor:
        return self.twist(self.fc(x.mean((2, 3))))


GENERATOR = torch.Generator()
REFUSALS = {
    "kind": (lambda m, x: fisher(m, x, "observed"), InputError, "'exact', 'monte carlo' or 'empirical'"),
    "what": (lambda m, x: fisher(m, x, what="matrix"), InputError, "'diagonal' or 'trace'"),
    "no labels": (lambda m, x: fisher(m, x, "empirical"), TargetError, "pass labels="),
    "labels of another kind": (lambda m, x: fisher(m, x, labels=[0, 1]), TargetError, "belong to kind='empirical'"),
    "too few labels": (lambda m, x: fisher(m, x, "empirical", labels=[0]), TargetError, "1 classes for a batch of 2"),
    "no such label": (lambda m, x: fisher(m, x, "empirical", labels=9), TargetError, "does not exist"),
    "no generator": (lambda m, x: fisher(m, x, "monte carlo"), InputError, "pass seed="),
    "samples": (
        lambda m, x: fisher(m, x, "monte carlo", samples=0, seed=0), InputError, "samples is 0",
    ),
    "layer": (lambda m, x: fisher(m, x, layer="fd"), LayerError, "Did you mean 'fc'"),
    "layer without weights": (lambda m, x: fisher(m, x, layer="relu"), LayerError, "no weights"),
    "layer of another model": (lambda m, x: scores(m, x, layer=nn.Linear(2, 2)), LayerError, "not a part"),
    "NaN": (lambda m, x: fisher(m, x * torch.nan), InputError, "NaN"),
    "empty": (lambda m, x: scores(m, x[:0]), InputError, "empty"),
    "axes": (lambda m, x: last_layer(m, x[0]), InputError, "no batch axis"),
    "no model": (lambda m, x: fisher("resnet", x), ModelError, "got str"),
    "scores label": (lambda m, x: scores(m, x, labels=[0, 7]), TargetError, "does not exist"),
    "map of": (lambda m, x: fisher_map(m, x, of="area"), InputError, "'presence' or 'values'"),
    "map kind": (lambda m, x: fisher_map(m, x, kind="true"), InputError, "kind is 'true'"),
    "map layer": (lambda m, x: fisher_map(m, x, layer="fc"), LayerError, "no spatial map"),
    "map labels": (lambda m, x: fisher_map(m, x, kind="empirical"), TargetError, "pass labels="),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_bad_questions_are_refused(name: str, pictures: Tensor) -> None:
    call, error, message = REFUSALS[name]
    with pytest.raises(error, match=message):
        call(Small().eval(), pictures)


@pytest.mark.parametrize(
    ("twist", "message"),
    [
        (lambda z: z[:, :1], "two or more"),
        (lambda z: z[:, :, None], "not logits"),
        (lambda z: {"first": z, "second": z}, "returns dict"),
        (lambda z: z / 0, "NaN or infinite values"),
    ],
)
@pytest.mark.parametrize("ask", [fisher, scores, last_layer, lambda m, x: fisher_map(m, x, layer="input")])
def test_outputs_that_are_no_logits_are_refused(ask, twist, message: str, pictures: Tensor) -> None:
    with pytest.raises(GradlabError, match=message):
        ask(Twisted(twist).eval(), pictures)


def test_a_last_layer_that_is_none_is_refused(pictures: Tensor) -> None:
    for model in (nn.Sequential(ConvScored(), nn.Tanh()), Twisted(torch.tanh)):
        with pytest.raises(LayerError, match="closed form"):
            last_layer(model.eval(), pictures)
    with pytest.raises(LayerError, match="do not depend"):
        fisher(Twisted(lambda z: torch.ones_like(z).requires_grad_()).eval(), pictures)


def test_a_matrix_too_large_is_refused(pictures: Tensor) -> None:
    closed = information.LastLayer(torch.ones(1, 2000), torch.ones(1, 1000), "fc")
    with pytest.raises(InputError, match="too large"):
        closed.fisher()
