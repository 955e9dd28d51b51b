"""3 x 3 convolutions with fewer multiplications, on a CPU, where that is faster (Lavin and Gray, CVPR 2016).

F(4, 3): 36 multiplications give 16 outputs that cost 144 directly. The transforms and the products of all tiles are
three matrix products. Its rounding error is about 1e-5 of the layer's scale.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["convolve"]

TILE = 4
# With smaller matrices the transforms cost more than they save, with fewer patches the reading of the 36 does.
MATRIX = 128 * 256
PATCHES = 12
_INPUT = [[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0], [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0],
          [0, 4, 0, -5, 0, 1]]  # fmt: skip
_KERNEL = [[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]  # over 24
_OUTPUT = [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]


def convolve(kept: dict[Any, Any], x: Tensor, weight: Tensor, bias: Tensor | None, pads: tuple[int, int]) -> Tensor:
    """Return the 3 x 3 convolution of x (G, C, H, W), by the faster of two ways.

    ``kept`` is the layer's memory, for the transformed weights.
    """
    if x.dtype != torch.float32 or not x.is_cpu or weight.shape[0] * weight.shape[1] < MATRIX or len(x) < PATCHES:
        return F.conv2d(x, weight, bias, padding=pads)
    if "winograd" not in kept:
        kept["winograd"] = _transformed(weight)
    return _winograd(x, kept["winograd"], bias, pads)


def _transformed(weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    ends = (torch.tensor(matrix, dtype=weight.dtype, device=weight.device) for matrix in (_KERNEL, _INPUT, _OUTPUT))
    kernel, before, after = (torch.kron(matrix, matrix) for matrix in ends)
    taps = weight.permute(2, 3, 1, 0).flatten(2).flatten(0, 1)  # (9, channels in * channels out)
    return (kernel / 24**2 @ taps).view(36, *weight.shape[1::-1]), before, after


def _winograd(x: Tensor, kernel: tuple[Tensor, Tensor, Tensor], bias: Tensor | None, pads: tuple[int, int]) -> Tensor:
    u, before, after = kernel
    rows = x.permute(0, 2, 3, 1)
    n, height, width, channels = rows.shape
    h, w = height + 2 * pads[0] - 2, width + 2 * pads[1] - 2
    down, across = -(-h // TILE), -(-w // TILE)
    rows = F.pad(rows, (0, 0, pads[1], across * TILE - w + pads[1], pads[0], down * TILE - h + pads[0])).contiguous()
    _, height, width, _ = rows.shape
    line = width * channels
    tiles = rows.as_strided(
        (6, 6, n, down, across, channels), (line, channels, height * line, TILE * line, TILE * channels, 1)
    )
    v = (before @ tiles.reshape(36, -1)).view(36, -1, channels)
    products = torch.bmm(v, u)
    if bias is not None:
        products[7] += bias  # the one that goes into each of the 16 outputs once
    y = (after @ products.view(36, -1)).view(TILE, TILE, n, down, across, -1)
    return y.permute(2, 3, 0, 4, 1, 5).reshape(n, down * TILE, across * TILE, -1)[:, :h, :w].permute(0, 3, 1, 2)
