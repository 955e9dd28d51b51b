"""What the widgets of pure numbers share: one dictionary sent once, checks of it, and a still picture of charts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import traitlets
from numpy.typing import NDArray

from gradlab.core.checks import instance, names_of, number, one_of
from gradlab.core.errors import InputError, shown
from gradlab.core.seeds import Seed, int_seed
from gradlab.explain.drawing import LOOK, drawn, edge_words, written
from gradlab.widgets.widget import PICTURE_LIMIT, Widget

__all__ = ["ChartWidget", "array", "chart_picture", "check_names", "check_number", "check_seed", "check_unit"]

BASES = {"bits": 2.0, "nats": float(np.e)}  # what the logarithm is to, by the unit
DPI = 90
BLUE, ORANGE, GREEN = "#1f6cb0", "#ad520a", "#1a7655"


class ChartWidget(Widget):
    """A widget that works in the browser from numbers sent once: nothing that is dragged reaches the kernel.

    Attributes:
        start: those numbers, as each widget's own front end reads them.
    """

    start = traitlets.Dict().tag(sync=True)

    def __init__(self, *, start: Any = None, **state: Any) -> None:
        super().__init__(start=instance({} if start is None else start, "start", dict, "a dictionary"), **state)


def check_unit(unit: str) -> float:
    """Return the base of a unit's logarithm; raises ``InputError`` for another unit."""
    return BASES[one_of(unit, "unit", BASES)]


def check_names(names: Sequence[str] | None, count: int, what: str, otherwise: Sequence[str]) -> list[str]:
    """Return ``count`` different names, or the first of ``otherwise``; raises ``InputError``."""
    found = list(otherwise[:count]) if names is None else names_of(names, what)
    if len(found) != count or len(set(found)) != count:
        raise InputError(f"{what} are {shown(found)}: expected {count} different names, one for each.")
    return found


def check_number(value: Any, name: str, low: float, high: float) -> float:
    """Return a number from ``low`` to ``high``; raises ``InputError`` for anything else."""
    return number(value, name, low, high)


def check_seed(seed: Seed) -> int:
    """Return a number below 2^32, which the browser draws from too; raises ``InputError`` for no seed."""
    return int_seed(seed, 2**32 - 1)


def array(values: Any) -> NDArray[np.float64]:
    """Return an array or a tensor of checked numbers as float64."""
    return np.asarray(values.detach().cpu() if hasattr(values, "detach") else values, dtype=np.float64)


def chart_picture(draw: Callable[[Any], None], panels: int, height: float = 2.6) -> bytes:
    """Return a WebP: ``draw`` is given the axes of ``panels`` charts in a row. ``pyplot`` is left alone."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(LOOK):
        figure = Figure(figsize=(3.4 * panels, height), dpi=DPI, layout="constrained")
        axes = figure.subplots(1, panels, squeeze=False)[0]
        for each in axes:
            each.spines[["top", "right"]].set_visible(False)
            each.tick_params(labelsize=8)
        draw(axes)
        for each in axes:
            each.title.set_fontsize(10)
        edge_words(figure)
        return written(drawn(figure, DPI), PICTURE_LIMIT)
