"""Occlusion: hide a patch, ask again; what the score loses is what the patch was worth.

M(r) = S(x) - S(x with patch r replaced), and a pixel's value is the mean of M over the patches that cover it (Zeiler
and Fergus, Visualizing and Understanding Convolutional Networks, ECCV 2014). Windows start at 0, s, 2s, ...; the last
one is cropped at the border, so every pixel is covered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from gradlab.core import InputError, Model, Target, outputs_of
from gradlab.core.checks import pair_of
from gradlab.core.inputs import check_inputs, labels_of, module_of, own_inputs
from gradlab.core.network import Network, Weights, WeightsChanged
from gradlab.core.precision import own_precision
from gradlab.core.progress import Progress, check_progress
from gradlab.core.seeds import SINGLE
from gradlab.explain.gradients import gradient
from gradlab.explain.occlusion.incremental import IncrementalForward
from gradlab.explain.question import Baseline, Question, Score, hidden_pictures

__all__ = ["WINDOW", "Sweep", "occlusion", "occlusion_sweep"]

WINDOW, STRIDE = 32, 8  # pixels

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

    @own_precision
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
    model: Model,
    inputs: Tensor,
    target: Target = None,
    *,
    contrast: Target = None,
    window: int | tuple[int, int] = WINDOW,
    stride: int | tuple[int, int] = STRIDE,
    baseline: Baseline = 0.0,
    score: Score = "logit",
    extra_inputs: Sequence[Any] = (),
    progress: Progress = False,
) -> Tensor:
    """What the score loses when a patch is hidden: exact, and only what the patch can change is computed again.

    Memory: every map of the network, for all N pictures; and a batch of patches, of whose largest map there are at
    most 2^28 bytes.

    Args:
        model: any ``nn.Module`` or a ``Classifier``.
        inputs: normalised pictures (N, C, H, W).
        target: P: None (the predicted class), int, label, one of these per sample, a callable ``outputs -> (N,)``
            scores; or an integer tensor (N, T): T classes of each picture from one sweep.
        contrast: Q, instead of a target: the score is J = CE(z, Q), "rather than Q"; as in
            :func:`gradlab.explain.grad_cam`.
        window: pixels, one number or (height, width).
        stride: likewise, at most the window.
        baseline: what hides: a number, one per channel, an image (C, H, W) or (N, C, H, W), or a callable of the
            pictures that returns one. In normalised units: 0 is the mean colour.
        score: of a target: the logit, or the softmax probability (which saturates near 1).
        extra_inputs: what the model reads beside the pictures; tensors of length N go with their picture.
        progress: True for a bar, or a function that is called with windows done and to do.

    Returns:
        Raw signed maps (N, 1, H, W), or (N, T, H, W), in units of the score. Positive: hiding it lowers the score.

    Raises:
        InputError, TargetError, ModelError: before anything is changed.

    Examples:
        >>> gradlab.explain.occlusion(net, x, window=8, stride=8).shape
        torch.Size([1, 1, 32, 32])
    """
    check_progress(progress)
    plan = _Plan(model, inputs, target, contrast, window, stride, baseline, score, extra_inputs)
    *_, last = _told(plan.sweeps(None), plan.total, progress)
    return last.maps()


def occlusion_sweep(
    model: Model,
    inputs: Tensor,
    target: Target = None,
    *,
    contrast: Target = None,
    window: int | tuple[int, int] = WINDOW,
    stride: int | tuple[int, int] = STRIDE,
    baseline: Baseline = 0.0,
    score: Score = "logit",
    extra_inputs: Sequence[Any] = (),
) -> Iterator[Sweep]:
    """Yield the sweep from coarse to fine; stop whenever you like, the last :class:`Sweep` stays yours.

    The first item is a guess of first order, S(x) - S(hidden) ~ sum over the patch of dS/dx (x - baseline); each later
    one is exact where it is known. ``target="all"`` asks every class (the guess then is the predicted class's, the
    other classes' scores NaN). Other arguments and errors are those of :func:`occlusion`, raised before the first item.

    Memory: as :func:`occlusion`; each item holds a copy of its N T rows columns scores.

    Examples:
        >>> *_, last = gradlab.explain.occlusion_sweep(net, x, window=8, stride=8)
        >>> last.done, last.total
        (16, 16)
    """
    plan = _Plan(model, inputs, target, contrast, window, stride, baseline, score, extra_inputs)
    # The same forward pass serves the clean scores and the guess.
    slope = gradient(model, plan.x, plan.question.settled, extra_inputs=extra_inputs)
    return plan.sweeps(slope)


class _Plan:
    """A sweep that was asked for, its arguments checked; :meth:`sweeps` carries it out."""

    def __init__(
        self, model: Model, inputs: Any, target: Any, contrast: Any, window: Any, stride: Any, baseline: Any,
        score: str, extra: Sequence[Any],
    ) -> None:  # fmt: skip
        self.model, self.x, self.extra = model, check_inputs(model, inputs, extra), extra
        self.size = (int(self.x.shape[2]), int(self.x.shape[3]))
        self.window, self.stride = _geometry(window, stride, self.size)
        self.hidden = hidden_pictures(self.x, baseline)
        self.question = Question(target, score, labels_of(model), len(self.x), contrast)
        self.weights = Weights(list(module_of(model).parameters()))
        count = [-(-(n - w) // s) + 1 for n, w, s in zip(self.size, self.window, self.stride, strict=True)]
        self.count, self.total = (count[0], count[1]), len(self.x) * count[0] * count[1]

    def sweeps(self, slope: Tensor | None) -> Iterator[Sweep]:
        """Return an iterator over ever finer sweeps; with a slope, the first is its guess and each is a copy."""
        if slope is None:
            self.question.clean = self.question.first(outputs_of(self.model, self.x, extra_inputs=self.extra))
        return self._started(slope)

    def _started(self, slope: Tensor | None) -> Iterator[Sweep]:
        try:
            yield from self._swept(Network(module_of(self.model)), self.weights, slope)
        except WeightsChanged:
            # Someone trains the model: once more from the start, on a copy of its weights.
            network = Network(module_of(self.model), copied=True)
            self.question.clean = self.question.first(network(network.prepared(self.x), *self.extra))
            yield from self._swept(network, network.weights(), slope)

    def _swept(self, network: Network, weights: Weights, slope: Tensor | None) -> Iterator[Sweep]:
        try:
            yield from self._steps(network, weights, slope)
        except GeneratorExit:  # nobody wants the rest
            network.release()
            raise
        network.release()

    def _steps(self, network: Network, weights: Weights, slope: Tensor | None) -> Iterator[Sweep]:
        clean, n = self.question.clean, len(self.x)
        occluded = clean.new_full((*clean.shape, *self.count), torch.nan)
        sweep = Sweep(clean, occluded, self.window, self.stride, self.size, False, 0, self.total)
        if slope is not None:
            guess = _guessed(slope * (self.x - self.hidden), self.question, sweep)
            yield replace(sweep, first_order=True, occluded=guess)
        rows = [slice(i, i + 1) for i in range(n)]
        forwards = [
            IncrementalForward(
                network, weights, self.x[row], self.hidden[row.start], own_inputs(self.extra, row, n),
                self.question.classes_of(row.start),
            )
            for row in rows
        ]  # fmt: skip
        for group in _coarse_to_fine(self.count, BLOCK if slope is None else STREAMED):
            starts = np.array(group).T * np.array(self.stride)[:, None]
            ends = np.minimum(starts + np.array(self.window)[:, None], np.array(self.size)[:, None])
            for i, forward in enumerate(forwards):
                found = forward.outputs(starts, ends)
                scores = self.question.scores(found, i, len(group), forward.pruned)
                occluded[i, :, [g[0] for g in group], [g[1] for g in group]] = scores.T
                sweep = replace(sweep, done=sweep.done + len(group), occluded=occluded)
                yield sweep if slope is None else replace(sweep, occluded=occluded.clone())


def _told(sweeps: Iterator[Sweep], total: int, progress: Progress) -> Iterator[Sweep]:
    """Yield the sweeps and tell after each how many windows are done."""
    if progress is not True:  # no bar at all: one that is disabled takes tqdm's lock too, which an interrupt may leave
        for sweep in sweeps:
            yield sweep
            if progress is not False:
                progress(sweep.done, sweep.total)
        return
    with tqdm(total=total, desc="occlusion", unit="window") as bar:
        for sweep in sweeps:
            yield sweep
            bar.update(sweep.done - bar.n)


def _guessed(product: Tensor, question: Question, sweep: Sweep) -> Tensor:
    """Return the occluded scores (N, T, rows, columns) that slope times change predicts; NaN where nothing is."""
    (h, w), (down, across) = sweep.occluded.shape[2:], sweep.stride
    extra = ((h - 1) * down + sweep.window[0] - sweep.size[0], (w - 1) * across + sweep.window[1] - sweep.size[1])
    padded = F.pad(product.sum(1, keepdim=True), (0, extra[1], 0, extra[0]))
    summed = F.avg_pool2d(padded, sweep.window, sweep.stride)
    drop = summed * (sweep.window[0] * sweep.window[1])
    guess = torch.full_like(sweep.occluded, torch.nan)
    which = sweep.clean.argmax(1) if isinstance(question.target, str) and question.target == "all" else 0
    rows = torch.arange(len(product), device=product.device)
    guess[rows, which] = sweep.clean[rows, which][:, None, None] - drop[:, 0]
    return guess


def _geometry(window: Any, stride: Any, size: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    pairs = []
    for name, value in (("window", window), ("stride", stride)):
        pairs.append(pair_of(value, name))
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
    places = torch.cartesian_prod(*(torch.arange(n, **SINGLE) for n in drop.shape[2:]))
    filled = flat.clone()
    for mask in have.flatten(0, 1).unique(dim=0):
        if not bool(mask.any()):
            continue
        nearest = mask.nonzero()[:, 0][torch.cdist(places, places[mask.cpu()]).argmin(1).to(mask.device)]
        same = (have == mask).all(2)
        filled[same] = flat[same][:, nearest]
    return filled.view_as(drop)
