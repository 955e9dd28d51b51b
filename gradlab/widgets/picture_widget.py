"""A widget about one picture at a time: the reader may exchange the picture, and is told when that fails."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import traitlets
from PIL import Image

from gradlab.core.errors import GradlabError, ModelError, PictureError, TargetError
from gradlab.widgets.widget import Widget

logger = logging.getLogger(__name__)

MAX_UPLOAD = 25 * 2**20  # bytes; the front end refuses more before it is sent


class PictureWidget(Widget):
    """What the widgets about a picture share.

    Attributes:
        answer: what the browser draws, replaced as a whole.
        labels: one name per class.
        pictures: names offered in the list.
        busy: what the kernel is doing, or an empty string.
        error: one sentence about what failed last, or an empty string.
    """

    answer = traitlets.Dict().tag(sync=True)
    labels = traitlets.List(traitlets.Unicode()).tag(sync=True)
    pictures = traitlets.List(traitlets.Unicode()).tag(sync=True)
    busy = traitlets.Unicode("").tag(sync=True)
    error = traitlets.Unicode("").tag(sync=True)

    def __init__(self, net: Any, pictures: Sequence[str] | None, **state: Any) -> None:
        from gradlab.data import picture_names

        self._net = net
        self._serial = 1
        # Messages may arrive on another thread than the cell that made the widget: one at a time.
        self._one = threading.Lock()
        names = picture_names() if pictures is None else [str(each) for each in pictures]
        super().__init__(labels=list(net.labels), pictures=names, **state)
        self.on_msg(self._heard)

    def _show(self, picture: Image.Image, name: str) -> None:
        """Put another picture's answer in place of the present one."""
        raise NotImplementedError

    def _asked(self, kind: str, content: dict[str, Any], buffers: Sequence[Any]) -> None:
        """Answer a message that is not about another picture; unknown ones are ignored."""

    def _heard(self, _widget: Any, content: Any, buffers: Sequence[Any]) -> None:
        """Answer a message of the front end. Nothing escapes: an exception here would be lost without a trace."""
        if not isinstance(content, dict) or not isinstance(content.get("kind"), str):
            return
        with self._one:
            try:
                if content["kind"] == "picture":
                    self._exchange(content, buffers)
                else:
                    self._asked(content["kind"], content, buffers)
            except GradlabError as error:
                self.error = str(error)
            except Exception as error:
                logger.exception("a message of the front end failed")
                self.error = f"This failed: {type(error).__name__}: {error}"
            finally:
                self.busy = ""

    def _exchange(self, content: dict[str, Any], buffers: Sequence[Any]) -> None:
        name = str(content.get("name", "the picture"))
        self.error = ""
        self.busy = f"reading {name} ..."
        picture = picked(name, bool(content.get("upload")), buffers)
        self._serial += 1  # equal answers would not be sent
        self._show(picture, Path(name).name)


def check_classifier(net: Any, widget: str) -> None:
    """Raise ``ModelError`` unless ``net`` has what a widget needs: labels, a transform, a view."""
    missing = [name for name in ("labels", "transform", "view") if not hasattr(net, name)]
    if missing:
        raise ModelError(
            f"{widget} needs a Classifier (model + transform + labels), and {type(net).__name__} has no "
            f"{', '.join(missing)}: use gradlab.models.imagenet() or wrap it in gradlab.models.Classifier."
        )


def class_of(net: Any, wanted: int | str | None, classes: int) -> int | None:
    """Return the class of an index or a label, None for None; raises ``TargetError``."""
    if wanted is None:
        return None
    if isinstance(wanted, str):
        return int(net.index(wanted))
    index = int(wanted)
    if not 0 <= index < classes:
        raise TargetError(f"There is no class {wanted}: this network has classes 0 to {classes - 1}.")
    return index


def opened(picture: Any) -> tuple[Image.Image, str]:
    """Return the picture of a name, path, bytes, PIL image or uint8 array (H, W, 3), and what to call it.

    Raises:
        PictureError: it is none of these, or cannot be read.
    """
    from gradlab.data import picture as read

    if isinstance(picture, np.ndarray) and (picture.dtype != np.uint8 or picture.shape[2:] != (3,)):
        # Pillow would take floating point numbers for 0 to 255, and show a black picture
        raise PictureError(f"picture is an array {picture.shape} {picture.dtype}: expected uint8 (H, W, 3).")
    name = Path(picture).name if isinstance(picture, (str, Path)) else "your picture"
    return (Image.fromarray(picture) if isinstance(picture, np.ndarray) else read(picture)), name


def picked(name: str, upload: bool, buffers: Sequence[Any]) -> Image.Image:
    """Open what the browser asked for: the bytes it sent, or a name or path."""
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
