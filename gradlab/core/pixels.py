"""One reader of pictures for every door: whatever holds one picture becomes RGB with 8 bits a channel, upright."""

from __future__ import annotations

import io
import os
import re
import warnings
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from gradlab.core.errors import PictureError, brief

__all__ = ["BACKGROUND", "MAX_PIXELS", "ROUNDING", "rgb"]

_Numbers: TypeAlias = "np.ndarray[Any, Any]"

BACKGROUND = (255, 255, 255)  # what shows through where a picture is transparent
MAX_PIXELS = 100_000_000
ROUNDING = 1e-3  # so far beyond 0 to 1 a float is still rounding: a quarter of one level of 255
# What Pillow reads by itself. EPS and PS are missing on purpose: it would start a program, Ghostscript, with the file.
_FORMATS = (
    "PNG", "JPEG", "JPEG2000", "WEBP", "AVIF", "GIF", "TIFF", "BMP", "DIB", "ICO", "ICNS", "PPM", "TGA", "PCX",
    "DDS", "QOI", "SGI",
)  # fmt: skip
_MODES = ("1", "L", "P", "RGB", "RGBX", "HSV", "YCbCr", "CMYK", "RGBA", "LA", "PA", "RGBa", "La")
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip
_DRAWN_BY_PROGRAMS = ("EPS", "PS", "WMF", "EMF")
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/|data:", re.IGNORECASE)
_HEIC = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
_SAVE = "Save it as PNG or JPEG with the program that made it"


def rgb(source: Any) -> Image.Image:
    """Return a picture as a new RGB PIL image, turned upright as its EXIF orientation says.

    Args:
        source: one of these; the source is not changed.

            * a path (``str`` or ``os.PathLike``), or the bytes of an image file: its first frame or page;
            * a PIL image of any mode: its present frame;
            * an array or tensor (H, W), (H, W, C) or (C, H, W), C = 1, 3 or 4 (the fourth is opacity). If both ends
              could be the channels, those of an array are the last and those of a tensor the first axis.

    Numbers are scaled by the range of their kind, not by the largest of them: bool 0 to 1, uint8 0 to 255, uint16 0 to
    65,535, floating point 0 to 1; other whole numbers are read as uint8 if none is above 255, else as uint16. What is
    transparent is laid over white. Colour profiles are not applied.

    Raises:
        PictureError: it is none of these, an address (nothing is downloaded), missing, a folder, empty, damaged or
            truncated, closed, of a format that Pillow does not read by itself (HEIC, PostScript, SVG), without a
            pixel, of more than 100 million, or with numbers out of range or NaN.
    """
    if isinstance(source, Image.Image):
        return _safely(lambda: _of_image(source, "The picture"), "The picture")
    if isinstance(source, (np.ndarray, Tensor)):
        return _of_array(source)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _decoded(io.BytesIO(bytes(source)), "The file")
    if isinstance(source, (str, os.PathLike)):
        return _of_path(source)
    raise PictureError(
        "Expected a path, the bytes of a file, a PIL image or an array of one picture, got "
        f"{brief(type(source).__name__)}."
    )


def _of_path(source: str | os.PathLike[Any]) -> Image.Image:
    text = os.fsdecode(source)
    name = repr(brief(text))
    if _ADDRESS.match(text):
        raise PictureError(f"{name} is an address, and nothing is downloaded: save the file and give its path.")
    try:
        path = Path(text).expanduser()
        if path.is_dir():
            raise PictureError(f"{name} is a folder: give the path of one picture.")
        if path.exists() and not path.is_file():
            raise PictureError(f"{name} is no file: give the path of one picture.")
        with path.open("rb") as file:
            return _decoded(file, name)
    except FileNotFoundError as error:
        raise PictureError(f"There is no picture or file {name}.") from error
    except PictureError:
        raise
    except (OSError, ValueError, RuntimeError) as error:  # NUL, too long, no right to read, no such user
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise PictureError(f"{name} cannot be read: {brief(reason)}.") from error


def _decoded(file: BinaryIO, name: str) -> Image.Image:
    head = file.read(64)
    if not head:
        raise PictureError(f"{name} is empty (0 bytes).")
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC:
        raise PictureError(
            f"{name} is HEIC, which Pillow does not read: save it as JPEG, or pip install pillow-heif, open it with "
            "pillow_heif.register_heif_opener() and PIL.Image.open, and give that image."
        )
    if head.startswith((b"%!PS", b"\xc5\xd0\xd3\xc6", b"%PDF")) or b"<svg" in head.lower():
        raise PictureError(f"{name} is a drawing (PostScript, PDF or SVG), not a picture of pixels. {_SAVE}.")
    file.seek(0)
    return _safely(lambda: _opened(file, name), name)


def _opened(file: BinaryIO, name: str) -> Image.Image:
    Image.init()
    with warnings.catch_warnings():
        # Pillow warns of very large pictures; they are refused below, before they are unpacked.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        image = Image.open(file, formats=[each for each in _FORMATS if each in Image.OPEN])
        with image:
            frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)  # a phone's second is a preview
            found = _of_image(image, name)
    if frames > 1:
        found.info["frames"] = frames
    return found


