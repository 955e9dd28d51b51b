"""Train the networks of gradlab/models/small.py from scratch: digits, and signs in three sizes.

At most a quarter of an hour each on one core. Interrupted, it goes on where it stopped and ends at the same weights.

    OMP_NUM_THREADS=1 python data_scripts/train_small.py            all, into gradlab/models/weights
    OMP_NUM_THREADS=1 python data_scripts/train_small.py signs2     one of them
"""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# run as a file, a script finds its own folder only
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from data_scripts.training import CACHE, fit
from gradlab.data import digits, signs
from gradlab.data.filters import uniform
from gradlab.models import Classifier
from gradlab.models.shipped import FOLDER, load_weights, save_weights
from gradlab.models.small import untrained_digits, untrained_signs

BATCH = 64
PER_DRAWING = 30  # batches from one call of the renderer, which draws its signs anew each time
PASSES = 2  # each drawing is seen so often, never twice in the same light
FIRST_SEED = 1_000_000  # of the training pictures; validation and test use the seeds below it
HELD_OUT = {"validation": 0, "test": 1}  # seeds


@dataclass(frozen=True)
class Lesson:
    """A network, how long it learns, its pictures at a step, and those of a split it has never seen."""

    build: Callable[[], Classifier]
    steps: int
    batch: Callable[[int], tuple[Tensor, Tensor]]
    held_out: Callable[[str], tuple[Tensor, Tensor]]
    data: str


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


LESSONS = {
    "digits": Lesson(untrained_digits, 1500, digits_batch, digits_held_out, "gradlab.data.digits (scikit-learn)"),
    **{
        f"signs{depth}": Lesson(
            functools.partial(untrained_signs, depth),
            steps,
            signs_batch,
            signs_held_out,
            "gradlab.data.signs (our renderer)",
        )
        for depth, steps in ((1, 5000), (2, 3000), (3, 1800))
    },
}


def untaught(name: str) -> Classifier:
    """Return the network before its training, for how it reads pictures; the global random state is left alone."""
    with torch.random.fork_rng(devices=[]):
        return LESSONS[name].build()


def train(name: str, steps: int, checkpoint: Path | None = None, quiet: bool = False) -> tuple[nn.Module, list[float]]:
    """Train one of them; as :func:`data_scripts.training.fit`."""
    lesson, net = LESSONS[name], untaught(name)

    def loss_of(model: nn.Module, step: int) -> Tensor:
        pictures, labels = lesson.batch(step)
        # this layout takes a third off a step on a CPU
        x = net.normalize(pictures).contiguous(memory_format=torch.channels_last)
        return F.cross_entropy(model(x), labels)

    return fit(name, lambda: lesson.build().model, loss_of, steps, checkpoint, quiet)


def accuracy(name: str, model: nn.Module, split: str) -> float:
    """Return the share of pictures of a split that are named rightly."""
    pictures, labels = LESSONS[name].held_out(split)
    net = untaught(name)
    with torch.no_grad():
        said = torch.cat([model(net.normalize(some)).argmax(1) for some in pictures.split(256)])
    return (said == labels).float().mean().item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", choices=[[], *LESSONS], default=[], help="none: all")
    parser.add_argument("--cache", type=Path, default=CACHE / "train_small", help="folder of the checkpoints")
    parser.add_argument("--output", type=Path, default=FOLDER, help="folder of the weights")
    options = parser.parse_args()
    for name in options.names or LESSONS:
        lesson, checkpoint = LESSONS[name], options.cache / f"{name}.pt"
        path = options.output / f"{name}.safetensors"
        model, _ = train(name, lesson.steps, checkpoint)
        command = f"python data_scripts/train_small.py {name}"
        about = {"data": lesson.data, "command": command, "steps": str(lesson.steps)}
        save_weights(model, path, about)
        load_weights(model, path)  # what is measured is what is shipped: half precision
        measured = {split: f"{accuracy(name, model, split):.4f}" for split in HELD_OUT}
        save_weights(model, path, {**about, **{f"accuracy_{split}": value for split, value in measured.items()}})
        checkpoint.unlink(missing_ok=True)  # done: the next call trains anew
        print(f"{name}: {measured}, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
