"""The shipped networks for digits and signs, on test pictures: class by class, and under every challenge."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from data_scripts.experiments.arms import F
from data_scripts.experiments.runner import Run, Task
from data_scripts.experiments.table import Row
from data_scripts.experiments.worlds import CLEAN, clean, under
from gradlab import data, evaluate, models
from gradlab.models import Classifier

NETWORKS = {
    "digits": models.digits,
    **{f"signs{depth}": functools.partial(models.signs, depth) for depth in (1, 2, 3)},
}
CLASS = "class "  # before the label: clean pictures of it alone


@dataclass(frozen=True)
class Config:
    """How many ``pictures`` at most, and the ``levels`` of the challenges."""

    pictures: int | None = None
    levels: tuple[int, ...] = (1, 2, 3, 4, 5)


SMALL = Config(200)


def task(config: Config, cache: Path, quiet: bool) -> Task:
    """Return a run for each network."""
    return Task("models", [Run(network, F, 0) for network in NETWORKS], lambda run: measured(run, config))


def measured(run: Run, config: Config) -> list[Row]:
    net = NETWORKS[run.world]()
    pictures, labels = (each[: config.pictures] for each in clean(run.world.rstrip("123")))
    logits = logits_of(net, pictures)
    rows = scored(run, CLEAN, 0, logits, labels)
    for k, label in enumerate(net.labels):
        rows += scored(run, f"{CLASS}{label}", 0, logits[labels == k], labels[labels == k])
    for challenge in data.CHALLENGES:
        for level in config.levels:
            rows += scored(run, challenge, level, logits_of(net, under(pictures, challenge, level)), labels)
    return rows


def logits_of(net: Classifier, pictures: Tensor) -> Tensor:
    """Return the logits of pictures in 0 to 1."""
    with torch.no_grad():
        return torch.cat([net(net.normalize(some)) for some in pictures.split(200)])


def scored(run: Run, condition: str, level: int, logits: Tensor, labels: Tensor) -> list[Row]:
    """Return accuracy and expected calibration error."""
    right = (logits.argmax(1) == labels).double().mean().item()
    ece = float(evaluate.calibration_error(logits.softmax(1), labels))
    return [
        Row(*run, "", condition, level, name, len(labels), value) for name, value in (("accuracy", right), ("ece", ece))
    ]
