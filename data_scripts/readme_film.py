"""Make the README's moving picture: the paradigms widget's saved page, worked by a hand in a browser.

python -m data_scripts.readme_film docs/paradigms.webp
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

import gradlab

WINDOW = {"width": 1240, "height": 880}
SIZE = (930, 660)
QS = (1, 3, 5, 9)  # places in the strip of other Q
CELLS = ((0.2, 0.8), (0.05, 0.8), (0.2, 0.93), (0.05, 0.93))  # of the first map: cheek and chin


def frames(page: Any) -> list[tuple[Image.Image, int]]:
    """Return what is seen, and for how many milliseconds."""
    found: list[tuple[Image.Image, int]] = []

    def keep(time: int) -> None:
        page.wait_for_timeout(350)  # bars glide
        seen = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        found.append((seen.resize(SIZE, Image.Resampling.LANCZOS), time))

    keep(1500)
    for k in QS:
        page.locator(".gl-frame").nth(k).click()
        keep(1400)
    page.locator(".gl-frame").nth(0).click()
    box = page.locator('[data-panel="why"] .gl-stage canvas').bounding_box()
    for x, y in CELLS:
        page.mouse.click(box["x"] + box["width"] * x, box["y"] + box["height"] * y)
        keep(900)
    keep(1800)
    return found


def main(path: str) -> None:
    """Write the film."""
    widget = gradlab.widgets.paradigms(gradlab.models.imagenet(), "cat_and_coffee")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport=WINDOW)
        page.goto(widget.save_html(Path(folder) / "page.html").as_uri())
        page.wait_for_selector(".gl-frame")
        (first, _), *rest = made = frames(page)
        browser.close()
    times, others = [time for _, time in made], [picture for picture, _ in rest]
    first.save(path, save_all=True, append_images=others, duration=times, loop=0, quality=80, method=6)
    print(f"{path}: {Path(path).stat().st_size:,} bytes")


if __name__ == "__main__":
    main(sys.argv[1])
