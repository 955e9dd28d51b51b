"""The two networks of gradlab/models/tasks.py, which learn from pictures of two handwritten digits.

Five minutes each on one core.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor, nn

from data_scripts.train.loop import Lesson
from gradlab.data import DigitPairs, digit_pairs
from gradlab.models.tasks import (
    ANSWERS,
    QUESTIONS,
    VOCABULARY,
    VQA,
    Captioner,
    VQAClassifier,
    question_answers,
    true_caption,
)

BATCH = 48
FIRST_SEED = 1_000_000  # the pictures of step i; validation and test use seeds below
SILENT = -100  # no word is expected here


# (network, pictures) -> logits (n, asked, classes) and truths (n, asked)
Exam = Callable[[nn.Module, DigitPairs], tuple[Tensor, Tensor]]


def vqa_exam(model: VQA, pairs: DigitPairs) -> tuple[Tensor, Tensor]:
    """Ask every question about every picture; the picture's map is computed once."""
    encode = VQAClassifier(model, labels=ANSWERS).encode
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


def loss(exam: Exam, model: nn.Module, step: int) -> Tensor:
    logits, truths = exam(model, digit_pairs(BATCH, FIRST_SEED + step, "train"))
    return nn.functional.cross_entropy(logits.flatten(0, 1), truths.flatten(), ignore_index=SILENT)


def accuracy(exam: Exam, model: nn.Module, split: str, n: int = 2000, seed: int = 0) -> float:
    """Return the share of answers, or of next words, that are right."""
    with torch.no_grad():
        logits, truths = exam(model, digit_pairs(n, seed, split))
    asked = truths != SILENT
    return (logits.argmax(-1) == truths)[asked].float().mean().item()


LESSONS = {
    name: Lesson(
        build,
        steps,
        functools.partial(loss, exam),
        functools.partial(accuracy, exam),
        "gradlab.data.digit_pairs, split train (scikit-learn load_digits, UCI Optical Recognition)",
    )
    for name, build, steps, exam in (("vqa", VQA, 2000, vqa_exam), ("captioner", Captioner, 1600, captioner_exam))
}
