"""Why P? What if not P? Why P, rather than Q? side by side, for any P and Q, with no kernel in the loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import traitlets
from PIL import Image

from gradlab.core.checks import instance, one_of, whole_number
from gradlab.core.errors import InputError, shown
from gradlab.widgets import fallback
from gradlab.widgets.choices import Look, choice
from gradlab.widgets.factors import Factors
from gradlab.widgets.picture_widget import PictureWidget, check_classifier, check_named, class_of, opened

if TYPE_CHECKING:
    from gradlab.models import Classifier

__all__ = ["Paradigms", "paradigms"]


CHOICES = {"scale": ("each", "shared"), "units": ("raw", "share")}
Asked: TypeAlias = "tuple[int | str | None, int | str | None]"


def _pair(asked: Any) -> zip[tuple[Any, str]]:
    if not isinstance(asked, tuple) or len(asked) != 2:
        raise InputError(f"asked is {shown(asked)}: expected the classes (P, Q), None for the default.")
    return zip(asked, ("target", "contrast"), strict=True)


class Paradigms(PictureWidget, Look, front="paradigms"):
    """The widget that :func:`paradigms` returns; its answer holds the picture, the logits and every class's map.

    Attributes:
        target: P, a class; a label may be given. None: what the network says.
        contrast: Q, likewise. None: what the network says, or if that is P, the likeliest other class.
        cells: that are taken away, numbered row by row from 0.
        scale: of the colours: "each" map its own, or one "shared" by all.
        units: of the values: "raw", or "share" of the map's energy.
        present: the maps alone in large type, for a lecture hall; keys ask for the next P, Q and picture.
    """

    _chosen = ("target", "contrast", "cells", "opacity", "colours", "threshold", "scale", "units")
    target = traitlets.Any(None).tag(sync=True)
    contrast = traitlets.Any(None).tag(sync=True)
    cells = choice([])
    scale = choice("each")
    units = choice("raw")
    present = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        net: Classifier,
        factors: Factors,
        asked: Asked,
        choices: Sequence[str] | None,
        options: dict[str, Any],
    ) -> None:  # fmt: skip
        check_named(net, "paradigms")
        self._factors = instance(factors, "factors", Factors, "Factors")
        self._options = instance(options, "options", dict, "those of Factors.of")
        target, contrast = (class_of(net, each, factors.logits.size, name) for each, name in _pair(asked))
        super().__init__(net, choices, answer=factors.answer(1))
        self._settle(target=target, contrast=contrast)

    @traitlets.validate("target", "contrast")
    def _check_class(self, proposal: Any) -> int | None:
        return class_of(self._net, proposal["value"], self._factors.logits.size, proposal["trait"].name)

    @traitlets.validate("cells")
    def _check_cells(self, proposal: Any) -> list[int]:
        cells = instance(proposal["value"], "cells", (list, tuple, set), "a list of numbers of cells")
        return sorted({whole_number(each, "a cell", 0, self._factors.maps[0].size - 1) for each in cells})

    @traitlets.validate("scale", "units")
    def _check_choice(self, proposal: Any) -> str:
        name = proposal["trait"].name
        one_of(proposal["value"], name, CHOICES[name])
        return str(proposal["value"])

    def _show(self, picture: Image.Image, name: str) -> None:
        factors = Factors.of(self._net, picture, name, **self._options)
        # the picture, its numbers and what is asked of it arrive together, so that no view draws half of each
        with self.hold_sync():
            self._factors = factors
            self._settle(target=None, contrast=None, cells=[])
            self.answer = factors.answer(self._serial)

    @property
    def _asked_now(self) -> tuple[int, int]:
        return self._factors.asked(self.target, self.contrast)

    def _short(self) -> str:
        return self._factors.words(self.labels, *self._asked_now).asked

    def _sentence(self) -> str:
        return f"{self._short()} {self._factors.hottest(self._asked_now[1])}"

    def _picture(self) -> bytes:
        return fallback.three_panels(self._factors, self.labels, *self._asked_now)


def paradigms(
    net: Classifier,
    picture: Any,
    *,
    target: int | str | None = None,
    contrast: int | str | None = None,
    layer: Any = None,
    extra_inputs: Sequence[Any] = (),
    choices: Sequence[str] | None = None,
) -> Paradigms:
    """Ask the three questions of one picture, live.

    With L^c the Grad-CAM map of class c and p = softmax(z): Why P? is L^P, What if not P? is -L^P, and Why P, rather
    than Q? is sum_c p_c L^c - L^Q. The kernel sends z and every L^c once; P, Q, colours, and p without some cells
    (z'_c = z_c - sum of L^c over them) are worked out in the browser.

    Args:
        net: a ``Classifier``, such as ``gradlab.models.imagenet()``.
        picture: a name, a path, bytes, a PIL image or a uint8 array (H, W, 3).
        target: P at the start: None (what the network says), a class, or its label.
        contrast: Q at the start: None (what the network says, or if that is P, the likeliest other class), a class, or
            its label; P itself asks "why not P with 100 % confidence?".
        layer: as in :func:`gradlab.explain.class_maps`.
        extra_inputs: what the network reads beside every picture, as ``(net.encode("which digit is greater?"),)``.
        choices: names offered in the list; None offers those of :func:`gradlab.data.picture_names`.

    Raises:
        ModelError: ``net`` is no classifier with labels and a transform.
        PictureError, TargetError, LayerError: as in the engine, before anything is shown.

    What is chosen lives in the attributes of :class:`Paradigms`, for Python to read and to set.

    Examples:
        >>> widget = gradlab.widgets.paradigms(net, gradlab.data.picture("coffee"))
        >>> widget
        Paradigms: Why 9 (0.51), rather than 8 (0.49)?
        >>> widget.target = "3"
        >>> widget
        Paradigms: Why 3 (< 0.0001), rather than 9 (0.51)?
    """
    check_classifier(net, "paradigms", extra_inputs)
    options = {"layer": layer, "extra_inputs": extra_inputs}
    factors = Factors.of(net, *opened(picture), **options)
    return Paradigms(net, factors, (target, contrast), choices, options)
