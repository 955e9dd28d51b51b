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

from data_scripts.downstream_config import Config
from data_scripts.downstream_networks import warmed
from data_scripts.downstream_rows import PLACES, Row, Run, Runs
from gradlab import data, introspect, models
from gradlab.evaluate import quality
from gradlab.models import Classifier

MAPS, H, GRADIENTS, WARM = "maps of f", "h of f", "gradients of f", "gradients of f, temperature"
OWN = (MAPS, H, GRADIENTS, WARM)
SEED, HELD_OUT = 1, 0  # of the signs that are distorted, and of those that the temperature is fitted to
LARGE = ("ms_ssim", "iw_ssim")  # need 161 pixels each way


@dataclass(frozen=True)
class Scene:
    """A network and faultless pictures in 0 to 1 (n, 3, H, W); what can judge them."""

    net: Classifier
    pictures: Tensor
    arms: tuple[str, ...]


def runs(config: Config, cache: Path, quiet: bool) -> Runs:
    """Return a run for each picture and arm; nothing else is kept in the cache, and nothing shown."""
    found: Runs = {}
    for world in SCENES:
        scene = functools.cache(functools.partial(SCENES[world], config))
        for seed in range(getattr(config, world)):
            made = functools.lru_cache(1)(lambda scene=scene, seed=seed: distorted(scene().pictures[seed], config))
            for arm in arms_of(world):
                found[Run(world, arm, seed)] = functools.partial(_measured, world, arm, seed, scene, made, config)
    return found


def arms_of(world: str) -> tuple[str, ...]:
    """Return who judges: no temperature without labelled pictures to fit it to, no comparators that need large ones."""
    if world == "drawings":
        return (*OWN, *(name for name in quality.COMPARATORS if name not in LARGE))
    return (*OWN[:-1], *quality.COMPARATORS)


def photographs(config: Config) -> Scene:
    """scikit-image's pictures, as an ImageNet network sees them."""
    net = models.imagenet()
    names = [name for name in data.picture_names() if name != "cat_and_coffee"][: config.photographs]
    views = [torch.from_numpy(np.array(net.view(data.picture(name)))) for name in names]
    return Scene(net, torch.stack(views).movedim(-1, 1).float() / 255, arms_of("photographs"))


def drawings(config: Config) -> Scene:
    """Drawings of signs, and the network that reads them."""
    return Scene(models.signs(), data.signs(config.drawings, SEED).pictures, arms_of("drawings"))


SCENES: dict[str, Callable[[Config], Scene]] = {"photographs": photographs, "drawings": drawings}


def distorted(picture: Tensor, config: Config) -> Tensor:
    """Return a picture (3, H, W) under each distortion (slow index) and level: (distortions x levels, 3, H, W)."""
    found = []
    for name in config.distortions:
        change = data.challenged if name in data.CHALLENGES else data.corrupted
        found += [change(picture[None], name, level, SEED) for level in config.levels]
    return torch.cat(found)


def _measured(
    world: str, arm: str, seed: int, scene: Callable[[], Scene], made: Callable[[], Tensor], config: Config
) -> list[Row]:
    found = judged(arm, scene().net, scene().pictures[seed : seed + 1], made()).double().numpy()
    levels = np.tile(config.levels, len(config.distortions))
    # the level counts faults; nothing left of the features (NaN) is as bad as can be
    faults = -np.nan_to_num(found, nan=0.0)
    told = quality.agreement(faults, levels)
    # ranks of five or fewer values that are all the same follow nothing
    each = [spearmanr(own, config.levels).statistic for own in faults.reshape(len(config.distortions), -1)]
    numbers = {"srcc": told.srcc, "krcc": told.krcc, "plcc": told.plcc, "srcc within": fmean(np.nan_to_num(each))}
    return [
        Row("quality", world, arm, seed, "all distortions", "level", name, 0, len(found), round(float(value), PLACES))
        for name, value in numbers.items()
    ]


def judged(arm: str, net: Classifier, reference: Tensor, changed: Tensor) -> Tensor:
    """Return the quality of changed pictures (n, 3, H, W) beside one that is faultless, (n,)."""
    if arm not in OWN:
        return quality.comparator(arm, reference.expand_as(changed), changed)
    pair = net.normalize(reference), net.normalize(changed)
    if arm == MAPS:
        return quality.feature_similarity(net, *pair)
    if arm == H:
        faultless, rest = (introspect.factors(net, x).hidden for x in pair)
        return quality.likeness(faultless.expand_as(rest), rest)
    return quality.gradient_similarity(net if arm == GRADIENTS else _warm_signs(), *pair)


@functools.cache
def _warm_signs() -> Classifier:
    held = data.signs(700, HELD_OUT)
    net = models.signs()
    return warmed(net, introspect.factors(net, net.normalize(held.pictures)).logits, held.labels)
