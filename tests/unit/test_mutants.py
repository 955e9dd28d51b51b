"""The tool that changes the code in single places: what it changes, what it leaves alone, and what it asks."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from data_scripts.mutants import relevant, table
from data_scripts.mutants.copies import noticed_by
from data_scripts.mutants.python_changes import changes

ROOT = Path(__file__).resolve().parents[2]
WORDS = '''"""Words: 1 < 2."""
from a import b
__all__ = ["c"]
def c(x: "int < 2") -> "x + 1":
    """More words, 3 - 4."""
    raise ValueError(f"{x + 1} is above {min(x, 3)}")
logger.info("there are %s", 3)
'''


def made(source: str) -> set[str]:
    text = source.encode()
    found = {(text[: each.start] + each.after.encode() + text[each.end :]).decode() for each in changes(text)}
    assert source not in found and all(ast.parse(each) for each in found)
    return found


def test_words_and_annotations_are_left_alone() -> None:
    assert not changes(WORDS.encode())


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("a < b", {"a <= b"}),
        ("a not in b", {"a in b"}),
        ("a is  not b", {"a is b"}),
        ("(a) - (b)", {"(a) + (b)"}),
        ("-a", {"a"}),
        ("not a", {"a"}),
        ("a or b", {"a and b"}),
        ("é = 2.5", {"é = 5.0"}),
        ("x = -1", {"x = 1", "x = -2"}),
        ("True", {"False"}),
        ("y = a.mean(1)", {"y = a.sum(1)", "y = a.mean(2)"}),
        ("y = a.abs()", {"y = (a)"}),
        ("torch.abs(a)", {"(a)", "pass"}),
        ("y = f(a, b)", {"y = f(b, a)"}),
        ("y = f(a, dim=n)", {"y = f(a)"}),
        ("y = f(dim=n, b=m)", {"y = f(b=m)", "y = f(dim=n)"}),
        ("if a:\n    return", {"if False:\n    return"}),
        ("x = f(x)", {"pass"}),
        ("y = a if c else b", {"y = a if not (c) else b"}),
        ("y = 'a' if c else 'b'", set()),
        ("x += a", {"x -= a", "pass"}),
        ("def f() -> Tensor:\n    return a", {"def f() -> Tensor:\n    return - (a)"}),
        ("def f() -> bool:\n    return a", {"def f() -> bool:\n    return not (a)"}),
    ],
)
def test_each_change_is_made(source: str, wanted: set[str]) -> None:
    assert made(source) == wanted


def test_every_file_has_tests() -> None:
    found = relevant.files()
    python = [name for room, names in found.items() if not room.startswith("front") for name in names]
    assert {path.relative_to(ROOT).as_posix() for path in (ROOT / "gradlab").rglob("*.py")} == {
        *python,
        *(path.relative_to(ROOT).as_posix() for path in (ROOT / "gradlab").rglob("__init__.py")),
    }
    assert not [name for name in python if not relevant.tests_of(name)]
    patterns = {each for _, row in relevant.TESTS for each in row.split() if "*" not in each}
    assert not [each for each in patterns if not (ROOT / "tests" / each).is_file()]


def test_javascript_is_asked_by_what_it_imports() -> None:
    node, saved, *lab = relevant.commands("gradlab/widgets/front/lib/roc.js")
    assert "tests/front/detection.test.js" in node and "tests/front/labelling.test.js" not in node
    assert saved[-1] == "ood" and lab[0][-1] == "tests/browser/test_downstream.py"
    assert relevant.commands("gradlab/widgets/front/widgets/fisher.js")[0][-1] == "fisher"
    assert set(relevant.BROWSER) == {path.stem for path in (ROOT / relevant.FRONT / "widgets").glob("*.js")}


def test_what_noticed_is_named() -> None:
    assert noticed_by("...F\nFAILED tests/a.py::test_b[1-2] - assert 0\n1 failed") == "tests/a.py::test_b"
    assert noticed_by("ok 1 - a\nnot ok 2 - b is c\n# x\nnot ok 1 - tests/a.test.js") == "b is c"


def test_every_survivor_has_a_reason_and_the_page_says_what_the_table_says() -> None:
    rows = table.read()
    if not rows:
        pytest.skip("no table yet")
    assert not [key for key, row in rows.items() if row["verdict"] == "survived" and not row["reason"]]
    assert table.PAGE.read_text(encoding="utf-8") == table.page(rows)
