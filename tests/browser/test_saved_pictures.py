"""What the other widgets of one picture paint and say on a saved page, value by value: against the engine."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
import torch

import gradlab
from gradlab.explain import deconvnet, gradient, guided_backprop, occlusion_sweep
from gradlab.widgets.wire import detached
from tests.arrays import values
from tests.browser.saved import (
    HEIGHT,
    WIDTH,
    Values,
    numbers,
    offline,
    painted,
    pick,
    said,
    size_of,
    slide,
    small_net,
    some_places,
    sweep_shown,
    texts,
)  # fmt: skip

pytestmark = pytest.mark.browser

STAGE = '[data-panel="{}"] .gl-stage canvas'
STRIP = '[data-panel="{}"] .gl-strip'


@pytest.fixture(scope="module")
def net() -> gradlab.models.Classifier:
    return small_net()


@pytest.fixture(scope="module")
def picture() -> Any:
    return gradlab.data.picture("chelsea")


def softmax(z: Values) -> Values:
    return np.exp(z - z.max()) / np.exp(z - z.max()).sum()


def swept(net: Any, picture: Any, **options: Any) -> tuple[Any, Any]:
    widget = gradlab.widgets.occlusion(net, picture, **options)
    x, hidden = net.transform(picture)[None], widget._hidden[options["baseline"]]
    options = {"window": options["window"], "stride": options["stride"], "baseline": hidden}
    return widget, list(occlusion_sweep(net, x, target="all", **options))[-1]


def test_occlusion_paints_the_mean_over_the_windows(browser: Any, net: Any, picture: Any, tmp_path: Path) -> None:
    widget, sweep = swept(net, picture, window=16, stride=8, baseline="blur")
    maps = sweep.maps()[0].double().numpy()
    p = softmax(sweep.clean[0].double().numpy())
    hidden = sweep.occluded[0].double().softmax(0).numpy()
    order = [int(c) for c in np.argsort(-p)]
    with offline(browser, widget, tmp_path) as page:
        slide(page, "opacity", "End")
        scale = size_of(page, '[data-stage="map"]')[1] / WIDTH
        sweep_shown(page, maps[order[0]])
        assert (
            page.locator('[data-panel="map"] .gl-meaning').inner_text()
            == "measured at 35 places, mean over the overlaps"
        )
        pick(page, "p", f"class {order[1]}")
        sweep_shown(page, maps[order[1]])
        page.select_option('[data-control="unit"]', "probability")
        sweep_shown(page, mean_over_windows(p[order[1]] - hidden[order[1]], 16, 8))
        assert page.locator('[data-panel="map"] h3').inner_text() == f"What hiding costs class {order[1]}"

        # a window's numbers are the sweep's: the box goes from window to window
        page.locator('[data-stage="hide"]').focus()
        for key in ["ArrowUp"] * 9 + ["ArrowLeft"] * 9 + ["ArrowRight"] * 2 + ["ArrowDown"]:
            page.keyboard.press(key)
        assert page.locator('[data-stage="hide"]').get_attribute("data-settled") == "8,16,16,16"
        for bar in page.locator('[data-bars="p"] .gl-bar').all():
            c = int(bar.get_attribute("data-class"))
            assert float(bar.get_attribute("data-before")) == pytest.approx(p[c], abs=1e-3)
            assert float(bar.get_attribute("data-after")) == pytest.approx(hidden[c, 1, 2], abs=3e-3)
        text = said(page, "16 × 16 pixels hidden from row 8, column 16")
        assert numbers(text)[-1] == pytest.approx(
            float(sweep.occluded[0, order[1], 1, 2] - sweep.clean[0, order[1]]), rel=0.06, abs=0.006
        )

        # what is hidden shows the baseline there, and the picture elsewhere
        seen, cover = np.asarray(net.view(picture)), values(widget.answer["baselines"]["blur"])
        spots = [(18, 10), (25, 20), (40, 30), (5, 5)]
        shown = painted(
            page, '[data-stage="hide"]', [(int((x + 0.5) * scale), int((y + 0.5) * scale)) for x, y in spots]
        )
        wanted = [(cover if 16 <= x < 32 and 8 <= y < 24 else seen)[y, x] for x, y in spots]
        np.testing.assert_allclose(shown[:, :3], wanted, atol=3)


def mean_over_windows(costs: Values, window: int, stride: int) -> Values:
    total, count = np.zeros((HEIGHT, WIDTH)), np.zeros((HEIGHT, WIDTH))
    for (row, column), cost in np.ndenumerate(costs):
        part = np.s_[row * stride : row * stride + window, column * stride : column * stride + window]
        total[part] += cost
        count[part] += 1
    return total / count


def loudest(maps: torch.Tensor) -> Values:
    return maps.gather(1, maps.abs().argmax(1, keepdim=True))[0, 0].double().numpy()


def test_gradients_paint_the_loudest_channel(browser: Any, net: Any, picture: Any, tmp_path: Path) -> None:
    x = net.transform(picture)[None]
    second = int(net(x)[0].topk(2).indices[1])
    widget = gradlab.widgets.gradients(net, picture, share=1.0)
    methods = {"gradient": gradient, "deconvnet": deconvnet, "guided backpropagation": guided_backprop}
    with offline(browser, widget, tmp_path) as page:
        pick(page, "p", f"class {second}")
        page.select_option('[data-control="colours"]', "blue-orange")
        for row, model in (("trained", net), ("random", widget._random)):
            for name, method in methods.items():
                found, stage = loudest(method(model, x, target=second)), f'[data-stage="{row} {name}"]'
                size = size_of(page, stage)
                assert size == (336, 448)
                top = np.sort(np.abs(found).ravel())[int(0.995 * (found.size - 1))]
                spots = [(7 * i + 3, 7 * j + 3) for i, j in some_places((HEIGHT, WIDTH)) if not inside(i, j)]
                colours = painted(page, stage, spots)[:, :3]
                lean = np.sign(colours[:, 0] - colours[:, 2])
                wanted = np.array([found[y // 7, x // 7] for x, y in spots])
                strong = np.abs(wanted) > 0.3 * top
                assert strong.sum() > 5 and np.all(lean[strong] == np.sign(wanted[strong]))
                saturated = np.abs(wanted) > 1.1 * top
                assert np.all(np.abs(colours[saturated, 0] - colours[saturated, 2]) > 140)
                part = np.abs(found)[12:36, 16:48].sum() / np.abs(found).sum()
                share = page.locator(f'[data-panel="{row} {name}"] .gl-hottest').inner_text()
                assert numbers(share)[0] == pytest.approx(100 * part, abs=0.51)
        said(page, f"class {second}: the box is 25 % of the picture")
        alike = [numbers(each)[-1] for each in texts(page, '[data-row="random"] .gl-meaning')]
        sent = widget._asked_maps(second)["methods"]
        assert alike == pytest.approx([sent[name]["alike"] for name in methods], abs=0.0051)
        # the box moves by eight pixels, and not beyond the border
        page.locator('[data-stage="photo"]').focus()
        for key in ["ArrowLeft"] * 3 + ["ArrowUp"]:
            page.keyboard.press(key)
        found = np.abs(loudest(gradient(net, x, target=second)))
        part = found[4:28, 0:32].sum() / found.sum()
        assert numbers(page.locator('[data-panel="trained gradient"] .gl-hottest').inner_text())[0] == pytest.approx(
            100 * part, abs=0.51
        )


def test_gradients_box_is_moved_and_resized_where_it_is_gripped(
    browser: Any, net: Any, picture: Any, tmp_path: Path
) -> None:
    with offline(browser, gradlab.widgets.gradients(net, picture), tmp_path) as page:
        canvas = page.locator('[data-stage="photo"]')
        shown = canvas.bounding_box()
        unit = shown["width"] / WIDTH

        def at(x: float, y: float) -> tuple[float, float]:
            return shown["x"] + x * unit, shown["y"] + y * unit

        def cursor(x: float, y: float) -> str:
            page.mouse.move(*at(x, y))
            return str(canvas.evaluate("canvas => canvas.style.cursor"))

        def area(start: tuple[float, float], end: tuple[float, float]) -> float:
            page.mouse.move(*at(*start))
            page.mouse.down()
            page.mouse.move(*at(*end), steps=4)
            page.mouse.up()
            return numbers(page.locator('[data-panel="photo"] .gl-hottest').inner_text())[0]

        # the box: columns 16 to 48, rows 12 to 36
        corners = [cursor(x, y) for x, y in ((16, 12), (48, 12), (16, 36), (48, 36))]
        assert corners == ["nwse-resize", "nesw-resize", "nesw-resize", "nwse-resize"]
        assert [cursor(16, 24), cursor(48, 24)] == ["ew-resize"] * 2
        assert [cursor(32, 12), cursor(32, 36)] == ["ns-resize"] * 2
        assert [cursor(32, 24), cursor(4, 4)] == ["move", "crosshair"]
        whole = HEIGHT * WIDTH
        assert area((32, 24), (36, 26)) == round(100 * 32 * 24 / whole)  # now 20 to 52, 14 to 38
        assert area((52, 26), (60, 40)) == round(100 * 40 * 24 / whole)  # its right edge alone
        assert area((20, 14), (12, 6)) == round(100 * 48 * 32 / whole)  # its corner: now 12 to 60, 6 to 38
        assert area((36, 38), (36, 99)) == round(100 * 48 * 42 / whole)  # its lower edge, to the border
        assert area((60, 20), (0, 20)) == round(100 * 4 * 42 / whole)  # no side below four pixels


def inside(x: int, y: int) -> bool:
    """Whether the box's line may be here."""
    return 12 <= x <= 52 and 9 <= y <= 39


