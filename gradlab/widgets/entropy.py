"""Entropy is the expected surprise: bars of probability under the hand."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import traitlets

from gradlab.core.checks import flag, sequence
from gradlab.core.errors import InputError, shown
from gradlab.explain.drawing import GREY
from gradlab.information import entropy as expected_surprise
from gradlab.widgets.chart_widget import BLUE, ChartWidget, array, chart_picture, check_names, check_unit
from gradlab.widgets.choices import Choices, choice

__all__ = ["Entropy", "entropy"]

MOST_EVENTS = 16  # bars that a hand can tell apart


class Entropy(ChartWidget, Choices, front="entropy"):
    """The widget that :func:`entropy` returns.

    Attributes:
        events: what can happen, a pair of name and probability each; a dictionary may be given.
        unit: "bits" or "nats".
    """

    _chosen = ("events", "unit")
    events = choice([["A", 0.5], ["B", 0.25], ["C", 0.25]])
    unit = choice("bits")

    def __init__(self, *, given: bool = False, **chosen: Any) -> None:
        super().__init__(start={"given": flag(given, "given")})
        self._settle(**chosen)

    @traitlets.validate("events")
    def _check_events(self, proposal: Any) -> list[list[Any]]:
        value = proposal["value"]
        pairs = value.items() if isinstance(value, Mapping) else sequence(value, "events", "pairs of name, probability")
        pairs = [sequence(each, "an event", "a name and a probability") for each in pairs]
        if any(len(each) != 2 for each in pairs):
            raise InputError(f"events are {shown(value)}: expected pairs of a name and a probability.")
        return named_events([p for _, p in pairs], [name for name, _ in pairs])

    @traitlets.validate("unit")
    def _check_unit(self, proposal: Any) -> str:
        check_unit(proposal["value"])
        return str(proposal["value"])

    def _value(self) -> float:
        return float(expected_surprise([p for _, p in self.events], base=check_unit(self.unit)))

    def _short(self) -> str:
        return f"Entropy is the expected surprise: {self._value():.3f} {self.unit}."

    def _sentence(self) -> str:
        return f"{self._short()} Probabilities: {', '.join(f'{name} {p:.3g}' for name, p in self.events)}."

    def _picture(self) -> bytes:
        labels, p = zip(*self.events, strict=True)
        unit = self.unit
        events = [(q, -np.log(q) / np.log(check_unit(unit)), name) for q, name in zip(p, labels, strict=True) if q > 0]
        width, surprise, names = zip(*events, strict=True)
        left = np.cumsum([0, *width[:-1]])

        def draw(axes: Any) -> None:
            axes[0].bar(labels, p, color=BLUE)
            axes[0].set(title="probability", ylim=(0, 1))
            axes[1].bar(left, surprise, width, align="edge", color=BLUE, edgecolor="white")
            axes[1].set_xticks([a + w / 2 for a, w in zip(left, width, strict=True)], names)
            axes[1].axhline(self._value(), color=GREY, linestyle="--")
            axes[1].set(title=f"surprise, {unit}; the area is H = {self._value():.3f}", xlim=(0, 1))

        return chart_picture(draw, 2)


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
        >>> widget = gradlab.widgets.entropy([0.5, 0.25, 0.25])
        >>> widget
        Entropy: Entropy is the expected surprise: 1.500 bits.
        >>> widget.events = {"heads": 0.5, "tails": 0.5}
        >>> widget
        Entropy: Entropy is the expected surprise: 1.000 bits.
    """
    check_unit(unit)
    events = (0.5, 0.25, 0.25) if p is None else p
    return Entropy(given=p is not None, events=named_events(events, labels), unit=unit)


def named_events(p: Any, labels: Sequence[str] | None) -> list[list[Any]]:
    """Return pairs of name and probability; raises ``InputError`` for what is no distribution, or does not fit."""
    expected_surprise(p)  # refuses what is no distribution
    given = array(p)
    if given.ndim != 1 or not 2 <= len(given) <= MOST_EVENTS:
        raise InputError(
            f"p has the shape {given.shape}: expected 2 to {MOST_EVENTS} events. Of more, keep the likeliest and put "
            "the others into one event."
        )
    names = check_names(labels, len(given), "labels", string.ascii_uppercase)
    return [list(each) for each in zip(names, (given / given.sum()).tolist(), strict=True)]
