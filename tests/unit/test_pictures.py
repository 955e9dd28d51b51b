"""One reader of pictures for every door: each kind of pixel by its range, upright, and what is none is refused."""

from __future__ import annotations

import io
import os
import subprocess
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import EpsImagePlugin, Image

import gradlab
from gradlab.core import PictureError
from gradlab.core import pixels as reader
from gradlab.widgets.picture_widget import opened

RAMP = np.arange(256)
FORMATS_OF_16_BITS = ("PNG", "TIFF", "PPM")


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def red(image: Image.Image) -> np.ndarray[Any, Any]:
    assert image.mode == "RGB"
    return np.asarray(image)[0, :, 0].astype(int)


def levels(values: Any, dtype: Any, rows: int = 2) -> np.ndarray[Any, Any]:
    return np.tile(np.asarray(values).astype(dtype), (rows, 1))


# ----------------------------------------------------------------------------------------------------- kinds of numbers
KINDS: dict[str, Callable[[], Any]] = {
    "uint8": lambda: levels(RAMP, np.uint8),
    "uint16": lambda: levels(RAMP * 257, np.uint16),
    "big-endian uint16": lambda: levels(RAMP * 257, ">u2"),
    "int64 as uint8": lambda: levels(RAMP, np.int64),
    "int32 as uint16": lambda: levels(RAMP * 257, np.int32),
    "float32": lambda: levels(RAMP / 255, np.float32),
    "float64": lambda: levels(RAMP / 255, np.float64),
    "float16": lambda: levels(RAMP / 255, np.float16),
    "HWC": lambda: np.repeat(levels(RAMP, np.uint8)[..., None], 3, 2),
    "CHW": lambda: np.repeat(levels(RAMP, np.uint8)[None], 3, 0),
    "HW1": lambda: levels(RAMP, np.uint8)[..., None],
    "turned about in memory": lambda: np.asfortranarray(levels(RAMP, np.uint8)[:, ::-1])[:, ::-1],
    "tensor CHW": lambda: torch.from_numpy(levels(RAMP / 255, np.float32)).expand(3, -1, -1),
    "tensor HWC": lambda: torch.from_numpy(levels(RAMP, np.uint8))[..., None].expand(-1, -1, 3),
    "tensor that records": lambda: torch.from_numpy(levels(RAMP / 255, np.float32)).requires_grad_(),
    "tensor of uint16": lambda: torch.from_numpy(levels(RAMP * 257, np.uint16)),
    "bfloat16": lambda: torch.from_numpy(levels(RAMP / 255, np.float32)).bfloat16(),
    "mode L": lambda: Image.fromarray(levels(RAMP, np.uint8)),
    "mode I;16": lambda: Image.fromarray(levels(RAMP * 257, np.uint16)),
    "mode I;16B": lambda: Image.frombytes("I;16B", (256, 2), levels(RAMP * 257, ">u2").tobytes()),
    "mode I, 16 bits": lambda: Image.fromarray(levels(RAMP * 257, np.int32)),
    "mode I, 8 bits": lambda: Image.fromarray(levels(RAMP, np.uint8)).convert("I"),
    "mode F": lambda: Image.fromarray(levels(RAMP / 255, np.float32)),
    "mode YCbCr": lambda: Image.fromarray(levels(RAMP, np.uint8)).convert("YCbCr"),
    "mode HSV": lambda: Image.fromarray(levels(RAMP, np.uint8)).convert("RGB").convert("HSV"),
    "mode CMYK": lambda: Image.fromarray(levels(RAMP, np.uint8)).convert("RGB").convert("CMYK"),
    "mode P": lambda: Image.fromarray(levels(RAMP, np.uint8)).convert("P"),
    "mode LA": lambda: Image.fromarray(levels(RAMP, np.uint8)).convert("LA"),
    "mode RGBA": lambda: Image.fromarray(levels(RAMP, np.uint8)).convert("RGBA"),
    "mode RGBX": lambda: Image.fromarray(levels(RAMP, np.uint8)).convert("RGB").convert("RGBX"),
    "mode RGBa": lambda: Image.fromarray(levels(RAMP, np.uint8)).convert("RGBA").convert("RGBa"),
    "bytes": lambda: encoded(Image.fromarray(levels(RAMP, np.uint8))),
    "a memoryview": lambda: memoryview(encoded(Image.fromarray(levels(RAMP, np.uint8)))),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_number_by_its_own_range(kind: str) -> None:
    made = KINDS[kind]()
    slack = 1 if kind in ("float16", "bfloat16", "mode YCbCr", "mode RGBa") else 0
    assert np.abs(red(gradlab.data.picture(made)) - RAMP).max() <= slack
    if kind not in ("bytes", "a memoryview"):
        shown = gradlab.explain.overlay(made, torch.rand(3, 3), opacity=0.0)
        assert np.abs(red(shown) - RAMP).max() <= slack


@pytest.mark.parametrize("kind", FORMATS_OF_16_BITS)
def test_files_of_sixteen_bits_stay_ramps(kind: str) -> None:
    # the dark half alone: the range is the file's kind, not its largest number
    for top in (65535, 128):
        made = Image.fromarray(levels(np.linspace(0, top, 256), np.uint16))
        assert np.abs(red(gradlab.data.picture(encoded(made, kind))) - np.linspace(0, top / 257, 256)).max() < 1


def test_a_pgm_of_twelve_bits_and_a_tiff_with_black_paper() -> None:
    pgm = b"P5 256 1 4095\n" + (RAMP * 4095 // 255).astype(">u2").tobytes()
    assert np.abs(red(gradlab.data.picture(pgm)) - RAMP).max() <= 1
    ramp = Image.fromarray(levels(RAMP * 257, np.uint16))
    negative = encoded(ramp, "TIFF", tiffinfo={262: 0})
    assert np.abs(red(gradlab.data.picture(negative)) - RAMP[::-1]).max() <= 1


def test_one_bit_is_black_or_white() -> None:
    mask = np.arange(256).reshape(1, -1) % 3 == 0
    for made in (mask, Image.fromarray(mask), torch.from_numpy(mask)):
        assert np.array_equal(red(gradlab.data.picture(made)), 255 * mask[0])


def test_axes_that_could_both_be_channels() -> None:
    block = np.zeros((3, 5, 3), np.uint8)
    block[0] = 255
    assert gradlab.data.picture(block).size == (5, 3)
    assert gradlab.data.picture(torch.from_numpy(block)).size == (3, 5)


# --------------------------------------------------------------------------------------------------------- transparency
def half_clear(mode: str) -> Image.Image:
    """Black; opaque on the left, half in the middle, clear on the right."""
    image = Image.new("RGBA", (3, 1), (0, 0, 0, 255))
    image.putpixel((1, 0), (0, 0, 0, 128))
    image.putpixel((2, 0), (0, 0, 0, 0))
    return image.convert(mode)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "RGBa", "PA"])
