"""How a network is run: in place, compiled, checkpointed, scripted, wrapped."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from data_scripts.any_network_kinds.base import SLOPES, Plain, forward_of, kind


@kind("in place on its input", plainly=lambda base: forward_of(base, lambda self, x: Plain.forward(self, x * 2 - 0.3)))
def _(base: Plain) -> nn.Module:
    return forward_of(base, lambda self, x: Plain.forward(self, x.mul_(2).sub_(0.3)))


@kind("in place on its map")
def _(base: Plain) -> nn.Module:
    def forward(self: Any, x: Tensor) -> Tensor:
        maps = self.trunk(x)
        out = self.head(maps.mean((2, 3)))
        maps.zero_()
        return out

    return forward_of(base, forward)


@kind("ReLUs in place")
def _(base: Plain) -> nn.Module:
    base.trunk[1], base.trunk[3] = nn.ReLU(True), nn.ReLU(True)
    return base


@kind("compiled (eager)")
def _(base: Plain) -> nn.Module:
    return torch.compile(base, backend="eager")  # type: ignore[return-value]


@kind("compiled in part")
def _(base: Plain) -> nn.Module:
    base.trunk = torch.compile(base.trunk, backend="eager")  # type: ignore[assignment]
    return base


@kind("compiled in place")
def _(base: Plain) -> nn.Module:
    base.compile(backend="eager")
    return base


@kind("checkpointed")
def _(base: Plain) -> nn.Module:
    def forward(self: Any, x: Tensor) -> Tensor:
        return self.head(checkpoint(self.trunk, x, use_reentrant=False).mean((2, 3)))

    return forward_of(base, forward)


@kind("checkpointed, re-entrant")
def _(base: Plain) -> nn.Module:
    def forward(self: Any, x: Tensor) -> Tensor:
        return self.head(checkpoint(self.trunk, x, use_reentrant=True).mean((2, 3)))

    return forward_of(base, forward)


@kind("head checkpointed")
def _(base: Plain) -> nn.Module:
    def forward(self: Any, x: Tensor) -> Tensor:
        return checkpoint(self.head, self.trunk(x).mean((2, 3)), use_reentrant=False)

    return forward_of(base, forward)


@kind("trunk under no_grad")
def _(base: Plain) -> nn.Module:
    def forward(self: Any, x: Tensor) -> Tensor:
        with torch.no_grad():
            maps = self.trunk(x)
        return self.head(maps.mean((2, 3)))

    return forward_of(base, forward)


@kind("trunk under inference_mode")
def _(base: Plain) -> nn.Module:
    def forward(self: Any, x: Tensor) -> Tensor:
        with torch.inference_mode():
            maps = self.trunk(x)
        return self.head(maps.mean((2, 3)).clone())

    return forward_of(base, forward)


@kind("trunk detached", undefined=SLOPES, skipped=frozenset({"fisher"}))
def _(base: Plain) -> nn.Module:
    return forward_of(base, lambda self, x: self.head(self.trunk(x).detach().mean((2, 3))))


@kind("scripted")
def _(base: Plain) -> nn.Module:
    return torch.jit.trace(base, torch.randn(2, 3, 32, 32).to(base.head.weight))  # type: ignore[no-any-return]


@kind("scripted in part")
def _(base: Plain) -> nn.Module:
    base.one = torch.jit.script(base.one)  # type: ignore[assignment]
    base.trunk[0] = base.one
    return base


@kind("trunk scripted")
def _(base: Plain) -> nn.Module:
    base.trunk = torch.jit.script(base.trunk)  # type: ignore[assignment]
    return base


@kind("a graph of torch.fx")
def _(base: Plain) -> nn.Module:
    return torch.fx.symbolic_trace(base)


@kind("in DataParallel")
def _(base: Plain) -> nn.Module:
    return nn.DataParallel(base)


@kind("averaged weights")
def _(base: Plain) -> nn.Module:
    return torch.optim.swa_utils.AveragedModel(base)


@kind("forward patched on the object")
def _(base: Plain) -> nn.Module:
    before = base.forward
    base.forward = lambda x: before(x)  # type: ignore[method-assign]
    return base


@kind("a forward hook that changes the map", plainly=lambda base: forward_of(base, _halved))
def _(base: Plain) -> nn.Module:
    base.trunk.register_forward_hook(lambda part, args, output: output / 2)
    return base


def _halved(self: Plain, x: Tensor) -> Tensor:
    return self.head(self.trunk(x).mean((2, 3)) / 2)


@kind("full backward hooks")
def _(base: Plain) -> nn.Module:
    for part in (base.one, base.trunk[1], base.head):
        part.register_full_backward_hook(lambda part, given, arriving: None)
    return base


@kind("keyword-only option")
def _(base: Plain) -> nn.Module:
    def forward(self: Any, x: Tensor, *, scale: float = 1.0) -> Tensor:
        return Plain.forward(self, x) * scale

    return forward_of(base, forward)


class Doubled(torch.autograd.Function):
    """A step of one's own, which has no rule for batches of gradients."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x * 2

    @staticmethod
    def backward(ctx: Any, *arriving: Tensor) -> Tensor:
        return torch.from_numpy(arriving[0].numpy() * 2)


@kind(
    "a step without batching rule",
    plainly=lambda base: forward_of(base, lambda self, x: self.head(self.trunk(x).mean((2, 3)) * 2)),
)
def _(base: Plain) -> nn.Module:
    return forward_of(base, lambda self, x: self.head(Doubled.apply(self.trunk(x).mean((2, 3)))))
