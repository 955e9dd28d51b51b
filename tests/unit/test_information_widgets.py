"""The information widgets' Python side: what is sent, the sentence and the picture, the saved page, bad input."""

from __future__ import annotations

import base64
import html
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gradlab.core.errors import InputError
from gradlab.information import conditional_entropy, entropy, families, mutual_information
from gradlab.widgets import Entropy, Fisher, Manifold, Mutual
from gradlab.widgets import entropy as entropy_widget
from gradlab.widgets import fisher as fisher_widget
from gradlab.widgets import manifold as manifold_widget
from gradlab.widgets import mutual as mutual_widget
from gradlab.widgets.fisher import SLIDERS, uniforms
from gradlab.widgets.manifold import likelihoods, trained
from gradlab.widgets.widget import PICTURE_LIMIT

MADE = {Entropy: entropy_widget, Mutual: mutual_widget, Fisher: fisher_widget, Manifold: manifold_widget}
JOINT = np.array([[0.3, 0.1], [0.0, 0.4], [0.15, 0.05]])


@pytest.mark.parametrize("made", MADE.values(), ids=lambda made: made.__name__)
def test_view_picture_sentence_and_page(made: Any, tmp_path: Path) -> None:
    widget = made()
    data = widget._still()
    assert data["text/plain"] == widget._sentence()
    assert f'<img alt="{html.escape(widget._sentence())}"' in data["text/html"]
    assert 2000 < len(base64.b64decode(data["text/html"].partition("base64,")[2].partition('"')[0])) <= PICTURE_LIMIT
    assert repr(widget) == repr(made()) and "0x" not in repr(widget)
    assert widget.save_html(tmp_path / "page.html").is_file()


@pytest.mark.parametrize(("unit", "base"), [("bits", 2), ("nats", math.e)])
def test_sentences_hold_the_engines_numbers(unit: str, base: float) -> None:
    p = torch.tensor([0.7, 0.2, 0.1, 0.0])
    said = entropy_widget(p, labels=["a", "b", "c", "d"], unit=unit)
    assert f"{entropy(p, base=base):.3f} {unit}" in said._sentence() and "d 0" in said._sentence()
    assert sum(p for _, p in said.events) == pytest.approx(1, abs=1e-15)
    both = mutual_widget(JOINT, unit=unit)._sentence()
    assert f"{mutual_information(JOINT, base=base):.3f} {unit}" in both
    assert f"H(X|Y) = {conditional_entropy(JOINT, base=base):.3f}" in both
    assert f"H(Y|X) = {conditional_entropy(JOINT.T, base=base):.3f}" in both


def test_uniforms_are_uniform_and_seeded() -> None:
    u = uniforms(3, 20_000)
    assert u.min() >= 0 and u.max() < 1
    counts, _ = np.histogram(u, 20, (0, 1))
    # chi-square with 19 degrees of freedom: above 44 once in a thousand seeds
    assert ((counts - 1000) ** 2 / 1000).sum() < 44
    np.testing.assert_array_equal(u[:50], uniforms(3, 50))
    # neither along one seed nor from one seed to the next
    assert abs(np.corrcoef(u[:-1], u[1:])[0, 1]) < 0.03 and abs(np.corrcoef(u, uniforms(4, 20_000))[0, 1]) < 0.03


@pytest.mark.parametrize("family", SLIDERS)
def test_every_family_draws_what_it_says(family: str) -> None:
    """At three places of its slider, mean and variance of 10,000 scores are those of theory."""
    shown = SLIDERS[family]
    for theta in (shown.low + 0.1 * (shown.high - shown.low), shown.value, shown.high):
        found = fisher_widget(family, theta, n=10_000, seed=1)._found
        scores, book = found["scores"], found["book"]
        assert abs(found["mean"]) < 4 * math.sqrt(book / 10_000)
        error = ((scores - scores.mean()) ** 2).std() / 100
        assert abs(found["variance"] - book) < 4 * error + 1e-9
        assert found["curvature"] == pytest.approx(book, rel=0.15)
    assert fisher_widget("Gaussian mean", sigma=2.0)._found["book"] == families.gaussian_mean(2.0).fisher(0) == 0.25


