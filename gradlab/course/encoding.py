"""How a figure is written: drawings as PNG, twice as sharp as the page, and photographs as WebP."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["encoded"]

_ENOUGH = 60_000  # bytes: a larger figure holds photographs, and is written as they are
_LIMIT = 100_000  # bytes of any figure
_QUALITIES = ((2.0, 85), (2.0, 70), (2.0, 50), (1.5, 50), (1.0, 50), (1.0, 20), (1.0, 1))  # dots to a pixel, WebP's


def encoded(figure: Figure, inch: int) -> bytes:
    """Return the figure in at most ``_LIMIT`` bytes, as sharp as they allow; ``inch`` is in pixels of the page."""
    drawn = _drawn(figure, _QUALITIES[0][0] * inch)
    content = _saved(_with_palette(drawn), "PNG", optimize=True)
    if len(content) <= _ENOUGH:
        return content
    for dots, quality in _QUALITIES:
        content = _saved(_drawn(figure, dots * inch), "WEBP", quality=quality, method=4)
        if len(content) <= _LIMIT:
            break
    return content


def _drawn(figure: Figure, dpi: float) -> Image.Image:
    raw = io.BytesIO()
    figure.savefig(raw, format="png", dpi=dpi)
    return Image.open(raw).convert("RGBA")


def _saved(image: Image.Image, kind: str, **how: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()


def _with_palette(image: Image.Image) -> Image.Image:
    """Return the picture in 256 colours; what was clear, full, white or black stays so."""
    drawn = image.quantize(256, method=Image.Quantize.FASTOCTREE)
    palette = np.array(drawn.getpalette("RGBA")).reshape(-1, 4)
    palette[palette[:, :3].min(1) > 246, :3] = 255
    palette[palette[:, :3].max(1) < 9, :3] = 0
    palette[palette[:, 3] > 246, 3] = 255
    palette[palette[:, 3] < 9, 3] = 0
    drawn.putpalette(palette.ravel().tolist(), "RGBA")
    return drawn
