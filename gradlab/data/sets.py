"""What all sets of drawn or scanned pictures have in common."""

from __future__ import annotations

from typing import ClassVar

from PIL import Image
from torch import Tensor

from gradlab.core.checks import whole_number

__all__ = ["PictureSet"]


class PictureSet:
    """Pictures (n, C, H, W) in 0 to 1: how many there are, one of them for the screen, and one line about all."""

    pictures: Tensor
    classes: ClassVar[int]

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.pictures)

    def __repr__(self) -> str:
        """Return one line: what it is, how many, classes and size."""
        n, *size = self.pictures.shape
        return f"{type(self).__name__}({n} pictures, {self.classes} classes, {' x '.join(map(str, size))})"

    def image(self, index: int) -> Image.Image:
        """Return one picture as an RGB image, for the screen."""
        index = whole_number(index, "index", -len(self), len(self) - 1)
        values = (self.pictures[index] * 255).round().byte().expand(3, -1, -1)
        return Image.fromarray(values.movedim(0, -1).contiguous().numpy())
