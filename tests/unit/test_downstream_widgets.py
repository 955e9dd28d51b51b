"""The kernel side of the out-of-distribution and active learning widgets: what is sent, the game, and refusals."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.decomposition import PCA
from torch import Tensor, nn
from torch.nn import functional as F

import gradlab
from gradlab.core.errors import GradlabError, InputError, LayerError, ModelError, TargetError
from gradlab.evaluate import active as strategies
from gradlab.evaluate import ood as scores
from gradlab.explain import contrast_cam
from gradlab.introspect import IntrospectiveNetwork, last_layer
from gradlab.models import Classifier
from gradlab.widgets import Active, Ood, active, ood
from gradlab.widgets.labelling import DECAY, ORDERS, STRATEGIES, World, budgets, chances, fit
from gradlab.widgets.ood import SCORES, TILES, nearest_mistakes
from gradlab.widgets.widget import PICTURE_LIMIT
from tests.arrays import values

SIZE = (24, 20)


def network(classes: int = 5) -> Classifier:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(classes)
        body = [nn.Conv2d(3, 6, 5, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, classes)]
        model = nn.Sequential(*body)
        nn.init.normal_(model[-1].weight, std=8.0)
    half = (0.5,) * 3
    return Classifier(model.eval(), [f"class {i}" for i in range(classes)], SIZE, mean=half, std=half, resize=None)


def pictures(n: int, seed: int) -> Tensor:
    return torch.rand(n, 3, *SIZE, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def net() -> Classifier:
    return network()


@pytest.fixture(scope="module")
def small(net: Classifier) -> Ood:
    others = {"dark": pictures(9, 1) / 4, "grey": pictures(7, 2).mean(1, keepdim=True).expand(-1, 3, -1, -1)}
    return ood(net, pictures(30, 0), others)


# --- ood ---


def test_the_scores_are_the_engines_to_the_last_bit(net: Classifier, small: Ood) -> None:
    sets = [pictures(30, 0), pictures(9, 1) / 4, pictures(7, 2).mean(1, keepdim=True).expand(-1, 3, -1, -1)]
    assert [each["name"] for each in small.start["scores"]] == list(SCORES)
    assert small.start["groups"] == [{"name": "dark", "count": 9}, {"name": "grey", "count": 7}]
    for each in small.start["scores"]:
        expected = torch.cat([SCORES[each["name"]](net, net.normalize(some)).double() for some in sets])
        assert values(each["values"]).tolist() == expected.tolist()
        assert each["odds"] == (each["name"] == "msp")


def test_each_picture_comes_with_its_classes_and_why_p_rather_than_q(net: Classifier, small: Ood) -> None:
    start = small.start
    every = torch.cat([pictures(30, 0), pictures(9, 1) / 4, pictures(7, 2).mean(1, keepdim=True).repeat(1, 3, 1, 1)])
    assert start["shown"] == list(range(46)) and start["tiles"]["shape"] == [46, *SIZE, 3]
    tiles = values(start["tiles"])
    assert np.array_equal(tiles, (every * 255).round().byte().movedim(1, -1).numpy())
    x = net.normalize(every)
    top = net(x).softmax(1).topk(4)
    assert np.array_equal(values(start["classes"]), top.indices.numpy())
    assert np.allclose(values(start["p"]), top.values.detach().numpy(), atol=1e-6)
    maps = values(start["maps"])
    assert np.allclose(maps, contrast_cam(net, x)[:, 0].detach().numpy(), atol=1e-3 * start["maps"]["scale"])


def test_the_sentence_gives_the_engines_figures(small: Ood) -> None:
    inside, dark = (values(small.start["scores"][0]["values"])[part] for part in (slice(30), slice(30, 39)))
    sentence = small._sentence()
    assert f"AUROC {scores.auroc(inside, dark):.3f}; FPR {scores.fpr_at_95_tpr(inside, dark):.3f}" in sentence
    assert all(name in sentence for name in (*SCORES, "dark", "grey")) and "0x" not in repr(small)


def test_the_pictures_nearest_to_a_mistake_are_those_shown() -> None:
    scored = ood(network(), pictures(20, 0), pictures(20, 1))._scored
    for each in scored:  # one that no score doubts is left out
        each.inside[3], each.outside["out-of-distribution"][5] = 1e3, -1e3
    which = nearest_mistakes(scored, 10).tolist()
    assert len(which) == len(set(which)) == 10 and sum(i < 20 for i in which) == 5
    assert 3 not in which and 25 not in which
    first = scored[0]
    assert int(first.inside.argmin()) in which and 20 + int(first.outside["out-of-distribution"].argmax()) in which


def test_the_default_sends_no_more_than_300_pictures() -> None:
    widget = ood()
    start = widget.start
    assert len(start["shown"]) <= TILES and max(start["tiles"]["shape"][1:]) <= 48 and start["inside"] == 400
    assert [each["name"] for each in start["groups"]] == ["letters", "signs in grey", "noise"]
    assert len(widget._picture()) < PICTURE_LIMIT
    # as it is: this network is surer of noise than of digits
    assert "0.000 against noise" in widget._sentence()


def test_a_score_of_ones_own_can_read_an_introspective_network(net: Classifier) -> None:
    seen, labels = pictures(30, 0), torch.arange(30) % 5
    second = IntrospectiveNetwork(net).fit(net.normalize(seen), labels, seed=0, progress=False)
    asked = {"msp of f": scores.msp, "msp of H": lambda _, x: scores.msp(second, x)}
    start = ood(net, seen, pictures(9, 1) / 4, scores=asked).start
    sent = values(start["scores"][1]["values"])
    assert np.array_equal(sent[:30], scores.msp(second, net.normalize(seen)).numpy())
    assert start["scores"][0]["odds"] and not start["scores"][1]["odds"]


def test_a_network_without_a_spatial_map_is_scored_without_maps() -> None:
    flat = Classifier(nn.Sequential(nn.Flatten(), nn.Linear(3 * 24 * 20, 3)), ["a", "b", "c"], SIZE, resize=None)
    assert ood(flat, pictures(4, 0), pictures(4, 1)).start["maps"] is None
    with pytest.raises(LayerError):
        ood(flat, pictures(4, 0), pictures(4, 1), layer="nowhere")


def holding_nan() -> Tensor:
    seen = pictures(3, 0)
    seen[1, 0, 0, 0] = torch.nan
    return seen


@pytest.mark.parametrize(
    ("arguments", "settings", "error", "says"),
    [
        ((nn.Linear(2, 2),), {}, ModelError, "Classifier"),
        ((network(),), {}, InputError, "reads no digits"),
        ((network(), pictures(3, 0)[:, :1], pictures(3, 1)), {}, InputError, "3, 24, 20"),
        ((network(), pictures(3, 0), 2 * pictures(3, 1) + 0.1), {}, InputError, "0 to 1"),
        ((network(), holding_nan(), pictures(3, 1)), {}, InputError, "inside holds NaN"),
        ((network(), pictures(3, 0)[:0], pictures(3, 1)), {}, InputError, "not empty"),
        ((network(), pictures(3, 0), {}), {}, InputError, "outside is empty"),
        ((network(), pictures(3, 0), "noise"), {}, InputError, "outside is 'noise'"),
        (
            (network(), torch.zeros(1, 3, *SIZE).expand(5000, -1, -1, -1), pictures(1, 1)),
            {},
            InputError,
            "at most 5000",
        ),
        ((network(), pictures(3, 0), pictures(3, 1)), {"scores": ["energie"]}, InputError, "'energy'"),
        ((network(), pictures(3, 0), pictures(3, 1)), {"scores": []}, InputError, "expected names"),
        ((network(), pictures(3, 0), pictures(3, 1)), {"scores": "msp"}, InputError, "expected names"),
        ((network(), pictures(3, 0), pictures(3, 1)), {"scores": {"s": lambda _, x: x}}, InputError, "finite number"),
        (
            (network(), pictures(3, 0), pictures(3, 1)),
            {"scores": {"s": lambda _, x: x[:, 0, 0, 0] / 0}},
            InputError,
            "finite number",
        ),
    ],
)
def test_ood_refuses(
    arguments: tuple[Any, ...], settings: dict[str, Any], error: type[GradlabError], says: str
) -> None:
    with pytest.raises(error, match=says):
        ood(*arguments, **settings)


# --- active ---


def cloud(n: int, seed: int, d: int = 4, classes: int = 3) -> tuple[Tensor, Tensor]:
    """Return points around one centre per class."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(classes, (n,), generator=generator)
    labels[:classes] = torch.arange(classes)
    centres = 2 * F.one_hot(torch.arange(classes), d).double()
    return centres[labels] + torch.randn(n, d, generator=generator, dtype=torch.float64), labels


