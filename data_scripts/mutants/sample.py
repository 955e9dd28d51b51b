"""Which changes are made: a sample that stays the same while the files do, spread over rooms, files and kinds."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from data_scripts.files import ROOT
from data_scripts.mutants.python_changes import Change, changes
from data_scripts.mutants.relevant import files

__all__ = ["Mutant", "every_change", "sampled"]

ESPREE = ROOT / "tests/front/node_modules/espree/espree.js"  # put there by tests/front/test_tools.py


@dataclass(frozen=True)
class Mutant:
    """One change of one file, and how it is told from others when lines have moved."""

    room: str
    file: str
    change: Change
    text: bytes

    @property
    def lines(self) -> tuple[str, str]:
        """The first changed line, before and after."""
        before = self.text.decode().splitlines()
        after = self.made().decode().splitlines()
        at = next((i for i, (a, b) in enumerate(zip_longest(before, after)) if a != b), 0)
        return before[at].strip(), (after[at] if at < len(after) else "").strip()

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.file, *self.lines)

    @property
    def title(self) -> str:
        before, after = self.lines
        return f"{self.file}:{self.change.line} {self.change.kind}: {before}  ->  {after}"

    def made(self) -> bytes:
        """Return the file with the change in it."""
        return self.text[: self.change.start] + self.change.after.encode() + self.text[self.change.end :]

    def row(self) -> dict[str, str]:
        before, after = self.lines
        place = {"room": self.room, "file": self.file, "line": str(self.change.line), "kind": self.change.kind}
        return {**place, "before": before, "after": after}


def javascript(names: list[str]) -> dict[str, list[Change]]:
    """Return every change of some JavaScript files."""
    if not ESPREE.is_file():
        raise SystemExit("espree is missing: run pytest tests/front/test_tools.py once, which installs it.")
    script = Path(__file__).with_name("javascript_changes.mjs")
    done = subprocess.run(["node", script, ESPREE, *names], cwd=ROOT, capture_output=True, text=True, check=True)
    found = {}
    for name, rows in json.loads(done.stdout).items():
        wide = (ROOT / name).read_text(encoding="utf-8").encode("utf-16-le")
        place = [len(wide[: 2 * at].decode("utf-16-le").encode()) for row in rows for at in row[2:4]]
        found[name] = [
            Change(kind, line, place[2 * k], place[2 * k + 1], "", after)
            for k, (kind, line, _, _, after) in enumerate(rows)
        ]
    return found


def every_change(room: str, names: list[str]) -> dict[str, list[Change]]:
    """Return every change of every file of a room."""
    if room.startswith("front/"):
        return javascript(names)
    return {name: changes((ROOT / name).read_bytes()) for name in names}


def by_turns(changed: list[Change], seed: str) -> Iterator[Change]:
    """Yield changes in an order that its seed fixes, kind by kind in turn: no kind crowds out the others."""
    chance = random.Random(seed)
    kinds: dict[str, list[Change]] = {}
    for each in sorted(changed, key=lambda each: (each.kind, each.start, each.after)):
        kinds.setdefault(each.kind, []).append(each)
    decks = list(kinds.values())
    for deck in decks:
        chance.shuffle(deck)
    chance.shuffle(decks)
    yield from (each for turn in zip_longest(*decks) for each in turn if each is not None)


def sampled(count: int, rooms: list[str] | None = None) -> list[Mutant]:
    """Return ``count`` changes; of a room, as many as the root of its number of files says, and files take turns."""
    turns: list[tuple[float, Mutant]] = []
    for room, names in files().items():
        if rooms and room not in rooms:
            continue
        of = every_change(room, names)
        texts = {name: (ROOT / name).read_bytes() for name in names}
        order = sorted(names, key=lambda name: random.Random(name).random())
        decks = [[Mutant(room, name, each, texts[name]) for each in by_turns(of[name], name)] for name in order]
        each_once = {each.key: each for turn in zip_longest(*decks) for each in turn if each is not None}
        turns += [(nth / len(names) ** 0.5, each) for nth, each in enumerate(each_once.values())]
    return [each for _, each in sorted(turns, key=lambda turn: turn[0])[:count]]
