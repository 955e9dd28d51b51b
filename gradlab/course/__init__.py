"""What lessons need and the engine does not: figures with words for those who do not see them, and a reader's copy."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradlab.course.figures import chart, heat, show, signed
    from gradlab.course.lessons import working_copy

__all__ = ["chart", "heat", "show", "signed", "working_copy"]

_HOMES = {**dict.fromkeys(__all__, "figures"), "working_copy": "lessons"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"gradlab.course.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'gradlab.course' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
