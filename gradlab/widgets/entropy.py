"""Entropy is the expected surprise: bars of probability under the hand."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradlab.core.errors import InputError
from gradlab.information import entropy as expected_surprise
from gradlab.widgets.chart_widget import BLUE, ChartWidget, array, chart_png, check_names, check_unit

__all__ = ["Entropy", "entropy"]

MOST_EVENTS = 16  # bars that a hand can tell apart


class Entropy(ChartWidget, front="entropy"):
    """The widget that :func:`entropy` returns."""

    def _value(self) -> float:
        return float(expected_surprise(self.start["p"], base=check_unit(self.start["unit"])))

    def _short(self) -> str:
        return f"Entropy is the expected surprise: {self._value():.3f} {self.start['unit']}."

    def _sentence(self) -> str:
        events = ", ".join(f"{label} {p:.3g}" for label, p in zip(self.start["labels"], self.start["p"], strict=True))
        return f"{self._short()} Probabilities: {events}."

    def _png(self) -> bytes:
        p, labels, unit = (self.start[key] for key in ("p", "labels", "unit"))
        events = [(q, -np.log(q) / np.log(check_unit(unit)), name) for q, name in zip(p, labels, strict=True) if q > 0]
        width, surprise, names = zip(*events, strict=True)
        left = np.cumsum([0, *width[:-1]])

        def draw(axes: Any) -> None:
            axes[0].bar(labels, p, color=BLUE)
            axes[0].set(title="probability", ylim=(0, 1))
            axes[1].bar(left, surprise, width, align="edge", color=BLUE, edgecolor="white")
            axes[1].set_xticks([a + w / 2 for a, w in zip(left, width, strict=True)], names)
            axes[1].axhline(self._value(), color="black", linestyle="--")
            axes[1].set(title=f"surprise, {unit}; the area is H = {self._value():.3f}", xlim=(0, 1))

        return chart_png(draw, 2)


def entropy(p: Any = None, *, labels: Sequence[str] | None = None, unit: str = "bits") -> Entropy:
    """Drag probabilities and see surprise and entropy move.

    The surprise of an event is -log p; entropy H = sum p (-log p) is what one expects of it, at most log N for N
    events. A second chart draws each event as wide as p and as high as its surprise: its area is H. Everything is
    worked out in the browser.

    Args:
        p: probabilities (N,), 2 <= N <= 16, such as a network's; None begins with (1/2, 1/4, 1/4).
        labels: one name per event; None calls them A, B, C ...
        unit: "bits" (log to base 2) or "nats" (natural), at the start.

    Raises:
        InputError: ``p`` is no distribution over 2 to 16 events, or labels or unit do not fit.

    Examples:
        >>> gradlab.widgets.entropy([0.5, 0.25, 0.25])
        Entropy: Entropy is the expected surprise: 1.500 bits.
    """
    base = check_unit(unit)
    events = (0.5, 0.25, 0.25) if p is None else p
    expected_surprise(events, base=base)  # refuses what is no distribution
    given = array(events)
    if given.ndim != 1 or not 2 <= len(given) <= MOST_EVENTS:
        raise InputError(
            f"p has the shape {given.shape}: expected 2 to {MOST_EVENTS} events. Of more, keep the likeliest and put "
            "the others into one event."
        )
    names = check_names(labels, len(given), "labels", string.ascii_uppercase)
    return Entropy(start={"p": (given / given.sum()).tolist(), "labels": names, "unit": unit, "given": p is not None})
