"""The occlusion widget as a reader meets it: a mask under the hand, a sweep that streams, stops and goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import gradlab
from tests.browser.lab import Lab, count_messages, messages, run_notebook, running_lab, wait_idle, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CELLS = [
    "import gradlab",
    "net = gradlab.models.imagenet()",
    "widget = gradlab.widgets.occlusion(net, 'chelsea', window=32, stride=8)\nwidget",
]
STAGE = '[data-stage="hide"]'
MAP = '[data-stage="map"]'


@pytest.fixture(scope="module")
def net() -> Any:
    return gradlab.models.imagenet()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = write_notebook(tmp_path_factory.mktemp("lab") / "occlusion.ipynb", CELLS).parent
    with running_lab(folder, tmp_path_factory.mktemp("home") / "jupyter") as running:
        yield running


def box(page: Any) -> list[int]:
    """Return the (top, left, height, width) whose answer is on the bars."""
    settled = page.locator(STAGE).get_attribute("data-settled")
    return [int(value) for value in settled.split(",")] if settled else []


def wait_box(page: Any, wanted: list[int]) -> None:
    said = ",".join(map(str, wanted))
    page.wait_for_function(f"() => document.querySelector('{STAGE}').dataset.settled === '{said}'", timeout=20_000)


def bars(page: Any) -> dict[int, tuple[float, float]]:
    found = page.locator('[data-bars="p"] .gl-bar').evaluate_all(
        "bars => bars.map(bar => [bar.dataset.class, bar.dataset.before, bar.dataset.after])"
    )
    return {int(c): (float(before), float(after)) for c, before, after in found}


def expected(net: Any, name: str, mask: tuple[slice, slice], baseline: float = 0.0) -> np.ndarray:
    """p with the mask hidden, from an ordinary forward pass."""
    x = net.transform(gradlab.data.picture(name))[None].clone()
    x[0, :, mask[0], mask[1]] = baseline
    with torch.no_grad():
        return net(x)[0].softmax(0).double().numpy()


def agrees(page: Any, chance: np.ndarray) -> None:
    shown = bars(page)
    assert len(shown) >= 5
    for c, (_, after) in shown.items():
        assert after == pytest.approx(chance[c], abs=4e-3), c


def drag(page: Any, stage: str, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag from one place of the picture to another, in picture pixels."""
    shown = page.locator(stage).bounding_box()
    places = [(shown["x"] + x / 224 * shown["width"], shown["y"] + y / 224 * shown["height"]) for x, y in (start, end)]
    page.mouse.move(*places[0])
    page.mouse.down()
    page.mouse.move(*places[1], steps=6)
    page.mouse.up()


def pixels(page: Any, stage: str) -> str:
    return str(page.locator(stage).evaluate("canvas => canvas.toDataURL()"))


def text(page: Any, control: str) -> str:
    return str(page.locator(f'[data-control="{control}"]').inner_text())


