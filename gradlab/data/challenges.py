"""The twelve challenging conditions of CURE-TSR, at five levels, for any pictures.

Temel et al., CURE-TSR: Challenging Unreal and Real Environments for Traffic Sign Recognition, NIPS workshop on Machine
Learning for Intelligent Transportation Systems 2017, made theirs with a video editor whose settings are not public.
These are our own of the same names: each is the same pattern at every level, and grows.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import Generator, Tensor
from torch.nn import functional as F

from gradlab.core.errors import InputError, did_you_mean
from gradlab.data.filters import blurred, uniform

LEVELS = (1, 2, 3, 4, 5)
BASE = 48  # sizes in pixels are meant for pictures of this side, and grow with them

Challenge = Callable[[Tensor, int, Generator], Tensor]


def challenged(pictures: Tensor, challenge: str | None, level: int = 0, seed: int = 0) -> Tensor:
    """Return the pictures under a challenge.

    Args:
        pictures: (n, 3, H, W) in 0 to 1; they are not changed.
        challenge: one of ``CHALLENGES``, or None: none.
        level: 0 (none) to 5.
        seed: of the drops, flakes, stains and noise; the same at every level.

    Raises:
        InputError: no such challenge or level, or the pictures are none.
    """
    _check(pictures)
    check_challenge(challenge, level)
    if challenge is None or level == 0:
        return pictures.clone()
    generator = torch.Generator().manual_seed(seed)
    return CHALLENGES[challenge](pictures, level, generator).clamp(0, 1)


def check_challenge(challenge: str | None, level: int) -> None:
    """Raise ``InputError`` unless there is such a challenge and level."""
    if isinstance(level, bool) or level not in (0, *LEVELS):
        raise InputError(f"level is {level!r}: expected 0 (none) to 5.")
    if challenge is not None and challenge not in CHALLENGES:
        hint = did_you_mean(str(challenge), CHALLENGES)
        raise InputError(f"There is no challenge {challenge!r}.{hint} Known: {', '.join(CHALLENGES)}.")


def _check(pictures: Tensor) -> None:
    if not isinstance(pictures, Tensor) or pictures.ndim != 4 or pictures.shape[1] != 3 or not pictures.numel():
        raise InputError(f"pictures has shape {tuple(getattr(pictures, 'shape', ()))}: expected (n, 3, H, W).")
    if not pictures.is_floating_point() or not bool(((pictures >= 0) & (pictures <= 1)).all()):
        raise InputError("pictures must be floating point numbers in 0 to 1.")


def _at(level: int, values: tuple[float, ...]) -> float:
    return values[level - 1]


def _unit(x: Tensor) -> float:
    return min(x.shape[2:]) / BASE


def _decolorisation(x: Tensor, level: int, _: Generator) -> Tensor:
    weights = torch.tensor([0.299, 0.587, 0.114]).to(x).view(1, 3, 1, 1)
    return torch.lerp(x, (x * weights).sum(1, keepdim=True).expand_as(x), level / 5)


def _lens_blur(x: Tensor, level: int, _: Generator) -> Tensor:
    radius = _at(level, (0.9, 1.5, 2.2, 3.0, 4.0)) * _unit(x)
    reach = int(np.ceil(radius))
    steps = torch.arange(-reach, reach + 1).to(x)
    away = (steps[:, None] ** 2 + steps**2).sqrt()
    disc = (radius + 0.5 - away).clamp(0, 1)
    disc = (disc / disc.sum()).expand(3, 1, -1, -1)
    return F.conv2d(F.pad(x, (reach,) * 4, mode="replicate"), disc, groups=3)


def _codec_error(x: Tensor, level: int, generator: Generator) -> Tensor:
    """Compress hard, and read some blocks from their neighbours, as after a lost packet."""
    found = torch.stack([_compressed(picture, int(_at(level, (30, 18, 11, 7, 4)))) for picture in x])
    n, _, height, width = x.shape
    side = max(4, round(8 * _unit(x)))
    rows, columns = -(-height // side), -(-width // side)
    lost = torch.rand(n, 1, rows, columns, generator=generator) < _at(level, (0.04, 0.08, 0.14, 0.22, 0.32))
    shift = side * (1 + int(torch.randint(2, (1,), generator=generator)))
    blocks = lost.repeat_interleave(side, 2).repeat_interleave(side, 3)[..., :height, :width]
    return torch.where(blocks.to(x.device), found.roll(shift, 3), found)


def _compressed(picture: Tensor, quality: int) -> Tensor:
    out = io.BytesIO()
    pixels = (picture.movedim(0, -1).cpu() * 255).round().byte().numpy()
    Image.fromarray(pixels).save(out, "JPEG", quality=quality)
    return torch.from_numpy(np.array(Image.open(out))).movedim(-1, 0).to(picture) / 255


def _darkening(x: Tensor, level: int, _: Generator) -> Tensor:
    return x * _at(level, (0.7, 0.5, 0.33, 0.2, 0.1))


def _dirty_lens(x: Tensor, level: int, generator: Generator) -> Tensor:
    """Stains out of focus, brown and dark, the same for every level and more opaque."""
    n, _, height, width = x.shape
    rough = torch.rand(n, 1, 7, 7, generator=generator)
    stains = F.interpolate(rough, size=(height, width), mode="bicubic", align_corners=False)
    share = ((stains - 0.45) * 4).clamp(0, 1) * _at(level, (0.25, 0.42, 0.6, 0.78, 0.93))
    dirt = torch.tensor([0.24, 0.2, 0.15]).view(1, 3, 1, 1) * uniform(n, 0.6, 1.4, generator)
    return x * (1 - share.to(x)) + (dirt * share).to(x)


def _exposure(x: Tensor, level: int, _: Generator) -> Tensor:
    return x * _at(level, (1.4, 1.8, 2.4, 3.2, 4.3))


def _gaussian_blur(x: Tensor, level: int, _: Generator) -> Tensor:
    return blurred(x, _at(level, (0.8, 1.4, 2.1, 3.0, 4.2)) * _unit(x))


def _noise(x: Tensor, level: int, generator: Generator) -> Tensor:
    return x + torch.randn(x.shape, generator=generator).to(x) * _at(level, (0.06, 0.12, 0.2, 0.3, 0.45))


def _rain(x: Tensor, level: int, generator: Generator) -> Tensor:
    """Bright streaks in one slanting direction, over a picture that loses contrast."""
    n, _, height, width = x.shape
    chance = torch.rand(n, 1, height, width, generator=generator)
    drops = (chance < _at(level, (0.006, 0.013, 0.024, 0.042, 0.07)) / _unit(x)).float()
    long, slant = max(3, round(9 * _unit(x))), 0.3
    streaks = torch.zeros_like(drops)
    for step in range(long):
        streaks = torch.maximum(streaks, drops.roll((step, round(slant * step)), (2, 3)))
    veil = 0.07 * level
    return (x * (1 - veil) + 0.6 * veil) * (1 - 0.7 * streaks.to(x)) + 0.7 * 0.85 * streaks.to(x)


def _shadow(x: Tensor, level: int, generator: Generator) -> Tensor:
    """Parallel bars of shade, as of a fence or a tree."""
    n, _, height, width = x.shape
    turn, phase = uniform(n, 0, np.pi, generator), uniform(n, 0, 2 * np.pi, generator)
    rows, columns = torch.linspace(-1, 1, height)[:, None], torch.linspace(-1, 1, width)
    wave = torch.sin((columns * turn.cos() + rows * turn.sin()) * uniform(n, 3, 7, generator) + phase)
    shade = (wave * 4).clamp(-1, 1) / 2 + 0.5
    return x * (1 - shade.to(x) * _at(level, (0.3, 0.48, 0.64, 0.79, 0.93)))


def _snow(x: Tensor, level: int, generator: Generator) -> Tensor:
    """Round flakes of several sizes before a picture that pales."""
    n, _, height, width = x.shape
    flakes = torch.zeros(n, 1, height, width)
    for size in (0.5, 0.8, 1.2):
        chance = torch.rand(n, 1, height, width, generator=generator)
        seeds = (chance < _at(level, (0.005, 0.011, 0.02, 0.034, 0.056)) / (2 * size * _unit(x) ** 2)).float()
        # a blur of one point, brought back to full height, is a round flake with a soft edge
        sigma = size * _unit(x)
        flakes = torch.maximum(flakes, (blurred(seeds, sigma) * 2 * np.pi * sigma**2 * 1.5).clamp(0, 1))
    flakes, veil = flakes.to(x), 0.07 * level
    return (x * (1 - veil) + 0.85 * veil) * (1 - 0.9 * flakes) + 0.9 * 0.95 * flakes


def _haze(x: Tensor, level: int, _: Generator) -> Tensor:
    return torch.lerp(x, torch.full_like(x, 0.78), _at(level, (0.25, 0.42, 0.58, 0.73, 0.87)))


CHALLENGES: dict[str, Challenge] = {
    "decolorisation": _decolorisation, "lens blur": _lens_blur, "codec error": _codec_error, "darkening": _darkening,
    "dirty lens": _dirty_lens, "exposure": _exposure, "Gaussian blur": _gaussian_blur, "noise": _noise, "rain": _rain,
    "shadow": _shadow, "snow": _snow, "haze": _haze,
}  # fmt: skip
