"""A reader's own copy of the lessons, which new versions of the course never overwrite."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from gradlab.core.checks import checked_path
from gradlab.core.errors import InputError, brief

__all__ = ["working_copy"]

_COPIED = ".gradlab-lessons.json"  # in the reader's folder: the digest of each lesson as it was put there


def working_copy(lessons: str | Path, folder: str | Path) -> dict[str, str]:
    """Copy lessons into a folder of the reader's, and what has changed in the course since, but nobody's work.

    A lesson that was not touched since it was put there is replaced by its new version. One that was is kept, and the
    new version is put beside it, as ``03_occlusion (new).ipynb``.

    Args:
        lessons: folder with the course's notebooks.
        folder: the reader's; it is made where it does not exist.

    Returns:
        What was done, by the file's name: "copied", "replaced", "kept", or "put beside" for a new version.

    Raises:
        InputError: no lessons there, or the folder cannot be written.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> lessons, mine = (Path(tempfile.mkdtemp()) for _ in range(2))
        >>> _ = (lessons / "01_a.ipynb").write_text("first")
        >>> gradlab.course.working_copy(lessons, mine)
        {'01_a.ipynb': 'copied'}
    """
    source = checked_path(lessons, "lessons", InputError)
    target = checked_path(folder, "folder", InputError)
    found = sorted(source.glob("*.ipynb")) if source.is_dir() else []
    if not found:
        raise InputError(f"lessons is {brief(source)}: there are no notebooks in it.")
    try:
        target.mkdir(parents=True, exist_ok=True)
        put = _known(target)
        done = {lesson.name: _put(lesson, target, put) for lesson in found}
        _write(target / _COPIED, json.dumps(put, indent=1).encode())
    except OSError as error:
        raise InputError(f"folder is {brief(target)}: it cannot be written ({error.strerror}).") from error
    return done


def _put(lesson: Path, target: Path, put: dict[str, str]) -> str:
    content, mine = lesson.read_bytes(), target / lesson.name
    new, before = _digest(content), put.get(lesson.name)
    if not mine.exists():
        _write(mine, content)
        put[lesson.name] = new
        return "copied"
    own = _digest(mine.read_bytes())
    if own == new or before == new:  # the same, or changed by the reader alone
        put[lesson.name] = new
        return "kept"
    if own == before:
        _write(mine, content)
        put[lesson.name] = new
        return "replaced"
    beside = mine.with_name(f"{mine.stem} (new).ipynb")
    if beside.exists() and _digest(beside.read_bytes()) not in (put.get(beside.name), new):
        return "kept"  # the reader works in that one too
    _write(beside, content)
    put[beside.name] = new
    return "put beside"


def _known(target: Path) -> dict[str, str]:
    try:
        known = json.loads((target / _COPIED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): str(digest) for name, digest in known.items()} if isinstance(known, dict) else {}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write(path: Path, content: bytes) -> None:
    # written beside its place and moved there: a copy that is cut off leaves what was there
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    os.replace(part, path)
