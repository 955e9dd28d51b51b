"""The rows of downstream_experiment.py as a CSV, and what is worked out from them."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

F, TEMPERATURE, CONTROL, FEATURES = "f", "f, temperature", "H on h", "H on features"
PLACES = 4  # decimals that are kept


class Run(NamedTuple):
    """What is measured in one go and kept: an arm in a world under a seed."""

    world: str
    arm: str
    seed: int


@dataclass(frozen=True)
class Row:
    """One number.

    Attributes:
        part: ``ood``, ``active`` or ``quality``.
        world: the network and its pictures.
        arm: who answers.
        seed: of H, or of the whole repetition in active learning; in quality the number of the picture.
        what: out-of-distribution set, strategy, or distortions.
        how: score, or test set.
        measure: name of the number.
        labels: bought, in active learning.
        n: pictures behind the number.
        value: the number.
    """

    part: str
    world: str
    arm: str
    seed: int
    what: str
    how: str
    measure: str
    labels: int
    n: int
    value: float

    @property
    def run(self) -> Run:
        return Run(self.world, self.arm, self.seed)


Runs = dict[Run, Callable[[], list[Row]]]  # in the order they are to be done


def read(path: Path) -> list[Row]:
    """Return the rows of a table; none if there is no file."""
    if not path.is_file():
        return []
    kinds = {"seed": int, "labels": int, "n": int, "value": float}
    with path.open(newline="", encoding="utf-8") as file:
        return [Row(**{key: kinds.get(key, str)(value) for key, value in row.items()}) for row in csv.DictReader(file)]


def write(rows: Iterable[Row], path: Path) -> None:
    """Write a table whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".part")
    with half.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(field.name for field in fields(Row))
        table.writerows(astuple(row) for row in rows)
    half.replace(path)


class Table:
    """The rows of one part and world, by what they tell of."""

    def __init__(self, rows: list[Row], part: str, world: str) -> None:
        self.rows = [row for row in rows if (row.part, row.world) == (part, world)]
        self.arms, self.whats, self.hows = (
            list(dict.fromkeys(getattr(row, name) for row in self.rows)) for name in ("arm", "what", "how")
        )
        self.seeds = 1 + max(row.seed for row in self.rows)
        self._by: dict[tuple[str, str, str, str], dict[int, list[Row]]] = {}
        for row in self.rows:
            self._by.setdefault((row.arm, row.what, row.how, row.measure), {}).setdefault(row.seed, []).append(row)

    def values(self, arm: str, what: str, how: str, measure: str) -> list[float]:
        """Return a number by seed, the area under the curve where it was taken at several budgets.

        f has one seed in some parts; then its number stands for each.
        """
        found = {seed: area(rows) for seed, rows in self._by[arm, what, how, measure].items()}
        return [found[seed if len(found) > 1 else 0] for seed in range(self.seeds)]

    def mean(self, arm: str, whats: Iterable[str], hows: Iterable[str], measure: str) -> list[float]:
        """Return the mean of a number over what and how, by seed."""
        hows = list(hows)
        return [
            fmean(each)
            for each in zip(*(self.values(arm, what, how, measure) for what in whats for how in hows), strict=True)
        ]


def area(rows: list[Row]) -> float:
    """Return the mean height of the learning curve, by trapezoids; of one point its height."""
    if len(rows) == 1:
        return rows[0].value
    points = sorted((row.labels, row.value) for row in rows)
    pairs = itertools.pairwise(points)
    return sum((x1 - x0) * (y0 + y1) / 2 for (x0, y0), (x1, y1) in pairs) / (points[-1][0] - points[0][0])


def less(mine: list[float], others: list[float]) -> list[float]:
    """Return the differences by seed, without what is rounding."""
    return [round(a - b, 9) + 0.0 for a, b in zip(mine, others, strict=True)]
