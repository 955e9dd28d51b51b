"""Changes whose way back no interrupt can cut off."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

import torch

__all__ = ["and_back", "recording"]

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


def recording() -> contextlib.AbstractContextManager[Any]:
    """Let autograd record, whatever grad mode or inference mode the caller is in; both are as before afterwards.

    It is torch's own guard, written in C: an interrupt finds no moment at which the mode was changed and the way back
    was not yet there. Inside, the mode may be set at will.
    """
    return torch._C._InferenceMode(False)
