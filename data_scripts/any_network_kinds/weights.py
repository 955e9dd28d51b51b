"""How a network keeps its weights: pruned, normed, made anew, cached."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune

from data_scripts.any_network_kinds.base import ALL, Plain, forward_of, kind
from data_scripts.any_network_zoo import CLASSES

# These weights are made of others, whose gradients are asked.


def _pruned(base: Plain) -> nn.Module:
    for part in (base.one[0], base.two[0], base.head):
        prune.identity(part, "weight")
    return base


def _old_weight_norm(base: Plain) -> nn.Module:
    for part in (base.one[0], base.head):
        nn.utils.weight_norm(part)
    return base


def _weight_norm(base: Plain) -> nn.Module:
    for part in (base.one[0], base.head):
        parametrizations.weight_norm(part)
    return base


def _spectral_norm(base: Plain) -> nn.Module:
    parametrizations.spectral_norm(base.two[0])
    return base.eval()


for _name, _made in (("pruned", _pruned), ("weight norm (old)", _old_weight_norm), ("weight norm", _weight_norm)):
    kind(_name, own=True)(_made)
kind("spectral norm", same=True)(_spectral_norm)


@kind("lazily initialised")
def _(base: Plain) -> nn.Module:
    lazy = nn.LazyLinear(CLASSES)
    lazy.double()(torch.zeros(1, 16).double())
    lazy.load_state_dict(base.head.state_dict())
    base.head = lazy
    return base


@kind("not yet initialised", undefined=ALL)
def _(base: Plain) -> nn.Module:
    base.head = nn.LazyLinear(CLASSES).double()  # type: ignore[assignment]
    return base


def _quantised(base: Plain) -> nn.Module:
    return torch.ao.quantization.quantize_dynamic(base, {nn.Linear})  # type: ignore[no-any-return]


kind("quantised head", dtype=torch.float, exact=torch.float, undefined=ALL - {"occlusion"}, same=True)(_quantised)


class Lora(nn.Linear):
    """A linear layer and a correction of rank two."""

    def __init__(self, base: nn.Linear) -> None:
        super().__init__(base.in_features, base.out_features)
        self.load_state_dict(base.state_dict())
        self.down, self.up = nn.Linear(base.in_features, 2, bias=False), nn.Linear(2, base.out_features, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + self.up(self.down(x))


@kind("LoRA on the head", same=True, undefined=frozenset({"features"}))
def _(base: Plain) -> nn.Module:
    base.head = Lora(base.head).to(base.head.weight)
    return base


class Scaled(nn.Linear):
    """A subclass of Linear that computes something else."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * 3


@kind("a subclass of Linear", same=True)
def _(base: Plain) -> nn.Module:
    scaled = Scaled(16, CLASSES).to(base.head.weight)
    scaled.load_state_dict(base.head.state_dict())
    base.head = scaled
    return base


@kind(
    "a cache in a plain attribute", plainly=lambda base: forward_of(base, _uncached), undefined=frozenset({"features"})
)
def _cached(base: Plain) -> nn.Module:
    def forward(self: Any, x: Tensor) -> Tensor:
        if not self.kept or self.training:
            self.kept["scale"] = self.head.weight.abs().sum() * 1
        return self.head(self.trunk(x).mean((2, 3))) * self.kept["scale"]

    made = forward_of(base, forward)
    made.kept = {}  # type: ignore[assignment]
    return made


def _uncached(self: Plain, x: Tensor) -> Tensor:
    return self.head(self.trunk(x).mean((2, 3))) * self.head.weight.abs().sum()


@kind("a buffer given anew")
def _(base: Plain) -> nn.Module:
    def forward(self: Any, x: Tensor) -> Tensor:
        self.calls = self.calls + 1
        return Plain.forward(self, x)

    made = forward_of(base, forward)
    made.register_buffer("calls", torch.zeros((), dtype=torch.long))
    return made


@kind("weights that are NaN", undefined=ALL)
def _(base: Plain) -> nn.Module:
    base.two[0].weight.data[0, 0, 0, 0] = torch.nan
    return base
