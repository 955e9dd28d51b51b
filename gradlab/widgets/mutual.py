"""Mutual information is the reduction of surprise: a joint table under the hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import traitlets
from numpy.typing import NDArray

from gradlab.core.checks import flag, names_of
from gradlab.core.errors import InputError
from gradlab.information import entropy, mutual_information
from gradlab.widgets.chart_widget import BLUE, GREEN, ORANGE, ChartWidget, array, chart_picture, check_names, check_unit
from gradlab.widgets.choices import Choices, choice

__all__ = ["Mutual", "mutual"]

MOST = 6  # rows and columns that a hand can tell apart
ANIMALS, SOUNDS = ("dog", "cat", "horse"), ("barks", "meows", "neighs", "silent")
# how often, of a made-up house: half the time nobody makes a sound
HEARD = ((0.22, 0.01, 0.01, 0.16), (0.01, 0.18, 0.00, 0.18), (0.00, 0.01, 0.08, 0.14))


class Mutual(ChartWidget, Choices, front="mutual"):
    """The widget that :func:`mutual` returns.

    Attributes:
        joint: the table p(x, y), as many rows and columns as there are names.
        unit: "bits" or "nats".
    """

    _chosen = ("joint", "unit")
    joint = choice([])
    unit = choice("bits")

    def __init__(self, rows: Sequence[str], columns: Sequence[str], *, given: bool = False, **chosen: Any) -> None:
        names = {"rows": names_of(rows, "rows"), "columns": names_of(columns, "columns")}
        super().__init__(start={**names, "given": flag(given, "given")})
        self._settle(**chosen)

    @traitlets.validate("joint")
    def _check_joint(self, proposal: Any) -> list[list[float]]:
        table, size = checked_joint(proposal["value"]), (len(self.start["rows"]), len(self.start["columns"]))
        if table.shape != size:
            raise InputError(f"joint has the shape {table.shape}: expected {size}, a row and a column for each name.")
        return [list(row) for row in table.tolist()]

    @traitlets.validate("unit")
    def _check_unit(self, proposal: Any) -> str:
        check_unit(proposal["value"])
        return str(proposal["value"])

    def _values(self) -> tuple[float, float, float, float]:
        """Return H(X), H(Y), H(X,Y) and I(X;Y)."""
        base, joint = check_unit(self.unit), np.array(self.joint)
        parts = (joint.sum(1), joint.sum(0), joint.ravel())
        hx, hy, hxy = (float(entropy(p, base=base)) for p in parts)
        return hx, hy, hxy, float(mutual_information(joint, base=base))

    def _short(self) -> str:
        return f"Mutual information is the reduction of surprise: {self._values()[3]:.3f} {self.unit}."

    def _sentence(self) -> str:
        hx, hy, hxy, shared = self._values()
        return (
            f"{self._short()} H(X) = {hx:.3f}, H(Y) = {hy:.3f}, H(X,Y) = {hxy:.3f}, "
            f"H(X|Y) = {hx - shared:.3f}, H(Y|X) = {hy - shared:.3f}."
        )

    def _picture(self) -> bytes:
        rows, columns = self.start["rows"], self.start["columns"]
        joint = np.array(self.joint)
        hx, hy, hxy, shared = self._values()

        def draw(axes: Any) -> None:
            axes[0].imshow(joint, cmap="Blues", vmin=0, vmax=1.6 * joint.max())
            axes[0].set_xticks(range(len(columns)), columns)
            axes[0].set_yticks(range(len(rows)), rows)
            axes[0].set(title="joint probability p(x, y)")
            for (i, j), p in np.ndenumerate(joint):
                axes[0].text(j, i, f"{p:.2f}", ha="center", va="center", fontsize=9)
            bars = [("H(X,Y)", 0, hxy, "grey"), ("H(X)", 0, hx, BLUE), ("H(Y)", hxy - hy, hy, GREEN)]
            bars += [("I(X;Y)", hx - shared, shared, ORANGE)]
            for name, left, width, colour in bars:
                axes[1].barh(name, width, left=left, color=colour)
                axes[1].annotate(f" {width:.2f}", (left + width, name), va="center", fontsize=9)
            axes[1].invert_yaxis()
            axes[1].set(title=f"{self.unit}: H(X), H(Y) overlap by I", xlim=(0, 1.15 * max(hxy, 0.1)))

        return chart_picture(draw, 2)


def mutual(
    joint: Any = None,
    *,
    rows: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    unit: str = "bits",
) -> Mutual:
    """Drag a joint table p(x, y) and see the entropies and what they share.

    I(X;Y) = H(X) - H(X|Y) = H(X) + H(Y) - H(X,Y) is the surprise about X that seeing Y takes away on average. Bars of
    equal height lie over one scale: lengths and areas are the numbers. Everything is worked out in the browser.

    Args:
        joint: probabilities (rows, columns), each 2 to 6; None begins with animals and the sounds they make, made up.
        rows: one name per outcome of X.
        columns: one name per outcome of Y.
        unit: "bits" (log to base 2) or "nats" (natural), at the start.

    Raises:
        InputError: ``joint`` is no distribution over such a table, or names or unit do not fit.

    Examples:
        >>> gradlab.widgets.mutual([[0.5, 0], [0, 0.5]])
        Mutual: Mutual information is the reduction of surprise: 1.000 bits.
    """
    check_unit(unit)
    table = checked_joint(HEARD if joint is None else joint)
    height, width = table.shape
    x = check_names(rows, height, "rows", ANIMALS if joint is None else [f"x{i + 1}" for i in range(height)])
    y = check_names(columns, width, "columns", SOUNDS if joint is None else [f"y{j + 1}" for j in range(width)])
    return Mutual(x, y, given=joint is not None, joint=table, unit=unit)


def checked_joint(joint: Any) -> NDArray[np.float64]:
    """Return a joint table that adds up to 1; raises ``InputError``."""
    mutual_information(joint)  # refuses what is no distribution
    given = array(joint)
    if given.ndim != 2 or not all(2 <= n <= MOST for n in given.shape):
        raise InputError(f"joint has the shape {given.shape}: expected a table of 2 to {MOST} rows and columns.")
    return np.asarray(given / given.sum())
