"""What the reader chose: in every state no word contradicts another, Python refuses what is wrong, pages keep it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from gradlab.core.errors import GradlabError
from gradlab.widgets import Widget
from tests.browser.choices import CHOICES, WRONG, states
from tests.browser.saved import offline
from tests.browser.test_styles import SETUP, WIDGETS

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NO_NUMBER = re.compile(r"\b(nan|undefined|null|none|infinity|\[object|inf)\b", re.IGNORECASE)
# sets every state in turn, and tells what the page says then: words, names and numbers that are drawn
EVERY = """async states => {
    const model = window.gradlabModel, said = [];
    const root = document.querySelector(".gl-root"), quiet = () => new Promise(done => setTimeout(done, 0));
    for (const state of states) {
        for (const [name, value] of Object.entries(state)) model.set(name, value);
        for (let i = 0; i < 3; i++) await quiet();
        const drawn = [...root.querySelectorAll("svg *")].flatMap(each =>
            ["d", "x", "y", "cx", "cy", "width", "height", "r", "points"].map(name => each.getAttribute(name)));
        said.push({
            words: root.innerText, titles: [...root.querySelectorAll(".gl-title")].map(each => each.textContent),
            labels: [...root.querySelectorAll("[aria-label], [aria-valuetext]")].map(each =>
                `${each.getAttribute("aria-label") ?? ""} ${each.getAttribute("aria-valuetext") ?? ""}`),
            bad: drawn.filter(each => each && /NaN|undefined|Infinity/.test(each)).length,
            errors: [...root.querySelectorAll(".gl-error")].map(each => each.textContent).join(""),
        });
    }
    await new Promise(done => setTimeout(done, 400));
    return [said, document.querySelector(".gl-readout").textContent];
}"""


@pytest.fixture(scope="module")
def every_widget() -> dict[str, Widget]:
    names: dict[str, Any] = {}
    exec(SETUP, names)
    return {name: eval(source, names) for name, source in WIDGETS.items()}


def now(widget: Any, name: str) -> str:
    return json.dumps({key: getattr(widget, key) for key in CHOICES[name]})


def choose(widget: Any, state: dict[str, Any]) -> None:
    for key, value in state.items():
        setattr(widget, key, value)


def reset(widget: Any) -> None:
    choose(widget, widget.initial)
    if hasattr(widget, "present"):
        widget.present = False


def test_the_table_names_every_choice(every_widget: dict[str, Widget]) -> None:
    for name, widget in every_widget.items():
        assert set(CHOICES[name]) - {"present"} == set(widget._chosen) == set(widget.initial), name
        assert set(WRONG[name]) <= set(CHOICES[name])


@pytest.mark.parametrize("name", CHOICES)
def test_python_says_what_is_so_in_every_state(every_widget: dict[str, Widget], name: str) -> None:
    widget, told = every_widget[name], set()
    for state in states(name)[::7]:
        choose(widget, state)
        for sentence in (repr(widget), widget._sentence()):
            assert len(sentence) > 20 and not NO_NUMBER.search(sentence), (state, sentence)
            told.add(sentence)
        assert widget._sentence().startswith(widget._short())
    assert len(told) > 2, "the words follow what is chosen"
    assert widget._picture(), "and so does the picture"
    reset(widget)


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_refused_and_changes_nothing(every_widget: dict[str, Widget], name: str) -> None:
    widget, before = every_widget[name], now(every_widget[name], name)
    for key, values in WRONG[name].items():
        for value in values:
            with pytest.raises(GradlabError):
                setattr(widget, key, value)
            assert now(widget, name) == before, (key, value)


@pytest.mark.parametrize("name", CHOICES)
def test_the_page_says_what_is_so_in_every_state(
    browser: Any, every_widget: dict[str, Widget], tmp_path: Path, name: str
) -> None:
    widget = every_widget[name]
    with offline(browser, widget, tmp_path, reduced_motion="reduce") as page:
        said, readout = page.evaluate(EVERY, states(name))
    assert len(said) == len(states(name)) and readout
    for state, each in zip(states(name), said, strict=True):
        assert each["bad"] == 0 and each["errors"] == "", state
        assert all(title.strip() for title in each["titles"]), state
        for text in (each["words"], *each["labels"]):
            assert not re.search(r"\b(NaN|undefined|null|Infinity|\[object)", text), (state, text[:300])
            twice = re.search(r"rather than (.+?)\?", text)
            why = re.search(r"Why (.+?), rather than", text)
            assert not (twice and why and twice[1] == why[1]), (state, text[:200])


@pytest.mark.parametrize("name", CHOICES)
def test_a_page_keeps_what_was_chosen_and_reset_puts_it_back(
    browser: Any, every_widget: dict[str, Widget], tmp_path: Path, name: str
) -> None:
    widget = every_widget[name]
    kept = [key for key in CHOICES[name] if key not in ("share", "present")]  # other weights need a kernel
    read = f"() => JSON.stringify({json.dumps(kept)}.map(key => window.gradlabModel.get(key)))"
    choose(widget, {key: CHOICES[name][key][-1] for key in kept})
    chosen = json.dumps([getattr(widget, key) for key in kept])
    with offline(browser, widget, tmp_path, reduced_motion="reduce") as page:
        page.wait_for_timeout(600)
        assert json.loads(page.evaluate(read)) == json.loads(chosen)
        words = page.locator(".gl-root").inner_text()
        page.locator("[data-control=reset]").click()
        page.wait_for_timeout(600)
        first = json.dumps([widget.initial[key] for key in kept])
        assert json.loads(page.evaluate(read)) == json.loads(first)
        after = page.locator(".gl-root").inner_text()
        assert after != words
    reset(widget)
    with offline(browser, widget, tmp_path, reduced_motion="reduce") as page:
        page.wait_for_timeout(600)
        assert page.locator(".gl-root").inner_text() == after
