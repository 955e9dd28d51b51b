"""The slow definitions for networks that are given, not written: each ReLU is replaced where PyTorch keeps it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.reference.occlusion import occlusion

Rule = Callable[[Tensor, Tensor], Tensor]  # (arriving, active) -> what goes on below
RULES: dict[str, Rule] = {
    "gradient": lambda arriving, active: arriving * active,
    "deconvnet": lambda arriving, active: arriving * (arriving > 0),
    "guided_backprop": lambda arriving, active: arriving * active * (arriving > 0),
}


def slow_occlusion(model: nn.Module, x: Tensor, window: int, stride: int, target: int = 5) -> Tensor:
    return occlusion(model, x, lambda z: z[:, target], (window, window), (stride, stride), torch.zeros_like(x))


def slow_cam(
    model: nn.Module, layer: str, size: tuple[int, ...], x: Tensor, score: Callable[[Tensor], Tensor]
) -> Tensor:
    """sum_k mean_ij(dS/dA^k_ij) A^k, (h, w), where channels may come last and patches may be tokens in a row."""
    kept: list[Tensor] = []

    def hook(_: nn.Module, __: Any, output: Tensor) -> Tensor:
        kept.append(output)
        return output.clone()

    handle = model.get_submodule(layer).register_forward_hook(hook)
    try:
        (gradient,) = torch.autograd.grad(score(model(x.clone().requires_grad_())[0]), kept[-1])
    finally:
        handle.remove()
    values, slopes = _channels_first(kept[-1].detach()[0], size), _channels_first(gradient[0], size)
    total = torch.zeros(size, dtype=x.dtype)
    for value, slope in zip(values, slopes, strict=True):
        total += slope.mean() * value
    return total


def _channels_first(values: Tensor, size: tuple[int, ...]) -> Tensor:
    if values.ndim == 2:  # tokens: the patches are the last ones
        return values[-size[0] * size[1] :].T.reshape(-1, *size)
    return values if tuple(values.shape[1:]) == size else values.movedim(-1, 0)


@contextmanager
def relu_rule(rule: Rule) -> Iterator[list[str]]:
    """Replace every way in which PyTorch writes a ReLU, process-wide; yields the list of those that ran."""
    used: list[str] = []

    class Ruled(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, ceiling: float) -> Tensor:
            ctx.save_for_backward((x > 0) & (x < ceiling))
            return x.clamp(0, ceiling)

        @staticmethod
        def backward(ctx: Any, *arriving: Tensor) -> tuple[Tensor, None]:
            return rule(arriving[0], ctx.saved_tensors[0]), None

    def ruled(ceiling: float, kept: Any) -> Callable[..., Tensor]:
        def run(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
            bounds = [*args, *kwargs.values()]
            bounded = kept.__name__ == "hardtanh"
            if bounded and (not bounds or bounds[0] != 0):
                return kept(x, *args, **kwargs)
            used.append(kept.__name__)
            return Ruled.apply(x, float(bounds[1]) if bounded else ceiling)

        return run

    places = [(F, "relu", math.inf), (F, "relu_", math.inf), (F, "relu6", 6.0), (F, "hardtanh", math.nan),
              (torch, "relu", math.inf), (torch, "relu_", math.inf), (Tensor, "relu", math.inf),
              (Tensor, "relu_", math.inf)]  # fmt: skip
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in places]
    try:
        for owner, name, ceiling in places:
            setattr(owner, name, ruled(ceiling, getattr(owner, name)))
        yield used
    finally:
        for owner, name, kept in before:
            setattr(owner, name, kept)
