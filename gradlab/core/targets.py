"""What is explained: a class per sample, or any scalar score of the outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from gradlab.core.checks import names_of, readable, whole_number
from gradlab.core.errors import InputError, ModelError, TargetError, did_you_mean, shown

__all__ = ["Target", "check_logits", "class_indices", "label_index", "scores_of"]

Target: TypeAlias = "int | str | Tensor | Sequence[int | str] | Callable[[Any], Tensor] | None"


def check_logits(outputs: Any, least: int = 1) -> Tensor:
    """Return the outputs as they are if they are finite logits (N, classes), of ``least`` classes or more.

    Raises:
        ModelError: they are anything else; only a callable target can read those.

    Examples:
        >>> gradlab.core.check_logits(torch.zeros(2, 3)).shape
        torch.Size([2, 3])
        >>> gradlab.core.check_logits(torch.zeros(3))
        Traceback (most recent call last):
        gradlab.core.errors.ModelError: The model returns a tensor of shape (3,), not logits (N, classes). ...
    """
    least = whole_number(least, "least", 1)
    if not isinstance(outputs, Tensor) or outputs.ndim != 2 or not outputs.is_floating_point() or not readable(outputs):
        shape = f"a tensor of shape {tuple(outputs.shape)}" if isinstance(outputs, Tensor) else type(outputs).__name__
        if isinstance(outputs, Tensor) and outputs.ndim == 2:
            shape += f" and dtype {outputs.dtype} on {outputs.device}"
        raise ModelError(
            f"The model returns {shape}, not logits (N, classes). Methods with a target take a callable, "
            "outputs -> (N,) scores, instead."
        )
    if outputs.shape[1] < least:
        raise ModelError(
            f"The model returns {outputs.shape[1]} logit: this needs the logits (N, classes) of two or more classes."
        )
    # A sum is finite only if all its terms are; it may overflow, so ask again.
    if not bool(outputs.detach().sum().isfinite()) and not bool(outputs.detach().isfinite().all()):
        raise ModelError("The model returns NaN or infinite logits for these inputs.")
    return outputs


def class_indices(target: Any, logits: Tensor, labels: Sequence[str] | None = None) -> Tensor:
    """Return one class index per sample, (N,) int64, on the logits' device.

    ``target`` is None (the predicted class), one int or label for all samples, or a list or 1-D tensor of N.

    Raises:
        TargetError: an unknown label, an index out of range, or not one target per sample.

    Examples:
        >>> gradlab.core.class_indices(["tree", 0], torch.zeros(2, 2), labels=["cat", "Tree"])
        tensor([1, 0])
    """
    n, classes = _checked_logits(logits).shape
    if target is None:
        return logits.argmax(1)
    if isinstance(target, Tensor):
        whole = not (target.is_floating_point() or target.is_complex() or target.dtype == torch.bool)
        if target.ndim > 1 or not whole or not readable(target):
            raise TargetError(
                f"target is a {target.dtype} tensor of shape {tuple(target.shape)}: expected integers of shape ({n},)."
            )
        target = target.tolist()
    if isinstance(target, np.ndarray) and target.ndim == 1 and target.dtype.kind in "iu":
        target = target.tolist()
    if isinstance(target, (str, int)) or not isinstance(target, Sequence) or isinstance(target, bytes):
        values = [_index(target, classes, labels)] * n
    else:
        values = [_index(value, classes, labels) for value in target]
    if len(values) != n:
        raise TargetError(f"target holds {len(values)} classes for a batch of {n}: pass one class, or one per sample.")
    return torch.tensor(values, device=logits.device)


def _checked_logits(logits: Any) -> Tensor:
    if not isinstance(logits, Tensor) or logits.ndim != 2 or logits.is_meta:
        raise InputError(f"logits is {shown(logits)}: expected a tensor (N, classes).")
    return logits


def _index(value: Any, classes: int, labels: Sequence[str] | None) -> int:
    if isinstance(value, str):
        return label_index(value, labels)
    if isinstance(value, bool):
        raise TargetError(f"target is {value}: expected a class index, a label or a callable.")
    try:
        index = whole_number(value, "target", -(2**63))
    except InputError:
        raise TargetError(
            f"target is {shown(value)}: expected a class index, a label, a list of these or a callable."
        ) from None
    if not 0 <= index < classes:
        raise TargetError(f"target class {shown(index)} does not exist: the model has classes 0 to {classes - 1}.")
    return index


def label_index(label: str, labels: Sequence[str] | None) -> int:
    """Return the index of a label, whatever its case.

    Raises:
        TargetError: there are no labels, two like this, or none (the nearest ones are named).
    """
    if not isinstance(label, str):
        raise TargetError(f"label is {shown(label)}: expected the name of a class.")
    if labels is None:
        raise TargetError(
            f"target is the label {shown(label)}, but this model has no labels: pass an index or a Classifier."
        )
    labels, wanted = names_of(labels, "labels"), label.strip().lower()
    found = [index for index, name in enumerate(labels) if name.lower() == wanted]
    if len(found) > 1:
        raise TargetError(f"{len(found)} classes are called {shown(label)}: give the index, one of {found[:5]}.")
    if found:
        return found[0]
    raise TargetError(
        f"There is no class {shown(label)} among the model's {len(labels)} labels.{did_you_mean(label, labels)}"
    )


def scores_of(outputs: Any, target: Target, labels: Sequence[str] | None = None, *, count: int | None = None) -> Tensor:
    """Return the explained score of each sample, (N,): the target's logit, or ``target(outputs)``.

    Args:
        outputs: what the model returned.
        target: as in :func:`class_indices`, or a callable.
        labels: of the classes.
        count: N, where the outputs are no tensor that tells it.

    Raises:
        TargetError: as :func:`class_indices`; or the callable returned anything but one real score per sample.

    Examples:
        >>> logits = torch.tensor([[1.0, 3.0]])
        >>> gradlab.core.scores_of(logits, 0), gradlab.core.scores_of(logits, lambda z: z[:, 1] - z[:, 0])
        (tensor([1.]), tensor([2.]))
    """
    if not callable(target):
        logits = check_logits(outputs)
        return logits.gather(1, class_indices(target, logits, labels)[:, None])[:, 0]
    if count is not None:
        count = whole_number(count, "count", 1)
    scores = target(outputs)
    n = len(outputs) if count is None and isinstance(outputs, Tensor) else count
    if not isinstance(scores, Tensor) or scores.ndim != 1 or (n is not None and len(scores) != n):
        what = f"shape {tuple(scores.shape)}" if isinstance(scores, Tensor) else f"a {type(scores).__name__}"
        raise TargetError(f"The callable target returned {what}: expected one score per sample, shape ({n or 'N'},).")
    if not bool(scores.detach().isfinite().all()):
        raise ModelError("The callable target returned NaN or infinite scores for these inputs.")
    return scores
