"""The twelve challenges: stronger with the level, repeatable, and gentle to what they are given."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch

from gradlab.core import InputError
from gradlab.data import CHALLENGES, challenged, signs


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    return signs(56, seed=0).pictures


def test_there_are_the_twelve_of_cure_tsr() -> None:
    assert len(CHALLENGES) == 12


@pytest.mark.parametrize("challenge", CHALLENGES)
def test_each_level_is_further_from_the_clean_picture(pictures: torch.Tensor, challenge: str) -> None:
    away = [float((challenged(pictures, challenge, level, seed=1) - pictures).abs().mean()) for level in range(6)]
    assert away[0] == 0
    assert all(later > 1.08 * earlier for earlier, later in itertools.pairwise(away)), away
    assert away[1] > 0.002


@pytest.mark.parametrize("challenge", CHALLENGES)
@pytest.mark.parametrize("shape", [(2, 3, 48, 48), (1, 3, 97, 64), (1, 3, 12, 12)])
def test_any_size_stays_in_range_and_is_not_changed(challenge: str, shape: tuple[int, ...]) -> None:
    x = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    kept = x.clone()
    for level in range(1, 6):
        found = challenged(x, challenge, level)
        assert found.shape == x.shape and found.dtype == x.dtype
        assert bool(((found >= 0) & (found <= 1)).all())
    assert torch.equal(x, kept)


@pytest.mark.parametrize("challenge", CHALLENGES)
def test_a_seed_repeats(pictures: torch.Tensor, challenge: str) -> None:
    before = torch.get_rng_state()
    assert torch.equal(challenged(pictures, challenge, 3, seed=5), challenged(pictures, challenge, 3, seed=5))
    assert torch.equal(before, torch.get_rng_state())


def test_decolorisation_ends_in_grey(pictures: torch.Tensor) -> None:
    grey = challenged(pictures, "decolorisation", 5)
    assert float(grey.std(1).max()) < 1e-6


def test_none_is_a_copy(pictures: torch.Tensor) -> None:
    for same in (challenged(pictures, None, 4), challenged(pictures, "snow", 0)):
        assert torch.equal(same, pictures) and same.data_ptr() != pictures.data_ptr()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"level": 7}, "level is 7"),
        ({"challenge": "fog"}, "challenge is 'fog'"),
        ({"pictures": torch.rand(3, 8, 8)}, r"pictures is Tensor \(3, 8, 8\)"),
        ({"pictures": torch.rand(1, 3, 8, 8) * 2}, "0 to 1"),
        ({"pictures": torch.full((1, 3, 8, 8), torch.nan)}, "pictures holds NaN"),
        ({"pictures": torch.zeros(1, 3, 8, 8, dtype=torch.uint8)}, "floating"),
        ({"pictures": torch.zeros(0, 3, 8, 8)}, "not empty"),
    ],
)
def test_bad_input_is_named(pictures: torch.Tensor, change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        challenged(**{"pictures": pictures, "challenge": "haze", "level": 2, **change})
