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
from torch import nn

_locks: weakref.WeakKeyDictionary[nn.Module, threading.RLock] = weakref.WeakKeyDictionary()
_locks_guard = threading.Lock()


def lock_of(model: nn.Module) -> threading.RLock:
    """Return the one lock of this model: JupyterLab runs widget callbacks in a second thread."""
    with _locks_guard:
        return _locks.setdefault(model, threading.RLock())


@contextlib.contextmanager
def recording() -> Iterator[None]:
    """Let autograd record, whatever grad mode or inference mode the caller is in."""
    with torch.inference_mode(False), torch.enable_grad():
        yield


@contextlib.contextmanager
def borrowed(model: nn.Module) -> Iterator[Callable[..., Any]]:
    """Lend a model as a function of its inputs, in eval mode and with nothing recorded by autograd.

    Whoever needs a graph switches gradients on where it starts. On the way out every module has its own training
    flag again, every buffer its values, and the global random state and the caller's grad mode are as before.
    """
    with lock_of(model), torch.inference_mode(False), torch.no_grad():
        flags = [(module, module.training) for module in model.modules()]
        buffers = [(b, b._version, b.detach().clone()) for b in model.buffers() if not b.is_inference()]
        devices = sorted({p.device.index for p in model.parameters() if p.device.type == "cuda"})
        with torch.random.fork_rng(devices=devices):
            try:
                for module, _ in flags:
                    module.training = False
                yield _as_function(model)
            finally:
                for module, training in flags:
                    module.training = training
                with torch.no_grad():
                    for buffer, version, before in buffers:
                        if buffer._version != version:
                            buffer.copy_(before)


def _as_function(model: nn.Module) -> Callable[..., Any]:
    """Return the model itself, unless weights were made under inference_mode: those cannot enter a graph."""
    copies = {name: p.clone() for name, p in model.named_parameters() if p.is_inference()}
    copies |= {name: b.clone() for name, b in model.named_buffers() if b.is_inference()}
    if not copies:
        return model
    return lambda *args, **kwargs: torch.func.functional_call(model, copies, args, kwargs)
