"""Strategies by hand and by their definitions, BADGE as the introspective gradient it is, and the pool loop."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from torch import Tensor, nn

from gradlab.core import InputError, ModelError, TargetError
from gradlab.evaluate import active, batches
from gradlab.introspect import IntrospectiveNetwork, features, last_layer
from tests.conftest import Small, Tokens
from tests.contract.test_state import unchanged

P = torch.tensor([[0.7, 0.2, 0.1], [0.4, 0.35, 0.25], [1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]], dtype=torch.float64)


def drawn(n: int, classes: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (3 * torch.randn(n, classes, dtype=torch.float64, generator=generator)).softmax(1)


@pytest.fixture
def model() -> nn.Module:
    return Small().eval()


@pytest.fixture
def x() -> Tensor:
    return torch.randn(9, 3, 12, 12, generator=torch.Generator().manual_seed(2))


# --- scores --------------------------------------------------------------------------------------------------------


def test_by_hand() -> None:
    want = [-sum(p * math.log2(p) for p in row if p) for row in P.tolist()]
    np.testing.assert_allclose(active.entropy(P), want, atol=1e-12)
    np.testing.assert_allclose(active.least_confidence(P), [0.3, 0.6, 0, 2 / 3], atol=1e-12)
    np.testing.assert_allclose(active.margin(P), [0.5, 0.95, 0, 1], atol=1e-12)
    assert active.top(active.margin(P), 2, seed=0).tolist() == [3, 1]


@given(some.integers(1, 30), some.integers(2, 8), some.integers(0, 99))
@settings(deadline=None, max_examples=40)
def test_margin_is_the_gap_of_the_two_largest(n: int, classes: int, seed: int) -> None:
    p = drawn(n, classes, seed)
    want = [1 - (row[-1] - row[-2]) for row in (sorted(row) for row in p.tolist())]
    np.testing.assert_allclose(active.margin(p), want, atol=1e-12)


@given(some.integers(1, 30), some.integers(2, 8), some.integers(0, 99))
@settings(deadline=None, max_examples=40)
def test_where_scores_are_largest_and_least(n: int, classes: int, seed: int) -> None:
    p = drawn(n, classes, seed)
    even, sure = torch.full_like(p, 1 / classes), torch.eye(classes, dtype=p.dtype)[[0] * n]
    for score in (active.entropy, active.least_confidence, active.margin):
        assert bool((score(p) <= score(even) + 1e-12).all()) and bool((score(sure).abs() < 1e-12).all())
    # with two classes all three are one order
    two = drawn(n, 2, seed)
    orders = {
        tuple(score(two).argsort().tolist()) for score in (active.entropy, active.least_confidence, active.margin)
    }
    assert len(orders) == 1


@given(some.integers(1, 6), some.integers(1, 20), some.integers(2, 6), some.integers(0, 99))
@settings(deadline=None, max_examples=40)
def test_bald(passes: int, n: int, classes: int, seed: int) -> None:
    p = torch.stack([drawn(n, classes, 1000 * seed + i) for i in range(passes)])
    mean = p.mean(0)
    want = -(mean * mean.log2()).sum(1) + (p * p.log2()).sum(2).mean(0)
    np.testing.assert_allclose(active.bald(p), want, atol=1e-12)
    # mutual information of label and pass: at most what either holds
    assert bool((active.bald(p) <= math.log2(min(passes, classes)) + 1e-12).all())
    np.testing.assert_allclose(active.bald(p[:1].expand(4, -1, -1)), 0, atol=1e-12)


@given(some.lists(some.integers(0, 4), min_size=1, max_size=20), some.integers(0, 9), some.data())
@settings(deadline=None, max_examples=60)
def test_top(values: list[int], seed: int, data: some.DataObject) -> None:
    n = data.draw(some.integers(1, len(values)))
    picked = active.top(torch.tensor(values).double(), n, seed).tolist()
    assert len(set(picked)) == n and [values[i] for i in picked] == sorted(values, reverse=True)[:n]
    assert picked == active.top(torch.tensor(values).double(), n, seed).tolist()


def test_equal_scores_are_picked_at_random() -> None:
    same = torch.zeros(50)
    assert active.top(same, 9, 3).tolist() == active.random(50, 9, 3).tolist()
    assert active.top(same, 9, 3).tolist() != active.top(same, 9, 4).tolist()


def test_random_is_even() -> None:
    counts = torch.stack([torch.bincount(active.random(10, 3, seed), minlength=10) for seed in range(2000)]).sum(0)
    assert bool(((counts - 600).abs() < 5 * math.sqrt(2000 * 0.3 * 0.7)).all())


# --- passes with dropout -------------------------------------------------------------------------------------------


def test_dropout_passes_follow_the_seed(model: nn.Module, x: Tensor) -> None:
    passes = active.dropout_passes(model, x, 6, seed=4)
    assert passes.shape == (6, 9, 5)
    assert torch.equal(passes, active.dropout_passes(model, x, 6, seed=4))
    assert not torch.equal(passes, active.dropout_passes(model, x, 6, seed=5))
    assert bool((active.bald(passes) > 0).all())
    assert len({tuple(p[0].tolist()) for p in passes}) > 1, "every pass drops other units"


def test_dropout_passes_are_the_networks_own_dropout(x: Tensor) -> None:
    """A quarter of the units is 0, the others grow by a third; each picture its own. The network shows its units."""
    shown = nn.Sequential(nn.Flatten(), nn.Dropout(0.25)).eval()
    ones = torch.ones(200, 1, 4, 4)
    logits = active.dropout_passes(shown, ones, 3, seed=0).log()
    values = (logits - logits.amin(2, keepdim=True)).round(decimals=4)
    np.testing.assert_allclose(values.unique(), [0, 1 / 0.75], atol=1e-4)
    kept = (values > 0).double().mean()
    assert float(kept) == pytest.approx(0.75, abs=5 * math.sqrt(0.25 * 0.75 / values.numel()))
    assert len({tuple(row.tolist()) for row in values[0]}) > 50

    channels = nn.Sequential(nn.Dropout2d(0.5), nn.Flatten()).eval()
    values = active.dropout_passes(channels, torch.ones(50, 3, 2, 2), 1, seed=0)[0].log().unflatten(1, (3, 4))
    assert torch.equal(values, values[..., :1].expand_as(values)), "whole channels"


def test_the_mean_of_many_passes_is_near_the_plain_answer(x: Tensor) -> None:
    """Of a linear head, whose mean over dropout is exact: the mean logits are the plain ones."""
    generator = torch.Generator().manual_seed(0)
    head = nn.Sequential(nn.Flatten(), nn.Dropout(0.2), nn.Linear(12, 2)).eval()
    pictures = torch.randn(3, 3, 2, 2, generator=generator)
    passes = active.dropout_passes(head, pictures, 1000, seed=1).double()
    apart = (passes[..., 0] / passes[..., 1]).log()
    with torch.no_grad():
        z = head(pictures)
    spread = apart.std(0) / math.sqrt(1000)
    assert bool(((apart.mean(0) - (z[:, 0] - z[:, 1])).abs() < 5 * spread).all())


def test_everything_is_dropped() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Dropout(1.0), nn.Linear(12, 3)).eval()
    passes = active.dropout_passes(network, torch.randn(4, 3, 2, 2), 5)
    assert bool(torch.isfinite(passes).all()) and torch.equal(passes, passes[:1].expand_as(passes))
    assert active.bald(passes).tolist() == [0.0] * 4, "no rounding to pick by"


@pytest.mark.parametrize("p", [None, 0.0])
def test_without_dropout_there_are_no_passes_and_bald_says_that_it_picks_at_random(p: float | None, x: Tensor) -> None:
    parts = [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    network = nn.Sequential(*parts, *([] if p is None else [nn.Dropout(p)]))
    with pytest.raises(ModelError, match=r"No dropout ran.*'entropy'"):
        active.dropout_passes(network, x, 5)
    with pytest.warns(UserWarning, match=r"No dropout ran.*at random"):
        picked = active.ask("bald", network, x, 2, seed=3)
    assert picked.tolist() == active.random(len(x), 2, seed=3).tolist(), "no rounding noise to pick by"


class ByFunction(nn.Module):
    """Drops by a function: in its own way, before its last layer, from values that show what was dropped."""

    def __init__(self, function: Callable[[Tensor, bool], Tensor], head: bool = True) -> None:
        super().__init__()
        self.function, self.fc = function, nn.Linear(12, 3) if head else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.function(x.flatten(1), self.training))


FUNCTIONS = {
    "by keyword": lambda h, on: nn.functional.dropout(h, p=0.25, training=on),
    "by position": lambda h, on: nn.functional.dropout(h, 0.25, on),
    "torch's": lambda h, on: torch.dropout(h, 0.25, on),
    "in place": lambda h, on: [h := h.clone(), nn.functional.dropout(h, 0.25, on, True)][0],
    "always on": lambda h, on: nn.functional.dropout(h, 0.25),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functional_dropout_is_that_of_the_module(name: str) -> None:
    x = torch.rand(5, 3, 2, 2) + 1
    module = nn.Sequential(nn.Flatten(), nn.Dropout(0.25), nn.Linear(12, 3)).eval()
    network = ByFunction(FUNCTIONS[name]).eval()
    network.fc.load_state_dict(module[2].state_dict())
    state = torch.get_rng_state()
    want = active.dropout_passes(module, x, 6, seed=3)
    torch.testing.assert_close(active.dropout_passes(network, x, 6, seed=3), want)
    assert len(want.unique(dim=0)) == 6
    assert torch.equal(torch.get_rng_state(), state) and not network.training


def test_alpha_dropout_keeps_mean_and_deviation() -> None:
    network = ByFunction(lambda h, on: nn.functional.alpha_dropout(h, 0.5, on), head=False).eval()
    x, state = torch.randn(400, 12, 1, 1), torch.get_rng_state()
    passes = active.dropout_passes(network, x, 2, seed=0)
    assert torch.equal(passes, active.dropout_passes(network, x, 2, seed=0)), "the seed gives the draws"
    assert torch.equal(torch.get_rng_state(), state)
    values = passes.log() - passes.log().mean(2, keepdim=True)
    assert float(values.std()) == pytest.approx(1, abs=0.1)
    assert not torch.equal(passes[0], passes[1])


def test_dropout_inside_attention(x: Tensor) -> None:
    """A transformer's fast path in eval mode would pass its dropout by."""
    passes = active.dropout_passes(Tokens().eval(), torch.randn(3, 3, 16, 16), 4)
    assert bool((active.bald(passes) > 0).all())
    attention = nn.TransformerEncoderLayer(12, 2, 8, dropout=0.0, batch_first=True)
    attention.self_attn.dropout = 0.3
    network = nn.Sequential(nn.Flatten(2), attention, nn.Flatten(), nn.Linear(36, 4)).eval()
    passes, state = active.dropout_passes(network, torch.randn(3, 3, 3, 4), 4, seed=1), torch.get_rng_state()
    assert bool((active.bald(passes) > 0).all()), "dropout of the attention's weights alone"
    assert torch.equal(torch.get_rng_state(), state)