def _safely(read: Any, name: str) -> Image.Image:
    """Run a step of Pillow's: damaged files make it raise almost anything."""
    try:
        image: Image.Image = read()
        return image
    except PictureError:
        raise
    except Image.DecompressionBombError:
        raise PictureError(f"{name} has more than 100 million pixels: make it smaller first.") from None
    except UnidentifiedImageError:
        raise PictureError(
            f"{name} is not a picture that Pillow can read (PNG, JPEG, WebP, GIF, TIFF...). {_SAVE}."
        ) from None
    except MemoryError:
        raise PictureError(f"{name} does not fit into memory: make it smaller first.") from None
    except Exception as error:
        raise PictureError(f"{name} is a damaged, truncated or closed picture: {brief(error)}.") from error


def _of_image(image: Image.Image, name: str) -> Image.Image:
    _check_size(image.width, image.height, name)
    if image.format in _DRAWN_BY_PROGRAMS and getattr(image, "tile", None):
        raise PictureError(f"{name} is a drawing ({image.format}) that another program would have to draw. {_SAVE}.")
    maximum, inverted = _stored(image)
    image.load()
    _check_size(image.width, image.height, name)  # an icon's size is known only now
    turn = _TURNS.get(_orientation(image))
    found = _converted(image if turn is None else image.transpose(turn), name, maximum)
    if inverted:
        found = ImageOps.invert(found)
    found.info = {}  # it stands upright: nobody shall turn it once more
    return found


def _stored(image: Image.Image) -> tuple[int | None, bool]:
    """Return what Pillow leaves to its callers: the largest number a file may hold, and whether 0 is white."""
    if image.format == "PPM":
        return 65535, False  # a grey PGM of more than 8 bits is brought to 16
    tags = getattr(image, "tag_v2", None)
    if tags is None or not image.mode.startswith(("I", "F")):
        return None, False
    return (4095 if tags.get(258) == (12,) else None), tags.get(262) == 0


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(0x0112, 1))
    except Exception:  # damaged EXIF: the picture itself may be whole, and stands as it is stored
        return 1


def _converted(image: Image.Image, name: str, maximum: int | None) -> Image.Image:
    key = image.info.get("transparency")
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image)
        levels = _levels(values, name, maximum)
        clear = values == key if isinstance(key, int) else False
        return Image.fromarray(np.where(clear, np.uint8(255), levels)).convert("RGB")
    if image.mode not in _MODES:
        raise PictureError(f"{name} has mode {brief(image.mode)}, which Pillow cannot turn into RGB. {_SAVE}.")
    if key is None and image.mode not in ("RGBA", "LA", "PA", "RGBa", "La"):
        return image.copy() if image.mode == "RGB" else image.convert("RGB")
    over = (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", over.size, (*BACKGROUND, 255)), over).convert("RGB")


def _of_array(source: Any) -> Image.Image:
    name, order = "The picture", (2, 0)
    if isinstance(source, Tensor):
        if source.is_meta or source.layout != torch.strided or source.is_quantized:
            raise PictureError(f"The picture is a tensor without plain numbers ({source.dtype}, {source.device}).")
        order, source = (0, 2), source.detach().cpu()
        source = (source.float() if source.is_floating_point() else source).numpy()
    shape = tuple(source.shape)
    ends = [axis for axis in order if len(shape) == 3 and shape[axis] in (1, 3, 4)]
    if len(shape) != 2 and not ends:
        raise PictureError(
            f"The picture has shape {brief(shape)}: expected one picture (H, W), (H, W, C) or (C, H, W) with 1, 3 or 4 "
            "channels."
        )
    values = np.moveaxis(source, ends[0], -1) if ends else source[..., None]
    _check_size(values.shape[1], values.shape[0], name)
    levels = np.ascontiguousarray(_levels(values, name))
    return _of_image(Image.fromarray(levels[..., 0] if levels.shape[2] == 1 else levels), name)


def _levels(values: _Numbers, name: str, maximum: int | None = None) -> _Numbers:
    """Return values as levels from 0 to 255, uint8, by the range of their kind."""
    kind = values.dtype.kind
    if values.dtype == np.uint8 and maximum is None:
        return values
    if kind == "b":
        values = values.astype(np.uint8) * np.uint8(255)
        return values
    if kind not in "iuf":
        raise PictureError(f"{name} holds {brief(values.dtype)}, which are no numbers of pixels.")
    low, high = values.min(), values.max()
    if kind == "f":
        if not (low >= -ROUNDING and high <= 1 + ROUNDING):  # NaN too
            raise PictureError(
                f"{name} holds floating point numbers from {low:.4g} to {high:.4g}: expected 0 to 1, without NaN. "
                "Divide numbers from 0 to 255 by 255; undo a normalisation."
            )
        return np.asarray(np.rint(values.clip(0, 1) * 255), dtype=np.uint8)
    if low < 0 or high > 65535:
        raise PictureError(f"{name} holds whole numbers from {low} to {high}: expected 0 to 255 or 0 to 65,535.")
    if maximum is None:
        maximum = 65535 if (kind == "u" and values.dtype.itemsize == 2) or high > 255 else 255
    table: _Numbers = np.rint(np.arange(65536) * (255 / maximum)).clip(0, 255).astype(np.uint8)
    levels: _Numbers = np.take(table, values)
    return levels


def _check_size(width: int, height: int, name: str) -> None:
    if not width or not height:
        raise PictureError(f"{name} has no pixels: it is {width} x {height}.")
    if width * height > MAX_PIXELS:
        raise PictureError(f"{name} has {width} x {height} pixels, more than 100 million: make it smaller first.")
