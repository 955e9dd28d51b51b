"""The randomisation check: a map that outlives the network's weights does not show what they have learned."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gradlab.core import Model, ModelError, copy_of
from gradlab.core.checks import callable_of, flag, number, one_of
from gradlab.core.inputs import check_inputs, module_of, own_inputs
from gradlab.core.precision import own_precision
from gradlab.core.progress import Progress, check_progress, counted
from gradlab.core.seeds import Seed, normal_draws, torch_generator
from gradlab.core.watch import watch
from gradlab.explain.faithfulness.comparison import MEASURES, Measure, similarity

__all__ = ["Randomisation", "randomisation", "randomised"]


@dataclass(frozen=True)
class Randomisation:
    """Attributes: layers, in the order in which they lost their weights; similarity to the first maps (layers, N)."""

    layers: tuple[str, ...]
    similarity: Tensor


@own_precision
def randomisation(
    model: Model,
    method: Callable[[nn.Module, Tensor], Tensor],
    inputs: Tensor,
    *,
    seed: Seed = 0,
    measure: Measure = "spearman",
    absolute: bool = False,
    extra_inputs: Sequence[Any] = (),
    progress: Progress = False,
) -> Randomisation:
    """Take a network's weights away from the last layer to the first; how alike do the maps remain?

    The cascading check of Adebayo et al., Sanity Checks for Saliency Maps, NeurIPS 2018. A copy is changed, as by
    :func:`randomised`.

    Memory: as ``method``, and one copy of the weights.

    Args:
        model: any ``nn.Module`` or a ``Classifier``; it is not changed.
        method: ``(module, inputs) -> maps``; give it a fixed target, or the class changes with the weights.
        inputs: normalised pictures (N, C, H, W).
        seed: of the new weights.
        measure: as in :func:`similarity`.
        absolute: likewise.
        extra_inputs: what the model reads beside the pictures.
        progress: True for a bar, or called with layers done and to do.

    Raises:
        InputError, ModelError: and what ``method`` raises.

    Examples:
        >>> lost = gradlab.explain.faithfulness.randomisation(net, lambda f, x: gradlab.explain.gradient(f, x, 3), x)
        >>> lost.layers[:2], lost.similarity.shape
        (('head', 'stages.2.bn2'), torch.Size([13, 1]))
    """
    x = check_inputs(model, inputs, extra_inputs)
    callable_of(method, "method", "of (module, inputs)")
    one_of(measure, "measure", MEASURES)
    absolute = flag(absolute, "absolute")
    check_progress(progress)
    generator = torch_generator(seed)
    mine = copy_of(module_of(model))
    before = method(mine, x)
    layers = _last_first(mine, x, extra_inputs)
    if not layers:
        raise ModelError("The model has no weights that a module registers: there is nothing to draw anew.")
    found = []
    for parts in counted(layers.values(), len(layers), progress, "layers"):
        _redraw(parts, generator)
        found.append(similarity(before, method(mine, x), measure, absolute))
    return Randomisation(tuple(layers), torch.stack(found))


@own_precision
def randomised(
    model: Model,
    inputs: Tensor,
    *,
    share: float = 1.0,
    seed: Seed = 0,
    batch_statistics: bool = False,
    extra_inputs: Sequence[Any] = (),
) -> tuple[nn.Module, tuple[str, ...]]:
    """Return a copy, in eval mode, whose last layers have lost their weights; and these layers' names, last first.

    Weights become normal with variance 2 / fan-in (He et al., Delving Deep into Rectifiers, ICCV 2015), biases 0, gains
    1 and norms the identity. The layers are those that hold weights, in the order in which they run; weights that the
    network only reads (attention's output projection, say) go with the nearest part around them that runs, as do class
    tokens and position embeddings. No weight stays as it was trained if ``share`` is 1.

    Memory: a copy of the weights; with ``batch_statistics`` also a forward pass of all N pictures.

    Args:
        model: any ``nn.Module`` or a ``Classifier``; it is not changed.
        inputs: normalised pictures (N, C, H, W), to see in which order the layers run.
        share: of the layers that hold weights, counted from the last; at least one, rounded up. 1: all.
        seed: of the new weights.
        batch_statistics: let each batch norm that lost its weights take its mean and variance from ``inputs``, so that
            the copy's activations neither vanish nor grow; else they are 0 and 1.
        extra_inputs: what the model reads beside the pictures.

    Raises:
        InputError: ``share`` is not in (0, 1], or what ``inputs`` may be wrong in.

    Examples:
        >>> x = net.normalize(gradlab.data.digits("test").pictures[:8])
        >>> blank, names = gradlab.explain.faithfulness.randomised(net, x, batch_statistics=True)
        >>> names[0]
        'head'
    """
    x = check_inputs(model, inputs, extra_inputs)
    share, batch_statistics = number(share, "share", above=0, most=1), flag(batch_statistics, "batch_statistics")
    generator = torch_generator(seed)
    mine = copy_of(module_of(model))
    layers = _last_first(mine, x, extra_inputs)
    names = tuple(layers)[: math.ceil(share * len(layers))]
    lost = [part for name in names for part in layers[name]]
    _redraw(lost, generator)
    if batch_statistics:
        norms = {part for part in lost if _buffer(part, "running_mean") is not None}
        watch(mine, x, lambda _, part, given: _measure(part, given[0]) if part in norms else None, extra_inputs)
    return mine, names


def _last_first(module: nn.Module, x: Tensor, extra_inputs: Sequence[Any]) -> dict[str, list[nn.Module]]:
    """Return the parts that hold weights by the layer that they go with, the last layer to run first."""
    order = [""]
    # On a copy of the copy: what a forward pass keeps of the weights in a plain attribute would outlive them.
    own = own_inputs(extra_inputs, slice(0, 1), len(x))
    watch(copy_of(module), x[:1], lambda name, *_: order.append(name), own)
    place = {name: i for i, name in enumerate(order) if "parametrizations" not in name.split(".")}
    layers: dict[str, list[nn.Module]] = {}
    for name, part in module.named_modules():
        if next(part.parameters(recurse=False), None) is None and _buffer(part, "running_mean") is None:
            continue
        while name not in place:
            name = name.rpartition(".")[0]
        layers.setdefault(name, []).append(part)
    return dict(sorted(layers.items(), key=lambda layer: -place[layer[0]]))


@torch.no_grad()
def _redraw(parts: Sequence[nn.Module], generator: torch.Generator) -> None:
    for part in parts:
        for name, parameter in part.named_parameters(recurse=False):
            if isinstance(part, nn.PReLU):
                parameter.fill_(part.init)
            elif "bias" in name:
                parameter.zero_()
            elif parameter.ndim < 2 or (name != "weight" and len(parameter) == parameter.numel()):
                parameter.fill_(1)  # a gain, one number for each channel
            else:
                drawn = normal_draws(*parameter.shape, generator=generator)
                parameter.copy_(drawn * math.sqrt(2 / parameter[0].numel()))
        if _buffer(part, "running_mean") is not None:  # a frozen batch norm keeps its weights beside its statistics
            for name, value in (("running_mean", 0.0), ("running_var", 1.0), ("weight", 1.0), ("bias", 0.0)):
                kept = _buffer(part, name)
                if kept is not None:
                    kept.fill_(value)


def _measure(norm: nn.Module, x: Tensor) -> None:
    variance, mean = torch.var_mean(x, [axis for axis in range(x.ndim) if axis != 1], correction=0)
    for name, value in (("running_mean", mean), ("running_var", variance)):
        kept = _buffer(norm, name)
        if kept is not None:
            kept.copy_(value)


def _buffer(part: nn.Module, name: str) -> Tensor | None:
    return dict(part.named_buffers(recurse=False)).get(name)
