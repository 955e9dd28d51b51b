"""What paradigms paints and says on a saved page, value by value: against the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradlab
from gradlab.widgets.factors import Factors
from gradlab.widgets.questions import words
from tests.browser.saved import (
    CLASSES,
    Values,
    numbers,
    offline,
    painted,
    pick,
    said,
    shows,
    slide,
    small_net,
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


def test_paradigms_paint_the_engines_maps(browser: Any, net: Any, picture: Any, tmp_path: Path) -> None:
    found = Factors.of(net, picture, "chelsea")
    order = list(np.argsort(-found.logits))
    p, q = int(order[0]), int(order[1])
    three = {"why": found.maps[p], "whatif": -found.maps[p], "contrast": found.contrast(q)}
    with offline(browser, gradlab.widgets.paradigms(net, picture), tmp_path) as page:
        slide(page, "opacity", "End")
        page.select_option('[data-control="colours"]', "blue-orange")
        assert page.locator('[data-panel="contrast"] h3').inner_text() == f"Why class {p}, rather than class {q}?"
        for key, map_ in three.items():
            shows(page, STAGE.format(key), STRIP.format(key), map_, np.abs(map_).max())
            best = divmod(int(map_.argmax()), map_.shape[1])
            told = page.locator(f'[data-panel="{key}"] .gl-hottest').inner_text()
            assert f"row {best[0] + 1}, column {best[1] + 1}," in told and told.endswith(
                "nat" if key == "contrast" else "logit"
            )
            assert numbers(told)[2] == pytest.approx(map_.max(), rel=0.05)
            low, high = texts(page, f'[data-panel="{key}"] .gl-legend .gl-number')
            assert (numbers(low)[0], numbers(high)[0]) == pytest.approx(
                (-np.abs(map_).max(), np.abs(map_).max()), rel=0.05
            )

        # one scale for all three, and shares of each map
        page.select_option('[data-control="scale"]', "shared")
        top = max(np.abs(map_).max() for map_ in three.values())
        for key, map_ in three.items():
            shows(page, STAGE.format(key), STRIP.format(key), map_, top)
        page.select_option('[data-control="units"]', "share")
        shares = {key: map_ / np.abs(map_).sum() for key, map_ in three.items()}
        top = max(np.abs(map_).max() for map_ in shares.values())
        for key, map_ in shares.items():
            shows(page, STAGE.format(key), STRIP.format(key), map_, top)
            assert numbers(page.locator(f'[data-panel="{key}"] .gl-hottest').inner_text())[2] == pytest.approx(
                100 * map_.max(), abs=0.06
            )

        # a sequential map shows what speaks for P alone
        page.select_option('[data-control="scale"]', "each")
        page.select_option('[data-control="units"]', "raw")
        page.select_option('[data-control="colours"]', "viridis")
        for key in ("why", "contrast"):
            top = three[key].max()
            assert page.locator(f'[data-panel="{key}"] .gl-empty').is_visible() == (top <= 0)
            shows(page, STAGE.format(key), STRIP.format(key), three[key], top, signed=False)


def test_paradigms_threshold_keeps_what_speaks_against(browser: Any, net: Any, picture: Any, tmp_path: Path) -> None:
    found = Factors.of(net, picture, "chelsea")
    spread = np.minimum(found.maps.max((1, 2)), -found.maps.min((1, 2))) / np.abs(found.maps).max((1, 2))
    p = int(spread.argmax())
    map_ = found.maps[p]
    level = np.abs(map_) / np.abs(map_).max()
    strong, weak = np.argwhere(level > 0.62), np.argwhere(level < 0.45)
    assert len({map_[y, x] > 0 for y, x in strong}) == 2, "strong evidence on both sides"
    with offline(browser, gradlab.widgets.paradigms(net, picture, target=p), tmp_path) as page:
        slide(page, "opacity", "End")
        page.select_option('[data-control="colours"]', "blue-orange")
        cell = 336 / map_.shape[1]
        at = lambda cells: [(int((x + 0.5) * cell), int((y + 0.5) * cell)) for y, x in cells]  # noqa: E731
        before = [painted(page, STAGE.format("why"), at(cells)) for cells in (strong, weak)]
        slide(page, "opacity", "Home")
        photo = [painted(page, STAGE.format("why"), at(cells)) for cells in (strong, weak)]
        slide(page, "opacity", "End")
        slide(page, "threshold", *["PageUp"] * 5)
        assert page.locator('[data-control="threshold"]').input_value() == "0.5"
        after = [painted(page, STAGE.format("why"), at(cells)) for cells in (strong, weak)]
        np.testing.assert_array_equal(after[0], before[0])
        np.testing.assert_array_equal(after[1], photo[1])
        assert np.abs(photo[0] - before[0]).max(1).min() > 0


def test_paradigms_bars_frames_and_cells(browser: Any, net: Any, picture: Any, tmp_path: Path) -> None:
    found = Factors.of(net, picture, "chelsea")
    p, order = found.probabilities, [int(c) for c in np.argsort(-found.logits)]
    columns = found.maps.shape[2]
    with offline(browser, gradlab.widgets.paradigms(net, picture), tmp_path) as page:
        bars = page.locator('[data-bars="p"] .gl-bar')
        assert [int(bar.get_attribute("data-class")) for bar in bars.all()] == order[:5]
        assert [bar.get_attribute("data-role") for bar in bars.all()] == ["p", "q", "other", "other", "other"]
        fill = page.locator('[data-bars="p"] .gl-fill').evaluate_all("nodes => nodes.map(each => each.style.width)")
        assert [float(each.rstrip("%")) for each in fill] == pytest.approx(100 * p[order[:5]], abs=0.1)

        # the filmstrip: the likeliest others, then P itself; pressing one makes it Q
        frames = page.locator(".gl-frame")
        asked = [int(frame.get_attribute("data-q")) for frame in frames.all()]
        assert asked == [*order[1:], order[0]]
        assert [frame.get_attribute("aria-pressed") for frame in frames.all()] == ["true", *["false"] * (CLASSES - 1)]
        assert texts(page, ".gl-frame-note")[-1].startswith("Q = P")
        frames.nth(2).click()
        assert (
            page.locator('[data-panel="contrast"] h3').inner_text()
            == f"Why class {order[0]}, rather than class {order[3]}?"
        )
        frames.last.click()
        assert (
            page.locator('[data-panel="contrast"] h3').inner_text()
            == f"Why not class {order[0]} with 100 % confidence?"
        )
        slide(page, "opacity", "End")
        page.select_option('[data-control="colours"]', "blue-orange")
        own = found.contrast(order[0])
        shows(page, STAGE.format("contrast"), STRIP.format("contrast"), own, np.abs(own).max())

        # another P: the third question stays that of what the network says
        pick(page, "p", f"class {order[2]}")
        pick(page, "q", f"class {order[4]}")
        assert page.locator('[data-panel="why"] h3').inner_text() == f"Why class {order[2]}?"
        assert (
            page.locator('[data-panel="contrast"] h3').inner_text()
            == f"Why class {order[0]}, rather than class {order[4]}?"
        )
        shows(page, STAGE.format("why"), STRIP.format("why"), found.maps[order[2]], np.abs(found.maps[order[2]]).max())
        assert [int(bar.get_attribute("data-class")) for bar in bars.all()] == order[:5], "the likeliest first"
        pick(page, "p", "what the network says")
        pick(page, "q", "runner-up")

        # one cell's votes, then two cells taken away, by mouse and by keys
        canvas = page.locator(STAGE.format("why"))
        box = canvas.bounding_box()
        side = box["width"] / columns
        page.mouse.move(box["x"] + 2.5 * side, box["y"] + 1.5 * side)
        cell = found.maps[:, 1, 2]
        votes = page.locator('[data-bars="votes"] .gl-bar')
        assert [int(bar.get_attribute("data-class")) for bar in votes.all()] == list(np.argsort(-cell)[:5])
        assert [numbers(each)[-1] for each in texts(page, '[data-bars="votes"] .gl-number')] == pytest.approx(
            np.sort(cell)[::-1][:5], rel=0.06, abs=0.006
        )
        told = said(page, f"Row 2, column 3 votes for class {int(cell.argmax())}")
        assert "%" not in told and numbers(told)[3] == pytest.approx(cell.max(), abs=0.0051)
        page.mouse.click(box["x"] + 2.5 * side, box["y"] + 1.5 * side)
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Space")
        left = found.logits - found.maps[:, 1, 2] - found.maps[:, 2, 3]
        after = {int(bar.get_attribute("data-class")): float(bar.get_attribute("data-after")) for bar in bars.all()}
        assert set(order[:2]) <= set(after)
        for c, value in after.items():
            assert value == pytest.approx(softmax(left)[c], abs=2e-3)
        grey = painted(
            page, STAGE.format("contrast"), [(int(3.1 * 42), int(2.5 * 42)), (int(2.5 * 42) + 12, int(1.5 * 42))]
        )
        assert np.abs(grey[:, :3] - 118).max() <= 25
        page.locator('[data-control="clear"]').click()
        assert page.locator('[data-control="clear"]').is_hidden()


def test_a_label_is_text_and_a_page_is_for_all(net: Any, picture: Any, tmp_path: Path) -> None:
    widget = gradlab.widgets.paradigms(net, picture)
    page = widget.save_html(tmp_path / "page.html")
    other = tmp_path / "other"
    other.write_text("")
    assert page.stat().st_mode == other.stat().st_mode, "as readable as any file that is written here"
    assert {each.name for each in tmp_path.iterdir()} == {"page.html", "other"}


def test_half_a_cell_to_the_side_is_not_the_map_of_paradigms(
    browser: Any, net: Any, picture: Any, tmp_path: Path
) -> None:
    with offline(browser, gradlab.widgets.paradigms(net, picture), tmp_path) as page:
        slide(page, "opacity", "End")
        page.select_option('[data-control="colours"]', "blue-orange")
        map_ = gradlab.explain.grad_cam(net, net.transform(picture)[None])[0, 0].numpy()
        parts, top = ('[data-panel="why"] .gl-stage canvas', '[data-panel="why"] .gl-strip'), np.abs(map_).max()
        shows(page, *parts, map_, top)
        with pytest.raises(AssertionError):
            shows(page, *parts, map_.repeat(2, 0).repeat(2, 1)[:-1, :-1], top)


def test_what_was_chosen_is_on_the_page_and_reset_puts_it_back(
    browser: Any, net: Any, picture: Any, tmp_path: Path
) -> None:
    widget = gradlab.widgets.paradigms(net, picture)
    titles, third = ".gl-panel h3", '[data-panel="contrast"] h3'
    order = [int(c) for c in np.argsort(-widget._factors.logits)]
    widget.contrast, widget.cells, widget.colours, widget.scale = order[3], [5, 9], "magma", "shared"
    with offline(browser, widget, tmp_path) as page:
        assert page.locator(third).inner_text() == f"Why class {order[0]}, rather than class {order[3]}?"
        assert said(page, "cells").startswith("Without 2 cells: ")
        kept = [page.locator(f'[data-control="{name}"]').input_value() for name in ("colours", "scale")]
        assert kept == ["magma", "shared"]
        slide(page, "opacity", "Home")
        page.locator('[data-control="reset"]').click()
        # back to what the page was opened with is no reset: that was chosen before
        assert page.locator(third).inner_text() == f"Why class {order[0]}, rather than class {order[1]}?"
        assert said(page, "The network says").startswith(f"The network says class {order[0]} ")
        shown = [page.locator(f'[data-control="{name}"]').input_value() for name in ("colours", "scale", "opacity")]
        assert shown == ["viridis", "each", "0.55"]
        assert page.locator('[data-control="clear"]').is_hidden()
        assert len(texts(page, titles)) == 3


def test_every_p_and_q_gives_the_kernels_words(browser: Any, net: Any, picture: Any, tmp_path: Path) -> None:
    widget = gradlab.widgets.paradigms(net, picture)
    chance = widget._factors.probabilities
    with offline(browser, widget, tmp_path) as page:
        for p in range(CLASSES):
            pick(page, "p", f"class {p}")
            for q in range(CLASSES):
                pick(page, "q", f"class {q}")
                wanted = words(widget.labels, chance, p, q)
                assert tuple(texts(page, ".gl-panel h3")) == wanted.titles
                assert page.locator('[data-panel="contrast"] .gl-meaning').inner_text() == wanted.meaning
            assert said(page, wanted.said) == wanted.said
