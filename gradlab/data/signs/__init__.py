"""Traffic signs drawn by ourselves: 14 classes in the European form, with the truth about every pixel.

The classes are those of CURE-TSR (Temel et al., NIPS workshop on Machine Learning for Intelligent Transportation
Systems 2017). No photograph of a sign was used; backgrounds are parts of the pictures in scikit-image's wheel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from gradlab.core.checks import whole_number
from gradlab.core.seeds import SINGLE, Seed, int_seed, normal_draws, unit_draws
from gradlab.data.challenges import challenged, check_challenge
from gradlab.data.filters import uniform
from gradlab.data.sets import PictureSet
from gradlab.data.signs.drawing import MATERIALS, Sheet
from gradlab.data.signs.scenes import backgrounds, lit, shaded, some, worn
from gradlab.data.signs.shapes import SIGNS

__all__ = ["LABELS", "SIZE", "Signs", "signs"]

LABELS = tuple(SIGNS)
MOST = 1_000_000  # pictures in one call
SIZE = 48  # pixels of a picture
_VARIANTS = 24  # drawings of each class in one call; each picture is one of them in its own place, light and paint
_CHUNK = 256  # pictures whose random numbers are drawn together
_PLACED = 32  # that are put into their places at once

# Paint, from the darkest to the brightest: (low, high) per channel.
_PAINT = {
    "white": ((0.68, 0.68, 0.66), (1.0, 1.0, 1.0)),
    "red": ((0.42, 0.02, 0.02), (0.98, 0.22, 0.24)),
    "blue": ((0.0, 0.06, 0.28), (0.16, 0.6, 0.95)),
    "black": ((0.0, 0.0, 0.0), (0.18, 0.18, 0.19)),
}
_YELLOW = (1.0, 0.82, 0.2)  # stands for white in some countries of the north and east
_SHARE_YELLOW = 0.14


@dataclass(frozen=True, repr=False)
class Signs(PictureSet):
    """Pictures of signs.

    Attributes:
        pictures: (n, 3, 48, 48) in 0 to 1.
        labels: (n,) int64, indices of ``LABELS``.
        masks: (n, 3, 48, 48) in 0 to 1: how far the pixel is sign, border and symbol.
    """

    pictures: Tensor
    labels: Tensor
    masks: Tensor
    classes = len(LABELS)


def signs(n: int, seed: Seed, *, challenge: str | None = None, level: int = 0) -> Signs:
    """Draw n signs.

    Args:
        n: pictures; the classes are as even as n allows, in random order.
        seed: the same seed gives the same pictures, and under a challenge the same ones challenged.
        challenge: one of ``gradlab.data.CHALLENGES``, or None.
        level: of the challenge, 0 (none) to 5.

    Raises:
        InputError: n is not at least 1, or there is no such seed, challenge or level.

    Examples:
        >>> drawn = gradlab.data.signs(28, seed=0, challenge="rain", level=2)
        >>> drawn
        Signs(28 pictures, 14 classes, 3 x 48 x 48)
        >>> drawn.masks.shape
        torch.Size([28, 3, 48, 48])
    """
    n = whole_number(n, "n", 1, MOST)
    check_challenge(challenge, level)
    seed = int_seed(seed)  # one for the scenes, the drawings and the challenge
    generator = torch.Generator().manual_seed(seed)
    labels = (torch.arange(n, device="cpu") % len(LABELS))[torch.randperm(n, generator=generator, device="cpu")]
    variants = min(_VARIANTS, -(-n // len(LABELS)))
    drawings = _drawings(variants, seed)
    which = labels * variants + torch.randint(variants, (n,), generator=generator, device="cpu")
    parts = [_pictures(drawings[some], generator) for some in which.split(_CHUNK)]
    pictures, masks = (torch.cat(each) for each in zip(*parts, strict=True))
    return Signs(challenged(pictures, challenge, level, seed=seed), labels, masks)


def _drawings(variants: int, seed: int) -> Tensor:
    """Return each class drawn in some ways, (classes * variants, materials + parts, side, side), uint8."""
    sheets = []
    for k, draw_sign in enumerate(SIGNS.values()):
        for variant in range(variants):
            sheet = Sheet()
            draw_sign(sheet, np.random.default_rng((seed, k, variant)))
            sheets.append(sheet.coverage())
    return torch.from_numpy(np.stack(sheets))


def _pictures(drawings: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Put drawings into scenes; return the pictures and their masks."""
    n = len(drawings)
    placed = zip(drawings.split(_PLACED), _places(n, generator).split(_PLACED), strict=True)
    coverage = torch.cat(
        [F.avg_pool2d(F.grid_sample(some.float() / 255, at, align_corners=False), 2) for some, at in placed]
    )
    materials, parts = coverage[:, : len(MATERIALS)], coverage[:, len(MATERIALS) :]
    paint = torch.stack([_paint(n, name, generator) for name in MATERIALS], 1)
    sign = torch.einsum("nmhw,nmc->nchw", materials, paint)
    backlit = 1 - uniform(n, 0.0, 0.4, generator) * some(n, 0.25, generator)
    sheen = worn(n, SIZE, generator) * backlit
    sign_share = materials.sum(1, keepdim=True)
    scene = _with_pole(backgrounds(n, SIZE, generator), sign_share, generator)
    pictures = lit(shaded(scene * (1 - sign_share) + sign * sheen, generator), generator)
    masks = torch.cat((sign_share, parts), 1)
    return pictures, masks.clamp(0, 1)


