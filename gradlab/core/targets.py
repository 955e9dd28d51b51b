"""What is explained: a class per sample, or any scalar score of the outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from gradlab.core.checks import instance, names_of, readable, whole_number
from gradlab.core.errors import InputError, ModelError, TargetError, did_you_mean, shown
from gradlab.core.search import groups_of, search

__all__ = ["Target", "check_logits", "check_outputs", "class_indices", "label_index", "logits_in", "scores_of"]

MOST_NAMED = 5  # classes in an error

Target: TypeAlias = "int | str | Tensor | Sequence[int | str] | Callable[[Any], Tensor] | None"


def logits_in(outputs: Any) -> Any:
    """Return the logits among a model's outputs; where there are none, the outputs as they are.

    A tensor is itself; of an object or mapping it is what it calls ``logits`` (Hugging Face, torchvision's named
    tuples); of any other mapping, sequence or data class, its only floating tensor (N, classes).

    Examples:
        >>> z = torch.zeros(2, 3)
        >>> all(gradlab.core.targets.logits_in(given) is z for given in (z, {"logits": z}, (torch.zeros(2), z)))
        True
    """
    if isinstance(outputs, Tensor):
        return outputs
    held = outputs if isinstance(outputs, Mapping) else getattr(outputs, "__dict__", {})
    named = held["logits"] if "logits" in held else getattr(outputs, "logits", None)
    if isinstance(named, Tensor):
        return named
    each = outputs if isinstance(outputs, (list, tuple)) else held.values()
    found = [v for v in each if isinstance(v, Tensor) and v.ndim == 2 and v.is_floating_point()]
    return found[0] if len(found) == 1 else outputs


def check_logits(outputs: Any, least: int = 1, *, count: int | None = None) -> Tensor:
    """Return the logits among the outputs (:func:`logits_in`) if they are finite, of ``least`` classes or more.

    ``count`` is N, where it is known. Whoever needs two classes or more takes their softmax, so that outputs which are
    a softmax's already are refused then.

    Raises:
        ModelError: there are none; only a callable target can read such outputs.

    Examples:
        >>> gradlab.core.check_logits(torch.zeros(2, 3)).shape
        torch.Size([2, 3])
        >>> gradlab.core.check_logits(torch.zeros(3))
        Traceback (most recent call last):
        gradlab.core.errors.ModelError: The model returns a tensor of shape (3,), not logits (N, classes). ...
    """
    count = None if count is None else whole_number(count, "count", 1)
    least, logits = whole_number(least, "least", 1), logits_in(outputs)
    if not isinstance(logits, Tensor) or logits.ndim != 2 or not logits.is_floating_point() or not readable(logits):
        shape = f"a tensor of shape {tuple(logits.shape)}" if isinstance(logits, Tensor) else type(logits).__name__
        if isinstance(logits, Tensor) and logits.ndim == 2:
            shape += f" and dtype {logits.dtype} on {logits.device}"
        raise ModelError(
            f"The model returns {shape}, not logits (N, classes). Methods with a target take a callable, "
            "outputs -> (N,) scores, instead."
        )
    if count is not None and len(logits) != count:
        raise ModelError(
            f"The model returns {len(logits)} rows of logits for {count} pictures: expected one row (classes,) each."
        )
    if logits.shape[1] < least:
        raise ModelError(
            f"The model returns {logits.shape[1]} logit: this needs the logits (N, classes) of two or more classes."
        )
    _check_finite(logits)
    if least > 1 and _are_probabilities(logits.detach()):
        raise ModelError(
            "The model returns probabilities: each row sums to 1. Their softmax would be taken once more: give a model "
            "that returns logits, or their logarithm."
        )
    return logits


def _are_probabilities(outputs: Tensor) -> bool:
    """Tell whether a network's outputs have gone through a softmax already."""
    slack = max(1e-5, 4 * torch.finfo(outputs.dtype).eps)
    return bool((outputs >= 0).all()) and bool(((outputs.double().sum(1) - 1).abs() <= slack).all())


def check_outputs(outputs: Any, labels: Sequence[str] | None) -> None:
    """Raise ``ModelError`` for NaN and infinity, and for logits (N, classes) of more or fewer classes than labels."""
    found = logits_in(outputs)
    if not isinstance(found, Tensor) or not found.is_floating_point() or not readable(found):
        return
    _check_finite(found)
    _check_labels(found, labels)


def _check_finite(outputs: Tensor) -> None:
    # A sum is finite only if all its terms are; it may overflow, so ask again.
    if not bool(outputs.detach().sum().isfinite()) and not bool(outputs.detach().isfinite().all()):
        raise ModelError("The model returns NaN or infinite values for these inputs.")


