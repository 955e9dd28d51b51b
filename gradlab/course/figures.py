"""The lessons' figures: rows of pictures and maps, and charts; sharp, small, and with words for who cannot see."""

from __future__ import annotations

import contextlib
import io
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import matplotlib
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gradlab.core.checks import instance, names_of, number, numbers, one_of, sequence, whole_number
from gradlab.core.errors import InputError, shown
from gradlab.explain import overlay
from gradlab.explain.display import html_image

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Panel", "chart", "heat", "show", "signed"]

Panel: TypeAlias = "Image.Image | np.ndarray[Any, Any] | Tensor | tuple[Any, Tensor]"

_INCH = 100  # pixels of the page
_COLUMN, _SIDE = 760, 230  # pixels: the width of a lesson's column, and the largest width of a panel
_LETTER = 6.4  # pixels: the mean width of a letter of a title
_MOST = 100  # charts in a row, and units of a chart's side
_FONT = 9  # points
_SHARP = 2.0  # dots to a pixel of the page, on either side,
_ENOUGH = 60_000  # ... as far as so many bytes reach
_LIMIT = 120_000  # bytes of any figure: where one dot a pixel takes more, there are fewer colours


def show(*panels: Panel, titles: Sequence[str] = (), columns: int | None = None, title: str = "", alt: str) -> None:
    """Show pictures in rows, each under its title.

    A pair ``(picture, map)`` is shown as the map's positive part over the picture in grey, and since each map has its
    own scale, its maximum stands in the title. Raw maps become pictures by :func:`signed` and :func:`heat`.

    Args:
        panels: PIL images, arrays (H, W, 3) of uint8, or values in 0 to 1: (H, W), (C, H, W) or (1, C, H, W), C 1 or 3;
            or pairs of such a picture and one raw map.
        titles: one for each panel, or none at all. Long ones are broken into lines.
        columns: panels in a row; None: all.
        title: of the whole.
        alt: what there is to see, for those who cannot.

    Raises:
        InputError: no panels, another number of titles, no words in ``alt``, or something that is no picture.

    Examples:
        >>> picture = gradlab.data.picture("coffee")
        >>> gradlab.course.show(picture, (picture, torch.rand(1, 1, 7, 7)), alt="A cup, and a map of noise over it.")
        A cup, and a map of noise over it.
    """
    if not panels or (len(names_of(titles, "titles")) not in (0, len(panels))):
        raise InputError(f"There are {len(panels)} panels and {len(titles)} titles: expected one for each, or none.")
    columns = min(len(panels) if columns is None else whole_number(columns, "columns", 1), len(panels))
    instance(title, "title", str, "a text")
    rows, side = -(-len(panels) // columns), min(_SIDE, _COLUMN // columns)
    seen = [_seen(panel) for panel in panels]
    words = [_words(*each, side) for each in zip(panels, titles or [""] * len(panels), strict=True)]
    tall = max(side * picture.height / picture.width for picture in seen)
    lines = max(word.count("\n") + 1 if word else 0 for word in words)
    height = tall + 8 + 16 * lines
    with chart(rows, columns, alt=alt, size=(side / _INCH, (height + 22 * bool(title) / rows) / _INCH)) as axes:
        for axis in np.ravel(axes)[len(seen) :]:
            axis.axis("off")
        for axis, picture, word in zip(np.ravel(axes), seen, words, strict=False):
            axis.imshow(picture)
            axis.set_title(word, fontsize=_FONT)
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set(color="lightgrey", linewidth=0.5)
        if title:
            np.ravel(axes)[0].figure.suptitle(title, fontsize=_FONT + 1)


@contextlib.contextmanager
def chart(rows: int = 1, columns: int = 1, *, size: tuple[float, float] = (3.4, 2.6), alt: str) -> Iterator[Any]:
    """Lend axes to draw on in a ``with`` block, and show them at its end.

    Args:
        rows: of charts; one chart is lent as it is, several as an array, as by ``matplotlib.pyplot.subplots``.
        columns: of charts.
        size: width and height of each, in units of 100 pixels of the page; 7.6 is the width of the column.
        alt: what there is to see, for those who cannot.

    Raises:
        InputError: no words in ``alt``.

    Examples:
        >>> with gradlab.course.chart(1, 2, alt="A line that rises, and one that falls.") as (left, right):
        ...     _ = left.plot([0, 1]), right.plot([1, 0])
        A line that rises, and one that falls.
    """
    if not isinstance(alt, str) or not alt.strip():
        raise InputError(f"alt is {shown(alt)}: say in a sentence what there is to see.")
    rows, columns = whole_number(rows, "rows", 1, _MOST), whole_number(columns, "columns", 1, _MOST)
    if len(sequence(size, "size", "width and height")) != 2:
        raise InputError(f"size is {shown(size)}: expected width and height, in units of 100 pixels.")
    size = (number(size[0], "size", above=0, most=_MOST), number(size[1], "size", above=0, most=_MOST))
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"font.size": _FONT, "axes.titlesize": _FONT + 1}):
        figure = Figure(figsize=(size[0] * columns, size[1] * rows), dpi=_INCH, layout="constrained")
        yield figure.subplots(rows, columns)
        content = _png(figure)
    from IPython import display, get_ipython

    if get_ipython() is None:
        print(alt)  # no page to show a picture on
        return
    page = html_image(content, alt, round(figure.get_figwidth() * _INCH))
    display.display({"text/html": page, "text/plain": alt}, raw=True)  # type: ignore[no-untyped-call]


