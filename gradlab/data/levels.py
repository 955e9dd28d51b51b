"""What the tables of changes share: a name, a level from 0 to 5 and a seed, checked before any work is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from torch import Generator, Tensor

from gradlab.core.checks import checked_tensor, one_of, whole_number
from gradlab.core.errors import InputError
from gradlab.core.seeds import Seed, torch_generator

__all__ = ["LEVELS", "Change", "at", "changed", "checked_level"]

LEVELS = (1, 2, 3, 4, 5)

Change: TypeAlias = Callable[[Tensor, int, Generator], Tensor]  # of pictures (n, 3, H, W) in 0 to 1, at a level


def changed(
    table: Mapping[str, Change], kind: str, pictures: Tensor, name: str | None, level: int, seed: Seed
) -> Tensor:
    """Return the pictures under one change of a table, in 0 to 1; what is random repeats with the seed.

    Raises:
        InputError: the table has no such name (``kind`` says what of), no such level or seed, or the pictures are none.
    """
    _check_pictures(pictures)
    level, generator = checked_level(table, kind, name, level), torch_generator(seed)
    if name is None or level == 0:
        return pictures.clone()
    return table[name](pictures, level, generator).clamp(0, 1)


def checked_level(table: Mapping[str, Change], kind: str, name: str | None, level: int) -> int:
    """Return the level; raises ``InputError`` unless there is such a level, and such a name, or no name."""
    if name is not None:
        one_of(name, kind, table)
    return whole_number(level, "level", 0, LEVELS[-1])


def _check_pictures(pictures: Tensor) -> None:
    """Raise ``InputError`` unless the pictures are (n, 3, H, W), floating point and in 0 to 1."""
    checked_tensor(pictures, "pictures", "n", 3, "H", "W")
    if not bool(((pictures >= 0) & (pictures <= 1)).all()):
        raise InputError("pictures holds numbers outside 0 to 1: pass pictures that are not normalised.")


def at(level: int, *values: float) -> float:
    """Return the value of a level, the first for level 1."""
    return values[level - 1]
