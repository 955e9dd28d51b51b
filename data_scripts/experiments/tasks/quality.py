"""Image quality: do a network's features, or its gradients, follow how far a picture was distorted?

There are no people's scores here. Of each picture, every distortion at every level is measured, and the measure's order
is compared with that of the levels. Level 3 of one distortion need not look as bad as level 3 of another.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor

from data_scripts.experiments.arms import tempered
from data_scripts.experiments.runner import Run, Task
from data_scripts.experiments.table import Row
from gradlab import data, introspect, models
from gradlab.evaluate import quality
from gradlab.models import Classifier

MAPS, HIDDEN, GRADIENTS, TEMPERED = "maps of f", "h of f", "gradients of f", "gradients of f, temperature"
OWN = (MAPS, HIDDEN, GRADIENTS, TEMPERED)
SEED, HELD_OUT = 1, 0  # of the signs that are distorted, and of those that the temperature is fitted to
LARGE = ("ms_ssim", "iw_ssim")  # need 161 pixels each way
Scene = tuple[Classifier, Tensor]  # a network and faultless pictures in 0 to 1 (n, 3, H, W)


@dataclass(frozen=True)
class Config:
    """What is judged.

    Attributes:
        photographs: of those that gradlab.data names.
        drawings: of signs, likewise.
        distortions: names of challenges and corruptions.
        levels: of them.
    """

    photographs: int = 3
    drawings: int = 6
    distortions: tuple[str, ...] = ("Gaussian blur", "noise", "jpeg compression")
    levels: tuple[int, ...] = (1, 2, 3, 4, 5)


SMALL = Config(1, 2, ("noise", "contrast"))


def task(config: Config, cache: Path, quiet: bool) -> Task:
    """Return a run for each picture, whose number is its seed, and arm."""
    scene = functools.cache(lambda world: SCENES[world](getattr(config, world)))
    made = functools.lru_cache(1)(lambda world, seed: distorted(scene(world)[1][seed], config))
    runs = [
        Run(world, arm, seed) for world in SCENES for seed in range(getattr(config, world)) for arm in arms_of(world)
    ]

    def measure(run: Run) -> list[Row]:
        net, faultless = scene(run.world)
        changed = made(run.world, run.seed)
        told = agreement(judged(run.arm, net, faultless[run.seed : run.seed + 1], changed), config)
        return [Row(*run, "", "all distortions", 0, name, len(changed), value) for name, value in told.items()]

    return Task("quality", runs, measure)


def arms_of(world: str) -> tuple[str, ...]:
    """Return who judges: no temperature without labelled pictures to fit it to, no comparators that need large ones."""
    if world == "drawings":
        return (*OWN, *(name for name in quality.COMPARATORS if name not in LARGE))
    return (*OWN[:-1], *quality.COMPARATORS)


def photographs(n: int) -> Scene:
    """scikit-image's pictures, as an ImageNet network sees them."""
    net = models.imagenet()
    names = [name for name in data.picture_names() if name != "cat_and_coffee"][:n]
    views = [torch.from_numpy(np.array(net.view(data.picture(name)))) for name in names]
    return net, torch.stack(views).movedim(-1, 1).float() / 255


def drawings(n: int) -> Scene:
    """Drawings of signs, and the network that reads them."""
    return models.signs(), data.signs(n, SEED).pictures


SCENES: dict[str, Callable[[int], Scene]] = {"photographs": photographs, "drawings": drawings}


def distorted(picture: Tensor, config: Config) -> Tensor:
    """Return a picture (3, H, W) under each distortion (slow index) and level: (distortions x levels, 3, H, W)."""
    found = []
    for name in config.distortions:
        change = data.challenged if name in data.CHALLENGES else data.corrupted
        found += [change(picture[None], name, level, seed=SEED) for level in config.levels]
    return torch.cat(found)


def agreement(judged: Tensor, config: Config) -> dict[str, float]:
    """Return how well a judge's values follow the level, over all distortions and within each."""
    levels = np.tile(config.levels, len(config.distortions))
    # the level counts faults; nothing left of the features (NaN) is as bad as can be
    faults = -np.nan_to_num(judged.double().numpy(), nan=0.0)
    told = quality.agreement(faults, levels)
    # ranks of five or fewer values that are all the same follow nothing
    each = [spearmanr(own, config.levels).statistic for own in faults.reshape(len(config.distortions), -1)]
    within = fmean(np.nan_to_num(each))
    return {"srcc": told.srcc, "krcc": told.krcc, "plcc": told.plcc, "srcc within": within}


def judged(arm: str, net: Classifier, reference: Tensor, changed: Tensor) -> Tensor:
    """Return the quality of changed pictures (n, 3, H, W) beside one that is faultless, (n,)."""
    if arm not in OWN:
        return quality.comparator(arm, reference.expand_as(changed), changed)
    pair = net.normalize(reference), net.normalize(changed)
    if arm == MAPS:
        return quality.feature_similarity(net, *pair)
    if arm == HIDDEN:
        faultless, rest = (introspect.last_layer(net, x).hidden for x in pair)
        return quality.likeness(faultless.expand_as(rest), rest)
    return quality.gradient_similarity(net if arm == GRADIENTS else tempered_signs(), *pair)


@functools.cache
def tempered_signs() -> Classifier:
    held = data.signs(700, HELD_OUT)
    net = models.signs()
    return tempered(net, introspect.last_layer(net, net.normalize(held.pictures)).logits, held.labels)
