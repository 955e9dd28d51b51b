"""Does introspection make a network more robust? Accuracy and calibration of f and of every H, clean and changed."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from data_scripts.experiments import worlds
from data_scripts.experiments.arms import TEMPERATURE, F, weights_on_features
from data_scripts.experiments.runner import Run, Task
from data_scripts.experiments.table import Row
from data_scripts.experiments.worlds import TRAIN, VALIDATION, Answers, World
from gradlab import evaluate
from gradlab.introspect import IntrospectiveNetwork, LastLayer

CIFAR = os.environ.get("GRADLAB_CIFAR")  # the folder of CIFAR-10
WORLDS: dict[str, Callable[[Path], World]] = {  # of a folder to keep things in
    "digits": lambda _: worlds.digits(),
    "signs": lambda _: worlds.signs(),
    "cifar10": lambda cache: worlds.cifar10(Path(CIFAR or ""), cache / "cifar10.pt"),
}
LACKING = {} if CIFAR else {"cifar10": "cifar10 needs the folder of CIFAR-10 in GRADLAB_CIFAR"}
CONTROL, EQUAL, FEATURES = "control", "control, equal capacity", "features"
LEAST = 1e-30  # a probability that has rounded to 0


@dataclass(frozen=True)
class H:
    """A second network.

    Attributes:
        kind: ``control`` on h, ``control, equal capacity`` with as many weights as the one on ``features``.
        loss: of the features.
        normalize: each sample's features, or h: None, ``l2`` or ``minmax``.
        standardize: by the statistics of H's training pictures.
    """

    kind: str
    loss: str = ""
    normalize: str | None = None
    standardize: bool = True

    def __str__(self) -> str:
        told = (self.loss, self.normalize or "not normalised", "" if self.standardize else "not standardised")
        return f"{self.kind}: {', '.join(filter(None, told))}"


# Features are standardised for the sigmoids' sake; normalised and no more is how the definition can be read.
TREATMENTS: tuple[tuple[str | None, bool], ...] = ((None, True), ("l2", True), ("minmax", True), ("l2", False))
KINDS = ((CONTROL, ""), (EQUAL, ""), (FEATURES, "mse"), (FEATURES, "bce"), (FEATURES, "ce"))


@dataclass(frozen=True)
class Config:
    """What is measured, and how H learns.

    Attributes:
        seeds: of H: its first weights, and the order of its pictures.
        steps: of H, rounded up to whole passes; the pass of the lowest validation loss is kept.
        batch: pictures in a step.
        rate: Adam's.
        hidden: widths of H's layers; the control of equal capacity has wider ones.
        pictures: in each test set, at most.
        levels: of the challenges.
        arms: the H's.
    """

    seeds: int = 5
    steps: int = 400
    batch: int = 128
    rate: float = 2e-3
    hidden: tuple[int, ...] = (300, 100)
    pictures: int = 1000
    levels: tuple[int, ...] = (1, 2, 3, 4, 5)
    arms: tuple[H, ...] = tuple(H(*kind, *treated) for kind in KINDS for treated in TREATMENTS)


SMALL = Config(2, 20, pictures=40, levels=(5,), arms=tuple(H(*kind, "l2") for kind in KINDS[:3]))


def task(config: Config, cache: Path, quiet: bool) -> Task:
    """Return f, f with the temperature that suits the validation pictures, and every H under each seed."""

    @functools.lru_cache(maxsize=1)
    def asked(name: str) -> tuple[World, Answers]:
        world = WORLDS[name](cache)
        return world, worlds.answers(world, cache / name, config.pictures, config.levels, quiet)

    arms = {str(h): h for h in config.arms}
    runs = [
        Run(name, arm, seed)
        for name in WORLDS
        # seeds first: what an interruption leaves has each arm equally often
        for seed in range(config.seeds)
        for arm in ([F, TEMPERATURE, *arms] if seed == 0 else arms)
    ]

    def measure(run: Run) -> list[Row]:
        world, sets = asked(run.world)
        if run.arm in arms:
            h = second_stage(world, sets, arms[run.arm], run.seed, config)
            return scored(run, sets, h.predict_proba, {"weights": h.weights})
        logits, labels = sets[VALIDATION, 0][0].logits, sets[VALIDATION, 0][1]
        by = evaluate.temperature(logits, labels) if run.arm == TEMPERATURE else 1.0
        told = {"weights": 0} | ({"temperature": by} if run.arm == TEMPERATURE else {})
        return scored(run, sets, lambda kept: (kept.logits.double() / by).softmax(1), told)

    return Task("introspection", runs, measure, LACKING)


def second_stage(world: World, sets: Answers, arm: H, seed: int, config: Config) -> IntrospectiveNetwork:
    """Return one H that has learned."""
    kept, labels = sets[TRAIN, 0]
    options = {"normalize": arm.normalize, "standardize": arm.standardize, "hidden": config.hidden}
    if arm.kind == FEATURES:
        h = IntrospectiveNetwork(world.net, arm.loss, **options)
    else:
        equal = weights_on_features(kept.logits.shape[1], kept.hidden.shape[1], config.hidden)
        h = IntrospectiveNetwork(world.net, on="h", capacity=equal if arm.kind == EQUAL else None, **options)
    passes = -(-config.steps // -(-len(labels) // config.batch))
    schedule = {"seed": seed, "epochs": passes, "batch_size": config.batch, "rate": config.rate}
    return h.fit(kept, labels, validation=sets[VALIDATION, 0], progress=False, **schedule)


def scored(run: Run, sets: Answers, probabilities: Callable[[LastLayer], Tensor], told: dict[str, float]) -> list[Row]:
    """Return the rows of an arm on the validation pictures and on each test set, and what is told of it as a whole."""
    rows = []
    for (condition, level), (kept, labels) in sets.items():
        if condition == TRAIN:
            continue
        p = probabilities(kept).double()
        p = p / p.sum(1, keepdim=True)
        found = {
            "accuracy": (p.argmax(1) == labels).double().mean().item(),
            "ece": evaluate.calibration_error(p, labels),
            "nll": evaluate.nll(p.clamp_min(LEAST).log(), labels),
        }
        rows += [Row(*run, "", condition, level, name, len(labels), value) for name, value in found.items()]
    return rows + [Row(*run, "", "", 0, name, 0, value) for name, value in told.items()]
