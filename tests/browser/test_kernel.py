"""Widgets whose kernel is restarted, stopped or busy: each says so in one sentence, and shows what it showed."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.browser.lab import KERNEL, Lab, run_notebook, running_lab, wait_idle, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow]

GONE = "The kernel was restarted: run this cell again."
CELLS = [
    "import gradlab\nnet = gradlab.models.signs()\npicture = gradlab.data.signs(1, seed=3).image(0)",
    "gradlab.widgets.paradigms(net, picture)",
    "gradlab.widgets.gradients(net, picture)",
    "sweep = gradlab.widgets.occlusion(net, picture, window=4, stride=1)\nsweep",
    "gradlab.widgets.challenges(net, picture)",
]
KINDS = ("paradigms", "gradients", "occlusion", "challenges")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("kernel")
    with running_lab(folder, tmp_path_factory.mktemp("home") / "jupyter") as running:
        yield running


def opened(page: Any, lab: Lab, name: str) -> None:
    write_notebook(lab.root / name, CELLS)
    run_notebook(page, lab, name)
    for kind in KINDS:
        page.locator(f".gl-root.gl-{kind}").wait_for(timeout=60_000)
    wait_idle(page)


def told(page: Any, kind: str, text: str) -> None:
    page.wait_for_function(
        "([kind, text]) => document.querySelector(`.gl-${kind} .gl-error`).textContent === text",
        arg=[kind, text],
        timeout=15_000,
    )


def choose(page: Any, kind: str, box: str, typed: str) -> Any:
    field = page.locator(f'.gl-{kind} [data-combobox="{box}"] input')
    field.click()
    page.keyboard.type(typed)
    page.keyboard.press("Enter")
    return field


def test_a_restarted_kernel_is_told_by_every_widget(lab: Lab, page: Any) -> None:
    opened(page, lab, "restarted.ipynb")
    page.locator(".gl-occlusion [data-control=sweep]").click()
    page.wait_for_function("() => / of /.test(document.querySelector('.gl-occlusion .gl-sweep').textContent)")
    page.evaluate(f"() => {KERNEL}.restart()")
    for kind in KINDS:
        told(page, kind, GONE)
    assert page.locator(".gl-occlusion [data-control=sweep]").inner_text() != "Cancel", "a sweep that nobody makes"
    # a question that only a kernel could answer leaves all as it was
    asked = page.locator('.gl-gradients [data-combobox="p"] input')
    before = asked.input_value()
    choose(page, "gradients", "p", "stop" if before != "stop" else "yield")
    told(page, "gradients", GONE)
    assert asked.input_value() == before
    field = choose(page, "paradigms", "picture", "coffee")
    told(page, "paradigms", GONE)
    assert field.input_value() != "coffee"
    # what needs none goes on
    other = page.locator(".gl-paradigms .gl-frame").nth(2)
    other.click()
    assert other.get_attribute("aria-pressed") == "true"
    # and the cells are run again
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.gl-root .gl-error')].filter(each => each.textContent).length === 0",
        timeout=60_000,
    )


def test_a_busy_kernel_keeps_what_was_asked_in_sight(lab: Lab, page: Any) -> None:
    opened(page, lab, "busy.ipynb")
    page.evaluate(f"() => {{ {KERNEL}.requestExecute({{code: 'import time; time.sleep(3)'}}); }}")
    asked = page.locator('.gl-gradients [data-combobox="p"] input')
    other = "stop" if asked.input_value() != "stop" else "yield"
    choose(page, "gradients", "p", other)
    assert asked.input_value() == other
    assert page.locator(".gl-gradients .gl-status").first.inner_text() == f"asking about {other} ..."
    page.wait_for_function(
        "word => document.querySelector('.gl-gradients .gl-readout').textContent.startsWith(word)", arg=other
    )
    assert page.locator(".gl-gradients .gl-error").inner_text() == ""
    page.wait_for_function("() => document.querySelector('.gl-gradients .gl-status').textContent === ''")


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