def test_what_is_transparent_is_laid_over_white(mode: str) -> None:
    made = Image.frombytes("PA", (3, 1), bytes([0, 255, 0, 128, 0, 0])) if mode == "PA" else half_clear(mode)
    assert red(gradlab.data.picture(made)).tolist() == [0, 127, 255]


def test_transparency_of_palettes_single_colours_and_arrays() -> None:
    palette = Image.new("P", (2, 1))
    palette.putpalette([0, 0, 0, 9, 9, 9])
    palette.putpixel((1, 0), 1)
    assert red(gradlab.data.picture(encoded(palette, "PNG", transparency=1))).tolist() == [0, 255]
    assert red(gradlab.data.picture(encoded(palette, "GIF", transparency=0))).tolist() == [255, 9]
    for mode, key in (("L", 0), ("RGB", (0, 0, 0)), ("I;16", 0)):
        made = Image.new(mode, (2, 1))
        made.putpixel((1, 0), {"L": 9, "RGB": (9, 9, 9), "I;16": 9 * 257}[mode])
        assert red(gradlab.data.picture(encoded(made, "PNG", transparency=key))).tolist() == [255, 9], mode
    assert red(gradlab.data.picture(np.asarray(half_clear("RGBA")))).tolist() == [0, 127, 255]


# ---------------------------------------------------------------------------------------------- orientation and frames
# what undoes the turns that the tags 2 to 8 ask for
BACK = ("FLIP_LEFT_RIGHT", "ROTATE_180", "FLIP_TOP_BOTTOM", "TRANSPOSE", "ROTATE_90", "TRANSVERSE", "ROTATE_270")


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_a_photo_stands_upright_through_every_door(turn: int, kind: str, tmp_path: Path) -> None:
    upright = np.zeros((16, 32, 3), np.uint8)
    upright[:8, :16] = 255
    stored = Image.fromarray(upright)
    if turn > 1:
        stored = stored.transpose(Image.Transpose[BACK[turn - 2]])
    exif = Image.Exif()
    exif[0x0112] = turn
    content = encoded(stored, kind, exif=exif)
    path = tmp_path / "photo"
    path.write_bytes(content)
    for source in (content, path, Image.open(io.BytesIO(content)), gradlab.data.picture(content)):
        found = gradlab.data.picture(source)
        assert np.abs(np.asarray(found).astype(int) - upright).mean() < 10
    shown = gradlab.explain.overlay(Image.open(path), torch.rand(2, 2), opacity=0.0)
    assert shown.size == (32, 16)


