"""Shannon's information, from probabilities: NumPy in and out, torch tensors accepted, torch never loaded.

    surprise of an event    -log p                       entropy                H[X] = expected surprise
    joint entropy           H[X, Y]                      conditional entropy    H[X|Y] = sum_y p(y) H[X|Y = y]
    mutual information      I(X; Y) = H[X] - H[X|Y]      divergence             KL(p || q) = sum p log p/q

Shannon, A Mathematical Theory of Communication, 1948. 0 log 0 is 0. The unit is set by the base: 2 bits, ``math.e``
nats, 10 hartleys; with the number of events as base, entropy runs from 0 to 1. All work is done in float64.
"""

from __future__ import annotations

import math
import sys
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Floats",
    "conditional_entropy",
    "entropy",
    "in_words",
    "joint_entropy",
    "kl",
    "mutual_information",
    "refused",
    "surprise",
]

if TYPE_CHECKING:
    from gradlab.core.errors import InputError

Floats: TypeAlias = "NDArray[np.float64]"


def surprise(p: Any, base: float = 2) -> Floats:
    """Return -log p of each event, of any shape; an event that cannot happen (p = 0) surprises infinitely.

    Raises:
        InputError: p holds NaN or numbers outside 0 to 1, or is empty; the base is no positive number other than 1.

    Examples:
        >>> gradlab.information.surprise([0.5, 0.25]).tolist()
        [1.0, 2.0]
    """
    values, slack = _numbers(p, "p")
    if (values > 1 + slack).any():
        raise refused(f"p holds {values.max():g}: a probability is at most 1.")
    result: Floats = 0.0 - _log(np.minimum(values, 1), base)  # not -log: what is certain would give -0.0
    return result


def entropy(p: Any, base: float = 2) -> Floats:
    """Return H = -sum_i p_i log p_i over the last axis: the surprise to expect. 0 <= H <= log N.

    Args:
        p: probabilities (..., N), each row summing to 1.
        base: of the logarithm.

    Returns:
        H of each row (...), in units of the base.

    Raises:
        InputError: negative or NaN values, a row that does not sum to 1, no events; or a wrong base.

    Examples:
        >>> gradlab.information.entropy([[0.5, 0.25, 0.25], [1, 0, 0]]).tolist()
        [1.5, 0.0]
    """
    return _entropy(_distribution(p, "p", 1), base, (-1,))


def joint_entropy(joint: Any, base: float = 2) -> Floats:
    """Return H[X, Y] of tables (..., X, Y), each summing to 1: (...). Errors are those of :func:`entropy`.

    Examples:
        >>> float(gradlab.information.joint_entropy([[0.25, 0.25], [0.25, 0.25]]))
        2.0
    """
    return _entropy(_distribution(joint, "joint", 2), base, (-2, -1))


def conditional_entropy(joint: Any, base: float = 2) -> Floats:
    """Return H[X|Y] = sum_y p(y) H[X|Y = y]: the surprise of X that is left once Y is known.

    For H[Y|X] hand over the table with its axes swapped.

    Args:
        joint: tables (..., X, Y), each summing to 1: X down the rows, Y along the columns.
        base: of the logarithm.

    Returns:
        (...). Errors are those of :func:`entropy`.

    Examples:
        >>> tables = [[[0.5, 0], [0, 0.5]], [[0.25, 0.25], [0.25, 0.25]]]  # Y tells all of X, and nothing
        >>> gradlab.information.conditional_entropy(tables).tolist()
        [0.0, 1.0]
    """
    table = _distribution(joint, "joint", 2)
    given = np.broadcast_to(table.sum(-2, keepdims=True), table.shape)
    return np.maximum(0.0 - _relative(table, given, base, (-2, -1)), 0)


def mutual_information(joint: Any, base: float = 2) -> Floats:
    """Return I(X; Y) = KL(p(x, y) || p(x) p(y)): by how much knowing one *reduces* the surprise of the other.

    The same as H[X] + H[Y] - H[X, Y] and as H[X] - H[X|Y]. It is not conditional entropy, the surprise that is left.

    Args:
        joint: tables (..., X, Y), each summing to 1.
        base: of the logarithm.

    Returns:
        (...), at least 0. Errors are those of :func:`entropy`.

    Examples:
        >>> float(gradlab.information.mutual_information([[0.5, 0], [0, 0.5]]))
        1.0
    """
    table = _distribution(joint, "joint", 2)
    alone = table.sum(-1, keepdims=True) * table.sum(-2, keepdims=True)
    # The divergence is never negative; its rounding may be.
    return np.maximum(_relative(table, alone, base, (-2, -1)), 0)


