"""The challenges widget as a reader meets it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import gradlab
from gradlab.data import CHALLENGES
from gradlab.models.small import untrained_signs
from gradlab.widgets.strip import tile_of
from tests.browser.lab import Lab, count_messages, messages, run_notebook, running_lab, wait_idle, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CELLS = [
    "import torch, gradlab",
    "from gradlab.models.small import untrained_signs",
    "_ = torch.manual_seed(0); net = untrained_signs(depth=1); _ = net.model.eval()",
    "gradlab.widgets.challenges(net, level=1)",
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = write_notebook(tmp_path_factory.mktemp("lab") / "challenges.ipynb", CELLS).parent
    with running_lab(folder, tmp_path_factory.mktemp("home") / "jupyter") as running:
        yield running


def tile(name: str) -> str:
    return f'[data-challenge="{name}"]'


def pixels(page: Any, name: str) -> str:
    return str(page.locator(f"{tile(name)} canvas").evaluate("canvas => canvas.toDataURL()"))


def shown(page: Any, widget: Any, level: int) -> None:
    """Compare every tile's words with what the kernel computed."""
    strip = widget._strip
    for name in CHALLENGES:
        i = tile_of(name, level)
        said = int(strip.logits[i].argmax())
        assert page.locator(f"{tile(name)} .gl-tile-label").inner_text() == widget.labels[said]
        right = said == strip.reference
        assert page.locator(f"{tile(name)} .gl-mark").inner_text() == ("✓" if right else "✗")
        number = page.locator(f"{tile(name)} .gl-number").inner_text()
        if number[0] in "01":
            assert float(number) == pytest.approx(strip.probabilities[i].max(), abs=0.0051)


def test_in_jupyterlab(lab: Lab, page: Any, shots: Callable[[str], str]) -> None:
    run_notebook(page, lab, "challenges.ipynb")
    page.locator(".gl-tile").first.wait_for(timeout=60_000)
    page.locator(".gl-root").scroll_into_view_if_needed()
    wait_idle(page)
    page.screenshot(path=shots("challenges_lab"))

    # the level, a tile and the maps ask nothing of the kernel
    count_messages(page)
    before = {name: pixels(page, name) for name in CHALLENGES}
    label = page.locator(tile("rain")).inner_text()
    page.locator('[data-control="level"]').focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    assert page.locator('[data-control="level"]').input_value() == "5"
    assert all(pixels(page, name) != drawn for name, drawn in before.items())
    assert page.locator(tile("rain")).inner_text() != label
    assert "level 5" in page.locator(tile("rain")).inner_text()
    page.locator(tile("clean")).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert page.locator(f'{tile("decolorisation")}[aria-pressed="true"]').count() == 1
    assert page.locator(".gl-detail .gl-title").inner_text() == "decolorisation"
    page.locator('[data-control="maps"]').check()
    with_maps = pixels(page, "clean")
    page.locator('[data-control="maps"]').uncheck()
    assert with_maps != pixels(page, "clean")
    assert messages(page) == []

    # another sign of a class, then the next of it
    page.select_option('[data-control="sign"]', "yield")
    page.wait_for_function("() => document.querySelector('[data-combobox=picture] input').value === 'yield 0'")
    page.locator('[data-control="another"]').click()
    page.wait_for_function("() => document.querySelector('[data-combobox=picture] input').value === 'yield 1'")
    assert page.locator(".gl-asking > h3").inner_text() == "Truth: yield"
    assert page.locator('[data-control="level"]').input_value() == "5"

    # a picture that is not there: told on the screen, and what was shown stays
    page.locator('[data-combobox="picture"] input').focus()
    page.keyboard.type("nowhere.png")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('.gl-error').textContent.includes('nowhere.png')")
    assert page.locator(".gl-asking > h3").inner_text() == "Truth: yield"
    page.screenshot(path=shots("challenges_error"))


@pytest.mark.parametrize(("scheme", "width"), [("light", 1400), ("dark", 380)])
def test_a_saved_page_works_without_kernel_and_network(
    browser: Any, shots: Callable[[str], str], tmp_path: Path, scheme: str, width: int
) -> None:
    torch.manual_seed(0)
    net = untrained_signs(depth=1)
    net.model.eval()
    widget = gradlab.widgets.challenges(net, level=2)
    context = browser.new_context(viewport={"width": width, "height": 900}, offline=True, color_scheme=scheme)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
    page.goto(widget.save_html(tmp_path / "page.html").as_uri())
    page.locator(".gl-tile").first.wait_for()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    shown(page, widget, 2)
    page.locator('[data-control="level"]').focus()
    page.keyboard.press("End")
    shown(page, widget, 5)
    page.keyboard.press("Home")
    shown(page, widget, 0)
    assert len({pixels(page, name) for name in CHALLENGES}) == 1  # at level 0 all are the clean picture
    page.keyboard.press("ArrowRight")
    assert page.locator('[data-control="another"]').is_disabled()
    page.screenshot(path=shots(f"challenges_{scheme}_{width}"), full_page=True)
    assert not faults
    context.close()


def test_any_classifier_and_a_photograph(browser: Any, shots: Callable[[str], str], tmp_path: Path) -> None:
    widget = gradlab.widgets.challenges(gradlab.models.imagenet(), "coffee")
    context = browser.new_context(viewport={"width": 1100, "height": 900}, offline=True, color_scheme="dark")
    page = context.new_page()
    page.goto(widget.save_html(tmp_path / "page.html").as_uri())
    page.locator(".gl-tile").first.wait_for()
    shown(page, widget, 3)
    assert page.locator('[data-control="sign"]').count() == 0
    page.locator(tile("snow")).click()
    page.locator('[data-control="maps"]').check()
    page.screenshot(path=shots("challenges_photo_dark"), full_page=True)
    context.close()
