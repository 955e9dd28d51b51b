"""What is found out in a network's first run, and readable errors where it cannot run at all."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from gradlab.core.errors import InputError
from gradlab.core.interrupts import and_back

__all__ = ["Watch", "misfit", "rewound"]

T = TypeVar("T")


class Watch(TorchDispatchMode):
    """Notes whether an operation of this thread reads a tensor of the original's, and whether it draws at random."""

    def __init__(self, originals: dict[int, Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.originals, self.met, self.draws = originals, False, False

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # to skip it imports all of torch's compiler: 165 MB and 2.5 seconds

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = list(tree_iter((args, kwargs)))
        self.met = self.met or any(id(each) in self.originals for each in given)
        if torch.Tag.nondeterministic_seeded in func.tags:  # from the global state, unless it was given another
            self.draws = self.draws or not any(isinstance(each, torch.Generator) for each in given)
        return func(*args, **(kwargs or {}))


def rewound(run: Callable[[], T], device: torch.device | None, watch: Watch | None = None) -> T:
    """Run, and put the global random state back: if ``watch`` is given, if it saw that the run drew from it."""
    generators = [torch.default_generator]
    if device is not None and device.type == "cuda":
        generators.append(torch.cuda.default_generators[device.index])
    before = [(generator, generator.get_state()) for generator in generators]

    def put_back() -> None:
        for generator, state in before if watch is None or watch.draws else ():
            generator.set_state(state)

    return and_back(run, put_back)


def misfit(error: Exception, x: Tensor, extra: Sequence[Any], module: nn.Module) -> InputError | None:
    """Return a readable error where the picture's channels do not fit, or the model reads more than it was given."""
    if isinstance(error, TypeError):
        try:
            inspect.signature(module.forward).bind(x, *extra)
        except TypeError as reason:
            return InputError(f"The model's forward does not take what it is given ({reason}): see extra_inputs=.")
        return None
    first = next((m for m in module.modules() if isinstance(m, nn.Conv2d)), None)
    if first is None or x.ndim != 4 or first.in_channels == x.shape[1] or "channels" not in str(error):
        return None
    return InputError(
        f"The inputs have {x.shape[1]} channels, but the model's first convolution reads {first.in_channels}."
    )
