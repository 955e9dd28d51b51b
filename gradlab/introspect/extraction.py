"""The first stage as the second sees it: logits and h of a frozen classifier, from pictures in any form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from gradlab.core import InputError
from gradlab.core.run import explained, fastest_layout
from gradlab.core.state import borrowed
from gradlab.introspect.factored import Factors, factors, read_factors
from gradlab.introspect.stream import Store, split_batch

BATCH = 256  # pictures that run through the classifier together

# Pictures (N, C, H, W), what factors() kept of them, a finished stream of factors, or a loader of batches.
Data: TypeAlias = "Tensor | Factors | Store | Iterable[Any]"


def extract_batch(model: nn.Module, x: Tensor) -> tuple[Factors, bool]:
    """Return z and h, and whether what follows shall be recorded.

    If the caller records, gradients go to the pictures and none to the model's weights. If not, somebody's hook in the
    model may switch recording on, as this package does at the layer it explains, and it stays on.
    """
    if torch.is_grad_enabled() and x.requires_grad:
        return Factors(*_Sensed.apply(x, model)), True
    kept, switched_on = _run(model, x, False)
    return kept, switched_on or torch.is_grad_enabled()


def _run(model: nn.Module, x: Tensor, record: bool) -> tuple[Factors, bool]:
    with borrowed(model) as (call, parts):
        torch.set_grad_enabled(record)
        kept = read_factors(explained(call, parts, ()), parts, fastest_layout(x, parts).clone())
        return kept, torch.is_grad_enabled()


class _Sensed(torch.autograd.Function):
    """The classifier as one operation whose gradient goes to the pictures alone, never into its weights' ``.grad``."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, model: nn.Module) -> tuple[Tensor, Tensor]:
        ctx.leaf = x.detach().requires_grad_()
        kept, _ = _run(model, ctx.leaf, True)
        ctx.kept = (kept.logits, kept.hidden)
        return kept.logits.detach(), kept.hidden.detach()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *arriving: Tensor) -> tuple[Tensor | None, None]:
        (gradient,) = torch.autograd.grad(ctx.kept, ctx.leaf, arriving, retain_graph=True, allow_unused=True)
        return gradient, None


def extract(model: nn.Module, data: Data) -> Iterator[tuple[Factors, Tensor | None]]:
    """Yield the factors of all pictures in parts, with their labels where the data holds them.

    Raises:
        InputError: data of another kind.
    """
    if isinstance(data, Factors):
        yield _beside(model, data), None
    elif isinstance(data, Tensor):
        for pictures in data.split(BATCH) if data.ndim else [data]:
            yield factors(model, pictures), None
    elif isinstance(data, Store):
        for shard in range(data.shards):
            yield extract_shard(model, data, shard)
    elif isinstance(data, Iterable):
        for batch in data:
            pictures, labels = split_batch(batch)
            yield factors(model, pictures), labels
    else:
        raise InputError(
            f"data is a {type(data).__name__}: expected pictures (N, C, H, W), factors, a store or a loader of batches."
        )


def extract_shard(model: nn.Module, store: Store, shard: int) -> tuple[Factors, Tensor | None]:
    """Return one shard's factors and labels; raises ``InputError`` if the store holds features."""
    kept, labels = store.read(shard)
    if isinstance(kept, Tensor):
        raise InputError(f"{store.folder} holds features: H reads a store of factors, streamed without a recipe.")
    return _beside(model, kept), labels


def _beside(model: nn.Module, kept: Factors) -> Factors:
    """Return the factors where the model is."""
    device = next((p.device for p in model.parameters()), kept.logits.device)
    return Factors(kept.logits.to(device), kept.hidden.to(device))
