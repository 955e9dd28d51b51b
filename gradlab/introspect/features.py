"""Introspective features: how the network would have to change if its decision had been another one.

Prabhushankar and AlRegib, Introspective Learning: A Two-Stage Approach for Inference in Neural Networks, NeurIPS 2022.
Their published code holds no features; where the paper leaves the loss or the normalisation open, these are what *we*
use.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from gradlab.introspect.factored import factors, l2, min_max
from gradlab.introspect.layerwise import layer_gradients
from gradlab.introspect.recipe import Loss, Normalize, Question, Recipe


def features(
    model: Any,
    inputs: Tensor,
    loss: Loss = "mse",
    question: Question = "ones",
    normalize: Normalize | None = "l2",
    layer: str | nn.Module | None = None,
    extra_inputs: Sequence[Any] = (),
) -> Tensor:
    """The gradient of J(f(x), label) by a layer's weight W, of each sample, as a vector. Nothing is averaged.

    At a linear last layer z = W h + b it is u h^T with u = dJ/dz, so that one forward pass, and no backward pass,
    answers for all C classes; :func:`gradlab.introspect.factors` keeps u and h apart. For any other layer the gradients
    are pulled back, one pass per question.

    Args:
        model: any ``nn.Module`` or a ``Classifier``; its bias is not among the features.
        inputs: normalised pictures (N, C, H, W).
        loss: "mse" (of the logits), "bce" (of their sigmoids), "ce", or a callable of one sample's logits (classes,)
            and label (classes,) that returns one number. "mse" and "bce" are means over classes.
        question: "ones", the label that is all ones; or "each", the one-hot label of every class in turn: "why P,
            rather than Q?". For "ce" the label of ones is not divided by its sum, so "ones" is the sum of "each".
        normalize: "l2" (over the length), "minmax" (stretched to 0..1) or None. One scale per sample, for all its
            questions together: for "ce" and Q = P the gradient is next to nothing, and its own length would blow up
            rounding. What is no more than rounding (h = 0, p all the same under "ones") becomes 0, not NaN.
        layer: dotted name or module with a weight; None: the linear layer that makes the logits, found and checked.
        extra_inputs: what the model reads beside the pictures: ``model(inputs, *extra_inputs)``.

    Returns:
        (N, classes * d) for "ones", (N, classes, classes * d) for "each", row-major: index c * d + k is dJ/dW_ck. For
        another layer the last axis is its weight, flattened.

    Raises:
        InputError, LayerError, ModelError: before anything is changed.
    """
    name = layer if isinstance(layer, str) else None
    recipe = Recipe(loss, question, normalize, name)
    if layer is None:
        return factors(model, inputs, extra_inputs).features(recipe)
    made = layer_gradients(model, inputs, loss, question, layer, extra_inputs)
    if normalize is None:
        return made
    return l2(made) if normalize == "l2" else min_max(made)
