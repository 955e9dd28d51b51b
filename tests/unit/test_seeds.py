"""Seeds, progress and whole numbers: what every room accepts, and refuses, alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from gradlab.core import InputError
from gradlab.core.checks import whole_number
from gradlab.core.progress import counted
from gradlab.core.seeds import int_seed, numpy_generator, torch_generator

BAD = [True, np.bool_(True), 1.0, np.float64(1), "1", None, -1, np.random.RandomState(0), torch.tensor(1.0)]


def torch_draw(seed: Any) -> float:
    return float(torch.rand((), generator=torch_generator(seed)))


def numpy_draw(seed: Any) -> float:
    return float(numpy_generator(seed).random())


@pytest.mark.parametrize("seed", [7, np.int64(7), np.uint8(7), torch.tensor(7)], ids=repr)
def test_a_number_of_any_kind_is_the_same_seed(seed: Any) -> None:
    assert torch_draw(seed) == float(torch.rand((), generator=torch.Generator().manual_seed(7)))
    assert numpy_draw(seed) == np.random.default_rng(7).random()
    assert int_seed(seed) == 7


def test_a_generator_of_the_same_kind_is_used_as_it_is() -> None:
    theirs, numpys = torch.Generator().manual_seed(3), np.random.default_rng(3)
    assert torch_generator(theirs) is theirs
    assert numpy_generator(numpys) is numpys


@pytest.mark.parametrize(
    ("draw", "other"),
    [(torch_draw, lambda: np.random.default_rng(3)), (numpy_draw, lambda: torch.Generator().manual_seed(3))],
    ids=["torch", "numpy"],
)
def test_a_generator_of_the_other_kind_gives_a_drawn_seed_and_moves_on(draw: Any, other: Any) -> None:
    once, again = other(), other()
    first, second = draw(once), draw(once)
    assert first != second
    assert [draw(again), draw(again)] == [first, second]


def test_no_seed_touches_the_global_generators() -> None:
    torch.manual_seed(0)
    np.random.seed(0)
    before, numpys = torch.get_rng_state(), np.random.get_state()[1].copy()
    for seed in (1, torch.Generator(), np.random.default_rng(1)):
        torch_draw(seed), numpy_draw(seed), int_seed(seed)
    assert torch.equal(torch.get_rng_state(), before)
    assert (np.random.get_state()[1] == numpys).all()


@pytest.mark.parametrize("bad", BAD, ids=repr)
@pytest.mark.parametrize("make", [torch_generator, numpy_generator, int_seed])
def test_what_is_no_seed_is_refused(make: Any, bad: Any) -> None:
    with pytest.raises(InputError, match="seed is"):
        make(bad)


def test_seeds_end_where_they_are_said_to() -> None:
    assert int_seed(2**32 - 1, high=2**32 - 1) == 2**32 - 1
    assert all(int_seed(make, high=2**32 - 1) < 2**32 for make in (torch.Generator(), np.random.default_rng(0)))
    for seed, high in ((2**32, 2**32 - 1), (2**64, 2**64 - 1)):
        with pytest.raises(InputError, match=f"from 0 to {high}"):
            int_seed(seed, high)


def test_whole_numbers_know_their_ends() -> None:
    assert whole_number(np.int32(5), "n", 1, 5) == 5
    assert type(whole_number(np.int32(5), "n", 1)) is int
    with pytest.raises(InputError, match=r"n is 6: expected a whole number from 1 to 5\."):
        whole_number(6, "n", 1, 5)
    with pytest.raises(InputError, match=r"bins is 0: expected a whole number of at least 1\."):
        whole_number(0, "bins", 1)


@pytest.mark.parametrize("total", [3, None])
def test_a_function_is_told_after_each_thing(total: int | None) -> None:
    told: list[tuple[int, int]] = []
    seen = []
    for item in counted("abc", total, lambda *done: told.append(done), "letters"):
        seen.append((item, len(told)))
    assert seen == [("a", 0), ("b", 1), ("c", 2)]
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_what_has_no_length_counts_to_none() -> None:
    told: list[tuple[int, int]] = []
    assert list(counted((x for x in "ab"), None, lambda *done: told.append(done), "")) == ["a", "b"]
    assert told == [(1, 0), (2, 0)]


def test_true_shows_a_bar_and_false_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(counted(range(3), None, False, "things")) == [0, 1, 2]
    assert not capsys.readouterr().err
    assert list(counted(range(3), None, True, "things")) == [0, 1, 2]
    shown = capsys.readouterr().err
    assert "things" in shown
    assert "3/3" in shown


@pytest.mark.parametrize("bad", [None, 1, "yes"])
def test_another_progress_is_refused_at_once(bad: Any) -> None:
    with pytest.raises(InputError, match="progress is"):
        counted([1], 1, bad, "")
