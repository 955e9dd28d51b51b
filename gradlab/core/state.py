"""The state contract: a model is used, never changed.

Every method enters a model through :func:`borrowed`, so whatever happens inside (a result, an exception, another
thread that asks at the same time) the training flags, the parameters and buffers, the caller's grad mode and the
global random state are afterwards what they were. No parameter is swapped, no module replaced.
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

_locks: weakref.WeakKeyDictionary[nn.Module, threading.RLock] = weakref.WeakKeyDictionary()
_locks_guard = threading.Lock()


def lock_of(model: nn.Module) -> threading.RLock:
    """Return the one lock of this model: JupyterLab runs widget callbacks in a second thread.

    A network that asks another names it as ``locked_with``: what holds the one must keep others out of both.
    """
    owner = getattr(model, "locked_with", model)
    with _locks_guard:
        return _locks.setdefault(owner, threading.RLock())


@contextlib.contextmanager
def recording() -> Iterator[None]:
    """Let autograd record, whatever grad mode or inference mode the caller is in."""
    with torch.inference_mode(False), torch.enable_grad():
        yield


@contextlib.contextmanager
def borrowed(model: nn.Module) -> Iterator[tuple[Callable[..., Any], dict[nn.Module, str]]]:
    """Lend a model as a function of its inputs, in eval mode and with nothing recorded by autograd.

    Yields that function and the model's parts with their names.

    Whoever needs a graph switches gradients on where it starts. On the way out every module has its own training
    flag again, every buffer its values, and the global random state and the caller's grad mode are as before.
    """
    with lock_of(model), torch.inference_mode(False), torch.no_grad():
        parts = walk(model)
        training = [part for part in parts if part.training]
        parameters = [p for part in parts for p in part._parameters.values() if p is not None]
        buffers = [b for part in parts for b in part._buffers.values() if b is not None]
        before = [(b, b._version, b.detach().clone()) for part in parts for b in _own_buffers(part)]
        inference = any(t.is_inference() for t in (*parameters, *buffers))
        with torch.random.fork_rng(devices=sorted({p.device.index for p in parameters if p.is_cuda})):
            try:
                for part in training:
                    part.training = False
                yield (_as_function(model) if inference else model), parts
            finally:
                for part in training:
                    part.training = True
                for buffer, version, values in before:
                    if buffer._version != version:
                        buffer.copy_(values)


def _own_buffers(part: nn.Module) -> list[Tensor]:
    """Return the buffers that a forward pass in eval mode may write: torch's own batch norm writes none."""
    if type(part) is nn.BatchNorm2d:
        return []
    return [b for b in part._buffers.values() if b is not None and not b.is_inference()]


def walk(model: nn.Module) -> dict[nn.Module, str]:
    """Return every part of a model once, with its dotted name, in the order of ``named_modules``.

    Flat, because the recursion of ``named_modules`` costs a tenth of a small network's forward pass.
    """
    parts: dict[nn.Module, str] = {}
    stack = [(model, "")]
    while stack:
        part, name = stack.pop()
        if part in parts:
            continue
        parts[part] = name
        start = f"{name}." if name else ""
        stack += [(c, start + key) for key, c in reversed(part._modules.items()) if c is not None]
    return parts


def _as_function(model: nn.Module) -> Callable[..., Any]:
    """Return the model with copies in place of weights made under inference_mode: those cannot enter a graph."""
    copies = {name: p.clone() for name, p in model.named_parameters() if p.is_inference()}
    copies |= {name: b.clone() for name, b in model.named_buffers() if b.is_inference()}
    return lambda *args, **kwargs: torch.func.functional_call(model, copies, args, kwargs)