def signed(values: Tensor, top: float | None = None) -> Image.Image:
    """Return a raw map, (h, w) among axes of length 1, as a picture: blue below zero, white at zero, red above.

    Args:
        values: the map.
        top: where the colours end on either side; None: its largest magnitude. Give maps that are compared the same.

    Examples:
        >>> gradlab.course.signed(torch.tensor([[-1.0, 0.0, 1.0]])).size
        (3, 1)
    """
    flat = _flat(values)
    top = float(np.abs(flat).max()) if top is None else number(top, "top", above=0)
    return _coloured((flat / top + 1) / 2 if top else flat + 0.5, "RdBu_r")


def heat(values: Tensor, top: float | None = None, cmap: str = "viridis") -> Image.Image:
    """Return a map that is nowhere negative, (h, w) among axes of length 1, as a picture.

    Args:
        values: the map.
        top: where the colours end; None: its 99.5th percentile, so that a few hot pixels do not hide the rest.
        cmap: name of a matplotlib colour map.

    Examples:
        >>> gradlab.course.heat(torch.rand(1, 1, 7, 7)).size
        (7, 7)
    """
    flat = _flat(values)
    one_of(cmap, "cmap", matplotlib.colormaps)
    top = float(np.quantile(flat, 0.995)) if top is None else number(top, "top", above=0)
    return _coloured(flat / top if top else flat, cmap)


def _flat(values: Any) -> np.ndarray[Any, Any]:
    flat = numbers(values, "values")
    while flat.ndim > 2 and len(flat) == 1:
        flat = flat[0]
    if flat.ndim != 2 or not flat.size or not np.isfinite(flat).all():
        raise InputError(f"values is {shown(values)}: expected one map of finite values, (h, w).")
    return flat


def _coloured(values: np.ndarray[Any, Any], cmap: str) -> Image.Image:
    return Image.fromarray(matplotlib.colormaps[cmap](values.clip(0, 1), bytes=True)[..., :3].copy())


def _seen(panel: Any) -> Image.Image:
    if isinstance(panel, tuple):
        if len(panel) != 2:
            raise InputError(f"A panel is {shown(panel)}: expected a picture, or a pair of a picture and a map.")
        return overlay(_seen(panel[0]).convert("L"), panel[1], opacity=0.55)
    if isinstance(panel, Image.Image):
        return panel.convert("RGB")
    if isinstance(panel, np.ndarray) and panel.dtype == np.uint8 and panel.ndim == 3:
        return Image.fromarray(panel).convert("RGB")
    values = torch.from_numpy(numbers(panel, "A panel")).float()
    if values.ndim == 4 and len(values) == 1:
        values = values[0]
    if values.ndim == 2:
        values = values[None]
    if (
        values.ndim != 3
        or len(values) not in (1, 3)
        or not values.numel()
        or not bool(((values >= 0) & (values <= 1)).all())
    ):
        raise InputError(f"A panel is {tuple(values.shape)}: expected a picture (C, H, W) of values in 0 to 1.")
    return Image.fromarray((values * 255).round().byte().expand(3, -1, -1).movedim(0, -1).contiguous().numpy())


def _words(panel: Panel, title: str, side: int) -> str:
    lines = [part for line in title.split("\n") for part in textwrap.wrap(line, int(side / _LETTER))]
    return "\n".join([*lines, f"max {float(panel[1].max()):+.3g}"] if isinstance(panel, tuple) else lines)


def _png(figure: Figure) -> bytes:
    """Return the figure as a PNG of at most ``_LIMIT`` bytes: as sharp as that allows, then with fewer colours."""
    dots, colours = _SHARP, 256
    while True:
        raw, out = io.BytesIO(), io.BytesIO()
        figure.savefig(raw, format="png", dpi=dots * _INCH)
        _with_palette(Image.open(raw).convert("RGB"), colours).save(out, "PNG", optimize=True)
        size = len(out.getvalue())
        if size <= _ENOUGH or (dots == 1 and (size <= _LIMIT or colours <= 2)):
            return out.getvalue()
        if dots == 1:
            colours //= 2
        dots = max(1.0, 0.95 * dots * (_ENOUGH / size) ** 0.5)


def _with_palette(image: Image.Image, colours: int) -> Image.Image:
    """Return the picture in so many colours; paper stays white, and black black."""
    drawn = image.quantize(colours, method=Image.Quantize.FASTOCTREE)
    palette = np.array(drawn.getpalette()).reshape(-1, 3)
    palette[palette.min(1) > 246] = 255
    palette[palette.max(1) < 9] = 0
    drawn.putpalette(palette.ravel().tolist())
    return drawn
