"""Why P? What if not P? Why P, rather than Q? side by side, for any P and Q, with no kernel in the loop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import traitlets
from PIL import Image

from gradlab.core.errors import GradlabError, ModelError, TargetError
from gradlab.widgets import still
from gradlab.widgets.base import SHARED_PARTS, Front, front_end, style
from gradlab.widgets.factors import Factors

logger = logging.getLogger(__name__)

MAX_UPLOAD = 25 * 2**20  # bytes; the front end refuses more before it is sent


class Paradigms(Front):
    """The widget that :func:`paradigms` returns.

    Attributes:
        answer: what the browser draws: the picture, the logits and every class's map, replaced as a whole.
        labels: one name per class.
        pictures: names offered in the list.
        busy: what the kernel is doing, or an empty string.
        error: one sentence about the last picture that could not be shown, or an empty string.
    """

    _esm = front_end(*SHARED_PARTS, "panel.js", "bars.js", "source.js", "pins.js", "paradigms.js")
    _css = style("base.css", "paradigms.css")

    answer = traitlets.Dict().tag(sync=True)
    labels = traitlets.List(traitlets.Unicode()).tag(sync=True)
    pictures = traitlets.List(traitlets.Unicode()).tag(sync=True)
    busy = traitlets.Unicode("").tag(sync=True)
    error = traitlets.Unicode("").tag(sync=True)

    def __init__(self, net: Any, layer: Any, factors: Factors, start: tuple[int, int], names: list[str]) -> None:
        self._net, self._layer = net, layer
        self._factors, self._start = factors, start
        self._serial = 1
        # Messages may arrive on another thread than the cell that made the widget: one picture at a time.
        self._one = threading.Lock()
        super().__init__(labels=list(net.labels), pictures=names, answer=factors.answer(1, start))
        self.on_msg(self._heard)

    def _heard(self, _widget: Any, content: Any, buffers: Sequence[Any]) -> None:
        """Answer a message of the front end. Nothing escapes: an exception here would be lost without a trace."""
        if not isinstance(content, dict) or content.get("kind") != "picture":
            return
        with self._one:
            try:
                name = str(content.get("name", "the picture"))
                self.error = ""
                self.busy = f"reading {name} ..."
                self._show(_picked(name, bool(content.get("upload")), buffers), name)
            except GradlabError as error:
                self.error = str(error)
            except Exception as error:
                logger.exception("a new picture failed")
                self.error = f"This picture failed: {type(error).__name__}: {error}"
            finally:
                self.busy = ""

    def _show(self, picture: Image.Image, name: str) -> None:
        factors = Factors.of(self._net, picture, Path(name).name, self._layer)
        start = factors.start()
        self._serial += 1
        # the picture, its numbers and its start arrive together, so that no view draws half of each
        self._factors, self._start = factors, start
        self.answer = factors.answer(self._serial, start)

    def _short(self) -> str:
        return self._factors.question(self.labels, *self._start)

    def _sentence(self) -> str:
        return f"{self._short()} {self._factors.hottest(self._start[1])}"

    def _png(self) -> bytes:
        return still.three_panels(self._factors, self.labels, *self._start)


def paradigms(
    net: Any,
    picture: Any,
    *,
    target: int | str | None = None,
    contrast: int | str | None = None,
    layer: Any = None,
    pictures: Sequence[str] | None = None,
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
        pictures: names offered in the list; None offers those of :func:`gradlab.data.picture_names`.

    Raises:
        ModelError: ``net`` is no classifier with labels and a transform.
        PictureError, TargetError, LayerError: as in the engine, before anything is shown.
    """
    from gradlab.data import picture_names

    _check(net)
    name = Path(picture).name if isinstance(picture, (str, Path)) else "your picture"
    factors = Factors.of(net, _opened(picture), name, layer)
    p = _class(net, target, factors.logits.size)
    q = _class(net, contrast, factors.logits.size)
    names = picture_names() if pictures is None else [str(each) for each in pictures]
    return Paradigms(net, layer, factors, factors.start(p, q), names)


def _check(net: Any) -> None:
    missing = [name for name in ("labels", "transform", "view") if not hasattr(net, name)]
    if missing:
        raise ModelError(
            f"paradigms needs a Classifier (model + transform + labels), and {type(net).__name__} has no "
            f"{', '.join(missing)}: use gradlab.models.imagenet() or wrap it in gradlab.models.Classifier."
        )


def _class(net: Any, wanted: int | str | None, classes: int) -> int | None:
    if wanted is None:
        return None
    if isinstance(wanted, str):
        return int(net.index(wanted))
    index = int(wanted)
    if not 0 <= index < classes:
        raise TargetError(f"There is no class {wanted}: this network has classes 0 to {classes - 1}.")
    return index


def _opened(picture: Any) -> Image.Image:
    from gradlab.data import picture as read

    return Image.fromarray(picture) if isinstance(picture, np.ndarray) else read(picture)


def _picked(name: str, upload: bool, buffers: Sequence[Any]) -> Image.Image:
    """Open what the browser asked for: the bytes it sent, or a name or path."""
    from gradlab.core.errors import PictureError
    from gradlab.data import picture

    if not upload:
        return picture(name)
    content = bytes(buffers[0]) if buffers else b""
    if len(content) > MAX_UPLOAD:
        raise PictureError(f"{name} has more than {MAX_UPLOAD >> 20} MB: make it smaller first.")
    try:
        return picture(content)
    except PictureError as error:
        # the reader knows the file by its name
        raise PictureError(str(error).replace("The file", name, 1)) from error
