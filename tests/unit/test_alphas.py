"""Every class at once: where a closed form is accepted, and where taking cells away is called exact."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gradlab import core, explain
from tests.conftest import Small

X = torch.randn(2, 3, 16, 16)
Head = Callable[["Ended", Tensor], Tensor]


class Ended(nn.Module):
    """A convolution whose channels are far from 0, and a head."""

    def __init__(self, head: Head) -> None:
        super().__init__()
        self.conv, self.norm, self.fc = nn.Conv2d(3, 6, 3), nn.LayerNorm(6), nn.Linear(6, 5)
        nn.init.constant_(self.conv.bias, 3.0)
        self.head = head

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self, self.conv(x))


EXACT: dict[str, Head] = {
    "mean": lambda m, a: m.fc(a.mean((2, 3))),
    "pooled": lambda m, a: m.fc(F.adaptive_avg_pool2d(a, 1).flatten(1)),
    "one window": lambda m, a: m.fc(F.avg_pool2d(a, 14).flatten(1)),
    "sum": lambda m, a: m.fc(a.sum((2, 3)) / 196),
    "one axis after another": lambda m, a: m.fc(a.mean(3).mean(2)),
    "pooled, in memory channels last": lambda m, a: m.fc(
        F.adaptive_avg_pool2d(a.contiguous(memory_format=torch.channels_last), 1).flatten(1)
    ),
    "channels last": lambda m, a: m.fc(a.permute(0, 2, 3, 1).mean((1, 2))),
}
NOT_EXACT: dict[str, Head] = {
    "ReLU between": lambda m, a: m.fc(a.mean((2, 3)).relu()),
    "ReLU6 behind": lambda m, a: F.hardtanh(m.fc(a.mean((2, 3))), -1e3, 1e3),
    "a shift": lambda m, a: m.fc(a.mean((2, 3)) - 1),
    "scaled channels": lambda m, a: m.fc(a.mean((2, 3)) * torch.arange(1.0, 7.0).to(a)),
    "weighted cells": lambda m, a: m.fc((a * torch.linspace(0.5, 1.5, 14).to(a)).mean((2, 3))),
    "maximum": lambda m, a: m.fc(F.adaptive_max_pool2d(a, 1).flatten(1)),
    "norm": lambda m, a: m.fc(m.norm(a.mean((2, 3)))),
    "rows of logits": lambda m, a: m.fc(a.mean((2, 3))).abs(),
    "one over": lambda m, a: m.fc(1 / a.mean((2, 3))),
}


@pytest.mark.parametrize("name", [*EXACT, *NOT_EXACT])
def test_exact_is_what_removing_cells_shows(name: str) -> None:
    model = Ended({**EXACT, **NOT_EXACT}[name]).eval()
    found = explain.class_maps(model, X, layer="conv")
    assert found.exact == (name in EXACT)
    gone = torch.zeros(14, 14, dtype=torch.bool)
    gone[:, :9] = True
    with torch.no_grad():
        want = model.head(model, model.conv(X) * ~gone)
    if found.exact:
        torch.testing.assert_close(found.logits - (found.maps * gone).sum((2, 3)), want)
        torch.testing.assert_close(found.maps.sum((2, 3)), found.logits - model.fc.bias)


@pytest.mark.parametrize("name", [*EXACT, *NOT_EXACT])
@pytest.mark.parametrize(("dtype", "slack"), [(torch.float64, 1e-9), (torch.float16, 0.02), (torch.bfloat16, 0.1)])
def test_all_contrasts_at_once_are_the_single_ones_in_every_precision(
    name: str, dtype: torch.dtype, slack: float
) -> None:
    model, x = Ended({**EXACT, **NOT_EXACT}[name]).eval().to(dtype), X.to(dtype)
    found = explain.class_maps(model, x, layer="conv")
    each = torch.cat([explain.contrast_cam(model, x, contrast=q, layer="conv") for q in range(5)], 1)
    assert float((found.contrasts() - each).abs().max()) <= slack * float(each.abs().max())
    assert found.exact == (name in EXACT and dtype == torch.float64)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("factor", [1.02, 1.0])
def test_the_last_layer_is_told_apart_in_half_precision(dtype: torch.dtype, factor: float) -> None:
    """A head that is 2 % away from W h + b would pass a tolerance of a thousand roundings."""

    class Scaled(Small):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) * (1 + 2.5 * (factor - 1))

    model = Scaled().eval().to(dtype)
    if factor == 1.0:
        assert core.last_layer(model, X.to(dtype)).layer == "fc"
    else:
        with pytest.raises(core.LayerError, match="no closed form"):
            core.last_layer(model, X.to(dtype))
