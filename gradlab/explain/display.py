"""From raw maps to what is shown: size, ReLU, scale, colours."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gradlab.core.checks import readable, whole_number
from gradlab.core.errors import InputError, brief, shown
from gradlab.core.pixels import rgb

__all__ = ["html_image", "overlay", "unit_scale", "upsample"]

LARGEST = 2**15  # pixels of a side


def upsample(maps: Tensor, size: int | tuple[int, int]) -> Tensor:
    """Return ``maps`` (N, C, h, w) at ``size`` (H, W), bilinear with cell centres aligned (align_corners=False).

    Raises:
        InputError: ``maps`` is no floating tensor of four axes with a number in it, holds NaN or infinite values, or
            ``size`` is not one or two positive whole numbers.

    Examples:
        >>> gradlab.explain.upsample(gradlab.explain.grad_cam(net, x), 32).shape
        torch.Size([1, 1, 32, 32])
    """
    if _checked(maps).ndim != 4:
        raise InputError(f"maps has shape {brief(tuple(maps.shape))}: expected (N, C, h, w).")
    both = list(size) if isinstance(size, Sequence) and not isinstance(size, str) else [size, size]
    if len(both) != 2:
        raise InputError(f"size is {brief(size)}: expected one or two positive numbers of pixels (H, W).")
    height, width = (whole_number(side, "size", 1, LARGEST) for side in both)
    return torch.nn.functional.interpolate(maps, (height, width), mode="bilinear", align_corners=False)


def unit_scale(maps: Tensor) -> Tensor:
    """Return the positive part of each map divided by its maximum; a map with nothing positive is all zeros.

    There is no epsilon: the maps of a confident network are tiny, and a fixed epsilon would flatten them.

    Args:
        maps: (..., h, w).

    Raises:
        InputError: ``maps`` is no floating tensor of two axes or more, or holds NaN or infinite values.

    Examples:
        >>> gradlab.explain.unit_scale(torch.tensor([[[[-1.0, 2.0, 4.0]]]]))
        tensor([[[[0.0000, 0.5000, 1.0000]]]])
    """
    positive = _checked(maps).clamp(min=0)
    top = positive.amax((-2, -1), keepdim=True)
    return torch.where(top > 0, positive / torch.where(top > 0, top, 1), 0)


def overlay(picture: Any, maps: Tensor, *, cmap: str = "viridis", opacity: float = 0.5) -> Image.Image:
    """Return one map's positive part, scaled to its maximum, blended over the picture.

    A place whose share of the maximum is v is covered by opacity * v^(1 - opacity): no evidence leaves the picture as
    it is, and an opacity of 1 shows the map alone.

    Args:
        picture: what the network saw: a path, bytes, PIL image, array or tensor of values in 0 to 1 or uint8, read as
            ``gradlab.data.picture`` reads it.
        maps: one raw map, (1, 1, h, w), (1, h, w) or (h, w).
        cmap: name of a matplotlib colour map.
        opacity: 0 shows the picture alone, 1 the map alone.

    Raises:
        InputError: no map or more than one, NaN, an opacity outside 0 to 1, or an unknown colour map.
        PictureError: the picture cannot be read.

    Examples:
        >>> gradlab.explain.overlay(gradlab.data.picture("coffee"), torch.rand(1, 1, 7, 7)).size
        (600, 400)
    """
    values = _checked(maps).detach().cpu().double()
    if values.numel() != values.shape[-1] * values.shape[-2]:
        raise InputError(f"maps has shape {brief(tuple(maps.shape))}: overlay draws one map, as in maps[:1].")
    if isinstance(opacity, bool) or not isinstance(opacity, (int, float, np.number)) or not 0 <= opacity <= 1:
        raise InputError(f"opacity is {brief(opacity)}: expected a number from 0 to 1.")
    if not isinstance(cmap, str) or cmap not in matplotlib.colormaps:
        raise InputError(f"There is no colour map {brief(cmap)!r}: use a name of matplotlib's, such as 'viridis'.")
    image = rgb(picture)
    pixels = np.asarray(image, dtype=np.float32)
    if not bool((values > 0).any()):
        return image  # nothing positive: an even tint would look like an answer
    shown = upsample(unit_scale(values.reshape(1, 1, *values.shape[-2:])), (image.height, image.width))[0, 0]
    heat = matplotlib.colormaps[cmap](shown.numpy())[..., :3] * 255
    cover = opacity * shown.numpy()[..., None] ** (1 - opacity)
    return Image.fromarray(((1 - cover) * pixels + cover * heat).round().astype(np.uint8))


def _checked(maps: Any) -> Tensor:
    good = isinstance(maps, Tensor) and readable(maps) and maps.is_floating_point()
    if not good or maps.ndim < 2 or not maps.numel():
        raise InputError(f"maps is {shown(maps)}: expected a floating tensor (..., h, w), not empty.")
    if not bool(maps.isfinite().all()):
        raise InputError("maps holds NaN or infinite values: there is nothing to draw.")
    found: Tensor = maps
    return found


def html_image(content: bytes, alt: str, width: int | None = None) -> str:
    """Return a picture, PNG or WebP, as an element of a page that carries its words.

    Of an ``image/png`` output JupyterLab and nbconvert read no words, whatever its metadata say.

    Examples:
        >>> from gradlab.explain.display import html_image
        >>> html_image(b"...", alt="A cup & a saucer.", width=300)
        '<img alt="A cup &amp; a saucer." width="300" src="data:image/png;base64,Li4u">'
    """
    sized = "" if width is None else f' width="{width}"'
    kind, letters = "webp" if content.startswith(b"RIFF") else "png", base64.b64encode(content).decode("ascii")
    return f'<img alt="{html.escape(alt)}"{sized} src="data:image/{kind};base64,{letters}">'
