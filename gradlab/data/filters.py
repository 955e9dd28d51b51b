"""Random numbers and blurs for batches of pictures."""

from __future__ import annotations

import torch
from torch import Generator, Tensor
from torch.nn import functional as F


def uniform(n: int, low: float, high: float, generator: Generator, channels: int = 1) -> Tensor:
    """Return (n, channels, 1, 1) numbers between low and high."""
    return low + (high - low) * torch.rand(n, channels, 1, 1, generator=generator)


def blurred(pictures: Tensor, sigma: float) -> Tensor:
    """Return the pictures under a Gaussian blur, edges repeated."""
    reach = max(1, round(3 * sigma))
    taps = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma) ** 2)
    taps = (taps / taps.sum()).to(pictures)
    channels = pictures.shape[1]
    # one plane at a time: grouped convolutions of three channels are slow on a CPU
    planes = F.pad(pictures, (reach, reach, reach, reach), mode="replicate").flatten(0, 1)[:, None]
    rows = F.conv2d(planes, taps.view(1, 1, -1, 1))
    return F.conv2d(rows, taps.view(1, 1, 1, -1)).view(-1, channels, *pictures.shape[2:])