@pytest.fixture(scope="module")
def game() -> Active:
    return active(pool=cloud(60, 0), test=cloud(40, 1), start=6, batch=4, rounds=5, seed=3)


def test_h_is_standardised_and_projected_by_pca(game: Active) -> None:
    h = cloud(60, 0)[0]
    world = game._worlds[0]
    assert torch.allclose(world.pool.mean(0), torch.zeros(4, dtype=torch.float64), atol=1e-7)
    assert float(world.pool.square().sum(1).mean()) == pytest.approx(1, abs=1e-6)
    test = (cloud(40, 1)[0] - h.mean(0)) / h.std(0, correction=0) / 2
    assert torch.allclose(world.test, test, atol=1e-6)
    expected = PCA(2).fit_transform(world.pool.numpy())
    expected = torch.from_numpy(expected / np.abs(expected).max())
    assert torch.allclose(world.plane.abs(), expected.abs(), atol=1e-6)
    sent = values(game.start["worlds"][0]["pool"])
    assert np.array_equal(sent.astype(np.float64), world.pool.numpy())


def test_a_feature_that_never_changes_says_nothing() -> None:
    h, other = cloud(30, 0)[0].clone(), cloud(9, 1)[0]
    h[:, 2] = 7.0
    world = World.of("h", h, other)
    assert not world.pool[:, 2].any() and not world.test[:, 2].any()
    single = World.of("h", h[:, :1], other[:, :1])
    assert not single.plane[:, 1].any() and bool(torch.isfinite(single.plane).all())


