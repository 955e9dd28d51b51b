"""The contrast algebra: dJ_Q/dz of every question at once, and what it becomes wherever it is pulled back to.

For J_Q = CE(z, Q) the gradient by the logits is p - e_Q. Pulling back is linear, so whatever e_c becomes (a class's
map, a row of the last layer), the contrast of Q becomes sum_c p_c v_c - v_Q. For other losses of logits z with C
classes, and for the label of all ones:

    loss                                  u_Q = dJ(z, e_Q)/dz           with the label of all ones
    "ce"   -sum_c y_c log p_c             p - e_Q                       C p - 1, the sum of all u_Q
    "mse"  mean_c (z_c - y_c)^2           (2 / C) (z - e_Q)             (2 / C) (z - 1)
    "bce"  mean_c, on sigmoid(z_c)        (1 / C) (sigmoid(z) - e_Q)    (1 / C) (sigmoid(z) - 1)

So u_Q = a - s e_Q in each of them: one vector and one number per sample hold the answers to all C questions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor
from torch.func import grad, vmap

from gradlab.core.checks import checked_tensor, one_of
from gradlab.core.errors import InputError, shown
from gradlab.core.interrupts import batched
from gradlab.core.precision import own_precision

__all__ = [
    "LOSSES",
    "QUESTIONS",
    "Loss",
    "Question",
    "check_loss",
    "contrasts",
    "logit_gradients",
    "one_hot",
    "runner_up",
]

# A callable gets one sample's logits (C,) and its label (C,), one-hot or all ones, and returns one number.
Loss = Literal["mse", "bce", "ce"] | Callable[[Tensor, Tensor], Tensor]
Question = Literal["ones", "each"]
LOSSES, QUESTIONS = ("mse", "bce", "ce"), ("ones", "each")


@own_precision
def contrasts(p: Tensor, values: Tensor) -> Tensor:
    """Return sum_c p_c v_c - v_Q for every Q, (N, classes, ...), from what e_c becomes, v (N, classes, ...).

    Examples:
        >>> gradlab.core.contrasts(torch.tensor([[0.75, 0.25]]), torch.eye(2)[None])  # p - e_Q, a row for each Q
        tensor([[[-0.2500,  0.2500],
                 [ 0.7500, -0.7500]]])
    """
    checked_tensor(p, "p", "N", "classes")
    checked_tensor(values, "values", *p.shape, "...")
    if values.dtype != p.dtype:
        raise InputError(f"values is {values.dtype}, and p {p.dtype}: expected one dtype.")
    mean: Tensor = torch.einsum("nc,nc...->n...", p, values)
    return mean[:, None] - values


def runner_up(logits: Tensor) -> Tensor:
    """Return the second most likely class of each sample, (N,): the default Q.

    Examples:
        >>> gradlab.core.runner_up(torch.tensor([[1.0, 3.0, 2.0]]))
        tensor([2])
    """
    checked_tensor(logits, "logits", "N", "classes")
    return logits.topk(min(2, logits.shape[1]), dim=1).indices[:, -1]


def one_hot(logits: Tensor) -> Tensor:
    """Return the label of each class, (C, C), like the logits (N, C)."""
    return torch.eye(logits.shape[1], dtype=logits.dtype, device=logits.device)


def logit_gradients(logits: Tensor, loss: Loss, question: Question) -> tuple[Tensor, Tensor]:
    """Return u = dJ/dz of each sample, (N, C) for "ones", (N, C, C) with axis 1 the question for "each".

    Beside it the size of the terms that u is a difference of, (N,): a u of that many roundings is noise.

    Raises:
        InputError: a loss of the caller's own that returns anything but one number.

    Examples:
        >>> gradlab.core.logit_gradients(torch.zeros(1, 2), "ce", "each")[0]
        tensor([[[-0.5000,  0.5000],
                 [ 0.5000, -0.5000]]])
    """
    n, classes = checked_tensor(logits, "logits", "N", "classes").shape
    check_loss(loss)
    one_of(question, "question", QUESTIONS)
    labels = logits.new_ones(classes) if question == "ones" else one_hot(logits)
    if callable(loss):
        _check_loss(loss, logits, labels)
        # Pairs of a sample and a label in one map: some of torch's losses are wrong under a map in a map.
        pairs = torch.broadcast_tensors(logits.view(n, *[1] * (labels.ndim - 1), classes), labels)
        own: Tensor = batched(lambda: vmap(grad(loss))(*(part.reshape(-1, classes) for part in pairs)))
        return own.view_as(pairs[0]), own.new_zeros(n)
    common, weight = _terms(logits, loss)
    if question == "ones" and loss == "ce":
        common = classes * common
    u = common - weight if question == "ones" else common[:, None] - weight * labels
    return u, common.norm(dim=1) + weight * classes**0.5


def check_loss(loss: Any) -> None:
    """Raise ``InputError`` unless this is the name of a loss, or a function."""
    if (not callable(loss) or isinstance(loss, type)) and not (isinstance(loss, str) and loss in LOSSES):
        raise InputError(f"loss is {shown(loss)}: expected 'mse', 'bce', 'ce' or a callable (logits, label).")


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
