"""What is drawn and what is hidden: refused by name where it is no picture; and networks of two classes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from gradlab import explain
from gradlab.core import InputError
from tests.conftest import Small

X = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def test_two_classes_have_contrasts() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)).eval()
    maps = explain.class_maps(model, X)
    p = maps.logits.softmax(1)
    mean = (p[:, :, None, None] * maps.maps).sum(1, keepdim=True)
    torch.testing.assert_close(maps.contrasts(), mean - maps.maps)


@pytest.mark.parametrize("draw", [explain.upsample, explain.unit_scale])
def test_maps_that_are_none_are_refused(draw: Any) -> None:
    for maps in (torch.ones(2, 2, dtype=torch.int64), torch.ones(0, 2, 2), torch.ones(3), [[1.0]]):
        with pytest.raises(InputError, match="expected a floating tensor"):
            draw(maps, *([(4, 4)] if draw is explain.upsample else []))


def test_a_baseline_that_is_not_finite_is_refused() -> None:
    with pytest.raises(InputError, match="baseline holds NaN or infinite values"):
        explain.occlusion(Small().eval(), X, 1, window=4, stride=4, baseline=float("nan"))
    with pytest.raises(InputError, match="baseline holds NaN or infinite values"):
        explain.occlusion(Small().eval(), X, 1, window=4, stride=4, baseline=[0.0, float("inf"), 0.0])
