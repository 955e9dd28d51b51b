"""Widgets share a page and keep their looks: no widget's style sheet changes another's boxes, colours or letters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gradlab.widgets import Widget
from gradlab.widgets.linker import FRONT
from tests.browser import reach
from tests.browser.lab import Lab, run_notebook, running_lab, wait_idle, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SETUP = """
import torch
import gradlab
from gradlab import widgets
from gradlab.models.small import untrained_signs

_ = torch.manual_seed(0)
layers = [torch.nn.Conv2d(3, 12, 5, stride=8), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()]
model = torch.nn.Sequential(*layers, torch.nn.Linear(12, 12)).eval()
net = gradlab.models.Classifier(model, [f"class {i}" for i in range(12)], size=(64, 64), resize=72)
signs, digits, test = untrained_signs(depth=1), gradlab.models.digits(), gradlab.data.digits("test")
_ = signs.model.eval()
"""
# each with the least that fills it
WIDGETS = {
    "paradigms": "widgets.paradigms(net, 'chelsea')",
    "gradients": "widgets.gradients(net, 'chelsea')",
    "occlusion": "widgets.occlusion(net, 'chelsea', window=16, stride=16)",
    **{name: f"widgets.{name}()" for name in ("entropy", "mutual", "fisher", "manifold", "introspect")},
    "calibration": "widgets.calibration(digits, test.pictures[:40], test.labels[:40])",
    "ood": "widgets.ood(digits, test.pictures[:40], test.pictures[40:80].flip(-1), scores=('msp', 'energy'))",
    "active": "widgets.active(rounds=2)",
    "challenges": "widgets.challenges(signs, level=1)",
}


def test_every_widget_is_looked_at() -> None:
    assert set(WIDGETS) == {path.stem for path in (FRONT / "widgets").glob("*.js")}


# what is not there at first: another label bought, a mistake at length
PRESSED = {"active": '[data-control="buy"]', "ood": "[data-mistakes] button"}

# wide and light; narrow and dark; and everything under the mouse, in focus and pressed at once
VIEWS = [("light", 1200, False), ("dark", 620, False), ("light", 1200, True)]

LOOKS = """
const PROPERTIES = ["color", "backgroundColor", "borderTopColor", "borderTopStyle", "borderBottomWidth",
  "outlineColor", "accentColor", "boxShadow", "opacity", "fill", "fillOpacity", "stroke", "strokeWidth",
  "strokeDasharray", "fontFamily", "fontSize", "fontStyle", "fontVariantNumeric", "fontWeight", "lineHeight",
  "textAlign", "textTransform", "cursor", "touchAction", "imageRendering", "pointerEvents"];

// of every element, its box in the widget and what it looks like
window.gradlabLooks = (root) => {
  const at = root.getBoundingClientRect();
  return [root, ...root.querySelectorAll("*")].map((node) => {
    const { x, y, width, height } = node.getBoundingClientRect(), style = getComputedStyle(node);
    const box = node.getClientRects().length > 0 && [x - at.x, y - at.y, width, height];
    return { box, style: PROPERTIES.map((name) => style[name]).join("|") };
  });
};
// how many elements differ; letters in a drawing have no whole box: its last digits hang on where it stands in the page
window.gradlabChanged = (one, two) => one.filter(({ box, style }, i) => style !== two[i].style || !box !== !two[i].box
  || (box && box.some((value, k) => Math.abs(value - two[i].box[k]) > 0.01))).length;
