"""Which cells of a layer's map a hidden patch can change, and how a window of changed cells is put into the clean map.

All coordinates are cells of one map. A group of G patches is pushed through the network together, so every layer needs
one window size (h, w) for the group, while each patch keeps its own place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Ints = NDArray[np.int64]
# A window that covers this share of the map is taken as the whole map: plain batched operations are then cheaper than
# cutting regions out of the clean map.
WHOLE = 0.75


@dataclass(frozen=True)
class Axis:
    """Kernel, stride, padding and dilation along one axis of a convolution or pooling."""

    kernel: int
    stride: int
    pad: int
    dilation: int

    @property
    def reach(self) -> int:
        """Inputs from the first to the last that one output reads, less one."""
        return self.dilation * (self.kernel - 1)

    def outputs(self, low: Ints, high: Ints) -> tuple[Ints, Ints]:
        """Return the first and last output that reads any of the inputs low..high."""
        return -((self.reach - self.pad - low) // self.stride), (high + self.pad) // self.stride


@dataclass(frozen=True)
class Window:
    """Where a group's changed cells lie in a map of H x W.

    Attributes:
        low, high: first and last changed cell of each patch, (2, G): rows, columns.
        start: first cell of the common window, (2, G), so that it holds low..high and stays in the map.
        shape: (h, w) of the common window.
        size: (H, W) of the map.
    """

    low: Ints
    high: Ints
    start: Ints
    shape: tuple[int, int]
    size: tuple[int, int]

    @property
    def whole(self) -> bool:
        """Tell whether the window is the map."""
        return self.shape == self.size

    @cached_property
    def cells(self) -> Tensor:
        """Row numbers of the window's cells in a table (H * W, C), (G * h * w,)."""
        return _cells(self.start, self.shape, self.size[1])

    def same_place(self, other: Window) -> bool:
        """Tell whether the common windows coincide."""
        return self.shape == other.shape and bool((self.start == other.start).all())


def window(low: Ints, high: Ints, size: tuple[int, int], whole: bool = False) -> Window:
    """Return the smallest common window over low..high, clipped to the map; the whole map if that is nearly it."""
    last = np.array(size)[:, None] - 1
    low, high = low.clip(0, last), high.clip(0, last)
    h, w = (int(n) for n in (high - low).max(1) + 1)
    if whole or h * w >= WHOLE * size[0] * size[1]:
        h, w = size
    return Window(low, high, low.clip(0, last + 1 - np.array([[h], [w]])), (h, w), size)


def slid(source: Window, axes: tuple[Axis, Axis], size: tuple[int, int]) -> Window:
    """Return the window of a convolution's or pooling's outputs, whose map has ``size``."""
    ends = [axis.outputs(source.low[i], source.high[i]) for i, axis in enumerate(axes)]
    low, high = (np.stack(end) for end in zip(*ends, strict=True))
    return window(low, high, size, whole=source.whole)


def union(windows: Sequence[Window]) -> Window:
    """Return the window over several of the same map."""
    low, high = np.min([w.low for w in windows], 0), np.max([w.high for w in windows], 0)
    return window(low, high, windows[0].size, whole=any(w.whole for w in windows))


def shifted(source: Window, by: tuple[int, int], size: tuple[int, int]) -> Window:
    """Return the window in a map that was padded by ``by`` cells at its top and left, and has ``size``."""
    step = np.array(by)[:, None]
    return Window(source.low + step, source.high + step, source.start + step, source.shape, size)


class Region:
    """Cuts regions out of a clean map and pastes each patch's changed cells into its own.

    Args:
        source: where the changed cells lie.
        start: first cell of each region, (2, G), in the map's coordinates; may lie in its padding.
        shape: (h, w) of the regions.
        pad, width: the clean table's padding at top and left, and its cells per row.
    """

    def __init__(self, source: Window, start: Ints, shape: tuple[int, int], pad: tuple[int, int], width: int) -> None:
        self.shape, self.groups = shape, start.shape[1]
        self.table_rows = _cells(start + np.array(pad)[:, None], shape, width)
        offset = source.start - start
        inside = np.array([shape]).T
        first, last = offset.clip(0), (offset + np.array([source.shape]).T).clip(max=inside)
        if (offset == offset[:, :1]).all():
            (a, b), (c, d), (e, f) = first[:, 0], last[:, 0], offset[:, 0]
            self.paste: tuple[slice, ...] | None = (slice(a, c), slice(b, d), slice(a - e, c - e), slice(b - f, d - f))
            return
        self.paste = None
        to, of = [], []
        for g in range(self.groups):
            rows, columns = (np.arange(first[i, g], last[i, g]) for i in (0, 1))
            to.append(((g * shape[0] + rows)[:, None] * shape[1] + columns).ravel())
            inner = (g * source.shape[0] + rows - offset[0, g])[:, None] * source.shape[1] + columns - offset[1, g]
            of.append(inner.ravel())
        self.to, self.of = (torch.from_numpy(np.concatenate(part)) for part in (to, of))
        self.all = len(self.of) == self.groups * source.shape[0] * source.shape[1]

    def cut(self, table: Tensor, values: Tensor) -> Tensor:
        """Return the regions (G, C, h, w) of ``table`` (cells, C) with ``values`` (G, C, h', w') pasted in."""
        channels = table.shape[1]
        out = table.index_select(0, self.table_rows.to(table.device))
        rows = values.permute(0, 2, 3, 1)
        if self.paste is not None:
            a, b, c, d = self.paste
            out.view(self.groups, *self.shape, channels)[:, a, b] = rows[:, c, d]
        else:
            rows = rows.reshape(-1, channels)
            taken = rows if self.all else rows.index_select(0, self.of.to(rows.device))
            out.index_copy_(0, self.to.to(out.device), taken)
        return out.view(self.groups, *self.shape, channels).permute(0, 3, 1, 2)


def _cells(start: Ints, shape: tuple[int, int], width: int) -> Tensor:
    rows = start[0][:, None, None] + np.arange(shape[0])[:, None]
    columns = start[1][:, None, None] + np.arange(shape[1])
    return torch.from_numpy((rows * width + columns).reshape(-1))
