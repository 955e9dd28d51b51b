"""Where the channels are: feature maps as (N, K, h, w), whatever layout a layer speaks."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from gradlab.core.errors import LayerError
from gradlab.core.seeds import normal_draws

__all__ = ["Layout", "layout_of", "readings_of", "settled"]

FOLLOWS = 0.1  # of the map's side: how far a reading must at least follow changes of the picture, or may contradict
CHANGE = 0.3  # of the picture's standard deviation: small, so that a deep layer answers where it was made


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
    """Return the reading whose rows and columns are the picture's: what a small change near each of its borders moves.

    Shapes alone cannot tell a map's columns from channels, queries from keys, rows from columns.

    Args:
        readings: of the layer's output, as from :func:`readings_of`.
        name: of the layer.
        x: one picture (1, C, H, W).
        values_of: the layer's output for such a picture alone.

    Raises:
        LayerError: no reading fits.
    """
    noise = normal_draws(*x.shape, generator=torch.Generator().manual_seed(0)).to(x)
    spread = float(x.float().std(correction=0))
    noise *= CHANGE * (spread or 1.0)
    clean, changes = values_of(x).float(), []
    for axis in (2, 3):
        size = max(1, x.shape[axis] // 4)
        for start in (0, x.shape[axis] - size):
            changed = x.clone()
            changed.narrow(axis, start, size).add_(noise.narrow(axis, start, size))
            changes.append((values_of(changed).float() - clean).abs())
    first = readings[0]
    likely = first.even and first.kind != "columns"  # channels often have as many as a grid of the picture's shape
    if not all(0 < float(change.sum()) < math.inf for change in changes):
        follows = [0.0 if reading.even else -1.0 for reading in readings]  # nothing to go by but the shape
    else:
        follows = [_follows(*(reading.to_maps(change)[0].sum(0) for change in changes)) for reading in readings]
    best = max(range(len(readings)), key=follows.__getitem__)
    if likely and follows[0] > -FOLLOWS and (follows[0] >= FOLLOWS or follows[best] < 2 * FOLLOWS):
        return first
    if follows[best] >= FOLLOWS:
        return readings[best]
    raise LayerError(
        f"Layer {name!r} has no spatial map: of its output, shape (N, {', '.join(map(str, clean.shape[1:]))}), no two "
        "axes follow the picture's rows and columns. Name another layer."
    )


def _follows(upper: Tensor, lower: Tensor, left: Tensor, right: Tensor) -> float:
    """Return how far apart along their axis the centres of opposite changes (h, w) lie, from -1 to 1.

    Less how far apart along it those of the other axis lie: queries and keys follow both. The smaller of the axes'.
    """
    found = []
    for axis, pairs in ((0, ((upper, lower), (left, right))), (1, ((left, right), (upper, lower)))):
        size = upper.shape[axis]
        if size > 1:
            place = (torch.arange(size, device=upper.device, dtype=upper.dtype) + 0.5) / size
            centres = [[float((each.sum(1 - axis) * place).sum() / each.sum()) for each in pair] for pair in pairs]
            own, across = (after - before for before, after in centres)
            found.append(own - abs(across))
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
