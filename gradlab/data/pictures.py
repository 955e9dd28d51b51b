"""Pictures to ask about: those that come with scikit-image, a montage of them, or the user's own."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image, ImageOps

from gradlab.core.errors import PictureError, brief, did_you_mean
from gradlab.core.pixels import rgb

__all__ = ["picture", "picture_names"]

# What scikit-image's wheel holds and may be shown; colour photographs and one greyscale one.
_NAMES = ("chelsea", "coffee", "cat_and_coffee", "astronaut", "camera", "rocket")


def picture_names() -> list[str]:
    """Return the names that :func:`picture` knows.

    Examples:
        >>> gradlab.data.picture_names()[:3]
        ['chelsea', 'coffee', 'cat_and_coffee']
    """
    return list(_NAMES)


def picture(source: Any) -> Image.Image:
    """Return a picture as an RGB PIL image, turned upright as its EXIF orientation says.

    Args:
        source: one of these; the source is not changed.

            * a name (``"chelsea"`` a cat, ``"coffee"`` an espresso, ``"cat_and_coffee"`` both side by side...);
            * a path, or the bytes of an image file: of several frames or pages the first, and
              ``info["frames"]`` of the result counts them;
            * a PIL image of any mode, at its present frame;
            * an array or tensor (H, W), (H, W, C) or (C, H, W) with 1, 3 or 4 channels, the fourth opacity. If both
              ends could be the channels, those of an array are the last axis and those of a tensor the first.

    Numbers are scaled by the range of their kind: uint8 0 to 255, uint16 and files of 16 bits 0 to 65,535, floating
    point 0 to 1; other whole numbers as uint8 if none is above 255, else as uint16. What is transparent is laid over
    white. Colour profiles are not applied, and nothing is downloaded.

    Raises:
        PictureError: unknown name, an address, a missing file, a folder; empty, damaged, truncated or closed; a format
            that Pillow does not read by itself (HEIC, PostScript, SVG); no pixel, more than 100 million, or numbers
            out of their range.

    Examples:
        >>> gradlab.data.picture("chelsea").size
        (451, 300)
        >>> gradlab.data.picture(torch.rand(3, 8, 10)).size
        (10, 8)
    """
    if isinstance(source, str) and source in _NAMES:
        return _montage() if source == "cat_and_coffee" else _shipped(source)
    try:
        return rgb(source)
    except PictureError as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            raise
        hint = did_you_mean(brief(source), _NAMES) or f" Names are {', '.join(_NAMES)}."
        raise PictureError(f"{error}{hint}") from None


def _shipped(name: str) -> Image.Image:
    import skimage.data

    return Image.fromarray(getattr(skimage.data, name)()).convert("RGB")


def _montage() -> Image.Image:
    """A square: the cat's face in its left half, the espresso in its right, so that a centre crop keeps both."""
    cat = ImageOps.fit(_shipped("chelsea"), (150, 300), centering=(0.4, 0.5))
    cup = ImageOps.fit(_shipped("coffee"), (150, 300), centering=(0.5, 0.5))
    return Image.fromarray(np.concatenate([np.asarray(cat), np.asarray(cup)], axis=1))