def test_the_head_is_nesterovs_descent_by_autograd() -> None:
    h, labels = cloud(20, 4)
    found = fit(h[None], labels[None], 3)[0]
    x = F.pad(h, (0, 1), value=1.0)
    weights, speed = torch.zeros(3, 5, dtype=torch.float64), torch.zeros(3, 5, dtype=torch.float64)
    for _ in range(100):
        ahead = (weights + 0.9 * speed).requires_grad_()
        loss = F.cross_entropy(x @ ahead.T, labels) + DECAY / 2 * ahead.square().sum()
        speed = 0.9 * speed - torch.autograd.grad(loss, ahead)[0]
        weights = weights + speed
    assert torch.allclose(found, weights, atol=1e-10)


def test_each_strategy_buys_what_the_engine_asks_of_the_head(game: Active) -> None:
    rules, world = game._game, game._worlds[0]
    curves, bought = rules.play(world)
    truth = rules.truth
    assert budgets(rules) == [6, 10, 14, 18, 22, 26] and set(curves) == {*STRATEGIES, "random"}
    for name in STRATEGIES:
        mine = bought[name]
        assert len(mine) == 26 == len(mine.unique()) and torch.equal(mine[:6], rules.orders[0, :6])
        for k, at in enumerate(budgets(rules)[:-1]):
            weights = fit(world.pool[mine[:at]][None], truth[0][mine[:at]][None], 3)
            said = chances(weights, world.test)[0].argmax(1)
            assert curves[name][k] == pytest.approx(float((said == truth[1]).double().mean()))
            p = chances(weights, world.pool)[0]
            there = torch.tensor([i for i in range(60) if i not in mine[:at].tolist()])
            if name == "badge":
                expected = there[strategies.badge(p[there], world.pool[there], 4, seed=3 + k)]
            else:
                expected = there[getattr(strategies, name)(p[there]).argsort(descending=True)[:4]]
            assert mine[at : at + 4].tolist() == expected.tolist()
    assert torch.equal(bought["random"], rules.orders[0, :26])


def test_the_control_is_five_orders_that_begin_alike(game: Active) -> None:
    orders = game._game.orders
    assert orders.shape == (ORDERS, 60) and len(orders.unique(dim=0)) == ORDERS
    assert all(sorted(order.tolist()) == list(range(60)) for order in orders)
    assert len(orders[:, :6].unique(dim=0)) == 1
    assert np.array_equal(values(game.start["orders"]), orders.numpy())


def test_the_default_puts_an_untrained_network_beside_and_leaves_the_random_state_alone() -> None:
    before = torch.get_rng_state()
    widget = active(rounds=1)
    assert torch.equal(before, torch.get_rng_state())
    assert [each["name"] for each in widget.start["worlds"]] == ["the trained network", "the untrained network"]
    assert "trained with all the labels of this pool" in widget.start["notes"][0]
    assert "before its training" in widget.start["notes"][1]
    net, train = gradlab.models.digits(), gradlab.data.digits("train")
    h = last_layer(net, net.normalize(train.pictures[:600])).hidden.double()
    spread = h.std(0, correction=0)
    expected = torch.where(spread > 0, (h - h.mean(0)) / spread.clamp_min(1e-12), 0.0) / 32**0.5
    sent = values(widget.start["worlds"][0]["pool"])
    assert np.allclose(sent, expected.numpy(), atol=1e-4)
    assert values(widget.start["truth"][0]).tolist() == train.labels[:600].tolist()
    assert values(widget.start["tiles"]).shape == (600, 16, 16, 1)


