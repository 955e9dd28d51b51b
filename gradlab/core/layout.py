"""Where the channels are: feature maps as (N, K, h, w), whatever layout a layer speaks."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from gradlab.core.errors import LayerError

__all__ = ["Layout", "layout_of"]


@dataclass(frozen=True)
class Layout:
    """How a layer's output holds a spatial map.

    ``kind`` is ``"NCHW"``, ``"NHWC"`` (Swin) or ``"tokens"`` (ViT: ``prefix`` class or register tokens, then
    ``height * width`` patches).
    """

    kind: str
    height: int
    width: int
    prefix: int = 0

    def to_maps(self, values: Tensor, batch_axes: int = 1) -> Tensor:
        """Return ``values`` (*batch, layer axes) as (*batch, K, h, w)."""
        if self.kind == "NCHW":
            return values
        if self.kind == "tokens":
            values = values.narrow(batch_axes, self.prefix, self.height * self.width)
            values = values.unflatten(batch_axes, (self.height, self.width))
        return values.movedim(-1, batch_axes)


def layout_of(values: object, picture: tuple[int, int], name: str, prefix: int | None = None) -> Layout:
    """Recognise the layout of a layer's output for a picture of (H, W).

    Raises:
        LayerError: the output holds no spatial map.
    """
    if not isinstance(values, Tensor):
        raise LayerError(f"Layer {name!r} returns a {type(values).__name__}, not a feature map (N, K, h, w).")
    shape = tuple(values.shape)
    if not values.is_floating_point():
        raise LayerError(f"Layer {name!r} returns {values.dtype} values, not a feature map.")
    if values.ndim == 4:
        first, last = shape[1:3], shape[2:4]
        if min(last) > 1 and _same_aspect(last, picture):
            return Layout("NCHW", *last)
        if min(first) > 1 and _same_aspect(first, picture):
            return Layout("NHWC", *first)
    if values.ndim == 3:
        prefixes = (0, 1, 2, 4, 5) if prefix is None else (prefix,)
        for count in prefixes:
            grid = _grid(shape[1] - count, picture)
            if grid:
                return Layout("tokens", *grid, prefix=count)
    raise LayerError(
        f"Layer {name!r} has no spatial map: its output has shape {shape}, expected (N, K, h, w) with h, w > 1, "
        "(N, h, w, K), or (N, tokens, K) with one token per patch."
    )


def _same_aspect(size: tuple[int, ...], picture: tuple[int, int]) -> bool:
    """Whether (h, w) can be the grid of a picture (H, W): one stride for both axes, up to rounding at the border."""
    (h, w), (height, width) = size, picture
    stride = math.sqrt(height * width / (h * w))
    return abs(h - height / stride) <= 1 + 0.1 * h and abs(w - width / stride) <= 1 + 0.1 * w


def _grid(tokens: int, picture: tuple[int, int]) -> tuple[int, int] | None:
    height, width = picture
    h = round(math.sqrt(max(tokens, 0) * height / width))
    if h < 2 or tokens % h or tokens // h < 2:
        return None
    w = tokens // h
    return (h, w) if height * w == width * h else None
