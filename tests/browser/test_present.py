"""A lecture hall's widget: the maps alone, and a key for the next P, the next Q, the next picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import gradlab
from tests.browser.saved import offline, small_net

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def titles(page: Any) -> list[str]:
    return list(page.locator(".gl-panel .gl-title").all_inner_texts())


def test_keys_ask_for_the_next_class(browser: Any, tmp_path: Path) -> None:
    widget = gradlab.widgets.paradigms(small_net(), "chelsea")
    order = [widget.labels[c] for c in widget._factors.logits.argsort()[::-1]]
    with offline(browser, widget, tmp_path) as page:
        page.locator("[data-control=present]").click()
        page.locator(".gl-root.gl-presenting").wait_for()
        hidden = [".gl-side", ".gl-film", ".gl-controls", ".gl-pick >> nth=0"]
        assert not any(page.locator(each).is_visible() for each in hidden)
        page.keyboard.press("q")
        assert titles(page)[2] == f"Why {order[0]}, rather than {order[2]}?"
        page.keyboard.press("Shift+Q")
        assert titles(page)[2] == f"Why {order[0]}, rather than {order[1]}?"
        page.keyboard.press("p")
        assert titles(page)[:2] == [f"Why {order[1]}?", f"What if not {order[1]}?"]
        page.keyboard.press("Shift+P")
        page.keyboard.press("Shift+P")
        assert titles(page)[0] == f"Why {order[-1]}?", "round and round"
        page.keyboard.press("n")
        page.locator(".gl-readout", has_text="A saved page: another picture needs a kernel.").wait_for()
        page.keyboard.press("Escape")
        page.wait_for_function("() => !document.querySelector('.gl-presenting')")
        assert page.locator(".gl-side").is_visible()
        assert page.locator("[data-control=present]").evaluate("button => button === document.activeElement")
        page.keyboard.press("q")
        assert titles(page)[0] == f"Why {order[-1]}?", "a key of its own only there"


def test_python_and_saved_pages_present(browser: Any, tmp_path: Path) -> None:
    widget = gradlab.widgets.paradigms(small_net(), "chelsea")
    widget.present = True
    with offline(browser, widget, tmp_path, width=1280) as page:
        assert page.locator(".gl-presenting").is_visible() and not page.locator(".gl-side").is_visible()
        page.locator("[data-control=present-q]").click()
        assert (
            page.locator(".gl-panel .gl-title").nth(2).evaluate("e => parseFloat(getComputedStyle(e).fontSize)") >= 24
        )