def test_in_jupyterlab(lab: Lab, page: Any, net: Any, shots: Callable[[str], str]) -> None:
    run_notebook(page, lab, "occlusion.ipynb")
    page.locator(".gl-root").wait_for(timeout=60_000)
    page.locator(".gl-root").scroll_into_view_if_needed()
    wait_box(page, [96, 96, 32, 32])
    agrees(page, expected(net, "chelsea", (slice(96, 128), slice(96, 128))))

    # a box anywhere, of any size, is one forward pass
    drag(page, STAGE, (112, 112), (153, 71))
    wait_box(page, [55, 137, 32, 32])
    agrees(page, expected(net, "chelsea", (slice(55, 87), slice(137, 169))))
    drag(page, STAGE, (169, 87), (189, 117))  # the lower right corner
    wait_box(page, [55, 137, 62, 52])
    agrees(page, expected(net, "chelsea", (slice(55, 117), slice(137, 189))))
    page.select_option('[data-control="baseline"]', "black")
    page.wait_for_timeout(600)
    agrees(page, expected(net, "chelsea", (slice(55, 117), slice(137, 189)), -1.0))
    page.select_option('[data-control="baseline"]', "mean")

    # the sweep streams, answers Cancel at once, and goes on where it was
    page.locator('[data-control="sweep"]').click()
    page.wait_for_function("() => /^[1-9]/.test(document.querySelector('.gl-sweep .gl-status').textContent)")
    page.screenshot(path=shots("occlusion_streaming"))
    began = time.monotonic()
    page.locator('[data-control="sweep"]').click()
    page.wait_for_function("() => document.querySelector('[data-control=sweep]').textContent === 'Go on'")
    waited = time.monotonic() - began
    print(f"Cancel was answered after {1000 * waited:.0f} ms, the click of the test included")
    assert waited < 2, "Cancel is answered between two groups of windows at the latest"
    page.wait_for_timeout(500)
    done = int(page.locator(".gl-sweep .gl-status").inner_text().split()[0])
    assert 0 < done < 625
    page.locator('[data-control="sweep"]').click()
    page.wait_for_function(
        "() => document.querySelector('.gl-sweep .gl-status').textContent.startsWith('625 of 625')", timeout=60_000
    )
    page.wait_for_function("() => document.querySelector('[data-control=sweep]').disabled")
    wait_idle(page)

    no_kernel_after_the_sweep(page, net)
    page.screenshot(path=shots("occlusion_swept"))

    # a brush, with the mouse and with keys
    page.select_option('[data-control="mode"]', "paint")
    drag(page, STAGE, (40, 40), (120, 40))
    page.wait_for_function("() => /painted over/.test(document.querySelector('.gl-readout').textContent)")
    before = pixels(page, STAGE)
    for key in ("ArrowDown", "ArrowDown", "Space"):
        page.keyboard.press(key)
    assert pixels(page, STAGE) != before
    page.screenshot(path=shots("occlusion_painted"))

    field = page.locator('[data-combobox="picture"] input')
    field.focus()
    page.keyboard.type("coffee")
    page.keyboard.press("Enter")
    page.wait_for_function("() => /espresso/.test(document.querySelector('[data-panel=map] h3').textContent)")
    assert text(page, "sweep") == "Sweep"


def no_kernel_after_the_sweep(page: Any, net: Any) -> None:
    """Drag, move by keys, change P, unit and colours: the numbers are the network's, and no message is sent."""
    page.select_option('[data-control="window"]', "32")
    page.wait_for_timeout(400)
    count_messages(page)
    top, left, *_ = box(page)
    drag(page, MAP, (left + 16, top + 16), (70, 30))
    page.keyboard.press("ArrowRight")
    top, left, height, width = box(page)
    assert (top % 8, left % 8, height, width) == (0, 0, 32, 32)
    agrees(page, expected(net, "chelsea", (slice(top, top + 32), slice(left, left + 32))))
    for _ in range(40):
        page.keyboard.press("ArrowDown")
    assert box(page)[0] == 192
    agrees(page, expected(net, "chelsea", (slice(192, 224), slice(left, left + 32))))
    for act in (
        lambda: page.select_option('[data-control="unit"]', "probability"),
        lambda: page.select_option('[data-control="colours"]', "magma"),
        lambda: pick(page, "lynx"),
    ):
        before = pixels(page, MAP)
        act()
        page.wait_for_timeout(50)
        assert pixels(page, MAP) != before
    assert "lynx" in page.locator('[data-panel="map"] h3').inner_text()
    page.select_option('[data-control="colours"]', "blue-orange")
    pick(page, "tiger cat")
    assert messages(page) == []


def pick(page: Any, typed: str) -> None:
    page.locator('[data-combobox="p"] input').focus()
    page.keyboard.type(typed)
    page.keyboard.press("Enter")


def test_the_map_is_the_engines_on_a_saved_page(
    browser: Any, net: Any, shots: Callable[[str], str], tmp_path: Path
) -> None:
    widget = gradlab.widgets.occlusion(net, "chelsea", window=48, stride=32, baseline="blur")
    address = widget.save_html(tmp_path / "page.html").as_uri()
    context = browser.new_context(viewport={"width": 380, "height": 800}, offline=True, has_touch=True)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(address)
    wait_box(page, [96, 96, 48, 48])
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 380
    page.screenshot(path=shots("occlusion_narrow"), full_page=True)
    shown = page.locator(STAGE).bounding_box()
    page.touchscreen.tap(shown["x"] + 2, shown["y"] + 2)
    wait_box(page, [0, 0, 48, 48])
    x = net.transform(gradlab.data.picture("chelsea"))[None]
    hidden = widget._hidden["blur"]
    with torch.no_grad():
        x[0, :, :48, :48] = hidden[:, :48, :48]
        agrees(page, net(x)[0].softmax(0).double().numpy())
    assert page.locator('[data-control="sweep"]').is_disabled()
    assert not faults
    context.close()
