"""A chart's size, from both sides."""

from __future__ import annotations

import pytest

from gradlab.core.errors import InputError
from gradlab.course import chart


@pytest.mark.parametrize("size", [(0, 3), (3, 0), (1e6, 3), (3, 1e6), (3,), (3, 3, 3)])
def test_a_chart_has_a_size_that_can_be_drawn(size: tuple[float, float]) -> None:
    with pytest.raises(InputError, match="size"), chart(size=size, alt="A line."):
        pass
