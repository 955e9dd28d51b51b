"""Fisher information of a network about its parameters: F(x) = sum_c w_c g_c g_c^T, g_c = d(-log p_c) / d theta.

The classifier is a family p(y|x, theta); a sample's score under label c is d log p_c / d theta = -g_c. With the
network's own probabilities as weights the mean score is 0 and F(x) its covariance (``core/last_layer.py``). Its
inverse (K-FAC and the like) is other libraries' work.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, overload

import torch
from torch import Tensor, nn

from gradlab.core import Model
from gradlab.core.checks import one_of
from gradlab.core.inputs import labels_of
from gradlab.core.per_sample import PerSample, per_sample
from gradlab.core.seeds import Seed, torch_generator
from gradlab.information.labels import Kind, check_kind, check_labels, cotangents, weights_of

__all__ = ["fisher", "scores"]


@overload
def fisher(
    model: Model, inputs: Tensor, kind: Kind = "exact", *, what: Literal["diagonal"] = "diagonal",
    layer: str | nn.Module | None = None, labels: Any = None, samples: int = 1,
    seed: Seed | None = None, extra_inputs: Sequence[Any] = (),
) -> dict[str, Tensor]: ...  # fmt: skip
@overload
def fisher(
    model: Model, inputs: Tensor, kind: Kind = "exact", *, what: Literal["trace"],
    layer: str | nn.Module | None = None, labels: Any = None, samples: int = 1,
    seed: Seed | None = None, extra_inputs: Sequence[Any] = (),
) -> Tensor: ...  # fmt: skip
def fisher(
    model: Model,
    inputs: Tensor,
    kind: Kind = "exact",
    *,
    what: Literal["diagonal", "trace"] = "diagonal",
    layer: str | nn.Module | None = None,
    labels: Any = None,
    samples: int = 1,
    seed: Seed | None = None,
    extra_inputs: Sequence[Any] = (),
) -> dict[str, Tensor] | Tensor:
    """Fisher information about a network's weights, from sum_c w_c g_c g_c^T with g_c = d(-log p_c) / d theta.

    The three kinds differ in the labels' weights alone:

    - ``"exact"``: w = p, every label as likely as the network itself thinks (the true Fisher information).
    - ``"monte carlo"``: labels drawn from p; unbiased, and off by about 1 / sqrt(N samples).
    - ``"empirical"``: the observed label alone. This is *not* an estimate of the other two: it falls towards 0 as
      the fit gets better, and jumps where labels are wrong (Kunstner et al. 2019).

    The square of a batch's mean gradient is none of them: it is the square of a mean, not a mean of squares.

    Memory: pieces of at most 8 million gradients at the layers' outputs; the diagonal takes as much as the weights.

    Args:
        model: any ``nn.Module`` or a ``Classifier`` that returns logits (N, classes); frozen weights count too.
        inputs: normalised pictures (N, C, H, W).
        kind: see above.
        what: "diagonal" or "trace".
        layer: whose weights (name or module, with its parts); None: those of the whole network.
        labels: for "empirical": class, label, or one of these per sample.
        samples: for "monte carlo": labels drawn per picture.
        seed: for "monte carlo": of the draw.
        extra_inputs: what the model reads beside the pictures; tensors of length N go with their picture.

    Returns:
        "diagonal": the mean over pictures, by dotted name of the parameter and in its shape. "trace": of each picture,
        (N,), summed over all weights asked for. Both in nats^2 per unit of weight^2.

    Raises:
        InputError, TargetError, LayerError, ModelError: before the pictures are run.

    Examples:
        >>> gradlab.information.fisher(net, x, layer="head")["head.weight"].shape
        torch.Size([10, 32])
        >>> gradlab.information.fisher(net, x, "empirical", labels=7, what="trace").shape
        torch.Size([1])
    """
    samples = check_kind(kind, labels, samples, seed)
    one_of(what, "what", ("diagonal", "trace"))

    def work(opened: PerSample) -> dict[str, Tensor] | Tensor:
        classes = opened.classes
        observed = check_labels(labels, inputs, classes, labels_of(model))
        generator = None if seed is None else torch_generator(seed)
        passes = {"exact": classes, "monte carlo": min(samples, classes), "empirical": 1}[kind]

        def ask(rows: slice, logits: Tensor) -> Tensor:
            own = None if observed is None else observed[rows]
            return cotangents(logits, weights_of(logits, kind, own, samples, generator))

        if what == "trace":
            trace = opened.zeros(len(inputs))
            for piece in opened.pieces(passes, ask):
                trace[piece.rows] += piece.norms()
            return trace
        diagonal = {name: opened.zeros(*shape) for name, shape in opened.shapes.items()}
        for piece in opened.pieces(passes, ask):
            for name, squares in piece.squares().items():
                diagonal[name] += squares
        return {name: total / len(inputs) for name, total in diagonal.items()}

    return per_sample(work, model, inputs, layer=layer, extra_inputs=extra_inputs)


def scores(
    model: Model,
    inputs: Tensor,
    labels: Any = "every",
    *,
    layer: str | nn.Module | None = None,
    extra_inputs: Sequence[Any] = (),
) -> dict[str, Tensor]:
    """Each sample's scores d log p_c / d theta, never averaged: minus the contrast gradients dJ_c / d theta.

    Memory: the N labels weights numbers of the result, all at once; pieces beside them as in :func:`fisher`.

    Args:
        model: any ``nn.Module`` or a ``Classifier`` that returns logits (N, classes).
        inputs: normalised pictures (N, C, H, W).
        labels: "every" label of each sample, or one class, label, or one of these per sample; None: the predicted one.
        layer: whose weights (name or module, with its parts); None: those of the whole network. All scores are held
            at once: N x labels x weights numbers.
        extra_inputs: as in :func:`fisher`.

    Returns:
        By dotted name of the parameter: (N, classes, *shape) for every label, or (N, *shape).

    Raises:
        InputError, TargetError, LayerError, ModelError: before the pictures are run.

    Examples:
        >>> found = gradlab.information.scores(net, x, layer="head")
        >>> {name: tuple(values.shape) for name, values in found.items()}
        {'head.weight': (1, 10, 10, 32), 'head.bias': (1, 10, 10)}
    """
    every = isinstance(labels, str) and labels == "every"

    def work(opened: PerSample) -> dict[str, Tensor]:
        n, classes = len(inputs), opened.classes
        given = None if every else check_labels(labels, inputs, classes, labels_of(model))

        def ask(rows: slice, logits: Tensor) -> Tensor:
            one_hot = torch.eye(classes, dtype=logits.dtype, device=logits.device)
            asked = one_hot if every else one_hot[logits.argmax(1) if given is None else given[rows]][:, None]
            return asked - logits.softmax(1)[:, None]

        found = {name: opened.zeros(n, classes if every else 1, *shape) for name, shape in opened.shapes.items()}
        done = dict.fromkeys(found, 0)
        for piece in opened.pieces(classes if every else 1, ask):
            for name, values in piece.gradients().items():
                first = done[name] % found[name].shape[1]
                found[name][piece.rows, first : first + values.shape[1]] = values
                done[name] += values.shape[1]
        return found if every else {name: values[:, 0] for name, values in found.items()}

    return per_sample(work, model, inputs, layer=layer, extra_inputs=extra_inputs)
