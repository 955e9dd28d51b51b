"""Pictures of no class that a network knows, drawn once for everyone: the out-of-distribution sets of the course."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torch.nn import functional as F

from gradlab.core.checks import one_of, whole_number
from gradlab.core.seeds import Seed, check_seed, int_seed, torch_generator, unit_draws
from gradlab.data.digits import digits
from gradlab.data.signs import signs

__all__ = ["STRANGE", "strange"]

STRANGE = {
    "textures": "parts of grey photographs of brick, grass and gravel, of varying size",
    "noise": "another uniform number for each pixel and channel",
    "letters": "capitals of six fonts, white on black, about as large as a digit; none that reads as a digit",
    "signs": "traffic signs drawn for this course",
    "digits": "real handwritten digits, the first n of the test split: the seed plays no part",
}
_TEXTURES = ("brick", "grass", "gravel")  # of those that come inside scikit-image's wheel
_SIDE = (48, 192)  # of a texture's part, pixels of 512
_FONTS = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif", "DejaVuSansMono", "STIXGeneral", "cmss10")  # of matplotlib's
_LETTERS = "ACEFHJKLMNPRTUVWXY"  # no B, D, G, I, O, Q, S, Z
_MOST, _MOST_SIDE = 1_000_000, 2048
_DIGITS = 400  # in the test split


def strange(name: str, n: int, *, seed: Seed = 0, size: int = 32, channels: int = 1) -> Tensor:
    """Draw n pictures (n, channels, size, size) in 0 to 1 of one set of ``STRANGE``, float32.

    All sets are drawn with three channels; with one, each pixel is their mean. The same seed gives the same pictures.

    Args:
        name: a key of ``STRANGE``, which says what each set shows.
        n: how many.
        seed: of the drawing.
        size: height and width, pixels.
        channels: 1 for grey, 3 for colour.

    Raises:
        InputError: no such set, n or size below 1, more digits than the 400 that there are, a seed out of range, or
            another number of channels.

    Examples:
        >>> gradlab.data.strange("letters", 4, size=48).shape
        torch.Size([4, 1, 48, 48])
    """
    one_of(name, "name", STRANGE)
    one_of(channels, "channels", (1, 3))
    n = whole_number(n, "n", 1, _DIGITS if name == "digits" else _MOST)
    size = whole_number(size, "size", 1, _MOST_SIDE)
    check_seed(seed)
    drawn = _DRAWINGS[name](n, size, seed).expand(-1, 3, -1, -1)
    return drawn.mean(1, keepdim=True) if channels == 1 else drawn.contiguous()


def _textures(n: int, size: int, seed: Seed) -> Tensor:
    import skimage.data

    generator = torch_generator(seed)
    whole = [torch.from_numpy(getattr(skimage.data, name)()).float()[None, None] / 255 for name in _TEXTURES]
    found = []
    for i in range(n):
        one = whole[i % len(whole)]
        side = int(torch.randint(*_SIDE, (), generator=generator, device="cpu"))
        y, x = (int(torch.randint(end - side, (), generator=generator, device="cpu")) for end in one.shape[-2:])
        found.append(_resized(one[..., y : y + side, x : x + side], size))
    return torch.cat(found)


def _noise(n: int, size: int, seed: Seed) -> Tensor:
    return unit_draws(n, 3, size, size, generator=torch_generator(seed))


def _letters(n: int, size: int, seed: Seed) -> Tensor:
    import matplotlib

    generator = torch_generator(seed)
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    found = []
    for _ in range(n):
        lots = [int(torch.randint(len(some), (), generator=generator, device="cpu")) for some in (_LETTERS, _FONTS)]
        letter, font = _LETTERS[lots[0]], _FONTS[lots[1]]
        share = 0.7 + 0.3 * unit_draws(generator=generator).item()
        canvas = Image.new("L", (size, size))
        face = ImageFont.truetype(str(folder / f"{font}.ttf"), round(share * size))
        ImageDraw.Draw(canvas).text((size / 2, size / 2), letter, 255, face, anchor="mm")
        found.append(torch.from_numpy(np.array(canvas)).float() / 255)
    return torch.stack(found)[:, None]


def _signs(n: int, size: int, seed: Seed) -> Tensor:
    return _resized(signs(n, int_seed(seed, 2**32 - 1)).pictures, size).clamp(0, 1)


def _digits(n: int, size: int, seed: Seed) -> Tensor:
    return _resized(digits("test").pictures[:n], size)


_DRAWINGS: dict[str, Callable[[int, int, Seed], Tensor]] = {
    "textures": _textures,
    "noise": _noise,
    "letters": _letters,
    "signs": _signs,
    "digits": _digits,
}


def _resized(x: Tensor, size: int) -> Tensor:
    """Return pictures (n, C, H, W) at another size, smoothed before they shrink."""
    return F.interpolate(x, (size, size), mode="bilinear", align_corners=False, antialias=True)
