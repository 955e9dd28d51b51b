"""Saved pages, which need no kernel: opening them, and reading numbers off what is painted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

import gradlab
from gradlab.widgets import Widget

Values = NDArray[np.float64]
HEIGHT, WIDTH, CLASSES = 48, 64, 7  # of a picture and a network that differ in every direction


def small_net() -> gradlab.models.Classifier:
    """A network whose map has 6 x 8 cells and whose answers differ from picture to picture."""
    torch.manual_seed(6)
    head = nn.Linear(9, CLASSES)
    layers = [nn.Conv2d(3, 9, 8, stride=8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), head]
    with torch.no_grad():
        head.weight.mul_(8)
    labels = [f"class {i}" for i in range(CLASSES)]
    return gradlab.models.Classifier(nn.Sequential(*layers).eval(), labels, size=(HEIGHT, WIDTH), resize=64)


@contextmanager
def offline(browser: Any, widget: Widget, folder: Path, width: int = 1300, **context: Any) -> Iterator[Any]:
    """Open a widget's saved page with the network off; any error in its console fails the test."""
    opened = browser.new_context(viewport={"width": width, "height": 1000}, offline=True, **context)
    page = opened.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
    page.goto(widget.save_html(folder / "page.html").as_uri())
    page.locator(".gl-root").wait_for()
    yield page
    opened.close()
    assert not faults


def painted(page: Any, canvas: str, places: Sequence[tuple[int, int]]) -> Values:
    """Return red, green, blue and opacity at places (x, y) in the canvas's own pixels, (places, 4)."""
    script = """([canvas, places]) => { const context = document.querySelector(canvas).getContext("2d");
        return places.map(([x, y]) => Array.from(context.getImageData(x, y, 1, 1).data)); }"""
    return np.array(page.evaluate(script, [canvas, [list(map(int, place)) for place in places]]), dtype=np.float64)


def size_of(page: Any, canvas: str) -> tuple[int, int]:
    height, width = page.locator(canvas).first.evaluate("canvas => [canvas.height, canvas.width]")
    return height, width


def levels(page: Any, colours: Values, strip: str, signed: bool) -> Values:
    """Return which level each colour stands for, by the strip of colours that is shown: -1 to 1, or 0 to 1."""
    ends = painted(page, strip, [(i, 0) for i in range(256)])[:, :3]
    away = np.abs(colours[:, None, :3] - ends).sum(2)
    assert away.min(1).max() <= 6, "a colour that is not of the strip"
    level = away.argmin(1) / 255
    return 2 * level - 1 if signed else level


def enlarged(values: Values, size: tuple[int, int]) -> Values:
    """A map as large as a canvas, by the engine's way of enlarging."""
    return gradlab.explain.upsample(torch.from_numpy(np.array(values))[None, None], size)[0, 0].numpy()


def some_places(size: tuple[int, int], count: int = 60) -> list[tuple[int, int]]:
    chance = np.random.default_rng(0)
    return [(int(chance.integers(size[1])), int(chance.integers(size[0]))) for _ in range(count)]


def shows(page: Any, canvas: str, strip: str, values: Values, top: float, signed: bool = True) -> None:
    """Hold what a canvas shows against a map (cells), whose colours end at ``top``."""
    size = size_of(page, canvas)
    places = some_places(size)
    found = levels(page, painted(page, canvas, places), strip, signed) * top
    large = enlarged(values, size)
    wanted = np.array([large[y, x] for x, y in places]).clip(-top if signed else 0, top)
    np.testing.assert_allclose(found, wanted, atol=0.02 * top)
    assert wanted.std() > 0.05 * top, "a map that shows nothing is no test"


def slide(page: Any, control: str, *keys: str) -> None:
    page.locator(f'[data-control="{control}"]').focus()
    for key in keys:
        page.keyboard.press(key)


def pick(page: Any, box: str, typed: str) -> None:
    """Choose in a combobox by keyboard alone."""
    page.locator(f'[data-combobox="{box}"] input').focus()
    page.keyboard.type(typed)
    page.keyboard.press("Enter")


def said(page: Any, part: str) -> str:
    """Return what is read out, once ``part`` is in it: it is written at most four times a second."""
    page.wait_for_function(
        "part => document.querySelector('.gl-readout').textContent.includes(part)", arg=part, timeout=5000
    )
    return str(page.locator(".gl-readout").inner_text())


