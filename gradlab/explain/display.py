"""From raw maps to what is shown: size, ReLU, scale, colours."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gradlab.core.errors import InputError

__all__ = ["overlay", "unit_scale", "upsample"]


def upsample(maps: Tensor, size: int | tuple[int, int]) -> Tensor:
    """Return ``maps`` (N, C, h, w) at ``size`` (H, W), bilinear with cell centres aligned (align_corners=False).

    Raises:
        InputError: ``maps`` has not four axes, or ``size`` is not positive.

    Examples:
        >>> gradlab.explain.upsample(gradlab.explain.grad_cam(net, x), 32).shape
        torch.Size([1, 1, 32, 32])
    """
    if maps.ndim != 4:
        raise InputError(f"maps has shape {tuple(maps.shape)}: expected (N, C, h, w).")
    height, width = (size, size) if isinstance(size, int) else size
    if min(height, width) < 1:
        raise InputError(f"size is {size}: expected positive numbers of pixels (H, W).")
    return torch.nn.functional.interpolate(maps, (height, width), mode="bilinear", align_corners=False)


def unit_scale(maps: Tensor) -> Tensor:
    """Return the positive part of each map divided by its maximum; a map with nothing positive is all zeros.

    There is no epsilon: the maps of a confident network are tiny, and a fixed epsilon would flatten them.

    Examples:
        >>> gradlab.explain.unit_scale(torch.tensor([[[[-1.0, 2.0, 4.0]]]]))
        tensor([[[[0.0000, 0.5000, 1.0000]]]])
    """
    positive = maps.clamp(min=0)
    top = positive.amax((-2, -1), keepdim=True)
    return torch.where(top > 0, positive / torch.where(top > 0, top, 1), 0)


def overlay(picture: Any, maps: Tensor, *, cmap: str = "viridis", opacity: float = 0.5) -> Image.Image:
    """Return one map's positive part, scaled to its maximum, blended over the picture; nothing where it is empty.

    Args:
        picture: PIL image or uint8 array (H, W, 3): what the network saw.
        maps: one raw map, (1, 1, h, w), (1, h, w) or (h, w).
        cmap: name of a matplotlib colour map.
        opacity: 0 shows the picture alone, 1 the map alone.

    Raises:
        InputError: more than one map, NaN, an opacity outside 0 to 1, or an unknown colour map.

    Examples:
        >>> gradlab.explain.overlay(gradlab.data.picture("coffee"), torch.rand(1, 1, 7, 7)).size
        (600, 400)
    """
    values = maps.detach().float().cpu()
    if values.ndim < 2 or values.numel() != values.shape[-1] * values.shape[-2]:
        raise InputError(f"maps has shape {tuple(maps.shape)}: overlay draws one map, as in maps[:1].")
    if not bool(values.isfinite().all()):
        raise InputError("maps holds NaN or infinite values: there is nothing to draw.")
    if not 0 <= opacity <= 1:
        raise InputError(f"opacity is {opacity}: expected 0 to 1.")
    if cmap not in matplotlib.colormaps:
        raise InputError(f"There are no colour map {cmap!r}: use a matplotlib colour map such as 'viridis'.")
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(np.asarray(picture))
    pixels = np.asarray(image.convert("RGB"), dtype=np.float32)
    if not bool((values > 0).any()):
        return Image.fromarray(pixels.astype(np.uint8))  # nothing positive: an even tint would look like an answer
    shown = upsample(unit_scale(values.reshape(1, 1, *values.shape[-2:])), pixels.shape[:2])[0, 0]
    heat = matplotlib.colormaps[cmap](shown.numpy())[..., :3] * 255
    return Image.fromarray(((1 - opacity) * pixels + opacity * heat).round().astype(np.uint8))
