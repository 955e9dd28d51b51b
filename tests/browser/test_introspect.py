"""The introspection and calibration widgets as a reader meets them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import gradlab
from gradlab.evaluate import calibration_error, nll, reliability
from gradlab.introspect import IntrospectiveNetwork
from gradlab.widgets import Calibration, Introspect
from gradlab.widgets.panels import NOISE, held_rows
from tests.browser.lab import Lab, count_messages, messages, run_notebook, running_lab, wait_idle, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CELLS = [
    "import gradlab",
    "gradlab.widgets.introspect()",
    "broken = gradlab.widgets.introspect(); broken._options['layer'] = 'nowhere'; broken",
    "test = gradlab.data.digits('test')\n"
    "gradlab.widgets.calibration(gradlab.models.digits(), test.pictures[:60], test.labels[:60])",
]
ROOTS = "document.querySelectorAll('.gl-introspect')"
THREE = [(90, 60), (150, 40), (190, 80), (135, 130), (195, 170), (160, 235), (85, 215)]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = write_notebook(tmp_path_factory.mktemp("lab") / "introspect.ipynb", CELLS).parent
    with running_lab(folder, tmp_path_factory.mktemp("home") / "jupyter") as running:
        yield running


@contextmanager
def offline(browser: Any, path: Path, scheme: str, width: int) -> Iterator[Any]:
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


def pixels(place: Any) -> str:
    return str(place.evaluate("canvas => canvas.toDataURL()"))


def draw(page: Any, sheet: Any, points: list[tuple[int, int]]) -> None:
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()
    at = [(box["x"] + x * box["width"] / 280, box["y"] + y * box["height"] / 280) for x, y in points]
    page.mouse.move(*at[0])
    page.mouse.down()
    for place in at[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()


def test_introspect_in_jupyterlab(lab: Lab, page: Any, shots: Callable[[str], str]) -> None:
    run_notebook(page, lab, "introspect.ipynb")
    root = page.locator(".gl-introspect").first
    root.locator(".gl-ask").first.wait_for(timeout=60_000)
    wait_idle(page)
    count_messages(page)

    # noise, the picture, the view and the panel ask nothing of the kernel
    before = pixels(root.locator('[data-panel="3"] canvas'))
    root.locator('[data-control="noise"]').focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert pixels(root.locator('[data-panel="3"] canvas')) != before
    root.locator('[data-digit="0"]').focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert root.locator('[data-digit="1"]').get_attribute("aria-pressed") == "true"
    root.locator('[data-control="view"]').select_option("picture")
    root.locator('[data-panel="3"]').click()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    assert root.locator('[data-panel="ones"]').get_attribute("aria-pressed") == "true"
    assert root.locator(".gl-detail h3").first.inner_text() == "The label of all ones"
    assert messages(page) == []

    # a drawing is one message when the stroke ends
    root.locator('[data-control="noise"]').focus()
    page.keyboard.press("Home")
    sheet = root.locator(".gl-ink")
    draw(page, sheet, THREE)
    page.wait_for_function(f"() => {ROOTS}[0].querySelector('.gl-asking h3').textContent.startsWith('Why 3,')")
    assert messages(page).count("comm_msg") == 1
    assert (
        root.locator(".gl-status").inner_text() == "" and root.locator('[data-digit][aria-pressed="true"]').count() == 0
    )
    page.screenshot(path=shots("introspect_lab_drawn"))

    # the same by keys: clear, pen down, a line, pen up
    sheet.focus()
    page.keyboard.press("Delete")
    assert root.locator('[data-digit="0"]').get_attribute("aria-pressed") == "true"
    page.keyboard.press("Space")
    for _ in range(18):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.wait_for_function(f"() => {ROOTS}[0].querySelector('[data-digit][aria-pressed=true]') === null")
    assert messages(page).count("comm_msg") == 2

    # what fails in the kernel is told on the screen, and what was there stays
    second = page.locator(".gl-introspect").nth(1)
    draw(page, second.locator(".gl-ink"), THREE)
    page.wait_for_function(f"() => {ROOTS}[1].querySelector('.gl-error').textContent.includes('nowhere')")
    assert second.locator('[data-digit="0"]').get_attribute("aria-pressed") == "true"

    # calibration never asks
    sent = messages(page)
    third = page.locator(".gl-calibration")
    third.scroll_into_view_if_needed()
    third.locator('[data-control="temperature"]').focus()
    page.keyboard.press("ArrowRight")
    third.locator(".gl-bins").focus()
    page.keyboard.press("Home")
    page.keyboard.press("End")
    third.locator("[data-picture]").last.click()
    assert third.locator(".gl-at-length h3").inner_text().startswith("Why ")
    assert messages(page) == sent
    page.screenshot(path=shots("calibration_lab"))


def panels_shown(page: Any, widget: Introspect, picture: int, level: int) -> None:
    """Compare what every panel says with the engine's numbers."""
    kept = widget._panels.last_layer(picture)[level : level + 1]
    effective, lengths = kept.effective_rows()[0], kept.norms("ce", "each")[0]
    for q in range(10):
        rows, length = page.locator(f'[data-panel="{q}"] .gl-number').all_inner_texts()
        assert float(rows.split()[0]) == pytest.approx(float(effective[q]), abs=0.0051)
        if "e" not in length.split()[1]:
            assert float(length.split()[1]) == pytest.approx(float(lengths[q]), abs=0.0051)
    cosines = kept.cosines("ce")[0]
    for a, b in ((0, 1), (2, 7), (5, 5)):
        shown = float(page.locator(f'[data-cosine="{a} {b}"]').get_attribute("data-value"))
        assert shown == pytest.approx(float(cosines[a, b]), abs=1e-3)
    said = int(kept.logits[0].argmax())
    assert page.locator('[data-own="true"]').get_attribute("data-panel") == str(said)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1400), ("dark", 1400), ("dark", 380)])