def test_broken_exif_leaves_the_picture_as_it_is_stored() -> None:
    made = encoded(Image.new("RGB", (4, 2)), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert gradlab.data.picture(made).size == (4, 2)


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "PNG", "WEBP"])
def test_the_first_of_several_frames_is_read_and_said(kind: str) -> None:
    frames = [Image.new("RGB", (8, 8), (50 * i, 0, 0)) for i in range(1, 4)]
    content = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    found = gradlab.data.picture(content)
    assert found.info["frames"] == 3
    assert abs(found.getpixel((4, 4))[0] - 50) < 6
    assert opened(content)[1] == "your picture (the first of 3 frames)"
    assert opened(encoded(frames[0], kind))[1] == "your picture"
    at_last = Image.open(io.BytesIO(content))
    at_last.seek(2)
    assert abs(gradlab.data.picture(at_last).getpixel((4, 4))[0] - 150) < 6


# ------------------------------------------------------------------------------------------------------------- refusals
def closed() -> Image.Image:
    image = Image.open(io.BytesIO(noise("PNG")))
    image.close()
    return image


def noise(kind: str) -> bytes:
    return encoded(Image.effect_noise((64, 64), 60).convert("RGB"), kind)


def png_of(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\0\0\0"
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


BAD: dict[str, tuple[Callable[[], Any], str]] = {
    "unknown name": (lambda: "chelsee", "Did you mean 'chelsea'"),
    "missing file": (lambda: "no/such/file.png", "no picture or file"),
    "missing path": (lambda: Path("no/such/file.png"), "no picture or file"),
    "NUL": (lambda: "a\0b.jpg", "cannot be read"),
    "very long path": (lambda: "a" * 5000, "cannot be read"),
    "a lone surrogate": (lambda: "\udfff\ud800.png", "cannot be read|no picture or file"),
    "a user who is not there": (lambda: "~nobody-of-this-name/x.png", "cannot be read|no picture or file"),
    "a folder": (lambda: os.curdir, "folder"),
    "home": (lambda: "~", "folder"),
    "no file": (lambda: os.devnull, "is no file"),
    "web address": (lambda: "https://example.org/cat.jpg", "nothing is downloaded"),
    "web address as a path": (lambda: Path("http://example.org/cat.jpg"), "nothing is downloaded"),
    "data address": (lambda: "data:image/png;base64,iVBORw0KGgo=", "nothing is downloaded"),
    "0 bytes": (lambda: b"", "empty"),
    "text": (lambda: b"hello, I am text", "not a picture"),
    "PNG cut short": (lambda: noise("PNG")[:2000], "damaged"),
    "JPEG cut short": (lambda: noise("JPEG")[:1500], "damaged"),
    "JPEG cut short, opened": (lambda: Image.open(io.BytesIO(noise("JPEG")[:1500])), "damaged"),
    "TIFF cut short": (lambda: noise("TIFF")[:1000], "damaged|not a picture"),
    "GIF cut short": (lambda: noise("GIF")[:900], "damaged"),
    "closed": (closed, "closed"),
    "no pixels": (lambda: Image.new("RGB", (0, 5)), "no pixels"),
    "no pixels in an array": (lambda: np.zeros((0, 5, 3)), "no pixels"),
    "20,000 x 20,000": (lambda: png_of(20_000, 20_000), "more than 100 million"),
    "10,000 x 10,001": (lambda: png_of(10_000, 10_001), "more than 100 million"),
    "10,000 x 10,001, opened": (lambda: Image.new("1", (10_000, 10_001)), "more than 100 million"),
    "HEIC": (lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "pillow-heif"),
    "EPS": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "PostScript"),
    "SVG": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg"></svg>', "SVG"),
    "PDF": (lambda: b"%PDF-1.7\n", "PDF"),
    "LAB": (lambda: Image.new("LAB", (2, 2)), "mode LAB"),
    "None": (lambda: None, "got NoneType"),
    "a list": (lambda: [[0, 1]], "got list"),
    "an open file": (lambda: io.BytesIO(noise("PNG")), "got BytesIO"),
    "one axis": (lambda: np.zeros(3), "shape"),
    "a batch": (lambda: torch.zeros(1, 3, 4, 4), "one picture"),
    "two channels": (lambda: np.zeros((7, 5, 2)), "1, 3 or 4 channels"),
    "five channels": (lambda: torch.zeros(5, 8, 8), "1, 3 or 4 channels"),
    "floats to 255": (lambda: np.full((4, 4, 3), 255.0), "from 255 to 255: expected 0 to 1"),
    "mode F to 255": (lambda: Image.new("F", (4, 4), 255.0), "expected 0 to 1"),
    "a little above 1": (lambda: np.full((4, 4), 1.01), "expected 0 to 1"),
    "a little below 0": (lambda: torch.full((4, 4), -0.01), "expected 0 to 1"),
    "normalised": (lambda: torch.randn(3, 8, 8), "undo a normalisation"),
    "NaN": (lambda: np.full((4, 4), np.nan), "without NaN"),
    "one NaN": (lambda: torch.tensor([[0.0, torch.nan]]), "without NaN"),
    "infinite": (lambda: np.full((4, 4), np.inf), "expected 0 to 1"),
    "negative": (lambda: np.full((4, 4), -1), "expected 0 to 255 or 0 to 65,535"),
    "more than 16 bits": (lambda: np.full((4, 4), 65536), "expected 0 to 255 or 0 to 65,535"),
    "mode I with more": (lambda: Image.new("I", (4, 4), 65536), "expected 0 to 255 or 0 to 65,535"),
    "complex": (lambda: np.zeros((4, 4), complex), "no numbers of pixels"),
    "words": (lambda: np.array([["a", "b"]]), "no numbers of pixels"),
    "objects": (lambda: np.array([[None, None]]), "no numbers of pixels"),
    "complex tensor": (lambda: torch.zeros(4, 4, dtype=torch.complex64), "no numbers of pixels"),
    "a tensor without values": (lambda: torch.zeros(3, 4, 4, device="meta"), "without plain numbers"),
    "a sparse tensor": (lambda: torch.zeros(4, 4).to_sparse(), "without plain numbers"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_picture_is_refused_in_one_short_sentence(name: str) -> None:
    make, message = BAD[name]
    with pytest.raises(PictureError, match=message) as caught:
        gradlab.data.picture(make())
    assert len(str(caught.value)) < 300


def test_just_inside() -> None:
    assert red(gradlab.data.picture(np.full((4, 4), 1.0005))).max() == 255  # rounding
    assert gradlab.data.picture(Image.new("1", (10_000, 10_000))).size == (10_000, 10_000)
    assert red(gradlab.data.picture(np.full((4, 4), 65535))).min() == 255


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.png"
    path.write_bytes(noise("PNG"))

    def refused(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(PictureError, match="Permission denied"):
        gradlab.data.picture(path)


def test_postscript_is_never_handed_to_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*_: Any, **__: Any) -> None:
        raise AssertionError("a program was started")

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", started)
    monkeypatch.setattr(subprocess, "Popen", started)
    content = encoded(Image.new("RGB", (8, 8)), "EPS")
    path = tmp_path / "figure.png"  # whatever it is called
    path.write_bytes(content)
    for source in (content, path, Image.open(io.BytesIO(content)), b"\n" + content):
        with pytest.raises(PictureError):
            gradlab.data.picture(source)
        with pytest.raises(PictureError):
            gradlab.explain.overlay(source, torch.rand(2, 2))


def test_the_source_is_not_changed() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.open(io.BytesIO(encoded(Image.new("RGB", (8, 4)), "JPEG", exif=exif)))
    found = gradlab.data.picture(image)
    assert (image.size, image.getexif()[0x0112], found.size) == ((8, 4), 6, (4, 8))
    plain = Image.new("RGB", (4, 4))
    gradlab.data.picture(plain).putpixel((0, 0), (255, 0, 0))
    assert plain.getpixel((0, 0)) == (0, 0, 0)


def test_every_format_that_is_said_to_be_read_is_known_to_pillow() -> None:
    Image.init()
    assert set(reader._FORMATS) - {"AVIF"} <= set(Image.OPEN)
    assert not {"EPS", "WMF"} & set(reader._FORMATS)


def test_every_door_is_the_same_reader(tmp_path: Path) -> None:
    net = gradlab.models.digits()
    path = tmp_path / "ramp.png"
    made = Image.fromarray(np.tile((RAMP * 257).astype(np.uint16), (256, 1)))
    made.save(path)
    want = np.asarray(gradlab.data.picture(path))
    for source in (path, str(path), path.read_bytes(), made, np.asarray(made), torch.from_numpy(np.array(made))):
        assert np.array_equal(np.asarray(opened(source)[0]), want)
        assert np.array_equal(np.asarray(net.view(source)), np.asarray(net.view(want)))
        assert torch.equal(net.transform(source), net.transform(want))
        shown = gradlab.explain.overlay(source, torch.zeros(1, 1, 4, 4))
        assert np.array_equal(np.asarray(shown), want)


@pytest.mark.parametrize("size", [(2, 16_000), (16_000, 2)])
def test_a_long_thin_picture_does_not_fill_the_memory(size: tuple[int, int]) -> None:
    seen: list[int] = []
    resize = Image.Image.resize

    def counted(self: Image.Image, *args: Any, **options: Any) -> Image.Image:
        found = resize(self, *args, **options)
        seen.append(found.width * found.height)
        return found

    net = gradlab.models.Classifier(torch.nn.Identity(), ["a"])
    tracemalloc.start()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Image.Image, "resize", counted)
        assert net.view(Image.effect_noise(size, 60)).size == (224, 224)
    assert max(seen) <= 2**24 and tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()
