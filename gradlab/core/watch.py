"""See what the parts of a network are given while it runs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["watch"]


def watch(
    module: nn.Module, x: Tensor, see: Callable[[str, nn.Module, tuple[Any, ...]], None], extra_inputs: Sequence[Any]
) -> None:
    """Run a network once, and call ``see(name, part, what it is given)`` before each of its parts runs.

    The network must be one's own copy, in eval mode: ``see`` may change it. A part that the others only read from, or
    that is TorchScript, is not seen.
    """
    hooks = []
    try:
        for name, part in module.named_modules():
            if not isinstance(part, torch.jit.ScriptModule):
                hooks.append(part.register_forward_pre_hook(functools.partial(_told, see, name)))
        devices = sorted({p.device.index for p in module.parameters() if p.is_cuda})
        with torch.inference_mode(False), torch.no_grad(), torch.random.fork_rng(devices):
            module(x, *extra_inputs)
    finally:
        for hook in hooks:
            hook.remove()


def _told(see: Callable[..., None], name: str, part: nn.Module, given: tuple[Any, ...]) -> None:
    see(name, part, given)