def test_a_saved_introspect_page(
    browser: Any, shots: Callable[[str], str], tmp_path: Path, scheme: str, width: int
) -> None:
    widget = gradlab.widgets.introspect()
    with offline(browser, widget.save_html(tmp_path / "page.html"), scheme, width) as page:
        panels_shown(page, widget, 0, 0)
        page.locator('[data-digit="10"]').click()
        panels_shown(page, widget, 10, 0)
        page.locator('[data-control="noise"]').focus()
        for level in (1, 2):
            page.keyboard.press("ArrowRight")
            panels_shown(page, widget, 10, level)
        # both measures over the noise, and the label of all ones by each loss
        kept = widget._panels.last_layer(10)
        others = torch.nn.functional.one_hot(kept.logits.argmax(1), 10) == 0

        def line(kind: str) -> list[float]:
            return [float(v) for v in page.locator(f"path.{kind}[data-values]").get_attribute("data-values").split()]

        for kind, values in (("gl-line-rows", kept.effective_rows()), ("gl-line-held", held_rows(kept).double())):
            expected = [float(values[k][others[k]].mean()) for k in range(len(NOISE))]
            assert line(kind) == pytest.approx(expected, abs=2e-3)
        for loss in ("mse", "bce", "ce"):
            page.select_option('[data-control="loss"]', loss)
            assert line("gl-line-ones") == pytest.approx(kept.effective_rows(loss, "ones").tolist(), abs=2e-3)
        page.screenshot(path=shots(f"introspect_{scheme}_{width}_rows"), full_page=True)
        page.select_option('[data-control="view"]', "picture")
        own = pixels(page.locator('[data-panel="1"] canvas'))
        page.locator('[data-control="each"]').check()
        assert pixels(page.locator('[data-panel="1"] canvas')) != own
        page.locator('[data-control="mean"]').check()
        assert page.locator(".gl-wrong").count() == 0
        assert page.locator('[data-control="clear"]').is_disabled()
        page.screenshot(path=shots(f"introspect_{scheme}_{width}_picture"), full_page=True)


@pytest.fixture(scope="module")
def compared() -> Calibration:
    net = gradlab.models.digits()
    train, held_out, test = (gradlab.data.digits(split) for split in ("train", "validation", "test"))
    generator = torch.Generator().manual_seed(0)
    noisy = [
        (each.pictures + 0.15 * torch.randn(each.pictures.shape, generator=generator)).clamp(0, 1)
        for each in (held_out, test)
    ]
    arms: dict[str, Any] = {
        name: IntrospectiveNetwork(net, on=on).fit(
            net.normalize(train.pictures[:300]), train.labels[:300], epochs=2, progress=False
        )
        for name, on in (("H", "gradient"), ("H on h", "h"))
    }
    arms["half as sure"] = net(net.normalize(noisy[1][:200])).detach() / 2
    return gradlab.widgets.calibration(
        net, noisy[1][:200], test.labels[:200], arms, validation=(noisy[0], held_out.labels)
    )


