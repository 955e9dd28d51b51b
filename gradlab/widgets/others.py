"""Pictures that a reader of digits does not know: letters scanned as the digits were, signs turned grey, and noise."""

from __future__ import annotations

import string

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from gradlab.widgets.panels import as_scanned

LETTERS = [letter for letter in string.ascii_uppercase if letter not in "OI"]  # which are written as 0 and 1
FONTS = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif", "DejaVuSansMono-Oblique")
COUNT, SEED, MARGIN = 96, 0, 20
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


def lookalikes() -> dict[str, Tensor]:
    """Return 96 pictures of each kind, (96, 1, 32, 32) in 0 to 1, the same each time."""
    from gradlab.data import signs

    grey = (signs(COUNT, SEED).pictures * torch.tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)
    noise = torch.rand(COUNT, 1, 32, 32, generator=torch.Generator().manual_seed(SEED))
    return {
        "letters": letters(),
        "signs in grey": F.interpolate(grey, (32, 32), mode="bilinear", antialias=True).clamp(0, 1),
        "noise": noise,
    }


def letters() -> Tensor:
    """Return capital letters of four fonts made as scikit-learn's digits were: 8 x 8 cells of 17 grey levels."""
    from gradlab.data.signs.drawing import lettering

    found = []
    for font in FONTS:
        for letter in LETTERS:
            mask = lettering(letter, font)
            sheet = Image.new("L", (mask.width + 2 * MARGIN, mask.height + 2 * MARGIN))
            sheet.paste(mask, (MARGIN, MARGIN))
            found.append(as_scanned(sheet))
    return torch.cat(found)
