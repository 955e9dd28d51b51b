"""A sheet on which a sign is drawn: for each point its material (colour) and the part of the sign that it is."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

__all__ = ["MATERIALS", "PARTS", "SIDE", "Point", "Sheet", "lettering", "mirrored", "regular"]

MATERIALS = ("white", "red", "blue", "black")
PARTS = ("face", "border", "symbol")
SIDE = 96  # pixels of a drawn sign
# for each ink the table that leaves it alone
_ONLY = [[255 * (ink == k) for ink in range(256)] for k in range(1 + max(len(MATERIALS), len(PARTS)))]
_FINE = 4  # drawn this many times larger, then averaged: the edges are anti-aliased

Point = tuple[float, float]


class Sheet:
    """A square from -1 to 1, x to the right, y down; what is drawn later covers what was drawn before."""

    def __init__(self) -> None:
        size = (SIDE * _FINE, SIDE * _FINE)
        self.material, self.part = Image.new("L", size), Image.new("L", size)
        self._pens = ImageDraw.Draw(self.material), ImageDraw.Draw(self.part)

    def polygon(self, points: Sequence[Point], material: str, part: str) -> None:
        """Fill a polygon."""
        places = [_pixel(point) for point in points]
        for pen, ink in zip(self._pens, _inks(material, part), strict=True):
            pen.polygon(places, fill=ink)

    def disc(self, centre: Point, radius: float, material: str, part: str) -> None:
        """Fill a disc."""
        (x, y), r = _pixel(centre), radius * SIDE * _FINE / 2
        for pen, ink in zip(self._pens, _inks(material, part), strict=True):
            pen.ellipse((x - r, y - r, x + r, y + r), fill=ink)

    def ring(self, centre: Point, radius: float, width: float, material: str, part: str) -> None:
        """Draw a circle of a width; what is inside stays."""
        (x, y), r = _pixel(centre), radius * SIDE * _FINE / 2
        for pen, ink in zip(self._pens, _inks(material, part), strict=True):
            pen.ellipse((x - r, y - r, x + r, y + r), outline=ink, width=round(width * SIDE * _FINE / 2))

    def bar(self, start: Point, end: Point, width: float, material: str, part: str, round_ends: bool = False) -> None:
        """Draw a straight line of a width."""
        along = math.hypot(end[0] - start[0], end[1] - start[1]) or 1.0
        dx, dy = (end[0] - start[0]) / along * width / 2, (end[1] - start[1]) / along * width / 2
        corners = [
            (start[0] - dy, start[1] + dx), (start[0] + dy, start[1] - dx), (end[0] + dy, end[1] - dx),
            (end[0] - dy, end[1] + dx),
        ]  # fmt: skip
        self.polygon(corners, material, part)
        for centre in (start, end) if round_ends else ():
            self.disc(centre, width / 2, material, part)

    def rounded(self, points: Sequence[Point], bend: float, material: str, part: str) -> None:
        """Fill a convex polygon, given clockwise as seen, whose corners are arcs of radius ``bend``."""
        sides = list(zip(points, [*points[1:], points[0]], strict=True))
        inward = [_turned(start, end) for start, end in sides]
        inside = []
        for (x, y), (ax, ay), (bx, by) in zip(points, [inward[-1], *inward[:-1]], inward, strict=True):
            step = bend / (1 + ax * bx + ay * by)
            inside.append((x + step * (ax + bx), y + step * (ay + by)))
        self.polygon(inside, material, part)
        for start, end in zip(inside, [*inside[1:], inside[0]], strict=True) if bend else ():
            self.bar(start, end, 2 * bend, material, part, round_ends=True)

    def text(self, text: str, centre: Point, size: Point, font: str, material: str, part: str) -> None:
        """Write text so that its letters fill a box of ``size``, stretched as road fonts are."""
        letters = lettering(text, font)
        wide, high = (max(1, round(side * SIDE * _FINE / 2)) for side in size)
        mask = letters.resize((wide, high), Image.Resampling.BILINEAR).point(lambda level: 255 * (level > 127))
        x, y = _pixel(centre)
        place = (round(x - wide / 2), round(y - high / 2))
        for sheet, ink in zip((self.material, self.part), _inks(material, part), strict=True):
            sheet.paste(ink, (*place, place[0] + wide, place[1] + high), mask)

    def coverage(self) -> NDArray[np.uint8]:
        """Return how far each material, the border and the symbol cover each pixel, (4 + 2, SIDE, SIDE), 255 for all.

        The face is what is left.
        """
        layers = [self.material.point(table).reduce(_FINE) for table in _ONLY[1 : 1 + len(MATERIALS)]]
        layers += [self.part.point(table).reduce(_FINE) for table in _ONLY[2 : 1 + len(PARTS)]]
        return np.stack([np.asarray(layer) for layer in layers])


def regular(corners: int, radius: float, turn: float) -> list[Point]:
    """Return a regular polygon; ``turn`` is the direction of its first corner in degrees, 0 to the right, 90 down."""
    angles = [math.radians(turn + 360 * k / corners) for k in range(corners)]
    return [(radius * math.cos(angle), radius * math.sin(angle)) for angle in angles]


def mirrored(points: Sequence[Point]) -> list[Point]:
    """Return the points with left and right exchanged."""
    return [(-x, y) for x, y in points]


@functools.lru_cache(maxsize=256)
def lettering(text: str, font: str) -> Image.Image:
    """Return the text as a mask cut to its letters; fonts are those that come with matplotlib."""
    import matplotlib

    face = ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{font}.ttf"), 120)
    left, top, right, bottom = (round(edge) for edge in face.getbbox(text))
    mask = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(mask).text((-left, -top), text, fill=255, font=face)
    return mask


def _turned(start: Point, end: Point) -> Point:
    """Return the unit vector to the right of the way from start to end: inward, where corners run clockwise."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    long = math.hypot(dx, dy)
    return -dy / long, dx / long


def _pixel(point: Point) -> Point:
    half = SIDE * _FINE / 2
    return half + point[0] * half, half + point[1] * half


def _inks(material: str, part: str) -> tuple[int, int]:
    return 1 + MATERIALS.index(material), 1 + PARTS.index(part)
