"""Why P? What if not P? Why P, rather than Q? side by side, for any P and Q, with no kernel in the loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PIL import Image

from gradlab.core.checks import instance, whole_number
from gradlab.core.errors import InputError, shown
from gradlab.widgets import fallback
from gradlab.widgets.factors import Factors
from gradlab.widgets.picture_widget import PictureWidget, check_classifier, check_named, class_of, opened

if TYPE_CHECKING:
    from gradlab.models import Classifier

__all__ = ["Paradigms", "paradigms"]


class Paradigms(PictureWidget, front="paradigms"):
    """The widget that :func:`paradigms` returns; its answer holds the picture, the logits and every class's map."""

    def __init__(
        self,
        net: Classifier,
        factors: Factors,
        start: tuple[int, int],
        choices: Sequence[str] | None,
        options: dict[str, Any],
    ) -> None:  # fmt: skip
        check_named(net, "paradigms")
        self._factors = instance(factors, "factors", Factors, "Factors")
        self._start = (_class(start, 0, factors), _class(start, 1, factors))
        self._options = instance(options, "options", dict, "those of Factors.of")
        super().__init__(net, choices, answer=factors.answer(1, self._start))

    def _show(self, picture: Image.Image, name: str) -> None:
        factors = Factors.of(self._net, picture, name, **self._options)
        start = factors.start()
        # the picture, its numbers and its start arrive together, so that no view draws half of each
        self._factors, self._start = factors, start
        self.answer = factors.answer(self._serial, start)

    def _short(self) -> str:
        return self._factors.question(self.labels, *self._start)

    def _sentence(self) -> str:
        return f"{self._short()} {self._factors.hottest(self._start[1])}"

    def _png(self) -> bytes:
        return fallback.three_panels(self._factors, self.labels, *self._start)


def _class(start: Any, place: int, factors: Factors) -> int:
    """Return P or Q of a pair; raises ``InputError``."""
    if not isinstance(start, tuple) or len(start) != 2:
        raise InputError(f"start is {shown(start)}: expected the classes (P, Q).")
    return whole_number(start[place], "start's class", 0, len(factors.logits) - 1)


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
        contrast: Q at the start: None (the likeliest other class), a class, or its label; P itself asks "why not P
            with 100 % confidence?".
        layer: as in :func:`gradlab.explain.class_maps`.
        extra_inputs: what the network reads beside every picture, as ``(net.encode("which digit is greater?"),)``.
        choices: names offered in the list; None offers those of :func:`gradlab.data.picture_names`.

    Raises:
        ModelError: ``net`` is no classifier with labels and a transform.
        PictureError, TargetError, LayerError: as in the engine, before anything is shown.

    Examples:
        >>> gradlab.widgets.paradigms(net, gradlab.data.picture("coffee"), contrast="8")
        Paradigms: Why 9 (0.51), rather than 8 (0.49)?
    """
    check_classifier(net, "paradigms", extra_inputs)
    options = {"layer": layer, "extra_inputs": extra_inputs}
    factors = Factors.of(net, *opened(picture), **options)
    p = class_of(net, target, factors.logits.size)
    q = class_of(net, contrast, factors.logits.size, "contrast")
    return Paradigms(net, factors, factors.start(p, q), choices, options)
