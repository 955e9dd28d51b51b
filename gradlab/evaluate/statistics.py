"""What a few repetitions tell: differences taken pair by pair, a mean, and how far it can be trusted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import Any, NamedTuple

import numpy as np

from gradlab.core.checks import number, numbers
from gradlab.core.errors import InputError, shown

__all__ = ["Interval", "mean_interval", "paired_differences"]


class Interval(NamedTuple):
    """A mean and half the width of its confidence interval, in the unit of the values.

    Attributes:
        mean: of the values.
        half: mean - half to mean + half is the interval; NaN if there was one value.
    """

    mean: float
    half: float

    @property
    def sign(self) -> int:
        """The sign of the mean, or 0 if the interval holds 0 or is not known."""
        return (self.mean > self.half) - (self.mean < -self.half)


def mean_interval(values: Sequence[float], *, confidence: float = 0.95) -> Interval:
    """Return the mean of independent repetitions and half its confidence interval, t(n - 1) s / sqrt(n).

    s is the deviation with n - 1 below the line, t the quantile of Student's distribution that leaves out
    (1 - confidence) / 2 on either side (Student, Biometrika 1908). The values should be near normal.

    Args:
        values: one number for each repetition (n,).
        confidence: share of such intervals that hold the true mean, between 0 and 1.

    Raises:
        InputError: no values, or a confidence outside 0 to 1.

    Examples:
        >>> from gradlab.evaluate.statistics import mean_interval
        >>> mean, half = mean_interval([0.71, 0.74, 0.72])
        >>> f"{mean:.3f} ± {half:.3f}"
        '0.723 ± 0.038'
    """
    confidence = number(confidence, "confidence", above=0, below=1)
    values = _checked(values, "values")
    if len(values) == 1:
        return Interval(values[0], math.nan)
    from scipy.special import stdtrit

    n = len(values)
    return Interval(fmean(values), float(stdtrit(n - 1, (1 + confidence) / 2)) * stdev(values) / math.sqrt(n))


def paired_differences(mine: Sequence[float], others: Sequence[float]) -> list[float]:
    """Return mine less the others, repetition by repetition, to twelve digits of the larger: the rest is rounding.

    What both share, the same start or the same pictures, leaves the differences, so that their interval is narrower
    than that of two separate means. One value alone stands for every repetition: an arm without chance has no other.

    Args:
        mine: one number for each repetition (n,), or one (1,).
        others: of the same repetitions in the same order.

    Raises:
        InputError: numbers of values that cannot be paired.

    Examples:
        >>> from gradlab.evaluate.statistics import paired_differences
        >>> paired_differences([0.3, 0.7], [0.1])
        [0.2, 0.6]
    """
    mine, others = _checked(mine, "mine"), _checked(others, "others")
    n = max(len(mine), len(others))
    if not {len(mine), len(others)} <= {1, n}:
        raise InputError(f"{len(mine)} and {len(others)} values cannot be paired.")
    pairs = zip(*(values if len(values) == n else [values[0]] * n for values in (mine, others)), strict=True)
    return [_to_twelve_digits(float(a - b), max(abs(a), abs(b))) for a, b in pairs]


def _checked(values: Any, name: str) -> list[float]:
    found = numbers(values, name)
    if found.ndim != 1 or not found.size or not np.isfinite(found).all():
        raise InputError(f"{name} is {shown(values)}: expected finite numbers (n,), at least one.")
    return [float(each) for each in found]


def _to_twelve_digits(difference: float, size: float) -> float:
    places = 11 - math.floor(math.log10(size)) if size else 0
    return round(difference, places) + 0.0  # no minus before a 0
