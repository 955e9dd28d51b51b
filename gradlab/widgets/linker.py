"""The front end's modules, joined into the one text that anywidget and saved pages need.

Files in ``front/`` say ``import { a, b } from "./file.js";`` and export where they declare. Joined they share one
scope: no import can rename, and no two files may declare one name.
"""

from __future__ import annotations

import os
import re
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from anywidget._file_contents import VirtualFileContents

from gradlab.core.errors import GradlabError, shown

__all__ = ["EXPORT", "FRONT", "LinkError", "followed", "front_end", "linked"]

FRONT = Path(__file__).parent / "front"
EXPORT = "export default { render };"
IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.[^"]*)";\n', re.MULTILINE)
DECLARED = re.compile(r"^(export )?(?:async )?(?:function|const|let|class)\*? (\w+)", re.MULTILINE)
LEFT = re.compile(rf"^(?!{re.escape(EXPORT)}$)(?:import|export)\b.*", re.MULTILINE)


class LinkError(GradlabError):
    """Modules that cannot be joined: an unknown file or name, a circle, or one name declared twice."""


def front_end(entry: str) -> str | VirtualFileContents:
    """Return ``front/widgets/<entry>.js`` and all that it imports as one module, for ``_esm``.

    Raises:
        LinkError: as :func:`linked`.

    Examples:
        >>> "export default { render }" in str(gradlab.widgets.front_end("entropy"))
        True
    """
    there = sorted(each.stem for each in FRONT.glob("widgets/*.js"))
    if not isinstance(entry, str) or entry not in there:
        raise LinkError(f"entry is {shown(entry)}: expected one of {', '.join(there)}.")
    return followed(lambda: linked(f"widgets/{entry}.js"))


def linked(entry: str) -> str:
    """Return a file of ``front/`` and all that it imports as one text: each file once, what is imported first.

    Raises:
        LinkError: a file or a name that is imported does not exist, imports form a circle, a name is declared twice, or
            an ``import`` or ``export`` has another form than those above.
    """
    parts: dict[Path, str] = {}
    _visit((FRONT / entry).resolve(), parts, ())
    owners: dict[str, Path] = {}
    for path, text in parts.items():
        for _, name in DECLARED.findall(text):
            if name in owners:
                raise LinkError(f"{name} is declared in {owners[name].name} and in {path.name}, which share one scope.")
            owners[name] = path
        parts[path] = DECLARED.sub(lambda found: found[0].removeprefix("export "), IMPORT.sub("", text))
        if left := LEFT.search(parts[path]):
            raise LinkError(f"{path.name} has a line that cannot be joined: {left[0]}")
    return "\n".join(parts.values())


def _visit(path: Path, parts: dict[Path, str], above: tuple[Path, ...]) -> set[str]:
    """Put the file behind all that it imports; return the names that it exports."""
    if path in above:
        raise LinkError(f"Imports form a circle: {' -> '.join(each.name for each in (*above, path))}.")
    if path not in parts:
        if not path.is_file():
            raise LinkError(f"There is no file {path.name}" + (f", which {above[-1].name} imports." if above else "."))
        text = path.read_text(encoding="utf-8")
        for names, source in IMPORT.findall(text):
            exported = _visit((path.parent / source).resolve(), parts, (*above, path))
            unknown = {name.strip() for name in names.split(",")} - exported - {""}
            if unknown:
                raise LinkError(f"{path.name} imports {', '.join(sorted(unknown))}; {source} exports no such name.")
        parts[path] = text
    return {name for export, name in DECLARED.findall(parts[path]) if export}


def followed(make: Callable[[], str]) -> str | VirtualFileContents:
    """Return ``make()``; with ``ANYWIDGET_HMR=1`` in the environment, one that live widgets go on following."""
    if os.environ.get("ANYWIDGET_HMR") != "1":
        return make()
    contents = VirtualFileContents(make())

    def follow() -> None:
        while True:
            time.sleep(0.5)
            try:
                text = make()
            except (LinkError, OSError) as error:  # an edit half made: said once, the next one is awaited
                warnings.warn(str(error), stacklevel=1)
                continue
            if text != contents.contents:
                contents.contents = text

    threading.Thread(target=follow, daemon=True).start()
    return contents
