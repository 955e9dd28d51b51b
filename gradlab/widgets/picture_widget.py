"""A widget about one picture at a time: the reader may exchange the picture, and is told when that fails."""

from __future__ import annotations

import inspect
import logging
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import traitlets
from PIL import Image
from torch import Tensor

from gradlab.core import outputs_of
from gradlab.core.checks import checked_extra, names_of, sequence, whole_number
from gradlab.core.errors import GradlabError, InputError, ModelError, PictureError, TargetError, shown
from gradlab.core.inputs import module_of
from gradlab.core.search import groups_of
from gradlab.core.targets import check_logits
from gradlab.widgets.questions import distinct
from gradlab.widgets.widget import Widget
from gradlab.widgets.wire import attached, packed, unpacked

if TYPE_CHECKING:
    from gradlab.models import Classifier

__all__ = [
    "MAX_UPLOAD",
    "PictureWidget",
    "Reading",
    "check_classifier",
    "check_named",
    "checked_box",
    "class_of",
    "opened",
    "picture_answer",
]

logger = logging.getLogger(__name__)

MAX_UPLOAD = 25 * 2**20  # bytes; the front end refuses more before it is sent


class PictureWidget(Widget):
    """What the widgets about a picture share.

    Attributes:
        answer: what the browser draws, replaced as a whole.
        labels: one name per class.
        groups: classes by a word for what they are, such as "dog"; the lists of classes are searched by it too.
        choices: names offered in the list.
        busy: what the kernel is doing, or an empty string.
        error: one sentence about what failed last, or an empty string.
    """

    answer = traitlets.Dict().tag(sync=True)
    labels = traitlets.List(traitlets.Unicode()).tag(sync=True)
    groups = traitlets.Dict().tag(sync=True)
    choices = traitlets.List(traitlets.Unicode()).tag(sync=True)
    busy = traitlets.Unicode("").tag(sync=True)
    error = traitlets.Unicode("").tag(sync=True)

    def __init__(self, net: Classifier, choices: Sequence[str] | None, **state: Any) -> None:
        from gradlab.data import picture_names

        self._net = net
        self._serial = 1
        # Messages may arrive on another thread than the cell that made the widget: one at a time.
        self._one = threading.Lock()
        names = picture_names() if choices is None else names_of(choices, "choices")
        super().__init__(labels=distinct(net.labels), groups=groups_of(net.labels), choices=names, **state)
        self.on_msg(self._heard)

    def _show(self, picture: Image.Image, name: str) -> None:
        """Put another picture's answer in place of the present one."""
        raise NotImplementedError

    def _asked(self, kind: str, content: dict[str, Any]) -> None:
        """Answer a message that is not about another picture; unknown ones are ignored."""

    def _heard(self, _widget: Any, content: Any, buffers: Sequence[Any]) -> None:
        """Answer a message of the front end. Nothing escapes: an exception here would be lost without a trace."""
        if not isinstance(content, dict) or not isinstance(content.get("kind"), str):
            return
        content = attached(content, buffers)
        with self._one:
            try:
                if content["kind"] == "picture":
                    self._exchange(content)
                else:
                    self._asked(content["kind"], content)
            except GradlabError as error:
                self.error = str(error)
            except KeyboardInterrupt:  # the reader's, and meant for this
                self.error = "Interrupted: ask again."
            except Exception as error:
                logger.exception("a message of the front end failed")
                self.error = f"This failed: {type(error).__name__}: {error}"
            finally:
                self.busy = ""

    def _exchange(self, content: dict[str, Any]) -> None:
        name = str(content.get("name", "the picture"))
        self.error = ""
        self.busy = f"reading {name} ..."
        picture = _picked(name, content.get("upload"))
        self._serial += 1  # equal answers would not be sent
        self._show(picture, _called(Path(name).name, picture))


@dataclass(frozen=True)
class Reading:
    """One picture as a network reads it.

    Attributes:
        serial: of the answer that shows it.
        name: of the picture.
        view: what the network sees of it, RGB.
        x: that normalised, (1, C, H, W).
        logits: z (classes,), double precision.
        p: the class asked about: the one wanted, or what the network says.
    """

    serial: int
    name: str
    view: Image.Image
    x: Tensor
    logits: Tensor
    p: int

    @classmethod
    def of(
        cls,
        net: Classifier,
        picture: Image.Image,
        name: str,
        serial: int,
        target: int | str | None,
        extra: Sequence[Any],
    ) -> Reading:
        """Run the network once, with what it reads beside the picture; raises as the engine does."""
        view = net.view(picture).convert("RGB")
        x = net.normalize(view)[None]
        logits = check_logits(outputs_of(net, x, extra_inputs=extra))[0].detach().cpu().double()
        p = class_of(net, target, len(logits))
        return cls(serial, name, view, x, logits, int(logits.argmax()) if p is None else p)

    def answer(self) -> dict[str, Any]:
        """Return what is sent to the browser."""
        return picture_answer(self.serial, self.name, self.view, self.logits)


