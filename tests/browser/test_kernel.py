"""Every widget while its kernel is restarted, dies, is busy or interrupted, and while its cell is moved or copied.

One right behaviour for all twelve. What a widget can do by itself goes on in every case, and nothing that was chosen is
lost. What only a kernel can answer is answered, or one sentence says why not, and the fields go back to what is shown:

- restarted, dead: "The kernel was restarted: run this cell again.", at once;
- busy: what was asked stays in sight; after 20 s of silence one sentence says so, and the answer still comes;
- interrupted: "Interrupted: ask again." (a question that JupyterLab sends to a thread of the kernel's, as it does from
  4.4, cannot be interrupted: it is answered);
- the notebook is opened again without its kernel: the still picture and its sentence;
- the cell is moved, copied, run again: the views of one widget show the same, a new widget begins anew.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.browser.lab import KERNEL, Lab, run_notebook, running_lab, wait_idle, write_notebook
from tests.browser.test_styles import SETUP, WIDGETS

pytestmark = [pytest.mark.browser, pytest.mark.slow]

GONE = "The kernel was restarted: run this cell again."
SILENT = "The kernel does not answer: it is busy, or was stopped. If it was, run this cell again."
# the networks take as long as they are told to
SLOW = """
import time
LONG = [0]
for each in (paradigms, challenges, introspect):
    _ = each._net.model.register_forward_pre_hook(lambda *_: time.sleep(LONG[0]))
"""
CELLS = [SETUP, *(f"{name} = {source}\n{name}" for name, source in WIDGETS.items()), SLOW]
# what only the kernel can answer
ASKS = ("paradigms", "gradients", "occlusion", "challenges", "introspect")
# what each answers by itself: a control, and the key pressed on it; None: it is clicked
HANDS = {
    "paradigms": ("[data-control=opacity]", "End"),
    "gradients": ("[data-control=colours]", "End"),
    "occlusion": ("[data-control=opacity]", "End"),
    "entropy": ("[role=slider]", "End"),
    "mutual": ("[data-control=identical]", None),
    "fisher": ("[data-control=theta]", "End"),
    "manifold": ("[data-control=step-cat]", None),
    "introspect": ("[data-control=noise]", "End"),
    "calibration": ("[data-control=temperature]", "End"),
    "ood": ("[data-control=least]", None),
    "active": ("[data-control=buy]", None),
    "challenges": ("[data-control=level]", "End"),
}
# what a view shows: its words, and the state of its controls
SHOWN = """root => JSON.stringify([
    root.querySelector(".gl-readout")?.textContent,
    [...root.querySelectorAll("input, select")].map(each => each.type === "checkbox" ? each.checked : each.value),
    [...root.querySelectorAll("[aria-valuetext]")].map(each => each.getAttribute("aria-valuetext")),
    [...root.querySelectorAll("[aria-pressed]")].map(each => each.getAttribute("aria-pressed"))])"""
QUIET = 700  # ms in which a read-out and a chart have come to rest


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab as it was before 4.4: the kernel does one thing after the other."""
    folder = tmp_path_factory.mktemp("kernel")
    with running_lab(folder, tmp_path_factory.mktemp("home") / "jupyter", subshells=False) as running:
        yield running


def opened(page: Any, lab: Lab, name: str) -> None:
    write_notebook(lab.root / name, CELLS)
    run_notebook(page, lab, name)
    for kind in WIDGETS:
        page.locator(f".gl-root.gl-{kind}").wait_for(timeout=60_000)
    wait_idle(page)


def run_code(page: Any, code: str) -> None:
    page.evaluate(f"code => {{ {KERNEL}.requestExecute({{code}}); }}", code)


def command(page: Any, *names: str) -> None:
    for name in names:
        page.evaluate("name => window.jupyterapp.commands.execute(`notebook:${name}`)", name)


