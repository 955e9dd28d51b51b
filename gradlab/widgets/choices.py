"""What the reader of a widget has chosen, as traits: all views and saved pages show it, Python sets it."""

from __future__ import annotations

from typing import Any, ClassVar

import traitlets

from gradlab.core.checks import number, one_of

__all__ = ["COLOURS", "Choices", "Look", "choice"]

COLOURS = ("viridis", "cividis", "magma", "blue-orange")


class _Checked(traitlets.Any):
    allow_none = False  # None would never reach the check


def choice(default: Any) -> traitlets.Any:
    """Return a trait that the browser shares, and a widget's own ``traitlets.validate`` checks."""
    return _Checked(default).tag(sync=True)


class Choices(traitlets.HasTraits):
    """A widget whose traits named in ``_chosen`` are the reader's; Reset puts back what they were in ``initial``.

    Attributes:
        initial: the values that Reset returns to, by name.
    """

    _chosen: ClassVar[tuple[str, ...]] = ()
    initial = traitlets.Dict().tag(sync=True)

    def _settle(self, **given: Any) -> None:
        """Choose what is given, and let Reset return to what is chosen now."""
        for name, value in given.items():
            setattr(self, name, value)
        self.initial = {name: getattr(self, name) for name in self._chosen}


class Look(Choices):
    """How maps are shown.

    Attributes:
        opacity: of a map over its picture, 0 to 1.
        colours: one of ``COLOURS``.
        threshold: values below this share of the largest are not shown, 0 to 1.
    """

    opacity = choice(0.55)
    colours = choice("viridis")
    threshold = choice(0.0)

    @traitlets.validate("opacity", "threshold")
    def _check_share(self, proposal: Any) -> float:
        return number(proposal["value"], proposal["trait"].name, 0, 1)

    @traitlets.validate("colours")
    def _check_colours(self, proposal: Any) -> str:
        one_of(proposal["value"], "colours", COLOURS)
        return str(proposal["value"])
