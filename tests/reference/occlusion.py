"""Occlusion straight from its definition: one forward pass per window, one loop per pixel sum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


def occlusion(
    model: nn.Module,
    x: Tensor,
    score: Callable[[Any], Tensor],
    window: tuple[int, int],
    stride: tuple[int, int],
    hidden: Tensor,
    extra: tuple[Any, ...] = (),
) -> Tensor:
    """Return (N, 1, H, W) for ``score``: outputs -> (N,). ``hidden`` (N, C, H, W) shows where a window hides."""
    total, count = torch.zeros_like(x[:, :1]), torch.zeros_like(x[:, :1])
    height, width = x.shape[2:]
    with torch.no_grad():
        clean = score(model(x, *extra))
        top = 0
        while True:
            left = 0
            while True:
                here = (..., slice(top, top + window[0]), slice(left, left + window[1]))
                changed = x.clone()
                changed[here] = hidden[here]
                total[here] += (clean - score(model(changed, *extra)))[:, None, None, None]
                count[here] += 1
                if left + window[1] >= width:
                    break
                left += stride[1]
            if top + window[0] >= height:
                break
            top += stride[0]
    return total / count
