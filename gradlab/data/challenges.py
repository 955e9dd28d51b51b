"""The twelve challenging conditions of CURE-TSR, at five levels, for any pictures.

Temel et al., CURE-TSR: Challenging Unreal and Real Environments for Traffic Sign Recognition, NIPS workshop on Machine
Learning for Intelligent Transportation Systems 2017, made theirs with a video editor whose settings are not public.
These are our own of the same names: each is the same pattern at every level, and grows.
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from gradlab.core.seeds import SINGLE, Seed, normal_draws, unit_draws
from gradlab.data.filters import blurred, cloud, compressed, disc, filtered, line, uniform
from gradlab.data.levels import Change, at, changed, checked_level

__all__ = ["CHALLENGES", "challenged", "check_challenge"]

_BASE = 48  # sizes in pixels are meant for pictures of this side, and grow with them


def challenged(pictures: Tensor, challenge: str | None, level: int = 0, *, seed: Seed = 0) -> Tensor:
    """Return the pictures under a challenge.

    Args:
        pictures: (n, 3, H, W) in 0 to 1; they are not changed.
        challenge: one of ``CHALLENGES``, or None: none.
        level: 0 (none) to 5.
        seed: of the drops, flakes, stains and noise; the same at every level.

    Raises:
        InputError: no such challenge, level or seed, or the pictures are none.

    Examples:
        >>> drawn = gradlab.data.signs(3, seed=0).pictures
        >>> dim = gradlab.data.challenged(drawn, "darkening", level=5)
        >>> bool(torch.allclose(dim, 0.1 * drawn))
        True
    """
    return changed(CHALLENGES, "challenge", pictures, challenge, level, seed)


def check_challenge(challenge: str | None, level: int) -> None:
    """Raise ``InputError`` unless there is such a challenge and level."""
    checked_level(CHALLENGES, "challenge", challenge, level)


def _unit(x: Tensor) -> float:
    return min(x.shape[2:]) / _BASE


def _points(x: Tensor, share: float, generator: Generator) -> Tensor:
    """Return single pixels of 0.4 to 1, 0 between them, (n, 1, H, W): this share at 48 x 48, as many at other sizes."""
    chance = unit_draws(len(x), 1, *x.shape[2:], generator=generator)
    height = 0.4 + 0.6 * unit_draws(*chance.shape, generator=generator)
    return height * (chance < share / _unit(x) ** 2)


def _decolorisation(x: Tensor, level: int, _: Generator) -> Tensor:
    weights = torch.tensor([0.299, 0.587, 0.114], **SINGLE).to(x).view(1, 3, 1, 1)
    return torch.lerp(x, (x * weights).sum(1, keepdim=True).expand_as(x), level / 5)


def _lens_blur(x: Tensor, level: int, _: Generator) -> Tensor:
    return filtered(x, disc(at(level, 0.9, 1.5, 2.2, 3.0, 4.0) * _unit(x)))


def _codec_error(x: Tensor, level: int, generator: Generator) -> Tensor:
    """Compress, and read some blocks from their neighbours, as after a lost packet."""
    found = compressed(x, int(at(level, 50, 32, 20, 12, 7)))
    n, _, height, width = x.shape
    side = max(4, round(8 * _unit(x)))
    rows, columns = -(-height // side), -(-width // side)
    lost = unit_draws(n, 1, rows, columns, generator=generator) < at(level, 0.08, 0.15, 0.24, 0.35, 0.48)
    shift = side * (1 + int(torch.randint(2, (1,), generator=generator, device="cpu")))
    blocks = lost.repeat_interleave(side, 2).repeat_interleave(side, 3)[..., :height, :width]
    return torch.where(blocks.to(x.device), found.roll(shift, 3), found)


def _darkening(x: Tensor, level: int, _: Generator) -> Tensor:
    return x * at(level, 0.7, 0.5, 0.33, 0.2, 0.1)


def _dirty_lens(x: Tensor, level: int, generator: Generator) -> Tensor:
    """Smears and specks out of focus, of pale dust or of mud, the same for every level and more opaque."""
    n, _, height, width = x.shape
    smears = ((cloud(n, (height, width), (4, 8, 16), generator) - 0.35) * 2.5).clamp(0, 1)
    specks = blurred(_points(x, 0.012, generator), 1.3 * _unit(x))
    specks = (specks * 14 * _unit(x) ** 2).clamp(0, 1)
    share = torch.maximum(0.85 * smears, specks) * at(level, 0.25, 0.43, 0.62, 0.81, 1.0)
    dirt = torch.tensor([0.5, 0.45, 0.38], **SINGLE).view(1, 3, 1, 1) * uniform(n, 0.4, 1.4, generator)
    return x * (1 - share.to(x)) + (dirt * share).to(x)


def _exposure(x: Tensor, level: int, _: Generator) -> Tensor:
    return x * at(level, 1.4, 1.8, 2.4, 3.2, 4.3)


def _gaussian_blur(x: Tensor, level: int, _: Generator) -> Tensor:
    return blurred(x, at(level, 0.8, 1.4, 2.1, 3.0, 4.2) * _unit(x))


def _noise(x: Tensor, level: int, generator: Generator) -> Tensor:
    return x + normal_draws(*x.shape, generator=generator).to(x) * at(level, 0.06, 0.12, 0.2, 0.3, 0.45)


def _rain(x: Tensor, level: int, generator: Generator) -> Tensor:
    """Bright streaks, slanting one way in each picture, over a picture that loses contrast."""
    falling = math.pi / 2 + uniform(len(x), -0.4, 0.4, generator)
    drops = _points(x, at(level, 0.004, 0.009, 0.017, 0.029, 0.045), generator)
    streaks = filtered(drops, line(10 * _unit(x), 0.6 * _unit(x), falling)).clamp(0, 1).to(x)
    veil = 0.07 * level
    return (x * (1 - veil) + 0.6 * veil) * (1 - 0.75 * streaks) + 0.75 * 0.88 * streaks


def _shadow(x: Tensor, level: int, generator: Generator) -> Tensor:
    """Parallel bars of shade, as of a fence or a tree."""
    n, _, height, width = x.shape
    turn, phase = uniform(n, 0, math.pi, generator), uniform(n, 0, 2 * math.pi, generator)
    rows, columns = torch.linspace(-1, 1, height, **SINGLE)[:, None], torch.linspace(-1, 1, width, **SINGLE)
    wave = torch.sin((columns * turn.cos() + rows * turn.sin()) * uniform(n, 3, 7, generator) + phase)
    shade = (wave * 4).clamp(-1, 1) / 2 + 0.5
    return x * (1 - shade.to(x) * at(level, 0.3, 0.48, 0.64, 0.79, 0.93))


def _snow(x: Tensor, level: int, generator: Generator) -> Tensor:
    """Round flakes of several sizes before a picture that pales."""
    flakes = torch.zeros(len(x), 1, *x.shape[2:], **SINGLE)
    for size in (0.5, 0.8, 1.2):
        seeds = _points(x, at(level, 0.005, 0.011, 0.02, 0.034, 0.056) / (2 * size), generator) > 0
        # a blur of one point, brought back to full height, is a round flake with a soft edge
        sigma = size * _unit(x)
        flakes = torch.maximum(flakes, (blurred(seeds.float(), sigma) * 3 * math.pi * sigma**2).clamp(0, 1))
    flakes, veil = flakes.to(x), 0.07 * level
    return (x * (1 - veil) + 0.85 * veil) * (1 - 0.9 * flakes) + 0.9 * 0.95 * flakes


def _haze(x: Tensor, level: int, _: Generator) -> Tensor:
    return torch.lerp(x, torch.full_like(x, 0.78), at(level, 0.25, 0.42, 0.58, 0.73, 0.87))


CHALLENGES: dict[str, Change] = {
    "decolorisation": _decolorisation, "lens blur": _lens_blur, "codec error": _codec_error, "darkening": _darkening,
    "dirty lens": _dirty_lens, "exposure": _exposure, "Gaussian blur": _gaussian_blur, "noise": _noise, "rain": _rain,
    "shadow": _shadow, "snow": _snow, "haze": _haze,
}  # fmt: skip
