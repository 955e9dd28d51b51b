"""The networks of gradlab/models/small.py, which learn from scratch: digits, and signs in three sizes.

At most a quarter of an hour each on one core.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data_scripts.train.loop import Lesson
from gradlab.data import digits, signs
from gradlab.data.filters import uniform
from gradlab.models import Classifier
from gradlab.models.small import untrained_digits, untrained_signs

BATCH = 64
PER_DRAWING = 30  # batches from one call of the renderer, which draws its signs anew each time
PASSES = 2  # each drawing is seen so often, never twice in the same light
FIRST_SEED = 1_000_000  # of the training pictures; validation and test use the seeds below it
HELD_OUT = {"validation": 0, "test": 1}  # seeds


@functools.lru_cache(maxsize=1)
def drawn(call: int) -> tuple[Tensor, Tensor]:
    """Return the signs of one call of the renderer."""
    found = signs(BATCH * PER_DRAWING, FIRST_SEED + call)
    return found.pictures, found.labels


def signs_batch(step: int) -> tuple[Tensor, Tensor]:
    """Return the signs of a step."""
    call, place = divmod(step, PER_DRAWING * PASSES)
    some = slice(place % PER_DRAWING * BATCH, (place % PER_DRAWING + 1) * BATCH)
    pictures, labels = (each[some] for each in drawn(call))
    return roughened(pictures, torch.Generator().manual_seed(FIRST_SEED + step)), labels


def roughened(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Return the pictures with other contrast and brightness, and one in three at a lower resolution."""
    n, _, size, _ = pictures.shape
    contrast, tint = uniform(n, 0.5, 1.3, generator), uniform(n, 0.85, 1.15, generator, 3)
    middle = pictures.mean((1, 2, 3), keepdim=True)
    seen = torch.lerp(middle, pictures, contrast) * tint * uniform(n, 0.7, 1.2, generator)
    few = n // 3
    pixels = int(torch.randint(16, 36, (), generator=generator))
    coarse = F.interpolate(seen[:few], size=(pixels, pixels), mode="area")
    seen[:few] = F.interpolate(coarse, size=(size, size), mode="bicubic", align_corners=False)
    return seen.clamp(0, 1)


def signs_held_out(split: str) -> tuple[Tensor, Tensor]:
    """Return 2800 signs of a split."""
    found = signs(2800, HELD_OUT[split])
    return found.pictures, found.labels


def digits_batch(step: int) -> tuple[Tensor, Tensor]:
    """Return some training digits, moved, turned, slanted, and some of them as small as in a pair."""
    train = digits("train")
    generator = torch.Generator().manual_seed(FIRST_SEED + step)
    which = torch.randint(len(train.labels), (BATCH,), generator=generator)
    change = torch.eye(2, 3).expand(BATCH, 2, 3) + 0.1 * torch.randn(BATCH, 2, 3, generator=generator)
    small = 1 + 0.9 * torch.rand(BATCH, 1, 1, generator=generator) ** 2
    change = torch.cat((change[..., :2] * small, change[..., 2:] * (1 + 3 * (small - 1))), 2)
    x = train.pictures[which]
    grid = F.affine_grid(change, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, align_corners=False), train.labels[which]


def digits_held_out(split: str) -> tuple[Tensor, Tensor]:
    """Return the digits of a split."""
    found = digits(split)
    return found.pictures, found.labels


def lesson(
    build: Callable[[], Classifier],
    steps: int,
    batch: Callable[[int], tuple[Tensor, Tensor]],
    held_out: Callable[[str], tuple[Tensor, Tensor]],
    data: str,
) -> Lesson:
    """Return how a classifier learns from its pictures at a step, (n, C, H, W) in 0 to 1, and their labels."""

    @functools.cache
    def reader() -> Classifier:
        with torch.random.fork_rng(devices=[]):
            return build()  # for how it reads pictures

    def loss(model: nn.Module, step: int) -> Tensor:
        pictures, labels = batch(step)
        # this layout takes a third off a step on a CPU
        x = reader().normalize(pictures).contiguous(memory_format=torch.channels_last)
        return F.cross_entropy(model(x), labels)

    def accuracy(model: nn.Module, split: str) -> float:
        pictures, labels = held_out(split)
        with torch.no_grad():
            said = torch.cat([model(reader().normalize(some)).argmax(1) for some in pictures.split(256)])
        return (said == labels).float().mean().item()

    return Lesson(lambda: build().model, steps, loss, accuracy, data)


LESSONS = {
    "digits": lesson(untrained_digits, 1500, digits_batch, digits_held_out, "gradlab.data.digits (scikit-learn)"),
    **{
        f"signs{depth}": lesson(
            functools.partial(untrained_signs, depth),
            steps,
            signs_batch,
            signs_held_out,
            "gradlab.data.signs (our renderer)",
        )
        for depth, steps in ((1, 5000), (2, 3000), (3, 1800))
    },
}
