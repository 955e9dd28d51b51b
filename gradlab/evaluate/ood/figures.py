"""How well scores tell two sets of pictures apart; in-distribution is the positive class of every figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradlab.core import InputError
from gradlab.core.checks import numbers, one_of

__all__ = ["Roc", "aupr", "auroc", "detection_error", "fpr_at_95_tpr", "roc"]


@dataclass(frozen=True)
class Roc:
    """What each threshold t lets through; in-distribution is what scores t or more.

    Attributes:
        thresholds: inf and then every score there is, descending, (M,).
        tpr: share of in-distribution scores of t or more, (M,), from 0 to 1.
        fpr: share of out-of-distribution scores of t or more, (M,), from 0 to 1.
    """

    thresholds: Tensor
    tpr: Tensor
    fpr: Tensor


def roc(in_scores: Any, out_scores: Any) -> Roc:
    """The receiver operating characteristic of a score that is higher in distribution.

    Args:
        in_scores: of in-distribution pictures, a tensor, array or sequence of finite numbers.
        out_scores: of the others, likewise. Equal scores pass a threshold together.

    Raises:
        InputError: no scores, NaN or infinite ones.

    Examples:
        >>> curve = gradlab.evaluate.ood.roc([3, 2, 2], [2, 1])
        >>> curve.thresholds.tolist(), curve.fpr.tolist()
        ([inf, 3.0, 2.0, 1.0], [0.0, 0.0, 0.5, 1.0])
    """
    from sklearn.metrics import roc_curve

    fpr, tpr, thresholds = roc_curve(*_labelled(in_scores, out_scores), drop_intermediate=False)
    return Roc(*(torch.from_numpy(values) for values in (thresholds, tpr, fpr)))


def auroc(in_scores: Any, out_scores: Any) -> float:
    """The area under the ROC curve: the chance that an in-distribution score is the higher one, ties counting half.

    0.5 is chance; only the order of the scores matters. Arguments and errors as :func:`roc`.

    Examples:
        >>> gradlab.evaluate.ood.auroc([3, 2], [2, 1])
        0.875
    """
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(*_labelled(in_scores, out_scores)))


def aupr(in_scores: Any, out_scores: Any, positive: Literal["in", "out"] = "in") -> float:
    """The area under the precision-recall curve as average precision: the sum of precision times gain in recall.

    No straight lines between the points, which would be optimistic (Davis and Goadrich, ICML 2006). Chance is the share
    of positives, so compare only sets of the same sizes. Arguments and errors as :func:`roc`.

    Args:
        in_scores: of in-distribution pictures.
        out_scores: of the others.
        positive: "in" (AUPR-In), or "out" (AUPR-Out), with all scores negated.

    Examples:
        >>> gradlab.evaluate.ood.aupr([3, 1], [2, 0])  # 1/2 of the positives at precision 1, 1/2 at 2/3
        0.833...
    """
    from sklearn.metrics import average_precision_score

    one_of(positive, "positive", ("in", "out"))
    inside, scores = _labelled(in_scores, out_scores)
    return float(average_precision_score(*((inside, scores) if positive == "in" else (~inside, -scores))))


def fpr_at_95_tpr(in_scores: Any, out_scores: Any) -> float:
    """The share of out-of-distribution scores that pass the highest threshold which at least 95 % of the others pass.

    In-distribution is positive, as in Liang et al.: a low share is good. Arguments and errors as :func:`roc`.

    Examples:
        >>> gradlab.evaluate.ood.fpr_at_95_tpr([4, 3, 2], [3, 1])
        0.5
    """
    curve = roc(in_scores, out_scores)
    return float(curve.fpr[curve.tpr >= 0.95][0])  # k / n rounds to 0.95 where it is 19 / 20, and nowhere below


def detection_error(in_scores: Any, out_scores: Any) -> float:
    """The least chance of a mistake over all thresholds, min_t (1 - TPR) / 2 + FPR / 2: both kinds equally likely.

    At most 0.5, where letting nothing through is no worse. Liang et al. print it so; others fix the TPR at 95 %, which
    gives 0.025 + FPR / 2. Arguments and errors as :func:`roc`.

    Examples:
        >>> gradlab.evaluate.ood.detection_error([4, 3, 2], [3, 1])
        0.25
    """
    curve = roc(in_scores, out_scores)
    return float(((1 - curve.tpr) / 2 + curve.fpr / 2).min())


def _labelled(in_scores: Any, out_scores: Any) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return which scores are in-distribution, and all scores."""
    inside, outside = _checked(in_scores, "in_scores"), _checked(out_scores, "out_scores")
    return np.arange(len(inside) + len(outside)) < len(inside), np.concatenate([inside, outside])


def _checked(scores: Any, name: str) -> NDArray[np.float64]:
    values = numbers(scores, name)
    if values.ndim != 1:
        raise InputError(f"{name} has shape {values.shape}: expected one score per picture, (n,).")
    bad = int((~np.isfinite(values)).sum())
    if not len(values) or bad:
        what = f"{bad} NaN or infinite values out of {len(values)}" if len(values) else "no scores"
        raise InputError(f"{name} holds {what}: expected finite numbers, at least one.")
    return values