def told(page: Any, kind: str, text: str, seconds: float = 15) -> None:
    words = page.locator(f".gl-root.gl-{kind} .gl-error")
    until = time.monotonic() + seconds
    while text not in words.all_inner_texts() and time.monotonic() < until:
        page.wait_for_timeout(50)
    assert text in words.all_inner_texts(), kind


def errors(page: Any) -> list[str]:
    return list(
        page.evaluate("() => [...document.querySelectorAll('.gl-error')].map(e => e.textContent).filter(e => e)")
    )


def choose(page: Any, kind: str, box: str, typed: str) -> Any:
    field = page.locator(f'.gl-{kind} [data-combobox="{box}"] input').first
    field.click()
    page.keyboard.type(typed)
    page.keyboard.press("Enter")
    return field


def ask(page: Any, kind: str, name: str = "coffee") -> None:
    """Ask what only the kernel can answer."""
    if kind == "gradients":
        now = page.locator('.gl-gradients [data-combobox="p"] input').first.input_value()
        choose(page, kind, "p", "class 3" if now != "class 3" else "class 4")
    elif kind == "introspect":
        page.locator(".gl-introspect canvas[role=application], .gl-introspect .gl-ink canvas").first.focus()
        for key in (" ", "ArrowDown", "ArrowDown", "ArrowDown", " "):
            page.keyboard.press(key)
    else:
        choose(page, kind, "picture", name)


def touch(page: Any, kind: str, view: int = 0) -> None:
    """Change what a widget answers by itself."""
    control, key = HANDS[kind]
    target = page.locator(f".gl-root.gl-{kind}").nth(view).locator(control).first
    if key is None:
        target.click()
    else:
        target.focus()
        page.keyboard.press(key)


def views(page: Any, kind: str) -> list[str]:
    return [each.evaluate(SHOWN) for each in page.locator(f".gl-root.gl-{kind}").all()]


def all_views(page: Any) -> dict[str, list[str]]:
    page.wait_for_timeout(QUIET)
    return {kind: views(page, kind) for kind in WIDGETS}


def each_goes_on_by_itself(page: Any) -> None:
    before = all_views(page)
    for kind in WIDGETS:
        touch(page, kind)
    after = all_views(page)
    assert [kind for kind in WIDGETS if after[kind] == before[kind]] == []


def test_every_widget_is_here() -> None:
    assert set(HANDS) == set(WIDGETS)


def test_a_restarted_kernel_is_told(lab: Lab, page: Any) -> None:
    opened(page, lab, "restarted.ipynb")
    run_code(page, "LONG[0] = 0.2; occlusion._begin(8, 4, 'mean')")  # a long sweep
    page.wait_for_function("() => / of /.test(document.querySelector('.gl-occlusion .gl-sweep').textContent)")
    page.evaluate(f"() => {KERNEL}.restart()")
    for kind in ASKS:
        told(page, kind, GONE)
    assert page.locator(".gl-occlusion [data-control=sweep]").inner_text() != "Cancel", "a sweep that nobody makes"
    fields = ".gl-{} [data-combobox={}] input"
    asked = [(kind, fields.format(kind, "p" if kind == "gradients" else "picture")) for kind in ASKS[:4]]
    before = [page.locator(field).input_value() for _, field in asked]
    for kind in ASKS:
        ask(page, kind)
        told(page, kind, GONE)
    assert [page.locator(field).input_value() for _, field in asked] == before
    each_goes_on_by_itself(page)
    command(page, "run-all-cells")
    page.wait_for_function(
        """count => document.querySelectorAll('.gl-root').length === count
            && [...document.querySelectorAll('.gl-error')].every(each => !each.textContent)""",
        arg=len(WIDGETS),
        timeout=60_000,
    )


def test_a_dead_kernel_is_told(lab: Lab, page: Any) -> None:
    opened(page, lab, "dead.ipynb")
    run_code(page, "import os; os.kill(os.getpid(), 9)")
    for kind in ASKS:
        told(page, kind, GONE, seconds=30)
    page.keyboard.press("Escape")  # JupyterLab's own words about it
    assert errors(page) == [GONE] * len(ASKS)
    each_goes_on_by_itself(page)


