"""Random numbers, blurs, streaks, clouds and compression for batches of pictures."""

from __future__ import annotations

import io
import math

import numpy as np
import torch
from PIL import Image
from torch import Generator, Tensor
from torch.nn import functional as F

from gradlab.core.seeds import SINGLE, unit_draws

__all__ = ["blurred", "cloud", "compressed", "disc", "displaced", "filtered", "line", "uniform"]


def uniform(n: int, low: float, high: float, generator: Generator, channels: int = 1) -> Tensor:
    """Return (n, channels, 1, 1) numbers between low and high."""
    return low + (high - low) * unit_draws(n, channels, 1, 1, generator=generator)


def blurred(pictures: Tensor, sigma: float) -> Tensor:
    """Return the pictures under a Gaussian blur, edges repeated."""
    reach = max(1, round(3 * sigma))
    taps = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, **SINGLE) / sigma) ** 2)
    taps = (taps / taps.sum()).to(pictures)
    channels = pictures.shape[1]
    # one plane at a time: grouped convolutions of three channels are slow on a CPU
    planes = F.pad(pictures, (reach, reach, reach, reach), mode="replicate").flatten(0, 1)[:, None]
    rows = F.conv2d(planes, taps.view(1, 1, -1, 1))
    return F.conv2d(rows, taps.view(1, 1, 1, -1)).view(-1, channels, *pictures.shape[2:])


def filtered(pictures: Tensor, kernels: Tensor) -> Tensor:
    """Return each picture's sum over its own kernel, (n, k, k) with odd k, or the only one; edges repeated."""
    reach = kernels.shape[-1] // 2
    padded = F.pad(pictures, (reach,) * 4, mode="replicate")
    if len(kernels) == 1:
        planes = padded.flatten(0, 1)[:, None]
        return F.conv2d(planes, kernels[:, None].to(pictures)).view_as(pictures)
    # channels become the batch, and pictures the groups
    return F.conv2d(padded.transpose(0, 1), kernels[:, None].to(pictures), groups=len(kernels)).transpose(0, 1)


def disc(radius: float) -> Tensor:
    """Return a disc with a soft edge that sums to 1, (1, k, k): a point that is out of focus."""
    x, y = _around(math.ceil(radius))
    spread = (radius + 0.5 - torch.hypot(x, y)).clamp(0, 1)
    return spread[None] / spread.sum()


def line(length: float, width: float, angle: Tensor) -> Tensor:
    """Return one line for each angle (m,) from the rows, in radians: (m, k, k), 1 on it and 0 beside it."""
    x, y = _around(math.ceil((length + width) / 2))
    cosine, sine = angle.view(-1, 1, 1).cos(), angle.view(-1, 1, 1).sin()
    beyond = ((x * cosine + y * sine).abs() - length / 2).clamp(min=0)
    return ((width + 1) / 2 - torch.hypot(beyond, y * cosine - x * sine)).clamp(0, 1)


def _around(reach: int) -> tuple[Tensor, Tensor]:
    steps = torch.arange(-reach, reach + 1, **SINGLE)
    return steps[None], steps[:, None]


def displaced(pictures: Tensor, right: Tensor, down: Tensor, mode: str = "bilinear") -> Tensor:
    """Return the pictures read this many pixels away, arrays that fit (n, H, W); edges repeated."""
    n, _, height, width = pictures.shape
    columns = 2 * (torch.arange(width, **SINGLE) + 0.5 + right) / width - 1
    rows = 2 * (torch.arange(height, **SINGLE)[:, None] + 0.5 + down) / height - 1
    grid = torch.stack(torch.broadcast_tensors(columns, rows), -1).expand(n, -1, -1, -1).to(pictures)
    return F.grid_sample(pictures, grid, mode=mode, padding_mode="border", align_corners=False)


def cloud(n: int, size: tuple[int, int], cells: tuple[int, ...], generator: Generator) -> Tensor:
    """Return smooth noise with the same structure at any size, (n, 1, *size), each from 0 to 1.

    ``cells`` counts the bumps along a side, the coarse ones first; each has half the height of the one before.
    """
    total = torch.zeros(n, 1, *size, **SINGLE)
    for k, count in enumerate(cells):
        rough = unit_draws(n, 1, count, count, generator=generator)
        total += 0.5**k * F.interpolate(rough, size=size, mode="bicubic", align_corners=False)
    low, high = total.amin((2, 3), keepdim=True), total.amax((2, 3), keepdim=True)
    return (total - low) / (high - low).clamp(min=1e-6)  # a picture of one pixel has no range


def compressed(pictures: Tensor, quality: int) -> Tensor:
    """Return the pictures after JPEG of this quality, 1 to 95."""
    return torch.stack([_compressed(picture, quality) for picture in pictures])


def _compressed(picture: Tensor, quality: int) -> Tensor:
    out = io.BytesIO()
    pixels = (picture.movedim(0, -1).cpu() * 255).round().byte().numpy()
    Image.fromarray(pixels).save(out, "JPEG", quality=quality)
    return torch.from_numpy(np.array(Image.open(out))).movedim(-1, 0).to(picture) / 255
