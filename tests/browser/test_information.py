"""The information widgets as a reader meets them: by keys and by hand, right to the digit, without the kernel."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradlab
from gradlab import information
from gradlab.widgets import Widget
from gradlab.widgets.manifold import likelihoods, trained
from tests.browser.lab import Lab, count_messages, messages, run_notebook, running_lab, wait_idle, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NAMES = ("entropy", "mutual", "fisher", "manifold")
CELLS = ["import gradlab", *(f"gradlab.widgets.{name}()" for name in NAMES)]
HEARD = np.array([[0.22, 0.01, 0.01, 0.16], [0.01, 0.18, 0.00, 0.18], [0.00, 0.01, 0.08, 0.14]])


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = write_notebook(tmp_path_factory.mktemp("lab") / "information.ipynb", CELLS).parent
    with running_lab(folder, tmp_path_factory.mktemp("home") / "jupyter") as running:
        yield running


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Open a widget's saved page with the network off; any error in its console fails the test."""
    faults: list[str] = []
    contexts = []

    def open_page(widget: Widget, **context: Any) -> Any:
        contexts.append(browser.new_context(offline=True, **{"viewport": {"width": 1200, "height": 900}, **context}))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
        page.goto(widget.save_html(tmp_path / "page.html").as_uri())
        page.locator(".gl-root").wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not faults


def press(page: Any, at: Any, *keys: str) -> None:
    at.focus()
    for key in keys:
        page.keyboard.press(key)


def said(page: Any, part: str, root: str = ".gl-root") -> str:
    """Return what is read out, once ``part`` is in it: it is written at most four times a second."""
    page.wait_for_function(
        "([root, part]) => document.querySelector(`${root} .gl-readout`).textContent.includes(part)", arg=[root, part]
    )
    return str(page.locator(f"{root} .gl-readout").inner_text())


def numbers(text: str) -> list[float]:
    return [float(each.replace("−", "-")) for each in re.findall(r"[−-]?\d+(?:\.\d+)?", text)]


def pull(page: Any, bar: Any, share: float) -> None:
    """Drag from the foot of a bar up to a share of its height."""
    box = bar.bounding_box()
    middle = box["x"] + box["width"] / 2
    page.mouse.move(middle, box["y"] + box["height"] - 2)
    page.mouse.down()
    page.mouse.move(middle, box["y"] + box["height"] * (1 - share), steps=8)
    page.mouse.up()


def slide(page: Any, name: str, *keys: str) -> None:
    press(page, page.locator(f'[data-control="{name}"]'), *keys)


def test_in_jupyterlab(lab: Lab, page: Any, shots: Callable[[str], str]) -> None:
    run_notebook(page, lab, "information.ipynb")
    for name in NAMES:
        page.locator(f".gl-{name}").wait_for(timeout=60_000)
    wait_idle(page)
    count_messages(page)

    page.locator(".gl-entropy").scroll_into_view_if_needed()
    press(page, page.locator(".gl-entropy .gl-level").first, *["ArrowUp"] * 10)
    said(page, f"= {information.entropy([0.6, 0.2, 0.2]):.3f} bits", ".gl-entropy")
    page.screenshot(path=shots("entropy_lab"))

    page.locator(".gl-mutual").scroll_into_view_if_needed()
    press(page, page.locator(".gl-mutual .gl-level").first, "PageUp")
    joint = HEARD * 0.68 / 0.78
    joint[0, 0] = 0.32
    said(page, f"I(X;Y) = {information.mutual_information(joint):.3f} bits", ".gl-mutual")
    page.screenshot(path=shots("mutual_lab"))

    page.locator(".gl-fisher").scroll_into_view_if_needed()
    press(page, page.locator('.gl-fisher [data-control="theta"]'), *["ArrowRight"] * 5)
    said(page, "300 scores at μ = 0.5", ".gl-fisher")
    page.screenshot(path=shots("fisher_lab"))

    page.locator(".gl-manifold").scroll_into_view_if_needed()
    press(page, page.locator('[data-plane="answers"]'), "Shift+ArrowUp", "ArrowLeft", "2")
    assert "No weight of the network has changed" in said(page, "A step towards cat", ".gl-manifold")
    box = page.locator('[data-plane="answers"]').bounding_box()
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 220, steps=20)
    page.mouse.up()
    said(page, "At (", ".gl-manifold")
    page.screenshot(path=shots("manifold_lab"))
    assert messages(page) == []
    assert page.locator(".jp-Notebook .jp-Cell").count() == len(CELLS), "a key reached the notebook"


