"""The lessons' figures: rows of pictures and maps, and charts; sharp, small, and with words for who cannot see."""

from __future__ import annotations

import contextlib
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import matplotlib
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gradlab.core.checks import instance, names_of, number, numbers, one_of, sequence, whole_number
from gradlab.core.errors import InputError, shown
from gradlab.explain import overlay, unit_scale, upsample
from gradlab.explain.display import html_image
from gradlab.explain.drawing import GREY, LOOK, SIGNED, edge_words, encoded

__all__ = ["Panel", "chart", "heat", "show", "signed"]

Panel: TypeAlias = "Image.Image | np.ndarray[Any, Any] | Tensor | tuple[Any, Tensor]"

_INCH = 100  # pixels of the page
_COLUMN, _SIDE = 760, 360  # pixels: the width of a lesson's column, and the largest width of a panel
_LETTER, _DIGIT = 7.1, 6.8  # pixels: the mean width of a letter of a title, and of a bar's numbers
_LINE = 18  # pixels: of a title, or of the bar below a map
_MOST = 100  # charts in a row, and units of a chart's side
_FONT, _SMALL = 10, 8  # points
_OPACITY = 0.9  # of a map's maximum over its picture


class _Scale(NamedTuple):
    """What the colours of a map mean: the values at their ends, and the map's largest in magnitude."""

    low: float
    high: float
    largest: float
    cmap: str
    clear: bool = False  # the lower the value, the more of the picture is seen


def show(*panels: Panel, titles: Sequence[str] = (), columns: int | None = None, title: str = "", alt: str) -> None:
    """Show pictures in rows, each under its title.

    A pair ``(picture, map)`` is shown as the map's positive part over the picture in grey, which stays as it is where
    the map is zero. Raw maps become pictures by :func:`signed` and :func:`heat`. Below each map is a bar of its
    colours between the values at their ends; a largest value that is not one of them stands in the title.

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
    seen, scales = [_seen(panel) for panel in panels], [_scale(panel) for panel in panels]
    words = [_words(*each, side) for each in zip(scales, titles or [""] * len(panels), strict=True)]
    tall = max(side * picture.height / picture.width for picture in seen)
    lines = max(word.count("\n") + 1 if word else 0 for word in words) + any(scales)
    height = tall + 8 + _LINE * lines
    with chart(rows, columns, alt=alt, size=(side / _INCH, (height + 24 * bool(title) / rows) / _INCH)) as axes:
        for axis in np.ravel(axes)[len(seen) :]:
            axis.axis("off")
        for axis, picture, scale, word in zip(np.ravel(axes), seen, scales, words, strict=False):
            axis.imshow(picture)
            axis.set_title(word, fontsize=_FONT)
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set(color=GREY, linewidth=0.5)
            if scale and scale.high > 0:
                _bar(axis, scale, side, side * picture.height / picture.width)
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

    with matplotlib.rc_context(LOOK):
        figure = Figure(figsize=(size[0] * columns, size[1] * rows), dpi=_INCH, layout="constrained")
        yield figure.subplots(rows, columns)
        edge_words(figure)
        content = encoded(figure, _INCH)
        figure.clear()  # it refers to itself: its pictures would stay until the collector comes
    from IPython import display, get_ipython

    if get_ipython() is None:
        print(alt)  # no page to show a picture on
        return
    page = html_image(content, alt, round(figure.get_figwidth() * _INCH))
    display.display({"text/html": page, "text/plain": alt}, raw=True)  # type: ignore[no-untyped-call]


def signed(values: Tensor, top: float | None = None) -> Image.Image:
    """Return a raw map, (h, w) among axes of length 1, as a picture: blue below zero, white at zero, orange above.

    Args:
        values: the map.
        top: where the colours end on either side; None: its largest magnitude. Give maps that are compared the same.

    Examples:
        >>> gradlab.course.signed(torch.tensor([[-1.0, 0.0, 1.0]])).size
        (3, 1)
    """
    flat = _flat(values)
    top = float(np.abs(flat).max()) if top is None else number(top, "top", above=0)
    return _coloured((flat / top + 1) / 2 if top else flat + 0.5, _Scale(-top, top, _largest(flat), SIGNED.name))


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
    return _coloured(flat / top if top else flat, _Scale(0.0, top, _largest(flat), cmap))


def _flat(values: Any) -> np.ndarray[Any, Any]:
    flat = numbers(values, "values")
    while flat.ndim > 2 and len(flat) == 1:
        flat = flat[0]
    if flat.ndim != 2 or not flat.size or not np.isfinite(flat).all():
        raise InputError(f"values is {shown(values)}: expected one map of finite values, (h, w).")
    return flat


def _largest(flat: np.ndarray[Any, Any]) -> float:
    return float(flat.ravel()[np.abs(flat).argmax()])


def _coloured(values: np.ndarray[Any, Any], scale: _Scale) -> Image.Image:
    picture = Image.fromarray(matplotlib.colormaps[scale.cmap](values.clip(0, 1), bytes=True)[..., :3].copy())
    picture.info["scale"] = scale  # ``show`` draws its bar
    return picture


def _scale(panel: Any) -> _Scale | None:
    if isinstance(panel, tuple):
        top = float(panel[1].max())
        return _Scale(0.0, max(0.0, top), top, "viridis", clear=True)
    return panel.info.get("scale") if isinstance(panel, Image.Image) else None


def _over(picture: Image.Image, raw: Tensor) -> Image.Image:
    """Return the picture in grey under the map's positive part, which is the clearer the smaller it is."""
    grey = picture.convert("L")
    full = overlay(grey, raw, opacity=1.0)
    level = upsample(unit_scale(raw.detach().cpu().double().reshape(1, 1, *raw.shape[-2:])), (grey.height, grey.width))
    mask = (_opacity(level[0, 0].numpy()) * 255).round().astype(np.uint8)
    return Image.composite(full, grey.convert("RGB"), Image.fromarray(mask))


def _opacity(level: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    faded: np.ndarray[Any, Any] = _OPACITY * level
    return faded


def _bar(axis: Any, scale: _Scale, width: float, height: float) -> None:
    """Draw the colours below the picture, of so many pixels, between the values at their ends."""
    level = np.linspace(0, 1, 64)
    colours = matplotlib.colormaps[scale.cmap](level)
    if scale.clear:
        colours[:, 3] = _opacity(level)
    low, high = (f"{end:+.2g}" if end else "0" for end in (scale.low, scale.high))
    left, right = (len(word) * _DIGIT + 3 for word in (low, high))
    strip = axis.inset_axes((left / width, -13 / height, max(width - left - right, 8) / width, 7 / height))
    strip.imshow(colours[None], aspect="auto")
    strip.set(xticks=[], yticks=[])
    strip.spines[:].set_linewidth(0.3)
    for place, word, side in ((0, low, "left"), (1, high, "right")):
        axis.text(place, -9.5 / height, word, transform=axis.transAxes, ha=side, va="center", fontsize=_SMALL)


def _seen(panel: Any) -> Image.Image:
    if isinstance(panel, tuple):
        if len(panel) != 2:
            raise InputError(f"A panel is {shown(panel)}: expected a picture, or a pair of a picture and a map.")
        return _over(_seen(panel[0]), panel[1])
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


def _words(scale: _Scale | None, title: str, side: int) -> str:
    lines = [part for line in title.split("\n") for part in textwrap.wrap(line, int(side / _LETTER))]
    if scale and scale.largest not in (scale.low, scale.high):
        lines.append(f"largest {scale.largest:+.2g}")
    elif scale and not scale.high:
        lines.append("zero everywhere")
    return "\n".join(lines)
