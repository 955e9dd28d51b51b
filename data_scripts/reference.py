"""Write docs/reference, one page a room, from the signatures and docstrings of its public names.

python -m data_scripts.reference
"""

from __future__ import annotations

import functools
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from data_scripts.files import ROOT, replacing

FOLDER = ROOT / "docs" / "reference"
ROOMS = ("core", "explain", "information", "introspect", "evaluate", "data", "models", "course", "widgets")
GIVEN = "In the examples, `net` is `gradlab.models.digits()` and `x` the first test digit, normalised (1, 1, 32, 32)."
SECTION = re.compile(r"^(Args|Attributes|Returns|Yields|Raises|Examples):\n((?:    .*\n?|\n)+)", re.MULTILINE)
MARKUP = [(re.compile(r":\w+:`~?([^`]+)`"), r"`\1`"), (re.compile("``([^`]+)``"), r"`\1`")]
WIDTH = 100


def public(room: str) -> Iterator[tuple[str, Any]]:
    """Yield the dotted name and the value of all that a room makes public, what its modules hold last."""
    module = importlib.import_module(f"gradlab.{room}")
    for name in sorted(module.__all__, key=lambda name: inspect.ismodule(getattr(module, name))):
        value = getattr(module, name)
        yield f"gradlab.{room}.{name}", value
        if inspect.ismodule(value):
            yield from public(f"{room}.{name}")


@functools.cache
def homes() -> dict[Any, str]:
    """Return under which name a function or class is described, where several rooms make it public."""
    named = [(value, name) for room in reversed(ROOMS) for name, value in public(room)]
    return {value: name for value, name in named if inspect.isfunction(value) or inspect.isclass(value)}


def page(room: str) -> str:
    """Return a room's page as Markdown."""
    parts = [f"# gradlab.{room}", prose(importlib.import_module(f"gradlab.{room}")), GIVEN]
    for name, value in public(room):
        if inspect.ismodule(value):
            parts += [f"## {name}", prose(value)]
        elif not callable(value) or value not in homes():
            shown = value if isinstance(value, str) else ", ".join(value) if isinstance(value, Mapping) else repr(value)
            parts += [f"### {name}", f"`{shown}`"]
        elif homes()[value] != name:
            there = homes()[value]
            parts += [f"### {name}", f"The same as [{there}]({there.split('.')[1]}.md)."]
        else:
            parts += described(f"### {name}", value)
    return "\n\n".join(parts) + "\n"


def described(heading: str, value: Any) -> Iterator[str]:
    """Yield the parts of a function's entry, or of a class's with its own methods."""
    yield heading
    if isinstance(value, property):
        yield prose(value)
        return
    if not (inspect.isclass(value) and issubclass(value, Exception)):
        yield f"```python\n{signature(value)}\n```"
    yield prose(value)
    for name, part in vars(value).items() if inspect.isclass(value) else ():
        if name[0] != "_" and (inspect.isfunction(part) or isinstance(part, property)) and part.__doc__:
            yield from described(f"#### {heading.rpartition('.')[2]}.{name}", part)


def signature(value: Any) -> str:
    """Return the call as it is written, in lines of at most ``WIDTH``."""
    found = inspect.signature(value)
    own = [each for name, each in found.parameters.items() if name != "self"]
    found = found.replace(
        parameters=[each.replace(annotation=Bare.of(each.annotation)) for each in own],
        return_annotation=Bare.of(found.return_annotation),
    )
    call = re.sub(r"<function (\w+) at \w+>", r"\1", f"{value.__name__}{found}")
    return textwrap.fill(call, WIDTH, subsequent_indent=" " * 4, break_on_hyphens=False)


class Bare(str):
    """An annotation as it is written, without quotes."""

    __repr__ = str.__str__

    @classmethod
    def of(cls, annotation: Any) -> Any:
        text = getattr(annotation, "__forward_arg__", annotation)  # of a named tuple
        return cls(text) if isinstance(text, str) else annotation


def prose(value: Any) -> str:
    """Return a docstring as Markdown."""
    text = (inspect.getdoc(value) or "") + "\n"
    for old, new in MARKUP:
        text = old.sub(new, text)
    return SECTION.sub(section, text).strip()


def section(found: re.Match[str]) -> str:
    title, body = found[1], inspect.cleandoc(found[2])
    if title == "Examples":
        return f"```python\n{body}\n```\n"
    if title in ("Returns", "Yields"):
        return f"**{title}**\n\n{body}\n\n"
    return f"**{title}**\n\n" + re.sub(r"^(\S[^:\n]*):", r"- **\1**:", body, flags=re.MULTILINE) + "\n\n"


def main() -> None:
    for room in ROOMS:
        with replacing(FOLDER / f"{room}.md") as part:
            part.write_text(page(room), encoding="utf-8")


if __name__ == "__main__":
    main()
