"""Run a network once, keep what the question needs, pull back from the outputs to it.

The trunk runs without a graph. The kept layer's output becomes a fresh leaf and gradients are switched on there, so
autograd records only the head, and every later question is a vector-Jacobian product through that head.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, TypeVar, overload

import torch
from torch import Tensor, nn

from gradlab.core.errors import LayerError
from gradlab.core.inputs import Model, check_inputs, labels_of, module_of
from gradlab.core.last_layer import LastLayer
from gradlab.core.layers import LayerChoice, asked_layer, choose_layers
from gradlab.core.layout import Layout, layout_of
from gradlab.core.network import Network, Weights, ask, recording
from gradlab.core.outputs import last_layer
from gradlab.core.seeds import SINGLE
from gradlab.core.targets import check_labels_fit, check_logits

__all__ = [
    "INPUT",
    "LAST",
    "Keep",
    "Run",
    "Weighting",
    "answer",
    "run",
]

T = TypeVar("T")

# Cotangents are pulled back together; a chunk's gradients at the layer stay below this many numbers.
CHUNK_NUMBERS = 16_000_000


class Keep(enum.Enum):
    """What a run can keep that is no layer's map."""

    INPUT = "the picture itself"
    LAST = "the last linear layer"


INPUT: Literal[Keep.INPUT] = Keep.INPUT
LAST: Literal[Keep.LAST] = Keep.LAST


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
        layer: dotted name of the layer that was kept, or "" for the picture itself.
        leaf: the layer's output in its own layout, the root of the head's graph.
        layout: how ``leaf`` holds a spatial map.
        head: linear layers and 1 x 1 convolutions that ran after the layer, in order.
        labels: the classifier's labels, if any.
        weights: as they were during the run; a pull-back after an update of them is refused.
        count: N, the number of pictures.
        checked: an output is known to depend on the layer; else a pull-back of nothing but zeros is refused.
    """

    outputs: Any
    layer: str
    leaf: Tensor
    layout: Layout
    head: tuple[Weighting, ...] = field(repr=False)
    labels: Sequence[str] | None = field(repr=False)
    weights: Weights = field(repr=False)
    count: int
    checked: bool = field(repr=False)

    @property
    def logits(self) -> Tensor:
        """Logits (N, classes), still attached; raises ``ModelError`` if the model returns anything else."""
        return check_logits(self.outputs)

    @property
    def activations(self) -> Tensor:
        """The layer's output A as (N, K, h, w), detached."""
        return self.layout.to_maps(self.leaf.detach())

    def pull_back(self, scores: Tensor) -> Tensor:
        """Return d(sum of scores)/dA as (N, K, h, w). Samples do not mix, so this is each sample's own gradient.

        Raises:
            LayerError: the scores do not depend on the layer.
            ModelError: the weights were updated since the run.
        """
        return self._reached(self.layout.to_maps(self._gradient(scores.sum(), None, batched=False)))

    def pull_back_many(self, cotangents: Tensor) -> Iterator[Tensor]:
        """Yield sum_c v_c dz_c/dA as (m, N, K, h, w) for cotangents v (M, N, classes), in chunks of m."""
        for part in cotangents.split(max(1, CHUNK_NUMBERS // self.leaf.numel())):
            yield self._reached(self.layout.to_maps(self._gradient(self.logits, part, batched=True), batch_axes=2))

    def _reached(self, gradient: Tensor) -> Tensor:
        if not self.checked and not bool((gradient != 0).any()):
            raise _unreached(self.layer)
        return gradient

    def _gradient(self, outputs: Tensor, cotangents: Tensor | None, batched: bool) -> Tensor:
        found = None
        if outputs.requires_grad:
            with recording(), self.weights.steady():
                try:
                    (found,) = torch.autograd.grad(
                        outputs, self.leaf, cotangents, retain_graph=True, allow_unused=True, is_grads_batched=batched
                    )
                except RuntimeError:
                    if cotangents is None or not batched:
                        raise
                    # A step that cannot be batched: one after another, slow and right.
                    pulled = [self._gradient(outputs, each, batched=False) for each in cotangents]
                    found = torch.stack(pulled)
        if found is None:
            what = f"map of layer {self.layer!r}" if self.layer else "picture"
            raise LayerError(f"The scores do not depend on the {what}: choose a layer upstream of them.")
        return found


@overload
def run(
    model: Model, inputs: Tensor, *, keep: str | nn.Module | Literal[Keep.INPUT] | None = None,
    extra_inputs: Sequence[Any] = (),
) -> Run: ...  # fmt: skip
@overload
def run(model: Model, inputs: Tensor, *, keep: Literal[Keep.LAST], extra_inputs: Sequence[Any] = ()) -> LastLayer: ...
def run(
    model: Model, inputs: Tensor, *, keep: str | nn.Module | Keep | None = None, extra_inputs: Sequence[Any] = ()
) -> Run | LastLayer:
    """Run ``model(inputs, *extra_inputs)`` once and keep a layer, the input or the last linear layer.

    Args:
        model: any ``nn.Module`` or a ``Classifier``; used as in eval mode and never changed.
        inputs: normalised batch (N, C, H, W), never modified.
        keep: a layer's dotted name or module; None: the last spatial map upstream of the pooling, found and checked;
            ``INPUT``: the picture itself; ``LAST``: what the linear layer reads that makes the logits.
        extra_inputs: what else the model reads (a question, the words so far), passed on as it is.

    Raises:
        InputError, LayerError, ModelError: see their descriptions.

    Examples:
        >>> kept = gradlab.core.run(net, x)
        >>> kept.layer, kept.activations.shape
        ('stages', torch.Size([1, 32, 8, 8]))
        >>> kept.pull_back(kept.logits[:, 3]).shape
        torch.Size([1, 32, 8, 8])
    """
    if keep is LAST:
        return last_layer(model, inputs, extra_inputs=extra_inputs)
    return answer(lambda kept: kept, model, inputs, keep=keep, extra_inputs=extra_inputs)


def answer(
    question: Callable[[Run], T],
    model: Model,
    inputs: Tensor,
    *,
    keep: str | nn.Module | Literal[Keep.INPUT] | None = None,
    extra_inputs: Sequence[Any] = (),
) -> T:
    """Return ``question(run(...))``, asked again where a thread that trains the model updates its weights half-way.

    The question is computed with gradients on, whatever mode the caller is in. Arguments and errors are those of
    :func:`run`, and the question's own.

    Examples:
        >>> gradlab.core.answer(lambda kept: kept.pull_back(kept.logits[:, 3]), net, x, keep=gradlab.core.INPUT).shape
        torch.Size([1, 1, 32, 32])
    """
    x = check_inputs(model, inputs)
    asked = keep if keep is INPUT else asked_layer(model, keep)

    labels = labels_of(model)

    def work(network: Network) -> T:
        rejected: LayerError | None = None
        for kept, accept in _runs(network, network.prepared(x), asked, extra_inputs, labels):
            check_labels_fit(labels, kept.outputs)
            try:
                with recording():
                    found = question(kept)
            except LayerError as error:  # of a layer that was found: the next one may serve
                if asked is not None or kept.checked:
                    raise
                rejected = rejected or error
                continue
            accept()
            return found
        raise rejected or LayerError("No layer with a spatial map was found: name one with layer=.")

    return ask(module_of(model), work)


def _runs(
    network: Network,
    x: Tensor,
    asked: str | nn.Module | Keep | None,
    extra: Sequence[Any],
    labels: Sequence[str] | None,
) -> Iterator[tuple[Run, Callable[[], None]]]:
    """Yield runs that keep what was asked for, or one layer after another; and what to do once one has served."""
    if asked is INPUT:
        weights, leaf = network.weights(), x.clone().requires_grad_()
        outputs = network(leaf, *extra, record=True)
        yield (
            Run(outputs, "", leaf, Layout("NCHW", x.shape[2], x.shape[3]), (), labels, weights, len(x), True),
            lambda: None,
        )
        return
    rejected: LayerError | None = None
    for choice in choose_layers(network, x, extra, asked):  # type: ignore[arg-type]
        try:
            result = _run_to(choice, network, x, extra, labels)
        except LayerError as error:
            if asked is not None:
                raise
            rejected = rejected or error
            continue
        yield result, partial(choice.accept, network, found=asked is None)
    if rejected is not None:
        raise rejected


def _run_to(
    choice: LayerChoice, network: Network, x: Tensor, extra: Sequence[Any], labels: Sequence[str] | None
) -> Run:
    size = (int(x.shape[-2]), int(x.shape[-1]))
    kept: list[Tensor] = []
    head: list[Weighting] = []

    def keep(_: nn.Module, __: Any, output: Any) -> Tensor:
        layout_of(output, size, choice.name, choice.prefix)
        kept[:] = [output.detach().requires_grad_()]
        head.clear()
        # From here on the head is recorded. It goes on with a copy: an in-place ReLU must not rewrite the leaf.
        torch._C._set_grad_enabled(True)
        return kept[0].clone()

    def note(part: nn.Module, args: tuple[Any, ...], output: Any) -> Tensor | None:
        if not kept or not isinstance(output, Tensor) or not output.requires_grad:
            return None
        head.append(Weighting(part, args[0], output))  # type: ignore[arg-type]
        return output.clone()

    linear = [part for part in network.parts if _weighs(part) and part is not choice.module]
    weights = network.weights()
    # Gradients are on throughout: nothing before the layer needs any, and a model may switch them off inside.
    outputs = network(x, *extra, after={**dict.fromkeys(linear, note), choice.module: keep}, record=True)
    if not kept:
        raise LayerError(f"Layer {choice.name!r} did not run in the forward pass.")
    layout = layout_of(kept[0], size, choice.name, choice.prefix)
    checked = isinstance(outputs, Tensor)  # of other outputs, each score may reach another layer
    result = Run(outputs, choice.name, kept[0], layout, tuple(head), labels, weights, len(x), checked)
    if not choice.checked and isinstance(outputs, Tensor):
        _check_reached(result, outputs)
    return result


def _weighs(part: nn.Module) -> bool:
    return isinstance(part, nn.Linear) or (isinstance(part, nn.Conv2d) and part.kernel_size == (1, 1))


def _check_reached(result: Run, outputs: Tensor) -> None:
    """Refuse a layer whose map no output depends on (patch tokens after the last attention of a ViT, for one)."""
    if outputs.requires_grad:
        # One fixed, uneven cotangent: a plain sum of logits could cancel.
        weights = torch.linspace(1, 2, outputs[0].numel(), **SINGLE).to(outputs)
        with recording():
            gradient = result.pull_back(outputs.reshape(len(outputs), -1) * weights)
        if bool((gradient != 0).any()):
            return
    raise _unreached(result.layer)


def _unreached(layer: str) -> LayerError:
    return LayerError(
        f"No output depends on the map of layer {layer!r} (all gradients are 0): choose a layer upstream of it."
    )
