"""Pictures to ask about: those that come with scikit-image, a montage of them, or the user's own."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from gradlab.core.errors import PictureError, did_you_mean

__all__ = ["picture", "picture_names"]

# What scikit-image's wheel holds and may be shown; colour photographs and one greyscale one.
_NAMES = ("chelsea", "coffee", "cat_and_coffee", "astronaut", "camera", "rocket")
_MAX_PIXELS = 100_000_000


def picture_names() -> list[str]:
    """Return the names that :func:`picture` knows.

    Examples:
        >>> gradlab.data.picture_names()[:3]
        ['chelsea', 'coffee', 'cat_and_coffee']
    """
    return list(_NAMES)


def picture(source: Any) -> Image.Image:
    """Return a picture as an RGB PIL image, turned upright.

    Args:
        source: a name (``"chelsea"`` a cat, ``"coffee"`` an espresso, ``"cat_and_coffee"`` both side by side...),
            a path, the bytes of an image file, or a PIL image.

    Raises:
        PictureError: unknown name, missing, empty or non-image file, truncated, or more than 100 million pixels.

    Examples:
        >>> gradlab.data.picture("chelsea").size
        (451, 300)
    """
    if isinstance(source, Image.Image):
        return source.convert("RGB")
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _decode(bytes(source), "The file")
    if isinstance(source, str) and source in _NAMES:
        return _montage() if source == "cat_and_coffee" else _shipped(source)
    if isinstance(source, (str, Path)):
        return _read(Path(source), str(source))
    raise PictureError(f"Expected a name, a path, bytes or a PIL image, got {type(source).__name__}.")


def _read(path: Path, name: str) -> Image.Image:
    if path.is_dir():
        raise PictureError(f"{name!r} is a folder: give the path of one picture.")
    try:
        content = path.expanduser().read_bytes()
    except FileNotFoundError:
        hint = did_you_mean(name, _NAMES) or f" Names are {', '.join(_NAMES)}."
        raise PictureError(f"There is no picture or file {name!r}.{hint}") from None
    except OSError as error:
        raise PictureError(f"{name!r} cannot be read: {error.strerror}.") from error
    return _decode(content, repr(name))


def _decode(content: bytes, name: str) -> Image.Image:
    if not content:
        raise PictureError(f"{name} is empty (0 bytes).")
    try:
        with warnings.catch_warnings():
            # Pillow warns of very large pictures; they are refused below, before they are unpacked.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content))
            width, height = image.size
            if width * height > _MAX_PIXELS:
                raise PictureError(
                    f"{name} has {width} x {height} pixels, more than 100 million: make it smaller first."
                )
            return ImageOps.exif_transpose(image).convert("RGB")
    except Image.DecompressionBombError:
        raise PictureError(f"{name} has more than 100 million pixels: make it smaller first.") from None
    except UnidentifiedImageError:
        raise PictureError(f"{name} is not a picture that Pillow can read (PNG, JPEG, WebP, GIF...).") from None
    except (OSError, SyntaxError, ValueError) as error:
        if isinstance(error, PictureError):
            raise
        raise PictureError(f"{name} is a damaged or truncated picture: {error}.") from error


def _shipped(name: str) -> Image.Image:
    import skimage.data

    return Image.fromarray(getattr(skimage.data, name)()).convert("RGB")


def _montage() -> Image.Image:
    """A square: the cat's face in its left half, the espresso in its right, so that a centre crop keeps both."""
    cat = ImageOps.fit(_shipped("chelsea"), (150, 300), centering=(0.4, 0.5))
    cup = ImageOps.fit(_shipped("coffee"), (150, 300), centering=(0.5, 0.5))
    return Image.fromarray(np.concatenate([np.asarray(cat), np.asarray(cup)], axis=1))
