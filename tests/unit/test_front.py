"""The front end's modules: imports resolve, no export is in vain, the linker joins all."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gradlab import widgets
from gradlab.widgets import Widget, linker
from gradlab.widgets.linker import DECLARED, EXPORT, FRONT, IMPORT, LinkError, followed, front_end, linked

FILES = {path.relative_to(FRONT).as_posix(): path.read_text(encoding="utf-8") for path in FRONT.glob("*/*.js")}
ENTRIES = sorted(name for name in FILES if name.startswith("widgets/"))
SAVED = "lib/saved.js"  # what a saved page adds to a widget's module; page() calls its one export


def imports(path: Path) -> dict[str, set[str]]:
    """Return the names that a file imports, by the file of ``front/`` that they come from."""
    found = [(names, (path.parent / source).resolve()) for names, source in IMPORT.findall(path.read_text("utf-8"))]
    return {
        source.relative_to(FRONT).as_posix(): set(re.findall(r"\w+", names))
        for names, source in found
        if source.is_relative_to(FRONT)
    }


@pytest.mark.parametrize("name", FILES)
def test_imports_resolve_without_a_circle_and_never_reach_up(name: str) -> None:
    assert linked(name)  # raises where a name is unknown, declared twice or imported in a circle
    assert all(source.startswith("lib/") for source in imports(FRONT / name))


def test_nothing_is_exported_in_vain_and_every_file_is_reached() -> None:
    tested = Path(__file__).parents[1].glob("front/*.test.js")
    used = [imports(path) for path in [*FRONT.glob("*/*.js"), *tested]]
    wanted = {(source, each) for found in used for source, names in found.items() for each in names}
    exported = {(name, each) for name, text in FILES.items() for export, each in DECLARED.findall(text) if export}
    assert exported == wanted | {(SAVED, "glSavedModel")}
    reached = {SAVED, *ENTRIES}
    while more := {source for name in reached for source in imports(FRONT / name)} - reached:
        reached |= more
    assert reached == set(FILES)


@pytest.mark.parametrize("entry", ENTRIES)
def test_joined_text_is_one_module(entry: str) -> None:
    kind = getattr(widgets, Path(entry).stem.title())
    assert issubclass(kind, Widget) and kind._esm == front_end(Path(entry).stem)
    assert re.findall(r"^(?:import|export)\b.*", kind._esm, re.MULTILINE) == [EXPORT]
    assert kind._esm.rstrip().endswith(EXPORT)


@pytest.fixture
def joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return a function that joins an entry and library files of this test's own."""
    monkeypatch.setattr(linker, "FRONT", tmp_path)

    def join(entry: str, **library: str) -> str:
        for folder, files in {"widgets": {"entry": entry}, "lib": library}.items():
            (tmp_path / folder).mkdir(exist_ok=True)
            for name, text in files.items():
                (tmp_path / folder / f"{name}.js").write_text(text, encoding="utf-8")
        return linked("widgets/entry.js")

    return join


def test_each_file_comes_once_and_after_what_it_imports(joined: Callable[..., str]) -> None:
    text = joined(
        'import {\n  a,\n  b,\n} from "../lib/one.js";\nimport { c } from "../lib/two.js";\n\n'
        f"run(a, b, c);\n{EXPORT}\n",
        one='import { c } from "./two.js";\nexport const a = c;\nexport async function b() {}\n',
        two="export class c {}\n",
    )
    assert text == f"class c {{}}\n\nconst a = c;\nasync function b() {{}}\n\n\nrun(a, b, c);\n{EXPORT}\n"


@pytest.mark.parametrize(
    ("entry", "library", "message"),
    [
        ('import { a } from "../lib/one.js";\n', {}, "no file one.js, which entry.js imports"),
        ('import { a, b } from "../lib/one.js";\n', {"one": "export let a;\nlet b;\n"}, "entry.js imports b;"),
        ('import { a as b } from "../lib/one.js";\n', {"one": "export let a;\n"}, "entry.js imports a as b;"),
        ('import { a } from "../lib/one.js";\nlet b;\n', {"one": "export let a;\nlet b;\n"}, "b is declared in one.js"),
        ('import d3 from "d3";\n', {}, "cannot be joined: import d3"),
        ("export { a };\n", {}, "cannot be joined: export"),
        (
            'import { a } from "../lib/one.js";\n',
            {"one": 'import { b } from "./two.js";\n', "two": 'import { a } from "./one.js";\n'},
            "circle: entry.js -> one.js -> two.js -> one.js",
        ),
    ],
)
def test_what_cannot_be_joined_is_said(
    joined: Callable[..., str], entry: str, library: dict[str, str], message: str
) -> None:
    with pytest.raises(LinkError, match=message):
        joined(entry, **library)


def test_there_is_no_such_widget() -> None:
    with pytest.raises(LinkError, match="entry is 'nothing': expected one of active, "):
        front_end("nothing")


FOLLOW = """
import pathlib, sys, time
from gradlab.widgets import Widget, linker
linker.FRONT = pathlib.Path(sys.argv[1])
entry = linker.FRONT / "widgets" / "entry.js"
class Followed(Widget):
    _esm = linker.front_end("entry")
live = Followed()
assert live._esm == "let before;\\n"
entry.write_text("import nothing;\\n")  # half an edit
time.sleep(1.2)
assert live._esm == "let before;\\n"
entry.write_text("let after;\\n")
time.sleep(1.2)
assert live._esm == Followed()._esm == "let after;\\n"
"""


def test_live_widgets_follow_an_edit(joined: Callable[..., str], tmp_path: Path) -> None:
    """In a process of its own: the thread that follows lives as long as the kernel."""
    joined("let before;\n")
    done = subprocess.run(
        [sys.executable, "-c", FOLLOW, str(tmp_path)],
        env={**os.environ, "ANYWIDGET_HMR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("cannot be joined: import nothing;") == 1


def test_without_the_switch_the_text_is_fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANYWIDGET_HMR", raising=False)
    assert followed(lambda: "a") == "a"
