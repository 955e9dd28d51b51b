"""Where the signs stand: walls, grass, sky and clutter behind them, and the light and the lens in front."""

from __future__ import annotations

import functools

import numpy as np
import torch
from PIL import Image
from torch import Generator, Tensor
from torch.nn import functional as F

from gradlab.core.seeds import SINGLE, normal_draws, unit_draws
from gradlab.data.filters import uniform

__all__ = ["backgrounds", "lit", "shaded", "some", "worn"]

# Pictures in scikit-image's wheel; their parts are what may stand behind a sign.
_TEXTURES = ("brick", "grass", "gravel", "coffee", "astronaut", "rocket", "cat", "camera", "coins", "page")
_SIDE = 192  # pixels of a texture
_PLAIN = 0.35  # share of backgrounds that are a smooth gradient, as a sky or a wall is


def backgrounds(n: int, size: int, generator: Generator) -> Tensor:
    """Return n backgrounds (n, 3, size, size) in 0 to 1."""
    found = _gradients(n, size, generator)
    which = torch.randint(len(_TEXTURES), (n,), generator=generator, device="cpu")
    which[unit_draws(n, generator=generator) < _PLAIN] = -1
    centre = unit_draws(n, 1, 1, 2, generator=generator) * 1.4 - 0.7
    zoom = uniform(n, 0.08, 0.5, generator)
    steps = torch.linspace(-1, 1, size, **SINGLE)
    grid = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), -1)[None] * zoom + centre
    for k, texture in enumerate(_textures()):
        here = (which == k).nonzero()[:, 0]
        if len(here):
            views = texture.expand(len(here), -1, -1, -1)
            found[here] = F.grid_sample(views, grid[here], padding_mode="reflection", align_corners=False)
    found = found * uniform(n, 0.6, 1.2, generator) * uniform(n, 0.75, 1.25, generator, 3)
    return _cluttered(found, generator).clamp(0, 1)


def lit(pictures: Tensor, generator: Generator) -> Tensor:
    """Return the pictures as a camera takes them: light from a side, exposure, colour, blur, noise, few pixels."""
    n, _, size, _ = pictures.shape
    steps = torch.linspace(-1, 1, size, **SINGLE)
    slope = uniform(n, -0.25, 0.25, generator) * steps[:, None] + uniform(n, -0.25, 0.25, generator) * steps
    light = (1 + slope) * uniform(n, 0.4, 1.3, generator) * uniform(n, 0.88, 1.12, generator, 3)
    haze = uniform(n, 0.0, 0.28, generator) * some(n, 0.5, generator)
    seen = (pictures * light).clamp(1e-4, 1) ** uniform(n, 0.75, 1.35, generator)
    seen = seen * (1 - haze) + haze * uniform(n, 0.4, 0.95, generator)
    # most lenses are sharp, some are out of focus, some cameras move along the rows; few sensors have our pixels
    sigma = 0.3 + 1.1 * unit_draws(n, 1, 1, 1, generator=generator) ** 2
    pixel = 1 + 1.4 * unit_draws(n, 1, 1, 1, generator=generator) ** 3
    moved = sigma + uniform(n, 0.4, 1.4, generator) * some(n, 0.12, generator)
    rows, columns = (_optics(size, blur, pixel, generator) for blur in (sigma, moved))
    seen = rows @ seen @ columns.transpose(2, 3)
    grain = uniform(n, 0.0, 0.035, generator) * some(n, 0.8, generator)
    return (seen + normal_draws(*seen.shape, generator=generator) * grain).clamp(0, 1)


def shaded(pictures: Tensor, generator: Generator) -> Tensor:
    """Return the pictures with what falls on a sign and its surroundings alike: shadows, and leaves in front."""
    n, _, size, _ = pictures.shape
    shadow = _patches(n, size, 4, 12.0, generator) * some(n, 0.35, generator) * uniform(n, 0.2, 0.55, generator)
    leaves = _patches(n, size, 9, 20.0, generator, least=0.78) * some(n, 0.15, generator)
    green = uniform(n, 0.02, 0.35, generator, 3) * torch.tensor([0.8, 1.2, 0.5], **SINGLE).view(1, 3, 1, 1)
    return torch.lerp(pictures * (1 - shadow), green.expand_as(pictures), leaves)


