"""Arrays as the page sees them: what a widget sent, in its own units."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradlab.widgets.wire import unpacked


def values(sent: dict[str, Any]) -> np.ndarray:
    """Return an array that a widget sent, times its scale in double precision where it has one."""
    found = unpacked(sent, sent["dtype"], sent["shape"])
    return found.astype(np.float64) * sent["scale"] if "scale" in sent else found


def blobs(state: Any) -> list[bytes]:
    """Return all bytes of a widget's state, in order."""
    if isinstance(state, bytes):
        return [state]
    inside = state.values() if isinstance(state, dict) else state if isinstance(state, list) else ()
    return [each for value in inside for each in blobs(value)]