def test_entropy_by_hand(opened: Callable[..., Any]) -> None:
    given = np.array([0.5, 0.3, 0.2, 0.0])
    page = opened(gradlab.widgets.entropy(given, labels=["a", "b", "c", "</script>"]))
    bars = page.locator(".gl-level")
    pull(page, bars.nth(1), 0.6)
    shown = float(bars.nth(1).get_attribute("aria-valuenow"))
    assert shown == pytest.approx(0.6, abs=0.011)
    p = given * (1 - shown) / 0.7
    p[1] = shown
    rows = [numbers(row) for row in page.locator(".gl-table tbody tr").all_inner_texts()]
    np.testing.assert_allclose([row[0] for row in rows[:4]], p, atol=5.1e-4)
    np.testing.assert_allclose([row[1] for row in rows[:3]], information.surprise(p[:3]), atol=5.1e-4)
    assert "∞" in page.locator(".gl-table tbody tr").nth(3).inner_text()
    assert rows[-1][-1] == pytest.approx(float(information.entropy(p)), abs=5.1e-4)

    page.select_option('[data-control="unit"]', "nats")
    said(page, f"{information.entropy(p, base=np.e):.3f} nats")
    for name, text in (("coin", "0.693 nats"), ("die", "1.792 nats"), ("certain", "Nothing here can surprise")):
        page.click(f'[data-control="{name}"]')
        said(page, text)
    # from certainty the others rise together
    press(page, bars.first, *["ArrowDown"] * 10)
    assert [bar.get_attribute("aria-valuenow") for bar in bars.all()] == ["0.9000", *["0.0200"] * 5]
    page.click('[data-control="given"]')
    assert [bar.get_attribute("aria-label") for bar in bars.all()] == ["a", "b", "c", "</script>"]


def test_mutual_information_by_hand(opened: Callable[..., Any], shots: Callable[[str], str]) -> None:
    page = opened(gradlab.widgets.mutual(), viewport={"width": 380, "height": 800}, color_scheme="dark", has_touch=True)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 380
    cells = page.locator(".gl-level")
    before = float(cells.nth(7).get_attribute("aria-valuenow"))
    pull(page, cells.nth(7), 0.9)
    joint = np.array([float(cell.get_attribute("aria-valuenow")) for cell in cells.all()]).reshape(3, 4)
    assert joint[1, 3] > before and joint.sum() == pytest.approx(1, abs=1e-3)

    def bars() -> dict[str, Any]:
        return {bar.get_attribute("data-bar"): bar for bar in page.locator("[data-bar]").all()}

    exact = {
        "H(X,Y)": information.joint_entropy(joint),
        "H(X)": information.entropy(joint.sum(1) / joint.sum()),
        "H(Y)": information.entropy(joint.sum(0) / joint.sum()),
        "I(X;Y)": information.mutual_information(joint),
        "H(X|Y)": information.conditional_entropy(joint),
        "H(Y|X)": information.conditional_entropy(joint.T),
    }
    found = bars()
    assert set(found) == set(exact)
    widths = {name: float(bar.get_attribute("width")) for name, bar in found.items()}
    for name, value in exact.items():
        assert float(found[name].get_attribute("data-value")) == pytest.approx(float(value), abs=2e-3)
        # drawn true to the number: all on one scale, all of one height
        assert widths[name] / widths["H(X,Y)"] == pytest.approx(float(value / exact["H(X,Y)"]), abs=1e-3)
    assert len({bar.get_attribute("height") for bar in found.values()}) == 1

    for name, informed in (("independent", 0), ("identical", np.log2(3)), ("noisy", None)):
        page.click(f'[data-control="{name}"]')
        value = float(bars()["I(X;Y)"].get_attribute("data-value"))
        assert value == pytest.approx(informed, abs=1e-6) if informed is not None else 0.5 < value < 1
    page.screenshot(path=shots("mutual_narrow"), full_page=True)


