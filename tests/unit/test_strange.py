"""The out-of-distribution sets: what they show, the same for everyone, and refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from gradlab.core import InputError
from gradlab.data import STRANGE, digits, signs, strange
from gradlab.data.strange import _LETTERS


@pytest.mark.parametrize("name", STRANGE)
def test_pictures_in_range_that_differ_and_leave_the_random_state_alone(name: str) -> None:
    before = torch.get_rng_state()
    grey, colour = strange(name, 12, size=40), strange(name, 12, size=40, channels=3)
    assert torch.equal(before, torch.get_rng_state())
    assert grey.shape == (12, 1, 40, 40) and colour.shape == (12, 3, 40, 40) and grey.dtype == torch.float32
    assert float(colour.min()) >= 0 and float(colour.max()) <= 1
    assert torch.equal(colour.mean(1, keepdim=True), grey)
    assert len(grey.flatten(1).unique(dim=0)) == 12 or name == "letters"  # the same letter may be drawn twice


@pytest.mark.parametrize("name", STRANGE)
def test_the_same_for_everyone_and_another_with_another_seed(name: str) -> None:
    first = strange(name, 6, seed=5)
    assert torch.equal(first, strange(name, 6, seed=np.int64(5)))
    assert torch.equal(first, strange(name, 6, seed=6)) == (name == "digits")
    again = [strange(name, 6, seed=torch.Generator().manual_seed(5)) for _ in range(2)]
    assert torch.equal(*again)


def test_each_is_what_it_is_called() -> None:
    letters = strange("letters", 60)
    assert not set("BDGIOQSZ") & set(_LETTERS)
    assert letters.amax((1, 2, 3)).min() > 0.9 and letters[..., 0].max() == 0  # white, and off the left edge
    noise = strange("noise", 200, channels=3)
    assert abs(float(noise.mean()) - 0.5) < 0.01 and abs(float(noise.var()) - 1 / 12) < 0.001
    textures = strange("textures", 9, channels=3)
    assert bool((textures == textures[:, :1]).all()) and float(textures.std((1, 2, 3)).min()) > 0.02
    assert torch.equal(strange("digits", 400, channels=3)[:, :1], digits("test").pictures)
    assert torch.allclose(strange("signs", 5, seed=1, size=48, channels=3), signs(5, 1).pictures, atol=1e-6)


def test_published_numbers_rest_on_these_pictures() -> None:
    """Means of what the committed table of out-of-distribution scores was measured on."""
    means = {name: float(strange(name, 150, seed=3).double().mean()) for name in ("textures", "noise", "letters")}
    assert means == pytest.approx(MEANS, abs=1e-6)


MEANS = {"textures": 0.4665794, "noise": 0.4997589, "letters": 0.1134842}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"name": "leters"}, "letters"),
        ({"name": ["letters"]}, "expected 'textures', "),
        ({"n": 0}, "n is 0"),
        ({"n": 2.0}, "n is 2.0"),
        ({"name": "digits", "n": 401}, "from 1 to 400"),
        ({"size": 0}, "size is 0"),
        ({"channels": 4}, "channels is 4"),
        ({"seed": True}, "seed is True"),
        ({"seed": "0"}, "seed is '0'"),
    ],
)
def test_refused(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        strange(**{"name": "letters", "n": 3, **asked})
