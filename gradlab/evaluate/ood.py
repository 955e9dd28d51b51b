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

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gradlab.core import InputError, outputs_of
from gradlab.core.inputs import check_inputs
from gradlab.evaluate.batches import batches
from gradlab.evaluate.calibration import check_temperature
from gradlab.explain import gradient
from gradlab.introspect.factored import check_outputs, factors
from gradlab.introspect.features import features
from gradlab.introspect.recipe import Loss

__all__ = [
    "ODIN_STEP", "Roc", "aupr", "auroc", "detection_error", "energy", "fpr_at_95_tpr", "gradient_norm",
    "logits_of", "max_logit", "msp", "odin", "roc",
]  # fmt: skip

ODIN_STEP = 0.0014  # of the paper, for pictures in 0..1


def msp(model: Any, inputs: Tensor, temperature: float = 1.0, *, extra_inputs: Sequence[Any] = ()) -> Tensor:
    """The maximum softmax probability, max_c softmax(z / T)_c.

    Args:
        model: any ``nn.Module`` or a ``Classifier`` that returns logits (N, classes).
        inputs: normalised pictures (N, C, H, W).
        temperature: T, above 0.
        extra_inputs: what the model reads beside the pictures; tensors of length N go with their picture.

    Returns:
        (N,), in 1 / classes .. 1, double precision: a high T leaves differences that single precision would round off.

    Raises:
        InputError, ModelError: see their descriptions.

    >>> import gradlab, torch
    >>> net = gradlab.models.digits()
    >>> known = net.normalize(gradlab.data.digits("test").pictures[:50])
    >>> faded = 0.2 * known
    >>> gradlab.evaluate.ood.auroc(*(gradlab.evaluate.ood.msp(net, x) for x in (known, faded))) > 0.9
    True
    """
    check_temperature(temperature)
    return _sure(logits_of(model, inputs, extra_inputs=extra_inputs), temperature)


def max_logit(model: Any, inputs: Tensor, *, extra_inputs: Sequence[Any] = ()) -> Tensor:
    """The largest logit, max_c z_c, (N,); arguments and errors as :func:`msp`.

    >>> import gradlab
    >>> net = gradlab.models.vqa()
    >>> x = gradlab.data.digit_pairs(2, seed=0, split="test").pictures
    >>> gradlab.evaluate.ood.max_logit(net, x, extra_inputs=(net.encode("what is their sum?"),)).shape
    torch.Size([2])
    """
    return logits_of(model, inputs, extra_inputs=extra_inputs).double().amax(1)


def energy(model: Any, inputs: Tensor, temperature: float = 1.0, *, extra_inputs: Sequence[Any] = ()) -> Tensor:
    """The negative free energy, T log sum_c exp(z_c / T), (N,); arguments and errors as :func:`msp`.

    The paper calls -T log sum_c exp(z_c / T) the energy, which is low in distribution: its sign is turned here.

    >>> import gradlab
    >>> net = gradlab.models.digits()
    >>> x = net.normalize(gradlab.data.digits("test").pictures[:3])
    >>> bool((gradlab.evaluate.ood.energy(net, x) >= gradlab.evaluate.ood.max_logit(net, x)).all())
    True
    """
    check_temperature(temperature)
    return temperature * (logits_of(model, inputs, extra_inputs=extra_inputs).double() / temperature).logsumexp(1)


def odin(
    model: Any,
    inputs: Tensor,
    temperature: float = 1000.0,
    *,
    extra_inputs: Sequence[Any] = (),
    eps: float | Sequence[float] = ODIN_STEP,
) -> Tensor:
    """The maximum softmax probability at x~ = x + eps sign(d/dx log softmax(z / T)_y), with y the predicted class.

    The step raises the probability of the network's own answer, and does so more for pictures it knows. ``eps`` and T
    are to be chosen on other pictures than those the score is judged on. With an introspective network the slope goes
    through H, the features and f.

    Args:
        model: any ``nn.Module`` or a ``Classifier`` that returns logits (N, classes).
        inputs: normalised pictures (N, C, H, W).
        temperature: T, above 0.
        extra_inputs: what the model reads beside the pictures; tensors of length N go with their picture.
        eps: of the step, in units of the normalised inputs; one number, or one per channel (0.0014 / std is the same
            step for pixels of every channel). 0: no step, :func:`msp` at T.

    Returns:
        (N,), in 1 / classes .. 1, double precision.

    Raises:
        InputError, ModelError: see their descriptions; the inputs have no influence on the logits.

    >>> import gradlab
    >>> net = gradlab.models.digits()
    >>> x = net.normalize(gradlab.data.digits("test").pictures[:3])
    >>> odin = gradlab.evaluate.ood.odin
    >>> bool((odin(net, x, 10, eps=0.01) > odin(net, x, 10, eps=0)).all())
    True
    """
    check_temperature(temperature)
    x = check_inputs(model, inputs)
    step = torch.as_tensor(eps, dtype=x.dtype, device=x.device)
    if step.ndim > 1 or (step.ndim == 1 and len(step) != x.shape[1]) or not bool((step.isfinite() & (step >= 0)).all()):
        raise InputError(f"eps is {eps!r}: expected a number of at least 0, or one per channel ({x.shape[1]}).")
    step = step.view(-1, 1, 1)

    def sureness(outputs: Any) -> Tensor:
        check_outputs(outputs)
        largest: Tensor = (outputs / temperature).log_softmax(1).amax(1)
        return largest

    moved = [
        part + step * gradient(model, part, target=sureness, extra_inputs=own).sign()
        for part, own in batches(model, x, extra_inputs)
    ]
    return _sure(logits_of(model, torch.cat(moved), extra_inputs=extra_inputs), temperature)


