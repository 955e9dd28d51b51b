"""Run a network once, keep one layer, pull back from the outputs to it.

The trunk runs without a graph. The layer's output becomes a fresh leaf and gradients are switched on there, so autograd
records only the head, and every later question is a vector-Jacobian product through that head.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from gradlab.core.errors import InputError, LayerError
from gradlab.core.inputs import check_inputs, labels_of, module_of
from gradlab.core.layers import LayerChoice, asked_layer, choose_layers
from gradlab.core.layout import Layout, layout_of
from gradlab.core.state import borrowed, recording
from gradlab.core.targets import check_logits

# Cotangents are pulled back together; a chunk's gradients at the layer stay below this many numbers.
CHUNK_NUMBERS = 16_000_000


@dataclass(frozen=True)
class Weighting:
    """One linear layer (or 1 x 1 convolution) of the head as it ran; input and output are in the graph."""

    module: nn.Linear | nn.Conv2d
    input: Tensor
    output: Tensor


@dataclass(frozen=True)
class Run:
    """What one run of a network leaves.

    Attributes:
        outputs: what the model returned, attached to the graph of the head.
        layer: dotted name of the layer that was kept.
        leaf: the layer's output in its own layout, the root of the head's graph.
        layout: how ``leaf`` holds a spatial map.
        head: linear layers and 1 x 1 convolutions that ran after the layer, in order.
        labels: the classifier's labels, if any.
    """

    outputs: Any
    layer: str
    leaf: Tensor
    layout: Layout
    head: tuple[Weighting, ...] = field(repr=False)
    labels: list[str] | None = field(default=None, repr=False)

    @property
    def logits(self) -> Tensor:
        """Logits (N, classes), still attached; raises ``TargetError`` if the model returns anything else."""
        return check_logits(self.outputs)

    @property
    def activations(self) -> Tensor:
        """The layer's output A as (N, K, h, w), detached."""
        return self.layout.to_maps(self.leaf.detach())

    def pull_back(self, scores: Tensor) -> Tensor:
        """Return d(sum of scores)/dA as (N, K, h, w). Samples do not mix, so this is each sample's own gradient.

        Raises:
            LayerError: the scores do not depend on the layer.
        """
        if not scores.requires_grad:
            raise self._unreached()
        with recording():
            (gradient,) = torch.autograd.grad(scores.sum(), self.leaf, retain_graph=True, allow_unused=True)
        if gradient is None:
            raise self._unreached()
        return self.layout.to_maps(gradient)

    def pull_back_many(self, cotangents: Tensor) -> Iterator[Tensor]:
        """Yield sum_c v_c dz_c/dA as (m, N, K, h, w) for cotangents v (M, N, classes), in chunks of m."""
        chunk = max(1, CHUNK_NUMBERS // self.leaf.numel())
        with recording():
            for part in cotangents.split(chunk):
                (gradients,) = torch.autograd.grad(
                    self.logits, self.leaf, part, retain_graph=True, allow_unused=True, is_grads_batched=True
                )
                if gradients is None:
                    raise self._unreached()
                yield self.layout.to_maps(gradients, batch_axes=2)

    def _unreached(self) -> LayerError:
        return LayerError(
            f"The scores do not depend on the map of layer {self.layer!r}: choose a layer upstream of it."
        )


def run(model: Any, inputs: Any, layer: str | nn.Module | None = None, extra_inputs: Sequence[Any] = ()) -> Run:
    """Run ``model(inputs, *extra_inputs)`` once and keep ``layer``.

    Args:
        model: any ``nn.Module`` or a ``Classifier``.
        inputs: normalised batch (N, C, H, W), never modified.
        layer: dotted name, module, or None: the last spatial map upstream of the pooling, checked.
        extra_inputs: what else the model reads (a question, the words so far), passed on as it is.

    Raises:
        InputError, LayerError, ModelError: see their descriptions.
    """
    module = module_of(model)
    x = check_inputs(model, inputs)
    asked = asked_layer(model, layer)
    rejected: LayerError | None = None
    with borrowed(module) as (model_call, parts):
        call = explained(model_call, parts, extra_inputs)
        x = fastest_layout(x, parts)
        for choice in choose_layers(parts, call, x, asked):
            try:
                result = _run_to(choice, parts, call, x, labels_of(model))
                if not choice.checked:
                    _check_reached(result)
            except LayerError as error:
                if asked is not None:
                    raise
                rejected = rejected or error
                continue
            choice.accept(module, found=asked is None)
            return result
    raise rejected or LayerError("No layer with a spatial map was found: name one with layer=.")


def _run_to(
    choice: LayerChoice, parts: Iterable[nn.Module], call: Callable[[Tensor], Any], x: Tensor, labels: list[str] | None
) -> Run:
    size = (int(x.shape[-2]), int(x.shape[-1]))
    kept: list[Tensor] = []
    head: list[Weighting] = []
    thread = threading.get_ident()

    def keep(_: nn.Module, __: Any, output: Any) -> Tensor | None:
        if threading.get_ident() != thread:
            return None
        layout_of(output, size, choice.name, choice.prefix)
        kept[:] = [output.detach().requires_grad_()]
        head.clear()
        # From here on the head is recorded, and its linear layers are noted. It goes on with a copy: an in-place
        # ReLU must not rewrite the leaf.
        if len(hooks) == 1:
            hooks.extend(part.register_forward_hook(note) for part in linear)
        torch.set_grad_enabled(True)
        return kept[0].clone()

    def note(part: nn.Module, args: tuple[Any, ...], output: Any) -> Tensor | None:
        if threading.get_ident() != thread or not isinstance(output, Tensor) or not output.requires_grad:
            return None
        head.append(Weighting(part, args[0], output))  # type: ignore[arg-type]
        return output.clone()

    hooks: list[Any] = []
    linear = [part for part in parts if _weighs(part) and part is not choice.module]
    try:
        hooks.append(choice.module.register_forward_hook(keep))
        outputs = call(x)
    finally:
        torch.set_grad_enabled(False)
        for hook in hooks:
            hook.remove()
    if not kept:
        raise LayerError(f"Layer {choice.name!r} did not run in the forward pass.")
    return Run(
        outputs,
        choice.name,
        kept[0],
        layout_of(kept[0], size, choice.name, choice.prefix),
        tuple(head),
        labels,
    )


def fastest_layout(x: Tensor, parts: Iterable[nn.Module]) -> Tensor:
    """Return ``x`` channels-last where depthwise convolutions run on a CPU: they take a fifth off a forward pass."""
    depthwise = (isinstance(m, nn.Conv2d) and m.groups == m.in_channels > 1 for m in parts)
    return x.contiguous(memory_format=torch.channels_last) if x.is_cpu and any(depthwise) else x


def _weighs(part: nn.Module) -> bool:
    return isinstance(part, nn.Linear) or (isinstance(part, nn.Conv2d) and part.kernel_size == (1, 1))


def outputs_of(model: Any, inputs: Any, extra_inputs: Sequence[Any] = ()) -> Any:
    """Return what ``model(inputs, *extra_inputs)`` returns, detached, in eval mode and under the state contract.

    Raises:
        InputError, ModelError: see their descriptions.
    """
    x = check_inputs(model, inputs)
    with borrowed(module_of(model)) as (model_call, parts):
        return explained(model_call, parts, extra_inputs)(fastest_layout(x, parts))


def explained(call: Callable[..., Any], parts: Iterable[nn.Module], extra: Sequence[Any]) -> Callable[[Tensor], Any]:
    """Return ``call`` of the picture alone, with a readable error where its channels do not fit the model."""

    def forward(x: Tensor) -> Any:
        try:
            return call(x, *extra)
        except RuntimeError as error:
            conv = next((m for m in parts if isinstance(m, nn.Conv2d)), None)
            if conv is None or conv.in_channels == x.shape[1]:
                raise
            raise InputError(
                f"inputs has {x.shape[1]} channels, but the model's first convolution reads {conv.in_channels}."
            ) from error

    return forward


def _check_reached(result: Run) -> None:
    """Refuse a layer whose map no logit depends on (patch tokens after the last attention of a ViT, for one)."""
    outputs = result.outputs
    if isinstance(outputs, Tensor) and outputs.requires_grad:
        # One fixed, uneven cotangent: a plain sum of logits could cancel.
        weights = torch.linspace(1, 2, outputs[0].numel(), device=outputs.device).to(outputs.dtype)
        with recording():
            gradient = result.pull_back(outputs.flatten(1) * weights)
        reached = bool((gradient != 0).any())
    else:
        reached = not isinstance(outputs, Tensor)
    if not reached:
        raise LayerError(
            f"No output depends on the map of layer {result.layer!r} (all gradients are 0): "
            "choose a layer upstream of it."
        )
