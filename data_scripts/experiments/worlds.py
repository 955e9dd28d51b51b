"""A network each, its pictures, what befalls them, and z and h of all, which are kept."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from data_scripts.train import cifar, small
from gradlab import data, introspect, models
from gradlab.core import ModelError
from gradlab.core.checks import fingerprint
from gradlab.introspect import LastLayer
from gradlab.models import Classifier

CLEAN, VALIDATION, TRAIN = "none", "validation", "train"  # what stands for a challenge at level 0
COUNT, SEED = 1400, 1  # signs of the test split (the seed of small.HELD_OUT)
SECOND_STAGE = 2  # seed of the signs from which H learns: neither f's training pictures nor those held out
FROM_TRAINING = 10_000  # of CIFAR-10's training pictures, for H
BATCH = 250

Labelled = tuple[Tensor, Tensor]  # pictures (n, C, H, W) in 0 to 1 and their labels (n,)


@functools.lru_cache(maxsize=2)
def clean(world: str) -> Labelled:
    """Return the test pictures of a world and their labels."""
    found = data.digits("test") if world == "digits" else data.signs(COUNT, SEED)
    return found.pictures, found.labels


def under(pictures: Tensor, challenge: str, level: int) -> Tensor:
    """Return the pictures under a challenge; grey ones are challenged as colour pictures and made grey again."""
    found = data.challenged(pictures.expand(-1, 3, -1, -1), challenge, level, seed=SEED)
    return found if pictures.shape[1] == 3 else found.mean(1, keepdim=True)


@dataclass(frozen=True)
class World:
    """A network; its pictures for ``"train"`` (of H), ``"validation"`` and ``"test"``; and what changes the last.

    Attributes:
        net: f.
        pictures: of a split, with their labels.
        changes: names of what the test pictures are put under.
        under: pictures, name and level to the changed pictures.
    """

    net: Classifier
    pictures: Callable[[str], Labelled]
    changes: tuple[str, ...] = tuple(data.CHALLENGES)
    under: Callable[[Tensor, str, int], Tensor] = under


def digits() -> World:
    """Scans; H learns from the ones that f has learned from, as they were scanned."""
    return World(models.digits(), small.digits_held_out)


def signs() -> World:
    """Drawings; H learns from ones that f has never seen. The test pictures are those of the networks' card."""

    def pictures(split: str) -> Labelled:
        if split == "test":
            return clean("signs")
        found = data.signs(2800, SECOND_STAGE if split == "train" else small.HELD_OUT[split])
        return found.pictures, found.labels

    return World(models.signs(), pictures)


def cifar10(folder: Path, checkpoint: Path) -> World:
    """Photographs; H learns from some that f has learned from, unmirrored and unmoved."""
    train = cifar.cifar(folder, "train")

    def pictures(split: str) -> Labelled:
        held = cifar.cifar(folder, "test") if split == "test" else train
        some = {"train": slice(FROM_TRAINING), "validation": slice(-cifar.HELD_OUT, None), "test": slice(None)}[split]
        return held.pictures[some].float() / 255, held.labels[some]

    changed = functools.partial(data.corrupted, seed=SEED)
    return World(cifar.trained(train, checkpoint), pictures, tuple(data.CORRUPTIONS), changed)


# (challenge, level) -> z and h with their labels; TRAIN, VALIDATION and CLEAN at level 0
Answers = dict[tuple[str, int], tuple[LastLayer, Tensor]]


def answers(world: World, cache: Path, most: int, levels: tuple[int, ...], quiet: bool) -> Answers:
    """Run the network over all sets of pictures, at most ``most`` of the test pictures; what the cache has is kept."""
    folder = cache / f"{fingerprint(world.net.model)[:12]}-{most}"
    drawn = functools.cache(world.pictures)

    def test(change: str, level: int) -> Labelled:
        pictures, labels = (each[:most] for each in drawn("test"))
        return pictures if level == 0 else world.under(pictures, change, level), labels

    sets: dict[tuple[str, int], Callable[[], Labelled]] = {
        (TRAIN, 0): lambda: drawn("train"),
        (VALIDATION, 0): lambda: drawn("validation"),
    }
    changes = [(CLEAN, 0), *((change, level) for change in world.changes for level in levels)]
    sets |= {condition: functools.partial(test, *condition) for condition in changes}
    bar = tqdm(sets.items(), desc="z and h", disable=quiet)
    return {each: last_layer_of(world.net, make, folder / f"{each[0]} {each[1]}") for each, make in bar}


def last_layer_of(net: Classifier, make: Callable[[], Labelled], folder: Path) -> tuple[LastLayer, Tensor]:
    """Return z and h of labelled pictures, which are made and read only if the folder has no finished stream."""
    try:
        store = introspect.Store(folder)
    except ModelError:
        pictures, labels = make()
        batches = zip(net.normalize(pictures).split(BATCH), labels.split(BATCH), strict=True)
        store = introspect.stream(net, batches, folder, progress=False)
    kept, labels = zip(*store, strict=True)
    joined = LastLayer(torch.cat([part.logits for part in kept]), torch.cat([part.hidden for part in kept]))
    return joined, torch.cat(labels)
