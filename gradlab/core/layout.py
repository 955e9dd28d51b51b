"""Where the channels are: feature maps as (N, K, h, w), whatever layout a layer speaks."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from gradlab.core.errors import LayerError

__all__ = ["Layout", "layout_of", "readings_of", "settled"]

FOLLOWS = 0.1  # of a change's size: what a reading's rows and columns must at least follow, or may contradict


@dataclass(frozen=True)
class Layout:
    """How a layer's output holds a spatial map.

    ``kind`` is ``"NCHW"``, ``"NHWC"`` (Swin), ``"tokens"`` (ViT: ``prefix`` class or register tokens, then
    ``height * width`` patches) or ``"columns"``: such tokens behind the channels (MLP-Mixer). ``even``: both axes of
    the picture were thinned out alike.
    """

    kind: str
    height: int
    width: int
    prefix: int = 0
    even: bool = True

    def to_maps(self, values: Tensor, batch_axes: int = 1) -> Tensor:
        """Return ``values`` (*batch, layer axes) as (*batch, K, h, w)."""
        if self.kind == "NCHW":
            return values
        if self.kind == "columns":
            values = values.transpose(batch_axes, batch_axes + 1)
        if self.kind != "NHWC":
            values = values.narrow(batch_axes, self.prefix, self.height * self.width)
            values = values.unflatten(batch_axes, (self.height, self.width))
        return values.movedim(-1, batch_axes)


def readings_of(values: object, picture: tuple[int, int], name: str, prefix: int | None = None) -> list[Layout]:
    """Return the layouts that a layer's output can have for a picture of (H, W), the likeliest first.

    Raises:
        LayerError: it holds no spatial map.
    """
    if not isinstance(values, Tensor):
        raise LayerError(f"Layer {name!r} returns a {type(values).__name__}, not a feature map (N, K, h, w).")
    shape = tuple(values.shape)
    if not values.is_floating_point():
        raise LayerError(f"Layer {name!r} returns {values.dtype} values, not a feature map.")
    found: list[Layout] = []
    if values.ndim == 4:
        grids = {"NCHW": (shape[2], shape[3]), "NHWC": (shape[1], shape[2])}
        found = [Layout(kind, *grid) for kind, grid in grids.items() if min(grid) > 1 and _same_aspect(grid, picture)]
        others = [kind for kind in grids if kind not in [each.kind for each in found]]
        found += [Layout(kind, *grids[kind], even=False) for kind in others if _inside(grids[kind], picture)]
    if values.ndim == 3:
        for kind, tokens in (("tokens", shape[1]), ("columns", shape[2])):
            for count in (0, 1, 2, 4, 5) if prefix is None else (prefix, 0):  # some leave the class token out
                grid = _grid(tokens - count, picture)
                if grid is not None:
                    found.append(Layout(kind, *grid, prefix=count))
                    break
    if not found:
        raise LayerError(
            f"Layer {name!r} has no spatial map: its output has shape {shape}, expected (N, K, h, w) with h, w > 1, "
            "(N, h, w, K), or (N, tokens, K) with one token per patch."
        )
    return found


def layout_of(values: object, picture: tuple[int, int], name: str, prefix: int | None = None) -> Layout:
    """Return the likeliest layout of a layer's output by its shape; arguments and errors as :func:`readings_of`."""
    return readings_of(values, picture, name, prefix)[0]


def settled(readings: list[Layout], name: str, x: Tensor, values_of: Callable[[Tensor], Tensor]) -> Layout:
    """Return the reading whose rows and columns are the picture's: what a change of its upper, or left, half moves.

    Shapes alone cannot tell a map's columns from channels, queries from keys, rows from columns.

    Args:
        readings: of the layer's output, as from :func:`readings_of`.
        name: of the layer.
        x: one picture (1, C, H, W).
        values_of: the layer's output for such a picture alone.

    Raises:
        LayerError: no reading fits.
    """
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0)).to(x)
    spread = float(x.float().std(correction=0))
    other = noise * (spread or 1.0) + x.mean()
    above, left = x.clone(), x.clone()
    above[:, :, : x.shape[2] // 2] = other[:, :, : x.shape[2] // 2]
    left[:, :, :, : x.shape[3] // 2] = other[:, :, :, : x.shape[3] // 2]
    clean = values_of(x).float()
    changes = [(values_of(changed).float() - clean).abs() for changed in (above, left)]
    first = readings[0]
    if not all(0 < float(change.sum()) < math.inf for change in changes):
        follows = [0.0 if reading.even else -1.0 for reading in readings]  # nothing to go by but the shape
    else:
        follows = [_follows(*(reading.to_maps(change)[0].sum(0) for change in changes)) for reading in readings]
    best = max(range(len(readings)), key=follows.__getitem__)
    if first.even and (follows[0] >= FOLLOWS or (follows[0] > -FOLLOWS and follows[best] < 2 * FOLLOWS)):
        return first
    if follows[best] >= FOLLOWS:
        return readings[best]
    raise LayerError(
        f"Layer {name!r} has no spatial map: of its output, shape (N, {', '.join(map(str, clean.shape[1:]))}), no two "
        "axes follow the picture's rows and columns. Name another layer."
    )


def _follows(above: Tensor, left: Tensor) -> float:
    """Return how much more of a change lies where the picture was changed, in -1..1; from two changes (h, w)."""
    found = []
    for axis, changed, control in ((0, above, left), (1, left, above)):
        size = above.shape[axis]
        if size > 1:
            half = (size / 2 - torch.arange(size, device=above.device)).clamp(0, 1)
            shares = [float((each.sum(1 - axis) * half).sum() / each.sum()) for each in (changed, control)]
            found.append(shares[0] - shares[1])
    return min(found)


def _same_aspect(size: tuple[int, ...], picture: tuple[int, int]) -> bool:
    """Whether (h, w) can be the grid of a picture (H, W): one stride for both axes, up to rounding at the border."""
    (h, w), (height, width) = size, picture
    stride = math.sqrt(height * width / (h * w))
    return abs(h - height / stride) <= 1 + 0.1 * h and abs(w - width / stride) <= 1 + 0.1 * w


def _inside(size: tuple[int, ...], picture: tuple[int, int]) -> bool:
    """Whether (h, w) can be a picture's grid if each axis has a stride of its own."""
    return max(size) > 1 and min(size) > 0 and all(cells <= pixels for cells, pixels in zip(size, picture, strict=True))


def _grid(tokens: int, picture: tuple[int, int]) -> tuple[int, int] | None:
    height, width = picture
    h = round(math.sqrt(max(tokens, 0) * height / width))
    if h < 2 or tokens % h or tokens // h < 2:
        return None
    w = tokens // h
    return (h, w) if height * w == width * h else None
