"""Every widget for everyone: axe's rules of WCAG A and AA and what axe cannot see, in four themes and at 320 pixels."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import gradlab
from gradlab.widgets import Widget
from tests.browser import reach
from tests.browser.saved import Values, offline
from tests.browser.test_styles import SETUP, WIDGETS

pytestmark = [pytest.mark.browser, pytest.mark.slow]
VIEWS: dict[str, tuple[int, dict[str, str]]] = {
    "light": (1200, {"color_scheme": "light"}),
    "dark": (1200, {"color_scheme": "dark"}),
    "forced, light": (1200, {"color_scheme": "light", "forced_colors": "active"}),
    "forced, dark": (1200, {"color_scheme": "dark", "forced_colors": "active"}),
    "narrow": (320, {"color_scheme": "light"}),
}


@pytest.fixture(scope="module")
def axe() -> str:
    return reach.axe()


@pytest.fixture(scope="module")
def every_widget() -> dict[str, Widget]:
    names: dict[str, Any] = {}
    exec(SETUP, names)
    return {name: eval(source, names) for name, source in WIDGETS.items()}


@pytest.fixture(params=WIDGETS)
def page(
    request: Any, browser: Any, every_widget: dict[str, Widget], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp(request.param)
    with offline(browser, every_widget[request.param], folder, reduced_motion="reduce") as opened:
        yield opened


def seen_as(page: Any, view: str) -> None:
    width, media = VIEWS[view]
    page.emulate_media(**{"forced_colors": "none", **media})
    page.set_viewport_size({"width": width, "height": 4500})  # all of it is on the screen
    page.wait_for_timeout(150)  # charts are drawn anew for another width


def test_nothing_is_found_in_any_theme(page: Any, axe: str) -> None:
    page.evaluate(axe)
    for view in VIEWS:
        seen_as(page, view)
        assert page.evaluate(reach.AXE, "html") == [], view
        words, low = page.evaluate(reach.DRAWN)
        assert low == [], f"{view}, {words} words in drawings"
        assert page.evaluate(reach.SMALL) == [], view
        names = page.evaluate(reach.NAMES)
        assert names["wrong"] == [], view
    assert page.evaluate(reach.WIDE) == []  # at 320 pixels, the last of the views


def test_the_page_begins_with_what_the_widget_asks(page: Any) -> None:
    assert page.locator("main h1").inner_text() == page.locator("main .gl-root").get_attribute("aria-label")


@pytest.mark.parametrize("view", ["light", "forced, dark", "narrow"])
def test_an_open_list_is_inside_and_seen(
    browser: Any, every_widget: dict[str, Widget], axe: str, tmp_path: Path, view: str
) -> None:
    with offline(browser, every_widget["paradigms"], tmp_path, reduced_motion="reduce") as page:
        page.evaluate(axe)
        seen_as(page, view)
        for box in ("p", "q"):
            page.locator(f'[data-combobox="{box}"] input').click()
            options = page.locator(f'[data-combobox="{box}"] [role=option]:visible')
            assert options.count() > 5
            assert page.evaluate(reach.AXE, "html") == page.evaluate(reach.SMALL) == page.evaluate(reach.WIDE) == []
            where, shot = [options.nth(k).bounding_box() for k in (0, 1)], picture(page)
            marked, other = (shot[int(each["y"] + 3), int(each["x"] + 3)] for each in where)
            assert ratio(marked, other) >= 3  # the active one


def test_each_of_these_can_fail(browser: Any, every_widget: dict[str, Widget], axe: str, tmp_path: Path) -> None:
    with offline(browser, every_widget["calibration"], tmp_path, reduced_motion="reduce") as page:
        page.evaluate(axe)
        seen_as(page, "narrow")
        page.evaluate("""() => {
            const root = document.querySelector(".gl-root"), tile = root.querySelector(".gl-tiles button");
            root.querySelector(".gl-hint").style.color = "#999999";
            root.querySelector("thead th").textContent = "";
            tile.setAttribute("aria-label", "a picture");
            document.querySelector(".gl-chart text").style.fill = "#c4620f";
            root.querySelector('[data-control="temperature"]').style.height = "16px";
            root.querySelector(".gl-table").style.width = "330px";
        }""")
        found = {each.split(":")[0] for each in page.evaluate(reach.AXE, "html")}
        assert {"color-contrast", "empty-table-header"} <= found
        assert len(page.evaluate(reach.SMALL)) == 1
        assert page.evaluate(reach.NAMES)["wrong"][0][0] == "a picture"
        assert "4.12" in page.evaluate(reach.DRAWN)[1][0]
        assert page.evaluate(reach.WIDE)


def picture(page: Any) -> Values:
    """What is on the screen, (rows, columns, 3) from 0 to 1."""
    return np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB"), dtype=np.float64) / 255


def ratio(one: Values, other: Values) -> float:
    linear = [np.where(each <= 0.04045, each / 12.92, ((each + 0.055) / 1.055) ** 2.4) for each in (one, other)]
    low, high = sorted(float(each @ [0.2126, 0.7152, 0.0722]) for each in linear)
    return (high + 0.05) / (low + 0.05)


# what the reader's own colours once painted over: a bar, a letter, what is chosen
MARKS = {
    "paradigms": [".gl-fill", ".gl-letter"],
    "introspect": [".gl-fill"],
    "entropy": [".gl-level-fill"],
    "mutual": [".gl-level-fill"],
    "manifold": [".gl-presets .gl-dot"],
    "calibration": [".gl-fill", ".gl-is-right"],
    "active": [],
}
CHOSEN = {
    "paradigms": ".gl-frame",
    "introspect": ".gl-ask",
    "calibration": ".gl-tiles button",
    "active": '[aria-label="strategy"] button',
}


@pytest.mark.parametrize("view", ["forced, light", "forced, dark"])
@pytest.mark.parametrize("name", MARKS)
def test_marks_are_seen_in_the_readers_own_colours(
    browser: Any, every_widget: dict[str, Widget], tmp_path: Path, name: str, view: str
) -> None:
    with offline(browser, every_widget[name], tmp_path, reduced_motion="reduce") as page:
        seen_as(page, view)
        shot = picture(page)
        paper = shot[2, 2]
        for mark in MARKS[name]:
            # a mark is measured beside its letters
            box = page.locator(mark).first.bounding_box()
            spot = shot[int(box["y"] + box["height"] / 2), int(box["x"] + min(4, box["width"] / 2))]
            assert ratio(spot, paper) >= 3, mark
        buttons = page.locator(CHOSEN.get(name, "[data-none]"))
        if name in CHOSEN:
            inside = {}
            for k in range(buttons.count()):
                box = buttons.nth(k).bounding_box()
                pressed = buttons.nth(k).get_attribute("aria-pressed")
                # between the border and the picture; the last ones may be scrolled away
                inside.setdefault(pressed, shot[int(box["y"] + box["height"] / 2), int(box["x"] + 3)])
            assert ratio(inside["true"], inside["false"]) >= 3
        for button in page.locator("button.gl-button:not(:disabled):visible").all():
            box = {key: int(value) for key, value in button.bounding_box().items()}
            middle = shot[box["y"] + 4 : box["y"] + box["height"] - 4, box["x"] + 4 : box["x"] + box["width"] - 4]
            light = middle.sum(2)
            first, last = (np.unravel_index(at, light.shape) for at in (light.argmin(), light.argmax()))
            assert ratio(middle[first], middle[last]) >= 4.5, button.inner_text()


def test_labels_of_bars_are_whole(browser: Any, tmp_path: Path) -> None:
    animals = ["Egyptian cat", "tiger cat", "hippopotamus", "African hunting dog", "spoonbill"]
    for labels in (animals, [f"{animals[i % 5]} {i}" for i in range(16)]):
        widget = gradlab.widgets.entropy(np.full(len(labels), 1 / len(labels)), labels=labels)
        with offline(browser, widget, tmp_path) as page:
            for width in (320, 700, 1200):
                page.set_viewport_size({"width": width, "height": 1500})
                page.wait_for_timeout(100)
                assert page.evaluate(reach.WIDE) == [] == page.evaluate(reach.SMALL)
                labelled = page.locator(".gl-level-label")
                assert labelled.all_inner_texts() == labels
                script = """all => all.map((each) => {
                    const { scrollWidth, clientWidth, scrollHeight, clientHeight } = each;
                    return [scrollWidth - clientWidth, scrollHeight - clientHeight];
                })"""
                for wide, high in labelled.evaluate_all(script):
                    assert wide <= 0 and high <= 1
                tall = page.locator(".gl-level").evaluate_all("all => all.map((each) => each.clientHeight)")
                assert len(set(tall)) == 1, "bars that are compared are drawn to one height"


def test_the_sentence_on_entropy_has_one_number_of_digits(browser: Any, tmp_path: Path) -> None:
    with offline(browser, gradlab.widgets.entropy([1 / 6] * 6), tmp_path) as page:
        assert "H = 2.585 bits, of at most log₂ 6 = 2.585." in page.locator(".gl-readout").inner_text()


@pytest.mark.parametrize(("width", "height", "away"), [(600, 2000, 450), (320, 2400, 0)])
def test_a_map_is_near_its_control(
    browser: Any, every_widget: dict[str, Widget], tmp_path: Path, width: int, height: int, away: int
) -> None:
    with offline(browser, every_widget["gradients"], tmp_path, width=width) as page:
        page.wait_for_timeout(100)
        assert page.evaluate("document.documentElement.scrollHeight") < height
        for k in range(3):
            maps = [page.locator(f'[data-row="{row}"] canvas').nth(k) for row in ("trained", "random")]
            one, other = (each.bounding_box() for each in maps)
            assert one["width"] == pytest.approx(other["width"]) and one["width"] > 120
            assert 0 <= other["y"] - one["y"] <= away


HELD = """(pointerType) => [".gl-chart", ".gl-bins", "button", "label", "input[type=range]"].map((place) => {
  let heard = false;
  const host = () => { heard = true; };  // as JupyterLab listens for its own menu
  document.addEventListener("contextmenu", host);
  const press = new PointerEvent("contextmenu", { bubbles: true, cancelable: true, pointerType });
  document.querySelector(place).dispatchEvent(press);
  document.removeEventListener("contextmenu", host);
  return [heard, press.defaultPrevented];
})"""


def test_a_long_press_opens_no_menu_and_the_mouse_does(
    browser: Any, every_widget: dict[str, Widget], tmp_path: Path
) -> None:
    with offline(browser, every_widget["calibration"], tmp_path) as page:
        for kind in ("touch", "pen"):
            assert page.evaluate(HELD, kind) == [[False, True]] * 4 + [[False, False]]
        assert page.evaluate(HELD, "mouse") == [[True, False]] * 5


@pytest.fixture
def touched(browser: Any, every_widget: dict[str, Widget], tmp_path: Path) -> Callable[[str], Any]:
    return lambda name: offline(browser, every_widget[name], tmp_path, width=320, has_touch=True)


@pytest.mark.parametrize(
    ("name", "target", "said"),
    [
        ("entropy", ".gl-level", ".gl-level"),
        ("mutual", ".gl-level", ".gl-level"),
        ("manifold", ".gl-plane", ".gl-readout"),
    ],
)
def test_a_finger_drags_what_is_drawn_and_the_page_stays(
    touched: Callable[[str], Any], name: str, target: str, said: str
) -> None:
    with touched(name) as page:
        page.set_viewport_size({"width": 320, "height": 500})
        node = page.locator(target).first
        node.scroll_into_view_if_needed()
        box, hand = node.bounding_box(), page.context.new_cdp_session(page)
        before = page.evaluate("scrollY"), page.locator(said).first.evaluate("node => node.outerHTML")
        for kind, part in [("Start", 0.8), ("Move", 0.6), ("Move", 0.4), ("Move", 0.2)]:
            point = {"x": box["x"] + box["width"] / 3, "y": box["y"] + part * box["height"]}
            hand.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": [point]})
        hand.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        page.wait_for_timeout(400)  # sentences are written four times a second
        assert page.evaluate("scrollY") == before[0]
        assert page.locator(said).first.evaluate("node => node.outerHTML") != before[1]