def figures_shown(page: Any, logits: Tensor, truth: Tensor, t: float, column: int) -> None:
    """Compare one column of the table of figures with the engine's numbers at a temperature."""
    rows = page.locator('[data-table="figures"] tbody tr').all()
    found = [row.locator("td").nth(column).inner_text() for row in rows]
    p = (logits / t).softmax(1)
    expected = {
        0: float((p.argmax(1) == truth).double().mean()),
        1: float(p.amax(1).mean()),
        2: calibration_error(p, truth),
        4: calibration_error(p, truth, norm="max"),
        5: nll(logits, truth, t),
    }
    for row, value in expected.items():
        assert float(found[row]) == pytest.approx(value, abs=6e-4)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1400), ("dark", 1400), ("light", 380)])
def test_a_saved_calibration_page(
    browser: Any, shots: Callable[[str], str], tmp_path: Path, compared: Calibration, scheme: str, width: int
) -> None:
    truth, arms = compared._truth, compared._arms
    with offline(browser, compared.save_html(tmp_path / "page.html"), scheme, width) as page:
        page.screenshot(path=shots(f"calibration_{scheme}_{width}"), full_page=True)
        for k, arm in enumerate(arms):
            page.locator(".gl-presets button").nth(k).click()
            figures_shown(page, arm.logits, truth, 1.0, 0)
            figures_shown(page, arm.logits, truth, arm.fitted, 2)
            page.locator('[data-control="temperature"]').focus()
            page.keyboard.press("End")
            figures_shown(page, arm.logits, truth, 10.0, 1)
            page.locator('[data-control="fitted"]').click()
            figures_shown(page, arm.logits, truth, arm.fitted, 1)
            page.locator('[data-control="one"]').click()
            point = page.locator(f'[data-arm="{arm.name}"]')
            expected = calibration_error(arm.logits.softmax(1), truth)
            assert float(point.get_attribute("data-ece")) == pytest.approx(expected, abs=1e-5)
        page.locator(".gl-presets button").first.click()

        # the bars of the first network, then its bins by keys and by hand
        found = reliability(arms[0].logits.softmax(1), truth)
        for k in range(15):
            bars = page.locator(f'.gl-right[data-bin="{k}"]')
            assert bars.count() == int(found.counts[k] > 0)
            if bars.count():
                assert float(bars.get_attribute("data-accuracy")) == pytest.approx(float(found.accuracy[k]), abs=1e-6)
        hand = page.locator(".gl-bins")
        hand.focus()
        page.keyboard.press("End")
        assert page.locator("[data-picture]").count() == min(40, int(found.counts[14]))
        low = next(k for k in range(15) if found.counts[k])
        box = hand.bounding_box()
        across = 44 + (box["width"] - 54) * (low + 0.5) / 15
        hand.click(position={"x": across, "y": 150})
        assert hand.get_attribute("aria-valuenow") == str(low + 1)
        which = sorted(int(tile.get_attribute("data-picture")) for tile in page.locator("[data-picture]").all())
        assert which == (found.bin_of == low).nonzero()[:, 0].tolist()

        # one picture at length: what is said, the runner-up, and its map
        tile = page.locator("[data-picture]").last
        tile.click()
        i = int(tile.get_attribute("data-picture"))
        p, q = arms[0].logits[i].topk(2).indices.tolist()
        title = page.locator(".gl-at-length h3")
        assert title.inner_text().startswith(f"Why {p} (") and f"rather than {q} (" in title.inner_text()
        with_map = pixels(page.locator(".gl-at-length canvas").first)
        page.locator('[data-control="map"]').uncheck()
        assert pixels(page.locator(".gl-at-length canvas").first) != with_map
        page.locator('[data-control="map"]').check()
        # logits alone have no map, and that is said
        page.locator(".gl-presets button").last.click()
        assert "No contrast map" in page.locator(".gl-at-length .gl-hint").last.inner_text()
        page.screenshot(path=shots(f"calibration_{scheme}_{width}_logits"), full_page=True)
