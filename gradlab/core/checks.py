"""Checks on labels, probabilities and scores, before any work is done."""

from __future__ import annotations

import hashlib
import operator
from typing import Any

import torch
from torch import Tensor, nn

from gradlab.core.errors import InputError, TargetError

__all__ = ["checked_labels", "checked_probabilities", "checked_rows", "fingerprint", "update", "whole_number"]


def checked_labels(labels: Any, n: int, classes: int) -> Tensor:
    """Return labels as (n,) int64.

    Raises:
        TargetError: not n integers in 0 .. classes - 1.
    """
    try:
        values = labels if isinstance(labels, Tensor) else torch.as_tensor(labels, device="cpu")
    except (TypeError, ValueError, RuntimeError) as error:
        raise TargetError(f"labels cannot be read as a tensor of integers ({error}).") from error
    if values.shape != (n,) or values.is_floating_point() or values.dtype == torch.bool:
        raise TargetError(
            f"labels has shape {tuple(values.shape)} and dtype {values.dtype}: expected {n} integers, shape ({n},)."
        )
    if n and not (int(values.min()) >= 0 and int(values.max()) < classes):
        raise TargetError(
            f"labels range from {int(values.min())} to {int(values.max())}: expected 0 to {classes - 1}, the classes."
        )
    return values.long()


def checked_probabilities(probabilities: Any) -> Tensor:
    """Return probabilities (n, classes) in double precision; raises ``InputError`` for anything else."""
    p = checked_rows(probabilities, "probabilities")
    if bool((p < 0).any()) or bool(((p.sum(1) - 1).abs() > 1e-3).any()):
        raise InputError("probabilities are not rows that sum to 1: pass logits.softmax(1).")
    return p


def checked_rows(values: Any, what: str) -> Tensor:
    """Return finite values (n, classes) detached and in double precision; raises ``InputError`` for anything else."""
    if not isinstance(values, Tensor) or values.ndim != 2 or not values.numel() or not values.is_floating_point():
        shape = tuple(values.shape) if isinstance(values, Tensor) else type(values).__name__
        raise InputError(f"{what} is {shape}: expected a floating tensor (n, classes), not empty.")
    if not bool(torch.isfinite(values).all()):
        raise InputError(f"{what} holds NaN or infinite values.")
    return values.detach().double()


def fingerprint(model: nn.Module) -> str:
    """Return a digest of the names, types, shapes and values of a model's weights and buffers."""
    total = hashlib.blake2b(digest_size=16)
    for name, values in sorted(model.state_dict().items()):
        total.update(f"{name} {values.dtype} {tuple(values.shape)};".encode())
        update(total, values)
    return total.hexdigest()


def update(total: Any, values: Tensor) -> None:
    """Add a tensor's bytes to a digest."""
    flat = values.detach().cpu().contiguous().reshape(-1)
    total.update(flat.view(torch.uint8).numpy())


def whole_number(value: Any, name: str, low: int, high: int | None = None) -> int:
    """Return ``value`` as an int: a Python, NumPy or torch integer from ``low`` to ``high``.

    Raises:
        InputError: anything else, a bool included.
    """
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < low or (high is not None and number > high):
        wanted = f"of at least {low}" if high is None else f"from {low} to {high}"
        raise InputError(f"{name} is {value!r}: expected a whole number {wanted}.")
    return number
