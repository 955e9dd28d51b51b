"""Train the two networks of gradlab/models/tasks.py on pictures of two handwritten digits, from scratch.

Five minutes each on one core. Interrupted, it goes on where it stopped and ends at the same weights.

    OMP_NUM_THREADS=1 python data_scripts/train_tasks.py            both, into gradlab/models/weights
    OMP_NUM_THREADS=1 python data_scripts/train_tasks.py vqa        one of them
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

# run as a file, a script finds its own folder only
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from data_scripts.training import CACHE, fit
from gradlab.data import DigitPairs, digit_pairs
from gradlab.models.shipped import FOLDER, load_weights, save_weights
from gradlab.models.tasks import (
    QUESTIONS,
    VOCABULARY,
    VQA,
    Captioner,
    VQAClassifier,
    question_answers,
    true_caption,
)

BATCH = 48
STEPS = {"vqa": 2000, "captioner": 1600}
FIRST_SEED = 1_000_000  # the pictures of step i; validation and test use seeds below
SILENT = -100  # no word is expected here


@dataclass(frozen=True)
class Task:
    """A network and its lessons: ``exam(model, pairs)`` gives logits (n, asked, classes) and truths (n, asked)."""

    build: Callable[[], nn.Module]
    exam: Callable[[nn.Module, DigitPairs], tuple[Tensor, Tensor]]


def vqa_exam(model: VQA, pairs: DigitPairs) -> tuple[Tensor, Tensor]:
    """Ask every question about every picture; the picture's map is computed once."""
    encode = VQAClassifier(model, labels=[]).encode
    queries = model.query(torch.cat([encode(question) for question in QUESTIONS]))
    return ask(model, pairs.pictures, queries.expand(len(pairs), -1, -1)), question_answers(pairs.digits)


def captioner_exam(model: Captioner, pairs: DigitPairs) -> tuple[Tensor, Tensor]:
    """Ask for every next word of the true caption."""
    rows = [[VOCABULARY.index(w) for w in true_caption(*two).split()] for two in pairs.digits.tolist()]
    longest = max(map(len, rows))
    words = torch.tensor([[0, *row] + [0] * (longest - len(row)) for row in rows])
    truths = torch.tensor([[*row, 0] + [SILENT] * (longest - len(row)) for row in rows])
    return ask(model, pairs.pictures, model.query(words)), truths


def ask(model: nn.Module, pictures: Tensor, queries: Tensor) -> Tensor:
    """Return logits (n, asked, classes) for queries (n, asked, D)."""
    asked = queries.shape[1]
    seen = model.reader.see(pictures).repeat_interleave(asked, 0)
    return model.reader.tell(seen, queries.flatten(0, 1)).unflatten(0, (-1, asked))


TASKS = {"vqa": Task(VQA, vqa_exam), "captioner": Task(Captioner, captioner_exam)}


def train(name: str, steps: int, checkpoint: Path | None = None, quiet: bool = False) -> tuple[nn.Module, list[float]]:
    """Train one of the two; as :func:`data_scripts.training.fit`."""
    task = TASKS[name]

    def loss_of(model: nn.Module, step: int) -> Tensor:
        logits, truths = task.exam(model, digit_pairs(BATCH, FIRST_SEED + step, "train"))
        return nn.functional.cross_entropy(logits.flatten(0, 1), truths.flatten(), ignore_index=SILENT)

    return fit(name, task.build, loss_of, steps, checkpoint, quiet)


def accuracy(name: str, model: nn.Module, split: str, n: int = 2000, seed: int = 0) -> float:
    """Return the share of answers, or of next words, that are right."""
    with torch.no_grad():
        logits, truths = TASKS[name].exam(model, digit_pairs(n, seed, split))
    asked = truths != SILENT
    return (logits.argmax(-1) == truths)[asked].float().mean().item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", default=[], help="vqa, captioner; none: both")
    parser.add_argument("--cache", type=Path, default=CACHE / "train_tasks", help="folder of the checkpoints")
    parser.add_argument("--output", type=Path, default=FOLDER, help="folder of the weights")
    options = parser.parse_args()
    for name in options.names or TASKS:
        if name not in TASKS:
            parser.error(f"there is no task {name!r}: choose from {', '.join(TASKS)}")
        checkpoint, path = options.cache / f"{name}.pt", options.output / f"{name}.safetensors"
        model, _ = train(name, STEPS[name], checkpoint)
        about = {
            "data": "gradlab.data.digit_pairs, split train (scikit-learn load_digits, UCI Optical Recognition)",
            "command": f"python data_scripts/train_tasks.py {name}",
            "steps": str(STEPS[name]),
        }
        save_weights(model, path, about)
        load_weights(model, path)  # what is measured is what is shipped: half precision
        measured = {split: f"{accuracy(name, model, split):.4f}" for split in ("validation", "test")}
        save_weights(model, path, {**about, **{f"accuracy_{split}": value for split, value in measured.items()}})
        checkpoint.unlink(missing_ok=True)  # done: the next call trains anew
        print(f"{name}: {measured}, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
