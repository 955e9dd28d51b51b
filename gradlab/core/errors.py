"""Errors of gradlab: each message says what was wrong and what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "GradlabError",
    "InputError",
    "LayerError",
    "ModelError",
    "PictureError",
    "TargetError",
    "brief",
    "did_you_mean",
]


class GradlabError(ValueError):
    """Base of every error that gradlab raises on purpose."""


class InputError(GradlabError):
    """The input batch cannot be explained (shape, dtype, NaN, empty)."""


class TargetError(GradlabError):
    """The class, label or score to explain does not fit the model's output."""


class LayerError(GradlabError):
    """The layer does not exist, holds no spatial map, or the scores do not depend on it."""


class ModelError(GradlabError):
    """The model cannot be built, loaded or run."""


class PictureError(GradlabError):
    """A picture cannot be read."""


def brief(value: object, most: int = 80) -> str:
    """Return what ``str`` says of a value in one line of at most ``most`` characters, its middle left out."""
    text = " ".join(str(value).split())
    return text if len(text) <= most else f"{text[: most // 2 - 2]}...{text[len(text) - most // 2 + 1 :]}"


def did_you_mean(word: str, choices: Iterable[str], count: int = 3) -> str:
    """Return ``" Did you mean 'a' or 'b'?"`` for the choices nearest to ``word``, or an empty string."""
    names = list(choices)
    lowered = {name.lower(): name for name in reversed(names)}
    near = difflib.get_close_matches(word.lower(), list(lowered), n=count, cutoff=0.5)
    inside = [name for low, name in lowered.items() if word.lower() in low and low not in near]
    found = [lowered[low] for low in near] + inside[: max(0, count - len(near))]
    return f" Did you mean {' or '.join(map(repr, found))}?" if found else ""
