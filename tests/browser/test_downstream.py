"""The out-of-distribution and active learning widgets as a reader meets them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gradlab.evaluate import ood as engine
from gradlab.widgets import Active, Ood, active, ood
from gradlab.widgets.labelling import STRATEGIES, chances, fit
from tests.browser.lab import Lab, count_messages, messages, run_notebook, running_lab, wait_idle, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CELLS = ["import gradlab", "gradlab.widgets.ood()", "gradlab.widgets.active(rounds=3)"]
ROUNDS = 6
HALF = 5.01e-4  # of the last digit shown; 0.3125 is rounded up by JavaScript, and to even by Python
WORDS = {"least_confidence": "least confidence", "badge": "BADGE"}


@pytest.fixture(scope="module")
def detector() -> Ood:
    return ood()


@pytest.fixture(scope="module")
def market() -> Active:
    return active(rounds=ROUNDS)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = write_notebook(tmp_path_factory.mktemp("lab") / "downstream.ipynb", CELLS).parent
    with running_lab(folder, tmp_path_factory.mktemp("home") / "jupyter") as running:
        yield running


@contextmanager
def offline(browser: Any, path: Path, scheme: str = "light", width: int = 1400) -> Iterator[Any]:
    """Open a saved page with the network off; any error in its console fails the test."""
    context = browser.new_context(viewport={"width": width, "height": 900}, offline=True, color_scheme=scheme)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
    page.goto(path.as_uri())
    page.locator(".gl-root").wait_for()
    yield page
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    context.close()
    assert not faults


def rows(page: Any, name: str) -> list[list[str]]:
    found = page.locator(f'[data-table="{name}"] tbody tr')
    return [[cell.replace("\u2212", "-") for cell in row.locator("th, td").all_inner_texts()] for row in found.all()]


def now(page: Any) -> tuple[float, float]:
    dot = page.locator(".gl-now")
    return float(dot.get_attribute("data-tpr")), float(dot.get_attribute("data-fpr"))


def pixels(place: Any) -> str:
    return str(place.evaluate("canvas => canvas.toDataURL()"))


def test_the_figures_on_screen_are_the_engines(browser: Any, detector: Ood, tmp_path: Path) -> None:
    with offline(browser, detector.save_html(tmp_path / "ood.html")) as page:
        for k, group in enumerate(each["name"] for each in detector.start["groups"]):
            page.locator(f'[data-control="group-{k}"]').click()
            shown = rows(page, "scores")
            assert [row[0] for row in shown] == [each.name for each in detector._scored]
            for row, each in zip(shown, detector._scored, strict=True):
                assert [float(value) for value in row[1:]] == pytest.approx(each.figures(group), abs=HALF)
        page.locator('[data-control="group-0"]').click()
        for k, each in enumerate(detector._scored):
            page.locator(f'[data-control="score-{k}"]').click()
            inside, outside = each.inside, each.outside["letters"]
            threshold = float(inside.sort(descending=True).values[379])  # 380 of 400 pass
            share = [float((some >= threshold).double().mean()) for some in (inside, outside)]
            assert now(page) == pytest.approx(share, abs=1e-6)
            assert share[1] == engine.fpr_at_95_tpr(inside, outside)
            page.locator('[data-control="least"]').click()
            tpr, fpr = now(page)
            assert (1 - tpr) / 2 + fpr / 2 == pytest.approx(engine.detection_error(inside, outside), abs=1e-6)


def test_the_threshold_follows_mouse_and_keys(browser: Any, detector: Ood, tmp_path: Path) -> None:
    first = detector._scored[0]
    with offline(browser, detector.save_html(tmp_path / "ood.html")) as page:
        hand = page.locator('[data-control="threshold"]')
        hand.focus()
        for key in ("ArrowRight", "PageUp", "ArrowLeft", "PageDown"):
            before = now(page)
            page.keyboard.press(key)
            after = now(page)
            assert (after <= before) if key in ("ArrowRight", "PageUp") else (after >= before)
            threshold = float(hand.get_attribute("aria-valuenow"))
            share = [float((some >= threshold).double().mean()) for some in (first.inside, first.outside["letters"])]
            assert after == pytest.approx(share, abs=1e-6)
        page.keyboard.press("Home")
        assert now(page) == (1, 1)
        page.keyboard.press("End")
        assert now(page) == (0, 0)

        box = hand.bounding_box()
        page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 60)
        page.mouse.down()
        page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 60, steps=5)
        page.mouse.up()
        threshold = float(hand.get_attribute("aria-valuenow"))
        passing = int((first.outside["letters"] >= threshold).sum())
        assert 0 < passing < 96
        heading = page.locator('h3:has-text("Let through")').inner_text()
        assert heading == f"Let through: {passing} of 96, letters"
        refused = int((first.inside < threshold).sum())
        assert page.locator('h3:has-text("Refused")').inner_text() == f"Refused: {refused} of 400, in-distribution"


def test_a_mistake_is_seen_with_its_contrast_map(browser: Any, detector: Ood, tmp_path: Path) -> None:
    with offline(browser, detector.save_html(tmp_path / "ood.html")) as page:
        through = page.locator('[data-mistakes="through"]')
        shown = [int(each.get_attribute("data-picture")) for each in through.locator("button").all()]
        letters = detector._scored[0].outside["letters"]
        gravest = letters[[i - 400 for i in shown]]
        through_at_95 = round(len(letters) * detector._scored[0].figures("letters")[1])
        assert len(shown) == min(24, through_at_95) > 9  # of those that pass, the gravest
        assert bool((gravest.diff() <= 0).all()) and float(gravest[0]) == float(letters.max())
        photo, title = page.locator(".gl-photo"), page.locator(".gl-detail h3")
        before = pixels(photo), title.inner_text()
        through.locator("button").first.focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        assert through.locator("button").nth(1).get_attribute("aria-pressed") == "true"
        assert pixels(photo) != before[0]
        mapped = pixels(photo)
        page.locator('[data-control="map"]').click()
        assert pixels(photo) != mapped
        assert title.inner_text().startswith("Why ") and ", rather than " in title.inner_text()
        # tab order: one stop in each row of pictures
        assert through.locator('button[tabindex="0"]').count() == 1


def test_what_is_asked_and_earned_is_the_kernels_game(browser: Any, market: Active, tmp_path: Path) -> None:
    game = market._game
    with offline(browser, market.save_html(tmp_path / "active.html")) as page:
        for k, world in enumerate(market._worlds):
            page.locator(f'[data-control="world-{k}"]').click()
            curves, bought = game.play(world)
            start = game.orders[0, : game.start]
            p = chances(fit(world.pool[start][None], game.truth[0][start][None], 10), world.pool)[0]
            for name in STRATEGIES:
                page.locator(f'[data-control="{name}"]').click()
                asked = [int(each.get_attribute("data-asks")) for each in page.locator("[data-asks]").all()]
                assert asked == game.ask(name, p, world, start, 0).tolist()
                assert page.locator("[data-asked]").count() == game.batch
            page.locator('[data-control="all"]').click()
            page.locator('.gl-root[data-busy="false"]').wait_for(timeout=90_000)
            spent = f"{game.start + ROUNDS * game.batch}"
            for row in rows(page, "strategies"):
                key = row[0].lower().replace(" ", "_")
                assert row[1] == spent and float(row[2]) == pytest.approx(curves[key][-1], abs=HALF)
            told = page.locator('[data-chart="gain"]').get_attribute("aria-label")
            for name in STRATEGIES:
                values = told.split(f"{WORDS.get(name, name)} ")[1].split(";")[0].split(", ")
                assert [float(value) for value in values] == pytest.approx(curves[name], abs=HALF)
                page.locator(f'[data-control="{name}"]').click()
                own = {
                    int(each) for each in page.locator("[data-own]").evaluate_all("all => all.map(e => e.dataset.own)")
                }
                assert own == set(bought[name].tolist())
            assert page.locator('[data-control="buy"]').is_disabled()
            page.locator('[data-control="again"]').click()
            assert rows(page, "strategies")[0][1] == str(game.start)


def test_buying_by_keys_buys_for_the_control_too(browser: Any, market: Active, tmp_path: Path) -> None:
    with offline(browser, market.save_html(tmp_path / "active.html")) as page:
        page.locator('[data-control="margin"]').focus()
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Enter")
        assert page.locator('[data-control="least_confidence"]').get_attribute("aria-pressed") == "true"
        page.locator('[data-control="buy"]').focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        labels = {row[0]: row[1] for row in rows(page, "strategies")}
        assert labels["least confidence"] == labels["random"] == "40" and labels["margin"] == "20"
        page.locator('[data-control="random"]').click()
        assert page.locator(".gl-halo").count() == 0


def test_both_ask_nothing_of_the_kernel(lab: Lab, page: Any, shots: Callable[[str], str]) -> None:
    run_notebook(page, lab, "downstream.ipynb")
    first, second = page.locator(".gl-ood"), page.locator(".gl-active")
    second.wait_for(timeout=90_000)
    wait_idle(page)
    count_messages(page)
    first.locator('[data-control="threshold"]').focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    first.locator('[data-control="score-2"]').click()
    first.locator('[data-control="group-2"]').click()
    first.locator("[data-mistakes] button").nth(1).click()
    page.screenshot(path=shots("ood_lab"))
    second.scroll_into_view_if_needed()
    second.locator('[data-control="badge"]').click()
    second.locator('[data-control="buy"]').click()
    assert second.locator('tr[data-strategy="badge"] td').first.inner_text() == "30"
    second.locator('[data-control="world-1"]').click()
    second.locator('[data-control="all"]').click()
    page.locator('.gl-active[data-busy="false"]').wait_for(timeout=90_000)
    assert messages(page) == []
    # Escape hands the keyboard back to the notebook
    first.locator('[data-control="threshold"]').focus()
    page.keyboard.press("Escape")
    assert not first.locator('[data-control="threshold"]').evaluate("node => node === document.activeElement")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1300), ("dark", 900), ("dark", 390)])
def test_light_dark_and_narrow(
    browser: Any, detector: Ood, market: Active, tmp_path: Path, shots: Callable[[str], str], scheme: str, width: int
) -> None:
    for name, widget in (("ood", detector), ("active", market)):
        with offline(browser, widget.save_html(tmp_path / f"{name}.html"), scheme, width) as page:
            colours = page.locator(".gl-root").evaluate(
                "node => [getComputedStyle(node).backgroundColor, node.clientWidth]"
            )
            assert (sum(map(int, colours[0][4:-1].split(","))) < 300) == (scheme == "dark")
            unnamed = page.locator(".gl-root").evaluate(
                "root => [...root.querySelectorAll('button, input, [role=slider], [role=img]')].filter("
                "node => !(node.getAttribute('aria-label') || node.textContent.trim() || node.closest('label'))).length"
            )
            assert unnamed == 0
            page.screenshot(path=shots(f"{name}_{scheme}_{width}"), full_page=True)
