"""Fisher information as it is drawn: scores of seeded samples, their variance, and the curvature."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import traitlets
from numpy.typing import NDArray

from gradlab.core.checks import one_of, whole_number
from gradlab.core.seeds import Seed
from gradlab.information import families
from gradlab.widgets.chart_widget import BLUE, ORANGE, ChartWidget, chart_picture, check_number, check_seed
from gradlab.widgets.choices import Choices, choice

__all__ = ["Fisher", "fisher"]

Values = NDArray[np.float64]
COUNTS = (10, 30, 100, 300, 1000, 3000, 10000)
SIGMA = (0.5, 3.0)  # of "Gaussian mean": what is known
AWAY = (-1.5, 1.5)


@dataclass(frozen=True)
class Slider:
    """A family as the widget shows it.

    Attributes:
        symbol: what the parameter is called.
        formula: of the Fisher information.
        low, high, step, value: of the slider, and where it begins.
        least, most: what the parameter may be at all, for the chart.
        draw: samples from uniform u, normal z and the parameter; s is the known sigma of "Gaussian mean".
        law: the engine's family, given that sigma.
    """

    symbol: str
    formula: str
    low: float
    high: float
    step: float
    value: float
    least: float
    most: float
    draw: Callable[[Values, Values, float, float], Values]
    law: Callable[[float], families.Family]

    @property
    def told(self) -> dict[str, Any]:
        """What the front end needs of it; the formulas it has itself."""
        names = ("symbol", "formula", "low", "high", "step", "value", "least", "most")
        return {name: getattr(self, name) for name in names}


def _poisson(u: Values, rate: float) -> Values:
    term, found, k = math.exp(-rate), np.zeros_like(u), 0
    total = term
    while (u >= total).any() and k < 1000:
        k += 1
        found[u >= total] = k
        term *= rate / k
        total += term
    return found


SLIDERS: dict[str, Slider] = {
    "Gaussian mean": Slider(
        *("μ", "1/σ²", -3.0, 3.0, 0.1, 0.0, -99.0, 99.0),
        lambda u, z, t, s: t + s * z,
        families.gaussian_mean,
    ),
    "Gaussian scale": Slider(
        *("σ", "2/σ²", 0.3, 4.0, 0.1, 1.0, 0.02, 99.0),
        lambda u, z, t, s: t * z,
        lambda s: families.gaussian_scale(),
    ),
    "Bernoulli": Slider(
        *("π", "1/(π (1 − π))", 0.02, 0.98, 0.01, 0.5, 0.004, 0.996),
        lambda u, z, t, s: (u < t).astype(np.float64),
        lambda s: families.bernoulli(),
    ),
    "Poisson": Slider(
        *("λ", "1/λ", 0.2, 12.0, 0.1, 3.0, 0.02, 99.0),
        lambda u, z, t, s: _poisson(u, t),
        lambda s: families.poisson(),
    ),
    "softmax logit": Slider(
        *("z", "p (1 − p)", -4.0, 4.0, 0.1, 0.0, -12.0, 12.0),
        lambda u, z, t, s: (u < 1 / (1 + math.exp(-t))).astype(np.float64),
        lambda s: families.categorical(),  # of the logits (0, z)
    ),
}


def uniforms(seed: int, count: int) -> Values:
    """Return ``count`` numbers in [0, 1): those that the front end draws from the same seed (mulberry32, counted)."""
    first = np.uint32((seed + 1) * 0x9E3779B1 % 2**32)
    t = first + np.arange(1, count + 1, dtype=np.uint32) * np.uint32(0x6D2B79F5)
    t = (t ^ (t >> np.uint32(15))) * (t | np.uint32(1))
    t ^= t + (t ^ (t >> np.uint32(7))) * (t | np.uint32(61))
    return np.asarray((t ^ (t >> np.uint32(14))) / 2.0**32)


class Fisher(ChartWidget, Choices, front="fisher"):
    """The widget that :func:`fisher` returns.

    Attributes:
        family: one of ``SLIDERS``.
        theta: its parameter, in the slider's range; another family whose range it is not in takes one in the middle.
        sigma: known standard deviation of "Gaussian mean", 0.5 to 3.
        n: samples, one of ``COUNTS``.
        seed: of the draw.
        away: how far beside theta the scores are taken, in 1/sqrt(I), -1.5 to 1.5.
    """

    _chosen = ("family", "theta", "sigma", "n", "seed", "away")
    family = choice("Gaussian mean")
    theta = choice(0.0)
    sigma = choice(1.0)
    n = choice(300)
    seed = choice(0)
    away = choice(0.0)

    def __init__(self, **chosen: Any) -> None:
        families = {name: each.told for name, each in SLIDERS.items()}
        super().__init__(start={"counts": list(COUNTS), "families": families})
        self._settle(**chosen)

    @traitlets.validate("family")
    def _check_family(self, proposal: Any) -> str:
        return str(one_of(proposal["value"], "family", SLIDERS))

    @traitlets.validate("theta")
    def _check_theta(self, proposal: Any) -> float:
        shown = SLIDERS[self.family]
        return check_number(proposal["value"], "theta", shown.low, shown.high)

    @traitlets.validate("sigma", "away")
    def _check_range(self, proposal: Any) -> float:
        name = proposal["trait"].name
        return check_number(proposal["value"], name, *{"sigma": SIGMA, "away": AWAY}[name])

    @traitlets.validate("n")
    def _check_n(self, proposal: Any) -> int:
        return int(one_of(whole_number(proposal["value"], "n", 1), "n", COUNTS))

    @traitlets.validate("seed")
    def _check_seed(self, proposal: Any) -> int:
        return check_seed(proposal["value"])

    @traitlets.observe("family")
    def _fit_theta(self, change: Any) -> None:
        shown = SLIDERS[change["new"]]
        if not shown.low <= self.theta <= shown.high:
            self.theta = shown.value

    @property
    def _found(self) -> dict[str, Any]:
        """Return what the front end shows: the scores and what they give."""
        shown, t, n = SLIDERS[self.family], self.theta, self.n
        u, other = uniforms(self.seed, 2 * n).reshape(-1, 2).T
        normal = np.sqrt(-2 * np.log(1 - u)) * np.cos(2 * np.pi * other)
        x, law = shown.draw(u, normal, t, self.sigma), shown.law(self.sigma)
        softmax = self.family == "softmax logit"

        def theta(value: float) -> Any:
            return np.array([0.0, value]) if softmax else value

        book = float(np.ravel(law.fisher(theta(t)))[-1])
        at = t
        if self.away:  # four digits, those that the page shows
            at = float(f"{np.clip(t + self.away / math.sqrt(book), shown.least, shown.most):.4g}")
        scores, bends = (each(x, theta(at)).reshape(n, -1)[:, -1] for each in (law.score, law.hessian))
        return {
            "scores": scores,
            "mean": float(scores.mean()),
            "variance": float(scores.var()),
            "curvature": -float(bends.mean()),
            "book": book,
        }

    def _short(self) -> str:
        found, beside = self._found, f", asked {self.away:+g}/√I beside it" if self.away else ""
        return (
            f"{self.family}, {SLIDERS[self.family].symbol} = {self.theta:g}{beside}: {self.n} scores have the mean "
            f"{found['mean']:.3g}, the variance {found['variance']:.3g}; Fisher information {found['book']:.3g}."
        )

    def _sentence(self) -> str:
        return f"{self._short()} The mean curvature of their log-likelihoods is {self._found['curvature']:.3g}."

    def _picture(self) -> bytes:
        found = self._found

        def draw(axes: Any) -> None:
            axes[0].hist(found["scores"], 31, color=BLUE)
            axes[0].axvline(found["mean"], color=ORANGE)
            axes[0].set(title=f"scores: mean {found['mean']:.3g}", yticks=[])
            names = ["variance of scores", "curvature", "textbook"]
            values = [found[key] for key in ("variance", "curvature", "book")]
            bars = axes[1].barh(names, values, color=[ORANGE, BLUE, "grey"])
            axes[1].bar_label(bars, fmt=" %.3g", fontsize=9)
            axes[1].invert_yaxis()
            axes[1].margins(x=0.2)
            axes[1].set(title="Fisher information, three ways")

        return chart_picture(draw, 2)


def fisher(
    family: str = "Gaussian mean", theta: float | None = None, *, sigma: float = 1.0, n: int = 300, seed: Seed = 0
) -> Fisher:
    """Draw samples, see their scores, and compare the scores' variance with the curvature.

    The score of a sample is U = d/dt log p(x | t). Where x is drawn from p(. | t), its mean is 0, and the Fisher
    information is I(t) = Var U = -E d2/dt2 log p(x | t). As a control the scores can be taken beside the t that made
    the samples: then their mean is not 0. Everything is worked out in the browser from seeded numbers.

    Args:
        family: "Gaussian mean", "Gaussian scale", "Bernoulli", "Poisson" or "softmax logit" (of one of two labels,
            where the score is label - p, as for a network).
        theta: the parameter at the start; None takes one in the middle.
        sigma: known standard deviation of "Gaussian mean", 0.5 to 3.
        n: samples at the start: 10, 30, 100 ... 10000.
        seed: of the first draw; "draw again" takes the next.

    Raises:
        InputError: no such family, or a number that is out of range.

    Examples:
        >>> gradlab.widgets.fisher("Bernoulli", 0.5)
        Fisher: Bernoulli, π = 0.5: 300 scores have the mean ..., the variance ...; Fisher information 4.
    """
    shown = SLIDERS[one_of(family, "family", SLIDERS)]
    value = check_number(shown.value if theta is None else theta, "theta", shown.low, shown.high)
    return Fisher(family=family, theta=value, sigma=sigma, n=n, seed=seed)