def test_challenges_say_what_the_network_says_of_each(browser: Any, net: Any, picture: Any, tmp_path: Path) -> None:
    widget = gradlab.widgets.challenges(net, picture, level=3)
    strip = widget._strip
    p, reference = strip.probabilities, int(strip.logits[0].argmax())
    names = widget.answer["challenges"]
    with offline(browser, widget, tmp_path) as page:
        page.locator(".gl-tile").nth(12).wait_for()
        for level in (3, 5):
            slide(page, "level", *["Home"], *["ArrowRight"] * level)
            wrong = []
            for k, name in enumerate(names):
                tile, i = page.locator(f'[data-challenge="{name}"]'), 1 + 5 * k + level - 1
                top = int(p[i].argmax())
                assert tile.locator(".gl-tile-label").inner_text() == f"class {top}"
                assert numbers(tile.locator(".gl-number").inner_text())[0] == pytest.approx(p[i].max(), abs=0.0051)
                assert tile.get_attribute("data-right") == str(top == reference).lower()
                wrong += [name] if top != reference else []
            said(page, f"Level {level}: {12 - len(wrong)} of 12 leave" if wrong else f"Level {level}: all 12")
        assert wrong, "some challenge changes the answer"
        surest = max(wrong, key=lambda name: p[1 + 5 * names.index(name) + 4].max())
        said(page, f"Surest of the others: {surest}, level 5:")

        # one tile at length: bars of its level, and p of the reference over the levels
        k = names.index(wrong[0])
        page.locator(f'[data-challenge="{wrong[0]}"]').click()
        i = 1 + 5 * k + 4
        shown = page.locator(".gl-detail .gl-bar")
        classes = [int(bar.get_attribute("data-class")) for bar in shown.all()]
        wanted = [int(c) for c in np.argsort(-p[i])[:5]]
        assert classes == (wanted if reference in wanted else [*wanted[:4], reference])
        label = page.locator('[data-chart="levels"]').get_attribute("aria-label")
        over = [p[0, reference], *p[1 + 5 * k : 6 + 5 * k, reference]]
        assert [numbers(each)[-1] for each in re.findall(r"level \d: [^,]+", label)] == pytest.approx(over, abs=0.0051)
        line = page.locator('[data-chart="levels"] .gl-line-p').get_attribute("d")
        heights = [numbers(each)[1] for each in re.findall(r"[ML][^ML]+", line)]
        foot, head = 150, 12
        assert heights == pytest.approx([foot - (foot - head) * value for value in over], abs=0.06)
        # the maps are over the tiles: of the class that is said of each
        before = page.locator(f'[data-challenge="{wrong[0]}"] canvas').evaluate("canvas => canvas.toDataURL()")
        page.locator('[data-control="maps"]').check()
        canvas = f'[data-challenge="{wrong[0]}"] canvas'
        assert page.locator(canvas).evaluate("canvas => canvas.toDataURL()") != before
        map_, (height, width) = strip.maps[i], size_of(page, canvas)
        cells = map_.shape
        spots = [(int((x + 0.5) * width / cells[1]), int((y + 0.5) * height / cells[0])) for y, x in np.ndindex(cells)]
        photo = strip.tiles[i]
        under = np.array([photo[int(y * photo.shape[0] / height), int(x * photo.shape[1] / width)] for x, y in spots])
        shown = painted(page, canvas, spots)[:, :3]
        level = (map_.ravel() / map_.max()).clip(0, 1)
        cover = 0.6 * level[:, None] ** 0.4  # opacity .6
        heat = 255 * matplotlib.colormaps["viridis"](level)[:, :3]
        assert abs(shown - (1 - cover) * under - cover * heat).mean() < 12