def numbers(text: str) -> list[float]:
    return [
        float(each.replace("\u2212", "-")) for each in re.findall(r"[\u2212+-]?\d+(?:\.\d+)?(?:e[\u2212-]?\d+)?", text)
    ]


def texts(page: Any, selector: str) -> list[str]:
    return [each.replace("\u2212", "-") for each in page.locator(selector).all_inner_texts()]


def axis(page: Any, chart: str, way: str) -> Any:
    """Return what turns pixels of a chart into the values that its axis says, ``"x"`` or ``"y"``."""
    script = """chart => [...chart.querySelectorAll(".gl-tick")].map(each => [each.getAttribute("text-anchor"),
        Number(each.getAttribute("x")), Number(each.getAttribute("y")), each.textContent])"""
    anchor, place, shift = {"x": ("middle", 1, 0), "y": ("end", 2, -4)}[way]
    mine = [each for each in page.locator(f'[data-chart="{chart}"]').evaluate(script) if each[0] == anchor]
    lines = [each[3 - place] for each in mine]  # an axis is a line: other numbers of a chart stand anywhere
    ticks = [(each[place] + shift, numbers(each[3])[0]) for each in mine if lines.count(each[3 - place]) > 1]
    at, value = np.array(ticks).T
    slope, start = np.polyfit(at, value, 1)
    assert np.abs(slope * at + start - value).max() < 1e-3 * np.ptp(value), "an axis that is not straight"
    return lambda pixel: slope * np.asarray(pixel) + start


def path_of(page: Any, selector: str, nth: int = 0) -> Values:
    """Return the corners of a drawn line, (corners, 2) in pixels of its chart."""
    drawn = page.locator(selector).nth(nth).get_attribute("d")
    return np.array([numbers(each) for each in re.findall(r"[ML][^MLZ]+", drawn)])


def attributes(page: Any, selector: str, *names: str) -> Values:
    """Return numbers that stand in the attributes of some elements, (elements, names)."""
    script = "(all, names) => all.map(each => names.map(name => Number(each.getAttribute(name))))"
    found = page.locator(selector).evaluate_all(script, list(names))
    return np.array(found, dtype=np.float64).reshape(-1, len(names))


def centres(page: Any, canvas: str, cells: tuple[int, int]) -> list[tuple[int, int]]:
    """Return where the middle of each cell of a map is on a canvas, row by row."""
    height, width = size_of(page, canvas)
    rows, columns = cells
    return [(int((x + 0.5) * width / columns), int((y + 0.5) * height / rows)) for y, x in np.ndindex(rows, columns)]


def leans_as(page: Any, canvas: str, map_: Values, hide: Any) -> None:
    """Hold a signed map over a photo against its colours: it turns the photo to orange or blue; hide() takes it off."""
    spots, strong = centres(page, canvas, map_.shape), np.abs(map_.ravel()) > 0.4 * np.abs(map_).max()
    over = painted(page, canvas, spots)
    hide()
    turned = (over - painted(page, canvas, spots))[strong]
    assert strong.sum() > 3 and (np.abs(turned).max(1) > 20).all()
    assert np.array_equal(np.sign(turned[:, 0] - turned[:, 2]), np.sign(map_.ravel()[strong]))


def sweep_shown(page: Any, pixels: Values) -> None:
    """Hold the map that the occlusion widget paints, but for where its box is, against one value a pixel."""
    stage, strip = '[data-stage="map"]', '[data-panel="map"] .gl-strip'
    size, top = size_of(page, stage), float(np.abs(pixels).max())
    scale = size[1] / pixels.shape[1]
    y0, x0, high, wide = numbers(page.locator('[data-stage="hide"]').get_attribute("data-settled").replace(",", " "))
    spots = [
        (x, y)
        for x, y in some_places(size, 150)
        if not (x0 - 3 < x / scale < x0 + wide + 3 and y0 - 3 < y / scale < y0 + high + 3)
    ]
    found = levels(page, painted(page, stage, spots), strip, True) * top
    large = enlarged(pixels, size)
    np.testing.assert_allclose(found, [large[y, x] for x, y in spots], atol=0.02 * top)
    end = numbers(page.locator('[data-panel="map"] .gl-legend .gl-number').last.inner_text())[0]
    assert abs(end - top) < 0.06 * top
