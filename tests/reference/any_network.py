"""The slow definitions for networks that are given, not written.

Each picture is asked alone. Layers are read by a hook that puts a fresh leaf in their place; each ReLU is replaced
where PyTorch keeps it. Nothing is shared with the engine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.reference.occlusion import occlusion

Read = Callable[[Any], Tensor]  # what the network returns -> logits (N, classes) or values (N,)
Rule = Callable[[Tensor, Tensor], Tensor]  # (arriving, active) -> what goes on below
RULES: dict[str, Rule] = {
    "gradient": lambda arriving, active: arriving * active,
    "deconvnet": lambda arriving, active: arriving * (arriving > 0),
    "guided_backprop": lambda arriving, active: arriving * active * (arriving > 0),
}


def slow_occlusion(model: nn.Module, x: Tensor, window: int, stride: int, score: Read) -> Tensor:
    """(N, 1, H, W) for ``score``: outputs -> (N,)."""
    ones = [
        occlusion(model, one, score, (window, window), (stride, stride), torch.zeros_like(one)) for one in x.split(1)
    ]
    return torch.cat(ones)


def slow_cams(
    model: nn.Module, layer: str, size: tuple[int, ...], x: Tensor, scores: list[Callable[[Tensor], Tensor]], read: Read
) -> list[Tensor]:
    """sum_k mean_ij(dS/dA^k_ij) A^k of each score S(outputs of one picture), each (N, h, w).

    Channels may come last and patches may be tokens in a row.
    """
    found: list[list[Tensor]] = [[] for _ in scores]
    for one in x.split(1):
        leaf, z = _leaf(model, layer, one, read)
        values = _channels_first(leaf.detach()[0], size)
        for score, maps in zip(scores, found, strict=True):
            (gradient,) = torch.autograd.grad(score(z[0]), leaf, retain_graph=True)
            slopes = _channels_first(gradient[0], size)
            total = torch.zeros(size, dtype=x.dtype)
            for value, slope in zip(values, slopes, strict=True):
                total += slope.mean() * value
            maps.append(total)
    return [torch.stack(maps) for maps in found]


def bypassed(model: nn.Module, layer: str, x: Tensor, read: Read) -> bool:
    """Whether a path from picture to outputs goes round the layer: without it they still depend on the picture."""
    leaf = x[:1].clone().requires_grad_()
    with _cut(model, layer, lambda output: output.detach()):
        z = read(model(leaf))
    if not z.requires_grad:
        return False
    weights = torch.linspace(1, 2, z.numel(), dtype=z.dtype).reshape(z.shape)
    (gradient,) = torch.autograd.grad((z * weights).sum(), leaf, allow_unused=True)
    return gradient is not None and bool((gradient != 0).any())


def _leaf(model: nn.Module, layer: str, x: Tensor, read: Read) -> tuple[Tensor, Tensor]:
    kept: list[Tensor] = []

    def fresh(output: Tensor) -> Tensor:
        kept.append(output.detach().clone().requires_grad_())
        return kept[-1].clone()

    with _cut(model, layer, fresh):
        z = read(model(x.clone()))
    return kept[-1], z


@contextmanager
def _cut(model: nn.Module, layer: str, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    handle = model.get_submodule(layer).register_forward_hook(lambda part, args, output: change(output))
    try:
        with frozen(model), norms_written_out():
            yield
    finally:
        handle.remove()


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """No weight asks for a gradient: what still has one depends on the picture."""
    before = [(p, p.requires_grad) for p in model.parameters()]
    try:
        for p, _ in before:
            p.requires_grad_(False)
        yield
    finally:
        for p, asks in before:
            p.requires_grad_(asks)


@contextmanager
def norms_written_out() -> Iterator[None]:
    """Batch norms in eval mode by their formula: torch's own backward pass reads some gradients wrongly."""
    kept = F.batch_norm

    def written_out(x: Tensor, mean: Any, var: Any, w: Any = None, b: Any = None, training: bool = False,
                    momentum: float = 0.1, eps: float = 1e-5) -> Tensor:  # fmt: skip
        if training or mean is None:
            return kept(x, mean, var, w, b, training, momentum, eps)
        shape, wide = (-1, *[1] * (x.ndim - 2)), torch.promote_types(x.dtype, torch.float32)
        y = (x.to(wide) - mean.view(shape)) / (var.view(shape).to(wide) + eps).sqrt()
        y = y if w is None else y * w.view(shape)
        return (y if b is None else y + b.view(shape)).to(x.dtype)

    F.batch_norm = written_out
    try:
        yield
    finally:
        F.batch_norm = kept


def _channels_first(values: Tensor, size: tuple[int, ...]) -> Tensor:
    if values.ndim == 2 and values.shape[1] == size[0] * size[1] != values.shape[0]:  # patches behind their pixels
        return values.reshape(-1, *size)
    if values.ndim == 2:  # tokens: the patches are the last ones
        return values[-size[0] * size[1] :].T.reshape(-1, *size)
    return values if tuple(values.shape[1:]) == size else values.movedim(-1, 0)


def slow_weight_gradients(
    model: nn.Module, names: list[str], x: Tensor, scores: Callable[[Tensor], list[Tensor]], read: Read
) -> list[list[dict[str, Tensor]]]:
    """dS/d theta by picture, by score of that picture's outputs, by name; 0 where it does not depend."""
    parameters = dict(model.named_parameters())
    asked = {name: parameters[name] for name in names}
    before = [(p, p.requires_grad) for p in asked.values()]
    found = []
    try:
        for p, _ in before:
            p.requires_grad_(True)
        for one in x.split(1):
            made = []
            with norms_written_out():
                z = read(model(one.clone()))[0]
            for score in scores(z):
                g = torch.autograd.grad(score, list(asked.values()), retain_graph=True, allow_unused=True)
                pairs = zip(asked.items(), g, strict=True)
                made.append({name: torch.zeros_like(p) if own is None else own for (name, p), own in pairs})
            found.append(made)
    finally:
        for p, asks in before:
            p.requires_grad_(asks)
    return found


def slow_gradient(model: nn.Module, x: Tensor, score: Read, rule: Rule) -> tuple[Tensor, bool]:
    """dS/dx with the rule at every ReLU, and whether any ReLU stands between the picture and the score."""
    found, met = [], False
    for one in x.split(1):
        leaf = one.clone().requires_grad_()
        with frozen(model), norms_written_out(), relu_rule(rule) as used:
            found.append(torch.autograd.grad(score(model(leaf.clone())).sum(), leaf)[0])
        met |= bool(used)
    return torch.cat(found), met


@contextmanager
def relu_rule(rule: Rule) -> Iterator[list[str]]:
    """Replace every way in which PyTorch writes a ReLU, process-wide; yields the list of those that a score reached."""
    used: list[str] = []

    class Ruled(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, ceiling: float) -> Tensor:
            ctx.save_for_backward((x > 0) & (x < ceiling))
            return x.clamp(0, ceiling)

        @staticmethod
        def backward(ctx: Any, *arriving: Tensor) -> tuple[Tensor, None]:
            used.append("relu")
            return rule(arriving[0], ctx.saved_tensors[0]), None

    def ruled(ceiling: float, kept: Any) -> Callable[..., Tensor]:
        def run(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
            bounds = [*args, *kwargs.values()]
            bounded = kept.__name__ == "hardtanh"
            if bounded and (not bounds or bounds[0] != 0):
                return kept(x, *args, **kwargs)
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
