"""Real handwritten digits, alone and in pairs whose places are known.

The digits are scikit-learn's (1797 images of 8 x 8 cells with 17 grey levels, the test part of UCI's *Optical
Recognition of Handwritten Digits*, Alpaydin & Kaynak 1998), enlarged by bicubic interpolation: the strokes are real,
the detail between the cells is not. Images, not writers, are divided: the same hand may have written in two splits.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gradlab.core.checks import one_of, whole_number
from gradlab.core.seeds import SINGLE, Seed, int_seed
from gradlab.data.sets import PictureSet

__all__ = ["SPLITS", "DigitPairs", "Digits", "digit_pairs", "digits"]

SPLITS = {"train": slice(0, 1197), "validation": slice(1197, 1397), "test": slice(1397, 1797)}
MOST_SIDE, MOST_PAIRS = 512, 1_000_000
_CANVAS = (32, 64)  # height, width of a pair's picture, pixels
_SIDES = (14, 20)  # a digit of a pair is a square with a side from 14 to 20 pixels
_GAP = 2  # at least so many empty columns between the two


@dataclass(frozen=True, repr=False)
class Digits(PictureSet):
    """Single digits: ``pictures`` (n, 1, size, size) in 0 to 1, white ink on black, and ``labels`` (n,) int64."""

    pictures: Tensor
    labels: Tensor
    classes = 10


@dataclass(frozen=True, repr=False)
class DigitPairs(PictureSet):
    """Pictures of two digits, with the truth about them.

    Attributes:
        pictures: (n, 1, 32, 64) in 0 to 1, white ink on black.
        digits: (n, 2) int64, left to right.
        boxes: (n, 2, 4) int64 in the same order: x0, y0, x1, y1 in pixels, x1 and y1 exclusive.
    """

    pictures: Tensor
    digits: Tensor
    boxes: Tensor
    classes = 10

    def masks(self) -> Tensor:
        """Return the boxes as masks (n, 2, 32, 64), bool."""
        height, width = self.pictures.shape[-2:]
        x0, y0, x1, y1 = self.boxes[..., None, None].unbind(2)
        rows, columns = (torch.arange(side, device=self.boxes.device) for side in (height, width))
        rows = rows[:, None]
        return (columns >= x0) & (columns < x1) & (rows >= y0) & (rows < y1)


def digits(split: str = "train", size: int = 32) -> Digits:
    """Return a fixed split of scikit-learn's handwritten digits: train 1197, validation 200, test 400, disjoint.

    Args:
        split: ``"train"``, ``"validation"`` or ``"test"``.
        size: height and width, pixels.

    Raises:
        InputError: no such split, or a size below 8, what was scanned.

    Examples:
        >>> gradlab.data.digits("test")
        Digits(400 pictures, 10 classes, 1 x 32 x 32)
    """
    cells, labels = _split(split)
    return Digits(_enlarged(cells, whole_number(size, "size", 8, MOST_SIDE)), labels.clone())


def digit_pairs(n: int, seed: Seed, split: str = "train") -> DigitPairs:
    """Draw pictures of two handwritten digits of a split, side by side, of varying size and place.

    In about one picture of six both stand in the same half, so that its place in the picture alone does not tell
    which of the two a digit is.

    Args:
        n: how many.
        seed: 0 to 2**32 - 1, or a generator; the same seed and split give the same pictures.
        split: where the digits come from, ``"train"``, ``"validation"`` or ``"test"``.

    Raises:
        InputError: no such split, n below 1, or a seed out of range.

    Examples:
        >>> pairs = gradlab.data.digit_pairs(3, seed=1)
        >>> pairs
        DigitPairs(3 pictures, 10 classes, 1 x 32 x 64)
        >>> pairs.digits.shape, pairs.boxes.shape
        (torch.Size([3, 2]), torch.Size([3, 2, 4]))
    """
    n = whole_number(n, "n", 1, MOST_PAIRS)
    cells, labels = _split(split)
    # The legacy generator: NumPy promises never to change its streams.
    draw = np.random.RandomState(int_seed(seed, high=2**32 - 1))
    chosen = torch.from_numpy(np.stack([draw.randint(len(cells), size=n), draw.randint(len(cells) - 1, size=n)], 1))
    chosen[:, 1] += chosen[:, 1] >= chosen[:, 0]  # never the same scan twice
    sides = torch.from_numpy(draw.randint(_SIDES[0], _SIDES[1] + 1, size=(n, 2)))
    boxes = _places(sides, draw)
    pictures = torch.zeros(n, 1, *_CANVAS, **SINGLE)
    for side in range(_SIDES[0], _SIDES[1] + 1):
        which = (sides == side).nonzero()
        drawn = _enlarged(cells[chosen[which[:, 0], which[:, 1]]], side)
        for digit, (i, j) in zip(drawn, which.tolist(), strict=True):
            x0, y0, x1, y1 = boxes[i, j].tolist()
            pictures[i, :, y0:y1, x0:x1] = digit
    return DigitPairs(pictures, labels[chosen], boxes)


def _places(sides: Tensor, draw: np.random.RandomState) -> Tensor:
    """Return boxes (n, 2, 4). The free columns go before, between and after the digits.

    One margin, left or right by lot, takes a random part of them; the gap takes a random part of the rest.
    """
    height, width = _CANVAS
    free = (width - _GAP - sides.sum(1)).numpy()
    margin = draw.randint(0, free + 1)
    between = draw.randint(0, free - margin + 1)
    before = torch.from_numpy(np.where(draw.randint(2, size=len(free)) == 0, margin, free - margin - between))
    x0 = torch.stack([before, before + sides[:, 0] + _GAP + torch.from_numpy(between)], 1)
    y0 = torch.from_numpy(draw.randint(0, height - sides.numpy() + 1))
    return torch.stack([x0, y0, x0 + sides, y0 + sides], 2)


@functools.cache
def _scans() -> tuple[Tensor, Tensor]:
    """All scans (1797, 1, 8, 8) in 0 to 1 and their labels, in one fixed random order."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    order = np.random.RandomState(0).permutation(len(bunch.images))
    cells = torch.from_numpy(bunch.images[order]).float()[:, None] / 16
    return cells, torch.from_numpy(bunch.target[order]).long()


def _split(name: str) -> tuple[Tensor, Tensor]:
    one_of(name, "split", SPLITS)
    cells, labels = _scans()
    return cells[SPLITS[name]], labels[SPLITS[name]]


def _enlarged(cells: Tensor, side: int) -> Tensor:
    """Return (n, 1, 8, 8) at (n, 1, side, side); bicubic curves overshoot, so they are cut to 0 to 1."""
    return torch.nn.functional.interpolate(cells, (side, side), mode="bicubic", align_corners=False).clamp(0, 1)