def _check_labels(outputs: Tensor, labels: Sequence[str] | None) -> None:
    if isinstance(labels, Sequence) and outputs.ndim == 2 and outputs.shape[1] != len(labels):
        raise ModelError(f"The network has {len(labels)} labels for {outputs.shape[1]} classes: give one per class.")


def class_indices(target: Any, logits: Tensor, labels: Sequence[str] | None = None, *, name: str = "target") -> Tensor:
    """Return one class index per sample, (N,) int64, on the logits' device.

    ``target`` is None (the predicted class), one int or label for all samples, or a list or 1-D tensor of N; ``name``
    is what the caller calls it.

    Raises:
        TargetError: an unknown label, an index out of range, or not one target per sample.
        ModelError: more or fewer labels than classes.

    Examples:
        >>> gradlab.core.class_indices(["tree", 0], torch.zeros(2, 2), labels=["cat", "Tree"])
        tensor([1, 0])
    """
    instance(name, "name", str, "what the caller calls the target")
    n, classes = _checked_logits(logits).shape
    _check_labels(logits, labels)
    if target is None:
        return logits.argmax(1)
    if isinstance(target, Tensor):
        whole = not (target.is_floating_point() or target.is_complex() or target.dtype == torch.bool)
        if target.ndim > 1 or not whole or not readable(target):
            raise TargetError(
                f"{name} is a {target.dtype} tensor of shape {tuple(target.shape)}: expected integers of shape ({n},)."
            )
        target = target.tolist()
    if isinstance(target, np.ndarray) and target.ndim == 1 and target.dtype.kind in "iu":
        target = target.tolist()
    if isinstance(target, (str, int)) or not isinstance(target, Sequence) or isinstance(target, bytes):
        values = [_index(target, classes, labels, name)] * n
    else:
        values = [_index(value, classes, labels, name) for value in target]
    if len(values) != n:
        raise TargetError(f"{name} holds {len(values)} classes for a batch of {n}: pass one class, or one per sample.")
    return torch.tensor(values, device=logits.device)


def _checked_logits(logits: Any) -> Tensor:
    if not isinstance(logits, Tensor) or logits.ndim != 2 or logits.is_meta:
        raise InputError(f"logits is {shown(logits)}: expected a tensor (N, classes).")
    return logits


def _index(value: Any, classes: int, labels: Sequence[str] | None, name: str) -> int:
    if isinstance(value, str):
        return label_index(value, labels, name)
    if isinstance(value, bool):
        raise TargetError(f"{name} is {value}: expected a class index, a label or a callable.")
    try:
        index = whole_number(value, name, -(2**63))
    except InputError:
        raise TargetError(
            f"{name} is {shown(value)}: expected a class index, a label, a list of these or a callable."
        ) from None
    if not 0 <= index < classes:
        raise TargetError(f"{name} class {shown(index)} does not exist: the model has classes 0 to {classes - 1}.")
    return index


def label_index(label: str, labels: Sequence[str] | None, name: str = "label") -> int:
    """Return the index of a label, whatever its case.

    Raises:
        TargetError: there are no labels, two like this, or none (the nearest ones are named).
    """
    if not isinstance(label, str):
        raise TargetError(f"{name} is {shown(label)}: expected the name of a class.")
    if labels is None:
        raise TargetError(
            f"{name} is the label {shown(label)}, but this model has no labels: pass an index or a Classifier."
        )
    labels, wanted = names_of(labels, "labels"), label.strip().lower()
    found = [index for index, name in enumerate(labels) if name.lower() == wanted]
    if len(found) > 1:
        raise TargetError(f"{len(found)} classes are called {shown(label)}: give the index, one of {found[:5]}.")
    if found:
        return found[0]
    there = search(wanted, labels, groups_of(labels))[:MOST_NAMED] if wanted else []
    meant = f" Did you mean {' or '.join(repr(labels[c]) for c in there)}?" if there else did_you_mean(label, labels)
    raise TargetError(f"There is no class {shown(label)} among the model's {len(labels)} labels.{meant}")


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
        logits = check_logits(outputs, count=count)
        return logits.gather(1, class_indices(target, logits, labels)[:, None])[:, 0]
    if count is not None:
        count = whole_number(count, "count", 1)
    scores = target(outputs)
    n = len(outputs) if count is None and isinstance(outputs, Tensor) else count
    if not isinstance(scores, Tensor) or scores.ndim != 1 or (n is not None and len(scores) != n):
        what = f"shape {tuple(scores.shape)}" if isinstance(scores, Tensor) else f"a {type(scores).__name__}"
        raise TargetError(f"The callable target returned {what}: expected one score per sample, shape ({n or 'N'},).")
    if not scores.is_floating_point():
        raise TargetError(f"The callable target returned {scores.dtype}: expected real scores, such as logits.")
    if not bool(scores.detach().isfinite().all()):
        raise ModelError("The score is NaN or infinite for these inputs.")
    return scores
