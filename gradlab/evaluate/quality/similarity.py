"""How good does a network find a picture, beside the faultless one? Its features, or its gradients, of both, compared.

UNIQUE (Temel, Prabhushankar and AlRegib, IEEE Signal Processing Letters 2016) passes whitened patches through a sparse
autoencoder, sets to 0 what lies below 0.025 where the mean activation is 0.035, and takes the tenth power of the rank
correlation. Here that comparison is made of the features of any network. Its gradient counterpart (Prabhushankar and
AlRegib, ICIP 2019) projects the distorted picture on the gradient of the faultless one; here the introspective features
of the two are compared, so that nothing but the features changes. Both are "UNIQUE-like", not the papers' figures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor, nn

from gradlab.core import InputError, Model, last_layer, run
from gradlab.core.checks import checked_tensor, number, one_of
from gradlab.core.contrasts import QUESTIONS, Loss, Question, check_loss
from gradlab.core.inputs import check_inputs
from gradlab.evaluate.batches import batches
from gradlab.introspect import Recipe, dense_features, features

__all__ = ["BATCH", "POWER", "SUPPRESS", "feature_similarity", "gradient_similarity", "likeness"]

SUPPRESS = 0.025 / 0.035  # of UNIQUE: its threshold, over the mean activation it is trained for
POWER = 10.0
BATCH = 4  # pictures that run through the network together: larger batches of photographs are no faster


def feature_similarity(
    model: Model,
    reference: Tensor,
    distorted: Tensor,
    *,
    layer: str | nn.Module | None = None,
    extra_inputs: Sequence[Any] = (),
    suppress: float = SUPPRESS,
    power: float = POWER,
) -> Tensor:
    """Quality as the likeness of a layer's maps of a distorted picture and of the faultless one.

    Memory: 4 pictures run together, and one pair of features is ranked at a time.

    Args:
        model: any ``nn.Module`` or a ``Classifier``.
        reference: faultless pictures, normalised (N, C, H, W), or one for all (1, C, H, W).
        distorted: (N, C, H, W).
        layer: dotted name, module, or None: the last spatial map, found and checked.
        extra_inputs: what the model reads beside the pictures; tensors of length N go with their picture.
        suppress: as in :func:`likeness`.
        power: as in :func:`likeness`.

    Returns:
        (N,) in 0 .. 1, 1 for no change; NaN as :func:`likeness` says.

    Raises:
        InputError, LayerError, ModelError: see their descriptions.

    Examples:
        >>> net, drawn = gradlab.models.signs(), gradlab.data.signs(4, seed=0).pictures
        >>> made = [gradlab.data.challenged(drawn, "haze", level) for level in (1, 5)]
        >>> pairs = [(net.normalize(drawn), net.normalize(worse)) for worse in made]
        >>> little, much = (gradlab.evaluate.quality.feature_similarity(net, *pair) for pair in pairs)
        >>> bool((little > much).all())
        True
    """

    def maps(x: Tensor, own: Sequence[Any]) -> Tensor:
        return run(model, x, keep=layer, extra_inputs=own).activations

    return _compared(model, reference, distorted, maps, extra_inputs, suppress, power)


def gradient_similarity(
    model: Model,
    reference: Tensor,
    distorted: Tensor,
    *,
    layer: str | nn.Module | None = None,
    extra_inputs: Sequence[Any] = (),
    loss: Loss = "mse",
    question: Question = "ones",
    suppress: float = SUPPRESS,
    power: float = POWER,
) -> Tensor:
    """Quality as the likeness of the introspective features of a distorted picture and of the faultless one.

    At the last layer these are u h^T, a function of h alone: set :func:`likeness` of h beside it, which is the control.

    Memory: 4 pictures run together, and one pair of features is ranked at a time.

    Args:
        model: any ``nn.Module`` or a ``Classifier``.
        reference: faultless pictures, normalised (N, C, H, W), or one for all (1, C, H, W).
        distorted: (N, C, H, W).
        layer: as in :func:`gradlab.introspect.features`.
        extra_inputs: what the model reads beside the pictures; tensors of length N go with their picture.
        loss: as in :func:`gradlab.introspect.features`. No normalisation: ranks do not see one.
        question: likewise.
        suppress: as in :func:`likeness`.
        power: as in :func:`likeness`.

    Returns:
        (N,) in 0 .. 1, 1 for no change; NaN as :func:`likeness` says.

    Raises:
        InputError, LayerError, ModelError: see their descriptions.

    Examples:
        >>> x = net.normalize(gradlab.data.digits("test").pictures[:3])
        >>> gradlab.evaluate.quality.gradient_similarity(net, x, x).round(decimals=6).tolist()
        [1.0, 1.0, 1.0]
    """
    check_loss(loss)
    one_of(question, "question", QUESTIONS)
    recipe = Recipe(loss, question, None)

    def gradients(x: Tensor, own: Sequence[Any]) -> Iterable[Tensor]:
        if layer is not None:
            return features(model, x, loss, question=question, normalize=None, layer=layer, extra_inputs=own)
        kept = last_layer(model, x, extra_inputs=own)
        return (dense_features(kept[i : i + 1], recipe) for i in range(len(kept)))

    together = BATCH if layer is None else 1  # what is pulled back to another layer has no factors
    return _compared(model, reference, distorted, gradients, extra_inputs, suppress, power, together)


def likeness(reference: Tensor, distorted: Tensor, *, suppress: float = SUPPRESS, power: float = POWER) -> Tensor:
    """The power of the rank correlation of two sets of features, |Spearman|^power, (N,).

    Args:
        reference: features of faultless pictures (N, ...).
        distorted: of the distorted ones, of the same shape.
        suppress: features of a magnitude below this share of the reference's mean magnitude count as 0; 0: none.
        power: of the correlation, above 0; it spreads the values near 1 and changes no order.

    Returns:
        (N,) in 0 .. 1; NaN where the features of either picture are all the same, or all suppressed: without ranks.

    Raises:
        InputError: shapes that differ, NaN, or options out of range.

    Examples:
        >>> h = torch.tensor([[1.0, 2.0, 3.0, 4.0]])
        >>> gradlab.evaluate.quality.likeness(h, h[:, [0, 2, 1, 3]])  # 0.8 to the power of 10
        tensor([0.1074], dtype=torch.float64)
    """
    suppress, power = _checked(suppress, power)
    checked_tensor(reference, "reference", "N", "features", "...")
    checked_tensor(distorted, "distorted", *reference.shape)
    pairs = zip(reference, distorted, strict=True)
    return torch.tensor([_like(_ranked(a, suppress), b, power) for a, b in pairs], dtype=torch.float64, device="cpu")


# One picture's ranks, centred, and the magnitude below which features count as 0.
_Ranked: TypeAlias = "tuple[NDArray[np.float64], float]"


def _compared(
    model: Model,
    reference: Any,
    distorted: Any,
    read: Callable[[Tensor, Sequence[Any]], Iterable[Tensor]],
    extra_inputs: Sequence[Any],
    suppress: float,
    power: float,
    together: int | None = None,
) -> Tensor:
    """Read so many pictures together, and compare one pair at a time: no more than one pair's features are ranked."""
    suppress, power = _checked(suppress, power)
    given = ((reference, "reference"), (distorted, "distorted"))
    pair = [check_inputs(model, each, extra_inputs, name) for each, name in given]
    n = len(pair[1])
    if pair[0].shape[1:] != pair[1].shape[1:] or len(pair[0]) not in (1, n):
        raise InputError(
            f"reference is {tuple(pair[0].shape)} and distorted {tuple(pair[1].shape)}: expected one shape, or one "
            "reference for all."
        )
    if extra_inputs:
        pair[0] = pair[0].expand_as(pair[1])  # each picture's own are read with its reference too
    size = BATCH if together is None else together
    rank = partial(_ranked, suppress=suppress)
    once = [*map(rank, read(pair[0], ()))] if len(pair[0]) == 1 and not extra_inputs else None
    found = []
    for start, (changed, own) in zip(range(0, n, size), batches(model, pair[1], extra_inputs, size), strict=True):
        made = read(changed, own)
        faultless = once * len(changed) if once else map(rank, read(pair[0][start : start + size], own))
        found += [_like(ranked, one, power) for ranked, one in zip(faultless, made, strict=True)]
    return torch.tensor(found, dtype=torch.float64, device="cpu")


def _like(ranked: _Ranked, distorted: Tensor, power: float) -> float:
    a, least = ranked
    b = _ranks(distorted, least)
    length = math.sqrt(float(a @ a) * float(b @ b))
    return float(min(abs(float(a @ b)) / length, 1.0) ** power) if length else math.nan


def _ranked(features: Tensor, suppress: float) -> _Ranked:
    least = suppress * float(features.detach().double().abs().mean())
    return _ranks(features, least), least


def _ranks(features: Tensor, least: float) -> NDArray[np.float64]:
    values = features.detach().flatten().cpu().double()
    ranks: NDArray[np.float64] = rankdata(torch.where(values.abs() < least, 0, values).numpy())
    ranks -= ranks.mean()
    return ranks


def _checked(suppress: Any, power: Any) -> tuple[float, float]:
    return number(suppress, "suppress", 0), number(power, "power", above=0)
