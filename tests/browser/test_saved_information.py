"""What the widgets of many pictures draw and say on a saved page: against the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradlab import information, widgets
from gradlab.widgets.manifold import REACH, likelihoods, trained
from tests.browser.saved import (
    attributes,
    axis,
    levels,
    numbers,
    offline,
    painted,
    path_of,
    said,
    some_places,
)  # fmt: skip

pytestmark = pytest.mark.browser


def test_manifold_draws_ellipse_arrows_and_surfaces(browser: Any, tmp_path: Path) -> None:
    at = np.array([0.55, -0.35])
    weights, _ = trained(0)
    p, g = likelihoods(weights, at)
    scale = 400 / (2 * REACH)
    here = np.array([(at[0] + REACH) * scale, (REACH - at[1]) * scale])
    with offline(browser, widgets.manifold(at.tolist()), tmp_path) as page:
        ellipse = page.locator('[data-plane="answers"] ellipse').last
        cx, cy, rx, ry = (float(ellipse.get_attribute(name)) for name in ("cx", "cy", "rx", "ry"))
        turn, *pivot = numbers(ellipse.get_attribute("transform"))
        assert [cx, cy] == pytest.approx(here.tolist()) and pivot == pytest.approx([cx, cy])
        matrix = np.einsum("c,ci,cj->ij", p, g, g)
        sizes, ways = np.linalg.eigh(matrix)
        assert [rx, ry] == pytest.approx((0.4 * scale * np.sqrt(sizes[::-1])).tolist())
        long = np.array([np.cos(np.radians(turn)), -np.sin(np.radians(turn))])  # y grows upwards in the plane
        assert abs(long @ ways[:, 1]) == pytest.approx(1, abs=1e-6)
        assert rx / ry > 1.3, "a circle has no angle"
        # the arrows go down each label's loss
        tips = [
            each.get_attribute("points").split()[1] for each in page.locator('[data-plane="answers"] polygon').all()
        ]
        for c, tip in enumerate(tips[1::2]):
            x, y = (float(each) for each in tip.split(","))
            assert [x - here[0], here[1] - y] == pytest.approx((-0.4 * scale * g[c]).tolist(), abs=0.11)
        # each label's name stands beyond the head of its arrow, further where the arrow lies flat
        names = attributes(page, '[data-plane="answers"] .gl-arrow-name', "x", "y") - [0, 5]
        ways = g * [-1, 1] / np.linalg.norm(g, axis=1, keepdims=True)
        room = 14 + 12 * np.abs(ways[:, :1])
        np.testing.assert_allclose(names, here + 0.4 * scale * g * [-1, 1] + room * ways, atol=0.01)
        dots = attributes(page, '[data-plane="answers"] circle', "cx", "cy")
        assert dots[-1].tolist() == pytest.approx(here.tolist())
        # the surfaces: likelihood of each label at places of the plane
        for c, label in enumerate(("dog", "cat", "horse")):
            canvas = f'[data-plane="{label}"] canvas'
            places = some_places((100, 100))
            spots = np.array([((x + 0.5) / 100 * 2 - 1, 1 - (y + 0.5) / 100 * 2) for x, y in places]) * REACH
            found = levels(page, painted(page, canvas, places), ".gl-legend .gl-strip", False)
            assert found == pytest.approx(likelihoods(weights, spots)[0][:, c], abs=0.01)
            assert numbers(page.locator(f'[data-likelihood="{label}"]').inner_text())[0] == pytest.approx(
                p[c], abs=5.1e-4
            )
        # keys move the point: right and up are positive
        page.locator('[data-plane="answers"]').focus()
        for key in ("ArrowRight", "ArrowUp", "Shift+ArrowUp"):
            page.keyboard.press(key)
        said(page, "At (0.60, \u22120.05)")


def test_fisher_draws_its_scores(browser: Any, tmp_path: Path) -> None:
    widget = widgets.fisher("Gaussian mean", 0.5, n=1000, seed=2)
    with offline(browser, widget, tmp_path) as page:
        scores, found = widget._found["scores"], widget._found
        across = axis(page, "histogram", "x")
        bars = attributes(page, ".gl-column", "x", "width", "height")
        left, right = across(bars[:, 0] - 0.5), across(bars[:, 0] + bars[:, 1] + 0.5)
        counts = np.array([((scores >= a) & (scores < b)).sum() for a, b in zip(left[1:-1], right[1:-1], strict=True)])
        assert bars[1:-1, 2] / bars[:, 2].max() == pytest.approx(counts / counts.max(), abs=0.03)
        spread = attributes(page, ".gl-spread", "x1", "x2")[0]
        sd = float(np.std(scores))
        assert across(spread) == pytest.approx([scores.mean() - sd, scores.mean() + sd], abs=0.02)
        widths = attributes(page, "[data-measure]", "data-value", "width")
        assert widths[:, 1] / widths[:, 1].max() == pytest.approx(widths[:, 0] / widths[:, 0].max(), abs=1e-4)
        across = axis(page, "likelihoods", "x")
        up = axis(page, "likelihoods", "y")
        dot = attributes(page, '[data-chart="likelihoods"] .gl-asked', "cx", "cy")[0]
        assert [float(across(dot[0])), float(up(dot[1]))] == pytest.approx([0.5, 0], abs=0.01)
        # the parabola and the mean of all touch at the dot with the slope of the mean score
        curve = path_of(page, "path.gl-mean")
        x, y = across(curve[:, 0]), up(curve[:, 1])
        assert np.polyfit(x - 0.5, y, 2)[:2] == pytest.approx([-found["curvature"] / 2, scores.mean()], abs=0.03)
        parabola = path_of(page, "path.gl-parabola")
        assert np.polyfit(across(parabola[:, 0]) - 0.5, up(parabola[:, 1]), 2) == pytest.approx(
            [-found["book"] / 2, 0, 0], abs=0.02
        )


def test_entropy_draws_columns_of_that_area(browser: Any, tmp_path: Path) -> None:
    p = np.array([0.5, 0.3, 0.15, 0.05])
    with offline(browser, widgets.entropy(p, labels=list("abcd")), tmp_path) as page:
        up = axis(page, "areas", "y")
        columns = attributes(page, "rect.gl-area", "x", "width", "y", "height")
        whole = columns[:, 1].sum()
        assert columns[:, 1] / whole == pytest.approx(p, abs=1e-6)
        assert (columns[:, 0] - columns[0, 0]) / whole == pytest.approx(np.cumsum(p) - p, abs=1e-6)
        assert up(columns[:, 2]) == pytest.approx(information.surprise(p), abs=1e-2)
        assert up(columns[:, 2] + columns[:, 3]) == pytest.approx(0, abs=1e-2)
        line = {kind: attributes(page, f".gl-level-line.gl-{kind}", "y1")[0, 0] for kind in ("most", "h")}
        assert [float(up(line["most"])), float(up(line["h"]))] == pytest.approx(
            [2, float(information.entropy(p))], abs=1e-2
        )
        page.locator(".gl-level").nth(2).focus()
        assert page.locator(".gl-area[data-active=true]").get_attribute("x") == str(columns[2, 0]).rstrip("0").rstrip(
            "."
        )


def test_mutual_draws_the_overlap(browser: Any, tmp_path: Path) -> None:
    joint = np.array([[0.3, 0.05, 0.05], [0.1, 0.2, 0.3]])
    with offline(browser, widgets.mutual(joint), tmp_path) as page:
        across = axis(page, "overlap", "x")
        found = {
            name: across(attributes(page, f'[data-bar="{name}"]', "x", "width")[0] @ np.array([[1, 1], [0, 1]]))
            for name in ("H(X,Y)", "H(X)", "H(Y)", "I(X;Y)", "H(X|Y)", "H(Y|X)")
        }
        both, x, y = (float(v) for v in (
            information.joint_entropy(joint), information.entropy(joint.sum(1)), information.entropy(joint.sum(0))
        ))  # fmt: skip
        wanted = {
            "H(X,Y)": (0, both), "H(X)": (0, x), "H(Y)": (both - y, both), "I(X;Y)": (both - y, x),
            "H(X|Y)": (0, both - y), "H(Y|X)": (x, both),
        }  # fmt: skip
        for name, ends in wanted.items():
            assert found[name].tolist() == pytest.approx(ends, abs=1e-2), name
        band = attributes(page, ".gl-band", "x", "width")[0]
        assert across([band[0], band.sum()]).tolist() == pytest.approx(wanted["I(X;Y)"], abs=1e-2)


def test_mutual_writes_what_a_full_cell_stands_for(browser: Any, tmp_path: Path) -> None:
    for joint, full, nothing in (
        ([[0.2, 0.2], [0.25, 0.35]], 0.5, []), ([[0.25, 0.25], [0.25, 0.25]], 0.25, []),
        ([[0.9996, 0.0], [0.0004, 0.0]], 1, ["0.000", "< .001", "0.000"]),
    ):  # fmt: skip
        with offline(browser, widgets.mutual(np.array(joint)), tmp_path) as page:
            assert f"A full cell is {full}." in page.locator(".gl-root").inner_text()
            written = page.locator("[role=slider]").all_inner_texts()
            assert [each for each in written if each in ("0.000", "< .001")] == nothing
