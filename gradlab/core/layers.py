"""Layers: by dotted name, by module, or found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_iter

from gradlab.core.errors import LayerError, did_you_mean, shown
from gradlab.core.inputs import Model
from gradlab.core.layout import readings_of
from gradlab.core.network import Network
from gradlab.core.paths import crossed_by_all
from gradlab.core.shadow import walk

__all__ = ["LayerChoice", "asked_layer", "asked_part", "choose_layers"]

# In a network's memory, of a picture's size: the layers to try, and which of them served with the weights of then.
FOUND, SERVED = "found layers", "the one that served"

# Their output is no map of the network's own: it repeats or thins out the map of the layer before, or it is one
# projection inside a block of tokens, such as the queries, keys and values of an attention.
_REPEATS = (nn.Dropout, nn.Dropout2d, nn.Identity, nn.Flatten, nn.Linear)
_POOLS = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)


@dataclass(frozen=True)
class LayerChoice:
    """A layer to try for pictures of a size. ``doubted``: found, and not yet known whether the outputs depend on it."""

    size: tuple[int, int]
    name: str
    module: nn.Module
    prefix: int | None
    doubted: bool = False

    def accept(self, network: Network) -> None:
        """Remember that this layer served for all outputs; those before it need not be tried again."""
        place = network.memory[FOUND, self.size].index(self.name)
        network.memory[SERVED, self.size] = (place, network.weights())


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
    if layer is not None:
        part = asked_part(network, layer)
        yield LayerChoice(size, network.parts[part], part, prefix)
        return
    if (FOUND, size) not in network.memory:
        network.memory[FOUND, size] = [network.parts[part] for part in _candidates(network, x, extra, prefix)]
    first, weights = network.memory.get((SERVED, size), (0, None))
    # Other weights may let the outputs depend on a layer that did not serve before.
    first = first if weights is not None and weights.same() else 0
    for name in network.memory[FOUND, size][first:]:
        yield LayerChoice(size, name, network.part(name), prefix, doubted=weights is None)


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
    """Return modules with a spatial map that every path from an output to the picture crosses, the last first.

    Where no path is recorded (a part of the network runs without a graph), any module that gives a map.
    """
    calls = _Calls(tuple(x.shape[-2:]), prefix)  # type: ignore[arg-type]
    parts = [part for part, name in network.parts.items() if name]
    # Some read further inputs of the batch's length: the whole batch then, not its first picture.
    picture = (x if extra else x[:1]).clone().requires_grad_()
    outputs = network(
        picture, *extra, before=dict.fromkeys(parts, calls.start), after=dict.fromkeys(parts, calls.finish), record=True
    )
    tensors = [t for t in tree_iter(outputs) if isinstance(t, Tensor) and t.is_floating_point()]
    scores = [t for t in tensors if t.ndim <= 2] or tensors
    crossed = [steps for steps in (crossed_by_all(t, picture) for t in scores) if steps is not None]
    end = calls.scorer(scores, crossed)
    candidates: list[nn.Module] = []
    seen: set[nn.Module] = set()
    for part, step, has_map in reversed(calls.finished[:end]):
        # A part that runs more than once stands for its last call.
        if part not in seen and has_map and (not crossed or any(step in steps for steps in crossed)):
            candidates.append(part)
        seen.add(part)
    return candidates


class _Calls:
    """What a forward pass calls: parts as they begin, and as they finish with their step of the graph."""

    def __init__(self, picture: tuple[int, int], prefix: int | None) -> None:
        self.picture, self.prefix = picture, prefix
        self.started: list[tuple[nn.Module, int]] = []  # and how many had finished
        self.finished: list[tuple[nn.Module, Any, bool]] = []
        self.pooled: set[Any] = set()
        self.outermost: dict[Any, int] = {}  # of one tensor that parts inside one another return: the last to finish

    def start(self, part: nn.Module, _: Any) -> None:
        torch._C._set_grad_enabled(True)  # whatever the model says
        self.started.append((part, len(self.finished)))

    def finish(self, part: nn.Module, _: Any, output: Any) -> Tensor | None:
        if not isinstance(output, Tensor):
            self.finished.append((part, None, False))
            return None
        own = output.clone() if output.requires_grad else output  # a step that no later change in place rewrites
        # A container that ends in a pooling returns the very tensor of that pooling.
        if isinstance(part, _POOLS) or (output.grad_fn in self.pooled):
            self.pooled.add(own.grad_fn)
        fits = not isinstance(part, _REPEATS) and own.grad_fn not in self.pooled and self._has_map(output)
        if fits and own.grad_fn is not None:
            inner = self.outermost.pop(output.grad_fn, None)
            if inner is not None:
                self.finished[inner] = (self.finished[inner][0], None, False)
            self.outermost[own.grad_fn] = len(self.finished)
        self.finished.append((part, own.grad_fn, fits))
        return own

    def scorer(self, scores: Sequence[Tensor], crossed: Sequence[set[Any]]) -> int | None:
        """Return how many calls had finished when the part began that scores the classes cell by cell, if one does.

        It is the last one that holds weights, and gives one channel for each class.
        """
        for part, before in reversed(self.started):
            if not _holds_weights(part):
                continue
            cells = isinstance(part, nn.Linear) or (isinstance(part, nn.Conv2d) and part.kernel_size == (1, 1))
            classes = [t.shape[-1] for t in scores if t.ndim == 2]
            steps = [step for own, step, _ in self.finished if own is part]
            alone = not crossed or any(steps[-1] in each for each in crossed)
            return before if cells and alone and len(part.weight) in classes else None  # type: ignore[arg-type]
        return None

    def _has_map(self, output: Tensor) -> bool:
        try:
            readings_of(output, self.picture, "", self.prefix)
        except LayerError:
            return False
        return len(output) > 0


def _holds_weights(part: nn.Module) -> bool:
    own = (*part._parameters.values(), part._buffers.get("running_mean"))
    return any(values is not None for values in own)
