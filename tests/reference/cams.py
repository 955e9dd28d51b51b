"""Slow CAMs straight from their definitions: one sample, one class, one whole backward pass at a time.

The layer's output is read by a hook that keeps an untouched copy in the graph, with gradients on everywhere; nothing
is shared with the engine.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


def weighted_map(model: nn.Module, layer: nn.Module, x: Tensor, score: Callable[[Tensor], Tensor]) -> Tensor:
    """sum_k mean_ij(dS/dA^k_ij) A^k for one picture (1, C, H, W) and a layer (1, K, h, w): (h, w)."""
    kept: list[Tensor] = []

    def hook(_: nn.Module, __: object, output: Tensor) -> Tensor:
        kept.append(output)
        return output.clone()

    handle = layer.register_forward_hook(hook)
    try:
        with torch.enable_grad():
            outputs = model(x.clone().requires_grad_())
            (gradient,) = torch.autograd.grad(score(outputs[0]), kept[-1])
    finally:
        handle.remove()
    total = torch.zeros(kept[-1].shape[2:], dtype=x.dtype)
    for k in range(gradient.shape[1]):
        total += gradient[0, k].mean() * kept[-1][0, k].detach()
    return total


def grad_cam(model: nn.Module, layer: nn.Module, x: Tensor, target: int) -> Tensor:
    return weighted_map(model, layer, x, lambda z: z[target])


def counterfactual_cam(model: nn.Module, layer: nn.Module, x: Tensor, target: int) -> Tensor:
    return weighted_map(model, layer, x, lambda z: -z[target])


def contrast_cam(model: nn.Module, layer: nn.Module, x: Tensor, contrast: int) -> Tensor:
    return weighted_map(model, layer, x, lambda z: -torch.log_softmax(z, 0)[contrast])
