"""What features are made of: a loss, an introspective label, a normalisation. The gradients by the logits.

Per sample, with C logits z and p = softmax(z), and the one-hot label e_Q of class Q:

    loss                                  u_Q = dJ(z, e_Q)/dz           with the label of all ones
    "ce"   -sum_c y_c log p_c             p - e_Q                       C p - 1, the sum of all u_Q
    "mse"  mean_c (z_c - y_c)^2           (2 / C) (z - e_Q)             (2 / C) (z - 1)
    "bce"  mean_c, on sigmoid(z_c)        (1 / C) (sigmoid(z) - e_Q)    (1 / C) (sigmoid(z) - 1)

So u_Q = a - s e_Q in each of them: one vector and one number per sample hold the answers to all C questions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.func import grad, vmap

from gradlab.core import InputError

# A callable gets one sample's logits (C,) and its label (C,), one-hot or all ones, and returns one number.
Loss = Literal["mse", "bce", "ce"] | Callable[[Tensor, Tensor], Tensor]
Question = Literal["ones", "each"]
Normalize = Literal["l2", "minmax"]

# What is smaller than this many roundings of the terms it is a difference of holds no information.
ROUNDINGS = 16


@dataclass(frozen=True)
class Recipe:
    """How features are made; the arguments of :func:`gradlab.introspect.features`, checked.

    Raises:
        InputError: an option that does not exist.
    """

    loss: Loss = "mse"
    question: Question = "ones"
    normalize: Normalize | None = "l2"
    layer: str | None = None

    def __post_init__(self) -> None:
        if not callable(self.loss) and self.loss not in ("mse", "bce", "ce"):
            raise InputError(f"loss is {self.loss!r}: expected 'mse', 'bce', 'ce' or a callable (logits, label).")
        if self.question not in ("ones", "each"):
            raise InputError(f"question is {self.question!r}: expected 'ones' or 'each'.")
        if self.normalize not in ("l2", "minmax", None):
            raise InputError(
                f"normalize is {self.normalize!r}: expected 'l2', 'minmax' or None. What needs a training set's "
                "statistics is a gradlab.introspect.Standardizer."
            )

    def settings(self) -> dict[str, Any]:
        """Return the options as they are written to a file; raises ``InputError`` for a loss of the caller's own."""
        if callable(self.loss):
            raise InputError("A loss of your own cannot be written to a file: use 'mse', 'bce' or 'ce'.")
        return asdict(self)


def cotangents(logits: Tensor, loss: Loss, question: Question) -> tuple[Tensor, Tensor]:
    """Return u = dJ/dz of each sample, (N, C) for "ones", (N, C, C) with axis 1 the question for "each".

    Beside it the size of the terms that u is a difference of, (N,): a u of that many roundings is noise.

    Raises:
        InputError: a loss of the caller's own that returns anything but one number.
    """
    n, classes = logits.shape
    labels = logits.new_ones(classes) if question == "ones" else torch.eye(classes).to(logits)
    if callable(loss):
        _check_loss(loss, logits, labels)
        # Pairs of a sample and a label in one map: some of torch's losses are wrong under a map in a map.
        pairs = torch.broadcast_tensors(logits.view(n, *[1] * (labels.ndim - 1), classes), labels)
        own: Tensor = vmap(grad(loss))(*(part.reshape(-1, classes) for part in pairs))
        return own.view_as(pairs[0]), own.new_zeros(n)
    common, weight = _terms(logits, loss)
    if question == "ones" and loss == "ce":
        common = classes * common
    u = common - weight if question == "ones" else common[:, None] - weight * labels
    return u, common.norm(dim=1) + weight * classes**0.5


def _terms(logits: Tensor, loss: str) -> tuple[Tensor, float]:
    """Return a (N, C) and s of u_Q = a - s e_Q."""
    classes = logits.shape[1]
    if loss == "ce":
        return logits.softmax(1), 1.0
    if loss == "mse":
        return (2 / classes) * logits, 2 / classes
    return logits.sigmoid() / classes, 1 / classes


def _check_loss(loss: Callable[[Tensor, Tensor], Tensor], logits: Tensor, labels: Tensor) -> None:
    value = loss(logits[0].detach(), labels if labels.ndim == 1 else labels[0])
    if not isinstance(value, Tensor) or value.ndim:
        what = f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
        raise InputError(f"The loss returned {what}: expected one number for logits (C,) and a label (C,).")
