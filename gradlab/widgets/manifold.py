"""A network of two inputs and three labels: what each label's gradient says at a point, and where it leads."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import traitlets
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

from gradlab.core.checks import number, numbers, one_of, sequence
from gradlab.core.errors import InputError, shown
from gradlab.core.seeds import Seed
from gradlab.widgets.chart_widget import BLUE, GREEN, ORANGE, ChartWidget, chart_picture, check_number, check_seed
from gradlab.widgets.choices import Choices, choice

__all__ = ["Manifold", "manifold"]

LABELS, COLOURS = ("dog", "cat", "horse"), (BLUE, ORANGE, GREEN)
REACH = 2.4  # the plane is shown from -REACH to REACH
HIDDEN, EACH, NOISE, STEPS, DECAY = 16, 40, 0.45, 200, 2e-2
START = (0.3, 0.15)
MOST_STEPS = 200

Values = NDArray[np.float64]


@lru_cache(maxsize=8)
def trained(seed: int) -> tuple[tuple[Values, ...], Values]:
    """Train z = W2 tanh(W1 x + b1) + b2 on three curved arms of made-up points, in a fraction of a second.

    Returns:
        (W1, b1, W2, b2), and the points (labels, EACH, 2).
    """
    rng = np.random.default_rng(seed)
    radius = rng.uniform(0.25, 1.9, (3, EACH))
    angle = np.arange(3)[:, None] * 2 * np.pi / 3 + 0.7 * radius + NOISE * rng.standard_normal((3, EACH))
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], -1)
    x, truth = points.reshape(-1, 2), np.repeat(np.eye(3), EACH, 0)
    shapes = ((HIDDEN, 2), (HIDDEN,), (3, HIDDEN), (3,))
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])

    def unpacked(flat: Values) -> tuple[Values, ...]:
        return tuple(part.reshape(shape) for part, shape in zip(np.split(flat, ends[:-1]), shapes, strict=True))

    def loss(flat: Values) -> tuple[float, Values]:
        w1, b1, w2, b2 = unpacked(flat)
        h = np.tanh(x @ w1.T + b1)
        log_p = log_softmax(h @ w2.T + b2, axis=1)
        back = (np.exp(log_p) - truth) / len(x)  # p - e_c, as everywhere
        inner = back @ w2 * (1 - h**2)
        slopes = (inner.T @ x + 2 * DECAY * w1, inner.sum(0), back.T @ h + 2 * DECAY * w2, back.sum(0))
        value = -(truth * log_p).sum() / len(x) + DECAY * ((w1**2).sum() + (w2**2).sum())
        return float(value), np.concatenate([slope.ravel() for slope in slopes])

    best = minimize(loss, rng.standard_normal(ends[-1]), jac=True, method="L-BFGS-B", options={"maxiter": STEPS})
    return unpacked(best.x), points


def likelihoods(weights: Sequence[Values], x: Values) -> tuple[Values, Values]:
    """Return p (..., 3) of points (..., 2), and g_c = grad_x of -log p_c, (..., 3, 2)."""
    w1, b1, w2, b2 = weights
    h = np.tanh(x @ w1.T + b1)
    z = h @ w2.T + b2
    p = np.exp(z - z.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    slopes = (w2 * (1 - h**2)[..., None, :]) @ w1  # of each logit
    return p, (p[..., None, :] - np.eye(3)) @ slopes


class Manifold(ChartWidget, Choices, front="manifold"):
    """The widget that :func:`manifold` returns.

    Attributes:
        point: (x, y), each -2.4 to 2.4.
        steps: taken from there, a pair of label and length eta each: x - eta * grad_x J_label.
        eta: length of the next step, 0 to 1.
    """

    _chosen = ("point", "steps", "eta")
    point = choice(START)
    steps = choice([])
    eta = choice(0.2)

    def __init__(self, *, start: Any = None, **chosen: Any) -> None:
        super().__init__(start=start)
        self._settle(**chosen)

    @traitlets.validate("point")
    def _check_point(self, proposal: Any) -> list[float]:
        at = numbers(proposal["value"], "point").ravel().tolist()
        if len(at) != 2:
            raise InputError(f"point is {shown(proposal['value'])}: expected two numbers, x and y.")
        pairs = zip("xy", at, strict=True)
        return [check_number(value, f"point's {axis}", -REACH, REACH) for axis, value in pairs]

    @traitlets.validate("steps")
    def _check_steps(self, proposal: Any) -> list[list[Any]]:
        steps = sequence(proposal["value"], "steps", "pairs of label, length")
        found = [sequence(each, "a step", "a label and a length") for each in steps]
        if len(found) > MOST_STEPS or any(len(each) != 2 for each in found):
            raise InputError(f"steps are {shown(steps)}: expected at most {MOST_STEPS} pairs of label and length.")
        return [[one_of(label, "a step's label", LABELS), _length(eta)] for label, eta in found]

    @traitlets.validate("eta")
    def _check_eta(self, proposal: Any) -> float:
        return _length(proposal["value"])

    @cached_property
    def _weights(self) -> list[Values]:
        return [np.asarray(self.start["weights"][name]) for name in ("w1", "b1", "w2", "b2")]

    @property
    def _here(self) -> Values:
        """Where the steps have led, (2,)."""
        at = np.asarray(self.point, dtype=np.float64)
        for label, eta in self.steps:
            _, g = likelihoods(self._weights, at)
            at = np.clip(at - eta * g[LABELS.index(label)], -REACH, REACH)
        return at

    def _short(self) -> str:
        x, y = self._here
        p, _ = likelihoods(self._weights, self._here)
        said = ", ".join(f"{label} {each:.2f}" for label, each in zip(LABELS, p, strict=True))
        steps = len(self.steps)
        after = f", after {steps} step{'s' if steps > 1 else ''}" if steps else ""
        return f"A point ({x:.2f}, {y:.2f}) of the plane{after}: {said}."

    def _sentence(self) -> str:
        p, g = likelihoods(self._weights, self._here)
        information = (p[:, None, None] * g[:, :, None] * g[:, None, :]).sum(0)
        return f"{self._short()} The Fisher matrix there has the trace {np.trace(information):.3g}."

    def _picture(self) -> bytes:
        x, y = self._here
        line = np.linspace(-REACH, REACH, 81)
        p, _ = likelihoods(self._weights, np.stack(np.meshgrid(line, line), -1))
        here, g = likelihoods(self._weights, self._here)

        def draw(axes: Any) -> None:
            for c, each in enumerate(axes):
                each.imshow(p[..., c], origin="lower", extent=(-REACH, REACH) * 2, vmin=0, vmax=1)
                each.quiver(x, y, *(-g[c]), angles="xy", scale_units="xy", scale=2.5, color="white", width=0.015)
                each.plot(x, y, "o", color="white", markeredgecolor="black")
                each.set(title=f"likelihood of {LABELS[c]}: {here[c]:.2f}", xticks=[], yticks=[])

        return chart_picture(draw, 3, height=3.5)


def manifold(point: Sequence[float] | None = None, *, seed: Seed = 0) -> Manifold:
    """Click a point of the plane and see what every label's gradient says there.

    The toy is a network z = W2 tanh(W1 x + b1) + b2 of three labels, trained on made-up points. With J_c = -log p_c
    and g_c = grad_x J_c = sum_k (p_k - [k = c]) grad_x z_k, the widget shows the likelihood p_c = exp(-J_c) as three
    surfaces, the arrows -g_c, and the Fisher matrix F = sum_c p_c g_c g_c^T as the ellipse of their spread (their
    p-weighted mean is 0). A step x - eta g_Q makes Q likelier while no weight changes. All of it is worked out in the
    browser.

    Args:
        point: (x, y) at the start, each -2.4 to 2.4; None takes one between the labels.
        seed: of the points and the weights.

    Raises:
        InputError: the point is not two numbers of the plane, or seed is no whole number of 0 or more.

    Examples:
        >>> gradlab.widgets.manifold((0, 0))
        Manifold: A point (0.00, 0.00) of the plane: dog 0.33, cat 0.31, horse 0.36.
    """
    weights, points = trained(check_seed(seed))
    start = {
        "labels": list(LABELS),
        "reach": REACH,
        "weights": {name: w.tolist() for name, w in zip(("w1", "b1", "w2", "b2"), weights, strict=True)},
        "points": points.round(3).tolist(),
    }
    return Manifold(start=start, point=START if point is None else point)


def _length(eta: Any) -> float:
    return number(eta, "eta, the length of a step,", above=0, most=1)
