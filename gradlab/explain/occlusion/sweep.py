"""Occlusion: hide a patch, ask again; what the score loses is what the patch was worth.

M(r) = S(x) - S(x with patch r replaced), and a pixel's value is the mean of M over the patches that cover it (Zeiler
and Fergus, Visualizing and Understanding Convolutional Networks, ECCV 2014). Windows start at 0, s, 2s, ...; the last
one is cropped at the border, so every pixel is covered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from gradlab.core import InputError, Target, outputs_of
from gradlab.core.inputs import check_inputs, labels_of
from gradlab.explain.gradients import gradient
from gradlab.explain.occlusion.incremental import IncrementalForward
from gradlab.explain.question import Baseline, Question, Score, hidden_pictures, own_inputs

# Windows are asked in blocks of n x n neighbours. Large ones are quicker in all, small ones answer sooner.
BLOCK = 5
STREAMED = 4


@dataclass(frozen=True)
class Sweep:
    """What a sweep of windows over the pictures has found so far.

    Attributes:
        clean: scores of the whole pictures (N, T).
        occluded: score with the window at row i, column j hidden (N, T, rows, columns); NaN where not yet asked.
        window, stride: (height, width) in pixels.
        size: (H, W) of the pictures.
        first_order: nothing was hidden yet; the scores are predicted from one gradient.
        done, total: windows asked and to ask, over all pictures.
    """

    clean: Tensor
    occluded: Tensor
    window: tuple[int, int]
    stride: tuple[int, int]
    size: tuple[int, int]
    first_order: bool
    done: int
    total: int

    def maps(self) -> Tensor:
        """Return clean - occluded, the mean over the windows that cover a pixel, (N, T, H, W).

        A window that was not asked yet counts as the nearest one that was; before any was, the map is NaN.
        """
        drop = _nearest_known(self.clean[:, :, None, None] - self.occluded)
        channels = drop.flatten(0, 1)[:, None]
        stamp = torch.ones(1, 1, *self.window, dtype=drop.dtype, device=drop.device)
        total = F.conv_transpose2d(channels, stamp, stride=self.stride)
        cover = F.conv_transpose2d(torch.ones_like(channels[:1]), stamp, stride=self.stride)
        maps: Tensor = (total / cover)[:, 0, : self.size[0], : self.size[1]].unflatten(0, drop.shape[:2])
        return maps


def occlusion(
    model: Any,
    inputs: Tensor,
    target: Target = None,
    window: int | tuple[int, int] = 32,
    stride: int | tuple[int, int] = 8,
    baseline: Baseline = 0.0,
    score: Score = "logit",
    extra_inputs: Sequence[Any] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Tensor:
    """What the score loses when a patch is hidden: exact, and only what the patch can change is computed again.

    Args:
        model: any ``nn.Module`` or a ``Classifier``.
        inputs: normalised pictures (N, C, H, W).
        target: P: None (the predicted class), int, label, one of these per sample, a callable ``outputs -> (N,)``
            scores; or an integer tensor (N, T): T classes of each picture from one sweep.
        window: pixels, one number or (height, width).
        stride: likewise, at most the window.
        baseline: what hides: a number, one per channel, an image (C, H, W) or (N, C, H, W), or a callable of the
            pictures that returns one. In normalised units: 0 is the mean colour.
        score: the logit, or the softmax probability (which saturates near 1).
        extra_inputs: what the model reads beside the pictures; tensors of length N go with their picture.
        progress: called with windows done and to do.

    Returns:
        Raw signed maps (N, 1, H, W), or (N, T, H, W), in units of the score. Positive: hiding it lowers the score.

    Raises:
        InputError, TargetError, ModelError: before anything is changed.
    """
    sweep = None
    for sweep in _sweeps(model, inputs, target, window, stride, baseline, score, extra_inputs, guess=False):
        if progress is not None:
            progress(sweep.done, sweep.total)
    assert sweep is not None
    return sweep.maps()


def occlusion_sweep(
    model: Any,
    inputs: Tensor,
    target: Target = None,
    window: int | tuple[int, int] = 32,
    stride: int | tuple[int, int] = 8,
    baseline: Baseline = 0.0,
    score: Score = "logit",
    extra_inputs: Sequence[Any] = (),
) -> Iterator[Sweep]:
    """Yield the sweep from coarse to fine; stop whenever you like, the last :class:`Sweep` stays yours.

    The first item is a guess of first order, S(x) - S(hidden) ~ sum over the patch of dS/dx (x - baseline); each later
    one is exact where it is known. ``target="all"`` asks every class (the guess then is the predicted class's, the
    other classes' scores NaN). Other arguments and errors are those of :func:`occlusion`, raised before the first item.
    """
    return _sweeps(model, inputs, target, window, stride, baseline, score, extra_inputs, guess=True)


def _sweeps(
    model: Any,
    inputs: Any,
    target: Any,
    window: Any,
    stride: Any,
    baseline: Any,
    score: str,
    extra_inputs: Sequence[Any],
    guess: bool,
) -> Iterator[Sweep]:
    x = check_inputs(model, inputs)
    size = (int(x.shape[2]), int(x.shape[3]))
    window, stride = _geometry(window, stride, size)
    hidden = hidden_pictures(x, baseline)
    question = Question(target, score, labels_of(model))
    slope = None
    if guess:  # the same forward pass serves the clean scores and the guess
        slope = gradient(model, x, question.settled, extra_inputs)
        clean = question.clean
    else:
        clean = question.first(outputs_of(model, x, extra_inputs))

    def sweeps() -> Iterator[Sweep]:
        count = tuple(-(-(n - w) // s) + 1 for n, w, s in zip(size, window, stride, strict=True))
        occluded = clean.new_full((*clean.shape, *count), torch.nan)
        sweep = Sweep(clean, occluded, window, stride, size, False, 0, len(x) * count[0] * count[1])
        if slope is not None:
            yield replace(sweep, first_order=True, occluded=_guessed(slope * (x - hidden), question, sweep))
        groups = _coarse_to_fine(count, STREAMED if guess else BLOCK)
        forwards = [
            IncrementalForward(
                model, x[i : i + 1], hidden[i], own_inputs(extra_inputs, i, len(x)), question.classes_of(i)
            )
            for i in range(len(x))
        ]
        for group in groups:
            for i, forward in enumerate(forwards):
                starts = np.array(group).T * np.array(stride)[:, None]
                found = forward.outputs(starts, np.minimum(starts + np.array(window)[:, None], np.array(size)[:, None]))
                occluded[i, :, [g[0] for g in group], [g[1] for g in group]] = question.scores(
                    found, i, forward.pruned
                ).T
                sweep = replace(sweep, done=sweep.done + len(group), occluded=occluded)
                yield replace(sweep, occluded=occluded.clone()) if guess else sweep

    return sweeps()


def _guessed(product: Tensor, question: Question, sweep: Sweep) -> Tensor:
    """Return the occluded scores (N, T, rows, columns) that slope times change predicts; NaN where nothing is."""
    (h, w), (down, across) = sweep.occluded.shape[2:], sweep.stride
    extra = ((h - 1) * down + sweep.window[0] - sweep.size[0], (w - 1) * across + sweep.window[1] - sweep.size[1])
    padded = F.pad(product.sum(1, keepdim=True), (0, extra[1], 0, extra[0]))
    summed = F.avg_pool2d(padded, sweep.window, sweep.stride)
    drop = summed * (sweep.window[0] * sweep.window[1])
    guess = torch.full_like(sweep.occluded, torch.nan)
    which = sweep.clean.argmax(1) if isinstance(question.target, str) and question.target == "all" else 0
    rows = torch.arange(len(product))
    guess[rows, which] = sweep.clean[rows, which][:, None, None] - drop[:, 0]
    return guess


def _geometry(window: Any, stride: Any, size: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    pairs = []
    for name, value in (("window", window), ("stride", stride)):
        pair = (value, value) if isinstance(value, int) else tuple(value) if isinstance(value, (tuple, list)) else ()
        if len(pair) != 2 or not all(isinstance(v, int) and v >= 1 for v in pair):
            raise InputError(f"{name} is {value!r}: expected a positive number of pixels, or (height, width).")
        pairs.append(pair)
    for i, axis in enumerate(("height", "width")):
        if pairs[0][i] > size[i]:
            raise InputError(f"window's {axis} {pairs[0][i]} exceeds the picture's {size[i]}.")
        if pairs[1][i] > pairs[0][i]:
            raise InputError(
                f"stride's {axis} {pairs[1][i]} exceeds the window's {pairs[0][i]}: pixels would be left out."
            )
    return pairs[0], pairs[1]


def _coarse_to_fine(count: tuple[int, ...], block: int) -> list[list[tuple[int, int]]]:
    """Return the windows' (row, column) in groups: a coarse grid over the picture first, then neighbours together."""
    coarse = [np.unique(np.linspace(0, n - 1, min(n, 3)).round().astype(int)).tolist() for n in count]
    first = [(i, j) for i in coarse[0] for j in coarse[1]]
    groups, seen = [first], set(first)
    # Neighbours share their place in the map, so the window they have in common is tight; blocks are of like size, and
    # visited far apart first, so that the map fills evenly.
    bands = [np.array_split(np.arange(n), -(-n // block)) for n in count]
    blocks = [(i, j) for i in range(len(bands[0])) for j in range(len(bands[1]))]
    for i, j in sorted(blocks, key=lambda b: (_bits(b[0]) + _bits(b[1]), b)):
        inside = [(top, left) for top in bands[0][i].tolist() for left in bands[1][j].tolist()]
        group = [p for p in inside if p not in seen]
        groups += [group] if group else []
    return groups


def _bits(n: int) -> int:
    """Return n with its lowest bits first, a small number where n is divisible by much."""
    return int(f"{n:08b}"[::-1], 2)


def _nearest_known(drop: Tensor) -> Tensor:
    """Return (N, T, rows, columns) with each NaN replaced by the nearest known value of its picture and class."""
    known = ~drop.isnan()
    if bool(known.all()) or not bool(known.any()):
        return drop
    flat, have = drop.flatten(2), known.flatten(2)
    places = torch.cartesian_prod(*(torch.arange(n, dtype=torch.float32) for n in drop.shape[2:]))
    filled = flat.clone()
    for mask in have.flatten(0, 1).unique(dim=0):
        if not bool(mask.any()):
            continue
        nearest = mask.nonzero()[:, 0][torch.cdist(places, places[mask.cpu()]).argmin(1).to(mask.device)]
        same = (have == mask).all(2)
        filled[same] = flat[same][:, nearest]
    return filled.view_as(drop)
