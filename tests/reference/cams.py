"""Slow CAMs straight from their definitions: one sample, one class, one whole backward pass at a time.

The layer's output is read by a hook that keeps an untouched copy in the graph, with gradients on everywhere; nothing
is shared with the engine.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

Score = Callable[[Tensor], Tensor]


def logit(target: int) -> Score:
    return lambda z: z[target]


def loss(contrast: int) -> Score:
    """J = CE(z, Q), why not Q?"""
    return lambda z: -torch.log_softmax(z, 0)[contrast]


def activations_and_gradient(model: nn.Module, layer: nn.Module, x: Tensor, score: Score) -> tuple[Tensor, Tensor]:
    """A and dS/dA, both (K, h, w), for one picture (1, C, H, W) and a layer (1, K, h, w)."""
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
    return kept[-1][0].detach(), gradient[0]


def weighted_map(model: nn.Module, layer: nn.Module, x: Tensor, score: Score) -> Tensor:
    """sum_k mean_ij(dS/dA^k_ij) A^k: (h, w)."""
    activations, gradient = activations_and_gradient(model, layer, x, score)
    total = torch.zeros_like(activations[0])
    for k in range(len(gradient)):
        total += gradient[k].mean() * activations[k]
    return total


def cell_map(model: nn.Module, layer: nn.Module, x: Tensor, score: Score, weight: Callable[[float], float]) -> Tensor:
    """sum_k weight(dS/dA^k_ij) A^k_ij, cell by cell: (h, w)."""
    activations, gradient = activations_and_gradient(model, layer, x, score)
    total = torch.zeros_like(activations[0])
    for k in range(gradient.shape[0]):
        for i in range(gradient.shape[1]):
            for j in range(gradient.shape[2]):
                total[i, j] += weight(float(gradient[k, i, j])) * activations[k, i, j]
    return total


def grad_cam(model: nn.Module, layer: nn.Module, x: Tensor, target: int) -> Tensor:
    return weighted_map(model, layer, x, logit(target))


def counterfactual_cam(model: nn.Module, layer: nn.Module, x: Tensor, target: int) -> Tensor:
    return weighted_map(model, layer, x, lambda z: -z[target])


def contrast_cam(model: nn.Module, layer: nn.Module, x: Tensor, contrast: int) -> Tensor:
    return weighted_map(model, layer, x, loss(contrast))


def hires_cam(model: nn.Module, layer: nn.Module, x: Tensor, score: Score) -> Tensor:
    return cell_map(model, layer, x, score, lambda g: g)


def layer_cam(model: nn.Module, layer: nn.Module, x: Tensor, score: Score) -> Tensor:
    return cell_map(model, layer, x, score, lambda g: max(g, 0.0))
