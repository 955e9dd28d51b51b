"""Style sheets stay at home: in a notebook every widget's sheet is applied to the whole page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tinycss2

from gradlab import widgets
from gradlab.widgets.widget import FRONT, SHARED_SHEETS, style

# the selector of the one rule that holds all of a sheet
HOMES = {
    **{FRONT / "lib" / name: ".gl-root" for name in SHARED_SHEETS},
    **{path: f".gl-root.gl-{path.stem}" for path in sorted((FRONT / "widgets").glob("*.css"))},
}
PAGE_ONLY = {FRONT / "lib" / "saved.css"}  # only a saved page has it, and that holds one widget
CONDITIONS = {"media", "container", "supports"}  # other at-rules name things for the whole page
SKIP = {"skip_comments": True, "skip_whitespace": True}
# with "&": the root itself, perhaps under a theme that the page sets, and nothing beside it
ROOT_ITSELF = re.compile(r'((\.gl-standalone|\[data-jp-theme-light(="false")?\]) )?&[^&+~]*')


def strays(text: str, home: str) -> list[str]:
    """Return every selector and at-rule of a sheet that reaches out of ``home``."""
    found = []
    for rule in tinycss2.parse_stylesheet(text, **SKIP):
        if rule.type == "qualified-rule" and tinycss2.serialize(rule.prelude).strip() == home:
            found += nested_strays(rule.content)
        else:
            found.append(tinycss2.serialize([rule])[:80])
    return found


def nested_strays(content: list[Any]) -> Iterator[str]:
    for part in tinycss2.parse_blocks_contents(content, **SKIP):
        if part.type == "error" or (part.type == "at-rule" and part.lower_at_keyword not in CONDITIONS):
            yield tinycss2.serialize([part])[:80]
        elif part.type != "declaration":
            if part.type == "qualified-rule":
                yield from filter(leaves, selectors(part.prelude))
            yield from nested_strays(part.content)


def selectors(prelude: list[Any]) -> Iterator[str]:
    """Yield the selectors of a list; commas inside ``:not(...)`` part nothing."""
    one: list[Any] = []
    for token in [*prelude, None]:
        if token is None or token == ",":
            yield tinycss2.serialize(one).strip()
            one = []
        else:
            one.append(token)


def leaves(selector: str) -> bool:
    return not ROOT_ITSELF.fullmatch(selector) if "&" in selector else selector.startswith(("+", "~"))


def test_every_sheet_has_its_home() -> None:
    assert {*FRONT.rglob("*.css")} == {*HOMES} | PAGE_ONLY


@pytest.mark.parametrize("path", HOMES, ids=lambda path: path.name)
def test_no_selector_is_outside_its_widgets_class(path: Path) -> None:
    assert not strays(path.read_text(encoding="utf-8"), HOMES[path])


@pytest.mark.parametrize(
    "sheet",
    [
        ".gl-root { color: red } p { color: red }",
        ".gl-root, body { color: red }",
        ".gl-root .gl-bar { color: red }",  # inside, but beside the one rule: it would weigh otherwise than nested
        ":root { --gl-p: red }",
        "@keyframes turn { to { rotate: 1turn } }",
        "@media print { p { color: red } }",
        ".gl-root { @keyframes turn { to { rotate: 1turn } } }",
        ".gl-root { + p { color: red } }",
        ".gl-root { .gl-bar, & ~ p { color: red } }",
        ".gl-root { &.gl-bar + p { color: red } }",
        ".gl-root { @media print { .jp-Cell & { color: red } } }",
        ".gl-root { .gl-bar { body:has(&) { color: red } } }",
    ],
)
def test_the_check_sees_what_strays(sheet: str) -> None:
    assert strays(sheet, ".gl-root")


def test_what_is_nested_is_at_home() -> None:
    sheet = """.gl-root { color: red; .gl-standalone & { color: red } & > p { color: red }
      @container (max-width: 9px) { p:hover, p:not(.a, .b) + p { color: red } --gl-p: red } }"""
    assert not strays(sheet, ".gl-root")


def test_every_widget_sends_the_shared_sheets_and_its_own() -> None:
    names = [path.stem for path in HOMES if path.parent.name == "widgets"]
    assert names
    for name in names:
        assert str(getattr(widgets, name.title())._css) == style(f"{name}.css")


def test_shared_sheets_name_no_widget() -> None:
    own = {f"gl-{path.stem}" for path in HOMES if path.parent.name == "widgets"}
    for name in SHARED_SHEETS:
        text = (FRONT / "lib" / name).read_text(encoding="utf-8")
        assert not own.intersection(re.findall(r"\.(gl-[\w-]+)", text))
