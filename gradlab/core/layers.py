"""Layers: by dotted name, by module, or found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from gradlab.core.errors import LayerError, did_you_mean, shown
from gradlab.core.inputs import Model
from gradlab.core.layout import layout_of
from gradlab.core.network import Network
from gradlab.core.shadow import walk

__all__ = ["LayerChoice", "asked_layer", "asked_part", "choose_layers"]

# In a network's memory: names of layers that the outputs depend on, and the one that was found for a picture's size.
CHECKED, FOUND = "checked layers", "found layer"

# Their output is no map of the network's own: it repeats or thins out the map of the layer before, or it is one
# projection inside a block of tokens, such as the queries, keys and values of an attention.
_REPEATS = (nn.Dropout, nn.Dropout2d, nn.Identity, nn.Flatten, nn.Linear)
_POOLS = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)


@dataclass(frozen=True)
class LayerChoice:
    """A layer to try for pictures of a size. ``checked``: the outputs are known to depend on it."""

    size: tuple[int, int]
    name: str
    module: nn.Module
    prefix: int | None
    checked: bool

    def accept(self, network: Network, found: bool) -> None:
        """Remember that the outputs depend on this layer, and whether it was found rather than named."""
        network.memory.setdefault(CHECKED, set()).add(self.name)
        if found:
            network.memory[FOUND, self.size] = self.name


def asked_layer(model: Model, layer: str | nn.Module | None) -> str | nn.Module | None:
    """Return the caller's layer, or the one that a ``Classifier`` names, or None: to be found."""
    return layer if layer is not None or isinstance(model, nn.Module) else getattr(model, "layer", None)


def choose_layers(
    network: Network, x: Tensor, extra: Sequence[Any], layer: str | nn.Module | None
) -> Iterator[LayerChoice]:
    """Yield the layer that was asked for, or else candidates from the most to the least likely.

    Args:
        network: the model.
        x: its inputs.
        extra: its further inputs.
        layer: name, module or None.

    Raises:
        LayerError: an unknown name (with the nearest ones), or a module of another model.
    """
    prefix, size = getattr(network.module, "num_prefix_tokens", None), (int(x.shape[-2]), int(x.shape[-1]))
    checked = network.memory.get(CHECKED, ())
    if layer is not None:
        part = asked_part(network, layer)
        yield LayerChoice(size, network.parts[part], part, prefix, network.parts[part] in checked)
        return
    found = network.memory.get((FOUND, size))
    if found is not None:
        yield LayerChoice(size, found, network.part(found), prefix, True)
    for part in _candidates(network, x, extra, prefix):
        yield LayerChoice(size, network.parts[part], part, prefix, network.parts[part] in checked)


def asked_part(network: Network, layer: Any) -> nn.Module:
    """Return the network's own part for a layer's name or the model's module; errors as :func:`choose_layers`."""
    if isinstance(layer, nn.Module):
        names = walk(network.model)
        if layer not in names:
            raise LayerError(
                f"The layer {type(layer).__name__} is not a part of this model: see model.named_modules()."
            )
        return network.part(names[layer])
    if not isinstance(layer, str):
        raise LayerError(f"The layer is {shown(layer)}: expected a dotted name, a module or None.")
    parts = {name: part for part, name in network.parts.items() if name}
    if layer not in parts:
        raise LayerError(
            f"The model has no layer {shown(layer)}.{did_you_mean(layer, parts) or ' See model.named_modules().'}"
        )
    return parts[layer]


def _candidates(network: Network, x: Tensor, extra: Sequence[Any], prefix: int | None) -> list[nn.Module]:
    """Return modules with a spatial map, the last to finish first, upstream of the layer that scores the classes."""
    finished: list[tuple[nn.Module, Any]] = []
    started: list[tuple[nn.Module, int]] = []

    def start(part: nn.Module, _: Any) -> None:
        started.append((part, len(finished)))

    def finish(part: nn.Module, _: Any, output: Any) -> None:
        finished.append((part, output))

    parts = [part for part, name in network.parts.items() if name]
    # Some read further inputs of the batch's length: the whole batch then, not its first picture.
    network(x if extra else x[:1], *extra, before=dict.fromkeys(parts, start), after=dict.fromkeys(parts, finish))
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
