"""Slow information straight from the definitions: one sample, one label, one whole backward pass at a time."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def entropy(p: list[float], base: float) -> float:
    return math.fsum(-v * math.log(v, base) for v in p if v > 0)


def mutual_information(joint: list[list[float]], base: float) -> float:
    rows = [math.fsum(row) for row in joint]
    columns = [math.fsum(column) for column in zip(*joint, strict=True)]
    return math.fsum(
        v * math.log(v / (rows[i] * columns[j]), base)
        for i, row in enumerate(joint)
        for j, v in enumerate(row)
        if v > 0
    )


def score(model: nn.Module, picture: Tensor, label: int) -> dict[str, Tensor]:
    """d log p_label / d theta of one picture (C, H, W), for every parameter, frozen or not."""
    parameters = dict(model.named_parameters())
    frozen = {name: p.requires_grad for name, p in parameters.items()}
    try:
        for p in parameters.values():
            p.requires_grad_(True)
        with torch.enable_grad():
            log_p = model(picture[None])[0].log_softmax(0)[label]
            found = torch.autograd.grad(log_p, list(parameters.values()), allow_unused=True)
    finally:
        for name, p in parameters.items():
            p.requires_grad_(frozen[name])
    return {
        name: torch.zeros_like(p) if g is None else g
        for (name, p), g in zip(parameters.items(), found, strict=True)
    }  # fmt: skip


def diagonals(model: nn.Module, x: Tensor, weights: Tensor) -> list[dict[str, Tensor]]:
    """sum_c w_c g_c^2 of each picture, for label weights (N, classes)."""
    found = []
    for picture, row in zip(x, weights, strict=True):
        total = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
        for label, weight in enumerate(row.tolist()):
            for name, g in score(model, picture, label).items():
                total[name] += weight * g**2
        found.append({name: values.detach() for name, values in total.items()})
    return found


def fisher_map(model: nn.Module, layer: nn.Module | None, picture: Tensor, of: str) -> Tensor:
    """The map of one picture (1, C, H, W) from its definition, (h, w); layer None is the picture itself."""
    kept: list[Tensor] = []

    def hook(_: nn.Module, __: object, output: Tensor) -> Tensor:
        kept.append(output)
        return output.clone()

    leaf = picture.clone().requires_grad_()
    handle = layer.register_forward_hook(hook) if layer is not None else None
    with torch.enable_grad():
        logits = model(leaf.clone())[0]
    if handle is not None:
        handle.remove()
    a = kept[0] if layer is not None else leaf
    total = torch.zeros(a.shape[2:], dtype=picture.dtype)
    for label, p in enumerate(logits.softmax(0).tolist()):
        (g,) = torch.autograd.grad(-logits.log_softmax(0)[label], a, retain_graph=True)
        for i in range(a.shape[2]):
            for j in range(a.shape[3]):
                vector = g[0, :, i, j]
                total[i, j] += p * (vector @ a[0, :, i, j].detach() if of == "presence" else vector.norm()) ** 2
    return total
