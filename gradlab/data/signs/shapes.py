"""The 14 signs, each drawn in many ways: proportions, strokes, fonts and arrows differ from country to country."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from gradlab.data.signs.drawing import Point, Sheet, mirrored, regular

__all__ = ["SIGNS"]

_Draw = np.random.Generator
_FONTS = ("DejaVuSans-Bold", "DejaVuSans", "DejaVuSansMono-Bold", "STIXGeneralBol", "cmss10")
_LIMITS = ("5", "10", "15", "20", "30", "40", "50", "60", "70", "80", "90", "100", "110", "120", "130")
_FULL = 0.97  # radius of a sign in its sheet


def _speed_limit(sheet: Sheet, draw: _Draw) -> None:
    """A white disc with a red ring and a black number."""
    inner = _ringed(sheet, draw)
    number = str(draw.choice(_LIMITS))
    km = draw.random() < 0.2
    high = inner * draw.uniform(0.75, 1.05) * (0.8 if km else 1)
    wide = min(high * len(number) * draw.uniform(0.42, 0.72), inner * 1.65)
    sheet.text(number, (0, -0.12 if km else 0), (wide, high), str(draw.choice(_FONTS[:3])), "black", "symbol")
    if km:
        sheet.text("km", (0, inner * 0.55), (inner * 0.6, inner * 0.3), _FONTS[1], "black", "symbol")


def _goods_vehicles(sheet: Sheet, draw: _Draw) -> None:
    """A white disc with a red ring and a black lorry, as a rule seen from its side; some have a red diagonal."""
    inner = _ringed(sheet, draw)
    if draw.random() < 0.15:
        _lorry_from_behind(sheet, draw, inner)
    else:
        _lorry(sheet, draw, inner)
    if draw.random() < 0.15:
        _diagonal(sheet, (1, -1), inner, inner * draw.uniform(0.12, 0.2), "red")


def _lorry_from_behind(sheet: Sheet, draw: _Draw, inner: float) -> None:
    wide, top = inner * draw.uniform(0.5, 0.62), -inner * draw.uniform(0.4, 0.6)
    sheet.rounded([(-wide, top), (wide, top), (wide, 0.22 * inner), (-wide, 0.22 * inner)], 0.04, "black", "symbol")
    sheet.bar((-wide * 0.8, 0.3 * inner), (wide * 0.8, 0.3 * inner), 0.12 * inner, "black", "symbol")
    for x in (-0.7, 0.7):
        sheet.bar((x * wide, 0.2 * inner), (x * wide, 0.58 * inner), 0.3 * wide, "black", "symbol")


def _lorry(sheet: Sheet, draw: _Draw, inner: float) -> None:
    s, box = inner * draw.uniform(0.72, 0.88), draw.uniform(0.35, 0.6)
    floor, split = 0.3, draw.uniform(0.2, 0.4)
    cargo: list[Point] = [(-1, floor), (-1, floor - 0.4 - box), (split, floor - 0.4 - box), (split, floor)]
    slope = draw.uniform(0, 0.25)
    cab: list[Point] = [(split + 0.06, floor), (split + 0.06, -0.4), (0.85 - slope, -0.4), (1, -0.05), (1, floor)]
    window: list[Point] = [(split + 0.25, -0.08), (split + 0.25, -0.3), (0.8 - slope, -0.3), (0.88, -0.08)]
    chassis: list[Point] = [(-1, floor + 0.08), (-1, floor - 0.1), (1, floor - 0.1), (1, floor + 0.08)]
    for outline in (cargo, cab, chassis):
        sheet.polygon(_scaled(outline, s), "black", "symbol")
    if draw.random() < 0.7:
        sheet.polygon(_scaled(window, s), "white", "face")
    mirror = 1 if draw.random() < 0.5 else -1
    for x in (-0.6, 0.65) if draw.random() < 0.6 else (-0.72, -0.3, 0.65):
        sheet.disc((x * s, (floor + 0.08) * s), 0.25 * s, "white", "face")
        sheet.disc((x * s, (floor + 0.08) * s), 0.19 * s, "black", "symbol")
    if mirror < 0:
        _flip(sheet)


def _no_overtaking(sheet: Sheet, draw: _Draw) -> None:
    """A white disc with a red ring and two cars side by side, one red, one black; where one keeps left, exchanged."""
    inner = _ringed(sheet, draw)
    size = inner * draw.uniform(0.36, 0.44)
    roof, low = draw.uniform(0.5, 0.75), draw.uniform(-0.05, 0.1)
    red = -1 if draw.random() < 0.85 else 1
    for x, material in ((red, "red"), (-red, "black")):
        centre = (x * (size + draw.uniform(0.01, 0.05)), low)
        _car(sheet, centre, size, roof, material)
    if draw.random() < 0.12:
        _diagonal(sheet, (1, 1), inner, inner * draw.uniform(0.12, 0.2), "red")


def _no_stopping(sheet: Sheet, draw: _Draw) -> None:
    """A blue disc with a red ring and a red X."""
    inner, width = _blue_disc(sheet, draw)
    for end in ((1, 1), (1, -1)):
        _diagonal(sheet, end, inner, width, "red")


def _no_parking(sheet: Sheet, draw: _Draw) -> None:
    """A blue disc with a red ring and one red diagonal; some name the days by a white I or II."""
    inner, width = _blue_disc(sheet, draw)
    if draw.random() < 0.12:
        for x in ((0.0,), (-0.16, 0.16))[draw.integers(2)]:
            sheet.bar((x, -0.6 * inner), (x, 0.6 * inner), 0.14, "white", "face")
    _diagonal(sheet, (1, 1), inner, width, "red")


def _stop(sheet: Sheet, draw: _Draw) -> None:
    """A red octagon with the white word STOP."""
    rim = draw.choice([0.0, draw.uniform(0.03, 0.08)])
    if rim:
        sheet.polygon(regular(8, _FULL * 1.06, 22.5), "white", "border")
    sheet.polygon(regular(8, (_FULL - rim) * 1.06, 22.5), "red", "face")
    font = str(draw.choice(_FONTS[:3]))
    sheet.text("STOP", (0, 0), (draw.uniform(1.2, 1.62), draw.uniform(0.42, 0.85)), font, "white", "symbol")


def _bicycle(sheet: Sheet, draw: _Draw) -> None:
    """A blue disc with a white bicycle."""
    sheet.disc((0, 0), _FULL, "blue", "face")
    if draw.random() < 0.6:
        sheet.ring((0, 0), _FULL, draw.uniform(0.03, 0.07), "white", "border")
    s, w = draw.uniform(0.6, 0.72), draw.uniform(0.06, 0.11)
    wheel, back, front = 0.44 * s, (-0.58 * s, 0.28 * s), (0.58 * s, 0.28 * s)
    saddle, pedal, head = (-0.22 * s, -0.32 * s), (-0.06 * s, 0.28 * s), (0.36 * s, -0.32 * s)
    for hub in (back, front):
        sheet.ring(hub, wheel, w, "white", "symbol")
    for a, b in ((back, saddle), (saddle, pedal), (pedal, back), (pedal, head), (saddle, head), (front, head)):
        sheet.bar(a, b, w, "white", "symbol", round_ends=True)
    up = (head[0] - 0.06 * s, -0.55 * s)
    sheet.bar(head, up, w, "white", "symbol", round_ends=True)
    sheet.bar(up, (up[0] + draw.uniform(0.12, 0.3) * s, up[1] - 0.02), w, "white", "symbol", round_ends=True)
    sheet.bar(saddle, (saddle[0], -0.48 * s), w, "white", "symbol")
    sheet.bar((saddle[0] - 0.14 * s, -0.5 * s), (saddle[0] + 0.12 * s, -0.5 * s), w * 1.2, "white", "symbol", True)
    if draw.random() < 0.5:
        _flip(sheet)


def _hump(sheet: Sheet, draw: _Draw) -> None:
    """An upright triangle with a red border and a black hump."""
    _triangle(sheet, draw, upright=True)
    wide, high, base = draw.uniform(0.42, 0.56), draw.uniform(0.12, 0.3), draw.uniform(0.22, 0.32)
    xs = np.linspace(-1, 1, 41)
    bumps = 2 if draw.random() < 0.3 else 1  # some countries draw two
    top = base - high * (np.cos(math.pi * xs) / 2 + 0.5 if bumps == 1 else np.abs(np.sin(math.pi * xs)) ** 1.2)
    outline = [(float(x) * wide, float(y)) for x, y in zip(xs, top, strict=True)]
    foot = base + draw.uniform(0.06, 0.12)
    sheet.polygon([*outline, (wide, foot), (-wide, foot)], "black", "symbol")


def _no_left(sheet: Sheet, draw: _Draw) -> None:
    """A white disc with a red ring, a black arrow that bends to the left, and a red diagonal."""
    _no_turn(sheet, draw, to_left=True)


def _no_right(sheet: Sheet, draw: _Draw) -> None:
    """As :func:`no_left`, to the right."""
    _no_turn(sheet, draw, to_left=False)


def _priority_to(sheet: Sheet, draw: _Draw) -> None:
    """A white disc with a red ring and two arrows, one up and black, one down and red."""
    inner = _ringed(sheet, draw)
    up_left = draw.random() < 0.5
    apart, long, w = inner * draw.uniform(0.26, 0.36), inner * draw.uniform(0.55, 0.72), inner * draw.uniform(0.13, 0.2)
    black_up = draw.random() < 0.5
    slip = draw.choice([0.0, draw.uniform(0.05, 0.2)]) * inner  # in some countries they do not begin side by side
    for x, up in ((-apart, up_left), (apart, not up_left)):
        ink, y = ("black", -slip) if up == black_up else ("red", slip)
        half, width = (long - abs(y) / 2) * draw.uniform(0.85, 1), w * draw.uniform(0.8, 1.1)
        tip, tail = ((x, y - half), (x, y + half)) if up else ((x, y + half), (x, y - half))
        _arrow(sheet, tail, tip, width, draw.uniform(2.0, 2.8), ink)


def _no_entry(sheet: Sheet, draw: _Draw) -> None:
    """A red disc with a white bar."""
    sheet.disc((0, 0), _FULL, "red", "face")
    if draw.random() < 0.5:
        sheet.ring((0, 0), _FULL, draw.uniform(0.03, 0.07), "white", "border")
    half, width = draw.uniform(0.6, 0.75), draw.uniform(0.26, 0.38)
    sheet.bar((-half, 0), (half, 0), width, "white", "symbol")


def _give_way(sheet: Sheet, draw: _Draw) -> None:
    """_Draw yield: an inverted triangle with a red border."""
    _triangle(sheet, draw, upright=False)


def _parking(sheet: Sheet, draw: _Draw) -> None:
    """A blue square with a white P."""
    wide = draw.uniform(0.75, 1.0) * _FULL
    rim, bend = draw.choice([0.0, draw.uniform(0.03, 0.09)]), draw.uniform(0.0, 0.12)
    for inset, material, part in ((0.0, "white", "border"), (rim, "blue", "face")):
        x, y = wide - inset, _FULL - inset
        sheet.rounded([(-x, -y), (x, -y), (x, y), (-x, y)], bend, material, part)
    more = draw.random() < 0.3  # a car, an arrow or hours below the letter
    high = draw.uniform(0.8, 1.0) if more else draw.uniform(0.9, 1.45)
    place = (draw.uniform(-0.12, 0.12), -0.3 if more else draw.uniform(-0.2, 0.08))
    size = (min(high * draw.uniform(0.6, 0.75), 1.5 * wide), high)
    sheet.text("P", place, size, str(draw.choice(_FONTS[:2])), "white", "symbol")
    if more:
        _below_parking(sheet, draw)


def _below_parking(sheet: Sheet, draw: _Draw) -> None:
    kind = draw.integers(3)
    if kind == 0:
        _car(sheet, (0, 0.6), 0.28, 0.6, "white")
    elif kind == 1:
        way = 1 if draw.random() < 0.5 else -1
        _arrow(sheet, (-0.45 * way, 0.62), (0.45 * way, 0.62), 0.1, 2.4, "white")
    else:
        sheet.text(
            f"{draw.integers(7, 10)}-{draw.integers(16, 20)}h", (0, 0.6), (0.9, 0.3), _FONTS[1], "white", "symbol"
        )


SIGNS: dict[str, Callable[[Sheet, _Draw], None]] = {
    "speed limit": _speed_limit, "goods vehicles": _goods_vehicles, "no overtaking": _no_overtaking,
    "no stopping": _no_stopping, "no parking": _no_parking, "stop": _stop, "bicycle": _bicycle, "hump": _hump,
    "no left": _no_left, "no right": _no_right, "priority to": _priority_to, "no entry": _no_entry, "yield": _give_way,
    "parking": _parking,
}  # fmt: skip


def _ringed(sheet: Sheet, draw: _Draw) -> float:
    """_Draw a white disc with a red ring; return the inner radius."""
    width, rim = draw.uniform(0.14, 0.26), draw.choice([0.0, draw.uniform(0.02, 0.05)])
    if rim:
        sheet.disc((0, 0), _FULL, "white", "border")
    sheet.disc((0, 0), _FULL - rim, "red", "border")
    sheet.disc((0, 0), _FULL - width, "white", "face")
    return float(_FULL - width)


def _blue_disc(sheet: Sheet, draw: _Draw) -> tuple[float, float]:
    width = draw.uniform(0.13, 0.24)
    rim = draw.choice([0.0, draw.uniform(0.02, 0.05)])
    if rim:
        sheet.disc((0, 0), _FULL, "white", "border")
    sheet.disc((0, 0), _FULL - rim, "red", "border")
    sheet.disc((0, 0), _FULL - width, "blue", "face")
    return float(_FULL - width), float(width * draw.uniform(0.75, 1.05))


def _diagonal(sheet: Sheet, end: Point, inner: float, width: float, material: str) -> None:
    reach = (inner + 0.03) * math.sqrt(0.5)
    x, y = end[0] * reach, end[1] * reach
    sheet.bar((-x, -y), (x, y), width, material, "symbol" if material != "red" else "border")


def _triangle(sheet: Sheet, draw: _Draw, upright: bool) -> None:
    width, turn = draw.uniform(0.16, 0.34), -90 if upright else 90
    down = 0.25 if upright else -0.25  # the centre of its circle is not that of the sheet
    rim = draw.choice([0.0, draw.uniform(0.03, 0.07)])
    layers = (
        (1.2, "white" if rim else "red", "border"), (1.2 - 2 * rim, "red", "border"), (1.2 - 2 * width, "white", "face")
    )  # fmt: skip
    bend = draw.uniform(0.02, 0.14)  # corners are round
    for k, (radius, material, part) in enumerate(layers):
        corners = [(x * 0.93, y * 0.93 + down) for x, y in regular(3, radius, turn)]
        sheet.rounded(corners, bend if k < 2 else bend / 3, material, part)


def _car(sheet: Sheet, centre: Point, size: float, roof: float, material: str) -> None:
    """_Draw a car seen from behind."""

    def put(points: list[Point], ink: str, part: str) -> None:
        sheet.polygon([(centre[0] + x * size, centre[1] + y * size) for x, y in points], ink, part)

    put([(-0.9, 0.55), (-0.9, 0), (-0.8, -0.1), (0.8, -0.1), (0.9, 0), (0.9, 0.55)], material, "symbol")
    put([(-0.75, -0.08), (-0.55, -roof), (0.55, -roof), (0.75, -0.08)], material, "symbol")
    put([(-0.55, -0.14), (-0.42, -roof + 0.12), (0.42, -roof + 0.12), (0.55, -0.14)], "white", "face")
    for x in (-0.65, 0.65):
        put([(x - 0.18, 0.5), (x + 0.18, 0.5), (x + 0.18, 0.85), (x - 0.18, 0.85)], material, "symbol")


def _arrow(sheet: Sheet, tail: Point, tip: Point, width: float, flare: float, material: str) -> None:
    long = math.hypot(tip[0] - tail[0], tip[1] - tail[1])
    dx, dy = (tip[0] - tail[0]) / long, (tip[1] - tail[1]) / long
    head = width * flare
    neck = (tip[0] - dx * head * 0.9, tip[1] - dy * head * 0.9)
    sheet.bar(tail, neck, width, material, "symbol")
    sheet.polygon([tip, (neck[0] - dy * head / 2 * 1.2, neck[1] + dx * head / 2 * 1.2),
                   (neck[0] + dy * head / 2 * 1.2, neck[1] - dx * head / 2 * 1.2)], material, "symbol")  # fmt: skip


def _no_turn(sheet: Sheet, draw: _Draw, to_left: bool) -> None:
    """_Draw the turn to the left, and mirror its arrow for the right; the diagonal goes over the arrow, or under it."""
    inner = _ringed(sheet, draw)
    way = 1 if draw.random() < 0.5 else -1  # countries differ in where the bar begins
    bar = inner * draw.uniform(0.14, 0.24)
    over = draw.random() < 0.8
    if not over:
        _diagonal(sheet, (1, way), inner, bar, "red")
    w, flare = inner * draw.uniform(0.17, 0.3), draw.uniform(1.9, 2.7)
    stem, turn, low = inner * draw.uniform(0.1, 0.4), -inner * draw.uniform(0.05, 0.38), inner * draw.uniform(0.5, 0.75)
    tip, bend = -inner * draw.uniform(0.55, 0.75), draw.uniform(0, 0.4) * inner
    path: list[Point] = [(stem, low), (stem, turn + bend), (stem - bend, turn), (tip, turn)]
    if draw.random() < 0.1:  # only the way that is closed, without the road to it
        path, w = [(-tip, 0), (-tip / 2, 0), (0, 0), (tip, 0)], w * draw.uniform(0.8, 1.5)
    path = path if to_left else mirrored(path)
    sheet.bar(path[0], path[1], w, "black", "symbol")
    sheet.bar(path[1], path[2], w, "black", "symbol", round_ends=True)
    _arrow(sheet, path[2], path[3], w, flare, "black")
    if over:
        _diagonal(sheet, (1, way), inner, bar, "red")


def _scaled(points: list[Point], scale: float) -> list[Point]:
    return [(x * scale, y * scale) for x, y in points]


def _flip(sheet: Sheet) -> None:
    from PIL import Image

    for image in (sheet.material, sheet.part):
        image.paste(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