def test_dropout_of_f_reaches_the_introspective_network(model: nn.Module, x: Tensor) -> None:
    net = IntrospectiveNetwork(model, hidden=(8,)).fit(x[:5], [0, 1, 2, 3, 4], epochs=2, progress=False)
    model.train()
    with unchanged(net, x):
        passes = active.dropout_passes(net, x, 4, seed=0)
    assert bool((active.bald(passes) > 0).all())
    torch.testing.assert_close(active.probabilities(net, x), net.predict_proba(x))
    for strategy in active.STRATEGIES:
        assert len(active.ask(strategy, net, x, 3, seed=1).unique()) == 3


# --- BADGE ---------------------------------------------------------------------------------------------------------


def test_the_gradient_embedding_is_the_introspective_gradient_of_q_equals_p(model: nn.Module, x: Tensor) -> None:
    model, x = model.double(), x.double()
    kept = last_layer(model, x)
    p = kept.logits.softmax(1)
    said = p.argmax(1)
    embedding = ((p - torch.nn.functional.one_hot(said, 5))[:, :, None] * kept.hidden[:, None]).flatten(1)
    introspective = features(model, x, "ce", question="each", normalize=None)[torch.arange(9), said]
    torch.testing.assert_close(embedding, introspective, atol=1e-12, rtol=0)
    # and autograd's gradient of the cross entropy, were the network right
    for i in range(9):
        loss = nn.functional.cross_entropy(model(x[i : i + 1]), said[i : i + 1])
        (gradient,) = torch.autograd.grad(loss, model.fc.weight)  # type: ignore[union-attr]
        torch.testing.assert_close(introspective[i], gradient.flatten(), atol=1e-12, rtol=0)


