"""How a network looks at a picture: the middle of it, resized, to the pixel as torchvision makes it."""

from __future__ import annotations

import math

from PIL import Image

__all__ = ["middle"]

_WHOLE = 2**24  # pixels of a resized picture that is made as a whole, 64 MB
_REACH = 3  # pixels that the widest filter, Lanczos, reads to each side of a pixel


def middle(image: Image.Image, shorter: int, size: tuple[int, int], resample: Image.Resampling) -> Image.Image:
    """Return the middle of the picture whose shorter side is resized to ``shorter``; beyond its edges it is black.

    Sides and corners are rounded as torchvision's ``Resize`` and ``CenterCrop`` round them.

    Args:
        image: any size.
        shorter: pixels.
        size: (width, height) of the result.
        resample: the filter.
    """
    longer = shorter * max(image.size) // min(image.size)
    whole = (shorter, longer) if image.width <= image.height else (longer, shorter)
    left, top = (_corner(side, crop) for side, crop in zip(whole, size, strict=True))
    x0, y0, x1, y1 = left, top, left + size[0], top + size[1]
    if whole[0] * whole[1] <= _WHOLE:
        return image.resize(whole, resample).crop((x0, y0, x1, y1))
    inside = (max(x0, 0), max(y0, 0), min(x1, whole[0]), min(y1, whole[1]))
    part = _part(image, whole, inside, resample)
    return part.crop((x0 - inside[0], y0 - inside[1], x1 - inside[0], y1 - inside[1]))


def _corner(side: int, crop: int) -> int:
    return round((side - crop) / 2) if crop <= side else -((crop - side) // 2)


def _part(
    image: Image.Image, whole: tuple[int, int], window: tuple[int, int, int, int], resample: Image.Resampling
) -> Image.Image:
    """Return ``image.resize(whole).crop(window)`` without making the whole; the window lies inside it."""
    cut: list[tuple[int, int]] = []
    box: list[tuple[float, float]] = []
    for side, new, first, last in zip(image.size, whole, window[:2], window[2:], strict=True):
        scale = side / new
        beside = math.ceil(_REACH * max(scale, 1)) + 1
        start, stop = max(0, math.floor(first * scale) - beside), min(side, math.ceil(last * scale) + beside)
        cut.append((start, stop))
        box.append((first * scale - start, last * scale - start))  # Pillow keeps these in single precision: small
    (left, right), (top, bottom) = cut
    size = (window[2] - window[0], window[3] - window[1])
    (x0, x1), (y0, y1) = box
    return image.crop((left, top, right, bottom)).resize(size, resample, (x0, y0, x1, y1))