def test_the_toy_network_learns_and_repeats() -> None:
    before = np.random.get_state()[1].copy(), torch.get_rng_state()
    weights, points = trained(0)
    p, _ = likelihoods(weights, points)
    assert (p.argmax(-1) == np.arange(3)[:, None]).mean() > 0.85
    trained.cache_clear()
    assert all(map(np.array_equal, weights, trained(0)[0]))
    assert not np.array_equal(weights[0], trained(1)[0][0])
    assert (np.random.get_state()[1] == before[0]).all() and torch.equal(torch.get_rng_state(), before[1])


def test_the_gradients_are_autograds() -> None:
    weights, _ = trained(0)
    point = torch.tensor([0.3, -0.8], dtype=torch.float64, requires_grad=True)
    w1, b1, w2, b2 = map(torch.from_numpy, weights)
    loss = -torch.log_softmax(w2 @ torch.tanh(w1 @ point + b1) + b2, 0)
    p, g = likelihoods(weights, point.detach().numpy())
    np.testing.assert_allclose(p, (-loss).exp().detach(), rtol=1e-12)
    for c in range(3):
        (slope,) = torch.autograd.grad(loss[c], point, retain_graph=True)
        np.testing.assert_allclose(g[c], slope, rtol=1e-10, atol=1e-14)
    assert np.abs(p @ g).max() < 1e-14


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: entropy_widget([0.5, 0.6]), "sums to 1.1"),
        (lambda: entropy_widget([0.5, float("nan")]), "NaN"),
        (lambda: entropy_widget([1.5, -0.5]), "at least 0"),
        (lambda: entropy_widget([]), "empty"),
        (lambda: entropy_widget([1.0]), "2 to 16 events"),
        (lambda: entropy_widget(np.full(17, 1 / 17)), "put the others into one"),
        (lambda: entropy_widget(JOINT / JOINT.sum(1, keepdims=True)), "shape"),
        (lambda: entropy_widget("half"), "no real numbers"),
        (lambda: entropy_widget([0.5, 0.5], labels=["a"]), "2 different names"),
        (lambda: entropy_widget([0.5, 0.5], labels=["a", "a"]), "2 different names"),
        (lambda: entropy_widget(unit="hartleys"), "'bits' or 'nats'"),
        (lambda: mutual_widget([0.5, 0.5]), "a table"),
        (lambda: mutual_widget(JOINT / 2), "sums to 0.5"),
        (lambda: mutual_widget(np.full((1, 4), 0.25)), "2 to 6"),
        (lambda: mutual_widget(np.full((7, 2), 1 / 14)), "2 to 6"),
        (lambda: mutual_widget(JOINT, rows=["a", "b"]), "rows are"),
        (lambda: mutual_widget(JOINT, columns=["a", "b", "c"]), "columns are"),
        (lambda: mutual_widget(unit="bit"), "unit"),
        (lambda: fisher_widget("Gausian mean"), "Did you mean 'Gaussian mean'"),
        (lambda: fisher_widget("Bernoulli", 1.0), "0.02 to 0.98"),
        (lambda: fisher_widget("Poisson", float("nan")), "theta is nan"),
        (lambda: fisher_widget(sigma=0), "sigma is 0"),
        (lambda: fisher_widget(n=17), "n is 17"),
        (lambda: fisher_widget(seed=-1), "seed is -1"),
        (lambda: manifold_widget((1.0,)), "two numbers"),
        (lambda: manifold_widget("middle"), "point is 'middle': expected numbers"),
        (lambda: manifold_widget((0.0, 9.0)), "point's y is 9.0"),
        (lambda: manifold_widget((float("nan"), 0)), "point's x is nan"),
        (lambda: manifold_widget(seed=1.5), "seed is 1.5"),
    ],
)
def test_bad_input_is_refused(make: Any, what: str) -> None:
    with pytest.raises(InputError, match=re.escape(what)) as told:
        make()
    assert "\n" not in str(told.value)