def gradient_norm(
    model: Any,
    inputs: Tensor,
    loss: Loss = "ce",
    *,
    layer: str | nn.Module | None = None,
    extra_inputs: Sequence[Any] = (),
    order: float = 1,
) -> Tensor:
    """The length of the introspective features, |dJ(z, ones)/dW|, (N,).

    At the last layer the gradient is u h^T, so that its length is |u| |h| and costs one forward pass. For "ce" u is
    C p - 1, zero for a uniform p: with ``order`` 1 this is C times the score of Huang et al.

    Args:
        model: any ``nn.Module`` or a ``Classifier``.
        inputs: normalised pictures (N, C, H, W).
        loss: as in :func:`gradlab.introspect.features`.
        layer: as in :func:`gradlab.introspect.features`.
        extra_inputs: what the model reads beside the pictures; tensors of length N go with their picture.
        order: of the norm over all entries, from 1 up; ``math.inf`` for the largest entry.

    Raises:
        InputError, LayerError, ModelError: as :func:`gradlab.introspect.features`, or an order below 1.

    >>> import gradlab, torch
    >>> net = gradlab.models.digits()
    >>> x = net.normalize(gradlab.data.digits("test").pictures[:3])
    >>> made = gradlab.introspect.features(net, x, loss="ce", normalize=None)
    >>> torch.allclose(gradlab.evaluate.ood.gradient_norm(net, x, order=2).float(), made.norm(dim=1))
    True
    """
    if not order >= 1:
        raise InputError(f"order is {order!r}: expected a number of at least 1.")
    found = []
    for part, own in batches(model, inputs, extra_inputs):
        if layer is not None:
            made = features(model, part, loss, question="ones", normalize=None, layer=layer, extra_inputs=own)
            found.append(torch.linalg.vector_norm(made.double(), order, dim=1))
            continue
        kept = factors(model, part, extra_inputs=own)
        lengths = [torch.linalg.vector_norm(t.double(), order, dim=1) for t in (kept.rows(loss, "ones"), kept.hidden)]
        found.append(lengths[0] * lengths[1])
    return torch.cat(found)


def logits_of(model: Any, inputs: Tensor, *, extra_inputs: Sequence[Any] = ()) -> Tensor:
    """Return finite logits (N, classes), in parts; arguments and errors as :func:`msp`.

    >>> import gradlab, torch
    >>> net = gradlab.models.digits()
    >>> gradlab.evaluate.ood.logits_of(net, torch.zeros(2, 1, 32, 32)).shape
    torch.Size([2, 10])
    """
    found = [outputs_of(model, part, extra_inputs=own) for part, own in batches(model, inputs, extra_inputs)]
    for outputs in found:
        check_outputs(outputs)
    return torch.cat(found)


def _sure(logits: Tensor, temperature: float) -> Tensor:
    return (logits.double() / temperature).softmax(1).amax(1)


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

    >>> import gradlab
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

    >>> import gradlab
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

    >>> import gradlab
    >>> gradlab.evaluate.ood.aupr([3, 1], [2, 0])  # 1/2 of the positives at precision 1, 1/2 at 2/3
    0.833...
    """
    from sklearn.metrics import average_precision_score

    if positive not in ("in", "out"):
        raise InputError(f"positive is {positive!r}: expected 'in' or 'out'.")
    inside, scores = _labelled(in_scores, out_scores)
    return float(average_precision_score(*((inside, scores) if positive == "in" else (~inside, -scores))))


def fpr_at_95_tpr(in_scores: Any, out_scores: Any) -> float:
    """The share of out-of-distribution scores that pass the highest threshold which at least 95 % of the others pass.

    In-distribution is positive, as in Liang et al.: a low share is good. Arguments and errors as :func:`roc`.

    >>> import gradlab
    >>> gradlab.evaluate.ood.fpr_at_95_tpr([4, 3, 2], [3, 1])
    0.5
    """
    curve = roc(in_scores, out_scores)
    return float(curve.fpr[curve.tpr >= 0.95][0])  # k / n rounds to 0.95 where it is 19 / 20, and nowhere below


def detection_error(in_scores: Any, out_scores: Any) -> float:
    """The least chance of a mistake over all thresholds, min_t (1 - TPR) / 2 + FPR / 2: both kinds equally likely.

    At most 0.5, where letting nothing through is no worse. Liang et al. print it so; others fix the TPR at 95 %, which
    gives 0.025 + FPR / 2. Arguments and errors as :func:`roc`.

    >>> import gradlab
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
    try:
        values = np.array(
            scores.detach().double().cpu().numpy() if isinstance(scores, Tensor) else scores, float
        ).ravel()
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} cannot be read as numbers ({error}).") from error
    bad = int((~np.isfinite(values)).sum())
    if not len(values) or bad:
        what = f"{bad} NaN or infinite values out of {len(values)}" if len(values) else "no scores"
        raise InputError(f"{name} holds {what}: expected finite numbers, at least one.")
    return values