def kl(p: Any, q: Any, base: float = 2) -> Floats:
    """Return KL(p || q) = sum_i p_i log(p_i / q_i) over the last axis; infinite where p can be and q cannot.

    Args:
        p: probabilities (..., N), each row summing to 1.
        q: likewise; leading axes broadcast.
        base: of the logarithm.

    Returns:
        (...), at least 0.

    Raises:
        InputError: as :func:`entropy`; or the two do not fit together.

    Examples:
        >>> float(gradlab.information.kl([1, 0], [0.5, 0.5])), float(gradlab.information.kl([0.5, 0.5], [1, 0]))
        (1.0, inf)
    """
    a, b = _distribution(p, "p", 1), _distribution(q, "q", 1)
    try:
        if a.shape[-1] != b.shape[-1]:
            raise ValueError
        a, b = np.broadcast_arrays(a, b)
    except ValueError:
        raise refused(f"p has shape {a.shape} and q {b.shape}: both must give the same events.") from None
    return np.maximum(_relative(a, b, base, (-1,)), 0)


def _entropy(p: Floats, base: float, axes: tuple[int, ...]) -> Floats:
    # never negative; where a sum is 1 up to rounding, that rounding may be
    return np.maximum(0.0 - _relative(p, np.ones_like(p), base, axes), 0)


def _relative(p: Floats, q: Floats, base: float, axes: tuple[int, ...]) -> Floats:
    """Return sum p log(p / q) over the axes, with 0 log 0 = 0."""
    there = p > 0
    # Two logarithms, not one of a ratio: p / q may overflow where both are tiny.
    terms = np.where(there, p * (_log(np.where(there, p, 1), base) - _log(np.where(there, q, 1), base)), 0)
    result: Floats = terms.sum(axes)
    return result


def _log(values: Floats, base: Any) -> Floats:
    if isinstance(base, bool) or not isinstance(base, Real) or not 0 < base < 1e300 or base == 1:  # type: ignore[operator]
        raise refused(
            f"base is {in_words(base)}: expected a positive number other than 1, such as 2 (bits) or math.e (nats)."
        )
    with np.errstate(divide="ignore"):
        result: Floats = np.log2(values) / math.log2(base)
    return result


def _distribution(given: Any, name: str, axes: int) -> Floats:
    """Return probabilities whose last ``axes`` axes sum to 1."""
    values, slack = _numbers(given, name)
    if values.ndim < axes:
        wanted = "(..., events)" if axes == 1 else "(..., X, Y), a table"
        raise refused(f"{name} has shape {values.shape}: expected {wanted}.")
    sums = values.sum(tuple(range(-axes, 0)))
    wrong = np.abs(sums - 1) > slack
    if wrong.any():
        raise refused(f"{name} sums to {np.atleast_1d(sums[wrong])[0]:.6g}: probabilities must sum to 1.")
    return values


def _numbers(given: Any, name: str) -> tuple[Floats, float]:
    """Return finite numbers of 0 or more in float64, and how far rounding in their own type may move their sum."""
    torch = sys.modules.get("torch")
    try:
        if torch is not None and isinstance(given, torch.Tensor):
            if given.is_meta or given.is_complex() or given.layout != torch.strided:
                raise TypeError
            eps = torch.finfo(given.dtype).eps if given.is_floating_point() else 0.0
            values = given.detach().cpu().double().numpy()
        else:
            raw = np.asarray(given)
            eps = float(np.finfo(raw.dtype).eps) if raw.dtype.kind == "f" else 0.0
            if raw.dtype.kind not in "fiub":
                raise TypeError
            values = raw.astype(np.float64)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        raise refused(
            f"{name} is a {type(given).__name__} that holds no real numbers: expected probabilities."
        ) from None
    if values.size == 0:
        raise refused(f"{name} has shape {values.shape}, which is empty: at least one probability is needed.")
    if not np.isfinite(values).all():
        raise refused(f"{name} holds NaN or infinite values: expected probabilities.")
    if (values < 0).any():
        raise refused(f"{name} holds {values.min():g}: a probability is at least 0.")
    return values, math.sqrt(eps)


def in_words(value: Any) -> str:
    """Return a value as a message shows it."""
    from gradlab.core.errors import shown  # as above

    return shown(value)


def refused(message: str) -> InputError:
    """Return the error to raise; core's rooms load torch, and only a refusal pays for that."""
    from gradlab.core.errors import InputError

    return InputError(message)
