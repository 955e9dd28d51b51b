"""Callers as they are: each asks a method in a mode or with arguments of its own."""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from tests.contract.methods import Question

# (method, model, x, question) -> the answer
Caller = Callable[[Callable[..., Tensor], nn.Module, Tensor, Question], Tensor]
TRANSFORMED = r"torch\.func|inference tensor"


@dataclass(frozen=True)
class Call:
    """A caller; refuses: what a method needs, to the reason of its refusal; may: a reason that holds for some."""

    by: Caller
    refuses: Mapping[str, str] = field(default_factory=dict)
    may: str = "^$"


def inside(made: Callable[[], Any], refuses: Mapping[str, str] | None = None, may: str = "^$") -> Call:
    """Ask within a context manager."""

    def by(ask: Callable[..., Tensor], model: nn.Module, x: Tensor, q: Question) -> Tensor:
        with made():
            return ask(model, x, q)

    return Call(by, refuses or {}, may)


def of(change: Callable[[Tensor], Tensor], refuses: Mapping[str, str] | None = None) -> Call:
    """Ask about other tensors of the same values."""
    return Call(lambda ask, model, x, q: ask(model, change(x), q), refuses or {})


@contextlib.contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextlib.contextmanager
def default_device(device: str) -> Iterator[None]:
    torch.set_default_device(device)
    try:
        yield
    finally:
        torch.set_default_device(None)


@contextlib.contextmanager
def deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


@contextlib.contextmanager
def strict() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # A checkpoint's own word to whoever runs it without gradients.
        warnings.filterwarnings("ignore", "None of the inputs have requires_grad")
        yield


class Calling(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


class Dispatching(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


class Marked(Tensor):
    """A subclass that adds nothing, as fastai's and torchvision's TVTensors do."""


def hooked(ask: Callable[..., Tensor], model: nn.Module, x: Tensor, q: Question) -> Tensor:
    """Hooks of the user's that look on: forward ones run, none of them changes anything."""
    handles = []
    for part in model.modules():
        if isinstance(part, torch.jit.ScriptModule):
            continue
        handles += [
            part.register_forward_hook(lambda *_: None),
            part.register_forward_pre_hook(lambda *_: None),
            part.register_full_backward_hook(lambda *_: None),
            part.register_full_backward_pre_hook(lambda *_: None),
        ]
    try:
        return ask(model, x, q)
    finally:
        for handle in handles:
            handle.remove()


def threaded(ask: Callable[..., Tensor], model: nn.Module, x: Tensor, q: Question) -> Tensor:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(ask, model, x, q).result()


def of_a_graph(x: Tensor) -> Tensor:
    return x.clone().requires_grad_() * 1.0


def strided(x: Tensor) -> Tensor:
    """Every other number of a larger tensor."""
    wide = x.new_full((*x.shape[:-1], 2 * x.shape[-1]), 9.0)
    wide[..., ::2] = x
    return wide[..., ::2]


def within(transform: Callable[..., Any]) -> Caller:
    def by(ask: Callable[..., Tensor], model: nn.Module, x: Tensor, q: Question) -> Tensor:
        return transform(lambda part: ask(model, part, q).float().sum())(x)  # type: ignore[no-any-return]

    return by


def mapped(ask: Callable[..., Tensor], model: nn.Module, x: Tensor, q: Question) -> Tensor:
    return torch.func.vmap(lambda row: ask(model, row[None], q))(x)  # type: ignore[no-any-return]


def closed_over(ask: Callable[..., Tensor], model: nn.Module, x: Tensor, q: Question) -> Tensor:
    """The transform is of something else; the pictures are ordinary ones."""
    return torch.func.vmap(lambda row: ask(model, x, q) + 0 * row)(torch.zeros(1))[0]  # type: ignore[no-any-return]


def pushed(ask: Callable[..., Tensor], model: nn.Module, x: Tensor, q: Question) -> Tensor:
    return torch.func.jvp(lambda part: ask(model, part, q), (x,), (torch.ones_like(x),))[0]  # type: ignore[no-any-return]


def dual(ask: Callable[..., Tensor], model: nn.Module, x: Tensor, q: Question) -> Tensor:
    with torch.autograd.forward_ad.dual_level():
        return ask(model, torch.autograd.forward_ad.make_dual(x, torch.ones_like(x)), q)


_TRANSFORMS: dict[str, Caller] = {
    "vmap": mapped,
    "vmap of something else": closed_over,
    "grad": within(torch.func.grad),
    "jacrev": within(torch.func.jacrev),
    "jacfwd": within(torch.func.jacfwd),
    "jvp": pushed,
    "functionalize": within(torch.func.functionalize),
}

CALLERS: dict[str, Call] = {
    "plain": Call(lambda ask, model, x, q: ask(model, x, q)),
    "default dtype float64": inside(functools.partial(default_dtype, torch.float64)),
    "default dtype bfloat16": inside(functools.partial(default_dtype, torch.bfloat16)),
    "default device meta": inside(functools.partial(default_device, "meta")),
    "with the device meta": inside(lambda: torch.device("meta")),
    "autocast": inside(lambda: torch.autocast("cpu", torch.bfloat16)),
    "autocast and no_grad": inside(lambda: _both()),
    "anomaly mode": inside(lambda: torch.autograd.set_detect_anomaly(True)),
    "hooks of the user's": Call(hooked),
    "TorchFunctionMode": inside(Calling),
    "TorchDispatchMode": inside(Dispatching),
    "FlopCounterMode": inside(lambda: FlopCounterMode(display=False), may="A mode follows the model's gradients"),
    "profiler": inside(lambda: torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU])),
    "saved tensors packed": inside(lambda: torch.autograd.graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t)),
    "no_grad": inside(torch.no_grad),
    "inference_mode": inside(torch.inference_mode),
    "inference tensor": Call(lambda ask, model, x, q: ask(model, inference(x), q)),
    "numpy integers": Call(lambda ask, model, x, q: ask(model, x, replace(q, whole=np.int64))),
    "small numpy integers": Call(lambda ask, model, x, q: ask(model, x, replace(q, whole=np.uint8))),
    "deterministic algorithms": inside(deterministic),
    "warnings are errors": inside(strict),
    "in a thread": Call(threaded),
    "pictures that require gradients": of(lambda x: x.clone().requires_grad_()),
    "pictures of a graph": of(of_a_graph),
    "pictures in a parameter": of(lambda x: nn.Parameter(x.clone())),
    "pictures of a subclass": of(lambda x: x.clone().as_subclass(Marked)),
    "pictures channels last": of(lambda x: x.to(memory_format=torch.channels_last) if x.ndim == 4 else x),
    "pictures turned": of(lambda x: x.transpose(-2, -1).contiguous().transpose(-2, -1)),
    "pictures strided": of(strided),
    "a dual number": Call(dual),
    **{f"inside torch.func.{name}": Call(by, {"any": TRANSFORMED}) for name, by in _TRANSFORMS.items()},
}


def inference(x: Tensor) -> Tensor:
    with torch.inference_mode():
        return x.clone()


@contextlib.contextmanager
def _both() -> Iterator[None]:
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        yield
