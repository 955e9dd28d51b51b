"""Run a network once, keep what the question needs, pull back from the outputs to it.

The trunk runs without a graph. The kept layer's output becomes a fresh leaf and gradients are switched on there, so
autograd records only the head, and every later question is a vector-Jacobian product through that head.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal, TypeVar, overload

import torch
from torch import Tensor, nn

from gradlab.core.checks import callable_of
from gradlab.core.errors import LayerError
from gradlab.core.inputs import Model, check_inputs, labels_of, module_of, own_inputs
from gradlab.core.interrupts import recording
from gradlab.core.kept import Run, Weighting, unreached
from gradlab.core.last_layer import LastLayer
from gradlab.core.layers import LayerChoice, asked_layer, choose_layers
from gradlab.core.layout import Layout, readings_of, settled
from gradlab.core.network import Network, ask
from gradlab.core.outputs import last_layer
from gradlab.core.targets import check_outputs

__all__ = [
    "INPUT",
    "LAST",
    "Keep",
    "answer",
    "run",
]

T = TypeVar("T")


# In a network's memory: layers run inside torch.utils.checkpoint.
CHECKPOINTED = "checkpointed"


class _Checkpointed(Exception):
    """The layer that is to be kept runs inside a checkpoint."""


class Keep(enum.Enum):
    """What a run can keep that is no layer's map."""

    INPUT = "the picture itself"
    LAST = "the last linear layer"


INPUT: Literal[Keep.INPUT] = Keep.INPUT
LAST: Literal[Keep.LAST] = Keep.LAST


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

    Memory: all N pictures run together: it grows with N as a forward pass does, and with the graph of what comes
    after the layer.

    Args:
        model: any ``nn.Module`` or a ``Classifier``; used as in eval mode and never changed.
        inputs: normalised batch (N, C, H, W), never modified.
        keep: a layer's dotted name or module; None: the last spatial map that every path to an output crosses, found;
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

    Memory: as :func:`run`.

    Examples:
        >>> gradlab.core.answer(lambda kept: kept.pull_back(kept.logits[:, 3]), net, x, keep=gradlab.core.INPUT).shape
        torch.Size([1, 1, 32, 32])
    """
    x = check_inputs(model, inputs, extra_inputs)
    callable_of(question, "question", "of a Run")
    asked = keep if keep is INPUT else asked_layer(model, keep)

    labels = labels_of(model)

    def work(network: Network) -> T:
        rejected: LayerError | None = None
        for kept, accept in _runs(network, network.prepared(x), asked, extra_inputs, labels):
            check_outputs(kept.outputs, labels)
            try:
                with recording():
                    found = question(kept)
            except LayerError as error:  # of a layer that was found: the next one may serve
                if asked is not None or (not kept.earlier and kept.depends()):
                    raise
                rejected = rejected or error
                continue
            accept()
            return found
        raise rejected or LayerError(
            "No layer was found whose spatial map every path to the output crosses: name one with layer=."
        )

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
        layout = Layout("NCHW", x.shape[2], x.shape[3])
        yield Run(outputs, "", leaf, layout, (), labels, weights, len(x)), lambda: None
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
        # Of other outputs than a tensor, each score may reach another layer.
        remember = asked is None and isinstance(result.outputs, Tensor)
        yield result, partial(choice.accept, network) if remember else lambda: None
    if rejected is not None:
        raise rejected


def _run_to(
    choice: LayerChoice, network: Network, x: Tensor, extra: Sequence[Any], labels: Sequence[str] | None
) -> Run:
    size = (int(x.shape[-2]), int(x.shape[-1]))
    kept: list[Tensor] = []
    head: list[Weighting] = []

    def keep(_: nn.Module, __: Any, output: Any) -> Tensor:
        if recorded and torch._C._autograd._top_saved_tensors_default_hooks(True) != packed:
            raise _Checkpointed
        readings_of(output, size, choice.name, choice.prefix)
        if len(output) != len(x):
            raise LayerError(_not_the_batch(choice.name, tuple(output.shape), len(x)))
        kept.append(output.detach().requires_grad_())
        head.clear()
        # From here on the head is recorded. It goes on with a copy: an in-place ReLU must not rewrite the leaf.
        torch._C._set_grad_enabled(True)
        return kept[-1].clone()

    def note(part: nn.Module, args: tuple[Any, ...], output: Any) -> Tensor | None:
        if not kept or not isinstance(output, Tensor) or not output.requires_grad:
            return None
        head.append(Weighting(part, args[0], output))  # type: ignore[arg-type]
        return output.clone()

    linear = [part for part in network.parts if _weighs(part) and part is not choice.module]
    weights = network.weights()
    hooks = {**dict.fromkeys(linear, note), choice.module: keep}
    packed = torch._C._autograd._top_saved_tensors_default_hooks(True)
    # Gradients are on throughout: nothing before the layer needs any, and a model may switch them off inside.
    recorded = CHECKPOINTED not in network.memory
    try:
        outputs = network(x, *extra, after=hooks, record=recorded)
    except _Checkpointed:
        # The layer is inside a checkpoint, which would run again without the hook: without gradients it is none.
        network.memory[CHECKPOINTED] = True
        recorded = False
        outputs = network(x, *extra, after=hooks)
    if not kept:
        raise LayerError(f"Layer {choice.name!r} did not run in the forward pass.")
    readings = readings_of(kept[-1], size, choice.name, choice.prefix)
    earlier = tuple(kept[:-1])
    result = Run(outputs, choice.name, kept[-1], readings[0], tuple(head), labels, weights, len(x), earlier)
    if choice.doubted and isinstance(outputs, Tensor) and not result.depends():
        raise unreached(choice.name)
    return replace(result, layout=_layout(choice, readings, network, x, extra, kept[-1].detach()))


def _layout(
    choice: LayerChoice, readings: list[Layout], network: Network, x: Tensor, extra: Sequence[Any], kept: Tensor
) -> Layout:
    """Return where the layer's rows, columns and channels are, found out once for each layer and size of picture."""
    key = ("layout", choice.name, choice.size)
    if key in network.memory:
        return network.memory[key]  # type: ignore[no-any-return]

    def values_of(picture: Tensor) -> Tensor:
        if picture is x:
            return kept
        given: list[Tensor] = []
        network(
            picture, *own_inputs(extra, slice(0, 1), len(x)),
            after={choice.module: lambda _, __, output: given.__setitem__(slice(None), [output.detach().clone()])},
        )  # fmt: skip
        return given[0]

    layout = settled(readings, choice.name, x if len(x) == 1 else x[:1], values_of)
    network.memory[key] = layout
    return layout


def _weighs(part: nn.Module) -> bool:
    return isinstance(part, nn.Linear) or (isinstance(part, nn.Conv2d) and part.kernel_size == (1, 1))


def _not_the_batch(layer: str, shape: tuple[int, ...], n: int) -> str:
    return (
        f"Layer {layer!r} has no map for each picture: its output has shape {shape} for {n} picture{'s' * (n > 1)} "
        "(windows, regions or several views of one). Name a layer whose first axis is the batch."
    )
