"""The statistics of repetitions, against SciPy's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from gradlab.core import InputError
from gradlab.evaluate.statistics import mean_interval, paired_differences

numbers = st.lists(st.floats(-1e3, 1e3).map(lambda x: round(x, 4)), min_size=2, max_size=12)


@given(numbers, st.floats(0.5, 0.999))
def test_the_interval_is_scipys(values: list[float], confidence: float) -> None:
    found = mean_interval(values, confidence=confidence)
    scale = stats.sem(values)
    assert found.mean == pytest.approx(np.mean(values), abs=1e-9)
    if scale > 1e-9:
        low, high = stats.t.interval(confidence, len(values) - 1, np.mean(values), scale)
        assert (found.mean - found.half, found.mean + found.half) == pytest.approx((low, high), rel=1e-9, abs=1e-9)
    else:
        assert found.half == pytest.approx(0, abs=1e-6)


@given(numbers, st.integers(0, 2**32 - 1))
def test_the_sign_is_that_of_the_paired_test(mine: list[float], seed: int) -> None:
    others = list(np.asarray(mine) + np.random.default_rng(seed).normal(0.4, 1, len(mine)))
    tested = stats.ttest_rel(mine, others)
    found = mean_interval(paired_differences(mine, others)).sign
    assert found == (0 if tested.pvalue > 0.05 else np.sign(tested.statistic))


def test_one_value_has_no_interval_and_no_sign() -> None:
    found = mean_interval([3.0])
    assert found.mean == 3 and math.isnan(found.half) and found.sign == 0


def test_pairs_are_taken_in_order_and_rounding_is_no_difference() -> None:
    assert paired_differences([0.3, 0.7], [0.1, 0.9]) == [0.2, -0.2]  # 0.3 - 0.1 is 0.19999999999999998
    assert paired_differences([0.1 + 0.2], [0.3, 0.4]) == [0.0, -0.1]
    assert math.copysign(1, paired_differences([0.3], [0.1 + 0.2])[0]) == 1
    assert paired_differences([1e-20, 0], [3e-20, 0]) == [-2e-20, 0]  # twelve digits, not twelve places
    assert mean_interval(paired_differences([0.1 + 0.2] * 3, [0.3])).sign == 0


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: mean_interval([]),
        lambda: mean_interval([1, 2], confidence=95),
        lambda: paired_differences([1, 2], [1, 2, 3]),
        lambda: paired_differences([], [1]),
    ],
)
def test_what_makes_no_sense_is_refused(wrong) -> None:
    with pytest.raises(InputError):
        wrong()
