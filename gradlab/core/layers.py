"""Layers: by dotted name, by module, or found."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gradlab.core.errors import LayerError, did_you_mean
from gradlab.core.layout import layout_of

# What was checked once per model: layers that the outputs depend on, and the one that was found.
_checked: weakref.WeakKeyDictionary[nn.Module, weakref.WeakSet[nn.Module]] = weakref.WeakKeyDictionary()
_found: weakref.WeakKeyDictionary[nn.Module, weakref.ref[nn.Module]] = weakref.WeakKeyDictionary()

# Their output is no map of the network's own: it repeats or thins out the map of the layer before, or it is one
# projection inside a block of tokens, such as the queries, keys and values of an attention.
_REPEATS = (nn.Dropout, nn.Dropout2d, nn.Identity, nn.Flatten, nn.Linear)
_POOLS = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)


@dataclass(frozen=True)
class LayerChoice:
    """A layer to try. ``checked``: the outputs are known to depend on it."""

    name: str
    module: nn.Module
    prefix: int | None
    checked: bool

    def accept(self, model: nn.Module, found: bool) -> None:
        """Remember that the outputs depend on this layer, and whether it was found rather than named."""
        _checked.setdefault(model, weakref.WeakSet()).add(self.module)
        if found:
            _found[model] = weakref.ref(self.module)


def asked_layer(model: Any, layer: str | nn.Module | None) -> str | nn.Module | None:
    """Return the caller's layer, or the one that a ``Classifier`` names, or None: to be found."""
    return layer if layer is not None or isinstance(model, nn.Module) else getattr(model, "layer", None)


def choose_layers(
    parts: dict[nn.Module, str], call: Callable[..., Any], x: Tensor, layer: str | nn.Module | None
) -> Iterator[LayerChoice]:
    """Yield the layer that was asked for, or else candidates from the most to the least likely.

    Args:
        parts: the model's modules and their dotted names, the model first.
        call: runs the model.
        x: inputs.
        layer: name, module or None.

    Raises:
        LayerError: an unknown name (with the nearest ones), or a module of another model.
    """
    module = next(iter(parts))
    prefix = getattr(module, "num_prefix_tokens", None)
    checked = _checked.get(module, ())
    if layer is not None:
        part = _part(layer, parts)
        yield LayerChoice(parts[part], part, prefix, part in checked)
        return
    reference = _found.get(module)
    found = reference() if reference else None
    if found is not None and found in parts:
        yield LayerChoice(parts[found], found, prefix, True)
    for part in _candidates(parts, call, x, prefix):
        yield LayerChoice(parts[part], part, prefix, part in checked)


def _part(layer: Any, parts: dict[nn.Module, str]) -> nn.Module:
    if isinstance(layer, nn.Module):
        if layer not in parts:
            raise LayerError(
                f"The layer {type(layer).__name__} is not a part of this model: see model.named_modules()."
            )
        return layer
    if not isinstance(layer, str):
        raise LayerError(f"layer must be a dotted name, a module or None, got {type(layer).__name__}.")
    names = {name: part for part, name in parts.items() if name}
    if layer not in names:
        raise LayerError(
            f"The model has no layer {layer!r}.{did_you_mean(layer, names) or ' See model.named_modules().'}"
        )
    return names[layer]


def _candidates(
    parts: dict[nn.Module, str], call: Callable[..., Any], x: Tensor, prefix: int | None
) -> list[nn.Module]:
    """Return modules with a spatial map, the last to finish first, upstream of the layer that scores the classes."""
    finished: list[tuple[nn.Module, Any]] = []
    started: list[tuple[nn.Module, int]] = []
    hooks: list[Any] = []

    def start(part: nn.Module, _: Any) -> None:
        started.append((part, len(finished)))

    def finish(part: nn.Module, _: Any, output: Any) -> None:
        finished.append((part, output))

    try:
        for part, name in parts.items():
            if name:
                hooks += [part.register_forward_pre_hook(start), part.register_forward_hook(finish)]
        with torch.no_grad():
            call(x[:1])
    finally:
        for hook in hooks:
            hook.remove()
    scoring = [at for part, at in started if isinstance(part, (nn.Linear, nn.Conv2d))]
    upstream = finished[: scoring[-1]] if scoring else finished
    # A container that ends in a pooling returns the very tensor of that pooling.
    pooled = {id(output) for part, output in upstream if isinstance(part, _POOLS)}
    candidates: dict[nn.Module, None] = {}
    for part, output in reversed(upstream):
        if not isinstance(part, _REPEATS) and id(output) not in pooled and _has_map(output, x, prefix):
            candidates[part] = None
    return list(candidates)


def _has_map(output: Any, x: Tensor, prefix: int | None) -> bool:
    try:
        layout_of(output, tuple(x.shape[-2:]), "", prefix)  # type: ignore[arg-type]
    except LayerError:
        return False
    return True
