"""Pictures that belong to no class: parts of scikit-image's textures, noise, letters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torch.nn import functional as F

TEXTURES = ("brick", "grass", "gravel")  # of those that come inside scikit-image's wheel
SIDE = (48, 192)  # of a texture's part, pixels of 512
FONTS = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif", "DejaVuSansMono", "STIXGeneral", "cmss10")
LETTERS = "ACEFHJKLMNPRTUVWXY"  # none that can be read as a digit: no B, D, G, I, O, Q, S, Z
SEED = 3


def pictures(n: int, size: tuple[int, int]) -> dict[str, Tensor]:
    """Return n pictures (n, 3, height, width) in 0 to 1 of each kind, the same at each call."""
    return {name: make(n, size, torch.Generator().manual_seed(SEED)) for name, make in KINDS.items()}


def textures(n: int, size: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Return parts of grey photographs of surfaces, of varying size."""
    import skimage.data

    whole = [torch.from_numpy(getattr(skimage.data, name)()).float()[None, None] / 255 for name in TEXTURES]
    found = []
    for i in range(n):
        one = whole[i % len(whole)]
        side = int(torch.randint(*SIDE, (), generator=generator))
        y, x = (int(torch.randint(end - side, (), generator=generator)) for end in one.shape[-2:])
        found.append(
            F.interpolate(
                one[..., y : y + side, x : x + side], size, mode="bilinear", align_corners=False, antialias=True
            )
        )
    return torch.cat(found).expand(-1, 3, -1, -1)


def noise(n: int, size: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Return uniform noise, another number for each pixel and channel."""
    return torch.rand(n, 3, *size, generator=generator)


def letters(n: int, size: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Return capital letters of matplotlib's fonts, white on black, about as large as a digit is."""
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    found = []
    for _ in range(n):
        letter, font = (some[int(torch.randint(len(some), (), generator=generator))] for some in (LETTERS, FONTS))
        share = 0.7 + 0.3 * torch.rand((), generator=generator).item()
        canvas = Image.new("L", (size[1], size[0]))
        drawn = ImageFont.truetype(str(folder / f"{font}.ttf"), round(share * size[0]))
        ImageDraw.Draw(canvas).text((size[1] / 2, size[0] / 2), letter, 255, drawn, anchor="mm")
        found.append(torch.from_numpy(np.array(canvas)).float() / 255)
    return torch.stack(found)[:, None].expand(-1, 3, -1, -1)


KINDS: dict[str, Callable[[int, tuple[int, int], torch.Generator], Tensor]] = {
    "textures": textures,
    "noise": noise,
    "letters": letters,
}
