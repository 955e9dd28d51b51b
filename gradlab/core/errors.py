"""Errors of gradlab: each message says, in less than 300 characters, what was wrong and what would be right."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

__all__ = [
    "BY_CHANCE",
    "FOLLOWED",
    "OVERFLOWN",
    "GradlabError",
    "InputError",
    "LayerError",
    "ModelError",
    "PictureError",
    "TargetError",
    "brief",
    "did_you_mean",
    "shown",
]

_BEGINNING, _END = 180, 100  # characters that are kept of a message that is too long to be read


# Beside "does not depend": what most often lies behind it.
NO_GRADIENT = (
    "A quantised part, one under torch.no_grad, or a checkpoint without use_reentrant=False lets none through."
)
# A reentrant checkpoint is found in a graph by its step's name.
REENTRANT = "CheckpointFunctionBackward"
CHECKPOINTED = (
    "A part of the model runs in a reentrant torch.utils.checkpoint, through which no gradient can be asked for: use "
    "checkpoint(..., use_reentrant=False), or switch checkpointing off while it is explained."
)


REWRITTEN = (
    "The model's forward pass rewrites in place what its own gradient needs, so that there is none: autograd refuses "
    "it too. Take that step out (mul_, zero_, an in-place ReLU after a skip)."
)


FOLLOWED = (
    "A mode follows the model's gradients and lets none be asked for by its weights (FlopCounterMode, or another that "
    "tracks modules): ask outside of it."
)
OVERFLOWN = "The model's gradients are NaN or infinite for these inputs; in float16 they overflow."
BY_CHANCE = (
    "The model answers by chance even in eval mode: asked twice, one picture has two answers (noise, or dropout with "
    "training=True, in its forward). Take it out, or let it depend on self.training; dropout_passes may drop."
)


class GradlabError(ValueError):
    """Base of every error that gradlab raises on purpose; a long message (of another library, say) loses its middle."""

    def __init__(self, message: str = "") -> None:
        long = len(message) > _BEGINNING + _END
        super().__init__(f"{message[:_BEGINNING]} ... {message[-_END:]}" if long else message)


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


class _Short(reprlib.Repr):
    """A repr of a few words: of whatever has a shape, that; of what is no plain value, its type."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxstring, self.maxlong, self.maxother = 3, 60, 24, 60
        self.maxlist = self.maxtuple = self.maxset = self.maxdict = 4

    def repr_instance(self, x: Any, level: int) -> str:
        shape, dtype = getattr(x, "shape", ()), getattr(x, "dtype", None)
        if dtype is not None and shape != ():
            return f"{type(x).__name__} {tuple(shape)} {dtype}"
        if isinstance(x, str):
            return self.repr_str(str(x), level)
        if isinstance(x, bytes):
            return f"{x[:20]!r}{'...' * (len(x) > 20)}"
        if x is None or dtype is not None or isinstance(x, (bool, float, complex, Path)):
            return f"{x!r:.{self.maxother}}"
        return f"a {type(x).__name__}" if not isinstance(x, type) else f"the type {x.__name__}"


_short = _Short()


def shown(value: Any) -> str:
    """Return a value as a message shows it: whatever it is, in a few words."""
    return _short.repr(value)


def brief(value: object, most: int = 80) -> str:
    """Return a text (or what ``str`` says of an error or a path) in one line of at most ``most`` characters.

    The middle is left out; of any other value it is what :func:`shown` says.
    """
    plain = isinstance(value, (str, Exception, Path))
    text = " ".join((str(value) if plain else shown(value)).split())
    return text if len(text) <= most else f"{text[: most // 2 - 2]}...{text[len(text) - most // 2 + 1 :]}"


def did_you_mean(word: Any, choices: Iterable[str], count: int = 3) -> str:
    """Return ``" Did you mean 'a' or 'b'?"`` for the choices nearest to ``word``, or an empty string."""
    if not isinstance(word, str):
        return ""
    names, word = list(choices), word[:100]
    lowered = {name.lower(): name for name in reversed(names)}
    near = difflib.get_close_matches(word.lower(), list(lowered), n=count, cutoff=0.5)
    inside = [name for low, name in lowered.items() if word.lower() in low and low not in near]
    found = [lowered[low] for low in near] + inside[: max(0, count - len(near))]
    return f" Did you mean {' or '.join(map(repr, found))}?" if found else ""
