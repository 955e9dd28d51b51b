"""A model lent to one thread and given back as it was: for those that no shadow can stand in for."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, TypeAlias

import torch
from torch import nn

__all__ = ["Hook", "Hooks", "borrowed", "on_behalf"]

Hook = Callable[..., Any]
# Hooks of parts, by the name of the module's dictionary that holds their kind.
Hooks: TypeAlias = "list[tuple[str, Mapping[nn.Module, Hook]]]"
KEY = "gradlab"  # of our hooks among a module's

_locks: weakref.WeakKeyDictionary[nn.Module, threading.RLock] = weakref.WeakKeyDictionary()
# A child of a fork has none of the threads that may hold a lock.
os.register_at_fork(after_in_child=lambda: _locks.clear())


def on_behalf(part: nn.Module, hook: Hook, _: nn.Module, *given: Any) -> Any:
    """Call a hook for the part that it was set on: a network that asks another runs copies of its parts."""
    return hook(part, *given)


@contextlib.contextmanager
def borrowed(model: nn.Module, parts: Mapping[nn.Module, str], hooks: Hooks) -> Iterator[None]:
    """Put a model's parts into eval mode, with hooks for this thread alone; then put all of it back, by name."""
    thread = threading.get_ident()

    def mine(part: nn.Module, hook: Hook, *given: Any) -> Any:
        return on_behalf(part, hook, *given) if threading.get_ident() == thread else None

    with _locks.setdefault(model, threading.RLock()):
        flags = {part: part.training for part in parts}
        buffers = [(part, dict(part._buffers)) for part in parts if isinstance(part._buffers, dict)]
        own = [b for _, held in buffers for b in held.values() if b is not None and not b.is_inference()]
        values = [(b, b._version, b.clone()) for b in own]

        def put_back() -> None:
            for part, training in flags.items():
                part.training = training
            for part, held in buffers:
                part._buffers.clear()
                part._buffers.update(held)
            for buffer, version, clean in values:
                if buffer._version != version:
                    buffer.copy_(clean)
            for kind, given in hooks:
                for part in given:
                    part.__dict__.get(kind, {}).pop(KEY, None)

        try:
            for kind, given in hooks:
                for part, hook in given.items():
                    part.__dict__.get(kind, {})[KEY] = partial(mine, part, hook)
            for part in parts:
                part.training = False
            yield
        finally:
            torch._C._set_grad_enabled(False)
            try:
                put_back()
            finally:
                put_back()  # once more: an interrupt may have cut the first short