def test_a_busy_kernel_is_told_and_answers_late(lab: Lab, page: Any) -> None:
    opened(page, lab, "busy.ipynb")
    answers = lab.root / "answers"
    run_code(page, f"import pathlib\nwhile not pathlib.Path({str(answers)!r}).exists(): time.sleep(0.1)")
    before = all_views(page)
    for kind in ASKS:
        ask(page, kind)
    field = page.locator('.gl-gradients [data-combobox="p"] input')
    assert field.input_value() == "class 3", "what was asked"
    assert page.locator(".gl-gradients .gl-status").first.inner_text() == "asking about class 3 ..."
    assert errors(page) == []
    each_goes_on_by_itself(page)
    for kind in ASKS:
        told(page, kind, SILENT, seconds=40)
    answers.touch()
    wait_idle(page, 60)
    page.wait_for_function("() => [...document.querySelectorAll('.gl-error, .gl-status')].every(e => !e.textContent)")
    after = all_views(page)
    assert field.input_value() == "class 3"
    for kind in ("paradigms", "occlusion", "challenges"):
        assert page.locator(f'.gl-{kind} [data-combobox="picture"] input').input_value() == "coffee"
    assert [kind for kind in ASKS if after[kind] == before[kind]] == []


def test_an_interrupted_kernel_is_told_and_can_be_asked_again(lab: Lab, page: Any) -> None:
    opened(page, lab, "interrupted.ipynb")
    run_code(
        page,
        """
import time
LONG = [60]
for each in (net, signs, digits):
    _ = each.model.register_forward_pre_hook(lambda *_: time.sleep(LONG[0]))""",
    )
    wait_idle(page)
    for kind in ASKS:
        ask(page, kind)
        page.wait_for_function(f"() => {KERNEL}.status === 'busy'")
        page.wait_for_timeout(500)  # it is in the midst of it
        page.evaluate(f"() => {KERNEL}.interrupt()")
        told(page, kind, "Interrupted: ask again.")
        wait_idle(page)
    run_code(page, "LONG[0] = 0")
    for kind in ASKS:
        ask(page, kind, "astronaut")
    page.wait_for_function("() => [...document.querySelectorAll('.gl-error')].every(each => !each.textContent)")
    each_goes_on_by_itself(page)


def test_moved_and_copied_cells_show_the_same(lab: Lab, page: Any) -> None:
    opened(page, lab, "moved.ipynb")
    for kind in WIDGETS:
        touch(page, kind)
    chosen = all_views(page)
    command(page, "select-all", "move-cell-up")
    for _ in WIDGETS:
        command(page, "move-cell-up")
    command(page, "select-all", "copy-cell", "deselect-all", "paste-cell-below")
    page.wait_for_function("n => document.querySelectorAll('.gl-root').length === n", arg=2 * len(WIDGETS))
    both = all_views(page)
    assert both == {kind: 2 * shown for kind, shown in chosen.items()}
    page.evaluate("() => document.querySelectorAll('.gl-root').forEach(each => each.scrollIntoView())")
    for kind in WIDGETS:
        page.locator(f".gl-root.gl-{kind}").nth(1).locator("[data-control=reset]").click()
    back = all_views(page)
    assert [kind for kind, (one, other) in back.items() if one != other] == []
    assert [kind for kind in WIDGETS if back[kind] == both[kind]] == []
    for kind in ASKS:
        ask(page, kind)
    wait_idle(page)
    page.wait_for_function("() => [...document.querySelectorAll('.gl-status')].every(each => !each.textContent)")
    answered = all_views(page)
    assert [kind for kind, (one, other) in answered.items() if one != other] == []


