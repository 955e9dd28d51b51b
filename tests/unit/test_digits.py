"""Handwritten digits, alone and in pairs: real, fixed, and where they are said to be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from gradlab.core import InputError
from gradlab.data import digit_pairs, digits

SPLITS = {"train": 1197, "validation": 200, "test": 400}


@pytest.mark.parametrize("split", SPLITS)
def test_single_digits_at_a_readable_size(split: str) -> None:
    found = digits(split, size=40)
    assert found.pictures.shape == (SPLITS[split], 1, 40, 40)
    assert found.labels.shape == (SPLITS[split],)
    assert set(found.labels.tolist()) == set(range(10))
    assert 0 <= float(found.pictures.min()) < float(found.pictures.max()) <= 1


def test_splits_are_the_whole_set_and_share_no_scan() -> None:
    from sklearn.datasets import load_digits

    ours = [scan.numpy().tobytes() for split in SPLITS for scan in digits(split, size=8).pictures * 16]
    theirs = [scan.astype(np.float32).tobytes() for scan in load_digits().images]
    assert sorted(ours) == sorted(theirs)


def test_splits_stay_the_same() -> None:
    """The shipped networks were trained on one split: another order would put their training digits in the test."""
    assert digits("train").labels[:8].tolist() == [2, 8, 2, 6, 6, 7, 1, 9]
    assert digits("test").labels[:8].tolist() == [2, 7, 4, 0, 4, 2, 7, 7]


def test_what_is_handed_out_is_the_callers_own() -> None:
    digits("test").labels.zero_()
    digits("test", size=8).pictures.zero_()
    assert digits("test").labels.any()
    assert digits("test", size=8).pictures.any()


@pytest.mark.parametrize("split", SPLITS)
def test_boxes_hold_all_the_ink_and_stand_apart(split: str) -> None:
    pairs = digit_pairs(300, 7, split)
    masks = pairs.masks()
    assert len(pairs) == 300
    assert pairs.pictures.shape == (300, 1, 32, 64)
    assert not (pairs.pictures * ~masks.any(1, keepdim=True)).any()
    assert (torch.where(masks, pairs.pictures, 0).amax((2, 3)) > 0.5).all()  # a digit in every box
    x0, y0, x1, y1 = pairs.boxes.unbind(2)
    assert (x1[:, 0] + 2 <= x0[:, 1]).all()  # left to right, two empty columns between
    assert int(x0.min()) >= 0
    assert int(x1.max()) <= 64
    assert int(y0.min()) >= 0
    assert int(y1.max()) <= 32
    assert torch.equal(x1 - x0, y1 - y0)


def test_a_pair_shows_the_digits_that_it_names() -> None:
    """Every box, cut out, is one of the split's scans with that label, enlarged."""
    pairs, scans = digit_pairs(20, 3, "test"), {side: digits("test", side) for side in range(14, 21)}
    for picture, two, boxes in zip(pairs.pictures, pairs.digits.tolist(), pairs.boxes.tolist(), strict=True):
        for digit, (x0, y0, x1, y1) in zip(two, boxes, strict=True):
            known = scans[x1 - x0]
            same = (known.pictures == picture[:, y0:y1, x0:x1]).flatten(1).all(1)
            assert digit in known.labels[same].tolist()


def test_the_side_of_the_picture_does_not_tell_left_from_right() -> None:
    centres = digit_pairs(1000, 0).boxes[..., ::2].float().mean(2)
    for beyond in (centres[:, 0] > 32, centres[:, 1] < 32):
        assert 0.05 < float(beyond.float().mean()) < 0.15


def test_the_seed_decides_and_nothing_else() -> None:
    state = torch.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[index,union-attr]
    one, same, other = digit_pairs(10, 5), digit_pairs(10, 5), digit_pairs(10, 6)
    for name in ("pictures", "digits", "boxes"):
        assert torch.equal(getattr(one, name), getattr(same, name))
        assert not torch.equal(getattr(one, name), getattr(other, name))
    assert torch.equal(state[0], torch.get_rng_state())
    assert (state[1] == np.random.get_state()[1]).all()  # type: ignore[index]


def test_a_picture_for_the_screen() -> None:
    pairs = digit_pairs(2, 0)
    image = pairs.image(1)
    assert (image.size, image.mode) == ((64, 32), "RGB")
    np.testing.assert_allclose(np.asarray(image)[..., 0] / 255, pairs.pictures[1, 0], atol=0.5 / 255)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 0), "n is 0: expected a whole number from 1"),
        ((2.5, 0), "n is 2.5"),
        ((1, -1), "seed is -1: expected a whole number from 0 to 4294967295"),
        ((1, True), "seed is True"),
        ((1, 2**32), "seed is 4294967296"),
        ((1, 0, "tests"), "Did you mean 'test'"),
        ((1, 0, None), "split is None"),
    ],
)
def test_bad_pairs(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        digit_pairs(*arguments)


def test_bad_digits() -> None:
    with pytest.raises(InputError, match="size is 7: expected a whole number from 8"):
        digits("test", size=7)
    with pytest.raises(InputError, match="'train', 'validation' or 'test'"):
        digits("valid")
