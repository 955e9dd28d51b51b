"""What is explained: a class per sample, or any scalar score of the outputs."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor

from gradlab.core.errors import ModelError, TargetError, did_you_mean

__all__ = ["Target", "check_labels_fit", "check_logits", "class_indices", "label_index", "scores_of"]

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
    if not isinstance(outputs, Tensor) or outputs.ndim != 2:
        shape = f"a tensor of shape {tuple(outputs.shape)}" if isinstance(outputs, Tensor) else type(outputs).__name__
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


def check_labels_fit(labels: Sequence[str] | None, outputs: Any) -> None:
    """Raise ``ModelError`` if a network with labels gives logits (N, classes) of another number of classes."""
    if labels is not None and isinstance(outputs, Tensor) and outputs.ndim == 2 and outputs.shape[1] != len(labels):
        raise ModelError(f"The network has {len(labels)} labels for {outputs.shape[1]} classes: give one per class.")


def class_indices(target: Any, logits: Tensor, labels: Sequence[str] | None = None) -> Tensor:
    """Return one class index per sample, (N,) int64, on the logits' device.

    ``target`` is None (the predicted class), one int or label for all samples, or a list or 1-D tensor of N.

    Raises:
        TargetError: an unknown label, an index out of range, or not one target per sample.
        ModelError: more or fewer labels than classes.

    Examples:
        >>> gradlab.core.class_indices(["tree", 0], torch.zeros(2, 2), labels=["cat", "Tree"])
        tensor([1, 0])
    """
    n, classes = logits.shape
    check_labels_fit(labels, logits)
    if target is None:
        return logits.argmax(1)
    if isinstance(target, Tensor):
        if target.ndim > 1 or target.is_floating_point() or target.dtype == torch.bool:
            raise TargetError(
                f"target is a {target.dtype} tensor of shape {tuple(target.shape)}: expected integers of shape ({n},)."
            )
        target = target.tolist()
    if isinstance(target, (str, int)) or not isinstance(target, Sequence):
        values = [_index(target, classes, labels)] * n
    else:
        values = [_index(value, classes, labels) for value in target]
    if len(values) != n:
        raise TargetError(f"target holds {len(values)} classes for a batch of {n}: pass one class, or one per sample.")
    return torch.tensor(values, device=logits.device)


def _index(value: Any, classes: int, labels: Sequence[str] | None) -> int:
    if isinstance(value, str):
        return label_index(value, labels)
    if isinstance(value, bool):
        raise TargetError(f"target is {value}: expected a class index, a label or a callable.")
    try:
        index = operator.index(value)
    except TypeError:
        kind = type(value).__name__
        raise TargetError(
            f"target is a {kind}: expected a class index, a label, a list of these or a callable."
        ) from None
    if not 0 <= index < classes:
        raise TargetError(f"target class {index} does not exist: the model has classes 0 to {classes - 1}.")
    return index


def label_index(label: str, labels: Sequence[str] | None) -> int:
    """Return the index of a label, whatever its case.

    Raises:
        TargetError: there are no labels, two like this, or none (the nearest ones are named).
    """
    if labels is None:
        raise TargetError(
            f"target is the label {label!r}, but this model has no labels: pass an index or a Classifier."
        )
    wanted = label.strip().lower()
    found = [index for index, name in enumerate(labels) if name.lower() == wanted]
    if len(found) > 1:
        raise TargetError(f"{len(found)} classes are called {label!r}: give the index, one of {found[:5]}.")
    if found:
        return found[0]
    raise TargetError(
        f"There is no class {label!r} among the model's {len(labels)} labels.{did_you_mean(label, labels)}"
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
    scores = target(outputs)
    n = len(outputs) if count is None and isinstance(outputs, Tensor) else count
    if not isinstance(scores, Tensor) or scores.ndim != 1 or (n is not None and len(scores) != n):
        what = f"shape {tuple(scores.shape)}" if isinstance(scores, Tensor) else f"a {type(scores).__name__}"
        raise TargetError(f"The callable target returned {what}: expected one score per sample, shape ({n or 'N'},).")
    return scores
