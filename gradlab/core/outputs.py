"""What needs no pull-back: a model's outputs, and what its last linear layer reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from gradlab.core.inputs import Model, check_inputs, labels_of, module_of
from gradlab.core.last_layer import LastLayer, read_last
from gradlab.core.network import Network, ask
from gradlab.core.targets import check_outputs

__all__ = ["attached_last_layer", "last_layer", "outputs_of", "sees_others"]


def last_layer(model: Model, inputs: Tensor, *, extra_inputs: Sequence[Any] = ()) -> LastLayer:
    """Run the network once and keep what its last linear layer reads and gives.

    Memory: all N pictures run together: it grows with N as a forward pass does.

    Args:
        model: any ``nn.Module`` or a ``Classifier`` whose logits (N, classes) come from an ``nn.Linear``.
        inputs: normalised pictures (N, C, H, W).
        extra_inputs: what the model reads beside the pictures: ``model(inputs, *extra_inputs)``.

    Raises:
        InputError, ModelError: see their descriptions. LayerError: the logits are no linear layer's output.

    Examples:
        >>> kept = gradlab.core.last_layer(net, x)
        >>> kept.layer, kept.hidden.shape
        ('head', torch.Size([1, 32]))
    """
    x = check_inputs(model, inputs, extra_inputs)
    return ask(module_of(model), lambda network: read_last(network, network.prepared(x), extra_inputs))


def attached_last_layer(model: Model, inputs: Tensor, name: str = "inputs") -> LastLayer:
    """Do as :func:`last_layer`, for a second network that reads its answer: gradients flow to ``inputs``, if recorded.

    None reach the model's weights. If the caller does not record, a hook in the model may (this package's own at the
    layer that it explains): the logits then have a graph from there on.
    """
    check_inputs(model, inputs, name=name)
    x = inputs.as_subclass(Tensor)  # not the copy: gradients flow through it
    record = torch.is_grad_enabled() and inputs.requires_grad

    def work(network: Network) -> LastLayer:
        torch._C._set_grad_enabled(record)
        return read_last(network, network.prepared(x), record=record)

    return ask(module_of(model), work)


def outputs_of(model: Model, inputs: Tensor, *, extra_inputs: Sequence[Any] = ()) -> Any:
    """Return what ``model(inputs, *extra_inputs)`` returns, detached, in eval mode; the model is not changed.

    Memory: all N pictures run together: it grows with N as a forward pass does.

    Args:
        model: any ``nn.Module`` or a ``Classifier``.
        inputs: normalised batch (N, C, H, W).
        extra_inputs: what else the model reads.

    Raises:
        InputError, ModelError: see their descriptions.

    Examples:
        >>> gradlab.core.outputs_of(net, x).shape
        torch.Size([1, 10])
    """
    x = check_inputs(model, inputs, extra_inputs)
    outputs = ask(module_of(model), lambda network: network(network.prepared(x), *extra_inputs))
    check_outputs(outputs, labels_of(model))
    return outputs


def sees_others(model: Model, inputs: Tensor, extra_inputs: Sequence[Any]) -> bool:
    """Tell whether a picture's answer depends on those beside it in a batch, so that each must be asked alone."""
    return ask(module_of(model), lambda network: network.sees_others(network.prepared(inputs), extra_inputs))
