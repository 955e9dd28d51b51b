"""Active learning: which labels are worth buying? f, f with its temperature, H on h and H on features ask in turn."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from data_scripts.experiments.arms import ARMS, CONTROL, TEMPERATURE, F, tempered, weights_on_features
from data_scripts.experiments.runner import Run, Task
from data_scripts.experiments.table import Row
from data_scripts.experiments.worlds import Labelled, under
from gradlab import data, introspect
from gradlab.evaluate import active
from gradlab.models.small import DIGITS

WORLD, SIZE = "digits", 8  # cells, as they were scanned
CLEAN, NOISY = "clean", "noisy"
STILL = ("f still falls by", "H still falls by")  # nats from the third to the last quarter of a training, at most


@dataclass(frozen=True)
class Config:
    """Sizes, seeds and choices.

    Attributes:
        seeds: repetitions.
        budgets: labels bought in all, at each round.
        width: of the perceptron that learns from them.
        steps: of the perceptron.
        hidden: widths of its H's layers.
        passes: of its H over the labels bought so far, a step each, all of which are used: there are no labels to
            choose one by. Both are long enough for a plateau, which is measured.
        noise: level of the challenge ``noise`` on the noisy test pictures.
    """

    seeds: int = 10
    budgets: tuple[int, ...] = (20, 40, 60, 80, 100)
    width: int = 64
    steps: int = 400
    hidden: tuple[int, ...] = (60, 20)
    passes: int = 200
    noise: int = 3


SMALL = Config(2, (10, 15), width=8, steps=5, hidden=(6,), passes=2)


def task(config: Config, cache: Path, quiet: bool) -> Task:
    """Return a run for each arm and seed; all strategies of it start from the same labels."""
    runs = [Run(WORLD, arm, seed) for seed in range(config.seeds) for arm in ARMS]
    return Task("active", runs, lambda run: measured(run, config))


def measured(run: Run, config: Config) -> list[Row]:
    pool, tests = pictures("train"), {CLEAN: pictures("test"), NOISY: noisy(config.noise)}
    falls: dict[str, list[float]] = {}
    fit = learner(run.arm, config)

    def watched(x: Tensor, y: Tensor, seed: int) -> Any:
        made = fit(x, y, seed)
        for name, losses in losses_of(made).items():
            falls.setdefault(name, []).append(still_falling(losses))
        return made

    rounds = active.run({run.arm: watched}, pool, tests, budgets=config.budgets, seeds=[run.seed], progress=False)
    rows = [
        Row(*run, each.strategy, how, each.budget, "accuracy", len(tests[how][1]), right)
        for each in rounds
        for how, right in each.accuracy.items()
    ]
    return rows + [Row(*run, "", "", 0, name, len(values), max(values)) for name, values in falls.items()]


def losses_of(made: Any) -> dict[str, list[float]]:
    """Return the training losses of all that has learned: of f, and of H if there is one."""
    if isinstance(made, introspect.IntrospectiveNetwork):
        return {STILL[0]: made.model.losses, STILL[1]: [epoch.loss for epoch in made.history]}
    return {STILL[0]: made.losses}


def still_falling(losses: list[float]) -> float:
    """Return by how much the mean loss fell from the third quarter of a training to the last, in nats."""
    quarter = max(1, len(losses) // 4)
    before, last = losses[-2 * quarter : -quarter], losses[-quarter:]
    return sum(before) / len(before) - sum(last) / len(last)


def learner(arm: str, config: Config) -> active.Fit:
    """Return how an arm's network is made of labelled pictures."""

    def f(x: Tensor, y: Tensor, seed: int) -> Few:
        return learned_few(x, y, config.width, config.steps)

    def with_temperature(x: Tensor, y: Tensor, seed: int) -> Any:
        model, held = f(x, y, seed), pictures("validation")
        return tempered(model, introspect.last_layer(model, held[0]).logits, held[1])

    if arm in (F, TEMPERATURE):
        return f if arm == F else with_temperature
    settings: dict[str, Any] = {"hidden": config.hidden}
    if arm == CONTROL:
        settings |= {"on": "h", "capacity": weights_on_features(len(DIGITS), config.width, config.hidden)}
    return active.introspective(f, settings, epochs=config.passes, batch_size=config.budgets[-1], rate=2e-2)


class Few(nn.Module):
    """A perceptron with dropout for digits of 8 x 8 cells (n, 1, 8, 8), which learns in a tenth of a second."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.drop, self.last = nn.Linear(64, width), nn.Dropout(0.5), nn.Linear(width, len(DIGITS))
        self.losses: list[float] = []  # of each step of its training

    def forward(self, x: Tensor) -> Tensor:
        """Return logits."""
        logits: Tensor = self.last(self.drop(functional.relu(self.first(x.flatten(1)))))
        return logits


def learned_few(pictures: Tensor, labels: Tensor, width: int, steps: int) -> Few:
    """Return a perceptron trained on all pictures at each step; random by torch's global state."""
    model = Few(width)
    optimizer = torch.optim.Adam(model.parameters(), 2e-2, weight_decay=1e-4, fused=True)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(pictures), labels)
        loss.backward()
        optimizer.step()
        model.losses.append(loss.item())
    return model.eval()


@functools.cache
def pictures(split: str) -> Labelled:
    """Return the scans of a split as they are, and their labels."""
    found = data.digits(split, SIZE)
    return found.pictures, found.labels


@functools.cache
def noisy(level: int) -> Labelled:
    """Return the test scans under noise."""
    scans, labels = pictures("test")
    return under(scans, "noise", level), labels
