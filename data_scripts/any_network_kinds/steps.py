"""What a network computes: ReLUs by other names, pictures that see each other, coarse numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data_scripts.any_network_kinds.base import ALL, MAPS, Kind, Plain, forward_of, kind


@kind("statistics of the batch", same=True)
def _(base: Plain) -> nn.Module:
    base.two[1] = nn.BatchNorm2d(16, track_running_stats=False).to(base.head.weight)
    return base


@kind("pictures that see each other", same=True)
def _(base: Plain) -> nn.Module:
    return forward_of(base, lambda self, x: Plain.forward(self, x + 0.5 * x.mean(0, keepdim=True)))


@kind("dropout that never rests", undefined=ALL)
def _(base: Plain) -> nn.Module:
    return forward_of(base, lambda self, x: self.head(F.dropout(self.trunk(x).mean((2, 3)), 0.5, training=True)))


RECTIFIERS: dict[str, Callable[[Tensor], Tensor]] = {
    "clamp(min=0)": lambda x: x.clamp(min=0),
    "clamp_min_": lambda x: x.clamp_min_(0),
    "threshold": lambda x: F.threshold(x, 0, 0),
    "aten.relu": lambda x: torch.ops.aten.relu(x),
    "maximum": lambda x: torch.maximum(x, torch.zeros((), dtype=x.dtype)),
    "where": lambda x: torch.where(x > 0, x, 0),
    "x * (x > 0)": lambda x: x * (x > 0),
    "leaky_relu of slope 0": lambda x: F.leaky_relu(x, 0.0),
    "rrelu of bounds 0": lambda x: F.rrelu(x, 0.0, 0.0),
    "prelu of weight 0": lambda x: F.prelu(x, torch.zeros(1, dtype=x.dtype)),
    "clip": lambda x: torch.clip(x, min=0),
    "max with 0": lambda x: torch.stack([x, torch.zeros_like(x)]).amax(0),
    "abs": lambda x: (x + x.abs()) / 2,
}


class Rectifier(nn.Module):
    """max(x, 0) by another name."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def forward(self, x: Tensor) -> Tensor:
        return RECTIFIERS[self.name](x)


def _rectified(name: str) -> Kind:
    def make(base: Plain) -> nn.Module:
        base.trunk[1], base.trunk[3] = Rectifier(name), Rectifier(name)
        return base

    return make


for _name in RECTIFIERS:
    kind(f"ReLU as {_name}")(_rectified(_name))


def _gate(base: Plain) -> nn.Module:
    """A ReLU of the weights alone: the picture never meets one."""
    base.trunk[1], base.trunk[3] = nn.GELU(), nn.GELU()

    def forward(self: Any, x: Tensor) -> Tensor:
        return Plain.forward(self, x) * F.relu(self.head.bias + 1)

    made = forward_of(base, forward)
    made.trunk[1], made.trunk[3] = nn.GELU(), nn.GELU()
    return made


kind("ReLU that never sees the picture", same=True)(_gate)


@kind("called twice", layer="", undefined=MAPS, same=True)
def _(base: Plain) -> nn.Module:
    def forward(self: Any, x: Tensor) -> Tensor:
        return self.head(self.trunk(x).mean((2, 3)) + self.trunk(x.flip(3)).mean((2, 3)))

    return forward_of(base, forward)


@kind("flips in the batch", layer="", undefined=MAPS, same=True)
def _(base: Plain) -> nn.Module:
    def forward(self: Any, x: Tensor) -> Tensor:
        return Plain.forward(self, torch.cat([x, x.flip(3)])).unflatten(0, (2, len(x))).mean(0)

    return forward_of(base, forward)


@kind("quarters in the batch", layer="", undefined=MAPS, same=True)
def _(base: Plain) -> nn.Module:
    def forward(self: Any, x: Tensor) -> Tensor:
        parts = x.unfold(2, 16, 16).unfold(3, 16, 16).permute(0, 2, 3, 1, 4, 5).flatten(0, 2)
        return Plain.forward(self, parts).unflatten(0, (len(x), 4)).mean(1)

    return forward_of(base, forward)


@kind("strides of two sizes", same=True)
def _(base: Plain) -> nn.Module:
    base.two[0].stride = (1, 4)
    return base


@kind("PReLU and a GRU", same=True)
def _(base: Plain) -> nn.Module:
    def forward(self: Any, x: Tensor) -> Tensor:
        rows = self.gru(self.trunk(x).mean(2).transpose(1, 2))[0]
        return self.head(self.act(rows[:, -1]))

    return forward_of(base, forward, gru=nn.GRU(16, 16, batch_first=True), act=nn.PReLU())


@kind("signals (N, C, L)", size=(32,), undefined=ALL)
def _(base: Plain) -> nn.Module:
    return nn.Sequential(nn.Conv1d(3, 16, 3), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), base.head).double()


@kind("volumes (N, C, D, H, W)", size=(8, 8, 8), undefined=ALL)
def _(base: Plain) -> nn.Module:
    return nn.Sequential(nn.Conv3d(3, 16, 3), nn.ReLU(), nn.AdaptiveAvgPool3d(1), nn.Flatten(), base.head).double()


def _normed(base: Plain) -> nn.Module:
    """A norm between pooling and head: no closed form, however coarse the numbers are."""
    base.head = nn.Sequential(nn.LayerNorm(16), base.head).to(base.head.weight)  # type: ignore[assignment]
    return base


for _name, _dtype, _tolerance in (("float16", torch.half, 0.02), ("bfloat16", torch.bfloat16, 0.1)):
    kind(_name, dtype=_dtype, exact=_dtype, tolerance=_tolerance)(lambda base: base)
    kind(f"{_name}, a norm before the head", dtype=_dtype, exact=_dtype, tolerance=_tolerance, same=True)(_normed)
