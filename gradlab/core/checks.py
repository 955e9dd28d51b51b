"""Checks at the door of every public function, before any work is done: one for each kind of argument.

Each takes the value and the name that the caller knows it by, and returns the value as the function uses it.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import operator
import os
from collections.abc import Collection, Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils._pytree import tree_iter

from gradlab.core.errors import GradlabError, InputError, ModelError, TargetError, did_you_mean, shown
from gradlab.core.shadow import check_initialised

__all__ = [
    "callable_of", "check_untransformed", "checked_extra", "checked_labels", "checked_path", "checked_probabilities",
    "checked_rows",
    "checked_tensor", "fingerprint", "flag", "instance", "instances", "names_of", "number", "numbers", "one_of",
    "pair_of", "readable", "sequence", "update", "whole_number",
]  # fmt: skip

T = TypeVar("T")


def whole_number(
    value: Any, name: str, low: int, high: int | None = None, kind: type[GradlabError] = InputError
) -> int:
    """Return ``value`` as an int: a Python, NumPy or torch integer from ``low`` to ``high``.

    Raises:
        InputError: anything else, a bool included; or another ``kind``.
    """
    number = None
    plain = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if plain or (_is_scalar(value) and getattr(value, "dtype", None) not in (torch.bool, np.bool_)):
        with contextlib.suppress(TypeError):
            number = operator.index(value)
    if number is None or number < low or (high is not None and number > high):
        wanted = f"of at least {low}" if high is None else f"from {low} to {high}"
        raise kind(f"{name} is {shown(value)}: expected a whole number {wanted}.")
    return number


def _is_scalar(value: Any) -> bool:
    if isinstance(value, Tensor):
        return value.ndim == 0 and not value.is_meta
    return isinstance(value, np.ndarray) and value.ndim == 0


def number(
    value: Any, name: str, least: float = -math.inf, most: float = math.inf, *, above: float | None = None,
    below: float | None = None,
) -> float:  # fmt: skip
    """Return ``value`` as a float: a finite real number from ``least`` to ``most``, or between ``above`` and ``below``.

    Raises:
        InputError: anything else, a bool and NaN included.
    """
    found = math.nan
    if not isinstance(value, (bool, np.bool_)) and (isinstance(value, Real) or _is_scalar(value)):
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            found = float(value)
    if not (
        math.isfinite(found)
        and least <= found <= most
        and (above is None or found > above)
        and (below is None or found < below)
    ):
        raise InputError(f"{name} is {shown(value)}: expected a finite number{_range(least, most, above, below)}.")
    return found


def _range(least: float, most: float, above: float | None, below: float | None) -> str:
    if math.isfinite(least) and math.isfinite(most):
        return f" from {least:g} to {most:g}"
    ends = (("above", above), ("of at least", least), ("below", below), ("of at most", most))
    told = [f"{word} {end:g}" for word, end in ends if end is not None and math.isfinite(end)]
    return f" {' and '.join(told)}" if told else ""


def flag(value: Any, name: str) -> bool:
    """Return True or False; raises ``InputError`` for anything else."""
    if not isinstance(value, (bool, np.bool_)):
        raise InputError(f"{name} is {shown(value)}: expected True or False.")
    return bool(value)


def one_of(value: T, name: str, options: Collection[Any]) -> T:
    """Return the value if it is one of some names or numbers (or None, if that is one); raises ``InputError``."""
    plain = value is None or (isinstance(value, (str, int, np.integer)) and not isinstance(value, bool))
    if not plain or value not in options:
        hint = did_you_mean(value, (each for each in options if isinstance(each, str)))
        some = [repr(each) for each in options]
        wanted = ", ".join(some[:-1]) if len(some) <= 8 else f"{', '.join(some[:5])}, ..."
        raise InputError(f"{name} is {shown(value)}: expected {wanted} or {some[-1]}.{hint}")
    return value


def instance(
    value: Any, name: str, kind: type[T] | tuple[type[T], ...], words: str, error: type[GradlabError] = InputError
) -> T:
    """Return the value if it is of a kind, which ``words`` describe; raises ``error``."""
    if not isinstance(value, kind):
        raise error(f"{name} is {shown(value)}: expected {words}.")
    return value


def instances(value: Any, name: str, kind: type[T], words: str) -> list[T]:
    """Return a list of things of a kind, at least one; raises ``InputError``."""
    found = list(sequence(value, name, words))
    if not found:
        raise InputError(f"{name} is empty: expected {words}.")
    return [instance(each, f"one of {name}", kind, words) for each in found]


def callable_of(value: T, name: str, words: str) -> T:
    """Return the value if it can be called; ``words`` say with what. Raises ``InputError``."""
    if not callable(value) or isinstance(value, type):
        raise InputError(f"{name} is {shown(value)}: expected a function {words}.")
    return value


def sequence(value: Any, name: str, words: str) -> Sequence[Any]:
    """Return a list, a tuple or the like, or a NumPy vector, no text; raises ``InputError``."""
    if isinstance(value, np.ndarray) and value.ndim == 1:
        return list(value)
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Sequence):
        raise InputError(f"{name} is {shown(value)}: expected {words}.")
    return value


def names_of(value: Any, name: str) -> list[str]:
    """Return a sequence of texts as a list; raises ``InputError``."""
    found = list(sequence(value, name, "a list of names"))
    wrong = next((each for each in found if not isinstance(each, str)), None)
    if wrong is not None or None in found:
        raise InputError(f"{name} holds {shown(wrong)}: expected names, such as 'cat'.")
    return found


def pair_of(value: Any, name: str, low: int = 1, high: int = 100_000) -> tuple[int, int]:
    """Return (height, width) of one whole number, for both, or of two; raises ``InputError``."""
    given = value if isinstance(value, (tuple, list)) else (value, value)
    try:
        height, width = (whole_number(each, name, low, high) for each in given)
    except (InputError, ValueError):
        raise InputError(
            f"{name} is {shown(value)}: expected a number of pixels from {low} to {high}, or (height, width)."
        ) from None
    return height, width


def checked_path(value: Any, name: str, kind: type[GradlabError] = InputError) -> Path:
    """Return a path, ``~`` expanded; raises ``kind`` for what no system takes for one."""
    wrong = None
    if not isinstance(value, (str, os.PathLike)) or isinstance(os.fspath(value), bytes):
        wrong = "a path as text or as pathlib.Path"
    elif not str(value) or "\0" in str(value):
        wrong = "a path, not empty and without the character NUL"
    elif len(os.fsencode(str(value))) > 4000 or any(len(os.fsencode(part)) > 255 for part in Path(value).parts):
        wrong = "a path of at most 4,000 bytes with names of at most 255"
    if wrong is not None:
        raise kind(f"{name} is {shown(value)}: expected {wrong}.")
    try:
        return Path(value).expanduser()
    except RuntimeError:  # of a user who does not exist
        return Path(value)


def checked_extra(extra_inputs: Any) -> Sequence[Any]:
    """Return what a model reads beside the pictures; raises ``InputError`` if it is no list or tuple."""
    if isinstance(extra_inputs, (str, bytes)) or not isinstance(extra_inputs, Sequence):
        what = "a list or tuple of what the model reads beside the pictures"
        raise InputError(f"extra_inputs is {shown(extra_inputs)}: expected {what}.")
    return extra_inputs


def readable(value: Tensor) -> bool:
    """Return whether a tensor has numbers in memory, one for each place: it is neither meta nor sparse."""
    return not value.is_meta and value.layout == torch.strided and not value.is_quantized


def checked_tensor(value: Any, name: str, *shape: int | str, empty: bool = False) -> Tensor:
    """Return a floating tensor of finite numbers, with one axis for each of ``shape``; a last "..." stands for any.

    Raises:
        InputError: anything else; ``empty`` lets one without numbers pass.
    """
    wanted = ", ".join(map(str, shape)) + "," * (len(shape) == 1)
    if not isinstance(value, Tensor) or not readable(value):
        raise InputError(f"{name} is {_kind(value)}: expected a floating tensor ({wanted}).")
    own: tuple[int | str, ...] = shape[:-1] if shape[-1:] == ("...",) else shape
    fits = value.ndim >= len(own) if own != shape else value.ndim == len(own)
    fits = fits and all(isinstance(want, str) or want == n for want, n in zip(own, value.shape, strict=False))
    if not fits or not value.is_floating_point() or not (empty or value.numel()):
        full = "" if empty else ", not empty"
        raise InputError(f"{name} is {_kind(value)}: expected a floating tensor ({wanted}){full}.")
    if not bool(torch.isfinite(value.detach()).all()):
        raise InputError(f"{name} holds NaN or infinite values.")
    return value


def _kind(value: Any) -> str:
    if isinstance(value, Tensor) and not readable(value):
        return f"a tensor without values in memory (device {value.device}, layout {value.layout})"
    return shown(value)


def numbers(values: Any, name: str) -> NDArray[np.float64]:
    """Return real numbers of any shape in double precision, as a copy, from a tensor, an array or a sequence.

    Raises:
        InputError: anything else.
    """
    given = values
    if isinstance(values, Tensor):
        given = values.detach().cpu() if readable(values) else None
        given = given.double().numpy() if given is not None and not given.is_complex() else None
    found = None
    if given is not None and not isinstance(given, (str, bytes, Mapping, bool)):
        with contextlib.suppress(TypeError, ValueError, RuntimeError, OverflowError):
            raw = np.asarray(given)
            found = np.array(raw, np.float64) if raw.dtype.kind in "iuf" else None
    if found is None:
        raise InputError(f"{name} is {_kind(values)}: expected numbers.")
    return found


_INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


def checked_labels(labels: Any, n: int, classes: int, name: str = "labels") -> Tensor:
    """Return labels as (n,) int64.

    Raises:
        TargetError: not n integers in 0 .. classes - 1.
    """
    values = None
    if not isinstance(labels, (str, bytes)):
        with contextlib.suppress(TypeError, ValueError, RuntimeError, OverflowError):
            values = labels if isinstance(labels, Tensor) else torch.as_tensor(labels, device="cpu")
    if values is None or not readable(values):
        raise TargetError(f"{name} is {_kind(labels)}: expected {n} integers, shape ({n},).")
    if values.shape != (n,) or values.dtype not in _INTEGERS:
        raise TargetError(
            f"{name} has shape {tuple(values.shape)} and dtype {values.dtype}: expected {n} integers, shape ({n},)."
        )
    if n and not (int(values.min()) >= 0 and int(values.max()) < classes):
        raise TargetError(
            f"{name} range from {int(values.min())} to {int(values.max())}: expected 0 to {classes - 1}, the classes."
        )
    return values.long()


def checked_probabilities(probabilities: Any, name: str = "probabilities") -> Tensor:
    """Return probabilities (n, classes) in double precision; raises ``InputError`` for anything else."""
    p = checked_rows(probabilities, name)
    slack = max(1e-3, torch.finfo(probabilities.dtype).eps)  # bfloat16 has three digits
    if bool((p < 0).any()) or bool(((p.sum(1) - 1).abs() > slack).any()):
        raise InputError(f"{name} are not rows that sum to 1: pass logits.softmax(1).")
    return p


def checked_rows(values: Any, what: str) -> Tensor:
    """Return finite values (n, classes) detached and in double precision; raises ``InputError`` for anything else."""
    return checked_tensor(values, what, "n", "classes").detach().double()


def check_untransformed() -> None:
    """Raise ``InputError`` inside a transform of torch.func: no value can be read there, nor does autograd record."""
    if torch._C._functorch.peek_interpreter_stack() is not None:
        raise InputError(
            "gradlab cannot be called inside a transform of torch.func (vmap, grad, jacrev and the like): its methods "
            "are batched as they are. Call them outside."
        )


def fingerprint(model: nn.Module) -> str:
    """Return a digest of the names, types, shapes and values of a model's weights and buffers.

    Raises:
        ModelError: they are on the meta device.
    """
    check_untransformed()
    total = hashlib.blake2b(digest_size=16)
    with torch.device("cpu"):  # a quantised layer makes the tensor of its scale when it is asked
        state = model.state_dict()
    for name, values in sorted(state.items()):
        for part in tree_iter(values):  # a quantised layer packs its weight and bias together
            if not isinstance(part, Tensor):
                total.update(f"{name} {part!r};".encode())
                continue
            check_initialised(part)
            if part.is_meta:
                raise ModelError(f"The model has no values on the meta device ({name}): load its weights first.")
            total.update(f"{name} {part.dtype} {tuple(part.shape)};".encode())
            update(total, part.dequantize() if part.is_quantized else part)
    return total.hexdigest()


def update(total: Any, values: Tensor) -> None:
    """Add a tensor's bytes to a digest."""
    flat = values.detach().cpu().contiguous().reshape(-1)
    total.update(flat.view(torch.uint8).numpy())
