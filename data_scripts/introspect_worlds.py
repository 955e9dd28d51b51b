"""The worlds of introspect_experiment.py: a network each, its pictures, what befalls them, and z and h of all."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from tqdm import tqdm

# run as a file, a script finds its own folder only
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from data_scripts import cifar, model_cards, train_small
from gradlab import data, introspect, models
from gradlab.introspect import Factors
from gradlab.models import Classifier

SECOND_STAGE = 2  # seed of the signs from which H learns: neither f's training pictures nor those held out
FROM_TRAINING = 10_000  # of CIFAR-10's training pictures, for H
BATCH = 250
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class World:
    """A network; its pictures (in 0 to 1) and labels for ``"train"`` (of H), ``"validation"`` and ``"test"``; changes.

    Attributes:
        net: f.
        pictures: of a split, with their labels.
        changes: names of what the test pictures are put under.
        under: pictures, name and level to the changed pictures.
    """

    net: Classifier
    pictures: Callable[[str], tuple[Tensor, Tensor]]
    changes: tuple[str, ...]
    under: Callable[[Tensor, str, int], Tensor]


def digits() -> World:
    """Scans; H learns from the ones that f has learned from, as they were scanned."""
    return World(models.digits(), train_small.digits_held_out, tuple(data.CHALLENGES), model_cards.under)


def signs() -> World:
    """Drawings; H learns from ones that f has never seen. The test pictures are those of the model card."""

    def pictures(split: str) -> tuple[Tensor, Tensor]:
        if split == "test":
            return model_cards.clean("signs")
        found = data.signs(2800, SECOND_STAGE if split == "train" else train_small.HELD_OUT[split])
        return found.pictures, found.labels

    return World(models.signs(), pictures, tuple(data.CHALLENGES), model_cards.under)


def cifar10(folder: Path, checkpoint: Path) -> World:
    """Photographs; H learns from some that f has learned from, unmirrored and unmoved."""
    train = cifar.cifar(folder, "train")

    def pictures(split: str) -> tuple[Tensor, Tensor]:
        held = cifar.cifar(folder, "test") if split == "test" else train
        some = {"train": slice(FROM_TRAINING), "validation": slice(-cifar.HELD_OUT, None), "test": slice(None)}[split]
        return held.pictures[some].float() / 255, held.labels[some]

    under = functools.partial(data.corrupted, seed=model_cards.SEED)
    return World(cifar.trained(train, checkpoint), pictures, tuple(data.CORRUPTIONS), under)


@dataclass(frozen=True)
class Sensed:
    """z and h of H's training pictures and of the validation pictures, with their labels, and of each test set.

    Attributes:
        train, validation: factors and labels.
        test: factors by change and level; ``("none", 0)`` is clean.
        labels: of the pictures of every test set.
    """

    train: tuple[Factors, Tensor]
    validation: tuple[Factors, Tensor]
    test: dict[tuple[str, int], Factors]
    labels: Tensor


def sensed(world: World, folder: Path, most: int, levels: tuple[int, ...], quiet: bool) -> Sensed:
    """Run the network over all sets of pictures, at most ``most`` of the test pictures; what the folder has is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = functools.cache(world.pictures)

    def clean(split: str) -> tuple[Tensor, Tensor]:
        return tuple(each[: most if split == "test" else None] for each in drawn(split))

    whole = [kept(folder / split, functools.partial(_labelled, world.net, clean, split)) for split in SPLITS]
    train, validation, test = (Factors(held["logits"], held["hidden"]) for held in whole)
    found = {("none", 0): test}
    conditions = [(change, level) for change in world.changes for level in levels]
    for change, level in tqdm(conditions, desc="z and h", disable=quiet):
        held = kept(
            folder / f"{change} {level}",
            lambda change=change, level=level: _run(world.net, world.under(clean("test")[0], change, level)),
        )
        found[change, level] = Factors(held["logits"], held["hidden"])
    return Sensed((train, whole[0]["labels"]), (validation, whole[1]["labels"]), found, whole[2]["labels"])


def kept(path: Path, make: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """Return the tensors in a file, which is written whole or not at all if it is not there yet."""
    path = path.with_suffix(".safetensors")
    if not path.is_file():
        half = path.with_suffix(".part")
        save_file(make(), half)
        half.replace(path)
    return load_file(path)


def _labelled(net: Classifier, clean: Callable[[str], tuple[Tensor, Tensor]], split: str) -> dict[str, Tensor]:
    pictures, labels = clean(split)
    return {**_run(net, pictures), "labels": labels.contiguous()}


def _run(net: Classifier, pictures: Tensor) -> dict[str, Tensor]:
    parts = [introspect.factors(net, net.normalize(some)) for some in pictures.split(BATCH)]
    logits, hidden = torch.cat([part.logits for part in parts]), torch.cat([part.hidden for part in parts])
    return {"logits": logits.contiguous(), "hidden": hidden.contiguous()}
