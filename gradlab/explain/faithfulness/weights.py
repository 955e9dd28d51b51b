"""The randomisation check: a map that outlives the network's weights does not show what they have learned."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gradlab.core import InputError, Model, copy_of, run_order
from gradlab.core.inputs import check_inputs, module_of
from gradlab.core.progress import Progress, counted
from gradlab.core.seeds import Seed, torch_generator
from gradlab.explain.faithfulness.comparison import Measure, similarity

__all__ = ["Randomisation", "randomisation", "randomised"]


@dataclass(frozen=True)
class Randomisation:
    """Attributes: layers, in the order in which they lost their weights; similarity to the first maps (layers, N)."""

    layers: tuple[str, ...]
    similarity: Tensor


def randomisation(
    model: Model,
    method: Callable[[nn.Module, Tensor], Tensor],
    inputs: Tensor,
    *,
    seed: Seed = 0,
    measure: Measure = "spearman",
    absolute: bool = False,
    progress: Progress = False,
) -> Randomisation:
    """Take a network's weights away from the last layer to the first; how alike do the maps remain?

    The cascading check of Adebayo et al., Sanity Checks for Saliency Maps, NeurIPS 2018. A map that stays as it was
    does not show what the network has learned. A copy is changed: weights become normal with variance 2 / fan-in (He et
    al. 2015), biases 0, norms the identity.

    Args:
        model: any ``nn.Module`` or a ``Classifier``; it runs ``method`` and is not changed.
        method: ``(module, inputs) -> maps``; give it a fixed target, or the class changes with the weights.
        inputs: normalised pictures (N, C, H, W).
        seed: of the new weights.
        measure: as in :func:`similarity`.
        absolute: likewise.
        progress: True for a bar, or a function that is called with layers done and to do.

    Raises:
        InputError, ModelError: and what ``method`` raises.
    """
    x = check_inputs(model, inputs)
    mine = copy_of(module_of(model))
    before = method(mine, x)
    layers = _last_first(mine, x)
    generator = torch_generator(seed)
    found = []
    for layer in counted(layers.values(), None, progress, "randomisation"):
        _redraw(layer, generator)
        found.append(similarity(before, method(mine, x), measure, absolute))
    return Randomisation(tuple(layers), torch.stack(found))


def randomised(
    model: Model, inputs: Tensor, *, share: float = 1.0, seed: Seed = 0
) -> tuple[nn.Module, tuple[str, ...]]:
    """Return a copy whose last layers have lost their weights, as in :func:`randomisation`, and these layers' names.

    Args:
        model: any ``nn.Module`` or a ``Classifier``; it is not changed.
        inputs: normalised pictures (N, C, H, W), to see in which order the layers run.
        share: of the layers that hold weights, counted from the last; at least one, rounded up. 1: all.
        seed: of the new weights.

    Raises:
        InputError: ``share`` is not in (0, 1], or what ``inputs`` may be wrong in.
    """
    x = check_inputs(model, inputs)
    if not 0 < share <= 1:
        raise InputError(f"share is {share!r}: expected a number above 0, at most 1.")
    mine = copy_of(module_of(model))
    layers = _last_first(mine, x)
    names = tuple(layers)[: math.ceil(share * len(layers))]
    parts, generator = dict(mine.named_modules()), torch_generator(seed)
    for name in names:
        _redraw(parts[name], generator)
    return mine, names


def _last_first(module: nn.Module, x: Tensor) -> dict[str, nn.Module]:
    """Return the parts that hold weights, the last to run first."""
    parts = dict(module.named_modules())
    return {name: parts[name] for name in reversed(run_order(module, x[:1]))}


@torch.no_grad()
def _redraw(layer: nn.Module, generator: torch.Generator) -> None:
    for parameter in layer.parameters(recurse=False):
        if parameter.ndim < 2:
            parameter.zero_()
            continue
        fan_in = parameter[0].numel()
        drawn = torch.randn(parameter.shape, generator=generator) * math.sqrt(2 / fan_in)
        parameter.copy_(drawn)
    weight = getattr(layer, "weight", None)
    if isinstance(weight, Tensor) and weight.ndim == 1:
        weight.fill_(1)
    for name, value in (("running_mean", 0.0), ("running_var", 1.0)):
        if isinstance(getattr(layer, name, None), Tensor):
            getattr(layer, name).fill_(value)