"""

# how many elements look otherwise while another sheet is in the page, by sheet and place
UNDER_OTHERS = """([sheets, stirred]) => {
  const root = document.querySelector(".gl-root"), own = document.querySelector("style");
  const stir = (text) => stirred ? text.replaceAll(/:hover|:focus-visible/g, ":not(.gl-none)") : text;
  if (stirred) root.querySelectorAll("button").forEach((node) => node.setAttribute("aria-pressed", "true"));
  own.textContent = stir(own.textContent);
  const alone = window.gradlabLooks(root), changed = {};
  for (const [name, text] of Object.entries(sheets)) {
    for (const place of ["before", "after"]) {
      const sheet = document.createElement("style");
      sheet.textContent = stir(text);
      own[place](sheet);
      const count = window.gradlabChanged(window.gradlabLooks(root), alone);
      if (count) changed[`${name} ${place}`] = count;
      sheet.remove();
    }
  }
  return changed;
}"""

# how many elements look otherwise without the sheets of the other widgets, by widget
WITHOUT_OTHERS = """(names) => {
  const sheets = [...document.querySelectorAll('style[id^="gradlab.widgets."]')];
  if (sheets.length !== names.length) throw Error(`${sheets.length} sheets`);
  return Object.fromEntries(names.map((name) => {
    const root = document.querySelector(`.gl-root.gl-${name}`), together = window.gradlabLooks(root);
    for (const sheet of sheets) sheet.disabled = !sheet.id.startsWith(`gradlab.widgets.${name}.`);
    const count = window.gradlabChanged(window.gradlabLooks(root), together);
    for (const sheet of sheets) sheet.disabled = false;
    return [name, count];
  }).filter(([, count]) => count));
}"""


@pytest.fixture(scope="module")
def every_widget() -> dict[str, Widget]:
    names: dict[str, Any] = {}
    exec(SETUP, names)
    return {name: eval(source, names) for name, source in WIDGETS.items()}


@pytest.fixture(scope="module")
def opened(
    browser: Any, every_widget: dict[str, Widget], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Any]]:
    """Open a widget's saved page, where nothing moves by itself."""
    folder: Path = tmp_path_factory.mktemp("pages")
    context = browser.new_context(offline=True, reduced_motion="reduce")
    context.add_init_script(LOOKS)

    def open_page(name: str) -> Any:
        page = context.new_page()
        page.goto(every_widget[name].save_html(folder / f"{name}.html").as_uri())
        page.locator(f".gl-root.gl-{name}").wait_for()
        if name in PRESSED:
            page.locator(PRESSED[name]).first.click()
        return page

    yield open_page
    context.close()


@pytest.mark.parametrize("name", WIDGETS)
def test_no_other_sheet_changes_a_widget(
    every_widget: dict[str, Widget], opened: Callable[[str], Any], name: str
) -> None:
    others = {each: str(widget._css) for each, widget in every_widget.items() if each != name}
    assert len(others) == 11
    page, changed = opened(name), {}
    for scheme, width, stirred in VIEWS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(100)  # charts are drawn anew for another width
        found = page.evaluate(UNDER_OTHERS, [others, stirred])
        changed.update({f"{each}, {scheme}, {width}, {stirred}": count for each, count in found.items()})
    page.close()
    assert not changed


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = write_notebook(tmp_path_factory.mktemp("lab") / "styles.ipynb", [SETUP, *WIDGETS.values()]).parent
    with running_lab(folder, tmp_path_factory.mktemp("home") / "jupyter") as running:
        yield running


def test_twelve_widgets_in_one_notebook_look_as_each_does_alone(
    lab: Lab, page: Any, shots: Callable[[str], str]
) -> None:
    page.add_init_script(LOOKS)
    page.emulate_media(reduced_motion="reduce")
    run_notebook(page, lab, "styles.ipynb")
    for name in WIDGETS:
        page.locator(f".gl-root.gl-{name}").wait_for(timeout=90_000)
    wait_idle(page)
    for name, button in PRESSED.items():
        page.locator(f".gl-{name} {button}").first.evaluate("node => node.click()")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(WITHOUT_OTHERS, list(WIDGETS)) == {}
    # the sheet of challenges, in the page as well, once put this heading beside these bars
    detail = page.locator(".gl-ood .gl-detail")
    detail.scroll_into_view_if_needed()
    page.screenshot(path=shots("styles_lab"))
    whole, heading, bars = (each.bounding_box() for each in (detail, detail.locator("h3"), detail.locator(".gl-bars")))
    assert heading["width"] == whole["width"] and heading["y"] + heading["height"] <= bars["y"]


def test_axe_finds_nothing_in_a_notebook(lab: Lab, page: Any) -> None:
    text = reach.axe()
    page.emulate_media(reduced_motion="reduce")
    run_notebook(page, lab, "styles.ipynb")
    for name in WIDGETS:
        page.locator(f".gl-root.gl-{name}").wait_for(timeout=90_000)
    wait_idle(page)
    page.evaluate(text)
    for theme, forced in (("Light", "none"), ("Light", "active"), ("Dark", "none"), ("Dark", "active")):
        script = "theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })"
        page.evaluate(script, f"JupyterLab {theme}")
        page.wait_for_selector(f'body[data-jp-theme-light="{str(theme == "Light").lower()}"]', state="attached")
        page.emulate_media(forced_colors=forced)
        for name in WIDGETS:
            root = f".gl-root.gl-{name}"
            page.locator(root).scroll_into_view_if_needed()
            assert page.evaluate(reach.AXE, root) == [], f"{name}, {theme}, forced colours {forced}"
