"""Numbers that the reader chose: page and Python say the same in every state, and on no page do they touch."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradlab
from tests.browser.choices import states
from tests.browser.saved import Values, offline
from tests.browser.test_choices import choose
from tests.browser.test_styles import SETUP, WIDGETS

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NAMES = ("entropy", "mutual", "fisher", "manifold", "introspect", "calibration")
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
# a page says its sentence at most four times a second: here at once, so that each state's is seen
EVERY = """async states => {
    const later = window.setTimeout, model = window.gradlabModel, said = [];
    window.setTimeout = act => later(act, 0);
    for (const state of states) {
        for (const [name, value] of Object.entries(state)) model.set(name, value);
        for (let i = 0; i < 3; i++) await new Promise(done => later(done, 0));
        said.push([document.querySelector(".gl-readout").textContent, document.querySelector(".gl-root").innerText]);
    }
    return said;
}"""
# the least room between two texts in one line of the table, pixels
ROOM = """() => {
    const texts = [...document.querySelectorAll(".gl-joint span")].filter(each => each.textContent);
    const places = texts.map(each => {
        const range = document.createRange();
        range.selectNodeContents(each);
        return range.getBoundingClientRect();
    });
    const rooms = places.flatMap(one => places.filter(other => other.left > one.left
        && Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top) > 2).map(other => other.left - one.right));
    return Math.min(...rooms);
}"""


def numbers(text: str) -> Values:
    return np.array([float(each) for each in NUMBER.findall(text.replace("\u2212", "-"))])


@pytest.mark.parametrize("name", NAMES)
def test_page_and_python_say_the_same_numbers(browser: Any, tmp_path: Path, name: str) -> None:
    names: dict[str, Any] = {}
    exec(SETUP, names)
    widget = eval(WIDGETS[name], names)
    some = states(name)[:: 5 if len(states(name)) > 100 else 1]
    with offline(browser, widget, tmp_path, reduced_motion="reduce") as page:
        said = page.evaluate(EVERY, some)
    for state, (readout, words) in zip(some, said, strict=True):
        choose(widget, state)
        # after a step the page tells what it did, not where it led
        sentence = widget._sentence() if name != "manifold" else widget._sentence().split(": ", 1)[1]
        assert len(readout) > 20 and not re.search(r"NaN|undefined|null|Infinity", readout), (state, readout)
        for value in numbers(sentence):
            away = np.abs(numbers(words) - value).min()
            assert away <= 0.0051 * max(1, abs(value)), (state, value, sentence, readout)


@pytest.mark.parametrize("theta", [0.3, 0.9])
def test_scores_beside_the_truth_are_of_the_parameter_that_is_shown(theta: float) -> None:
    widget = gradlab.widgets.fisher("Bernoulli", theta, n=10, seed=2**32 - 1)
    widget.away = 1.5
    fisher = 1 / (theta * (1 - theta))
    at = float(f"{min(theta + 1.5 / fisher**0.5, 0.996):.4g}")
    scores = np.unique(np.round(widget._found["scores"], 6))
    possible = np.round([-1 / (1 - at), 1 / at], 6)
    assert set(scores) <= set(possible)


@pytest.mark.parametrize("width", [320, 400, 800, 1000])
def test_numbers_of_a_large_table_do_not_touch(browser: Any, tmp_path: Path, width: int) -> None:
    joint = np.random.default_rng(0).random((6, 6)) ** 2
    joint[0, :2] = 1e-5  # "< .001" is the widest
    with offline(browser, gradlab.widgets.mutual(joint / joint.sum()), tmp_path, width=width) as page:
        assert page.evaluate(ROOM) > 1.5
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
