"""The occlusion widget as a reader meets it: a mask under the hand, a sweep that streams, stops and goes on."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import gradlab
from gradlab.explain import occlusion_sweep
from tests.browser import saved
from tests.browser.lab import Lab, count_messages, messages, run_notebook, running_lab, wait_idle, write_notebook
from tests.browser.saved import HEIGHT, WIDTH, small_net, sweep_shown

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# every forward pass takes its time, so that a sweep lasts long enough to be stopped
SETUP = f"""
import time
import torch
from torch import nn
import gradlab

HEIGHT, WIDTH, CLASSES = {HEIGHT}, {WIDTH}, {saved.CLASSES}
{inspect.getsource(small_net)}
class Slow(nn.Module):
    def forward(self, x):
        time.sleep(0.15)
        return x
net = small_net()
net.model = nn.Sequential(Slow(), *net.model).eval()
"""
CELLS = [SETUP, "gradlab.widgets.occlusion(net, 'chelsea', window=16, stride=4)"]
STAGE = '[data-stage="hide"]'
MAP = '[data-stage="map"]'


@pytest.fixture(scope="module")
def net() -> Any:
    return small_net()


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


def expected(net: Any, mask: tuple[slice, slice], hidden: Any = 0.0) -> np.ndarray:
    """p with the mask hidden, from an ordinary forward pass."""
    x = net.transform(gradlab.data.picture("chelsea"))[None].clone()
    x[0, :, mask[0], mask[1]] = hidden
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
    places = [
        (shown["x"] + x / WIDTH * shown["width"], shown["y"] + y / HEIGHT * shown["height"]) for x, y in (start, end)
    ]
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
    wait_box(page, [16, 24, 16, 16])
    agrees(page, expected(net, np.s_[16:32, 24:40]))

    # a box anywhere, of any size, is one forward pass
    drag(page, STAGE, (32, 24), (43, 13))
    wait_box(page, [5, 35, 16, 16])
    agrees(page, expected(net, np.s_[5:21, 35:51]))
    drag(page, STAGE, (51, 21), (57, 30))  # the lower right corner
    wait_box(page, [5, 35, 25, 22])
    agrees(page, expected(net, np.s_[5:30, 35:57]))
    page.select_option('[data-control="baseline"]', "black")
    page.wait_for_timeout(600)
    black = (-torch.tensor(net.mean) / torch.tensor(net.std))[:, None, None]
    agrees(page, expected(net, np.s_[5:30, 35:57], black))
    page.select_option('[data-control="baseline"]', "mean")

    # the sweep streams, answers Cancel at once, and goes on where it was
    page.locator('[data-control="sweep"]').click()
    page.wait_for_function("() => /^[1-9]/.test(document.querySelector('.gl-sweep .gl-status').textContent)")
    page.screenshot(path=shots("occlusion_streaming"))
    began = time.monotonic()
    page.locator('[data-control="sweep"]').click()
    page.wait_for_function("() => document.querySelector('[data-control=sweep]').textContent === 'Go on'")
    waited = time.monotonic() - began
    assert waited < 2, "Cancel is answered between two groups of windows at the latest"
    page.wait_for_timeout(500)
    done = int(page.locator(".gl-sweep .gl-status").inner_text().split()[0])
    assert 0 < done < 117
    page.locator('[data-control="sweep"]').click()
    page.wait_for_function(
        "() => document.querySelector('.gl-sweep .gl-status').textContent.startsWith('117 of 117')", timeout=60_000
    )
    page.wait_for_function("() => document.querySelector('[data-control=sweep]').disabled")
    wait_idle(page)

    no_kernel_after_the_sweep(page, net)
    page.screenshot(path=shots("occlusion_swept"))

    # a brush, with the mouse and with keys
    page.select_option('[data-control="mode"]', "paint")
    drag(page, STAGE, (10, 10), (30, 10))
    page.wait_for_function("() => /painted over/.test(document.querySelector('.gl-readout').textContent)")
    before = pixels(page, STAGE)
    page.locator(STAGE).focus()
    for key in ("ArrowDown", "ArrowDown", "Space"):
        page.keyboard.press(key)
    page.wait_for_function(
        "([stage, before]) => document.querySelector(stage).toDataURL() !== before", arg=[STAGE, before]
    )
    page.screenshot(path=shots("occlusion_painted"))

    field = page.locator('[data-combobox="picture"] input')
    field.focus()
    page.keyboard.type("coffee")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('.gl-sweep .gl-status').textContent === ''")
    assert text(page, "sweep") == "Sweep" and page.locator("[data-panel=map] .gl-empty").is_visible()


def no_kernel_after_the_sweep(page: Any, net: Any) -> None:
    """Drag, move by keys, change P and unit: bars and map are the network's, and no message is sent."""
    page.select_option('[data-control="window"]', "16")
    wait_box(page, [10, 38, 16, 16])  # around the middle of the box that was there
    count_messages(page)
    top, left, *_ = box(page)
    drag(page, MAP, (left + 8, top + 8), (20, 14))
    page.keyboard.press("ArrowRight")
    top, left, height, width = box(page)
    assert (top % 4, left % 4, height, width) == (0, 0, 16, 16)
    agrees(page, expected(net, np.s_[top : top + 16, left : left + 16]))
    for _ in range(20):
        page.keyboard.press("ArrowDown")
    assert box(page)[0] == 32
    agrees(page, expected(net, np.s_[32:48, left : left + 16]))

    x = net.transform(gradlab.data.picture("chelsea"))[None]
    *_, sweep = occlusion_sweep(net, x, target="all", window=16, stride=4)
    page.locator('[data-control="opacity"]').focus()
    page.keyboard.press("End")
    said = int(sweep.clean[0].argmax())
    sweep_shown(page, sweep.maps()[0, said].double().numpy())
    pick(page, "class 3")
    sweep_shown(page, sweep.maps()[0, 3].double().numpy())
    assert "class 3" in page.locator('[data-panel="map"] h3').inner_text()
    pick(page, f"class {said}")
    assert messages(page) == []


def pick(page: Any, typed: str) -> None:
    page.locator('[data-combobox="p"] input').focus()
    page.keyboard.type(typed)
    page.keyboard.press("Enter")


def test_on_a_narrow_saved_page(browser: Any, net: Any, shots: Callable[[str], str], tmp_path: Path) -> None:
    widget = gradlab.widgets.occlusion(net, "chelsea", window=24, stride=8, baseline="blur")
    with saved.offline(browser, widget, tmp_path, width=380, has_touch=True) as page:
        wait_box(page, [16, 24, 24, 24])  # the nearest window of the sweep
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 380
        page.screenshot(path=shots("occlusion_narrow"), full_page=True)
        shown = page.locator(STAGE).bounding_box()
        page.touchscreen.tap(shown["x"] + 2, shown["y"] + 2)
        wait_box(page, [0, 0, 24, 24])
        x = net.transform(gradlab.data.picture("chelsea"))[None]
        with torch.no_grad():
            x[0, :, :24, :24] = widget._hidden["blur"][:, :24, :24]
            agrees(page, net(x)[0].softmax(0).double().numpy())
        assert page.locator('[data-control="sweep"]').is_disabled()