def test_ones_own_networks_and_h_get_the_plain_warning(net: Classifier, game: Active) -> None:
    pool = (pictures(30, 0), torch.arange(30) % 5)
    mine = active({"f": net, "g": network()}, pool, pool, start=5, batch=3, rounds=2)
    assert [each["name"] for each in mine.start["worlds"]] == ["f", "g"]
    for widget in (mine, game):
        assert all(note.startswith("If the network that gave h") for note in widget.start["notes"])
    assert game.start["tiles"] is None and game.start["labels"] == ["0", "1", "2"]
    named = active(pool=cloud(30, 0), test=cloud(9, 1), start=3, batch=2, rounds=1, names=["x", "y", "z"])
    assert named.start["labels"] == ["x", "y", "z"]


@pytest.mark.parametrize("make", [lambda: active(pool=cloud(60, 0), test=cloud(40, 1), start=6, batch=4, rounds=2)])
def test_what_stands_where_nothing_runs(make: Callable[[], Active], small: Ood, tmp_path: Path) -> None:
    for widget in (make(), small):
        picture = widget._picture()
        assert Image.open(io.BytesIO(picture)).format == "WEBP" and len(picture) < PICTURE_LIMIT
        text = widget.save_html(tmp_path / "page.html").read_text()
        assert "https://" not in text and "0x" not in repr(widget)
        assert widget._sentence().startswith(widget._short())
    told = make()
    curves, _ = told._game.play(told._worlds[0])
    assert f"random {curves['random'][-1]:.3f}" in told._sentence()
    assert f"margin {curves['margin'][-1]:.3f}" in told._sentence()


def with_nan() -> tuple[Tensor, Tensor]:
    h, labels = cloud(60, 0)
    h[3, 1] = torch.nan
    return h, labels


CLOUD, TEST = cloud(60, 0), cloud(40, 1)


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        ({"net": nn.Linear(2, 2)}, ModelError, "Classifier"),
        ({"net": network()}, InputError, "reads no digits"),
        ({"net": {}}, InputError, "no network"),
        ({"net": {"a": network(5), "b": network(4)}}, InputError, "different classes"),
        ({"net": network(), "pool": CLOUD, "test": TEST}, InputError, "leave net out"),
        ({"pool": with_nan(), "test": TEST}, InputError, "NaN"),
        ({"pool": (CLOUD[0][:0], CLOUD[1][:0]), "test": TEST}, InputError, "not empty"),
        ({"pool": CLOUD}, InputError, "test is None: expected"),
        ({"pool": CLOUD, "test": (TEST[0][:, :3], TEST[1])}, InputError, "3 numbers"),
        ({"pool": (CLOUD[0], CLOUD[1][:-1]), "test": TEST}, TargetError, "60"),
        ({"pool": (CLOUD[0], CLOUD[1] * 0.5), "test": TEST}, TargetError, "integers"),
        ({"pool": CLOUD, "test": TEST, "names": ["x", "y"]}, TargetError, "0 to 1"),
        ({"pool": (CLOUD[0], CLOUD[1] * 0), "test": (TEST[0], TEST[1] * 0)}, InputError, "1 classes"),
        ({"pool": (torch.rand(2001, 2), torch.arange(2001) % 2), "test": TEST}, InputError, "numbers"),
        (
            {"pool": (torch.rand(2001, 4), torch.arange(2001) % 2), "test": TEST},
            InputError,
            "at most 2000 rows",
        ),
        ({"pool": CLOUD, "test": TEST, "rounds": 6}, InputError, "80 labels"),
        ({"pool": CLOUD, "test": TEST, "batch": 0}, InputError, "batch is 0"),
        ({"pool": CLOUD, "test": TEST, "start": 1.5}, InputError, "start is 1.5"),
        ({"pool": CLOUD, "test": TEST, "seed": -1}, InputError, "seed"),
        ({"pool": (pictures(4, 0)[:, :1], torch.arange(4)), "test": TEST}, InputError, "1, 32, 32"),
    ],
)
def test_active_refuses(settings: dict[str, Any], error: type[GradlabError], says: str) -> None:
    with pytest.raises(error, match=says):
        active(**settings)