def _patches(n: int, size: int, cells: int, sharp: float, generator: Generator, least: float = 0.5) -> Tensor:
    """Return areas with bent edges, 1 inside and 0 outside, (n, 1, size, size)."""
    rough = unit_draws(n, 1, cells, cells, generator=generator)
    smooth = F.interpolate(rough, size=(size, size), mode="bilinear", align_corners=True)
    return ((smooth - least) * sharp).clamp(0, 1)


def some(n: int, share: float, generator: Generator) -> Tensor:
    """Return 1 for a share of the pictures and 0 for the others, (n, 1, 1, 1)."""
    return (unit_draws(n, 1, 1, 1, generator=generator) < share).float()


def _optics(size: int, sigma: Tensor, pixel: Tensor, generator: Generator) -> Tensor:
    """Return matrices (n, 1, size, size) that blur a line, read it by wider pixels, and draw a line between those."""
    line = torch.arange(size, **SINGLE) + 0.5
    sigma = (sigma.square() + (pixel.square() - 1) / 12).sqrt()  # a pixel reads an area
    shift = uniform(len(sigma), 0, 1, generator)
    place = line[:, None] / pixel - shift
    before = place.floor()

    def read(index: Tensor) -> Tensor:
        weight = torch.exp(-0.5 * (((index + shift) * pixel - line) / sigma) ** 2) + 1e-12
        return weight / weight.sum(3, keepdim=True)

    return torch.lerp(read(before), read(before + 1), place - before)


def worn(n: int, size: int, generator: Generator) -> Tensor:
    """Return how much a sign's paint has lost at each place, (n, 1, size, size), around 1."""
    rough = unit_draws(n, 1, 6, 6, generator=generator)
    spots = F.interpolate(rough, size=(size, size), mode="bicubic", align_corners=False)
    return 1 - uniform(n, 0.0, 0.35, generator) * spots.clamp(0, 1)


def _gradients(n: int, size: int, generator: Generator) -> Tensor:
    ends = unit_draws(2, n, 3, 1, 1, generator=generator) * 0.9 + 0.05
    # the sky is bluish, walls are greyish: pure colours are rare
    ends = ends.mean(2, keepdim=True) + (ends - ends.mean(2, keepdim=True)) * uniform(n, 0.1, 0.7, generator)
    turn = uniform(n, -1, 1, generator)
    steps = torch.linspace(0, 1, size, **SINGLE)
    along = (steps[:, None] * (1 - turn.abs()) + steps * turn).clamp(0, 1)
    return ends[0] * (1 - along) + ends[1] * along


def _cluttered(found: Tensor, generator: Generator) -> Tensor:
    """Lay boxes of one colour over the backgrounds: poles, windows, cars, other signs."""
    n, _, size, _ = found.shape
    rows, columns = torch.arange(size, **SINGLE)[:, None] / size, torch.arange(size, **SINGLE) / size
    for _ in range(3):
        top, left = uniform(n, -0.2, 1, generator), uniform(n, -0.2, 1, generator)
        tall, wide = uniform(n, 0.03, 0.9, generator), uniform(n, 0.02, 0.5, generator)
        box = (rows >= top) & (rows < top + tall) & (columns >= left) & (columns < left + wide)
        shown = box & (unit_draws(n, 1, 1, 1, generator=generator) < 0.4)
        grey, colour = uniform(n, 0.05, 0.95, generator), uniform(n, 0, 1, generator, 3)
        found = torch.where(shown, torch.lerp(grey, colour, uniform(n, 0, 1, generator).square()), found)
    return found


@functools.lru_cache(maxsize=1)
def _textures() -> list[Tensor]:
    from skimage import data

    found = []
    for name in _TEXTURES:
        picture = Image.fromarray(getattr(data, name)()).convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.BOX)
        found.append(torch.from_numpy(np.array(picture)).movedim(-1, 0)[None].float() / 255)
    return found
