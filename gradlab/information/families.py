"""Fisher information of families with one parameter, and of a choice among labels: three ways to the same number.

For the log-likelihood l = log p(x|theta), the score is U = dl/dtheta, and under the usual regularity

    I(theta) = Var(U) = E[U U^T] = -E[d2l / dtheta2]

The second form holds because E[U] = 0: the integral of dp/dtheta is the derivative of 1. The third holds because twice
differentiating under the integral gives 0 as well. All expectations are over x drawn from p(x|theta) *itself*. Fisher,
On the Mathematical Foundations of Theoretical Statistics, 1922. NumPy only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
from scipy.special import gammaln, log_softmax, softmax

from gradlab.information.shannon import Floats, in_words, refused

__all__ = [
    "Family",
    "Law",
    "ThreeWays",
    "bernoulli",
    "categorical",
    "gaussian_mean",
    "gaussian_scale",
    "poisson",
]

MOST_SAMPLES = 100_000_000

Law: TypeAlias = "Callable[[Floats, Floats], Floats]"


@dataclass(frozen=True)
class ThreeWays:
    """Fisher information from n samples, in three ways, beside the textbook's.

    theta has shape *t: () for a number, (k,) for the logits of k labels.

    Attributes:
        mean_score: mean of U, *t; 0 but for sampling.
        variance: mean of U U^T minus mean U mean U^T, (*t, *t).
        second_moment: mean of U U^T, (*t, *t).
        curvature: minus the mean of the second derivative, (*t, *t).
        standard_error: of ``second_moment``, (*t, *t); it shrinks as 1 / sqrt(n).
        exact: the closed form, (*t, *t).
    """

    mean_score: Floats
    variance: Floats
    second_moment: Floats
    curvature: Floats
    standard_error: Floats
    exact: Floats


@dataclass(frozen=True)
class Family:
    """A parametric family p(x|theta): what is likely, its slope, its curvature, its information.

    Attributes:
        name: of the family and its parameter.
        log_likelihood: (x, theta) -> log p(x|theta), (n,).
        score: (x, theta) -> U = d log p / d theta, (n, *t).
        hessian: (x, theta) -> second derivatives, (n, *t, *t).
        fisher: theta -> the textbook's closed form, (*t, *t).
    """

    name: str
    _log_likelihood: Law
    _score: Law
    _hessian: Law
    _fisher: Callable[[Floats], Floats]
    _draw: Callable[[np.random.Generator, Floats, int], Any]
    _domain: Callable[[Floats], bool]
    _domain_words: str
    _support: Callable[[Floats, Floats], Any]
    _support_words: str

    def log_likelihood(self, x: Any, theta: Any) -> Floats:
        """Return log p(x|theta) in nats, (n,): of each sample, not of all together.

        Raises:
            InputError: theta or a sample lies outside the family's range.
        """
        return self._log_likelihood(*self._checked(x, theta))

    def score(self, x: Any, theta: Any) -> Floats:
        """Return U = d log p(x|theta) / d theta, (n, *t). Errors are those of :meth:`log_likelihood`."""
        return self._score(*self._checked(x, theta))

    def hessian(self, x: Any, theta: Any) -> Floats:
        """Return d2 log p(x|theta) / d theta2, (n, *t, *t). Errors are those of :meth:`log_likelihood`."""
        return self._hessian(*self._checked(x, theta))

    def fisher(self, theta: Any) -> Floats:
        """Return I(theta) from the textbook, (*t, *t). Raises ``InputError`` where theta is out of range."""
        return np.asarray(self._fisher(self._theta(theta)))[()]

    def sample(self, theta: Any, n: int, seed: Any = 0) -> Floats:
        """Draw n samples from p(x|theta), (n,).

        Raises:
            InputError: theta is out of range, or n is no positive whole number.
        """
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or not 1 <= n <= MOST_SAMPLES:
            raise refused(f"n is {in_words(n)}: expected a positive whole number of samples, at most {MOST_SAMPLES}.")
        drawn = self._draw(_generator(seed), self._theta(theta), int(n))
        return np.asarray(drawn, dtype=np.float64)

    def three_ways(self, theta: Any, n: int = 10_000, seed: Any = 0) -> ThreeWays:
        """Draw n samples and find the information from them in three ways. Errors are those of :meth:`sample`."""
        x, t = self.sample(theta, n, seed), self._theta(theta)
        if len(x) * t.size**2 > MOST_SAMPLES:
            raise refused(f"n is {len(x)}: too many samples for matrices of {t.size} x {t.size}.")
        scores = self._score(x, t).reshape(n, -1)
        products = scores[:, :, None] * scores[:, None]
        mean, moment = scores.mean(0), products.mean(0)
        shape = t.shape + t.shape

        def shaped(values: Any) -> Floats:
            return np.asarray(values).reshape(shape)[()]

        return ThreeWays(
            mean_score=mean.reshape(t.shape)[()],
            variance=shaped(moment - np.outer(mean, mean)),
            second_moment=shaped(moment),
            curvature=shaped(-self._hessian(x, t).mean(0)),
            standard_error=shaped(products.std(0) / np.sqrt(n)),
            exact=self.fisher(theta),
        )

    def _theta(self, theta: Any) -> Floats:
        try:
            value = _floats(theta)
        except (TypeError, ValueError, RuntimeError, OverflowError):
            value = np.asarray(np.nan)
        if not np.isfinite(value).all() or not self._domain(value):
            raise refused(f"theta is {in_words(theta)}: {self.name} needs {self._domain_words}.")
        return value

    def _checked(self, x: Any, theta: Any) -> tuple[Floats, Floats]:
        t = self._theta(theta)
        try:
            values = np.atleast_1d(_floats(x))
        except (TypeError, ValueError, RuntimeError, OverflowError):
            values = np.asarray([np.nan])
        if values.ndim != 1 or not values.size:
            raise refused(f"x has shape {values.shape}: expected samples (n,), at least one.")
        if not np.isfinite(values).all() or not np.all(self._support(values, t)):
            raise refused(f"x holds values that {self.name} cannot give: expected {self._support_words}.")
        return values, t


def _floats(given: Any) -> Floats:
    """Return numbers in float64; raises ``TypeError`` for words, truth values and complex numbers."""
    raw = np.asarray(given.detach().cpu() if hasattr(given, "detach") else given)
    if raw.dtype.kind not in "fiu":
        raise TypeError
    return raw.astype(np.float64)


def gaussian_mean(sigma: float = 1.0) -> Family:
    """N(theta, sigma^2) with known sigma: U = (x - theta) / sigma^2, I = 1 / sigma^2, the same at every theta.

    Examples:
        >>> float(gradlab.information.families.gaussian_mean(sigma=2).fisher(0.0))
        0.25
    """
    s = _number(sigma, "sigma", above=0)
    return Family(
        f"gaussian mean, sigma {s:g}",
        lambda x, t: _normal(x, t, s),
        lambda x, t: (x - t) / s**2,
        lambda x, t: np.full_like(x, -1 / s**2),
        lambda t: np.full_like(t, 1 / s**2),
        lambda rng, t, n: rng.normal(t, s, n),
        _is_number, "a number", _anything, "numbers",
    )  # fmt: skip


def gaussian_scale(mu: float = 0.0) -> Family:
    """N(mu, theta^2) with known mu: U = ((x - mu)^2 / theta^2 - 1) / theta, I = 2 / theta^2.

    Examples:
        >>> float(gradlab.information.families.gaussian_scale().fisher(2.0))
        0.5
    """
    m = _number(mu, "mu")
    return Family(
        f"gaussian scale, mu {m:g}",
        lambda x, t: _normal(x, np.asarray(m), t),
        lambda x, t: ((x - m) ** 2 / t**2 - 1) / t,
        lambda x, t: 1 / t**2 - 3 * (x - m) ** 2 / t**4,
        lambda t: 2 / t**2,
        lambda rng, t, n: rng.normal(m, t, n),
        _is_positive, "a number above 0", _anything, "numbers",
    )  # fmt: skip


def bernoulli() -> Family:
    """A coin that shows 1 with probability theta: U = x/theta - (1-x)/(1-theta), I = 1 / (theta (1 - theta)).

    Examples:
        >>> found = gradlab.information.families.bernoulli().three_ways(0.5, n=1000)
        >>> float(found.exact), abs(float(found.variance) - 4) < 0.1
        (4.0, True)
    """
    return Family(
        "bernoulli",
        lambda x, t: x * np.log(t) + (1 - x) * np.log1p(-t),
        lambda x, t: x / t - (1 - x) / (1 - t),
        lambda x, t: -x / t**2 - (1 - x) / (1 - t) ** 2,
        lambda t: 1 / (t * (1 - t)),
        lambda rng, t, n: rng.random(n) < t,
        lambda t: t.ndim == 0 and 0 < float(t) < 1, "a number between 0 and 1",
        lambda x, t: (x == 0) | (x == 1), "0 or 1",
    )  # fmt: skip


def poisson() -> Family:
    """Counts with mean theta: U = x / theta - 1, I = 1 / theta.

    Examples:
        >>> gradlab.information.families.poisson().score([0, 4], theta=2.0).tolist()
        [-1.0, 1.0]
    """
    return Family(
        "poisson",
        lambda x, t: x * np.log(t) - t - gammaln(x + 1),
        lambda x, t: x / t - 1,
        lambda x, t: -x / t**2,
        lambda t: 1 / t,
        lambda rng, t, n: rng.poisson(t, n),
        _is_positive, "a number above 0",
        lambda x, t: (x >= 0) & (x == np.floor(x)), "whole numbers from 0",
    )  # fmt: skip


def categorical() -> Family:
    """A choice among k labels with logits theta (k,), p = softmax(theta): U = e_x - p, I = diag p - p p^T.

    This is the last step of every classifier, and -U = p - e_x the vector that every method of the course pushes back.
    Adding a number to all logits changes nothing, so I has the vector of ones in its null space.

    Examples:
        >>> gradlab.information.families.categorical().fisher([0.0, 0.0]).tolist()
        [[0.25, -0.25], [-0.25, 0.25]]
    """

    def curvature(theta: Floats) -> Floats:
        p: Floats = softmax(theta)
        return np.diag(p) - np.outer(p, p)

    return Family(
        "categorical",
        lambda x, t: log_softmax(t)[x.astype(int)],
        lambda x, t: np.eye(len(t))[x.astype(int)] - softmax(t),
        lambda x, t: np.broadcast_to(-curvature(t), (len(x), len(t), len(t))),
        curvature,
        lambda rng, t, n: rng.choice(len(t), n, p=softmax(t)),
        lambda t: t.ndim == 1 and len(t) > 1, "logits (k,) of two labels or more",
        lambda x, t: (x >= 0) & (x < len(t)) & (x == np.floor(x)), "labels 0 to k - 1",
    )  # fmt: skip


def _normal(x: Floats, mean: Any, sigma: Any) -> Floats:
    result: Floats = -0.5 * ((x - mean) / sigma) ** 2 - np.log(sigma) - 0.5 * np.log(2 * np.pi)
    return result


def _number(value: Any, name: str, above: float = -np.inf) -> float:
    plain: Any = np.nan if isinstance(value, bool) or not isinstance(value, Real) else value
    found = float(plain) if abs(plain) < 1e300 else np.nan
    if not above < found < np.inf:
        wanted = "a number" if above < 0 else f"a number above {above:g}"
        raise refused(f"{name} is {in_words(value)}: expected {wanted}.")
    return found


def _is_number(theta: Floats) -> bool:
    return theta.ndim == 0


def _is_positive(theta: Floats) -> bool:
    return theta.ndim == 0 and float(theta) > 0


def _anything(x: Floats, theta: Floats) -> bool:
    return True


def _generator(seed: Any) -> np.random.Generator:
    if type(seed) is int and 0 <= seed < 2**64:  # the usual case: densities do without torch, which core loads
        return np.random.default_rng(seed)
    from gradlab.core.seeds import numpy_generator

    return numpy_generator(seed)
