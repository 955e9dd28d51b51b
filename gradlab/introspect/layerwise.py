"""Per-sample gradients by the weight of any layer.

The network runs once: without a graph up to the layer, with one from its output on. The cotangents dJ/dz of all samples
are pulled back to that output together, since samples do not mix. From there to the weight it is the layer alone, which
torch.func maps over the samples.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vjp, vmap

from gradlab.core import LayerError
from gradlab.core.inputs import check_inputs, module_of
from gradlab.core.layers import choose_layers
from gradlab.core.run import explained, fastest_layout
from gradlab.core.state import borrowed, recording
from gradlab.introspect.factored import check_outputs, check_size
from gradlab.introspect.recipe import Loss, Question, cotangents

# The gradients that torch.func makes at a time stay below this many numbers.
CHUNK_NUMBERS = 16_000_000


def layer_gradients(
    model: Any, inputs: Any, loss: Loss, question: Question, layer: str | nn.Module, extra_inputs: Sequence[Any]
) -> Tensor:
    """Return dJ/dW of each sample, (N, weights) or (N, classes, weights): see :func:`gradlab.introspect.features`."""
    x = check_inputs(model, inputs)
    with borrowed(module_of(model)) as (call, parts):
        x = fastest_layout(x, parts).clone()  # no tensor of inference mode may enter a graph
        call = explained(call, parts, extra_inputs)
        choice = next(choose_layers(parts, call, x, layer))
        weight = choice.module._parameters.get("weight")
        if weight is None:
            raise LayerError(f"Layer {choice.name!r} ({type(choice.module).__name__}) has no weight of its own.")
        logits, read, leaf = _run_from(choice.module, choice.name, call, x)
        check_outputs(logits)
        questions = logits.shape[1] if question == "each" else 1
        check_size(len(x), questions, 1, weight.numel())
        pulled = _pulled(logits, leaf, cotangents(logits.detach(), loss, question)[0], choice.name)
        made = [_of_layer(choice.module, read, arriving) for arriving in pulled]
    return torch.stack(made, 1) if question == "each" else made[0]


def _run_from(part: nn.Module, name: str, call: Callable[[Tensor], Any], x: Tensor) -> tuple[Any, Tensor, Tensor]:
    """Return the outputs, attached to the layer's output, what the layer read, and that output."""
    kept: list[tuple[Tensor, Tensor]] = []
    thread = threading.get_ident()

    def keep(_: nn.Module, args: tuple[Any, ...], output: Any) -> Tensor | None:
        if threading.get_ident() != thread:
            return None
        if len(args) != 1 or not isinstance(args[0], Tensor) or not isinstance(output, Tensor):
            raise LayerError(f"Layer {name!r} does not map one tensor to one tensor: name a part of it.")
        # Copies: what runs later may rewrite either in place.
        kept.append((args[0].detach().clone(), output.detach().clone().requires_grad_()))
        torch.set_grad_enabled(True)
        return kept[-1][1].clone()

    hook = part.register_forward_hook(keep)
    try:
        outputs = call(x)
    finally:
        torch.set_grad_enabled(False)
        hook.remove()
    if len(kept) != 1:
        raise LayerError(f"Layer {name!r} ran {len(kept)} times in the forward pass: it must run once.")
    return outputs, *kept[0]


def _pulled(logits: Tensor, leaf: Tensor, u: Tensor, name: str) -> Iterator[Tensor]:
    """Yield dJ/d(layer's output) for each question."""
    for cotangent in u.unbind(1) if u.ndim == 3 else [u]:
        gradient = None
        if logits.requires_grad:
            with recording():
                (gradient,) = torch.autograd.grad(logits, leaf, cotangent, retain_graph=True, allow_unused=True)
        if gradient is None:
            raise LayerError(f"The logits do not depend on layer {name!r}: choose a layer upstream of them.")
        yield gradient


def _of_layer(part: nn.Module, read: Tensor, arriving: Tensor) -> Tensor:
    """Return each sample's gradient by the layer's weight (N, weights) from what arrives at the layer's output."""
    held = {name: p.detach().clone() for name, p in part.named_parameters()}
    weight = held.pop("weight")
    # functional_call puts its weights into the module for a while: into a copy, since another thread may run the model.
    mine = copy.deepcopy(part, {id(p): p for p in part.parameters()})
    mine._forward_pre_hooks.clear()  # what the layer read has been through them

    def of_sample(sample: Tensor, cotangent: Tensor) -> Tensor:
        pull = vjp(lambda w: functional_call(mine, {"weight": w, **held}, (sample[None],)), weight)[1]
        gradient: Tensor = pull(cotangent[None])[0]
        return gradient.flatten()

    chunk = max(1, CHUNK_NUMBERS // weight.numel())
    made: Tensor = vmap(of_sample, chunk_size=chunk)(read, arriving)
    return made.detach()