def test_a_cell_run_again_during_a_sweep_begins_anew(lab: Lab, page: Any) -> None:
    opened(page, lab, "again.ipynb")
    began = all_views(page)
    for kind in WIDGETS:
        touch(page, kind)
    run_code(page, "LONG[0] = 0.2; occlusion._begin(8, 4, 'mean')")
    page.wait_for_function("() => / of /.test(document.querySelector('.gl-occlusion .gl-sweep').textContent)")
    run_code(page, "LONG[0] = 0")
    command(page, "run-all-cells")
    wait_idle(page)
    page.wait_for_function("n => document.querySelectorAll('.gl-root').length === n", arg=len(WIDGETS))
    assert all_views(page) == began and errors(page) == []
    page.locator(".gl-occlusion [data-control=sweep]").click()
    page.wait_for_function(
        "() => /measured at/.test(document.querySelector('.gl-occlusion').textContent)", timeout=60_000
    )


def test_a_notebook_without_its_kernel_shows_still_pictures(lab: Lab, browser: Any) -> None:
    context = browser.new_context(viewport={"width": 1500, "height": 1100})
    page = context.new_page()  # JupyterLab itself logs an error for each model that it does not find
    opened(page, lab, "reopened.ipynb")
    stills = "() => [...document.querySelectorAll('.gl-still')].filter(each => each.offsetHeight > 100).length"
    assert page.evaluate(stills) == 0, "a still picture beside a live widget"
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_timeout(1500)
    page.evaluate(f"() => {KERNEL}.shutdown()")
    page.goto(lab.url("reopened.ipynb"), wait_until="domcontentloaded")
    page.wait_for_function(f"n => ({stills})() === n", arg=len(WIDGETS), timeout=60_000)
    assert "Error displaying widget" not in page.locator(".jp-Notebook").inner_text()
    assert page.get_by_text("A still picture: run this cell for the live one.").count() == len(WIDGETS)
    words = page.locator(".gl-still img").evaluate_all("all => all.map(each => each.alt.split(' ').length)")
    assert min(words) > 5
    page.wait_for_function(
        f"() => {KERNEL.replace('.session.kernel', '?.session?.kernel')}?.status === 'idle'", timeout=60_000
    )
    command(page, "run-all-cells")
    page.wait_for_function("n => document.querySelectorAll('.gl-root').length === n", arg=len(WIDGETS), timeout=60_000)
    assert page.evaluate(stills) == 0
    context.close()


def test_a_picture_of_any_size_arrives(lab: Lab, page: Any, tmp_path: Path) -> None:
    opened(page, lab, "large.ipynb")
    noise = np.random.default_rng(0).integers(0, 256, (2400, 3200, 3), np.uint8)
    turned = Image.Exif()
    turned[0x0112] = 6  # shown turned by a quarter
    large = tmp_path / "large.jpg"
    content = io.BytesIO()
    Image.fromarray(noise).save(content, "JPEG", quality=98, exif=turned)
    large.write_bytes(content.getvalue())
    assert large.stat().st_size > 10 * 2**20, "more than a message may hold"
    page.locator('.gl-paradigms .gl-source input[type="file"]').set_input_files(large)
    page.wait_for_function(
        "() => document.querySelector('.gl-paradigms [data-combobox=picture] input').value === 'large.jpg'"
        " && document.querySelector('.gl-paradigms .gl-status').textContent === ''",
        timeout=30_000,
    )
    assert page.locator(".gl-paradigms .gl-error").inner_text() == ""
    hint = page.locator(".gl-paradigms .gl-source .gl-hint").inner_text()
    assert hint == "large.jpg: shrunk from 2400 × 3200 to 1536 × 2048 pixels"
    unreadable = tmp_path / "large.heic"
    unreadable.write_bytes(bytes(7 * 2**20))
    page.locator('.gl-paradigms .gl-source input[type="file"]').set_input_files(unreadable)
    told(page, "paradigms", "large.heic has 7 MB and the browser cannot shrink it: at most 6 MB, please.")
