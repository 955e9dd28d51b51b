"""A network together with what it takes to ask it something."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from gradlab.core.checks import readable, whole_number
from gradlab.core.errors import LayerError, ModelError, PictureError, TargetError, brief
from gradlab.core.pixels import ROUNDING
from gradlab.core.targets import label_index
from gradlab.data.pictures import picture as read
from gradlab.models.views import middle

__all__ = ["Classifier"]


@dataclass(repr=False)
class Classifier:
    """A classifier = model + transform + labels + layer. Accepted wherever gradlab accepts a model.

    ``view`` is what the network sees of a picture, before normalisation; ``transform`` is ``(view - mean) / std``.

    Attributes:
        model: maps a batch (N, C, H, W) to logits (N, classes).
        labels: one readable name per class.
        size: height and width that the network reads, pixels.
        mean, std: per channel, of values in 0 to 1: three for RGB, one for grey.
        resize: the shorter side before the centre crop, pixels; None squeezes the whole picture to ``size``.
        resample: of the resizing; antialiased when it shrinks.
        layer: dotted name of the layer to explain, or None: found and checked.
        name: for titles.

    Raises:
        ModelError, InputError, LayerError: one of these is not so; whether there is one label per class is seen when
            the network is first run.

    Examples:
        >>> net
        Classifier(digits, 10 classes, inputs 1 x 32 x 32, 28,666 parameters)
        >>> test = gradlab.data.digits("test")
        >>> x = net.normalize(test.pictures[:3])
        >>> [net.labels[index] for index in net(x).argmax(1)], test.labels[:3].tolist()
        (['2', '7', '4'], [2, 7, 4])
    """

    model: nn.Module
    labels: Sequence[str]
    size: tuple[int, int] = (224, 224)
    _: KW_ONLY
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    resize: int | None = 256
    resample: Image.Resampling = Image.Resampling.BICUBIC
    layer: str | None = None
    name: str = "network"

    def __post_init__(self) -> None:
        if not isinstance(self.model, nn.Module):
            raise ModelError(f"model is a {type(self.model).__name__}: expected a torch.nn.Module.")
        self.labels = _names(self.labels)
        self.size = _sides(self.size)
        self.mean, self.std = (_channels(getattr(self, name), name) for name in ("mean", "std"))
        if len(self.mean) != len(self.std) or min(self.std) <= 0:
            raise ModelError(f"mean is {self.mean} and std {self.std}: expected as many of each, and std above 0.")
        if self.resize is not None:
            self.resize = whole_number(self.resize, "resize", 1)
        if self.layer is not None and not isinstance(self.layer, str):
            raise LayerError(f"layer is a {type(self.layer).__name__}: expected a dotted name, or None.")
        try:
            self.resample = Image.Resampling(self.resample)
        except ValueError:
            raise ModelError(f"resample is {brief(self.resample)}: expected a PIL.Image.Resampling.") from None

    def __repr__(self) -> str:
        """Return one line: name, classes, what it reads and how large it is."""
        weights = sum(parameter.numel() for parameter in self.model.parameters())
        reads = " x ".join(map(str, self.input_size))
        return f"{type(self).__name__}({self.name}, {len(self.labels)} classes, inputs {reads}, {weights:,} parameters)"

    @property
    def input_size(self) -> tuple[int, int, int]:
        """(C, H, W) of one input."""
        return (len(self.mean), *self.size)

    def __call__(self, inputs: Tensor, *extra_inputs: Any) -> Any:
        """Run the model as it is; ``extra_inputs`` are what else it reads."""
        return self.model(inputs, *extra_inputs)

    def view(self, picture: Any) -> Image.Image:
        """Return what the network sees of a picture, RGB: resized, and cropped in the middle.

        The shorter side becomes ``resize`` and the longer is rounded down; a crop beyond the picture is black. To the
        pixel this is what torchvision's ``Resize`` and ``CenterCrop`` do. A picture so long that its whole would not
        fit into memory is cut before it is resized, and may differ by a few levels in 255.

        Args:
            picture: whatever :func:`gradlab.data.picture` reads.

        Raises:
            PictureError: as :func:`gradlab.data.picture`.
        """
        image = read(picture)
        height, width = self.size
        if self.resize is None:
            return image.resize((width, height), self.resample)
        return middle(image, self.resize, (width, height), self.resample)

    def transform(self, picture: Any) -> Tensor:
        """Return the picture as the network reads it, (C, H, W), where its weights are.

        Args:
            picture: whatever :func:`gradlab.data.picture` reads.

        Raises:
            PictureError: as :func:`gradlab.data.picture`.
        """
        return self.normalize(self.view(picture))

    def normalize(self, view: Image.Image | Tensor) -> Tensor:
        """Return (view - mean) / std, where the weights are and in their dtype.

        Args:
            view: what :meth:`view` gave, or such a picture changed; or a batch of them (N, C, H, W) or one (C, H, W)
                in 0 to 1, or uint8.

        Raises:
            PictureError: another number of channels, or numbers out of their range.
        """
        if isinstance(view, Tensor):
            pixels = self._in_unit_range(view)
        else:
            seen = read(view).convert("L" if len(self.mean) == 1 else "RGB")
            pixels = torch.from_numpy(np.atleast_3d(np.asarray(seen, dtype=np.float32) / 255)).movedim(-1, 0)
        where = pixels.device
        mean, std = (torch.tensor(v, dtype=torch.float32, device=where)[:, None, None] for v in (self.mean, self.std))
        found = (pixels - mean) / std
        weight = next((each for each in self.model.parameters() if each.is_floating_point()), None)
        return found.to(torch.float32) if weight is None else found.to(weight)

    def _in_unit_range(self, view: Tensor) -> Tensor:
        shape = tuple(view.shape)
        if view.ndim not in (3, 4) or shape[-3] != len(self.mean) or not view.numel() or not readable(view):
            reads = ", ".join(map(str, self.input_size))
            raise PictureError(f"The pictures have shape {brief(shape)}: this network reads (N, {reads}).")
        if view.dtype == torch.uint8:
            return view.to(torch.float32) / 255
        if not view.is_floating_point():
            raise PictureError(f"The pictures are {view.dtype}: expected floating point 0 to 1, or uint8.")
        low, high = view.detach().aminmax()
        if not (float(low) >= -ROUNDING and float(high) <= 1 + ROUNDING):
            raise PictureError(
                f"The pictures range from {float(low):.4g} to {float(high):.4g}: expected 0 to 1, without NaN. What is "
                "normalised already needs no normalize."
            )
        return view

    def index(self, label: str) -> int:
        """Return the class of a label; raises ``TargetError`` with the nearest labels if there is none."""
        if not isinstance(label, str):
            raise TargetError(f"label is a {type(label).__name__}: expected one of the labels.")
        return label_index(label, self.labels)


def _names(labels: Any) -> list[str]:
    """Return labels as a list of names; numbers are refused, since an index is another way to name a class."""
    if isinstance(labels, (str, bytes, Mapping)) or not isinstance(labels, Iterable):
        raise ModelError(f"labels is a {type(labels).__name__}: expected a list with one name per class, in order.")
    names = list(labels)
    if not names:
        raise ModelError("labels is empty: expected a list with one name per class, in order.")
    for i, name in enumerate(names):
        if not isinstance(name, str):
            raise ModelError(
                f"labels[{i}] is a {type(name).__name__}, {brief(name)}: expected names; [str(each) for each in "
                "labels] makes names of numbers."
            )
        if not name.strip():
            raise ModelError(f"labels[{i}] is empty: expected a name for each class.")
    return [str(name) for name in names]


def _sides(size: Any) -> tuple[int, int]:
    if not isinstance(size, Iterable) or len(sides := list(size)) != 2:
        raise ModelError(f"size is {brief(size)}: expected (height, width), pixels.")
    return whole_number(sides[0], "size[0]", 1), whole_number(sides[1], "size[1]", 1)


def _channels(values: Any, name: str) -> tuple[float, ...]:
    """Return one number per channel, 1 or 3 of them."""
    try:
        found = tuple(float(value) for value in values)
    except (TypeError, ValueError):
        found = ()
    if len(found) not in (1, 3) or not all(map(math.isfinite, found)):
        raise ModelError(f"{name} is {brief(values)}: expected 3 finite numbers for RGB, or (x,) for grey.")
    return found
