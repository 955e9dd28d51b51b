"""Pictures and charts without a ground of their own, for light and dark pages: their look, and how they are written."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import matplotlib
from matplotlib.colors import LinearSegmentedColormap
from PIL import Image

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["GREY", "LOOK", "SIGNED", "STOPS", "drawn", "edge_words", "encoded", "written"]

FONT = 10  # points
GREY = "#808080"  # lines are grey, and words black with a white edge: both are seen on any page
LOOK: Any = {
    "font.size": FONT, "axes.titlesize": FONT, "legend.fontsize": FONT - 1, "figure.facecolor": "none",
    "axes.facecolor": "none", "axes.edgecolor": GREY, "xtick.color": GREY, "ytick.color": GREY,
    "xtick.labelcolor": "black", "ytick.labelcolor": "black", "text.color": "black", "axes.labelcolor": "black",
}  # fmt: skip
# of signed values: straight through CIELAB from blue over white at zero to orange, as in the widgets (lib/stops.js)
STOPS = (
    "0061ad 1769b2 3572b6 487abb 5983c0 688cc4 7695c9 849fcd 91a8d2 9eb1d7 abbbdb "
    "b8c5e0 c4cee4 d1d8e9 dde2ed eaecf2 f6f6f6 f5ebe6 f3e0d7 f0d5c7 edcab8 eabfa9 "
    "e7b49a e3a98b de9e7c da936e d58860 cf7e52 ca7344 c46835 bd5e27 b75317 b04801"
)
SIGNED = LinearSegmentedColormap.from_list("blue-orange", [f"#{stop}" for stop in STOPS.split()], N=257)
matplotlib.colormaps.register(SIGNED, force=True)
ENOUGH = 60_000  # bytes: a larger figure holds photographs
LIMIT = 100_000  # bytes of any figure
SHARP = (2.0, 1.5, 1.0)  # dots to a pixel of the page
QUALITIES = (85, 70, 50)  # WebP's


def edge_words(figure: Figure) -> None:
    """Give all words of a figure a white edge."""
    from matplotlib.patheffects import withStroke
    from matplotlib.text import Text

    figure.draw_without_rendering()  # the ticks' labels are made as they are drawn
    for word in figure.findobj(Text):
        word.set_path_effects([withStroke(linewidth=2.5, foreground="white")])


def drawn(figure: Figure, dpi: float) -> Image.Image:
    """Return the figure as a picture, RGBA."""
    raw = io.BytesIO()
    figure.savefig(raw, format="png", dpi=dpi)
    return Image.open(raw).convert("RGBA")


def encoded(figure: Figure, inch: int) -> bytes:
    """Return the figure as WebP in at most ``LIMIT`` bytes, as sharp as they allow.

    Args:
        figure: a drawing, which is kept without loss, or one with photographs.
        inch: in pixels of the page.
    """
    content = _webp(drawn(figure, SHARP[0] * inch), lossless=True)
    if len(content) <= ENOUGH:
        return content
    for dots in SHARP:
        content = written(drawn(figure, dots * inch), LIMIT)
        if len(content) <= LIMIT:
            break
    return content


def written(image: Image.Image, limit: int) -> bytes:
    """Return a picture as WebP, as well as ``limit`` bytes allow; of the last quality, it may have more."""
    content = b""
    for quality in QUALITIES:
        content = _webp(image, quality=quality)
        if len(content) <= limit:
            break
    return content


def _webp(image: Image.Image, **how: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, "WEBP", method=4, **how)
    return out.getvalue()
