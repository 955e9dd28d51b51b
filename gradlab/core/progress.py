"""One kind of progress everywhere: nothing, a bar, or a function that is told how far the work is."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias, TypeVar

from gradlab.core.errors import InputError, shown

__all__ = ["Progress", "check_progress", "counted"]

_T = TypeVar("_T")
Progress: TypeAlias = "bool | Callable[[int, int], None]"


def check_progress(progress: Progress) -> None:
    """Raise ``InputError`` for a progress of another kind."""
    if not isinstance(progress, bool) and (not callable(progress) or isinstance(progress, type)):
        raise InputError(f"progress is {shown(progress)}: expected True, False, or a function of (done, total).")


def counted(iterable: Iterable[_T], total: int | None, progress: Progress, description: str) -> Iterator[_T]:
    """Return an iterator over the same things that tells after each how many are done.

    Args:
        iterable: what is worked through.
        total: how many things; None: the length of ``iterable``, or 0 where it has none.
        progress: True shows a bar of tqdm, False nothing; a function is called with done and total after each thing.
        description: stands before the bar.

    Raises:
        InputError: a progress of another kind, at once.
    """
    check_progress(progress)
    count = operator.length_hint(iterable) if total is None else total
    if progress is True:
        from tqdm import tqdm

        return iter(tqdm(iterable, description, count or None))
    return iter(iterable) if progress is False else _told(iterable, count, progress)


def _told(iterable: Iterable[_T], total: int, tell: Callable[[int, int], None]) -> Iterator[_T]:
    for done, item in enumerate(iterable, 1):
        yield item
        tell(done, total)
