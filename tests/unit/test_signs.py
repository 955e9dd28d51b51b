"""The drawn traffic signs: repeatable, balanced, with masks that say where the sign is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from gradlab.core import InputError
from gradlab.data import signs
from gradlab.data.signs import LABELS, SIZE, Signs, _drawings


@pytest.fixture(scope="module")
def some() -> Signs:
    return signs(420, seed=3)


def test_shapes_ranges_and_balance(some: Signs) -> None:
    assert len(LABELS) == 14 and len(some) == 420
    assert some.pictures.shape == some.masks.shape == (420, 3, SIZE, SIZE)
    for values in (some.pictures, some.masks):
        assert values.dtype == torch.float32 and values.min() >= 0 and values.max() <= 1
    assert some.labels.bincount().tolist() == [30] * 14
    assert some.image(0).size == (SIZE, SIZE)


def test_a_seed_repeats_and_another_differs() -> None:
    one, again, other = signs(30, 5), signs(30, 5), signs(30, 6)
    for name in ("pictures", "labels", "masks"):
        assert torch.equal(getattr(one, name), getattr(again, name))
    assert not torch.equal(one.pictures, other.pictures)


def test_the_global_random_state_is_left_alone() -> None:
    before = torch.get_rng_state()
    signs(3, 0)
    assert torch.equal(before, torch.get_rng_state())


def test_border_and_symbol_lie_on_the_sign(some: Signs) -> None:
    sign, border, symbol = some.masks.unbind(1)
    # coverage is kept in steps of 1/255, of each part by itself
    assert bool((border + symbol <= sign + 0.02).all())
    area = sign.mean((1, 2))
    assert area.min() > 0.08 and area.max() < 0.95
    assert float(area.std()) > 0.05, "signs of one size would be too easy"
    with_symbol = torch.tensor([LABELS[k] not in ("yield", "no parking", "no stopping") for k in some.labels])
    assert bool((symbol.sum((1, 2))[with_symbol] > 5).all())


def test_inside_the_mask_the_paint_is_the_classs() -> None:
    """Where a sign is surely sign, a blue disc is bluer than a red one; as averages over light and wear."""
    drawn = signs(280, 1)
    sure = (drawn.masks[:, :1] > 0.99).float()
    colour = (drawn.pictures * sure).sum((2, 3)) / sure.sum((2, 3)).clamp(min=1)
    red_less_blue = colour[:, 0] - colour[:, 2]
    mean = {label: float(red_less_blue[drawn.labels == k].mean()) for k, label in enumerate(LABELS)}
    for blue in ("parking", "bicycle"):
        for red in ("stop", "no entry"):
            assert mean[blue] < -0.05 < 0.1 < mean[red]


def test_left_and_right_are_not_confused() -> None:
    drawn = _drawings(24, seed=0).float().unflatten(0, (14, 24))
    black = drawn[:, :, 3].mean(1)  # (14, side, side)
    middle = black.shape[-1] // 2
    upper_left, upper_right = (black[:, :middle, half].sum((1, 2)) for half in (slice(0, middle), slice(middle, None)))
    left, right = LABELS.index("no left"), LABELS.index("no right")
    assert upper_left[left] > 1.5 * upper_right[left] and upper_right[right] > 1.5 * upper_left[right]


def test_each_class_is_drawn_in_many_ways() -> None:
    drawn = _drawings(6, seed=1).unflatten(0, (14, 6)).flatten(2)
    for ways in drawn:
        assert len(ways.unique(dim=0)) >= 4


def test_a_challenge_changes_the_picture_and_not_the_truth() -> None:
    clean, foggy = signs(20, 2), signs(20, 2, challenge="haze", level=4)
    assert torch.equal(clean.masks, foggy.masks) and torch.equal(clean.labels, foggy.labels)
    assert float((clean.pictures - foggy.pictures).abs().mean()) > 0.1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"n": 0}, "n is 0"), ({"n": 2.0}, "n is 2.0"), ({"n": True}, "n is True"), ({"seed": -1}, "seed is -1"),
        ({"seed": None}, "seed is None"), ({"level": 6}, "level is 6"), ({"level": True}, "level is True"),
        ({"challenge": "hase"}, "Did you mean 'haze'"),
    ],
)  # fmt: skip
def test_bad_arguments_are_named(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        signs(**{"n": 3, "seed": 1, "challenge": "haze", "level": 1, **change})


def test_whole_numbers_and_seeds_of_any_kind() -> None:
    one = signs(14, 5, challenge="snow", level=2)
    assert torch.equal(one.pictures, signs(np.int64(14), np.uint8(5), challenge="snow", level=np.int32(2)).pictures)
    for make in (lambda: torch.Generator().manual_seed(3), lambda: np.random.default_rng(3)):
        first, again = make(), make()
        drawn = [signs(14, first).pictures for _ in range(2)]
        assert torch.equal(drawn[0], signs(14, again).pictures)
        assert not torch.equal(*drawn), "a generator moves on"
