"""The rows of introspect_experiment.py as a CSV, and what is worked out from them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from statistics import fmean, stdev

MEASURES = ("accuracy", "ece")
CLEAN, VALIDATION = "none", "validation"  # what stands for a challenge at level 0


@dataclass(frozen=True)
class Arm:
    """What is measured: ``f``, ``f, temperature``, or an H on h or on features.

    Attributes:
        name: ``control``, ``control, equal capacity`` (as many weights as the H on features) and ``features`` are H's.
        loss: of the features.
        normalize: each sample's features, or h: ``none``, ``l2`` or ``minmax``.
        standardize: ``yes`` or ``no``: by the statistics of H's training pictures.
    """

    name: str
    loss: str = ""
    normalize: str = ""
    standardize: str = ""

    def __str__(self) -> str:
        own = [self.loss, {"none": "not normalised"}.get(self.normalize, self.normalize)]
        own.append("not standardised" if self.standardize == "no" else "")
        return ": ".join(part for part in (self.name, ", ".join(filter(None, own))) if part)


@dataclass(frozen=True)
class Row(Arm):
    """One arm and seed on n pictures of one test set, or of the validation set; shares, and nats per picture.

    Attributes:
        seed: of H; 0 for the arms that have none.
        weights: of H.
        temperature: of the one arm that has one, else empty.
    """

    world: str = ""
    seed: int = 0
    weights: int = 0
    temperature: str = ""
    challenge: str = CLEAN
    level: int = 0
    n: int = 0
    accuracy: float = 0.0
    ece: float = 0.0
    nll: float = 0.0

    @property
    def arm(self) -> Arm:
        return Arm(self.name, self.loss, self.normalize, self.standardize)


F, TEMPERATURE = Arm("f"), Arm("f, temperature")
CONTROLS = ("control", "control, equal capacity")


def columns() -> list[str]:
    """Return the table's head: the world first, and the arm's name called ``arm``."""
    names = [field.name for field in fields(Row)]
    return ["world", "arm", *(name for name in names if name not in ("world", "name"))]


def read(path: Path) -> list[Row]:
    """Return the rows of a table; none if there is no file."""
    if not path.is_file():
        return []
    kinds = {"seed": int, "weights": int, "level": int, "n": int, "accuracy": float, "ece": float, "nll": float}
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Row(**{"name" if key == "arm" else key: kinds.get(key, str)(value) for key, value in each.items()})
            for each in csv.DictReader(file)
        ]


def write(rows: Iterable[Row], path: Path) -> None:
    """Write a table whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".part")
    names = [field.name for field in fields(Row)]
    with half.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(columns())
        for row in rows:
            held = dict(zip(names, astuple(row), strict=True))
            table.writerow(held["name" if key == "arm" else key] for key in columns())
    half.replace(path)


class Table:
    """The rows of one world, and what is worked out from them."""

    def __init__(self, rows: list[Row], world: str) -> None:
        self.rows = [row for row in rows if row.world == world]
        self.arms = list(dict.fromkeys(row.arm for row in self.rows))
        self.seeds = 1 + max(row.seed for row in self.rows)
        self._by: dict[tuple[Arm, int], list[Row]] = {}
        for row in self.rows:
            self._by.setdefault((row.arm, row.seed), []).append(row)

    def named(self, *names: str) -> list[Arm]:
        return [arm for arm in self.arms if arm.name in names]

    def values(self, arm: Arm, measure: str, which: Callable[[Row], bool]) -> list[float]:
        """Return the mean of a measure over some test sets, by seed; f has the same for each."""
        seeds = [0] * self.seeds if arm in (F, TEMPERATURE) else range(self.seeds)
        return [fmean(getattr(row, measure) for row in self._by[arm, seed] if which(row)) for seed in seeds]

    def differences(self, arm: Arm, other: Arm, measure: str, which: Callable[[Row], bool]) -> list[float]:
        """Return arm less other by seed, without what is rounding."""
        pairs = zip(self.values(arm, measure, which), self.values(other, measure, which), strict=True)
        return [round(mine - its, 9) + 0.0 for mine, its in pairs]

    def chosen(self, *names: str) -> Arm:
        """Return the arm of these names whose mean loss on the clean validation pictures is lowest."""
        return min(self.named(*names), key=lambda arm: fmean(self.values(arm, "nll", validation)))

    def control_of(self, arm: Arm) -> Arm:
        """Return the H on h that has as many weights and is treated in the same way."""
        return Arm("control, equal capacity", "", arm.normalize, arm.standardize)


def validation(row: Row) -> bool:
    return row.challenge == VALIDATION


def clean(row: Row) -> bool:
    return row.challenge == CLEAN


def shifted(row: Row) -> bool:
    return row.level > 0


def interval(values: list[float]) -> tuple[float, float]:
    """Return the mean and half the width of its 95 % confidence interval (Student's t over the seeds)."""
    from scipy.stats import t

    n = len(values)
    return fmean(values), float(t.ppf(0.975, n - 1)) * stdev(values) / n**0.5 if n > 1 else float("nan")
