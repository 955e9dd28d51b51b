"""Changes whose way back no interrupt can cut off."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

import torch

__all__ = ["and_back", "batched", "recording"]

T = TypeVar("T")


def and_back(run: Callable[[], T], put_back: Callable[[], None]) -> T:
    """Return ``run()``, and put back what it has changed, whatever happens.

    All changes belong into ``run``, and ``put_back`` may be called twice. The way back stands here in full: a call of
    its own would have a moment, on the way in, at which an interrupt leaves it out.
    """
    try:
        return run()
    finally:
        try:
            put_back()
        finally:
            put_back()  # an interrupt may have cut the first short


def batched(run: Callable[[], T]) -> T:
    """Return ``run()``, in which torch works on several samples or cotangents at once; its modes are left in any case.

    ``torch.func`` and ``autograd.grad(is_grads_batched=True)`` enter a mode one step before they make sure to leave it:
    an interrupt between the two would have every later ``backward()`` of the process refused.
    """
    transforms = torch._C._functorch.get_dynamic_layer_stack_depth()
    enter, leave = torch._C._vmapmode_increment_nesting, torch._C._vmapmode_decrement_nesting
    # one call into C, in which no interrupt is heard
    depth = list(map(type(enter).__call__, (enter, leave)))[1]

    def put_back() -> None:
        torch._C._functorch.pop_dynamic_layer_stack_and_undo_to_depth(transforms)
        while enter() > depth + 1:
            leave()
            leave()
        leave()

    return and_back(run, put_back)


def recording() -> contextlib.AbstractContextManager[Any]:
    """Let autograd record, whatever grad mode or inference mode the caller is in; both are as before afterwards.

    It is torch's own guard, written in C: an interrupt finds no moment at which the mode was changed and the way back
    was not yet there. Inside, the mode may be set at will.
    """
    return torch._C._InferenceMode(False)
