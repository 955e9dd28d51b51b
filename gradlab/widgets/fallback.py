"""Panels side by side as one picture, for pages and readers that run no widget."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from gradlab.widgets.factors import Factors
from gradlab.widgets.widget import PNG_LIMIT

__all__ = ["overlay", "side_by_side", "three_panels"]

GAP, HEAD, SIDE = 8, 44, 240  # pixels: around the panels, above them for the questions, and a panel's width


def three_panels(factors: Factors, labels: Sequence[str], p: int, q: int) -> bytes:
    """Return a PNG of at most ``PNG_LIMIT`` bytes: Why P? What if not P? Why P, rather than Q?"""
    maps = (factors.maps[p], -factors.maps[p], factors.contrast(q))
    panels = list(zip(factors.words(labels, p, q).titles, maps, strict=True))
    height = round(SIDE * factors.view.height / factors.view.width)
    photo = factors.view.resize((SIDE, height))
    return side_by_side([(title, overlay(photo, values)) for title, values in panels])


def side_by_side(panels: Sequence[tuple[str, Image.Image]], columns: int | None = None) -> bytes:
    """Return a PNG of at most ``PNG_LIMIT`` bytes with the pictures, each under its title, in rows of ``columns``.

    None puts them all into one row.
    """
    encoded, columns = b"", columns or len(panels)
    # photographs differ: the largest picture that fits the limit is taken
    for side, colours in ((SIDE, 256), (200, 256), (176, 256), (160, 192), (144, 128), (112, 64), (96, 32), (80, 16)):
        rows = [_row(panels[i : i + columns], side) for i in range(0, len(panels), columns)]
        encoded = _encoded(_stacked(rows), colours)
        if len(encoded) <= PNG_LIMIT:
            break
    return encoded


def overlay(photo: Image.Image, values: NDArray[np.float64]) -> Image.Image:
    """Return the photo under the map's positive part, in viridis; the photo alone if nothing is positive."""
    import matplotlib

    top = float(values.max())
    if not top > 0:
        return photo
    level = Image.fromarray((values / top).astype(np.float32)).resize(photo.size, Image.Resampling.BILINEAR)
    heat = matplotlib.colormaps["viridis"](np.clip(np.asarray(level), 0, 1))[..., :3] * 255
    return Image.fromarray((0.45 * np.asarray(photo) + 0.55 * heat).round().astype(np.uint8))


def _row(panels: Sequence[tuple[str, Image.Image]], side: int) -> Image.Image:
    height = round(side * panels[0][1].height / panels[0][1].width)
    sheet = Image.new("RGB", (GAP + len(panels) * (side + GAP), HEAD + height + GAP), "white")
    pen, font = ImageDraw.Draw(sheet), _font(13)
    for i, (title, image) in enumerate(panels):
        left = GAP + i * (side + GAP)
        for k, line in enumerate(_lines(title, font, side)):
            pen.text((left, 5 + 17 * k), line, "black", font)
        sheet.paste(image.resize((side, height)), (left, HEAD))
    return sheet


def _stacked(rows: Sequence[Image.Image]) -> Image.Image:
    sheet = Image.new("RGB", (rows[0].width, sum(row.height for row in rows)), "white")
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


def _encoded(sheet: Image.Image, colours: int) -> bytes:
    out = io.BytesIO()
    sheet.quantize(colours, method=Image.Quantize.FASTOCTREE).save(out, "PNG", optimize=True)
    return out.getvalue()
