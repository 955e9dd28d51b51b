"""What was found: a table of all changes, and a page about those that no test notices."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping
from threading import Lock

from data_scripts.files import ROOT, replacing

__all__ = ["COLUMNS", "PAGE", "TABLE", "page", "read", "write", "write_page"]

TABLE, PAGE = ROOT / "docs" / "mutants.csv", ROOT / "docs" / "mutants.md"
COLUMNS = ("room", "file", "line", "kind", "before", "after", "verdict", "by", "seconds", "reason")
Key = tuple[str, str, str]
Rows = dict[Key, dict[str, str]]
lock = Lock()


def read() -> Rows:
    """Return the table's rows by file, line before and line after."""
    if not TABLE.is_file():
        return {}
    with TABLE.open(encoding="utf-8", newline="") as file:
        return {(row["file"], row["before"], row["after"]): row for row in csv.DictReader(file)}


def write(rows: Rows) -> None:
    with lock, replacing(TABLE) as part, part.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(sorted(rows.values(), key=lambda row: (row["file"], int(row["line"]), row["after"])))


def page(rows: Mapping[Key, Mapping[str, str]]) -> str:
    """Return the page of the table."""
    found = Counter((row["room"], row["verdict"]) for row in rows.values())
    rooms = list(dict.fromkeys(row["room"] for row in rows.values()))
    every = Counter(row["verdict"] for row in rows.values())
    share = 100 * (1 - every["survived"] / max(1, len(rows)))
    lines = [
        "# Changes that no test notices",
        "",
        f"`make mutants` made {len(rows)} single changes to the code, one at a time, and ran the tests that are about "
        f"the changed file: {every['noticed']} were noticed, {every['timed out']} ran out of time (a loop without end "
        f"is noticed too), {every['survived']} survived: {share:.0f} % were noticed. The changes are in "
        "[mutants.csv](mutants.csv). They are a sample with a fixed seed, as many of each room, in which files and "
        "kinds of change take turns; words, annotations and errors' texts are left alone.",
        "",
        "| room | changes | noticed | timed out | survived |",
        "|---|---|---|---|---|",
    ]
    for room in rooms:
        counts = [found[room, verdict] for verdict in ("noticed", "timed out", "survived")]
        lines.append(f"| {room} | {sum(counts)} | {counts[0]} | {counts[1]} | {counts[2]} |")
    lines += ["", "## The survivors, and why they are harmless", ""]
    for row in sorted(rows.values(), key=lambda row: (row["file"], int(row["line"]))):
        if row["verdict"] == "survived":
            lines += [
                f"- `{row['file']}`: {row['reason'] or 'not looked at yet'}",
                "",
                "  ```diff",
                f"  - {row['before']}",
                f"  + {row['after']}",
                "  ```",
                "",
            ]
    return "\n".join(lines).rstrip() + "\n"


def write_page(rows: Rows) -> None:
    with replacing(PAGE) as part:
        part.write_text(page(rows), encoding="utf-8")
