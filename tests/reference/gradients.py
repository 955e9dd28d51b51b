"""Backward rules straight from their definition: networks written twice, the second time with the rule spelled out."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Relu = Callable[..., Tensor]


def ruled(kind: str, ceiling: float = torch.inf) -> Relu:
    """Return a ReLU whose backward pass is the rule's loop over units."""

    class Ruled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x: Tensor) -> Tensor:
            out = x.detach().clone()
            flat = out.view(-1)
            for i in range(flat.numel()):
                flat[i] = min(max(float(flat[i]), 0.0), ceiling)
            ctx.save_for_backward(x)
            return out

        @staticmethod
        def backward(ctx, arriving: Tensor) -> Tensor:
            (x,) = ctx.saved_tensors
            out = arriving.clone()
            units, flat = x.reshape(-1), out.view(-1)
            for i in range(flat.numel()):
                active = 0 < float(units[i]) < ceiling
                positive = float(flat[i]) > 0
                passes = {"gradient": active, "deconvnet": positive, "guided_backprop": active and positive}[kind]
                flat[i] = flat[i] if passes else 0.0
            return out

    return lambda x, *_, **__: Ruled.apply(x)


class Plain(nn.Module):
    """Convolutions with one ReLU after each, and a head; ``style`` says how the ReLUs are written."""

    def __init__(self, style: str) -> None:
        super().__init__()
        self.style = style
        self.one, self.two, self.three = (nn.Conv2d(c, 4, 3, padding=1) for c in (3, 4, 4))
        self.head = nn.Linear(4, 3)
        self.module = {"in-place": nn.ReLU(True), "relu6": nn.ReLU6(), "relu6 in-place": nn.ReLU6(True),
                       "hardtanh": nn.Hardtanh(0.0, 2.0)}.get(style, nn.ReLU())  # fmt: skip
        self.spelled: Relu | None = None  # the reference's ReLU

    def relu(self, x: Tensor) -> Tensor:
        if self.spelled is not None:
            return self.spelled(x)
        ways: dict[str, Relu] = {
            "functional": F.relu, "torch": torch.relu, "method": lambda t: t.relu(),
            "method in-place": lambda t: t.relu_(),
            "functional in-place": lambda t: F.relu(t, inplace=True), "positional": lambda t: F.relu(t, True),
            "functional relu6": lambda t: F.relu6(t, inplace=True),
        }  # fmt: skip
        return ways.get(self.style, self.module)(x)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.one(x) * 4)
        x = self.relu(self.two(x) * 4)
        return self.head(self.relu(self.three(x)).mean((2, 3)))


class Skip(Plain):
    """A pre-activation residual: what the ReLU reads also goes round it."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.one(x)
        x = x + self.two(self.relu(x))
        x = x + self.three(self.relu(x))
        return self.head(self.relu(x).mean((2, 3)))


STYLES = ("module", "in-place", "functional", "torch", "method", "method in-place", "functional in-place", "positional",
          "relu6", "relu6 in-place", "functional relu6", "hardtanh")  # fmt: skip
CEILINGS = {"relu6": 6.0, "relu6 in-place": 6.0, "functional relu6": 6.0, "hardtanh": 2.0}


def slope(network: Plain, kind: str, x: Tensor, target: int | Callable[[Tensor], Tensor]) -> Tensor:
    """Return a logit's gradient by x, or a score's, with the rule of ``kind`` at every ReLU of ``network``."""
    score = target if callable(target) else lambda z: z[:, target]
    network.spelled = ruled(kind, CEILINGS.get(network.style, torch.inf))
    try:
        x = x.clone().requires_grad_()
        return torch.autograd.grad(score(network(x)).sum(), x)[0]
    finally:
        network.spelled = None
