"""What the experiments are given, refused by name before any work is done."""

from __future__ import annotations

import pytest
import torch

from gradlab.core.errors import InputError
from gradlab.evaluate import active


@pytest.mark.parametrize("budgets", [7, "ab", None, {3: 4}])
def test_budgets_are_a_list(budgets: object) -> None:
    pool = torch.rand(6, 3, 16, 16)
    with pytest.raises(InputError, match="budgets"):
        held = (pool, torch.tensor([0, 1] * 3))
        list(active.run({"f": lambda *given: None}, held, {"t": held}, budgets))  # type: ignore[arg-type]
