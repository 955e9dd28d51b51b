"""Everything that a method must leave as it was."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedTensorMixin

KINDS_OF_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def snapshot(model: nn.Module, x: Tensor) -> dict[str, Any]:
    named = list(model.named_modules())
    return {
        "hooks": [(name, kind, tuple(getattr(part, kind, ()))) for name, part in named for kind in KINDS_OF_HOOKS],
        "modules": [(name, id(part), part.training) for name, part in named],
        "attributes": [(name, sorted(vars(part))) for name, part in named],
        "parameters": [(n, id(p), p.requires_grad, id(p.grad), version(p)) for n, p in model.named_parameters()],
        "buffers": [(n, id(b)) for n, b in model.named_buffers()],
        "values": [v.clone() for v in model.state_dict().values() if type(v) is Tensor],
        "grads": [None if p.grad is None else p.grad.clone() for p in model.parameters()],
        "input": (id(x), x.requires_grad, x.is_leaf and x.grad, version(x), x.detach().clone()),
        "rng": torch.get_rng_state(),
        "modes": modes(),
    }


def version(values: Tensor) -> int:
    return 0 if isinstance(values, UninitializedTensorMixin) or values.is_inference() else values._version


def modes() -> tuple[Any, ...]:
    return (
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.is_autocast_enabled("cpu"),
        torch.get_autocast_dtype("cpu"),
        torch.is_anomaly_enabled(),
        torch.get_default_dtype(),
        torch.are_deterministic_algorithms_enabled(),
        torch._C._len_torch_function_stack(),
        torch._C._len_torch_dispatch_stack(),
    )


def same(before: Any, after: Any) -> bool:
    if isinstance(before, Tensor):
        return before.is_meta or torch.allclose(before, after, rtol=0, atol=0, equal_nan=True)
    if isinstance(before, dict):
        return before.keys() == after.keys() and all(same(before[k], after[k]) for k in before)
    if isinstance(before, (list, tuple)):
        return len(before) == len(after) and all(map(same, before, after))
    return bool(before == after)


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return [k for k in before if not same(before[k], after[k])]


@contextlib.contextmanager
def unchanged(model: nn.Module, x: Tensor) -> Iterator[None]:
    torch.rand(1)  # or a method that seeds would find the state that it left the time before
    before = snapshot(model, x)
    try:
        yield
    finally:
        assert changes(before, snapshot(model, x)) == []
