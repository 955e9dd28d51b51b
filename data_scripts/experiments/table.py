"""Tables of results: read if they are there, written whole or not at all."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable
from pathlib import Path

from data_scripts.files import replacing
from gradlab.course.results import NAMES, Results, Row, read

PLACES = 4  # decimals that are kept
__all__ = ["NAMES", "Results", "Row", "held", "write"]


def held(name: str, folder: Path) -> Results:
    """Return a table; one without rows if there is no file."""
    return read(name, folder=folder) if (folder / f"{name}.csv.gz").is_file() else Results([])


def write(name: str, rows: Iterable[Row], folder: Path) -> None:
    """Write a table; the same rows give the same bytes."""
    with (
        replacing(folder / f"{name}.csv.gz") as part,
        part.open("wb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", newline="") as text,
    ):
        lines = csv.writer(text, lineterminator="\n")
        lines.writerow(Row._fields)
        lines.writerows((*row[:-1], f"{round(row.value, PLACES):.10g}") for row in rows)
