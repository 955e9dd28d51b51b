"""Arrays on their way to the page and back: every type, every shape, and what a page may send instead."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from gradlab.core.errors import InputError
from gradlab.widgets.wire import DTYPES, attached, detached, packed, scaled, unpacked
from tests.arrays import values

SHAPE = (2, 3)


@pytest.mark.parametrize("dtype", [*DTYPES, "bool"])
@given(data=st.data())
def test_what_is_packed_comes_out_to_the_last_bit(dtype: str, data: st.DataObject) -> None:
    array = data.draw(arrays(dtype, array_shapes(min_dims=0, min_side=0, max_dims=4)))
    sent = packed(array, dtype)
    assert sent["shape"] == list(array.shape)
    assert len(sent["bytes"]) == (-(-array.size // 8) if dtype == "bool" else array.nbytes)
    found = unpacked(sent, dtype, [None] * array.ndim)
    assert found.dtype == array.dtype and found.tobytes() == array.tobytes()


def test_numbers_are_little_endian_and_bits_begin_at_the_lowest() -> None:
    assert packed(np.array([1], ">i4"), "int32")["bytes"] == b"\1\0\0\0"
    assert packed([True, False, True], "bool")["bytes"] == b"\5"


def test_tensors_images_and_strided_arrays_are_packed_row_by_row() -> None:
    grid = torch.arange(6.0, requires_grad=True).reshape(2, 3)
    for given_grid in (grid.T, grid.detach().numpy().T):
        assert values(packed(given_grid, "float32")).tolist() == [[0, 3], [1, 4], [2, 5]]
    assert packed(Image.new("RGB", (5, 4), "red"), "uint8")["shape"] == [4, 5, 3]


def test_maps_far_too_small_for_float16_keep_eleven_bits() -> None:
    maps = np.random.default_rng(0).standard_normal((4, 7, 7)) * 1e-30
    for kind in (maps, torch.from_numpy(maps)):
        sent = scaled(kind)
        assert sent["scale"] == np.abs(maps).max() and len(sent["bytes"]) == 2 * maps.size
        np.testing.assert_allclose(values(sent), maps, rtol=2.0**-11, atol=sent["scale"] * 2.0**-24)
    assert scaled(np.zeros(3))["scale"] == 1.0 and not values(scaled(np.zeros(3))).any()
    assert scaled(maps, 1.0)["scale"] == 1.0 and not values(scaled(maps, 1.0)).any()


def test_a_messages_arrays_are_its_buffers() -> None:
    content = {"kind": "x", "first": packed([1], "uint8"), "n": 2, "second": packed([3.0], "float32"), "none": None}
    message, buffers = detached(content)
    assert buffers == [b"\1", np.float32(3).tobytes()]
    assert [message[key]["bytes"] for key in ("first", "second")] == [0, 1] and message["kind"] == "x"
    assert attached(message, [memoryview(each) for each in buffers]) == content
    assert content["first"]["bytes"] == b"\1", "the content given is as it was"


@pytest.mark.parametrize(
    "change",
    [
        {"dtype": "float32"},
        {"dtype": "object"},
        {"dtype": ["uint8"]},
        {"dtype": None},
        {"shape": [3, 2]},
        {"shape": [6]},
        {"shape": [2, 3, 1]},
        {"shape": [-2, -3]},
        {"shape": [2, 3.0]},
        {"shape": [True, 6]},
        {"shape": [2**62, 2**62]},
        {"shape": "23"},
        {"shape": None},
        {"shape": {"0": 2}},
        {"bytes": bytes(5)},
        {"bytes": bytes(7)},
        {"bytes": b""},
        {"bytes": "abcdef"},
        {"bytes": [0] * 6},
        {"bytes": 0},
        {"bytes": None},
    ],
)
@pytest.mark.parametrize("shape", [SHAPE, (None, 3)])
def test_what_a_page_may_send_instead_is_one_input_error(change: dict[str, Any], shape: tuple[int | None, ...]) -> None:
    with pytest.raises(InputError, match="The page sent") as caught:
        unpacked({**packed(np.zeros(SHAPE), "uint8"), **change}, "uint8", shape)
    assert len(str(caught.value)) < 250 and "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [None, 1, True, "array", [1, 2], {}, b"\0" * 6])
def test_what_is_no_array_is_refused(value: Any) -> None:
    with pytest.raises(InputError):
        unpacked(value, "uint8", SHAPE)


@pytest.mark.parametrize("number", [-1, 2, True, "0", None, 0.0, 10**30])
def test_a_buffer_that_is_not_there_is_refused(number: Any) -> None:
    sent = {**packed(np.zeros(SHAPE), "uint8"), "bytes": number}
    content = attached({"mask": sent, "other": 1}, [bytes(6), bytes(6)])
    with pytest.raises(InputError, match="of no bytes"):
        unpacked(content["mask"], "uint8", SHAPE)


def test_wide_views_are_counted_in_bytes() -> None:
    wide = memoryview(np.zeros(3, np.uint16))
    assert unpacked({**packed(np.zeros(SHAPE), "uint8"), "bytes": wide}, "uint8", SHAPE).shape == SHAPE
