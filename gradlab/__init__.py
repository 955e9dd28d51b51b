"""gradlab: gradients as information.

Importing gradlab is instant: each room loads when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradlab import core, course, data, evaluate, explain, information, introspect, models, widgets

__version__ = "0.1.0"
__all__ = [
    "__version__",
    "core",
    "course",
    "data",
    "evaluate",
    "explain",
    "information",
    "introspect",
    "models",
    "widgets",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return importlib.import_module(f"gradlab.{name}")
    raise AttributeError(f"module 'gradlab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
