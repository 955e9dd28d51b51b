"""The paradigms widget as a reader meets it: in JupyterLab, and as a saved page without kernel and network."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import gradlab
from gradlab.widgets.factors import Factors
from tests.browser.lab import (
    KERNEL,
    Lab,
    count_messages,
    messages,
    run_notebook,
    running_lab,
    wait_idle,
    write_notebook,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CELLS = [
    "import gradlab",
    "net = gradlab.models.imagenet()",
    "gradlab.widgets.paradigms(net, 'chelsea')",
]
CANVAS = '[data-panel="{}"] .gl-stage canvas'


@pytest.fixture(scope="module")
def net() -> Any:
    return gradlab.models.imagenet()


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a notebook that shows the widget; any notebook whose one widget is paradigms would do."""
    return write_notebook(tmp_path_factory.mktemp("lab") / "paradigms.ipynb", CELLS)


@pytest.fixture(scope="module")
def lab(notebook: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running_lab(notebook.parent, tmp_path_factory.mktemp("home") / "jupyter") as running:
        yield running


def pixels(page: Any, panel: str) -> str:
    return str(page.locator(CANVAS.format(panel)).evaluate("canvas => canvas.toDataURL()"))


def choose(page: Any, box: str, typed: str) -> None:
    """Choose in a combobox by keyboard alone."""
    field = page.locator(f'[data-combobox="{box}"] input')
    field.focus()
    page.keyboard.type(typed)
    page.keyboard.press("Enter")


def slide(page: Any, control: str, times: int) -> None:
    page.locator(f'[data-control="{control}"]').focus()
    for _ in range(times):
        page.keyboard.press("ArrowRight")


def probabilities(page: Any) -> dict[int, tuple[float, float]]:
    bars = page.locator('[data-bars="p"] .gl-bar').evaluate_all(
        "bars => bars.map(bar => [bar.dataset.class, bar.dataset.before, bar.dataset.after])"
    )
    return {int(c): (float(before), float(after)) for c, before, after in bars}


def expected(net: Any, name: str, cells: list[int]) -> tuple[np.ndarray, np.ndarray]:
    found = Factors.of(net, gradlab.data.picture(name), name)
    left = found.logits - found.maps.reshape(len(found.logits), -1)[:, cells].sum(1)
    after = np.exp(left - left.max())
    return found.probabilities, after / after.sum()


def ask_everything_offline(page: Any) -> None:
    """Change P, Q and every control; each must change what is drawn."""
    for box, typed, panel in [("q", "lynx", "contrast"), ("p", "tabby", "why"), ("q", "P itself", "contrast")]:
        before = pixels(page, panel)
        choose(page, box, typed)
        assert pixels(page, panel) != before, f"{box} = {typed}"
    for control, act in [
        ("opacity", lambda: slide(page, "opacity", 20)),
        ("colours", lambda: page.select_option('[data-control="colours"]', "magma")),
        ("threshold", lambda: slide(page, "threshold", 30)),
        ("scale", lambda: page.select_option('[data-control="scale"]', "shared")),
    ]:
        before = pixels(page, "contrast")
        act()
        assert pixels(page, "contrast") != before, control
    legend = page.locator('[data-panel="why"] .gl-hottest')
    raw = legend.inner_text()
    page.select_option('[data-control="units"]', "share")
    assert legend.inner_text() != raw and "%" in legend.inner_text()


def test_in_jupyterlab(
    lab: Lab, notebook: Path, page: Any, net: Any, shots: Callable[[str], str], tmp_path: Path
) -> None:
    run_notebook(page, lab, notebook.name)
    root = page.locator(".gl-root")
    root.wait_for(timeout=60_000)
    root.scroll_into_view_if_needed()
    wait_idle(page)
    page.screenshot(path=shots("lab_light"))
    count_messages(page)

    ask_everything_offline(page)

    before = pixels(page, "contrast")
    count = page.locator(".jp-Notebook .jp-Cell").count()
    page.locator(CANVAS.format("contrast")).focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowRight", "Space", "ArrowRight", "Space", "a", "b", "d", "d"):
        page.keyboard.press(key)
    assert page.locator(".jp-Notebook .jp-Cell").count() == count, "a key reached the notebook"
    assert pixels(page, "contrast") != before
    chance, after = expected(net, "chelsea", [8, 9])
    shown = probabilities(page)
    assert len(shown) >= 5
    for c, values in shown.items():
        assert values == pytest.approx((chance[c], after[c]), abs=2e-3)
    page.wait_for_function(
        "() => document.querySelector('.gl-readout').textContent.startsWith('Row 2, column 3 votes')"
    )
    assert messages(page) == []
    page.screenshot(path=shots("lab_cells"))

    choose(page, "picture", "cat_and_coffee")
    page.wait_for_function("() => document.querySelector('[data-panel=why] h3').textContent === 'Why Egyptian cat?'")
    assert "comm_msg" in messages(page)
    page.keyboard.type("coffee")  # what was chosen stays selected: the next name replaces it
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('[data-panel=why] h3').textContent === 'Why espresso?'")

    junk = tmp_path / "notes.png"
    junk.write_text("this is no picture")
    page.locator('.gl-source input[type="file"]').set_input_files(junk)
    page.wait_for_function(
        "() => document.querySelector('.gl-error').textContent.includes('notes.png is not a picture')"
    )
    assert page.locator('[data-panel="why"] h3').inner_text() == "Why espresso?"
    page.wait_for_function("() => document.querySelector('.gl-status').textContent === ''")
    page.screenshot(path=shots("lab_error"))

    drop(page, "red.png", png("tomato"))
    page.wait_for_function("() => document.querySelector('[data-combobox=picture] input').value === 'red.png'")
    assert page.locator(".gl-error").inner_text() == ""

    page.evaluate("() => window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
    page.wait_for_selector('body[data-jp-theme-light="false"]', state="attached")
    page.wait_for_selector("#jupyterlab-splash", state="detached")
    page.screenshot(path=shots("lab_dark"))


def png(colour: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (90, 70), colour).save(out, "PNG")
    return out.getvalue()


def drop(page: Any, name: str, content: bytes) -> None:
    """Drop a file on the photo, as from the reader's desktop."""
    page.evaluate(
        """([name, bytes]) => {
        const files = new DataTransfer();
        files.items.add(new File([new Uint8Array(bytes)], name, {type: 'image/png'}));
        for (const kind of ['dragover', 'drop']) document.querySelector('.gl-source').dispatchEvent(
            new DragEvent(kind, {dataTransfer: files, bubbles: true, cancelable: true})); }""",
        [name, list(content)],
    )


def test_a_kernel_that_is_gone_is_told(lab: Lab, page: Any) -> None:
    write_notebook(lab.root / "gone.ipynb", CELLS)
    run_notebook(page, lab, "gone.ipynb")
    page.wait_for_selector(".gl-frame")
    page.evaluate(f"() => {KERNEL}.shutdown()")
    before = page.locator('[data-panel="why"] h3').inner_text()
    choose(page, "picture", "coffee")
    page.wait_for_function("() => /kernel/.test(document.querySelector('.gl-error').textContent)", timeout=25_000)
    assert page.locator('[data-panel="why"] h3').inner_text() == before
    choose(page, "q", "lynx")  # what the browser can do alone goes on
    assert "lynx" in page.locator('[data-panel="contrast"] h3').inner_text()


def test_two_views_and_two_widgets_keep_apart(lab: Lab, page: Any) -> None:
    sources = [*CELLS[:2], "one = gradlab.widgets.paradigms(net, 'chelsea')\none", "one"]
    last = "print('Q is', one.contrast); one.target = 'tabby'"
    write_notebook(lab.root / "several.ipynb", [*sources, "gradlab.widgets.paradigms(net, 'camera')", "", last])
    run_notebook(page, lab, "several.ipynb")
    page.wait_for_function("() => document.querySelectorAll('.gl-film').length === 3")
    titles = page.locator('[data-panel="contrast"] h3')
    before = titles.all_inner_texts()
    field = page.locator('[data-combobox="q"] input').first
    field.focus()
    page.keyboard.type("lynx")
    page.keyboard.press("Enter")
    lynx = "Why tiger cat, rather than lynx?"
    assert titles.all_inner_texts() == [lynx, lynx, before[2]], "two views of one widget agree"
    page.wait_for_timeout(600)  # Python is told when the reader pauses
    page.locator(".jp-Cell").last.click()
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-cell')")
    page.get_by_text(f"Q is {gradlab.models.imagenet().index('lynx')}").wait_for(timeout=10_000)
    page.wait_for_function(
        "() => document.querySelector('.gl-readout').textContent.includes('tabby')"
        " && [...document.querySelectorAll('[data-panel=why] h3')].map(each => each.textContent).slice(0, 2).join()"
        " === 'Why tabby?,Why tabby?'"
    )
    before[2] = titles.nth(2).inner_text()
    page.locator('[data-combobox="picture"] input').nth(1).focus()
    page.keyboard.type("coffee")
    page.keyboard.press("Enter")
    whys = '[...document.querySelectorAll("[data-panel=why] h3")].map(each => each.textContent)'
    page.wait_for_function(f"() => {whys}.filter(text => text === 'Why espresso?').length === 2")
    assert titles.all_inner_texts()[2] == before[2]
    ids = page.locator(".gl-root [id]").evaluate_all("nodes => nodes.map(node => node.id)")
    assert len(ids) == len(set(ids))


def saved(net: Any, folder: Path) -> str:
    widget = gradlab.widgets.paradigms(net, "cat_and_coffee")
    return widget.save_html(folder / "paradigms.html").as_uri()


def test_a_saved_page_lives_without_kernel_and_network(
    browser: Any, net: Any, shots: Callable[[str], str], tmp_path: Path
) -> None:
    context = browser.new_context(viewport={"width": 1240, "height": 900}, offline=True, color_scheme="dark")
    page = context.new_page()
    asked: list[str] = []
    faults: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
    address = saved(net, tmp_path)
    page.goto(address)
    page.wait_for_selector(".gl-frame")
    page.screenshot(path=shots("saved_dark"), full_page=True)
    page.emulate_media(color_scheme="light")
    page.screenshot(path=shots("paradigms"), full_page=True)  # the README's picture

    before = pixels(page, "contrast")
    page.locator(".gl-frame").nth(3).click()
    assert pixels(page, "contrast") != before
    ask_everything_offline(page)
    page.locator('[data-control="pin"]').click()
    assert page.locator(".gl-pin img").evaluate("image => image.decode().then(() => image.naturalWidth)") > 900
    with page.expect_download() as download:
        page.locator('[data-control="save"]').click()
    assert download.value.suggested_filename.endswith(".png")
    assert page.locator('[data-control="upload"]').is_disabled()
    assert [url for url in asked if not url.startswith(("data:", "blob:"))] == [address]
    assert not faults
    context.close()


def test_on_a_narrow_screen_nothing_is_cut_off(
    browser: Any, net: Any, shots: Callable[[str], str], tmp_path: Path
) -> None:
    context = browser.new_context(viewport={"width": 380, "height": 800}, offline=True)
    page = context.new_page()
    page.goto(saved(net, tmp_path))
    page.wait_for_selector(".gl-frame")
    page.screenshot(path=shots("saved_narrow"), full_page=True)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 380
    boxes = [page.locator(CANVAS.format(key)).bounding_box() for key in ("why", "whatif", "contrast")]
    assert boxes[0]["y"] + boxes[0]["height"] <= boxes[1]["y"] < boxes[2]["y"]
    context.close()


def test_a_lecturer_goes_on_to_the_next_picture(page: Any, lab: Lab, notebook: Path) -> None:
    run_notebook(page, lab, notebook.name)
    page.locator("[data-control=present]").click()
    page.locator(".gl-presenting").wait_for()
    names = gradlab.data.picture_names()
    page.keyboard.press("n")
    after = names[(names.index("chelsea") + 1) % len(names)]
    page.wait_for_function(
        "name => document.querySelector('.gl-photo').getAttribute('aria-label').endsWith(name)", arg=after
    )
    page.keyboard.press("q")
    assert page.locator('[data-panel="contrast"] .gl-title').inner_text().startswith("Why ")


def test_the_first_tap_on_q_opens_its_list_and_no_menu_of_the_host(browser: Any, lab: Lab, notebook: Path) -> None:
    context = browser.new_context(viewport={"width": 1100, "height": 900}, has_touch=True)
    page = context.new_page()
    run_notebook(page, lab, notebook.name)
    field = page.locator('[data-combobox="q"] input')
    field.scroll_into_view_if_needed()
    box = field.bounding_box()
    page.touchscreen.tap(box["x"] + 20, box["y"] + 10)
    page.locator('[data-combobox="q"] [role=option]').first.wait_for()
    page.wait_for_timeout(300)
    assert page.locator(".lm-Menu:visible").count() == 0
    context.close()
