"""Does a measure of quality say what people say? The statistics of such tables, after VQEG 2000 and ITU-T P.1401."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import optimize, special, stats

from gradlab.core import InputError
from gradlab.core.checks import instance, number, numbers, one_of

__all__ = ["Agreement", "Measure", "agreement"]

Measure = Literal["plcc", "srcc", "krcc", "rmse", "outlier_ratio"]
# Variance of Fisher's z of a correlation of n pairs, v / (n - k): Fisher 1921; Fieller, Hartley and Pearson 1957.
_VARIANCE = {"plcc": (1.0, 3), "srcc": (1.06, 3), "krcc": (0.437, 4)}


@dataclass(frozen=True)
class Agreement:
    """How well objective values follow subjective ones, over n pictures.

    Attributes:
        plcc: Pearson's correlation of the fitted values and the subjective ones.
        srcc: Spearman's correlation of the values as they are: below 0 if one counts quality and the other faults.
        krcc: Kendall's tau-b, likewise.
        rmse: root of the mean squared residual of the fit, in subjective units.
        outlier_ratio: share of pictures whose residual exceeds two standard deviations of their own scores; None
            where these were not given.
        fitted: the objective values on the subjective scale, (n,).
        parameters: of the fit, in the order of its formula.
        n: pictures.
    """

    plcc: float
    srcc: float
    krcc: float
    rmse: float
    outlier_ratio: float | None
    fitted: np.ndarray[Any, Any]
    parameters: tuple[float, ...]
    n: int

    def significance(self, other: Agreement, measure: Measure = "plcc", *, level: float = 0.05) -> int:
        """Return 1 if this is significantly better than the other, -1 if it is worse, 0 if neither can be said.

        ITU-T P.1401: correlations by their magnitude and Fisher's z, RMSE by the ratio of variances (F), outlier ratios
        by the difference of two shares. These tests take the two samples as independent; of two measures of the same
        pictures they are cautious. With many comparisons some turn out by chance: a share of ``level`` of them.

        Raises:
            InputError: an unknown measure, a level that is not in (0, 1), or outlier ratios that are not known.
        """
        level = number(level, "level", above=0, below=1)
        instance(other, "other", Agreement, "another Agreement")
        one_of(measure, "measure", (*_VARIANCE, "rmse", "outlier_ratio"))
        for each, name in ((self, "this Agreement"), (other, "other")):
            if measure in _VARIANCE and each.n <= _VARIANCE[measure][1]:
                raise InputError(f"{name} is of {each.n} pictures: too few to tell {measure} apart.")
        if measure in _VARIANCE:
            ours, theirs = (math.atanh(min(abs(getattr(a, measure)), 1 - 1e-15)) for a in (self, other))
            scale, less = _VARIANCE[measure]
            spread = math.sqrt(scale / (self.n - less) + scale / (other.n - less))
            return _side((ours - theirs) / spread, level)
        if measure == "rmse":
            return _by_variance(self, other, level)
        if self.outlier_ratio is None or other.outlier_ratio is None:
            raise InputError("The outlier ratios are not known: give agreement the spread of the subjective scores.")
        wrong = self.outlier_ratio * self.n + other.outlier_ratio * other.n
        pooled = wrong / (self.n + other.n)
        spread = math.sqrt(pooled * (1 - pooled) * (1 / self.n + 1 / other.n))
        return _side((other.outlier_ratio - self.outlier_ratio) / spread, level) if spread else 0


def agreement(objective: Any, subjective: Any, spread: Any = None, *, parameters: Literal[4, 5] = 5) -> Agreement:
    """Compare a measure's values with people's scores, as tables of image quality do.

    The measure is first brought to the subjective scale by a logistic curve fitted to all pictures, with b from least
    squares: of 5 parameters (Sheikh, Sabir and Bovik, IEEE TIP 2006), b1 (1/2 - 1 / (1 + exp(b2 (x - b3)))) + b4 x +
    b5, or of 4 (VQEG 2000), b2 + (b1 - b2) / (1 + exp(-(x - b3) / b4)). That flatters every measure alike, by as many
    parameters; rank correlations do without.

    Args:
        objective: values x of the measure, (n,).
        subjective: mean opinion scores, or differences of them, (n,).
        spread: standard deviation of each picture's scores, (n,); without it there is no outlier ratio.
        parameters: of the curve, 4 or 5.

    Raises:
        InputError: sizes that differ, NaN, too few pictures, or values that are all the same.

    Examples:
        >>> measured = torch.linspace(0, 1, 20)
        >>> found = gradlab.evaluate.quality.agreement(measured, measured**2)
        >>> round(found.srcc, 6), found.plcc > 0.999
        (1.0, True)
    """
    one_of(parameters, "parameters", (4, 5))
    x, y = _checked(objective, "objective"), _checked(subjective, "subjective")
    if len(x) != len(y) or len(x) <= parameters + 1:
        raise InputError(
            f"There are {len(x)} objective and {len(y)} subjective values: expected as many of both, and more than "
            f"{parameters + 1} for a curve of {parameters} parameters."
        )
    for values, what in ((x, "objective"), (y, "subjective")):
        if np.ptp(values) == 0:
            raise InputError(f"All {what} values are the same: nothing can be correlated with them.")
    found, fitted = _fit(x, y, parameters)
    outliers = None
    if spread is not None:
        deviation = _checked(spread, "spread")
        if len(deviation) != len(y) or (deviation < 0).any():
            raise InputError(f"spread holds {len(deviation)} values: expected {len(y)}, none below 0.")
        outliers = float(np.mean(np.abs(fitted - y) > 2 * deviation))
    return Agreement(
        plcc=float(np.corrcoef(fitted, y)[0, 1]) if np.ptp(fitted) else 0.0,
        srcc=float(stats.spearmanr(x, y).statistic),
        krcc=float(stats.kendalltau(x, y).statistic),
        rmse=float(np.sqrt(np.mean((fitted - y) ** 2))),
        outlier_ratio=outliers,
        fitted=fitted,
        parameters=found,
        n=len(x),
    )


def _logistic(x: Any, parameters: tuple[float, ...]) -> np.ndarray[Any, Any]:
    """Return the curve of :func:`agreement` at x; it has as many parameters as are given."""
    x = np.asarray(x, float)
    if len(parameters) == 5:
        b1, b2, b3, b4, b5 = parameters
        made: np.ndarray[Any, Any] = b1 * (0.5 - special.expit(-b2 * (x - b3))) + b4 * x + b5
        return made
    b1, b2, b3, b4 = parameters
    made = b2 + (b1 - b2) * special.expit((x - b3) / b4)
    return made


def _fit(
    x: np.ndarray[Any, Any], y: np.ndarray[Any, Any], count: int
) -> tuple[tuple[float, ...], np.ndarray[Any, Any]]:
    """Return the parameters of least squares and the fitted values; the best of a few starts."""
    centre, width, low, high = np.median(x), np.std(x), y.min(), y.max()
    slope = float(np.polyfit(x, y, 1)[0])
    rising = math.copysign(1.0, slope)
    starts: list[tuple[float, ...]]
    if count == 5:
        starts = [(rising * (high - low), steep / width, centre, 0.0, y.mean()) for steep in (0.5, 2.0, 8.0)]
        starts.append((1e-3 * (high - low), 1 / width, centre, slope, y.mean() - slope * centre))
    else:
        starts = [(high, low, centre, rising * width / steep) for steep in (0.5, 2.0, 8.0)]
    scale = np.maximum(np.abs(starts), 1e-3).max(0)

    def residual(b: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        difference: np.ndarray[Any, Any] = _logistic(x, tuple(b * scale)) - y
        return difference

    with np.errstate(all="ignore"):
        tried = [optimize.least_squares(residual, np.asarray(s) / scale, method="lm", max_nfev=2000) for s in starts]
    best = min((t for t in tried if np.isfinite(t.cost)), key=lambda t: float(t.cost))
    found = tuple(float(b) for b in best.x * scale)
    return found, _logistic(x, found)


def _by_variance(one: Agreement, other: Agreement, level: float) -> int:
    freedom = [a.n - len(a.parameters) for a in (one, other)]
    variances = [a.rmse**2 * a.n / f for a, f in zip((one, other), freedom, strict=True)]
    if max(variances) == 0:
        return 0
    worse = int(np.argmax(variances))
    ratio = variances[worse] / variances[1 - worse] if variances[1 - worse] else math.inf
    if stats.f.sf(ratio, freedom[worse], freedom[1 - worse]) >= level / 2:
        return 0
    return -1 if worse == 0 else 1


def _side(z: float, level: float) -> int:
    return int(math.copysign(1, z)) if abs(z) > stats.norm.isf(level / 2) else 0


def _checked(values: Any, what: str) -> np.ndarray[Any, Any]:
    found = numbers(values, what)
    if found.ndim != 1 or not found.size or not np.isfinite(found).all():
        raise InputError(f"{what} has shape {found.shape}: expected finite numbers (n,), no NaN, not empty.")
    return found
