"""Deletion and insertion: the score while pixels are exchanged in the order of a map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gradlab.core import InputError, Model, Target, outputs_of
from gradlab.core.checks import checked_tensor, number, whole_number
from gradlab.core.inputs import check_inputs, labels_of, own_inputs
from gradlab.core.outputs import sees_others
from gradlab.core.precision import own_precision
from gradlab.core.seeds import SINGLE
from gradlab.explain.display import upsample
from gradlab.explain.faithfulness.comparison import checked_maps
from gradlab.explain.question import Baseline, Question, Score, hidden_pictures

__all__ = ["Curve", "blurred", "deletion", "insertion"]

MOST_STEPS, MOST_REACH = 1_000_000, 1000
BATCH = 16  # pictures in one forward pass


@dataclass(frozen=True)
class Curve:
    """A score while pixels are exchanged.

    Attributes:
        fractions: share of the pixels exchanged (S + 1,), from 0 to 1.
        scores: of each picture there (N, S + 1).
    """

    fractions: Tensor
    scores: Tensor

    def area(self) -> Tensor:
        """Return the area under each curve (N,), by trapezoids."""
        return torch.trapezoid(self.scores, self.fractions.to(self.scores), dim=1)


@own_precision
def deletion(
    model: Model,
    inputs: Tensor,
    maps: Tensor,
    target: Target = None,
    *,
    steps: int = 28,
    baseline: Baseline = 0.0,
    score: Score = "probability",
    extra_inputs: Sequence[Any] = (),
) -> Curve:
    """The score while pixels are taken away, those of highest value first; a good map's curve falls early.

    Petsiuk et al., RISE: Randomized Input Sampling for Explanation of Black-box Models, BMVC 2018.

    Memory: a forward pass of all N pictures; the steps take 16 pictures at a time.

    Args:
        model: any ``nn.Module`` or a ``Classifier``.
        inputs: normalised pictures (N, C, H, W).
        maps: raw (N, 1, h, w); made as large as the pictures. Equal values go from top left to bottom right.
        target: as in :func:`gradlab.explain.occlusion`, one score per picture. None: what the network says of the whole
            picture, throughout.
        steps: forward passes after the first; each exchanges the same number of pixels, but for rounding.
        baseline: what is put in a pixel's place, as in :func:`gradlab.explain.occlusion`.
        score: "probability" as in the paper, or "logit".
        extra_inputs: what the model reads beside the pictures.

    Raises:
        InputError, TargetError, ModelError: before the model is run on a changed picture.

    Examples:
        >>> curve = gradlab.explain.faithfulness.deletion(net, x, gradlab.explain.grad_cam(net, x), steps=8)
        >>> curve.scores.shape, curve.area().shape
        (torch.Size([1, 9]), torch.Size([1]))
    """
    x = check_inputs(model, inputs, extra_inputs)
    return _curve(model, x, x, hidden_pictures(x, baseline), maps, target, steps, score, extra_inputs)


@own_precision
def insertion(
    model: Model,
    inputs: Tensor,
    maps: Tensor,
    target: Target = None,
    *,
    steps: int = 28,
    baseline: Baseline | None = None,
    score: Score = "probability",
    extra_inputs: Sequence[Any] = (),
) -> Curve:
    """The score while pixels of highest value are put into the baseline first; a good map's curve rises early.

    ``baseline`` None is the picture blurred by a Gaussian of 5 pixels in 11 x 11, as in the paper: a flat start would
    make the first pixels edges. All else as in :func:`deletion`.

    Memory: a forward pass of all N pictures; the steps take 16 pictures at a time.

    Examples:
        >>> curve = gradlab.explain.faithfulness.insertion(net, x, gradlab.explain.grad_cam(net, x), steps=8)
        >>> bool(curve.scores[0, -1] > curve.scores[0, 0])
        True
    """
    x = check_inputs(model, inputs, extra_inputs)
    start = hidden_pictures(x, blurred if baseline is None else baseline)
    return _curve(model, x, start, x, maps, target, steps, score, extra_inputs)


@own_precision
def blurred(x: Tensor, sigma: float = 5.0, reach: int = 5) -> Tensor:
    """Return the pictures (N, C, H, W) under a Gaussian of ``sigma`` pixels, cut off at ``reach``, borders repeated.

    Examples:
        >>> bool(gradlab.explain.faithfulness.blurred(x).std() < x.std())
        True
    """
    checked_tensor(x, "x", "N", "C", "H", "W")
    sigma, reach = number(sigma, "sigma", 1e-3, 1e6), whole_number(reach, "reach", 0, MOST_REACH)
    place = torch.arange(-reach, reach + 1, dtype=x.dtype, device=x.device)
    weights = (-(place**2) / (2 * sigma**2)).exp()
    weights = (weights / weights.sum()).expand(x.shape[1], 1, 1, -1)
    for kernel, pad in ((weights, (reach, reach, 0, 0)), (weights.transpose(2, 3), (0, 0, reach, reach))):
        padded = torch.nn.functional.pad(x, pad, mode="replicate")
        x = torch.nn.functional.conv2d(padded, kernel, groups=x.shape[1])
    return x


def _curve(
    model: Model,
    x: Tensor,
    start: Tensor,
    end: Tensor,
    maps: Tensor,
    target: Any,
    steps: int,
    score: str,
    extra_inputs: Sequence[Any],
) -> Curve:
    maps = checked_maps(maps, len(x))
    steps = whole_number(steps, "steps", 1, MOST_STEPS)
    if (isinstance(target, str) and target == "all") or (isinstance(target, Tensor) and target.ndim == 2):
        raise InputError("A curve follows one score per picture: give target one class each.")
    question = Question(target, score, labels_of(model), len(x))
    question.first(outputs_of(model, x, extra_inputs=extra_inputs))
    size = (int(x.shape[2]), int(x.shape[3]))
    values = upsample(maps.to(x), size).flatten(1)
    ranks = values.argsort(dim=1, descending=True, stable=True).argsort(dim=1).view(-1, 1, *size)
    counts = torch.linspace(0, size[0] * size[1], steps + 1, **SINGLE).round().to(x.device)
    most = 1 if sees_others(model, x[:1], own_inputs(extra_inputs, slice(0, 1), len(x))) else BATCH
    scores = []
    for i in range(len(x)):
        extra = own_inputs(extra_inputs, slice(i, i + 1), len(x))
        parts = []
        for some in counts.split(most):
            exchanged = torch.where(ranks[i] < some[:, None, None, None], end[i], start[i])
            outputs = outputs_of(model, exchanged, extra_inputs=_repeated(extra, len(some)))
            parts.append(question.scores(outputs, i, len(some))[:, 0])
        scores.append(torch.cat(parts))
    return Curve((counts / counts[-1]).to(x.dtype), torch.stack(scores))


def _repeated(extra: Sequence[Any], n: int) -> list[Any]:
    single = [isinstance(e, Tensor) and e.ndim > 0 and len(e) == 1 for e in extra]
    return [e.expand(n, *e.shape[1:]) if one else e for e, one in zip(extra, single, strict=True)]
