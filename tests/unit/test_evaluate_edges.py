"""What the experiments are given, refused by name before any work is done."""

from __future__ import annotations

from typing import Any

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


@pytest.mark.parametrize(
    ("predict", "words"),
    [
        (lambda network, x: torch.zeros(7), "what predict returns is Tensor"),
        (lambda network, x: torch.full((2, 3), 0.5), "not rows that sum to 1"),
        (lambda network, x: torch.full((2, 2), 0.5), "predict returns 2 rows for 3 pictures of 't'"),
    ],
)
def test_what_predict_returns_is_checked(predict: Any, words: str) -> None:
    x, labels = torch.zeros(3, 1, 4, 4), torch.tensor([0, 1, 0])
    rounds = active.run(
        {"f": lambda *given: None}, (x, labels), {"t": (x, labels)}, budgets=[1], strategies=["random"], seeds=[0],
        predict=predict, progress=False,
    )  # fmt: skip
    with pytest.raises(InputError, match=words):
        next(iter(rounds))