def dense_badge(embedding: Tensor, n: int, seed: int) -> list[int]:
    """k-means++ on the embedding itself, N x classes d numbers, with the same draws."""
    generator = torch.Generator().manual_seed(seed)
    picked = [int(embedding.norm(dim=1).argmax())]
    while len(picked) < n:
        apart = torch.cdist(embedding, embedding[picked], compute_mode="donot_use_mm_for_euclid_dist")
        ends = apart.amin(1).square().cumsum(0)
        at = torch.rand(1, dtype=torch.float64, generator=generator) * ends[-1]
        picked.append(int(torch.searchsorted(ends, at, right=True)))
    return picked


@given(some.integers(2, 40), some.integers(2, 6), some.integers(1, 8), some.integers(0, 99), some.data())
@settings(deadline=None, max_examples=40)
def test_badge_equals_the_dense_one(n: int, classes: int, d: int, seed: int, data: some.DataObject) -> None:
    p = drawn(n, classes, seed)
    h = torch.randn(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    u = p - torch.nn.functional.one_hot(p.argmax(1), classes)
    count = data.draw(some.integers(1, n))
    picked = active.badge(p, h, count, seed=seed).tolist()
    assert picked == dense_badge((u[:, :, None] * h[:, None]).flatten(1), count, seed)
    assert len(set(picked)) == count


def test_badge_takes_no_picture_twice_where_all_are_the_same() -> None:
    p, h = torch.eye(3)[[0] * 6], torch.ones(6, 2)
    assert sorted(active.badge(p, h, 6, seed=0).tolist()) == list(range(6))
    twins = torch.tensor([[0.6, 0.4]]).expand(8, -1)
    assert len(active.badge(twins, torch.ones(8, 2), 5, seed=1).unique()) == 5


def test_badge_needs_little_memory() -> None:
    """Embeddings of 1000 classes x 512 units for 4000 pictures would be 16 GB in double precision."""
    p, h = drawn(4000, 1000, 0), torch.randn(4000, 512)
    assert len(active.badge(p, h, 5, seed=0).unique()) == 5


def test_badge_prefers_the_far_away() -> None:
    """Two clouds of pictures, one of them nine times as large: the second pick is from the other cloud."""
    generator = torch.Generator().manual_seed(0)
    h = torch.cat([torch.tensor([[5.0, 0.0]]).expand(90, -1), torch.tensor([[0.0, 4.0]]).expand(10, -1)])
    h = h + 0.01 * torch.randn(100, 2, generator=generator)
    p = torch.tensor([[0.5, 0.3, 0.2]]).expand(100, -1)
    assert all(int(active.badge(p, h, 2, seed=seed)[1]) >= 90 for seed in range(30))


# --- asking --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", active.STRATEGIES)
def test_ask(model: nn.Module, monkeypatch: pytest.MonkeyPatch, x: Tensor, strategy: str) -> None:
    model.train()
    with unchanged(model, x):
        picked = active.ask(strategy, model, x, 4, seed=7)
    assert picked.dtype == torch.int64 and len(picked.unique()) == 4
    assert torch.equal(picked, active.ask(strategy, model, x, 4, seed=7))
    if strategy != "bald":  # whose draws come batch by batch
        monkeypatch.setattr(batches, "BATCH", 2)
        assert torch.equal(picked, active.ask(strategy, model, x, 4, seed=7))


def test_ask_is_what_the_scores_say(model: nn.Module, x: Tensor) -> None:
    p = active.probabilities(model, x)
    torch.testing.assert_close(p, model(x).softmax(1).detach())
    for name in ("entropy", "least_confidence", "margin"):
        want = active.top(getattr(active, name)(p), 3, seed=0)
        assert torch.equal(active.ask(name, model, x, 3), want)
        assert torch.equal(active.ask(name, "anything", x, 3, predict=lambda _, __: p), want)
    assert active.ask(lambda net, x, n, seed: range(n), model, x, 3).tolist() == [0, 1, 2]


BAD: dict[str, tuple[Callable[[nn.Module, Tensor], Any], type[Exception], str]] = {
    "no rows": (lambda m, x: active.entropy(P[0]), InputError, r"\(n, classes\)"),
    "logits": (lambda m, x: active.margin(3 * P), InputError, "sum to 1"),
    "NaN": (lambda m, x: active.least_confidence(P * math.nan), InputError, "NaN"),
    "empty": (lambda m, x: active.entropy(P[:0]), InputError, "not empty"),
    "one class": (lambda m, x: active.margin(torch.ones(3, 1)), InputError, "two classes"),
    "one pass": (lambda m, x: active.bald(P), InputError, "passes, N, classes"),
    "no passes": (lambda m, x: active.bald(P[None][:0]), InputError, "passes, N, classes"),
    "passes 0": (lambda m, x: active.dropout_passes(m, x, 0), InputError, "passes is 0"),
    "pictures empty": (lambda m, x: active.dropout_passes(m, x[:0]), InputError, "empty"),
    "maps": (lambda m, x: active.dropout_passes(m.conv1, x), ModelError, "logits"),  # type: ignore[arg-type]
    "no network": (lambda m, x: active.ask("bald", "anything", x, 2), ModelError, "Module"),
    "h of others": (
        lambda m, x: active.badge(P, torch.ones(3, 2), 1),
        InputError,
        r"hidden is Tensor \(3, 2\).*expected a floating tensor \(4, d\)",
    ),
    "h NaN": (lambda m, x: active.badge(P, torch.ones(4, 2) * math.nan, 1), InputError, "hidden holds NaN"),
    "too many": (lambda m, x: active.badge(P, torch.ones(4, 2), 5), InputError, "n is 5.*from 1 to 4"),
    "none": (lambda m, x: active.top(torch.ones(3), 0, 0), InputError, "n is 0"),
    "no scores": (lambda m, x: active.top(torch.ones(0), 1, 0), InputError, r"scores is Tensor \(0,\)"),
    "scores NaN": (lambda m, x: active.top(torch.tensor([1, math.nan]), 1, 0), InputError, "scores holds NaN"),
    "random too many": (lambda m, x: active.random(3, 4, 0), InputError, "from 1 to 3"),
    "misspelt": (lambda m, x: active.ask("entrpy", m, x, 2), InputError, "Did you mean 'entropy'"),
    "unlike any": (lambda m, x: active.ask("zzz", m, x, 2), InputError, "expected 'random', "),
    "twice the same": (lambda m, x: active.ask(lambda *_: [1, 1], m, x, 2), InputError, "2 different indices"),
    "beyond the pool": (lambda m, x: active.ask(lambda *_: [1, 9], m, x, 2), InputError, "below 9"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_questions(model: nn.Module, x: Tensor, name: str) -> None:
    ask, error, message = BAD[name]
    with unchanged(model, x), pytest.raises(error, match=message):
        ask(model, x)


# --- the pool ------------------------------------------------------------------------------------------------------


def world(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Three kinds of pictures, a bright corner each, under noise."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(3, (n,), generator=generator)
    pictures = 0.7 * torch.randn(n, 1, 4, 4, generator=generator)
    for i, label in enumerate(labels.tolist()):
        pictures[i, 0, label // 2 * 2 : label // 2 * 2 + 2, label % 2 * 2 : label % 2 * 2 + 2] += 1
    return pictures, labels


def trained(pictures: Tensor, labels: Tensor, seed: int) -> nn.Module:
    """Draws its weights and its dropout from torch's global state."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 12), nn.ReLU(), nn.Dropout(0.2), nn.Linear(12, 3))
    optimizer = torch.optim.Adam(network.parameters(), 0.05)
    for _ in range(15):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(pictures), labels).backward()
        optimizer.step()
    return network


ARMS = {"feed-forward": trained, "introspective": active.introspective(trained, {"hidden": (6,)}, epochs=8, rate=0.02)}


def rounds(**changed: Any) -> list[active.Round]:
    given: dict[str, Any] = {
        "arms": ARMS,
        "pool": world(60, 0),
        "tests": {"clean": world(80, 1), "other": world(40, 2)},
        "budgets": (6, 10, 14),
        "seeds": (0, 1),
        "progress": False,
    }
    return list(active.run(**(given | changed)))


def test_a_run() -> None:
    before = torch.get_rng_state()
    done = rounds()
    assert torch.equal(before, torch.get_rng_state())
    assert len(done) == 2 * len(active.STRATEGIES) * 2 * 3
    for key, of_one in itertools.groupby(done, key=lambda r: (r.arm, r.strategy, r.seed)):
        one = list(of_one)
        assert [r.budget for r in one] == [6, 10, 14], key
        bought = torch.cat([r.bought for r in one])
        assert len(bought) == len(bought.unique()) == 14 and int(bought.max()) < 60
        assert all(set(r.accuracy) == {"clean", "other"} for r in one)
    firsts = {(r.seed, tuple(r.bought.tolist())) for r in done if r.budget == 6}
    assert len(firsts) == 2, "with one seed all start from the same pictures"
    last = [r.accuracy["clean"] for r in done if r.budget == 14]
    assert sum(last) / len(last) > 0.5, "chance is a third"


def test_the_same_arguments_give_the_same_rounds() -> None:
    def key(done: list[active.Round]) -> list[Any]:
        return [(r.arm, r.strategy, r.seed, r.budget, r.accuracy, r.bought.tolist()) for r in done]

    fewer = {"budgets": (6, 10), "strategies": ("random", "bald", "badge")}
    once = key(rounds(**fewer))
    torch.manual_seed(99)
    assert once == key(rounds(**fewer))
    # other strategies beside it, or other seeds before it, change nothing of a repetition
    alone = key(rounds(budgets=(6, 10), strategies=["badge"], seeds=(1,), arms={"feed-forward": trained}))
    assert alone == [r for r in once if r[:3] == ("feed-forward", "badge", 1)]
    assert [r[3:] for r in key(rounds(**fewer, seeds=(2, 3)))] != [r[3:] for r in once]


def test_numbers_of_any_kind(model: nn.Module, x: Tensor) -> None:
    once = rounds(budgets=(6, 10), strategies=["margin"])
    again = rounds(budgets=np.array([6, 10]), strategies=["margin"], seeds=np.arange(2))
    assert [r.bought.tolist() for r in once] == [r.bought.tolist() for r in again]
    assert all(type(r.budget) is type(r.seed) is int for r in again)
    for strategy in active.STRATEGIES:
        want = active.ask(strategy, model, x, 4, seed=7)
        assert torch.equal(active.ask(strategy, model, x, np.int64(4), seed=np.uint8(7)), want)
    first, again = (np.random.default_rng(1) for _ in range(2))
    drawn = [active.random(1000, 5, first).tolist() for _ in range(2)]
    assert drawn[0] == active.random(1000, 5, again).tolist() != drawn[1]


def test_progress_is_told() -> None:
    told: list[tuple[int, int]] = []
    rounds(strategies=["random"], seeds=(0,), progress=lambda *done: told.append(done))
    assert told == [(k, 6) for k in range(1, 7)]


def test_any_fit_and_predict() -> None:
    """A nearest-mean classifier that is no network, and a strategy of one's own."""

    def fit(pictures: Tensor, labels: Tensor, seed: int) -> Tensor:
        return torch.stack([pictures[labels == c].flatten(1).sum(0) for c in range(3)])

    def predict(means: Tensor, pictures: Tensor) -> Tensor:
        return (pictures.flatten(1) @ means.T / 10).softmax(1)

    mine = {"first": lambda net, x, n, seed: torch.arange(n), "margin": "margin"}
    done = rounds(arms={"means": fit}, predict=predict, strategies=mine)
    assert {r.strategy for r in done} == {"first", "margin"}
    seeds = [r for r in done if r.strategy == "first" and r.seed == 0]
    left = [i for i in range(60) if i not in seeds[0].bought]
    assert seeds[1].bought.tolist() == left[:4], "indices are of the whole pool"


def test_rounds_come_one_at_a_time() -> None:
    fitted = []

    def fit(pictures: Tensor, labels: Tensor, seed: int) -> nn.Module:
        fitted.append(len(pictures))
        return trained(pictures, labels, seed)

    done = active.run(
        {"a": fit},
        world(60, 0),
        {"t": world(9, 1)},
        budgets=(6, 10),
        strategies=("random", "margin"),
        seeds=(0,),
        progress=False,
    )
    assert fitted == [] and next(done).budget == 6 and fitted == [6]
    assert [r.budget for r in done] == [10, 6, 10]
    assert fitted == [6, 10, 10], "the first network serves all strategies"


def test_progress_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    rounds(strategies=["random"], seeds=(0,), progress=True)
    shown = capsys.readouterr().err
    assert "6/6" in shown and "rounds" in shown


BAD_RUNS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no arms": ({"arms": {}}, InputError, "arms is empty"),
    "no tests": ({"tests": {}}, InputError, "tests is empty"),
    "no seeds": ({"seeds": ()}, InputError, "seeds is empty"),
    "no budgets": ({"budgets": ()}, InputError, "budgets is empty"),
    "no strategies": ({"strategies": ()}, InputError, "strategies is empty"),
    "misspelt": ({"strategies": ("bagde",)}, InputError, "Did you mean 'badge'"),
    "descending": ({"budgets": (10, 6)}, InputError, "ascending"),
    "half a label": ({"budgets": (6, 10.5)}, InputError, "budgets is 10.5"),
    "a yes": ({"budgets": (True, 10)}, InputError, "budgets is True"),
    "no seed": ({"seeds": (0.5,)}, InputError, "seed is 0.5"),
    "beyond the pool": ({"budgets": (6, 61)}, InputError, "from 1 to 60"),
    "a seed twice": ({"seeds": (1, 1)}, InputError, "twice"),
    "pictures alone": ({"pool": world(9, 0)[0]}, InputError, r"pool is Tensor .*expected \(pictures, labels\)"),
    "empty": ({"pool": world(0, 0)}, InputError, "not empty"),
    "labels missing": ({"pool": (world(9, 0)[0], [0])}, TargetError, "expected 9 integers"),
    "labels of a test": ({"tests": {"t": (world(9, 0)[0], [-1] * 9)}}, TargetError, "labels range from -1"),
}


@pytest.mark.parametrize("name", BAD_RUNS)
def test_bad_runs(name: str) -> None:
    changed, error, message = BAD_RUNS[name]
    with pytest.raises(error, match=message):
        rounds(**changed)
