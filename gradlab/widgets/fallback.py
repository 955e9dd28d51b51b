"""Panels side by side as one picture, for pages and readers that run no widget."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from gradlab import explain
from gradlab.explain.drawing import written
from gradlab.widgets.factors import Factors
from gradlab.widgets.widget import PICTURE_LIMIT

__all__ = ["overlay", "side_by_side", "three_panels"]

CLEAR = (0, 0, 0, 0)  # a picture has no ground of its own: black words with a white edge are read on any page
GAP, HEAD, SIDE = 8, 44, 240  # pixels: around the panels, above them for the questions, and a panel's width


def three_panels(factors: Factors, labels: Sequence[str], p: int, q: int) -> bytes:
    """Return a WebP of at most ``PICTURE_LIMIT`` bytes: Why P? What if not P? Why P, rather than Q?"""
    maps = (factors.maps[p], -factors.maps[p], factors.contrast(q))
    panels = list(zip(factors.words(labels, p, q).titles, maps, strict=True))
    height = round(SIDE * factors.view.height / factors.view.width)
    photo = factors.view.resize((SIDE, height))
    return side_by_side([(title, overlay(photo, values)) for title, values in panels])


def side_by_side(panels: Sequence[tuple[str, Image.Image]], columns: int | None = None) -> bytes:
    """Return a WebP of at most ``PICTURE_LIMIT`` bytes with the pictures, each under its title, in rows of ``columns``.

    None puts them all into one row.
    """
    columns = columns or len(panels)
    rows = [_row(panels[i : i + columns]) for i in range(0, len(panels), columns)]
    return written(_stacked(rows), PICTURE_LIMIT)


def overlay(photo: Image.Image, values: NDArray[np.float64]) -> Image.Image:
    """Return the photo under the map's positive part, (h, w), as the front end first shows it."""
    return explain.overlay(photo, torch.from_numpy(values.copy()), opacity=0.55)


def _row(panels: Sequence[tuple[str, Image.Image]]) -> Image.Image:
    height = round(SIDE * panels[0][1].height / panels[0][1].width)
    sheet = Image.new("RGBA", (GAP + len(panels) * (SIDE + GAP), HEAD + height + GAP), CLEAR)
    pen, font = ImageDraw.Draw(sheet), _font(13)
    for i, (title, image) in enumerate(panels):
        left = GAP + i * (SIDE + GAP)
        for k, line in enumerate(_lines(title, font, SIDE)):
            pen.text((left, 5 + 17 * k), line, "black", font, stroke_width=1, stroke_fill="white")
        sheet.paste(image.resize((SIDE, height)), (left, HEAD))
    return sheet


def _stacked(rows: Sequence[Image.Image]) -> Image.Image:
    sheet = Image.new("RGBA", (rows[0].width, sum(row.height for row in rows)), CLEAR)
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    return sheet


def _font(size: int) -> ImageFont.FreeTypeFont:
    import matplotlib

    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"), size)


def _lines(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines if len(lines) <= 2 else [lines[0], f"{lines[1]} ..."]
