"""Widgets share a page and keep their looks: no widget's style sheet changes another's boxes, colours or letters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import gradlab
from gradlab import widgets
from gradlab.models import Classifier
from gradlab.models.small import untrained_signs
from gradlab.widgets import Widget

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# a wide page in the light, a narrow one in the dark: most rules for one of them hold in the other's stead
VIEWS = [("light", 1200), ("dark", 620)]

# window.gradlabLooks(root): a line for every element, with its box and what it looks like
LOOKS = """
const PROPERTIES = ["color", "backgroundColor", "borderTopColor", "borderTopStyle", "borderBottomWidth", "outlineColor",
  "accentColor", "boxShadow", "opacity", "fill", "fillOpacity", "stroke", "strokeWidth", "strokeDasharray", "fontFamily",
  "fontSize", "fontStyle", "fontVariantNumeric", "fontWeight", "lineHeight", "textAlign", "textTransform", "cursor",
  "touchAction", "imageRendering", "pointerEvents"];
window.gradlabLooks = (root) => {
  const at = root.getBoundingClientRect();
  return [root, ...root.querySelectorAll("*")].map((node) => {
    const box = node.getBoundingClientRect(), style = getComputedStyle(node);
    return [box.x - at.x, box.y - at.y, box.width, box.height, ...PROPERTIES.map((name) => style[name])].join("|");
  });
};
"""

# how many elements look otherwise while another sheet is in the page, for each sheet and each place
CHANGED = """(sheets) => {
  const root = document.querySelector(".gl-root"), own = document.querySelector("style");
  const before = window.gradlabLooks(root), changed = {};
  for (const [name, text] of Object.entries(sheets)) {
    for (const place of ["before", "after"]) {
      const sheet = document.createElement("style");
      sheet.textContent = text;
      own[place](sheet);
      const count = window.gradlabLooks(root).filter((line, i) => line !== before[i]).length;
      if (count) changed[`${name} ${place}`] = count;
      sheet.remove();
    }
  }
  return changed;
}"""


@pytest.fixture(scope="module")
def every_widget() -> dict[str, Widget]:
    """Return the twelve widgets, each with the least that fills it."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 12, 5, stride=8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 12)]
    net = Classifier(nn.Sequential(*layers).eval(), [f"class {i}" for i in range(12)], size=(64, 64), resize=72)
    signs, digits, test = untrained_signs(depth=1), gradlab.models.digits(), gradlab.data.digits("test")
    signs.model.eval()
    first, second = test.pictures[:40], test.pictures[40:80]
    made = [
        *(widgets.paradigms(net, "chelsea"), widgets.gradients(net, "chelsea")),
        widgets.occlusion(net, "chelsea", window=16, stride=16),
        widgets.challenges(signs, level=1),
        *(widgets.entropy(), widgets.mutual(), widgets.fisher(), widgets.manifold(), widgets.introspect()),
        widgets.calibration(digits, first, test.labels[:40]),
        widgets.ood(digits, first, second.flip(-1), scores=("msp", "energy")),
        widgets.active(rounds=2),
    ]
    return {type(each).__name__.lower(): each for each in made}


@pytest.fixture(scope="module")
def opened(browser: Any, every_widget: dict[str, Widget], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Any]]:
    """Open a widget's saved page, where nothing moves by itself."""
    folder: Path = tmp_path_factory.mktemp("pages")
    context = browser.new_context(offline=True, reduced_motion="reduce")
    context.add_init_script(LOOKS)

    def open_page(name: str) -> Any:
        page = context.new_page()
        page.goto(every_widget[name].save_html(folder / f"{name}.html").as_uri())
        page.locator(".gl-root").wait_for()
        return page

    yield open_page
    context.close()


def test_no_sheet_changes_another_widget(every_widget: dict[str, Widget], opened: Callable[[str], Any]) -> None:
    assert len(every_widget) == 12
    sheets = {name: str(widget._css) for name, widget in every_widget.items()}
    changed = {}
    for name in every_widget:
        page = opened(name)
        foreign = {each: text for each, text in sheets.items() if each != name}
        for scheme, width in VIEWS:
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(100)  # charts are drawn anew for another width
            found = page.evaluate(CHANGED, foreign)
            changed.update({f"{name} under {each}, {scheme}": count for each, count in found.items()})
        page.close()
    print(len(changed), len({key.rsplit(",", 1)[0] for key in changed}))
    assert not changed
