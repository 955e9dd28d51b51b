"""Under autocast this package computes in the model's own precision: a map in bfloat16 would be off by percents."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch

from gradlab.core.interrupts import and_back

__all__ = ["own_precision"]

P = ParamSpec("P")
T = TypeVar("T")

_DEVICES = ("cpu", "cuda", "mps", "xpu")


def own_precision(function: Callable[P, T]) -> Callable[P, T]:
    """Return a function that runs with autocast off, and leaves it as it was."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        on = [device for device in _DEVICES if torch.is_autocast_enabled(device)]
        if not on:
            return function(*args, **kwargs)

        def off() -> T:
            _switch(on, False)
            return function(*args, **kwargs)

        return and_back(off, lambda: _switch(on, True))

    return run


def _switch(devices: list[str], on: bool) -> None:
    for device in devices:
        torch.set_autocast_enabled(device, on)