def test_fisher_draws_what_python_draws(opened: Callable[..., Any], shots: Callable[[str], str]) -> None:
    widget = gradlab.widgets.fisher("Poisson", 4.0, n=1000, seed=3)
    page = opened(widget)

    def measures() -> dict[str, float]:
        return {
            bar.get_attribute("data-measure"): float(bar.get_attribute("data-value"))
            for bar in page.locator("[data-measure]").all()
        }

    def agrees(other: Any) -> None:
        for name, value in measures().items():
            assert value == pytest.approx(other._found[name], rel=1e-5, abs=1e-6)

    agrees(widget)
    page.click('[data-control="again"]')
    agrees(gradlab.widgets.fisher("Poisson", 4.0, n=1000, seed=4))
    slide(page, "n", "ArrowRight", "ArrowRight")
    agrees(gradlab.widgets.fisher("Poisson", 4.0, n=10_000, seed=4))
    slide(page, "theta", *["ArrowRight"] * 10)
    agrees(gradlab.widgets.fisher("Poisson", 5.0, n=10_000, seed=4))
    for family in ("Gaussian mean", "Gaussian scale", "Bernoulli", "softmax logit"):
        page.select_option('[data-control="family"]', family)
        assert page.locator('[data-control="sigma"]').is_visible() == (family == "Gaussian mean")
        agrees(gradlab.widgets.fisher(family, n=10_000, seed=4))

    # the control: asked beside the truth, the mean of the scores is far from 0
    page.select_option('[data-control="family"]', "Bernoulli")
    slide(page, "away", *["ArrowRight"] * 5)
    text = said(page, "Asked away from the truth (0.5)")
    mean, error = numbers(text.split("mean")[1])[:2]
    assert mean < -20 * error
    page.screenshot(path=shots("fisher_away"), full_page=True)


def test_steps_on_the_plane(opened: Callable[..., Any], shots: Callable[[str], str]) -> None:
    page = opened(gradlab.widgets.manifold((0.3, -0.4)), color_scheme="dark")
    weights, _ = trained(0)
    at = np.array([0.3, -0.4])
    for q, label in ((1, "cat"), (1, "cat"), (0, "dog")):
        before, g = likelihoods(weights, at)
        at = at - 0.2 * g[q]
        after, _ = likelihoods(weights, at)
        page.click(f'[data-control="step-{label}"]')
        said(page, f"p({label}) {before[q]:.3f} → {after[q]:.3f}")
        assert after[q] > before[q]
    _, g = likelihoods(weights, at)
    information_matrix = np.einsum("c,ci,cj->ij", after, g, g)
    rows = [numbers(row) for row in page.locator(".gl-table tbody tr").all_inner_texts()]
    expected = np.stack([after, -np.log(after), np.linalg.norm(g, axis=1)], 1)
    np.testing.assert_allclose(rows, expected, atol=5.1e-4)
    axes = np.sqrt(np.linalg.eigvalsh(information_matrix))[::-1]
    shown = numbers(page.locator(".gl-hint", has_text="Fisher matrix F").inner_text())
    np.testing.assert_allclose(shown, [np.trace(information_matrix), *axes, 0, 0], atol=5.1e-4)
    ellipse = page.locator('[data-plane="answers"] ellipse').last
    radii = [float(ellipse.get_attribute(name)) for name in ("rx", "ry")]
    assert radii[0] / radii[1] == pytest.approx(axes[0] / axes[1], rel=1e-6)
    page.screenshot(path=shots("manifold_steps"), full_page=True)

    page.locator('[data-plane="horse"]').click(position={"x": 20, "y": 20})
    said(page, "At (−")
    page.click('[data-control="reset"]')
    said(page, "At (0.30, −0.40)")


@pytest.mark.parametrize("name", NAMES)
def test_narrow_and_named(opened: Callable[..., Any], name: str) -> None:
    page = opened(getattr(gradlab.widgets, name)(), viewport={"width": 360, "height": 800})
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
    assert page.locator(".gl-root").get_attribute("aria-label")
    nameless = """() => [...document.querySelectorAll('button, input, select, svg[role=img], [tabindex="0"]')].filter(
        (each) => !(each.getAttribute('aria-label') || each.textContent.trim() || each.closest('label'))).length"""
    assert page.evaluate(nameless) == 0
