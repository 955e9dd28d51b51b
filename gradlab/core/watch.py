"""See what the parts of a network are given while it runs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from gradlab.core.errors import ModelError

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
        state = torch.get_rng_state()
        with torch.inference_mode(False), torch.no_grad(), _Unregistered(module):
            module(x.clone(), *extra_inputs)  # a forward may change what it is given in place
        if not torch.equal(torch.get_rng_state(), state):
            torch.set_rng_state(state)
    finally:
        for hook in hooks:
            hook.remove()


class _Unregistered(TorchDispatchMode):
    """Refuses a network that reads a parameter which none of its modules registers: a copy of it would not be whole."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.known = {id(p) for p in module.parameters()}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # to skip it imports all of torch's compiler: 165 MB and 2.5 seconds

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        for each in tree_iter((args, kwargs)):
            if isinstance(each, nn.Parameter) and id(each) not in self.known:
                raise ModelError(
                    f"The model reads weights {tuple(each.shape)} that no module registers, as of a module in a list: "
                    "use nn.ModuleList, or make it an attribute."
                )
        return func(*args, **(kwargs or {}))


def _told(see: Callable[..., None], name: str, part: nn.Module, given: tuple[Any, ...]) -> None:
    see(name, part, given)
