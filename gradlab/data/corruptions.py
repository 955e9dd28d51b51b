"""Nineteen corruptions in the style of CIFAR-10-C, at five levels, for any pictures.

Hendrycks & Dietterich, Benchmarking Neural Network Robustness to Common Corruptions and Perturbations, ICLR 2019, name
fifteen and four more. These are our own of the same names, so results are "C-style", not results on CIFAR-10-C: frost
is drawn instead of photographed, and nothing turns back between two levels (theirs fades before it saturates).
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from gradlab.core.seeds import SINGLE, Seed, normal_draws, unit_draws
from gradlab.data.filters import blurred, cloud, compressed, disc, displaced, filtered, line, uniform
from gradlab.data.levels import Change, at, changed

__all__ = ["CORRUPTIONS", "corrupted"]

_BASE = 32  # sizes in pixels are meant for pictures of this side, and grow with them


def corrupted(pictures: Tensor, corruption: str | None, level: int = 0, *, seed: Seed = 0) -> Tensor:
    """Return the pictures under a corruption.

    Args:
        pictures: (n, 3, H, W) in 0 to 1; they are not changed.
        corruption: one of ``CORRUPTIONS``, or None: none.
        level: 0 (none) to 5.
        seed: of whatever is random; the same places and directions at every level.

    Raises:
        InputError: no such corruption, level or seed, or the pictures are none.

    Examples:
        >>> drawn = gradlab.data.signs(3, seed=0).pictures
        >>> pale = gradlab.data.corrupted(drawn, "contrast", level=5)
        >>> bool(pale.std() < drawn.std() / 2)
        True
    """
    return changed(CORRUPTIONS, "corruption", pictures, corruption, level, seed)


def _unit(x: Tensor) -> float:
    return min(x.shape[2:]) / _BASE


def _normal(x: Tensor, generator: Generator) -> Tensor:
    return normal_draws(*x.shape, generator=generator).to(x)


def _gaussian_noise(x: Tensor, level: int, generator: Generator) -> Tensor:
    return x + _normal(x, generator) * at(level, 0.04, 0.06, 0.09, 0.13, 0.18)


def _shot_noise(x: Tensor, level: int, generator: Generator) -> Tensor:
    """Count photons: the brightest pixel expects this many."""
    photons = at(level, 400, 180, 90, 45, 22)
    return (torch.poisson(x.float().cpu() * photons, generator) / photons).to(x)


def _impulse_noise(x: Tensor, level: int, generator: Generator) -> Tensor:
    hit = unit_draws(*x.shape, generator=generator) < at(level, 0.01, 0.025, 0.05, 0.09, 0.15)
    salt = (unit_draws(*x.shape, generator=generator) < 0.5).to(x)
    return torch.where(hit.to(x.device), salt, x)


def _speckle_noise(x: Tensor, level: int, generator: Generator) -> Tensor:
    return x + x * _normal(x, generator) * at(level, 0.06, 0.1, 0.16, 0.24, 0.35)


def _defocus_blur(x: Tensor, level: int, _: Generator) -> Tensor:
    return filtered(x, disc(at(level, 0.75, 1.0, 1.35, 1.8, 2.5) * _unit(x)))


def _gaussian_blur(x: Tensor, level: int, _: Generator) -> Tensor:
    return blurred(x, at(level, 0.5, 0.7, 0.95, 1.3, 1.8) * _unit(x))


def _glass_blur(x: Tensor, level: int, generator: Generator) -> Tensor:
    """Read each pixel from a random place nearby, as through frosted glass, and soften."""
    reach = at(level, 0.7, 0.95, 1.3, 1.8, 2.5) * _unit(x)
    right, down = (2 * unit_draws(2, len(x), *x.shape[2:], generator=generator) - 1) * reach
    return blurred(displaced(x, right, down, mode="nearest"), 0.35 * _unit(x))


def _motion_blur(x: Tensor, level: int, generator: Generator) -> Tensor:
    angle = uniform(len(x), 0, math.pi, generator)
    track = line(at(level, 1.6, 2.6, 3.9, 5.5, 7.5) * _unit(x), 0.6, angle)
    return filtered(x, track / track.sum((1, 2), keepdim=True))


def _zoom_blur(x: Tensor, level: int, _: Generator) -> Tensor:
    """Average what is seen while the lens comes nearer: every step moves the corners by half a pixel."""
    height, width = x.shape[2:]
    most = at(level, 0.1, 0.17, 0.25, 0.35, 0.48)
    steps = torch.linspace(0, most, 2 + round(most * max(height, width)), **SINGLE)
    right, down = (torch.arange(side, **SINGLE) + 0.5 - side / 2 for side in (width, height))
    total = torch.zeros_like(x)
    for nearer in 1 / (1 + steps) - 1:
        total += displaced(x, right[None, None] * nearer, down[None, :, None] * nearer)
    return total / len(steps)


def _snow(x: Tensor, level: int, generator: Generator) -> Tensor:
    """Pale the picture, and let flakes of two sizes fall one way across it."""
    unit, falling = _unit(x), math.pi / 2 + uniform(len(x), -0.6, 0.6, generator)
    share = at(level, 0.006, 0.011, 0.018, 0.028, 0.042) / unit**2
    flakes = torch.zeros(len(x), 1, *x.shape[2:], **SINGLE)
    for length, width in ((2.5, 0.5), (4.0, 1.0)):
        seeds = (unit_draws(*flakes.shape, generator=generator) < share / length).float()
        seeds *= 0.3 + 0.7 * unit_draws(*flakes.shape, generator=generator)  # some are far away
        flakes += filtered(seeds, line(length * unit, width * unit, falling))
    flakes = blurred(flakes, 0.4 * unit)
    grey = x.mean(1, keepdim=True)
    pale = torch.lerp(x, torch.maximum(x, 0.45 + 0.55 * grey), at(level, 0.2, 0.32, 0.43, 0.54, 0.65))
    return torch.lerp(pale, torch.ones_like(x), 0.9 * flakes.clamp(0, 1).to(x))


def _frost(x: Tensor, level: int, generator: Generator) -> Tensor:
    """Ice needles in three directions, dense in some places and thin in others, on a cold pane."""
    n, _, height, width = x.shape
    unit, turn = _unit(x), uniform(n, 0, math.pi, generator)
    pane = cloud(n, (height, width), (3, 6, 12), generator)
    ice = 0.8 * pane.square()
    for k in range(3):
        seeds = (unit_draws(*pane.shape, generator=generator) < 0.05 * pane.square() / unit**2).float()
        ice = ice + 0.55 * filtered(seeds, line(9 * unit, 0.3 * unit, turn + k * math.pi / 3)).clamp(0, 1)
    share = ice.clamp(0, 1) * at(level, 0.3, 0.45, 0.6, 0.76, 0.94)
    return torch.lerp(x, _colour(x, 0.82, 0.9, 0.96), share.to(x))


def _fog(x: Tensor, level: int, generator: Generator) -> Tensor:
    mist = 0.55 + 0.6 * cloud(len(x), (x.shape[2], x.shape[3]), (2, 4, 8, 16), generator)
    return torch.lerp(x, _colour(x, 0.83, 0.84, 0.85), mist.to(x) * at(level, 0.2, 0.34, 0.49, 0.65, 0.82))


def _brightness(x: Tensor, level: int, _: Generator) -> Tensor:
    """Raise the value of hue, saturation and value."""
    value = x.amax(1, keepdim=True)
    raised = (value + at(level, 0.07, 0.14, 0.22, 0.31, 0.42)).clamp(max=1)
    return torch.where(value > 0, x * (raised / value.clamp(min=1e-6)), raised)


def _contrast(x: Tensor, level: int, _: Generator) -> Tensor:
    return torch.lerp(x.mean((2, 3), keepdim=True).expand_as(x), x, at(level, 0.75, 0.57, 0.41, 0.27, 0.15))


def _saturate(x: Tensor, level: int, _: Generator) -> Tensor:
    """Multiply the saturation of hue, saturation and value, which is at most 1."""
    value = x.amax(1, keepdim=True)
    saturation = 1 - x.amin(1, keepdim=True) / value.clamp(min=1e-6)
    more = (1 / saturation.clamp(min=1e-6)).clamp(max=at(level, 1.4, 1.9, 2.6, 3.8, 6.0))
    return value - (value - x) * more


def _elastic_transform(x: Tensor, level: int, generator: Generator) -> Tensor:
    field = blurred(normal_draws(len(x), 2, *x.shape[2:], generator=generator), 2.2 * _unit(x))
    field = field / field.square().mean((2, 3), keepdim=True).sqrt().clamp(min=1e-6)
    right, down = (field * at(level, 0.35, 0.6, 0.9, 1.3, 1.8) * _unit(x)).unbind(1)
    return displaced(x, right, down)


def _pixelate(x: Tensor, level: int, _: Generator) -> Tensor:
    kept = at(level, 0.8, 0.55, 0.42, 0.3, 0.21) / _unit(x)
    small = F.interpolate(x, size=[max(1, round(side * min(kept, 0.9))) for side in x.shape[2:]], mode="area")
    return F.interpolate(small, size=x.shape[2:], mode="nearest-exact")


def _jpeg_compression(x: Tensor, level: int, _: Generator) -> Tensor:
    return compressed(x, int(at(level, 60, 40, 25, 14, 7)))


def _spatter(x: Tensor, level: int, generator: Generator) -> Tensor:
    """Splashes that spread: of water at the first three levels, of mud at the last two."""
    splashes = cloud(len(x), (x.shape[2], x.shape[3]), (6, 12, 24), generator)
    share = ((splashes - at(level, 0.74, 0.68, 0.63, 0.53, 0.46)) * 9).clamp(0, 1).to(x)
    if level <= 3:
        return torch.lerp(x, _colour(x, 0.72, 0.85, 0.9), 0.6 * share)
    return torch.lerp(x, _colour(x, 0.25, 0.17, 0.08), 0.95 * share)


def _colour(x: Tensor, red: float, green: float, blue: float) -> Tensor:
    return torch.tensor([red, green, blue], **SINGLE).to(x).view(1, 3, 1, 1).expand_as(x)


CORRUPTIONS: dict[str, Change] = {
    "gaussian noise": _gaussian_noise, "shot noise": _shot_noise, "impulse noise": _impulse_noise,
    "defocus blur": _defocus_blur, "glass blur": _glass_blur, "motion blur": _motion_blur, "zoom blur": _zoom_blur,
    "snow": _snow, "frost": _frost, "fog": _fog, "brightness": _brightness, "contrast": _contrast,
    "elastic transform": _elastic_transform, "pixelate": _pixelate, "jpeg compression": _jpeg_compression,
    "speckle noise": _speckle_noise, "gaussian blur": _gaussian_blur, "spatter": _spatter, "saturate": _saturate,
}  # fmt: skip