def picture_answer(serial: int, name: str, view: Image.Image, logits: Any) -> dict[str, Any]:
    """Return what the browser needs of any picture: RGB, and logits in single precision."""
    return {"serial": serial, "name": name, "picture": packed(view, "uint8"), "logits": packed(logits, "float32")}


def check_classifier(net: Classifier, widget: str, extra_inputs: Sequence[Any] | None = None) -> None:
    """Raise ``ModelError`` unless ``net`` has what a widget needs: labels, a transform, a view, and all its inputs.

    Args:
        net: what was given for a classifier.
        widget: what the widget is called.
        extra_inputs: what the network is given beside the picture; None, where the widget gives it nothing.
    """
    check_named(net, widget)
    beside = _reads_beside(net)
    if len(beside) > (0 if extra_inputs is None else len(checked_extra(extra_inputs))):
        way = "wrap it in a module that reads the picture alone" if extra_inputs is None else "pass extra_inputs=(...)"
        raise ModelError(f"{widget}: this network reads {', '.join(beside)} beside the picture: {way}.")


def check_named(net: Classifier, widget: str) -> None:
    """Raise ``ModelError`` unless ``net`` has labels, a transform and a view, whatever else it reads."""
    missing = [name for name in ("labels", "transform", "view") if not hasattr(net, name)]
    if missing:
        raise ModelError(
            f"{widget} needs a Classifier (model + transform + labels), and {type(net).__name__} has no "
            f"{', '.join(missing)}: use gradlab.models.imagenet() or wrap it in gradlab.models.Classifier."
        )
    module_of(net)


def _reads_beside(net: Classifier) -> list[str]:
    """Return the names of what the network must be given beside the picture."""
    try:
        found = list(inspect.signature(net.model.forward).parameters.values())
    except (AttributeError, TypeError, ValueError):
        return []  # unknown: running it tells
    places = [each for each in found if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    return [each.name for each in places[1:] if each.default is each.empty]


def class_of(net: Classifier, wanted: Any, classes: int, name: str = "target") -> int | None:
    """Return the class of an index or a label, None for None; raises ``TargetError``."""
    if wanted is None:
        return None
    if isinstance(wanted, str):
        return int(net.index(wanted))
    return whole_number(wanted, name, 0, classes - 1, TargetError)


def checked_box(box: Any, size: tuple[int, int]) -> list[int] | None:
    """Return (left, top, width, height) of a box in a picture of this size, None for None; raises ``InputError``."""
    if box is None:
        return None
    sides = sequence(box, "box", "left, top, width and height, in pixels")
    if len(sides) != 4:
        raise InputError(f"box is {shown(box)}: expected left, top, width and height, in pixels.")
    left, top = (whole_number(at, "box's corner", 0, side - 1) for at, side in zip(sides[:2], size, strict=True))
    width = whole_number(sides[2], "box's width", 1, size[0] - left)
    return [left, top, width, whole_number(sides[3], "box's height", 1, size[1] - top)]


def opened(picture: Any) -> tuple[Image.Image, str]:
    """Return the picture of whatever :func:`gradlab.data.picture` reads, and what to call it.

    Raises:
        PictureError: it is none of these, or cannot be read.
    """
    from gradlab.data import picture as read

    image = read(picture)
    return image, _called(Path(picture).name if isinstance(picture, (str, os.PathLike)) else "your picture", image)


def _called(name: str, image: Image.Image) -> str:
    """Return the name, and of how many frames this is the first."""
    frames = image.info.get("frames")
    return f"{name} (the first of {frames} frames)" if frames else name


def _picked(name: str, upload: Any) -> Image.Image:
    """Open what the browser asked for: the file that it sent, or a name or path."""
    from gradlab.data import picture

    if upload is None:
        return picture(name)
    content = unpacked(upload, "uint8", (None,))
    if len(content) > MAX_UPLOAD:
        raise PictureError(f"{name} has more than {MAX_UPLOAD >> 20} MB: make it smaller first.")
    try:
        return picture(content.tobytes())
    except PictureError as error:
        # the reader knows the file by its name
        raise PictureError(str(error).replace("The file", name, 1)) from error
