"""Fisher information of a network about its parameters: F(x) = sum_c w_c g_c g_c^T, g_c = d(-log p_c) / d theta.

The classifier is a family p(y|x, theta); a sample's score under label c is d log p_c / d theta = -g_c. With the
network's own probabilities as weights the mean score is 0 and F(x) its covariance (``closed_form.py`` shows it). Its
inverse (K-FAC and the like) is other libraries' work.
"""

from __future__ import annotations

from typing import Any, Literal, overload

import torch
from torch import Tensor, nn

from gradlab.core import InputError, class_indices
from gradlab.core.inputs import check_inputs, labels_of, module_of
from gradlab.information.labels import Kind, check_kind, cotangents, weights_of
from gradlab.information.per_sample import per_sample


@overload
def fisher(
    model: Any, inputs: Tensor, kind: Kind = "exact", *, what: Literal["diagonal"] = "diagonal",
    layer: str | nn.Module | None = None, labels: Any = None, samples: int = 1,
    generator: torch.Generator | None = None,
) -> dict[str, Tensor]: ...  # fmt: skip
@overload
def fisher(
    model: Any, inputs: Tensor, kind: Kind = "exact", *, what: Literal["trace"],
    layer: str | nn.Module | None = None, labels: Any = None, samples: int = 1,
    generator: torch.Generator | None = None,
) -> Tensor: ...  # fmt: skip
def fisher(
    model: Any,
    inputs: Tensor,
    kind: Kind = "exact",
    *,
    what: Literal["diagonal", "trace"] = "diagonal",
    layer: str | nn.Module | None = None,
    labels: Any = None,
    samples: int = 1,
    generator: torch.Generator | None = None,
) -> dict[str, Tensor] | Tensor:
    """Fisher information about a network's weights, from sum_c w_c g_c g_c^T with g_c = d(-log p_c) / d theta.

    The three kinds differ in the labels' weights alone:

    - ``"exact"``: w = p, every label as likely as the network itself thinks (the true Fisher information).
    - ``"monte carlo"``: labels drawn from p; unbiased, and off by about 1 / sqrt(N samples).
    - ``"empirical"``: the observed label alone. This is *not* an estimate of the other two: it falls towards 0 as
      the fit gets better, and jumps where labels are wrong (Kunstner et al. 2019).

    The square of a batch's mean gradient is none of them: it is the square of a mean, not a mean of squares.

    Args:
        model: any ``nn.Module`` or a ``Classifier`` that returns logits (N, classes); frozen weights count too.
        inputs: normalised pictures (N, C, H, W).
        kind: see above.
        what: "diagonal" or "trace".
        layer: whose weights (name or module, with its parts); None: those of the whole network.
        labels: for "empirical": class, label, or one of these per sample.
        samples: for "monte carlo": labels drawn per picture.
        generator: for "monte carlo": where they are drawn from.

    Returns:
        "diagonal": the mean over pictures, by dotted name of the parameter and in its shape. "trace": of each picture,
        (N,), summed over all weights asked for. Both in nats^2 per unit of weight^2.

    Raises:
        InputError, TargetError, LayerError, ModelError: before the pictures are run.
    """
    check_kind(kind, labels, samples, generator)
    if what not in ("diagonal", "trace"):
        raise InputError(f"what is {what!r}: expected 'diagonal' or 'trace'.")
    x = check_inputs(model, inputs)
    with per_sample(module_of(model), x, layer) as opened:
        classes = opened.classes
        observed = None if labels is None else class_indices(labels, x.new_empty(len(x), classes), labels_of(model))
        passes = {"exact": classes, "monte carlo": min(samples, classes), "empirical": 1}[kind]

        def ask(rows: slice, logits: Tensor) -> Tensor:
            own = None if observed is None else observed[rows]
            return cotangents(logits, weights_of(logits, kind, own, samples, generator))

        if what == "trace":
            trace = x.new_zeros(len(x))
            for piece in opened.pieces(passes, ask):
                trace[piece.rows] += piece.norms()
            return trace
        diagonal = {name: x.new_zeros(shape) for name, shape in opened.shapes.items()}
        for piece in opened.pieces(passes, ask):
            for name, squares in piece.squares().items():
                diagonal[name] += squares
        return {name: total / len(x) for name, total in diagonal.items()}


def scores(
    model: Any, inputs: Tensor, labels: Any = "every", layer: str | nn.Module | None = None
) -> dict[str, Tensor]:
    """Each sample's scores d log p_c / d theta, never averaged: minus the contrast gradients dJ_c / d theta.

    Args:
        model: any ``nn.Module`` or a ``Classifier`` that returns logits (N, classes).
        inputs: normalised pictures (N, C, H, W).
        labels: "every" label of each sample, or one class, label, or one of these per sample; None: the predicted one.
        layer: whose weights (name or module, with its parts); None: those of the whole network. All scores are held
            at once: N x labels x weights numbers.

    Returns:
        By dotted name of the parameter: (N, classes, *shape) for every label, or (N, *shape).

    Raises:
        InputError, TargetError, LayerError, ModelError: before the pictures are run.
    """
    x = check_inputs(model, inputs)
    every = isinstance(labels, str) and labels == "every"
    with per_sample(module_of(model), x, layer) as opened:
        n, classes = len(x), opened.classes
        given = None
        if labels is not None and not every:
            given = class_indices(labels, x.new_empty(n, classes), labels_of(model))

        def ask(rows: slice, logits: Tensor) -> Tensor:
            one_hot = torch.eye(classes, dtype=logits.dtype, device=logits.device)
            asked = one_hot if every else one_hot[logits.argmax(1) if given is None else given[rows]][:, None]
            return asked - logits.softmax(1)[:, None]

        found = {name: x.new_empty(n, classes if every else 1, *shape) for name, shape in opened.shapes.items()}
        done = dict.fromkeys(found, 0)
        for piece in opened.pieces(classes if every else 1, ask):
            for name, values in piece.gradients().items():
                first = done[name] % found[name].shape[1]
                found[name][piece.rows, first : first + values.shape[1]] = values
                done[name] += values.shape[1]
        return found if every else {name: values[:, 0] for name, values in found.items()}
