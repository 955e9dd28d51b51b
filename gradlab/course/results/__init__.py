"""Tables of finished experiments, one number a row, which lessons and the pages in docs/results read.

`python -m data_scripts.experiments` in a checkout makes them.
"""

from __future__ import annotations

import csv
import gzip
import itertools
from collections.abc import Collection, Iterable
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from gradlab.core.errors import InputError

__all__ = ["FOLDER", "NAMES", "Results", "Row", "read"]

FOLDER = Path(__file__).parent
NAMES = ("introspection", "ood", "active", "quality", "models")


class Row(NamedTuple):
    """One number.

    Attributes:
        world: the network and its pictures.
        arm: who answers.
        seed: of the repetition; 0 where nothing is random.
        method: score or strategy, empty where there is one alone.
        condition: which pictures: ``none`` for clean ones, a challenge, a strange set.
        level: of the condition; in active learning the labels bought so far.
        measure: what the number is.
        n: pictures behind it.
        value: the number; shares in 0 to 1, losses in nats.
    """

    world: str
    arm: str
    seed: int
    method: str
    condition: str
    level: int
    measure: str
    n: int
    value: float


class Results:
    """Rows, found by what they tell of.

    Attributes:
        rows: all of them, in the order of the table.

    Examples:
        >>> from gradlab.course.results import read
        >>> signs = read("ood").where(world="signs", method="energy")
        >>> signs.names("condition")
        ['textures', 'noise', 'letters', 'digits']
        >>> signs.by_seed("f", "auroc", condition="noise")
        [0.9958]
        >>> len(signs.by_seed("H on h", "auroc", condition=["noise", "letters"]))
        5
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        if not isinstance(rows, Iterable) or getattr(rows, "ndim", 1) == 0:
            raise _wrong("rows must be a sequence of Row.")
        self.rows = tuple(rows)
        if not all(isinstance(row, Row) for row in self.rows):
            raise _wrong("rows holds something else than Row: read a table with gradlab.course.results.read.")

    def __repr__(self) -> str:
        return f"Results({len(self.rows)} rows; worlds: {', '.join(self.names('world'))})"

    def names(self, column: str) -> list[Any]:
        """Return what stands in a column, each once, in order of appearance."""
        if not isinstance(column, str) or column not in Row._fields:
            raise _wrong(f"column is no column: expected one of {', '.join(Row._fields)}.")
        return list(dict.fromkeys(getattr(row, column) for row in self.rows))

    def where(self, **asked: str | int | Collection[Any]) -> Results:
        """Return the rows that fit: for each column named, a value or a collection that holds the row's own.

        Raises:
            InputError: a column that there is not.
        """
        return Results(_fitting(self.rows, asked))

    def by_seed(self, arm: str, measure: str, **asked: str | int | Collection[Any]) -> list[float]:
        """Return the mean of an arm's measure over all rows that fit, as :meth:`where`, one for each seed.

        Raises:
            InputError: no row fits, or a column that there is not.
        """
        found: dict[int, list[float]] = {}
        for row in _fitting(self._group(arm, measure), asked):
            found.setdefault(row.seed, []).append(row.value)
        if not found:
            raise _wrong(f"There is no row of {arm!r} and {measure!r} with {_short(asked)}.")
        return [fmean(found[seed]) for seed in sorted(found)]

    def gain(self, arm: str, other: str, measure: str, **asked: str | int | Collection[Any]) -> list[float]:
        """Return what an arm's measure has above another arm's, seed by seed, over all rows that fit.

        Raises:
            InputError: as :meth:`by_seed`; arms whose seeds cannot be paired.
        """
        from gradlab.evaluate.statistics import paired_differences

        return paired_differences(*(self.by_seed(each, measure, **asked) for each in (arm, other)))

    def areas(self, arm: str, measure: str, **asked: str | int | Collection[Any]) -> list[float]:
        """Return the mean height of an arm's curve over the level, by trapezoids, one for each seed.

        Raises:
            InputError: as :meth:`by_seed`.
        """
        levels = sorted({row.level for row in _fitting(self._group(arm, measure), asked)})
        steps = [
            [(b - a) * (low + high) / 2 for low, high in zip(*ends, strict=True)]
            for a, b in itertools.pairwise(levels)
            for ends in [[self.by_seed(arm, measure, level=level, **asked) for level in (a, b)]]
        ]
        if not steps:
            raise _wrong(f"There is no curve of {arm!r} and {measure!r} with {_short(asked)}.")
        return [sum(each) / (levels[-1] - levels[0]) for each in zip(*steps, strict=True)]

    def _group(self, arm: Any, measure: Any) -> Iterable[Row]:
        for name, value in (("arm", arm), ("measure", measure)):
            if not isinstance(value, str):
                raise _wrong(f"{name} is a {type(value).__name__}: expected a name in that column.")
        return self._groups.get((arm, measure), ())

    @cached_property
    def _groups(self) -> dict[tuple[str, str], list[Row]]:
        found: dict[tuple[str, str], list[Row]] = {}
        for row in self.rows:
            found.setdefault((row.arm, row.measure), []).append(row)
        return found


def _fitting(rows: Iterable[Row], asked: dict[str, Any]) -> list[Row]:
    if not asked.keys() <= set(Row._fields):
        raise _wrong(f"{', '.join(asked)}: the columns are {', '.join(Row._fields)}.")
    for name, one in asked.items():
        some = one if isinstance(one, (list, tuple, set, frozenset, range)) else [one]
        if not all(isinstance(each, (str, int, float)) for each in some):
            raise _wrong(f"{name} is {_short(one)}: expected a value of that column, or a list of them.")
    tests = [
        (Row._fields.index(name), (one,) if isinstance(one, (str, int, float)) else one) for name, one in asked.items()
    ]
    return [row for row in rows if all(row[column] in some for column, some in tests)]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long for the system
        return False


def _short(asked: Any) -> str:
    from gradlab.core.errors import shown  # as below

    return shown(asked)


def _wrong(message: str) -> InputError:
    from gradlab.core.errors import InputError  # loads torch, which to read a table does not need

    return InputError(message)


def read(name: str, *, folder: Path = FOLDER) -> Results:
    """Return a table: ``"introspection"``, ``"ood"``, ``"active"``, ``"quality"`` or ``"models"``.

    Args:
        name: of the table.
        folder: that holds it, by default the tables that come with the package.

    Raises:
        InputError: there is no such table.

    Examples:
        >>> from gradlab.course.results import read
        >>> read("models")
        Results(592 rows; worlds: digits, signs1, signs2, signs3)
    """
    if not isinstance(folder, (str, Path)):
        raise _wrong(f"folder is {_short(folder)}: expected the path of a folder.")
    path = Path(folder) / f"{name if isinstance(name, str) and name.isidentifier() else ''}.csv.gz"
    if not _is_file(path):
        raise _wrong(f"There is no table {_short(name)} in {_short(str(folder))}: expected one of {', '.join(NAMES)}.")
    with gzip.open(path, "rt", newline="", encoding="utf-8") as file:
        lines = csv.reader(file)
        next(lines)
        return Results(
            Row(world, arm, int(seed), method, condition, int(level), measure, int(n), float(value))
            for world, arm, seed, method, condition, level, measure, n, value in lines
        )
