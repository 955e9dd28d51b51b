"""The nineteen C-style corruptions: stronger with the level, repeatable, and gentle to what they are given."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest
import torch

from gradlab.core import InputError
from gradlab.data import CORRUPTIONS, corrupted, signs


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    return torch.nn.functional.interpolate(signs(56, seed=0).pictures, size=(32, 32), mode="area")


def test_there_are_nineteen() -> None:
    assert len(CORRUPTIONS) == 19


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_each_level_is_further_from_the_clean_picture(pictures: torch.Tensor, corruption: str) -> None:
    away = [float((corrupted(pictures, corruption, level, seed=1) - pictures).abs().mean()) for level in range(6)]
    assert away[0] == 0
    assert all(later > 1.08 * earlier for earlier, later in itertools.pairwise(away)), away
    assert away[1] > 0.002


@pytest.mark.parametrize("corruption", CORRUPTIONS)
@pytest.mark.parametrize("shape", [(2, 3, 32, 32), (1, 3, 97, 64), (2, 3, 5, 9), (1, 3, 1, 1)])
def test_any_size_stays_in_range_and_is_not_changed(corruption: str, shape: tuple[int, ...]) -> None:
    x = torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    kept = x.clone()
    for level in range(1, 6):
        found = corrupted(x, corruption, level)
        assert found.shape == x.shape and found.dtype == x.dtype
        assert bool(((found >= 0) & (found <= 1)).all())
    assert torch.equal(x, kept)


@pytest.mark.parametrize("corruption", CORRUPTIONS)
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_picture_of_one_grey_is_no_special_case(corruption: str, value: float) -> None:
    found = corrupted(torch.full((2, 3, 32, 32), value), corruption, 5)
    assert bool(((found >= 0) & (found <= 1)).all())


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_a_seed_repeats_and_another_differs_where_there_is_chance(pictures: torch.Tensor, corruption: str) -> None:
    before = torch.get_rng_state()
    first, again, other = (corrupted(pictures, corruption, 3, seed=seed) for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert torch.equal(before, torch.get_rng_state())
    certain = {"defocus blur", "zoom blur", "brightness", "contrast", "pixelate", "jpeg compression", "gaussian blur"}
    assert torch.equal(first, other) == (corruption in {*certain, "saturate"})


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_sizes_grow_with_the_picture(pictures: torch.Tensor, corruption: str) -> None:
    """A photo of three times the side is changed about as much: nothing is meant for 32 pixels alone."""
    large = torch.nn.functional.interpolate(pictures[:14], scale_factor=3, mode="bicubic").clamp(0, 1)
    away = [float((corrupted(x, corruption, 4) - x).abs().mean()) for x in (pictures[:14], large)]
    # the blocks of JPEG have 8 pixels in every picture
    assert away[1] > away[0] * (0.2 if corruption == "jpeg compression" else 0.6), away
    assert away[1] < away[0] * 1.6, away


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_a_thousand_take_seconds(pictures: torch.Tensor, corruption: str) -> None:
    many = pictures.repeat(4, 1, 1, 1)
    start = time.process_time()
    corrupted(many, corruption, 5)
    assert len(many) / (time.process_time() - start) > 300  # a second, on one core


def test_known_values() -> None:
    x = torch.tensor([0.2, 0.4, 0.6]).view(1, 3, 1, 1).expand(1, 3, 32, 32)
    torch.testing.assert_close(corrupted(x, "brightness", 1), x * (0.67 / 0.6))
    torch.testing.assert_close(corrupted(x, "contrast", 5), x)  # there is none to lose
    # saturation 2/3 times 1.4, at the same value and hue
    torch.testing.assert_close(corrupted(x, "saturate", 1)[0, :, 0, 0], torch.tensor([0.04, 0.32, 0.6]))
    for blur in ("defocus blur", "motion blur", "zoom blur", "gaussian blur", "glass blur", "elastic transform"):
        torch.testing.assert_close(corrupted(x, blur, 5), x)
    noise = corrupted(torch.full((8, 3, 32, 32), 0.5), "gaussian noise", 2) - 0.5
    assert float(noise.std()) == pytest.approx(0.06, rel=0.03)
    photons = corrupted(torch.full((8, 3, 32, 32), 0.25), "shot noise", 2)
    assert float(photons.mean()) == pytest.approx(0.25, rel=0.01)
    assert float(photons.std()) == pytest.approx((0.25 / 180) ** 0.5, rel=0.03)
    hit = corrupted(torch.full((8, 3, 32, 32), 0.5), "impulse noise", 3) != 0.5
    assert float(hit.float().mean()) == pytest.approx(0.05, rel=0.1)


def test_none_is_a_copy(pictures: torch.Tensor) -> None:
    for same in (corrupted(pictures, None, 4), corrupted(pictures, "snow", 0)):
        assert torch.equal(same, pictures) and same.data_ptr() != pictures.data_ptr()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"level": 7}, "level is 7"),
        ({"level": True}, "level is True"),
        ({"corruption": "haze"}, "corruption is 'haze'"),
        ({"corruption": "gausian noise"}, "mean 'gaussian noise'"),
        ({"pictures": torch.rand(3, 8, 8)}, r"pictures is Tensor \(3, 8, 8\)"),
        ({"pictures": torch.rand(1, 3, 8, 8) * 2}, "0 to 1"),
        ({"pictures": torch.full((1, 3, 8, 8), torch.nan)}, "pictures holds NaN"),
        ({"pictures": torch.zeros(1, 3, 8, 8, dtype=torch.uint8)}, "floating"),
        ({"pictures": torch.zeros(0, 3, 8, 8)}, "not empty"),
    ],
)
def test_bad_input_is_named(pictures: torch.Tensor, change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        corrupted(**{"pictures": pictures, "corruption": "fog", "level": 2, **change})
