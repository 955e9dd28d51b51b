"""Active learning: which labels are worth buying? f, f with its temperature, H on h and H on features ask in turn."""

from __future__ import annotations

import functools
import itertools
from pathlib import Path
from typing import Any

from torch import Tensor

from data_scripts import model_cards
from data_scripts.downstream_config import Config
from data_scripts.downstream_networks import Few, learned_few, warmed
from data_scripts.downstream_rows import CONTROL, FEATURES, PLACES, TEMPERATURE, F, Row, Run, Runs
from gradlab import data, introspect
from gradlab.evaluate import active
from gradlab.models.small import DIGITS

WORLD, SIZE = "digits", 8  # cells, as they were scanned
CLEAN, NOISY = "clean", "noisy"
ARMS = (F, TEMPERATURE, CONTROL, FEATURES)


def runs(config: Config, cache: Path, quiet: bool) -> Runs:
    """Return a run for each arm and seed; all strategies of it start from the same labels."""
    return {
        Run(WORLD, arm, seed): functools.partial(_measured, arm, seed, config)
        for seed in range(config.active_seeds)
        for arm in ARMS
    }


def _measured(arm: str, seed: int, config: Config) -> list[Row]:
    pool, tests = pictures("train"), {CLEAN: pictures("test"), NOISY: noisy(config.noise)}
    rounds = active.run({arm: learner(arm, config)}, pool, tests, config.budgets, seeds=[seed], progress=False)
    return [
        Row("active", WORLD, arm, seed, each.strategy, how, "accuracy", each.budget, len(tests[how][1]),
            round(right, PLACES))
        for each in rounds
        for how, right in each.accuracy.items()
    ]  # fmt: skip


def learner(arm: str, config: Config) -> active.pool.Fit:
    """Return how an arm's network is made of labelled pictures."""

    def f(x: Tensor, y: Tensor, seed: int) -> Few:
        return learned_few(x, y, config.width, config.active_steps)

    def warm(x: Tensor, y: Tensor, seed: int) -> Any:
        model, held = f(x, y, seed), pictures("validation")
        return warmed(model, introspect.last_layer(model, held[0]).logits, held[1])

    if arm in (F, TEMPERATURE):
        return f if arm == F else warm
    settings: dict[str, Any] = {"hidden": config.active_hidden}
    if arm == CONTROL:
        sizes = (config.width * len(DIGITS), *config.active_hidden, len(DIGITS))
        capacity = sum((inputs + 1) * outputs for inputs, outputs in itertools.pairwise(sizes))
        settings |= {"on": "h", "capacity": capacity}
    return active.introspective(f, settings, epochs=config.active_passes, batch_size=config.budgets[-1], rate=2e-2)


@functools.cache
def pictures(split: str) -> tuple[Tensor, Tensor]:
    """Return the scans of a split as they are, and their labels."""
    found = data.digits(split, SIZE)
    return found.pictures, found.labels


@functools.cache
def noisy(level: int) -> tuple[Tensor, Tensor]:
    """Return the test scans under noise."""
    scans, labels = pictures("test")
    return model_cards.under(scans, "noise", level), labels
