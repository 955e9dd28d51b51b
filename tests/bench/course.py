"""What the course costs a learner: peak memory of each notebook, and a change of P or Q in the browser."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from playwright.sync_api import sync_playwright

import gradlab
from tests.browser.conftest import CHROMIUM
from tests.browser.lab import CHROMIUM_FLAGS

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
# not getrusage: a child's maximum there begins at what its parent had
PEAK = "print(int(open('/proc/self/status').read().split('VmHWM:')[1].split()[0]) // 1024)"
# The film strip's frames change Q; the script waits for nothing, as drawing is synchronous.
CHANGE = """() => [...document.querySelectorAll(".gl-frame")].map((frame) => {
  const start = performance.now();
  frame.click();
  document.querySelector("[data-panel=contrast] .gl-stage canvas").getContext("2d").getImageData(0, 0, 1, 1);
  return performance.now() - start;
})"""


def bench_notebooks() -> None:
    print("Peak memory of each notebook's kernel, MB")
    for path in NOTEBOOKS:
        notebook = nbformat.read(path, as_version=4)
        notebook.cells.append(nbformat.v4.new_code_cell(PEAK))
        NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(path.parent)}}).execute()
        print(f"  {path.name:58s} {int(notebook.cells[-1].outputs[0].text):10d}", flush=True)


def bench_browser() -> None:
    if CHROMIUM is None:
        print("A change of Q in the browser: no Chromium found")
        return
    net = gradlab.models.imagenet()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as tools:
        page_file = gradlab.widgets.paradigms(net, "chelsea").save_html(Path(folder) / "paradigms.html")
        browser = tools.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        page = browser.new_page()
        page.goto(page_file.as_uri())
        page.wait_for_selector(".gl-frame")
        times = [ms for _ in range(5) for ms in page.evaluate(CHANGE)]
        browser.close()
    print("A change of Q in the browser, from click to pixels, ms (headless Chromium, no GPU)")
    print(f"  {'all panels, strip and bars redrawn':58s} {statistics.median(times):10.1f} (.. {max(times):.1f})")
