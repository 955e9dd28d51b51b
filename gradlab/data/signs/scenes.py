"""Where the signs stand: walls, grass, sky and clutter behind them, and the light and the lens in front."""

from __future__ import annotations

import functools

import numpy as np
import torch
from PIL import Image
from torch import Generator, Tensor
from torch.nn import functional as F

from gradlab.data.filters import blurred, uniform

# Pictures in scikit-image's wheel; their parts are what may stand behind a sign.
TEXTURES = ("brick", "grass", "gravel", "coffee", "astronaut", "rocket", "cat", "camera", "coins", "page")
SIDE = 192  # pixels of a texture
PLAIN = 0.35  # share of backgrounds that are a smooth gradient, as a sky or a wall is


def backgrounds(n: int, size: int, generator: Generator) -> Tensor:
    """Return n backgrounds (n, 3, size, size) in 0 to 1."""
    found = _gradients(n, size, generator)
    which = torch.randint(len(TEXTURES), (n,), generator=generator)
    which[torch.rand(n, generator=generator) < PLAIN] = -1
    centre = torch.rand(n, 1, 1, 2, generator=generator) * 1.4 - 0.7
    zoom = uniform(n, 0.08, 0.5, generator)
    steps = torch.linspace(-1, 1, size)
    grid = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), -1)[None] * zoom + centre
    for k, texture in enumerate(_textures()):
        here = (which == k).nonzero()[:, 0]
        if len(here):
            views = texture.expand(len(here), -1, -1, -1)
            found[here] = F.grid_sample(views, grid[here], padding_mode="reflection", align_corners=False)
    found = found * uniform(n, 0.5, 1.2, generator, 3)
    return _cluttered(found, generator).clamp(0, 1)


def lit(pictures: Tensor, generator: Generator) -> Tensor:
    """Return the pictures as a camera takes them: light from a side, exposure, colour, blur, noise, few pixels."""
    n, _, size, _ = pictures.shape
    steps = torch.linspace(-1, 1, size)
    slope = uniform(n, -0.25, 0.25, generator) * steps[:, None] + uniform(n, -0.25, 0.25, generator) * steps
    light = (1 + slope) * uniform(n, 0.35, 1.25, generator) * uniform(n, 0.88, 1.12, generator, 3)
    haze = uniform(n, 0.0, 0.25, generator) * (torch.rand(n, 1, 1, 1, generator=generator) < 0.5)
    seen = (pictures * light).clamp(1e-4, 1) ** uniform(n, 0.75, 1.35, generator)
    seen = seen * (1 - haze) + haze * uniform(n, 0.4, 0.95, generator)
    share = uniform(n, 0.0, 1.0, generator)
    seen = seen * (1 - share) + blurred(seen, 1.3) * share
    coarse = F.interpolate(F.avg_pool2d(seen, 2), size=(size, size), mode="bilinear", align_corners=False)
    few = uniform(n, 0.0, 1.0, generator) * (torch.rand(n, 1, 1, 1, generator=generator) < 0.5)
    seen = seen * (1 - few) + coarse * few
    return (seen + torch.randn(seen.shape, generator=generator) * uniform(n, 0.0, 0.04, generator)).clamp(0, 1)


def worn(n: int, size: int, generator: Generator) -> Tensor:
    """Return how much a sign's paint has lost at each place, (n, 1, size, size), around 1."""
    rough = torch.rand(n, 1, 6, 6, generator=generator)
    spots = F.interpolate(rough, size=(size, size), mode="bicubic", align_corners=False)
    return 1 - uniform(n, 0.0, 0.35, generator) * spots.clamp(0, 1)


def _gradients(n: int, size: int, generator: Generator) -> Tensor:
    ends = torch.rand(2, n, 3, 1, 1, generator=generator) * 0.9 + 0.05
    # the sky is bluish, walls are greyish: pure colours are rare
    ends = ends.mean(2, keepdim=True) + (ends - ends.mean(2, keepdim=True)) * uniform(n, 0.1, 0.7, generator)
    turn = uniform(n, -1, 1, generator)
    steps = torch.linspace(0, 1, size)
    along = (steps[:, None] * (1 - turn.abs()) + steps * turn).clamp(0, 1)
    return ends[0] * (1 - along) + ends[1] * along


def _cluttered(found: Tensor, generator: Generator) -> Tensor:
    """Lay boxes of one colour over the backgrounds: poles, windows, cars, other signs."""
    n, _, size, _ = found.shape
    rows, columns = torch.arange(size)[:, None] / size, torch.arange(size) / size
    for _ in range(3):
        top, left = uniform(n, -0.2, 1, generator), uniform(n, -0.2, 1, generator)
        tall, wide = uniform(n, 0.03, 0.9, generator), uniform(n, 0.02, 0.5, generator)
        box = (rows >= top) & (rows < top + tall) & (columns >= left) & (columns < left + wide)
        shown = box & (torch.rand(n, 1, 1, 1, generator=generator) < 0.4)
        found = torch.where(shown, uniform(n, 0, 1, generator, 3), found)
    return found


@functools.lru_cache(maxsize=1)
def _textures() -> list[Tensor]:
    from skimage import data

    found = []
    for name in TEXTURES:
        picture = Image.fromarray(getattr(data, name)()).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)
        found.append(torch.from_numpy(np.array(picture)).movedim(-1, 0)[None].float() / 255)
    return found
