"""The gradients widget as a reader meets it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import gradlab
from gradlab.explain import guided_backprop
from tests.browser.lab import Lab, count_messages, messages, run_notebook, running_lab, wait_idle, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CELLS = [
    "import gradlab",
    "net = gradlab.models.imagenet()",
    "gradlab.widgets.gradients(net, 'cat_and_coffee')",
]


@pytest.fixture(scope="module")
def net() -> Any:
    return gradlab.models.imagenet()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = write_notebook(tmp_path_factory.mktemp("lab") / "gradients.ipynb", CELLS).parent
    with running_lab(folder, tmp_path_factory.mktemp("home") / "jupyter") as running:
        yield running


def panel(key: str) -> str:
    return f'[data-panel="{key}"]'


def pixels(page: Any, key: str) -> str:
    return str(page.locator(f"{panel(key)} canvas").evaluate("canvas => canvas.toDataURL()"))


def pick(page: Any, typed: str) -> None:
    page.locator('[data-combobox="p"] input').focus()
    page.keyboard.type(typed)
    page.keyboard.press("Enter")


def inside(page: Any, key: str) -> int:
    return int(re.findall(r"(\d+) %", page.locator(f"{panel(key)} .gl-hottest").inner_text())[0])


def expected(net: Any, target: str, box: tuple[slice, slice]) -> float:
    strength = (
        guided_backprop(net, net.transform(gradlab.data.picture("cat_and_coffee"))[None], target)[0].abs().amax(0)
    )
    return 100 * float(strength[box].sum() / strength.sum())


def test_in_jupyterlab(lab: Lab, page: Any, net: Any, shots: Callable[[str], str]) -> None:
    run_notebook(page, lab, "gradients.ipynb")
    page.locator(".gl-root").wait_for(timeout=60_000)
    page.locator(".gl-root").scroll_into_view_if_needed()
    wait_idle(page)
    said = page.locator('[data-combobox="p"] input').input_value()
    middle = (slice(56, 168), slice(56, 168))
    assert inside(page, "trained guided backpropagation") == pytest.approx(expected(net, said, middle), abs=1.01)
    page.screenshot(path=shots("gradients_lab"))

    # the box is moved and resized by hand and keys, without the kernel
    count_messages(page)
    page.locator(f"{panel('photo')} canvas").focus()
    for key in ["ArrowLeft"] * 7 + ["Shift+ArrowRight"] * 2 + ["ArrowUp"] * 9:
        page.keyboard.press(key)
    assert page.locator(f"{panel('photo')} .gl-hottest").inner_text() == "the box: 29 % of the picture"
    corner = (slice(0, 112), slice(0, 128))
    assert inside(page, "trained guided backpropagation") == pytest.approx(expected(net, said, corner), abs=1.01)
    before = pixels(page, "random gradient")
    page.select_option('[data-control="colours"]', "blue-orange")
    assert pixels(page, "random gradient") != before
    assert messages(page) == []

    before = {key: pixels(page, key) for key in ("trained gradient", "trained guided backpropagation")}
    pick(page, "espresso")
    page.wait_for_function("() => document.querySelector('.gl-readout').textContent.startsWith('espresso')")
    assert all(pixels(page, key) != drawn for key, drawn in before.items())
    pick(page, said)
    page.wait_for_function(f"() => document.querySelector('.gl-readout').textContent.startsWith('{said}')")
    count_messages(page)
    pick(page, "espresso")  # asked before: the page remembers
    assert messages(page) == []
    alike = page.locator(f"{panel('random deconvnet')} .gl-meaning")
    last_layer = alike.inner_text()
    page.select_option('[data-control="share"]', "1")
    page.wait_for_function("() => /last \\d+ layers/.test(document.querySelector('.gl-asking > h3').textContent)")
    assert alike.inner_text() != last_layer
    page.screenshot(path=shots("gradients_all_random"))

    page.locator('[data-combobox="picture"] input').focus()
    page.keyboard.type("camera")
    page.keyboard.press("Enter")
    page.wait_for_function("() => !document.querySelector('.gl-readout').textContent.startsWith('espresso')")


def test_a_saved_page_shows_the_likeliest_classes(
    browser: Any, net: Any, shots: Callable[[str], str], tmp_path: Path
) -> None:
    widget = gradlab.widgets.gradients(net, "chelsea")
    context = browser.new_context(viewport={"width": 380, "height": 800}, offline=True, color_scheme="dark")
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(widget.save_html(tmp_path / "page.html").as_uri())
    page.locator('[data-row="random"] canvas').first.wait_for()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 380
    before = pixels(page, "trained gradient")
    pick(page, "lynx")
    assert pixels(page, "trained gradient") != before
    assert page.locator('[data-control="share"]').is_disabled()
    page.screenshot(path=shots("gradients_narrow"), full_page=True)
    assert not faults
    context.close()