def test_a_sweep_that_was_begun_is_finished_before_it_is_saved(net: Any, picture: Any, tmp_path: Path) -> None:
    widget = gradlab.widgets.occlusion(net, picture, window=16, stride=16)
    widget._handle_custom_msg(*detached({"kind": "sweep", "window": 16, "stride": 16, "baseline": "mean"}))
    widget._handle_custom_msg(*detached({"kind": "cancel"}))
    widget.save_html(tmp_path / "page.html")
    until = time.monotonic() + 20
    while widget.running and time.monotonic() < until:
        time.sleep(0.01)
    assert widget.sweep["done"] == widget.sweep["total"] == 12
    assert not np.isnan(values(widget.sweep["drops"])).any()


def test_occlusion_offers_its_own_window_among_the_others(browser: Any, net: Any, picture: Any, tmp_path: Path) -> None:
    widget = gradlab.widgets.occlusion(net, picture, window=13, stride=7)
    with offline(browser, widget, tmp_path) as page:
        for control, own in (("window", 13), ("stride", 7)):
            offered = [
                int(numbers(each)[0]) for each in page.locator(f'[data-control="{control}"] option').all_inner_texts()
            ]
            assert own in offered and offered == sorted(set(offered)) and len(offered) > 2


@pytest.mark.parametrize("kind", ["occlusion", "gradients"])
def test_what_was_chosen_is_on_the_page_and_reset_puts_it_back(
    browser: Any, net: Any, picture: Any, tmp_path: Path, kind: str
) -> None:
    widget = getattr(gradlab.widgets, kind)(net, picture)
    usual, widget.colours = widget.colours, "cividis"
    with pytest.raises(gradlab.core.InputError, match="colours is 'pink'"):
        widget.colours = "pink"
    with offline(browser, widget, tmp_path) as page:
        colours = page.locator('[data-control="colours"]')
        assert colours.input_value() == "cividis"
        canvas = {"occlusion": '[data-stage="hide"]', "gradients": '[data-panel="photo"] canvas'}[kind]
        state = "canvas => canvas.toDataURL()"
        before = page.locator(canvas).first.evaluate(state)
        page.locator(canvas).first.focus()
        for key in ("Shift+ArrowLeft", "Shift+ArrowUp", "ArrowRight", "ArrowRight"):
            page.keyboard.press(key)
        assert page.locator(canvas).first.evaluate(state) != before
        page.locator('[data-control="reset"]').click()
        assert colours.input_value() == usual
        page.locator(canvas).first.evaluate("canvas => canvas.blur()")
        assert page.locator(canvas).first.evaluate(state) == before, "the box is where it was"
