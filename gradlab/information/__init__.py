"""Information: Shannon's, mutual, Fisher's, and one sample's share of it.

What needs numbers only loads no torch; what asks a network loads it when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from gradlab.information import families
from gradlab.information.shannon import (
    conditional_entropy,
    entropy,
    joint_entropy,
    kl,
    mutual_information,
    surprise,
)

if TYPE_CHECKING:
    from gradlab.core import LastLayer, last_layer
    from gradlab.information.contrast_fisher import Bridge, bridge
    from gradlab.information.maps import fisher_map
    from gradlab.information.networks import fisher, scores

_WITH_TORCH = {
    "Bridge": "information.contrast_fisher",
    "LastLayer": "core",
    "bridge": "information.contrast_fisher",
    "fisher": "information.networks",
    "fisher_map": "information.maps",
    "last_layer": "core",
    "scores": "information.networks",
}

__all__ = [
    "Bridge",
    "LastLayer",
    "bridge",
    "conditional_entropy",
    "entropy",
    "families",
    "fisher",
    "fisher_map",
    "joint_entropy",
    "kl",
    "last_layer",
    "mutual_information",
    "scores",
    "surprise",
]


def __getattr__(name: str) -> Any:
    if name in _WITH_TORCH:
        return getattr(importlib.import_module(f"gradlab.{_WITH_TORCH[name]}"), name)
    raise AttributeError(f"module 'gradlab.information' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
