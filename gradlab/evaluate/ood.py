"""Is this picture of the kind that the network learned from? Scores, and how well scores tell two sets apart.

Every score is higher for what looks in-distribution, and every figure takes in-distribution as the positive class. With
logits z, p = softmax(z), and h, which the last linear layer reads:

    msp            max_c softmax(z / T)_c         Hendrycks and Gimpel, ICLR 2017
    odin           the same, after a step of the picture that raises it       Liang, Li and Srikant, ICLR 2018
    max_logit      max_c z_c                      Hendrycks et al., ICML 2022
    energy         T log sum_c exp(z_c / T)       Liu, Wang, Owens and Li, NeurIPS 2020
    gradient_norm  |dJ/dW| for a label of ones    Huang, Geng and Li, NeurIPS 2021

Each takes an :class:`gradlab.introspect.IntrospectiveNetwork` as well as a classifier.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from gradlab.core import InputError, check_logits, last_layer, outputs_of
from gradlab.core.inputs import check_inputs
from gradlab.explain import gradient
from gradlab.introspect.extraction import BATCH
from gradlab.introspect.recipe import Loss
from gradlab.introspect.weight_gradients import features

ODIN_STEP = 0.0014  # of the paper, for pictures in 0..1


def msp(model: Any, inputs: Tensor, temperature: float = 1.0) -> Tensor:
    """The maximum softmax probability, max_c softmax(z / T)_c.

    Args:
        model: any ``nn.Module`` or a ``Classifier`` that returns logits (N, classes).
        inputs: normalised pictures (N, C, H, W).
        temperature: T, above 0.

    Returns:
        (N,), in 1 / classes .. 1, double precision: a high T leaves differences that single precision would round off.

    Raises:
        InputError, ModelError: see their descriptions.
    """
    _check_temperature(temperature)
    return _sure(logits_of(model, inputs), temperature)


def max_logit(model: Any, inputs: Tensor) -> Tensor:
    """The largest logit, max_c z_c, (N,); arguments and errors as :func:`msp`."""
    return logits_of(model, inputs).double().amax(1)


def energy(model: Any, inputs: Tensor, temperature: float = 1.0) -> Tensor:
    """The negative free energy, T log sum_c exp(z_c / T), (N,); arguments and errors as :func:`msp`.

    The paper calls -T log sum_c exp(z_c / T) the energy, which is low in distribution: its sign is turned here.
    """
    _check_temperature(temperature)
    return temperature * (logits_of(model, inputs).double() / temperature).logsumexp(1)


def odin(model: Any, inputs: Tensor, temperature: float = 1000.0, eps: float | Sequence[float] = ODIN_STEP) -> Tensor:
    """The maximum softmax probability at x~ = x + eps sign(d/dx log softmax(z / T)_y), with y the predicted class.

    The step raises the probability of the network's own answer, and does so more for pictures it knows. ``eps`` and T
    are to be chosen on other pictures than those the score is judged on. With an introspective network the slope goes
    through H, the features and f.

    Args:
        model: any ``nn.Module`` or a ``Classifier`` that returns logits (N, classes).
        inputs: normalised pictures (N, C, H, W).
        temperature: T, above 0.
        eps: of the step, in units of the normalised inputs; one number, or one per channel (0.0014 / std is the same
            step for pixels of every channel). 0: no step, :func:`msp` at T.

    Returns:
        (N,), in 1 / classes .. 1, double precision.

    Raises:
        InputError, ModelError: see their descriptions; the inputs have no influence on the logits.
    """
    _check_temperature(temperature)
    x = check_inputs(model, inputs)
    step = torch.as_tensor(eps, dtype=x.dtype, device=x.device)
    if step.ndim > 1 or (step.ndim == 1 and len(step) != x.shape[1]) or not bool((step.isfinite() & (step >= 0)).all()):
        raise InputError(f"eps is {eps!r}: expected a number of at least 0, or one per channel ({x.shape[1]}).")
    step = step.view(-1, 1, 1)
    moved = [part + step * _slope(model, part, temperature).sign() for part in x.split(BATCH)]
    return _sure(logits_of(model, torch.cat(moved)), temperature)


def gradient_norm(
    model: Any, inputs: Tensor, loss: Loss = "ce", order: float = 1, layer: str | nn.Module | None = None
) -> Tensor:
    """The length of the introspective features, |dJ(z, ones)/dW|, (N,).

    At the last layer the gradient is u h^T, so that its length is |u| |h| and costs one forward pass. For "ce" u is
    C p - 1, zero for a uniform p: with ``order`` 1 this is C times the score of Huang et al.

    Args:
        model: any ``nn.Module`` or a ``Classifier``.
        inputs: normalised pictures (N, C, H, W).
        loss: as in :func:`gradlab.introspect.features`.
        order: of the norm over all entries, from 1 up; ``math.inf`` for the largest entry.
        layer: as in :func:`gradlab.introspect.features`.

    Raises:
        InputError, LayerError, ModelError: as :func:`gradlab.introspect.features`, or an order below 1.
    """
    if not order >= 1:
        raise InputError(f"order is {order!r}: expected a number of at least 1.")
    found = []
    for part in check_inputs(model, inputs).split(BATCH):
        if layer is not None:
            made = features(model, part, loss, normalize=None, layer=layer)
            found.append(torch.linalg.vector_norm(made.double(), order, dim=1))
            continue
        kept = last_layer(model, part)
        lengths = [torch.linalg.vector_norm(t.double(), order, dim=1) for t in (kept.rows(loss, "ones"), kept.hidden)]
        found.append(lengths[0] * lengths[1])
    return torch.cat(found)


def logits_of(model: Any, inputs: Tensor) -> Tensor:
    """Return finite logits (N, classes), ``BATCH`` pictures at a time; errors as :func:`msp`."""
    found = [outputs_of(model, part) for part in check_inputs(model, inputs).split(BATCH)]
    for outputs in found:
        check_logits(outputs)
    return torch.cat(found)


def _sure(logits: Tensor, temperature: float) -> Tensor:
    return (logits.double() / temperature).softmax(1).amax(1)


def _check_temperature(temperature: float) -> None:
    if not 0 < temperature < math.inf:
        raise InputError(f"temperature is {temperature}: expected a finite number above 0.")


def _slope(model: Any, x: Tensor, temperature: float) -> Tensor:
    """Return d/dx log softmax(z / T)_y of each picture."""
    return gradient(model, x, lambda z: (check_logits(z) / temperature).log_softmax(1).amax(1))


@dataclass(frozen=True)
class Roc:
    """What each threshold t lets through; in-distribution is what scores t or more.

    Attributes:
        thresholds: inf and then every score there is, descending, (M,).
        tpr: share of in-distribution scores of t or more, (M,), from 0 to 1.
        fpr: share of out-of-distribution scores of t or more, (M,), from 0 to 1.
        sizes: how many scores of each kind there are.
    """

    thresholds: Tensor
    tpr: Tensor
    fpr: Tensor
    sizes: tuple[int, int]


def roc(in_scores: Any, out_scores: Any) -> Roc:
    """The receiver operating characteristic of a score that is higher in distribution.

    Args:
        in_scores: of in-distribution pictures, a tensor, array or sequence of finite numbers.
        out_scores: of the others, likewise. Equal scores pass a threshold together.

    Raises:
        InputError: no scores, NaN or infinite ones.
    """
    inside, outside = (_checked(s, name) for s, name in ((in_scores, "in_scores"), (out_scores, "out_scores")))
    levels = torch.cat([inside, outside]).unique()  # ascending
    passed = [len(s) - torch.searchsorted(s.sort().values, levels) for s in (inside, outside)]
    first = levels.new_tensor([math.inf])
    tpr, fpr = (torch.cat([n.new_zeros(1), n.flip(0)]).double() / n.max() for n in passed)
    return Roc(torch.cat([first, levels.flip(0)]), tpr, fpr, (len(inside), len(outside)))


def auroc(in_scores: Any, out_scores: Any) -> float:
    """The area under the ROC curve: the chance that an in-distribution score is the higher one, ties counting half.

    0.5 is chance; only the order of the scores matters. Arguments and errors as :func:`roc`.
    """
    curve = roc(in_scores, out_scores)
    return float(torch.trapezoid(curve.tpr, curve.fpr))


def aupr(in_scores: Any, out_scores: Any, positive: Literal["in", "out"] = "in") -> float:
    """The area under the precision-recall curve as average precision: the sum of precision times gain in recall.

    No straight lines between the points, which would be optimistic (Davis and Goadrich, ICML 2006). Chance is the share
    of positives, so compare only sets of the same sizes. Arguments and errors as :func:`roc`.

    Args:
        in_scores: of in-distribution pictures.
        out_scores: of the others.
        positive: "in" (AUPR-In), or "out" (AUPR-Out), with all scores negated.
    """
    if positive not in ("in", "out"):
        raise InputError(f"positive is {positive!r}: expected 'in' or 'out'.")
    if positive == "out":
        inside, outside = _checked(in_scores, "in_scores"), _checked(out_scores, "out_scores")
        return aupr(-outside, -inside)
    curve = roc(in_scores, out_scores)
    found, wrong = curve.tpr * curve.sizes[0], curve.fpr * curve.sizes[1]
    precision = found[1:] / (found + wrong)[1:]
    return float((precision * curve.tpr.diff()).sum())


def fpr_at_95_tpr(in_scores: Any, out_scores: Any) -> float:
    """The share of out-of-distribution scores that pass the highest threshold which at least 95 % of the others pass.

    In-distribution is positive, as in Liang et al.: a low share is good. Arguments and errors as :func:`roc`.
    """
    inside, outside = _checked(in_scores, "in_scores"), _checked(out_scores, "out_scores")
    passing = -(-19 * len(inside) // 20)  # 95 %, rounded up; in whole numbers, which do not round
    threshold = inside.sort(descending=True).values[passing - 1]
    return float((outside >= threshold).double().mean())


def detection_error(in_scores: Any, out_scores: Any) -> float:
    """The least chance of a mistake over all thresholds, min_t (1 - TPR) / 2 + FPR / 2: both kinds equally likely.

    At most 0.5, where letting nothing through is no worse. Liang et al. print it so; others fix the TPR at 95 %, which
    gives 0.025 + FPR / 2. Arguments and errors as :func:`roc`.
    """
    curve = roc(in_scores, out_scores)
    return float(((1 - curve.tpr) / 2 + curve.fpr / 2).min())


def _checked(scores: Any, name: str) -> Tensor:
    try:
        values = scores.detach().cpu() if isinstance(scores, Tensor) else torch.from_numpy(np.array(scores, float))
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} cannot be read as numbers ({error}).") from error
    values = values.double().flatten()
    bad = int((~torch.isfinite(values)).sum())
    if not len(values) or bad:
        what = f"{bad} NaN or infinite values out of {len(values)}" if len(values) else "no scores"
        raise InputError(f"{name} holds {what}: expected finite numbers, at least one.")
    return values
