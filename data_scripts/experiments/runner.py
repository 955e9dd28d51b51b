"""Does the runs of a task whose rows its table lacks. Killed at any moment, it goes on where it stopped.

A run's rows come into the table all together and in the order of the task's runs, so that a table that was interrupted
ends as the same bytes as one that was not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from data_scripts.experiments.table import Results, Row, held, write


class Run(NamedTuple):
    """What is measured in one go: an arm in a world under a seed. A row begins with the same three."""

    world: str
    arm: str
    seed: int


def run_of(row: Row) -> Run:
    return Run(*row[: len(Run._fields)])


@dataclass(frozen=True)
class Task:
    """One experiment.

    Attributes:
        name: of its table.
        runs: all of them, in the order of the table.
        measure: does one and returns its rows.
        lacking: worlds that cannot be measured here, with what they need.
    """

    name: str
    runs: Sequence[Run]
    measure: Callable[[Run], list[Row]]
    lacking: Mapping[str, str] = field(default_factory=dict)

    @property
    def worlds(self) -> list[str]:
        return list(dict.fromkeys(run.world for run in self.runs))

    def left(self, results: Results, only: Collection[str] = ()) -> list[Run]:
        """Return the runs that are not in the results, of these worlds or of all that can be measured here."""
        done = set(map(run_of, results.rows))
        here = only or set(self.worlds) - set(self.lacking)
        return [run for run in self.runs if run.world in here and run not in done]


def complete(task: Task, folder: Path, only: Collection[str] = (), again: bool = False, quiet: bool = False) -> Results:
    """Do the runs that a table lacks, of these worlds or of all; ``again``: forget first what it has of them."""
    results = held(task.name, folder)
    if again:
        old = set(task.left(Results([]), only))
        results = Results(row for row in results.rows if run_of(row) not in old)
    order = {run: i for i, run in enumerate(task.runs)}
    with tqdm(task.left(results, only), desc=task.name, unit="run", disable=quiet) as todo:
        for run in todo:
            todo.set_postfix_str(", ".join(map(str, run)), refresh=True)
            rows = (*results.rows, *task.measure(run))
            results = Results(sorted(rows, key=lambda row: order.get(run_of(row), len(order))))
            write(task.name, results.rows, folder)
    return held(task.name, folder)  # as it was rounded