def _paint(n: int, material: str, generator: torch.Generator) -> Tensor:
    """Return a colour for each sign, (n, 3): bright or dark as a whole, a little off in each channel, some faded."""
    low, high = (torch.tensor(end, **SINGLE) for end in _PAINT[material])
    whole, own = unit_draws(n, 1, generator=generator), unit_draws(n, 3, generator=generator)
    colour = low + (high - low) * (0.7 * whole + 0.3 * own)
    if material == "white":
        yellow = (some(n, _SHARE_YELLOW, generator) * uniform(n, 0.6, 1.1, generator))[..., 0, 0]
        colour = colour * torch.lerp(torch.ones(3, **SINGLE), torch.tensor(_YELLOW, **SINGLE), yellow)
    faded = 0.45 * unit_draws(n, 1, generator=generator) ** 3
    return colour * (1 - faded) + 0.6 * faded


def _places(n: int, generator: torch.Generator) -> Tensor:
    """Return for each fine pixel of the pictures the place on the drawing, (n, 2 size, 2 size, 2)."""
    steps = (torch.arange(2 * SIZE, **SINGLE) + 0.5) / SIZE - 1
    x, y = torch.meshgrid(steps, steps, indexing="xy")
    radius = uniform(n, 0.55, 1.02, generator)[:, 0]
    turn = normal_draws(n, 1, 1, generator=generator) * 0.09
    shift = (uniform(n, -1, 1, generator, 2) * (1.1 - radius[:, None]))[..., 0, 0]
    narrow = uniform(n, 0.76, 1.06, generator)[:, 0]
    x, y = (x - shift[:, :1, None]) / radius, (y - shift[:, 1:, None]) / radius
    x, y = x * turn.cos() + y * turn.sin(), y * turn.cos() - x * turn.sin()
    tilt = uniform(n, -0.15, 0.15, generator, 2)[..., 0]
    depth = 1 + tilt[:, :1] * x + tilt[:, 1:] * y  # perspective: one side is nearer
    return torch.stack((x / narrow / depth, y / depth), -1)


def _with_pole(scene: Tensor, sign: Tensor, generator: torch.Generator) -> Tensor:
    """Set half of the signs on a grey pole, and a plate with writing below some."""
    n, _, size, _ = scene.shape
    line = torch.arange(size, **SINGLE)
    seen = sign[:, 0] > 0.5
    middle = (seen * line).sum((1, 2)) / seen.sum((1, 2)).clamp(min=1)
    beside = (line - middle[:, None]).abs()[:, None, None]  # (n, 1, 1, size)
    width, last = seen.any(1).sum(1).float().view(n, 1, 1, 1), (seen.any(2) * line).amax(1).view(n, 1, 1, 1)
    below = (line[:, None] - last).expand(n, 1, size, 1)
    pole = (beside < uniform(n, 0.6, 2.2, generator)) & (below > 0) & (some(n, 0.5, generator) > 0)
    scene = torch.where(pole, uniform(n, 0.25, 0.8, generator), scene)
    plate = (beside < width * uniform(n, 0.3, 0.5, generator)) & (below > 1) & (some(n, 0.15, generator) > 0)
    plate &= below < 2 + width * uniform(n, 0.2, 0.5, generator)
    ink = (unit_draws(n, 1, size, size, generator=generator) < 0.4) & (below % 6 > 2) & (beside < 0.3 * width)
    return torch.where(plate, torch.where(ink, 0.2, uniform(n, 0.6, 1.0, generator)), scene)
