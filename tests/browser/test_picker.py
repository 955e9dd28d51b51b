"""Choosing a class: a click replaces the last choice, a word finds what it means, the list stays where it is seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import gradlab
from tests.browser.saved import offline, texts

pytestmark = pytest.mark.browser

FIELD, LIST = '[data-combobox="{}"] input', '[data-combobox="{}"] ul'
THIRD = '[data-panel="contrast"] h3'


@pytest.fixture(scope="module")
def page(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    widget = gradlab.widgets.paradigms(gradlab.models.imagenet(), "chelsea")
    with offline(browser, widget, tmp_path_factory.mktemp("picker")) as opened:
        yield opened


def box(page: Any, selector: str) -> dict[str, float]:
    found = page.locator(selector).evaluate("e => { const b = e.getBoundingClientRect();"
        " return {left: b.left, right: b.right, top: b.top, bottom: b.bottom, height: b.height}; }")  # fmt: skip
    return dict(found)


def test_a_click_replaces_what_was_chosen(page: Any) -> None:
    field = page.locator(FIELD.format("q"))
    for name in ("lynx", "zebra", "tabby"):  # the field keeps the focus between the choices
        field.click()
        page.keyboard.type(name)
        page.keyboard.press("Enter")
        assert page.locator(THIRD).inner_text().endswith(f"rather than {name}?")
        assert field.input_value() == name
    field.click()
    page.keyboard.type("tiger")
    field.click()  # to go on typing: what was typed stays
    page.keyboard.press("End")
    page.keyboard.type(" cat")
    assert field.input_value() == "tiger cat"
    page.keyboard.press("Escape")


@pytest.mark.parametrize(
    ("word", "first", "never"),
    [
        ("cat", {"tiger cat", "Egyptian cat", "tabby", "lynx"}, {"crate", "oxcart", "castle"}),
        ("airplane", {"airliner", "warplane"}, {"plane"}),
        ("person", {"groom", "scuba diver"}, {"pirate"}),
        ("car sports", {"sports car"}, {"oxcart"}),
    ],
)
def test_a_word_finds_the_classes_it_means(page: Any, word: str, first: set[str], never: set[str]) -> None:
    page.locator(FIELD.format("q")).click()
    page.keyboard.type(word)
    found = texts(page, f"{LIST.format('q')} [role=option] span:first-child")
    assert first <= set(found) and not never & set(found)
    page.keyboard.press("Escape")


def test_what_is_not_there_is_said(page: Any) -> None:
    page.locator(FIELD.format("q")).click()
    page.keyboard.type("qqq")
    assert texts(page, f"{LIST.format('q')} li") == ["no such class"]
    page.keyboard.press("Escape")


@pytest.mark.parametrize("width", [1300, 1000, 700, 400, 320])
@pytest.mark.parametrize("letter", ["p", "q"])
def test_the_list_lies_inside_the_widget_and_the_window(page: Any, width: int, letter: str) -> None:
    page.set_viewport_size({"width": width, "height": 640})
    field = page.locator(FIELD.format(letter))
    for block in ("start", "center", "end"):  # the field at the top, in the middle and at the bottom of the window
        field.evaluate("(e, block) => e.scrollIntoView({block})", block)
        field.focus()
        page.keyboard.press("ArrowDown")
        listed, root = box(page, LIST.format(letter)), box(page, ".gl-root")
        assert listed["left"] >= root["left"] - 1 and listed["right"] <= root["right"] + 1
        assert listed["top"] >= -1 and listed["bottom"] <= 641 and listed["height"] >= 72
        for key in ["ArrowDown"] * 12 + ["End", "Home"]:
            page.keyboard.press(key)
            active = box(page, f"{LIST.format(letter)} [aria-selected=true]")
            assert active["top"] >= listed["top"] - 1 and active["bottom"] <= listed["bottom"] + 1
        page.keyboard.press("Escape")
