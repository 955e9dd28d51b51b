"""Pictures that belong to no class: those of ``gradlab.data.strange``, and quarters in another order."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from gradlab.data import strange

KINDS = ("textures", "noise", "letters")
SEED = 3


def pictures(n: int, size: tuple[int, int]) -> dict[str, Tensor]:
    """Return n pictures (n, 3, height, width) in 0 to 1 of each kind, the same at each call."""
    return {name: strange(name, n, seed=SEED, size=size[0], channels=3) for name in KINDS}


def resized(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Return pictures (n, C, H, W) at another size, smoothed before they shrink."""
    return F.interpolate(x, size, mode="bilinear", align_corners=False, antialias=True)


def shuffled(x: Tensor) -> Tensor:
    """Return pictures with their quarters moved on by one: what was at the upper left is at the upper right."""
    upper, lower = x.chunk(2, 2)
    (a, b), (c, d) = upper.chunk(2, 3), lower.chunk(2, 3)
    return torch.cat([torch.cat([c, a], 3), torch.cat([d, b], 3)], 2)
