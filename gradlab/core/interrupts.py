"""A way back that no interrupt can cut off."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

__all__ = ["and_back"]

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
