"""Which cells of a layer's map a hidden patch can change, and how a window of changed cells is put into the clean map.

All coordinates are cells of one map. A group of G patches is pushed through the network together, so every layer needs
one window size (h, w) for the group, while each patch keeps its own place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

__all__ = ["Axes", "Ints", "Pair", "Table", "Window", "shifted", "slid", "union", "window"]

Ints = NDArray[np.int64]
Pair = tuple[int, int]


class Axes:
    """Kernel, stride, padding and dilation of a convolution or pooling, each (rows, columns)."""

    def __init__(self, kernel: Pair, stride: Pair, pad: Pair, dilation: Pair) -> None:
        self.pads = pad
        self.pointwise = (kernel, stride, pad) == ((1, 1), (1, 1), (0, 0))
        self.plain3 = (kernel, stride, dilation) == ((3, 3), (1, 1), (1, 1))
        self.stride, self.pad = np.array(stride)[:, None], np.array(pad)[:, None]
        # inputs from the first to the last that one output reads, less one
        self.reach = np.array(dilation)[:, None] * (np.array(kernel)[:, None] - 1)

    def outputs(self, low: Ints, high: Ints) -> tuple[Ints, Ints]:
        """Return the first and last output that reads any of the inputs low..high, (2, G)."""
        return -((self.reach - self.pad - low) // self.stride), (high + self.pad) // self.stride

    def inputs(self, start: Ints, shape: Pair) -> tuple[Ints, Pair]:
        """Return the first input (2, G), and how many, that outputs of ``shape`` from ``start`` on read."""
        h, w = ((np.array(shape)[:, None] - 1) * self.stride + self.reach + 1)[:, 0].tolist()
        return start * self.stride - self.pad, (h, w)


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
    shape: Pair
    size: Pair

    @property
    def whole(self) -> bool:
        """Tell whether the window is the map."""
        return self.shape == self.size

    def same_place(self, other: Window) -> bool:
        """Tell whether the common windows coincide."""
        return self is other or (self.shape == other.shape and bool((self.start == other.start).all()))


def window(low: Ints, high: Ints, size: Pair, whole: bool = False) -> Window:
    """Return the smallest common window over low..high, clipped to the map, or the whole map."""
    last = np.array(size)[:, None] - 1
    if whole:
        low, high = np.zeros_like(low), np.zeros_like(low) + last
    low, high = np.minimum(np.maximum(low, 0), last), np.minimum(np.maximum(high, 0), last)
    h, w = ((high - low).max(1) + 1).tolist()
    return Window(low, high, np.minimum(low, last + 1 - np.array([[h], [w]])), (h, w), size)


def slid(source: Window, axes: Axes, size: Pair) -> Window:
    """Return the window of a convolution's or pooling's outputs, whose map has ``size``."""
    return window(*axes.outputs(source.low, source.high), size, whole=source.whole)


def union(windows: Sequence[Window]) -> Window:
    """Return the window over several of the same map."""
    low, high = np.min([w.low for w in windows], 0), np.max([w.high for w in windows], 0)
    return window(low, high, windows[0].size, whole=any(w.whole for w in windows))


def shifted(source: Window, by: Pair, size: Pair) -> Window:
    """Return the window in a map that was padded by ``by`` cells at its top and left, and has ``size``."""
    step = np.array(by)[:, None]
    return Window(source.low + step, source.high + step, source.start + step, source.shape, size)


class Table:
    """A clean map (1, C, H, W) as rows (cells, C), out of which regions are cut with changed cells put in.

    Args:
        clean: the map.
        before, after: cells of padding at its top and left, and at its bottom and right.
        fill: what the padding holds.
    """

    def __init__(self, clean: Tensor, before: Pair = (0, 0), after: Pair = (0, 0), fill: float = 0.0) -> None:
        padded = F.pad(clean, (before[1], after[1], before[0], after[0]), value=fill)
        self.rows = padded[0].permute(1, 2, 0).flatten(0, 1).contiguous()
        self.before, self.width = np.array(before)[:, None], padded.shape[3]

    def cells(self, start: Ints, shape: Pair) -> Tensor:
        """Return the clean cells (G, h, w, C) of the regions that begin at ``start`` (2, G), in cells of the map."""
        return self.rows[torch.from_numpy(_cells(start + self.before, shape, self.width)).to(self.rows.device)]

    def cut(self, start: Ints, shape: Pair, source: Window, values: Tensor) -> Tensor:
        """Return the regions (G, C, h, w) with ``values`` (G, C, h', w') of the window ``source`` put in."""
        (groups, channels), offset = values.shape[:2], start - source.start
        rows, columns = (offset[i][:, None] + np.arange(shape[i]) for i in (0, 1))
        rows, columns = (rows >= 0) & (rows < source.shape[0]), (columns >= 0) & (columns < source.shape[1])
        # One list of all rows: the clean ones, and behind them the changed ones, patch by patch.
        first = len(self.rows) + np.arange(groups)[:, None, None] * source.shape[0] * source.shape[1]
        changed = first + _cells(offset, shape, source.shape[1])
        clean = _cells(start + self.before, shape, self.width)
        which = torch.from_numpy(np.where(rows[:, :, None] & columns[:, None], changed, clean).ravel())
        both = torch.cat([self.rows, values.permute(0, 2, 3, 1).reshape(-1, channels)])
        return both.index_select(0, which.to(both.device)).view(groups, *shape, channels).permute(0, 3, 1, 2)


def _cells(start: Ints, shape: Pair, width: int) -> Ints:
    """Return the row numbers (G, h, w) of windows' cells in a table of a map that is ``width`` wide."""
    rows = start[0][:, None, None] + np.arange(shape[0])[:, None]
    columns = start[1][:, None, None] + np.arange(shape[1])
    cells: Ints = rows * width + columns
    return cells
