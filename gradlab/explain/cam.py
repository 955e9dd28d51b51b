"""The three paradigms at one layer: Why P? What if not P? Why P, rather than Q?

For a score S, alpha_k = mean over cells of dS/dA^k_ij and the map is sum_k alpha_k A^k: raw and signed. ReLU, scaling
and size are choices of the display (:func:`gradlab.explain.upsample`, :func:`gradlab.explain.overlay`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gradlab.core import Run, all_alphas, class_indices, run, scores_of
from gradlab.core.state import recording
from gradlab.core.targets import Target


def grad_cam(
    model: Any,
    inputs: Tensor,
    target: Target = None,
    layer: str | nn.Module | None = None,
    extra_inputs: Sequence[Any] = (),
) -> Tensor:
    """Why P? What in the map raises the score of P.

    L^P = sum_k alpha^P_k A^k with alpha^P_k = mean_ij dz_P/dA^k_ij (Selvaraju et al., Grad-CAM, ICCV 2017).

    Args:
        model: any ``nn.Module`` or a ``Classifier``.
        inputs: normalised pictures (N, C, H, W).
        target: P: None (the predicted class), int, label, one of these per sample, or a callable
            ``outputs -> (N,)`` scores.
        layer: dotted name, module, or None: the last spatial map, found and checked.
        extra_inputs: what the model reads beside the pictures: ``model(inputs, *extra_inputs)``.

    Returns:
        Raw signed maps (N, 1, h, w) in units of the score, at the layer's resolution.

    Raises:
        InputError, TargetError, LayerError, ModelError: before anything is changed.
    """
    return _weighted_map(
        run(model, inputs, layer, extra_inputs), lambda kept: scores_of(kept.outputs, target, kept.labels)
    )


def counterfactual_cam(
    model: Any,
    inputs: Tensor,
    target: Target = None,
    layer: str | nn.Module | None = None,
    extra_inputs: Sequence[Any] = (),
) -> Tensor:
    """What if not P? What in the map lowers the score of P, so that without it P would be more certain.

    alpha_k = mean_ij -dz_P/dA^k_ij (Selvaraju et al. 2017, counterfactual explanations): exactly -L^P, so after a
    ReLU the two maps light disjoint cells.

    Arguments, return value and errors are those of :func:`grad_cam`.
    """
    return _weighted_map(
        run(model, inputs, layer, extra_inputs), lambda kept: -scores_of(kept.outputs, target, kept.labels)
    )


def contrast_cam(
    model: Any,
    inputs: Tensor,
    contrast: Target = None,
    layer: str | nn.Module | None = None,
    extra_inputs: Sequence[Any] = (),
) -> Tensor:
    """Why P, rather than Q? What in the map speaks for what the network says and against Q.

    alpha_k = mean_ij dJ/dA^k_ij with J = CE(z, Q) (Prabhushankar et al., Contrastive Explanations, ICIP 2020). As
    dJ/dz = p - e_Q, the map is sum_c p_c L^c - L^Q. With Q = P it asks "why not P with 100 % confidence?".

    Args:
        model: any ``nn.Module`` or a ``Classifier``.
        inputs: normalised pictures (N, C, H, W).
        layer: dotted name, module, or None: found and checked.
        contrast: Q: None (the runner-up), int, label, or one of these per sample; a callable is differentiated as J
            itself, ``outputs -> (N,)`` losses.
        extra_inputs: what the model reads beside the pictures: ``model(inputs, *extra_inputs)``.

    Returns:
        Raw signed maps (N, 1, h, w) in units of the loss, nats.

    Raises:
        InputError, TargetError, LayerError, ModelError: before anything is changed.
    """
    return _weighted_map(run(model, inputs, layer, extra_inputs), lambda kept: _contrast_loss(kept, contrast))


@dataclass(frozen=True)
class ClassMaps:
    """Grad-CAM of every class of every picture: the factors from which all contrasts are sums.

    Attributes:
        logits: z (N, classes), detached.
        maps: raw L^c (N, classes, h, w), in logits.
        exact: the head is average pooling and one linear layer. Then sum_ij L^c_ij = z_c - b_c, and taking cells
            away from the map changes the logits by exactly their share.
        layer: dotted name of the layer.
    """

    logits: Tensor
    maps: Tensor
    exact: bool
    layer: str

    def contrasts(self) -> Tensor:
        """Return sum_c p_c L^c - L^Q for every Q, (N, classes, h, w)."""
        p = self.logits.softmax(1)
        return torch.einsum("nc,nchw->nhw", p, self.maps)[:, None] - self.maps


def class_maps(
    model: Any, inputs: Tensor, layer: str | nn.Module | None = None, extra_inputs: Sequence[Any] = ()
) -> ClassMaps:
    """Return the Grad-CAM map of every class from one run of the network.

    Arguments and errors are those of :func:`grad_cam`.
    """
    kept = run(model, inputs, layer, extra_inputs)
    alphas = all_alphas(kept)
    return ClassMaps(kept.logits.detach(), alphas.maps(kept.activations), alphas.exact, kept.layer)


def all_contrasts(
    model: Any, inputs: Tensor, layer: str | nn.Module | None = None, extra_inputs: Sequence[Any] = ()
) -> Tensor:
    """Why P, rather than Q? for every Q at once: ``all_contrasts(...)[:, q]`` is ``contrast_cam(..., contrast=q)``.

    By linearity contrast_Q = sum_c p_c L^c - L^Q, so one forward pass and a matrix product answer every Q where the
    head is linear after pooling; elsewhere the classes are pulled back in batches.

    Returns:
        Raw signed maps (N, classes, h, w), nats. Other arguments and errors are those of :func:`grad_cam`.
    """
    return class_maps(model, inputs, layer, extra_inputs).contrasts()


def runner_up(logits: Tensor) -> Tensor:
    """Return the second most likely class of each sample, (N,): the default Q."""
    return logits.topk(min(2, logits.shape[1]), dim=1).indices[:, -1]


def _contrast_loss(kept: Run, contrast: Target) -> Tensor:
    if callable(contrast):
        return scores_of(kept.outputs, contrast)
    logits = kept.logits
    asked = runner_up(logits) if contrast is None else class_indices(contrast, logits, kept.labels)
    return nn.functional.cross_entropy(logits, asked, reduction="none")


def _weighted_map(kept: Run, score: Callable[[Run], Tensor]) -> Tensor:
    # The score is a part of the graph: it is computed with gradients on, whatever mode the caller is in.
    with recording():
        alpha = kept.pull_back(score(kept)).mean((-2, -1), keepdim=True)
        return (alpha * kept.activations).sum(1, keepdim=True)
