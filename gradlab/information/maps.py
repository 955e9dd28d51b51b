"""Fisher information made visible: which cells of a layer, or of the picture, the labels' scores depend on.

With A the layer's output (or the picture), J_c = -log p_c and g_c = dJ_c/dA, two questions can be asked of a cell ij:

    values      sum_c w_c sum_k (g^c_kij)^2           how well would the label tell the values there?
    presence    sum_c w_c (sum_k A_kij g^c_kij)^2     how well would it tell a factor m_ij on them, at m_ij = 1?

The first is the trace over channels of the Fisher information F = sum_c w_c g_c g_c^T of p(y|A), cell by cell; its sum
over cells is tr F. The second is the information about how much of the cell is there at all. As sum_c p_c g_c = 0, both
are variances over labels drawn from p. For a head of average pooling and one linear layer dz_c/dA is the same in
every cell: then "values" is flat and says nothing of places, and "presence" is the variance of the contrast maps,
sum_c p_c (contrast_c)^2.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from gradlab.core import InputError, Run, all_alphas, class_indices, run
from gradlab.core.inputs import check_inputs, labels_of, module_of
from gradlab.core.layout import Layout
from gradlab.core.run import explained, fastest_layout
from gradlab.core.state import borrowed, recording
from gradlab.information.labels import Kind, check_classes, check_kind, cotangents, weights_of

PICTURE = "input"  # as the name of a layer


def fisher_map(
    model: Any,
    inputs: Tensor,
    layer: str | nn.Module | None = None,
    of: Literal["presence", "values"] = "presence",
    kind: Kind = "exact",
    *,
    labels: Any = None,
    samples: int = 1,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Where a sample's Fisher information is: sum_c w_c (share of the cell in g_c)^2; see the module for both forms.

    One pull-back per label: 1000 classes by the picture take 1000 backward passes, so ask there for kind="monte carlo".
    Set the map of a network with random weights beside it.

    Args:
        model: any ``nn.Module`` or a ``Classifier`` that returns logits (N, classes).
        inputs: normalised pictures (N, C, H, W).
        layer: dotted name, module, or None: the last spatial map, found and checked; "input": the picture itself.
        of: "presence" or "values", see above; the presence of a pixel is measured from the normalised 0, which is the
            mean colour (for digits the empty paper).
        kind: "exact", "monte carlo" or "empirical": the labels' weights, as in :func:`fisher`.
        labels: for "empirical": class, label, or one of these per sample.
        samples: for "monte carlo": labels drawn per picture.
        generator: for "monte carlo": where they are drawn from.

    Returns:
        (N, 1, h, w), or (N, 1, H, W) for the picture; never negative, in nats^2, for "values" per squared unit of A.

    Raises:
        InputError, TargetError, LayerError, ModelError: before anything is changed.
    """
    check_kind(kind, labels, samples, generator)
    if of not in ("presence", "values"):
        raise InputError(f"of is {of!r}: expected 'presence' or 'values'.")
    kept = _of_picture(model, inputs) if isinstance(layer, str) and layer == PICTURE else run(model, inputs, layer)
    with torch.inference_mode(False), torch.no_grad():
        logits = check_classes(kept.outputs).detach()
        observed = None if labels is None else class_indices(labels, logits, kept.labels)
        weights = weights_of(logits, kind, observed, samples, generator)
        # the head of a picture is the whole network: no closed form, and no need to pull every class back to see that
        closed = _closed_form(kept, weights) if of == "presence" and kept.layer != PICTURE else None
        if closed is not None:
            return closed
        activations = kept.activations
        total = activations.new_zeros(len(logits), *activations.shape[2:])
        asked = cotangents(logits, weights).transpose(0, 1)
        # From the picture the whole network is pulled back through: one label at a time, or memory would not do.
        for some in asked.split(1 if kept.layer == PICTURE else len(asked)):
            for g in kept.pull_back_many(some):
                total += (g * activations).sum(2).square().sum(0) if of == "presence" else g.square().sum((0, 2))
        return total[:, None]


def _closed_form(kept: Run, weights: Tensor) -> Tensor | None:
    """Return the presence map from every class's map, where the head is linear after average pooling; else None."""
    alphas = all_alphas(kept)
    if not alphas.exact:
        return None
    maps = alphas.maps(kept.activations)
    contrasts = torch.einsum("nc,nchw->nhw", kept.logits.detach().softmax(1), maps)[:, None] - maps
    return torch.einsum("nc,nchw->nhw", weights, contrasts.square())[:, None]


def _of_picture(model: Any, inputs: Any) -> Run:
    """Run the network with the picture itself as the layer that is kept."""
    x = check_inputs(model, inputs)
    with borrowed(module_of(model)) as (call, parts), recording():
        leaf = fastest_layout(x, parts).clone().requires_grad_()
        outputs = explained(call, parts, ())(leaf.clone())
    return Run(outputs, PICTURE, leaf, Layout("NCHW", *x.shape[2:]), (), labels_of(model))
