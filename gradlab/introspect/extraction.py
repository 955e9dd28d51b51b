"""The first stage as the second sees it: logits and h of a frozen classifier, from pictures in any form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np
from torch import Tensor, nn

from gradlab.core import InputError, LastLayer, last_layer
from gradlab.core.checks import readable
from gradlab.core.errors import shown
from gradlab.core.inputs import check_inputs
from gradlab.introspect.stream import Store, split_batch

__all__ = ["BATCH", "Data", "extract", "extract_shard"]

BATCH = 256  # pictures that run through the classifier together

# Pictures (N, C, H, W), what last_layer() kept of them, a finished stream of these, or a loader of batches.
Data: TypeAlias = "Tensor | LastLayer | Store | Iterable[Any]"


def extract(model: nn.Module, data: Data) -> Iterator[tuple[LastLayer, Tensor | None]]:
    """Yield the factors of all pictures in parts, with their labels where the data holds them.

    Raises:
        InputError: data of another kind.
    """
    if isinstance(data, LastLayer):
        yield _beside(model, data), None
    elif isinstance(data, Tensor):
        check_inputs(model, data[:BATCH] if data.ndim and readable(data) else data, name="data")
        for pictures in data.split(BATCH):
            yield last_layer(model, pictures), None
    elif isinstance(data, Store):
        for shard in range(data.shards):
            yield extract_shard(model, data, shard)
    elif isinstance(data, Iterable) and not isinstance(data, np.ndarray):
        for batch in data:
            pictures, labels = split_batch(batch)
            yield last_layer(model, pictures), labels
    else:
        raise InputError(
            f"data is {shown(data)}: expected pictures (N, C, H, W), factors, a store or a loader of batches."
        )


def extract_shard(model: nn.Module, store: Store, shard: int) -> tuple[LastLayer, Tensor | None]:
    """Return one shard's factors and labels; raises ``InputError`` if the store holds features."""
    kept, labels = store.read(shard)
    if isinstance(kept, Tensor):
        raise InputError(f"{store.folder} holds features: H reads a store of factors, streamed without a recipe.")
    return _beside(model, kept), labels


def _beside(model: nn.Module, kept: LastLayer) -> LastLayer:
    """Return the factors where the model is."""
    device = next((p.device for p in model.parameters()), kept.logits.device)
    return LastLayer(kept.logits.to(device), kept.hidden.to(device))
