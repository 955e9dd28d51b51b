"""What the widgets of many pictures draw and say on a saved page: against the engine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import gradlab
from gradlab import widgets
from gradlab.evaluate import reliability
from gradlab.widgets.labelling import STRATEGIES
from gradlab.widgets.panels import held_rows
from tests.browser.saved import (
    attributes,
    axis,
    centres,
    leans_as,
    levels,
    numbers,
    offline,
    painted,
    path_of,
    said,
    size_of,
    slide,
    small_net,
    texts,
)  # fmt: skip

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    net, names = small_net(), ["chelsea", "coffee", "camera", "astronaut"]
    views = [np.asarray(net.view(gradlab.data.picture(name)), dtype=np.float32) / 255 for name in names]
    flat = torch.from_numpy(np.stack(views)).movedim(-1, 1)
    return torch.cat([flat, flat.flip(-1), flat.flip(-2), 1 - flat])


def test_introspect_paints_rows_and_maps(browser: Any, pictures: torch.Tensor, tmp_path: Path) -> None:
    net = small_net()
    truth = net(net.normalize(pictures[:3])).argmax(1)
    truth[1] = (truth[1] + 1) % 7
    widget = widgets.introspect(net, pictures[:3], truth)
    level = 2
    kept = widget._panels.last_layer(1)[level : level + 1]
    u, h = kept.rows("ce", "each")[0].numpy(), kept.hidden[0].numpy()
    p, own = kept.logits[0].softmax(0), int(kept.logits[0].argmax())
    with offline(browser, widget, tmp_path) as page:
        page.locator('[data-digit="1"]').click()
        slide(page, "noise", *["ArrowRight"] * level)
        strip = ".gl-asking .gl-legend .gl-strip"
        grids = {q: u[q][:, None] * h[None] for q in range(7)}
        shared = max(np.abs(grid).max() for grid in grids.values())

        def rows_shown(kind: Any, grid: Any, top: float) -> None:
            canvas = f'[data-panel="{kind}"] canvas'
            assert size_of(page, canvas) == grid.shape
            spots = [(x, y) for y, x in np.ndindex(grid.shape)]
            found = levels(page, painted(page, canvas, spots), strip, True) * top
            np.testing.assert_allclose(found, [grid[y, x] for x, y in spots], atol=0.01 * top)

        for q, grid in grids.items():
            rows_shown(q, grid, shared)
        ones = kept.rows("ce", "ones")[0].numpy()[:, None] * h[None]
        rows_shown("ones", ones, np.abs(ones).max())
        page.locator('[data-control="each"]').check()
        rows_shown(own, grids[own], np.abs(grids[own]).max())
        page.locator('[data-control="each"]').uncheck()

        # the panel at length: its factors, its rows, and its cosines with every other
        asked = (own + 2) % 7
        page.locator(f'[data-panel="{asked}"]').click()
        assert page.locator(".gl-detail h3").first.inner_text() == f"Why class {own}, rather than class {asked}?"
        stops = {each.get_attribute("data-panel") for each in page.locator('[data-panel][tabindex="0"]').all()}
        assert stops == {str(asked)}, "one stop for the tab key, then arrows"
        np.testing.assert_allclose(attributes(page, ".gl-factor", "data-u")[:, 0], u[asked], atol=6e-5)
        cosines = attributes(page, "[data-cosine]", "data-value")[:, 0].reshape(7, 7)
        np.testing.assert_allclose(cosines, kept.cosines("ce")[0], atol=1e-3)
        effective, *_ = numbers(page.locator(".gl-detail .gl-hint").first.inner_text().replace("99 %", ""))[0:3]
        assert effective == pytest.approx(float(kept.effective_rows()[0, asked]), abs=0.0051)
        assert (
            f" {int(held_rows(kept)[0, asked])} of 7 rows hold"
            in page.locator(".gl-detail .gl-hint").first.inner_text()
        )

        # probabilities, the truth, and where the answer is wrong as noise rises
        bars = page.locator(".gl-says .gl-bar")
        assert [int(bar.get_attribute("data-class")) for bar in bars.all()] == np.argsort(-p.numpy())[:5].tolist()
        assert page.locator(".gl-asking h3").first.inner_text() == (
            f"Why class {own} ✗ (it is class {int(truth[1])}), rather than class 0 … class 6?"
        )
        logits = widget._panels.logits[1]
        assert page.locator(".gl-wrong").count() == int((logits.argmax(1) != int(truth[1])).sum())
        sure = np.exp(logits - logits.max(1, keepdims=True))
        values = page.locator("path.gl-line-sure[data-values]").get_attribute("data-values")
        assert numbers(values) == pytest.approx((1 / sure.sum(1)).tolist(), abs=1e-3)
        up = axis(page, "sure", "y")
        assert up(path_of(page, "path.gl-line-sure[data-values]")[:, 1]) == pytest.approx(1 / sure.sum(1), abs=2e-3)
        said(page, f"Noise 0.2: it says class {own} with {p[own]:.2f}, and that is wrong")

        # on the picture: orange speaks against Q, blue for it
        page.select_option('[data-control="view"]', "picture")
        map_ = widget._panels.contrasts[1, level, asked]
        canvas = f'[data-panel="{asked}"] canvas'
        page.locator('[data-control="each"]').check()
        over = painted(page, canvas, centres(page, canvas, map_.shape))
        strong = np.abs(map_.ravel()) > 0.6 * np.abs(map_).max()
        assert strong.sum() > 3
        assert np.array_equal(np.sign(over[strong, 0] - over[strong, 2]), np.sign(map_.ravel()[strong]))


def test_calibration_opens_a_picture_of_a_bin(browser: Any, pictures: torch.Tensor, tmp_path: Path) -> None:
    net = small_net()
    with torch.no_grad():
        logits = net(net.normalize(pictures)).double()
    truth = logits.argmax(1)
    truth[::3] = (truth[::3] + 2) % 7
    widget = widgets.calibration(net, pictures, truth, bins=4)
    p = logits.softmax(1)
    found = reliability(p, truth, 4)
    with offline(browser, widget, tmp_path) as page:
        k = int((found.counts * (found.confidence - found.accuracy).abs().nan_to_num(-1)).argmax())
        hand = page.locator(".gl-bins")
        assert hand.get_attribute("aria-valuenow") == str(k + 1), "the bin whose gap weighs most is open"
        members = (found.bin_of == k).nonzero()[:, 0]
        right = p.argmax(1) == truth
        wanted = sorted(members.tolist(), key=lambda i: (bool(right[i]), -float(p[i].max())))
        tiles = page.locator("[data-picture]")
        assert [int(tile.get_attribute("data-picture")) for tile in tiles.all()] == wanted
        assert [tile.get_attribute("data-right") for tile in tiles.all()] == [
            str(bool(right[i])).lower() for i in wanted
        ]
        gap = float(found.confidence[k] - found.accuracy[k])
        told = hand.get_attribute("aria-valuetext")
        count, share, mean = int(found.counts[k]), float(found.accuracy[k]), float(found.confidence[k])
        assert numbers(told)[2:6] == pytest.approx([count, round(count * share), share, mean], abs=0.0051)
        assert re.search(r"right \(0\.\d\d\), mean confidence 0\.\d\d: ", told)
        assert f"too sure by {gap:.2f}" in told if gap > 0 else f"not sure enough, by {-gap:.2f}" in told

        # the diagram: bars at the bins, as high as the accuracy, the gap up to the confidence, and the counts
        across = axis(page, "reliability", "x")
        up = axis(page, "reliability", "y")
        bars = attributes(page, ".gl-right", "data-bin", "x", "width", "y", "height")
        gaps = attributes(page, ".gl-gap", "y", "height")
        for (n, x, width, y, height), (top, tall) in zip(bars, gaps, strict=True):
            accuracy, confidence = float(found.accuracy[int(n)]), float(found.confidence[int(n)])
            assert across([x - 1, x + width + 1]) == pytest.approx([n / 4, (n + 1) / 4], abs=2e-3)
            assert up([y, y + height]) == pytest.approx([min(accuracy, confidence), 0], abs=2e-3)
            assert up([top, top + tall]) == pytest.approx(
                [max(accuracy, confidence), min(accuracy, confidence)], abs=2e-3
            )
        counts = attributes(page, ".gl-count", "data-count", "height")
        assert counts[:, 1] / counts[:, 1].max() == pytest.approx(counts[:, 0] / counts[:, 0].max(), abs=1e-6)

        # one picture at length: the runner-up, the bars at this temperature, and the map: orange for P, blue for Q
        i = wanted[-1]
        tiles.last.click()
        first, second = p[i].topk(2).indices.tolist()
        title = page.locator(".gl-at-length h3").inner_text()
        assert title.startswith(f"Why class {first} (") and f"rather than class {second} (" in title
        assert [numbers(each)[-1] for each in title.split(", rather")] == pytest.approx(
            p[i, [first, second]].tolist(), abs=0.0051
        )
        shown = page.locator(".gl-at-length .gl-bar")
        order = [int(c) for c in np.argsort(-p[i].numpy())[:4]]
        order += [] if int(truth[i]) in order else [int(truth[i])]
        assert [int(bar.get_attribute("data-class")) for bar in shown.all()] == order
        map_ = gradlab.explain.contrast_cam(net, net.normalize(pictures[i : i + 1]))[0, 0].numpy()
        legend = ".gl-at-length .gl-legend"
        assert texts(page, f"{legend} > span") == ["for Q", "for P, against Q"]
        ends = painted(page, f"{legend} .gl-strip", [(0, 0), (255, 0)])
        assert ends[0, 2] > ends[0, 0] and ends[1, 0] > ends[1, 2]
        leans_as(page, ".gl-at-length canvas", map_, page.locator('[data-control="map"]').uncheck)


def test_ood_draws_both_sets_and_shows_the_gravest_mistakes(
    browser: Any, pictures: torch.Tensor, tmp_path: Path
) -> None:
    net = small_net()
    widget = widgets.ood(net, pictures[:8], pictures[8:].flip(-1), scores=("energy", "msp"))
    scored = widget._scored[0]
    outside = next(iter(scored.outside.values()))
    inside, outside = scored.inside.double().numpy(), outside.double().numpy()
    with offline(browser, widget, tmp_path) as page:
        across = axis(page, "histograms", "x")
        for kind, values in (("in", inside), ("out", outside)):
            bars = attributes(page, f".gl-{kind}", "x", "width", "height", "data-share", "y")
            assert bars[:, 3].sum() == pytest.approx(1, abs=1e-5)
            assert bars[:, 2] / bars[:, 2].max() == pytest.approx(bars[:, 3] / bars[:, 3].max(), abs=1e-4)
            low, high = across(bars[:, 0] - 0.5), across(bars[:, 0] + bars[:, 1] + 0.5)
            for start, end, share in zip(low, high, bars[:, 3], strict=True):
                near = (values > start - 1e-2 * (end - start)) & (values < end + 1e-2 * (end - start))
                assert share == pytest.approx(near.mean(), abs=1e-5)
            assert (bars[:, 4] < 152).all() if kind == "in" else (bars[:, 4] == 152).all()
        threshold = attributes(page, ".gl-threshold", "x1")[0, 0]
        t = np.sort(inside)[0]
        assert across(threshold) == pytest.approx(t, abs=0.01 * np.ptp(inside))
        said(page, f"{(inside >= t).mean():.3f} of the in-distribution pictures (TPR) and {(outside >= t).mean():.3f}")

        # by hand: a threshold between, and who is on the wrong side of it, the gravest first
        middle = float(np.median(np.concatenate([inside, outside])))
        box = page.locator(".gl-bins").bounding_box()
        ticks = across(np.array([0.0, 1.0]))
        pixel = (middle - ticks[0]) / (ticks[1] - ticks[0])
        page.mouse.click(box["x"] + pixel, box["y"] + 60)
        t = float(page.locator(".gl-bins").get_attribute("aria-valuenow"))
        assert t == pytest.approx(middle, abs=0.02 * np.ptp(np.concatenate([inside, outside])))
        through = [8 + int(i) for i in np.argsort(-outside) if outside[i] >= t]
        refused = [int(i) for i in np.argsort(inside) if inside[i] < t]
        for kind, wanted in (("through", through), ("refused", refused)):
            tiles = page.locator(f'[data-mistakes="{kind}"] button')
            assert [int(each.get_attribute("data-picture")) for each in tiles.all()] == wanted
        assert (
            page.locator(".gl-lower h3").first.inner_text().startswith(f"Let through: {len(through)} of {len(outside)}")
        )
        shade = attributes(page, ".gl-mistaken", "x", "width", "y")
        at = attributes(page, ".gl-threshold", "x1")[0, 0]
        assert shade[0, 0] + shade[0, 1] == pytest.approx(at) and shade[1, 0] == pytest.approx(at)
        assert shade[0, 2] < shade[1, 2] == 152
        right_end = attributes(page, ".gl-out", "x", "width")[-1].sum()
        assert (shade[:, 1] > 0).all() and shade[1, :2].sum() >= right_end - 1, "to the end of the axis"
        now = attributes(page, ".gl-now", "data-tpr", "data-fpr", "cx", "cy")[0]
        right = axis(page, "roc", "x")
        up = axis(page, "roc", "y")
        assert [float(up(now[3])), float(right(now[2]))] == pytest.approx(now[:2].tolist(), abs=2e-3)
        assert now[:2].tolist() == pytest.approx([(inside >= t).mean(), (outside >= t).mean()], abs=1e-6)


def test_active_asks_and_counts_what_its_game_does(browser: Any, tmp_path: Path) -> None:
    chance = torch.Generator().manual_seed(0)
    truth = (torch.arange(60) % 3, torch.arange(45) % 3)
    centres = 1.3 * torch.randn(3, 5, generator=chance, dtype=torch.float64)
    pool, test = (centres[each] + torch.randn(len(each), 5, generator=chance, dtype=torch.float64) for each in truth)
    widget = widgets.active(None, (pool, truth[0]), (test, truth[1]), start=6, batch=4, rounds=3)
    game, (world,) = widget._game, widget._worlds
    curves, bought = game.play(world)
    with offline(browser, widget, tmp_path) as page:
        for name in STRATEGIES:
            page.locator(f'[data-control="{name}"]').click()
            for k in range(3):
                asked = [int(each.get_attribute("data-asks")) for each in page.locator("[data-asks]").all()]
                assert asked == bought[name][6 + 4 * k : 10 + 4 * k].tolist()
                page.locator('[data-control="buy"]').click()
            row = page.locator(f'[data-table="strategies"] tr[data-strategy="{name}"] td').all_inner_texts()
            more = curves[name][-1] - curves["random"][-1]
            assert [numbers(each)[0] for each in row] == pytest.approx(
                [18, curves[name][-1], curves["random"][-1], more], abs=5.1e-4
            )
            assert row[-1].startswith("+") == (more >= 5e-4)
            gain = f'path.gl-gain[data-strategy="{name}"]'
            across = axis(page, "gain", "x")
            up = axis(page, "gain", "y")
            line = path_of(page, gain)
            assert across(line[:, 0]) == pytest.approx([6, 10, 14, 18], abs=0.05)
            assert up(line[:, 1]) == pytest.approx(curves[name], abs=1e-3)
        said(page, f"accuracy {curves[name][-1]:.3f}. Random labels, as many: {curves['random'][-1]:.3f} on average")
        # a picture stands where h puts it, and is bold once its label is bought
        marks = page.locator('[data-chart="pool"] .gl-mark-of')
        assert marks.count() == 60 and page.locator('[data-chart="pool"] .gl-own').count() == 18
        own = attributes(page, '[data-chart="pool"] .gl-own', "data-own", "x", "y")
        plane = world.plane[own[:, 0].astype(int)]
        for way, sign in ((0, 1), (1, -1)):
            assert sign * np.corrcoef(own[:, 1 + way], plane[:, way])[0, 1] > 0.9999
        page.locator('[data-control="random"]').click()
        band = path_of(page, ".gl-band")
        up = axis(page, "gain", "y")
        assert (up(band[:4, 1]) <= up(band[4:, 1])[::-1] + 1e-9).all() and np.ptp(up(band[:, 1])) > 0.02


def test_ood_shows_a_mistake_at_length(browser: Any, pictures: torch.Tensor, tmp_path: Path) -> None:
    net = small_net()
    widget = widgets.ood(net, pictures[:8], pictures[8:], scores=("energy",))
    with offline(browser, widget, tmp_path) as page:
        page.locator('[data-control="least"]').click()
        page.locator(".gl-bins").focus()
        page.keyboard.press("End")
        tile = page.locator('[data-mistakes="refused"] button').first
        tile.click()
        i = int(page.locator('[data-mistakes="refused"] button[aria-pressed="true"]').get_attribute("data-picture"))
        p = net(net.normalize(pictures[i : i + 1])).detach()[0].softmax(0)
        first, second = p.topk(2).indices.tolist()
        title = page.locator(".gl-detail h3").inner_text()
        assert title.startswith(f"Why class {first} (") and f"rather than class {second} (" in title
        map_ = gradlab.explain.contrast_cam(net, net.normalize(pictures[i : i + 1]))[0, 0].numpy()
        leans_as(page, ".gl-detail canvas", map_, page.locator('[data-control="map"]').uncheck)
