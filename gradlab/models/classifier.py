"""A network together with what it takes to ask it something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from gradlab.core.errors import ModelError, PictureError
from gradlab.core.targets import label_index

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
        layer: dotted name of the layer to explain, or None: found and checked.
        name: for titles.

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
        self.labels = list(self.labels)

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
        """Return the crop of the picture (PIL, or uint8 array (H, W, 3)) that the network sees, RGB.

        Raises:
            PictureError: it is no picture.
        """
        image = _as_image(picture)
        height, width = self.size
        if self.resize is None:
            return image.resize((width, height), self.resample)
        scale = self.resize / min(image.size)
        image = image.resize(
            (max(width, round(image.width * scale)), max(height, round(image.height * scale))), self.resample
        )
        left, top = (image.width - width) // 2, (image.height - height) // 2
        return image.crop((left, top, left + width, top + height))

    def transform(self, picture: Any) -> Tensor:
        """Return the picture as the network reads it, (C, H, W), where its weights are."""
        return self.normalize(self.view(picture))

    def normalize(self, view: Image.Image | Tensor) -> Tensor:
        """Return (view - mean) / std, where the weights are.

        Args:
            view: what :meth:`view` gave, or such a picture changed; or a batch of them (N, C, H, W) in 0 to 1.
        """
        weight = next(self.model.parameters(), torch.empty(0))
        if isinstance(view, Tensor):
            pixels = view
        else:
            seen = view.convert("L" if len(self.mean) == 1 else "RGB")
            pixels = torch.from_numpy(np.atleast_3d(np.asarray(seen, dtype=np.float32) / 255)).movedim(-1, 0)
        mean, std = (torch.tensor(v)[:, None, None] for v in (self.mean, self.std))
        return ((pixels - mean) / std).to(weight)

    def index(self, label: str) -> int:
        """Return the class of a label; raises ``TargetError`` with the nearest labels if there is none."""
        return label_index(label, self.labels)


def _as_image(picture: Any) -> Image.Image:
    if isinstance(picture, Image.Image):
        return picture.convert("RGB")
    if (
        isinstance(picture, np.ndarray)
        and picture.dtype == np.uint8
        and picture.ndim == 3
        and picture.shape[2] == 3
        and picture.size
    ):
        return Image.fromarray(picture)
    what = f"array {picture.shape} {picture.dtype}" if isinstance(picture, np.ndarray) else type(picture).__name__
    raise PictureError(
        f"Expected a PIL image or a uint8 array (H, W, 3), got {what}. Read a file with gradlab.data.picture(path)."
    )
