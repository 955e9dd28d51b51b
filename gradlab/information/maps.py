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

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gradlab.core import INPUT, Model, Run, all_alphas, answer, check_logits, class_indices, contrasts
from gradlab.core.checks import one_of
from gradlab.core.seeds import Seed, torch_generator
from gradlab.information.labels import Kind, check_kind, cotangents, weights_of

__all__ = ["fisher_map"]


def fisher_map(
    model: Model,
    inputs: Tensor,
    kind: Kind = "exact",
    *,
    layer: str | nn.Module | None = None,
    extra_inputs: Sequence[Any] = (),
    of: Literal["presence", "values"] = "presence",
    labels: Any = None,
    samples: int = 1,
    seed: Seed | None = None,
) -> Tensor:
    """Where a sample's Fisher information is: sum_c w_c (share of the cell in g_c)^2; see the module for both forms.

    One pull-back per label: 1000 classes by the picture take 1000 backward passes, so ask there for kind="monte carlo".
    Set the map of a network with random weights beside it.

    Memory: as :func:`gradlab.explain.all_contrasts`; at the picture the graph of the whole network for all N
    pictures.

    Args:
        model: any ``nn.Module`` or a ``Classifier`` that returns logits (N, classes).
        inputs: normalised pictures (N, C, H, W).
        kind: "exact", "monte carlo" or "empirical": the labels' weights, as in :func:`fisher`.
        layer: dotted name, module, or None: the last spatial map, found and checked; "input": the picture itself.
        extra_inputs: what the model reads beside the pictures: ``model(inputs, *extra_inputs)``.
        of: "presence" or "values", see above; the presence of a pixel is measured from the normalised 0, which is the
            mean colour (for digits the empty paper).
        labels: for "empirical": class, label, or one of these per sample.
        samples: for "monte carlo": labels drawn per picture.
        seed: for "monte carlo": of the draw.

    Returns:
        (N, 1, h, w), or (N, 1, H, W) for the picture; never negative, in nats^2, for "values" per squared unit of A.

    Raises:
        InputError, TargetError, LayerError, ModelError: before anything is changed.

    Examples:
        >>> gradlab.information.fisher_map(net, x).shape
        torch.Size([1, 1, 8, 8])
    """
    check_kind(kind, labels, samples, seed)
    one_of(of, "of", ("presence", "values"))
    picture = isinstance(layer, str) and layer == "input"

    def question(kept: Run) -> Tensor:
        logits = check_logits(kept.outputs, 2).detach()
        observed = None if labels is None else class_indices(labels, logits, kept.labels, name="labels")
        weights = weights_of(logits, kind, observed, samples, None if seed is None else torch_generator(seed))
        # the head of a picture is the whole network: no closed form, and no need to pull every class back to see that
        closed = _closed_form(kept, weights) if of == "presence" and not picture else None
        if closed is not None:
            return closed
        activations = kept.activations
        total = activations.new_zeros(len(logits), *activations.shape[2:])
        asked = cotangents(logits, weights).transpose(0, 1)
        # From the picture the whole network is pulled back through: one label at a time, or memory would not do.
        for some in asked.split(1 if picture else len(asked)):
            for g in kept.pull_back_many(some):
                total += (g * activations).sum(2).square().sum(0) if of == "presence" else g.square().sum((0, 2))
        return total[:, None]

    keep = INPUT if picture else layer
    return answer(question, model, inputs, keep=keep, extra_inputs=extra_inputs)


def _closed_form(kept: Run, weights: Tensor) -> Tensor | None:
    """Return the presence map from every class's map, where the head is linear after average pooling; else None."""
    alphas = all_alphas(kept)
    if not alphas.exact:
        return None
    maps = contrasts(kept.logits.detach().softmax(1), alphas.maps(kept.activations))
    return torch.einsum("nc,nchw->nhw", weights, maps.square())[:, None]
