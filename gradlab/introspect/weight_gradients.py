"""Introspective features: how the network would have to change if its decision had been another one.

Prabhushankar and AlRegib, Introspective Learning: A Two-Stage Approach for Inference in Neural Networks, NeurIPS 2022.
Their published code holds no features; where the paper leaves the loss or the normalisation open, these are what *we*
use.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gradlab.core import InputError, LastLayer, Model, last_layer
from gradlab.core.checks import instance
from gradlab.core.contrasts import Loss, Question, logit_gradients
from gradlab.core.per_sample import PerSample, per_sample
from gradlab.introspect.recipe import Normalize, Recipe

__all__ = ["dense_features", "features", "l2", "min_max"]

# What is smaller than this many roundings of the terms it is a difference of holds no information.
ROUNDINGS = 16
# Dense features of more numbers than this (4 GB in float32) are refused: the two factors hold the same.
MOST_NUMBERS = 2**30


def features(
    model: Model,
    inputs: Tensor,
    loss: Loss = "mse",
    *,
    question: Question = "ones",
    normalize: Normalize | None = "l2",
    layer: str | nn.Module | None = None,
    extra_inputs: Sequence[Any] = (),
) -> Tensor:
    """The gradient of J(f(x), label) by a layer's weight W, of each sample, as a vector. Nothing is averaged.

    At a linear last layer z = W h + b it is u h^T with u = dJ/dz, so that one forward pass, and no backward pass,
    answers for all C classes; :func:`gradlab.introspect.last_layer` keeps u and h apart. For any other layer the
    gradients are pulled back, one pass per question.

    Memory: all N pictures run together: it grows with N as a forward pass does, and the features: N times as many
    as the layer has weights.

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
        extra_inputs: what the model reads beside the pictures; tensors of length N go with their picture.

    Returns:
        (N, classes * d) for "ones", (N, classes, classes * d) for "each", row-major: index c * d + k is dJ/dW_ck. For
        another layer the last axis is its weight, flattened.

    Raises:
        InputError, LayerError, ModelError: before anything is changed.

    Examples:
        >>> gradlab.introspect.features(net, x).shape
        torch.Size([1, 320])
    """
    recipe = Recipe(loss, question, normalize, layer if isinstance(layer, str) else None)
    if layer is None:
        return dense_features(last_layer(model, inputs, extra_inputs=extra_inputs), recipe)
    made = _of_layer(model, inputs, recipe, layer, extra_inputs)
    if normalize is None:
        return made
    return l2(made) if normalize == "l2" else min_max(made)


def dense_features(kept: LastLayer, recipe: Recipe = Recipe()) -> Tensor:  # noqa: B008 (frozen)
    """Return vec(u h^T) of each sample as :func:`features` does, from the two factors; the recipe's layer is not read.

    Raises:
        InputError: more numbers than ``MOST_NUMBERS``.

    Examples:
        >>> kept = gradlab.introspect.last_layer(net, x)
        >>> gradlab.introspect.dense_features(kept, gradlab.introspect.Recipe(question="each")).shape
        torch.Size([1, 10, 320])
    """
    n, classes = instance(kept, "kept", LastLayer, "what last_layer returns").logits.shape
    instance(recipe, "recipe", Recipe, "a Recipe")
    _check_size(n, classes if recipe.question == "each" else 1, classes, kept.hidden.shape[-1])
    u, size = logit_gradients(kept.logits, recipe.loss, recipe.question)
    floor, h = ROUNDINGS * torch.finfo(u.dtype).eps * size, kept.hidden
    if recipe.normalize == "l2" and h.ndim == 2:
        u, h = _unit(u, floor), _unit(h, size.new_zeros(n))
    elif recipe.normalize == "l2":
        u = torch.where((u.flatten(1).norm(dim=1) > floor).view(-1, *[1] * (u.ndim - 1)), u, 0)
    # (N, 1 or classes, d), with a further axis for the questions
    h = h.view(n, *[1] * (u.ndim - h.ndim + 1), *h.shape[1:])
    made = (u[..., None] * h).flatten(-2)
    if recipe.normalize == "l2" and kept.hidden.ndim == 3:
        made = l2(made)
    return min_max(made) if recipe.normalize == "minmax" else made


def _of_layer(
    model: Model, inputs: Tensor, recipe: Recipe, layer: str | nn.Module, extra_inputs: Sequence[Any]
) -> Tensor:
    """Return dJ/dW of each sample for a layer's own weight, (N, weights) or (N, classes, weights)."""

    def work(opened: PerSample) -> Tensor:
        (shape,) = opened.shapes.values()
        questions = opened.classes if recipe.question == "each" else 1
        _check_size(len(inputs), questions, 1, shape.numel())

        def ask(rows: slice, logits: Tensor) -> Tensor:
            u = logit_gradients(logits, recipe.loss, recipe.question)[0]
            return u if recipe.question == "each" else u[:, None]

        found, done = opened.zeros(len(inputs), questions, shape.numel()), 0
        for piece in opened.pieces(questions, ask):
            (values,) = piece.gradients().values()
            found[piece.rows, done : done + values.shape[1]] = values.flatten(2)
            done = (done + values.shape[1]) % questions
        return found if recipe.question == "each" else found[:, 0]

    return per_sample(work, model, inputs, layer=layer, weight_alone=True, extra_inputs=extra_inputs)


def _check_size(n: int, questions: int, classes: int, d: int) -> None:
    """Raise ``InputError`` if dense features would hold more than ``MOST_NUMBERS``."""
    numbers = n * questions * classes * d
    if numbers > MOST_NUMBERS:
        raise InputError(
            f"{n} x {questions} questions x {classes} classes x {d} are {numbers:.1e} numbers: ask fewer pictures at "
            "once, or keep the two factors with gradlab.introspect.last_layer."
        )


def _unit(values: Tensor, floor: Tensor) -> Tensor:
    """Return each sample's values over their length, 0 where it is not above its floor (N,)."""
    length = values.flatten(1).norm(dim=1)
    length = torch.where(length > floor, length, torch.inf)
    return values / length.view(-1, *[1] * (values.ndim - 1))


def l2(features: Tensor) -> Tensor:
    """Return each sample's features over their length, all questions together; no length stays 0."""
    return _unit(features, features.new_zeros(len(features)))


def min_max(features: Tensor) -> Tensor:
    """Return each sample's features stretched to 0..1, all questions together; 0 where they are all the same."""
    flat = features.flatten(1)
    low, high = flat.amin(1), flat.amax(1)
    same = high - low <= ROUNDINGS * torch.finfo(flat.dtype).eps * flat.abs().amax(1)
    span = torch.where(same, torch.inf, high - low)
    shape = (-1, *[1] * (features.ndim - 1))
    return (features - low.view(shape)) / span.view(shape)
