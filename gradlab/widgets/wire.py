"""Arrays between the kernel and the page: (dtype, shape, bytes), both ways.

An array crosses as ``{"dtype": name, "shape": [...], "bytes": ...}``, little-endian and row by row, a bool as one bit;
the other end is ``front/lib/wire.js``. In a trait the bytes stay in their place. A message carries them as buffers, and
their numbers in their place.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gradlab.core.errors import InputError

__all__ = ["attached", "detached", "packed", "scaled", "unpacked"]

DTYPES = {
    name: np.dtype(name).newbyteorder("<") for name in ("uint8", "int32", "uint32", "float16", "float32", "float64")
}


def packed(values: Any, dtype: str) -> dict[str, Any]:
    r"""Return an array as it crosses.

    Args:
        values: a tensor, an array, or a PIL image.
        dtype: "bool", "uint8", "int32", "uint32", "float16", "float32" or "float64".

    Examples:
        >>> from gradlab.widgets.wire import packed
        >>> packed([[1, 2]], "uint8")
        {'dtype': 'uint8', 'shape': [1, 2], 'bytes': b'\x01\x02'}
    """
    found = np.asarray(values.detach().cpu() if isinstance(values, Tensor) else values)
    sent = np.packbits(found.astype(bool), bitorder="little") if dtype == "bool" else found.astype(DTYPES[dtype])
    return {"dtype": dtype, "shape": list(found.shape), "bytes": sent.tobytes()}


def scaled(values: Any, scale: float | None = None) -> dict[str, Any]:
    """Return a map as float16 of values / scale, and the scale; None: the largest magnitude, or 1 where all are 0."""
    scale = scale or float(abs(values).max()) or 1.0
    return {**packed(values / scale, "float16"), "scale": scale}


def unpacked(value: Any, dtype: str, shape: Sequence[int | None]) -> NDArray[Any]:
    """Return an array that crossed, without its scale, after checking all of what came.

    Args:
        value: what came, anything at all.
        dtype: the one expected.
        shape: the one expected; None stands for any length.

    Raises:
        InputError: what came is no such array, or its bytes are not as many as its shape says.
    """
    fields = value if isinstance(value, Mapping) else {}
    came, sides, content = (fields.get(key) for key in ("dtype", "shape", "bytes"))
    if (
        came != dtype
        or not isinstance(sides, (list, tuple))
        or len(sides) != len(shape)
        or not all(type(n) is int and n >= 0 and w in (None, n) for n, w in zip(sides, shape, strict=True))
        or not isinstance(content, (bytes, bytearray, memoryview))
        or memoryview(content).nbytes != _size(dtype, sides)
    ):
        wanted = ", ".join("any" if n is None else str(n) for n in shape)
        size = memoryview(content).nbytes if isinstance(content, (bytes, bytearray, memoryview)) else "no"
        raise InputError(
            f"The page sent {came!r:.40} {sides!r:.40} of {size} bytes: expected {dtype} ({wanted}), row by row."
        )
    if dtype == "bool":
        bits = np.unpackbits(np.frombuffer(content, np.uint8), bitorder="little", count=math.prod(sides))
        return bits.astype(bool).reshape(sides)
    return np.frombuffer(content, DTYPES[dtype]).reshape(sides)


def _size(dtype: str, shape: Sequence[int]) -> int:
    count = math.prod(shape)
    return -(-count // 8) if dtype == "bool" else count * DTYPES[dtype].itemsize


def detached(content: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
    """Return a message and its buffers: each array's bytes become the number of a buffer."""
    message, buffers = dict(content), list[bytes]()
    for name, value in content.items():
        if isinstance(value, Mapping) and "bytes" in value:
            message[name] = {**value, "bytes": len(buffers)}
            buffers.append(value["bytes"])
    return message, buffers


def attached(message: Mapping[str, Any], buffers: Sequence[Any]) -> dict[str, Any]:
    """Return a message's content: the inverse of :func:`detached`. A number without a buffer stays a number."""
    content = dict(message)
    for name, value in message.items():
        number = value.get("bytes") if isinstance(value, Mapping) else None
        if type(number) is int and 0 <= number < len(buffers):
            content[name] = {**value, "bytes": buffers[number]}
    return content
