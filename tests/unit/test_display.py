"""Maps as they are shown: each to its own maximum, cells' centres in place, blended by the opacity that is asked."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch
from PIL import Image

import gradlab
from gradlab import explain
from gradlab.explain.drawing import STOPS


def test_each_map_of_a_batch_has_its_own_scale() -> None:
    maps = torch.tensor([[[[-1.0, 2.0, 4.0]]], [[[10.0, 5.0, -20.0]]], [[[-3.0, -2.0, 0.0]]]])
    wanted = torch.tensor([[[[0, 0.5, 1.0]]], [[[1.0, 0.5, 0]]], [[[0, 0, 0.0]]]])
    assert torch.equal(explain.unit_scale(maps), wanted)
    assert torch.equal(explain.unit_scale(torch.cat([maps, 100 * maps], 1))[:, :1], wanted), "and each channel"


def test_a_cell_is_in_the_middle_of_its_pixels() -> None:
    maps = torch.arange(6.0).view(1, 1, 2, 3)
    large = explain.upsample(maps, (10, 15))
    torch.testing.assert_close(large[..., 2::5, 2::5], maps, atol=1e-6, rtol=0)
    assert large.shape[-2:] == (10, 15) and explain.upsample(maps, 6).shape[-2:] == (6, 6)
    assert [float(large[0, 0, i, i]) for i in (0, -1)] == pytest.approx([0, 5], abs=1e-6), (
        "flat beyond the last centres"
    )


@pytest.mark.parametrize("opacity", [0.0, 0.25, 1.0])
def test_an_overlay_is_the_picture_and_the_map_by_their_shares(opacity: float) -> None:
    chance = np.random.default_rng(0)
    pixels = chance.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    maps = torch.tensor([[-1.0, 2.0, 4.0], [0.0, 1.0, 3.0]])
    found = np.asarray(explain.overlay(Image.fromarray(pixels), maps, opacity=opacity, cmap="magma"))
    level = np.array([[0, 0.5, 1], [0, 0.25, 0.75]])
    heat, cover = 255 * matplotlib.colormaps["magma"](level)[..., :3], (opacity * level ** (1 - opacity))[..., None]
    centres = np.s_[4::10, 4::10]  # the nearest pixel above and left of a middle between four
    wanted = (1 - cover) * pixels[centres] + cover * heat
    np.testing.assert_allclose(found[centres], wanted, atol=1 + 12 * opacity)
    if opacity == 0:
        assert np.array_equal(found, pixels)
    elif opacity < 1:
        assert np.array_equal(found[2:4, 2:4], pixels[2:4, 2:4]), "where nothing speaks for it, the picture stays"


def test_a_map_without_anything_positive_leaves_the_picture_as_it_is() -> None:
    pixels = np.full((4, 4, 3), 77, dtype=np.uint8)
    assert np.array_equal(np.asarray(explain.overlay(pixels, -torch.ones(1, 1, 2, 2))), pixels)


def test_signed_maps_have_the_same_colours_in_figures_and_in_widgets() -> None:
    front = (Path(gradlab.widgets.__file__).parent / "front" / "lib" / "stops.js").read_text(encoding="utf-8")
    told = front.partition('"blue-orange":')[2].partition("}")[0]
    assert " ".join(re.findall(r'"([^"]*)"', told)).split() == STOPS.split()
    ends = 255 * matplotlib.colormaps["blue-orange"](np.array([0.0, 0.5, 1.0]))[:, :3]
    np.testing.assert_allclose(ends, [[0x00, 0x61, 0xAD], [0xF6, 0xF6, 0xF6], [0xB0, 0x48, 0x01]], atol=1)
