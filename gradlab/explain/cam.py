"""The three paradigms at one layer: Why P? What if not P? Why P, rather than Q?

A score S (``score.py``) is pulled back to the activations A of a layer, g = dS/dA, and the methods differ in how they
weigh A by it. Maps are raw and signed: ReLU, scaling and size are choices of the display
(:func:`gradlab.explain.upsample`, :func:`gradlab.explain.overlay`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gradlab.core import Model, Run, Target, all_alphas, answer, check_logits, contrasts
from gradlab.core.interrupts import recording
from gradlab.explain.score import RUNNER_UP, Score, score_of

__all__ = [
    "ClassMaps",
    "all_contrasts",
    "class_maps",
    "contrast_cam",
    "counterfactual_cam",
    "grad_cam",
    "hires_cam",
    "layer_cam",
]


def grad_cam(
    model: Model,
    inputs: Tensor,
    target: Target = None,
    *,
    contrast: Target = None,
    layer: str | nn.Module | None = None,
    extra_inputs: Sequence[object] = (),
) -> Tensor:
    """Why P? What in the map raises the score of P.

    L^P = sum_k alpha^P_k A^k with alpha^P_k = mean_ij dz_P/dA^k_ij (Selvaraju et al., Grad-CAM, ICCV 2017).

    Memory: all N pictures run together: it grows with N as a forward pass does, and with the graph of what comes
    after the layer.

    Args:
        model: any ``nn.Module`` or a ``Classifier``.
        inputs: normalised pictures (N, C, H, W).
        target: P: None (the predicted class), int, label, one of these per sample, or a callable
            ``outputs -> (N,)`` scores.
        contrast: Q, instead of a target: the score is J = CE(z, Q), "rather than Q". Int, label, or one of these per
            sample; a callable is differentiated as J itself, ``outputs -> (N,)`` losses.
        layer: dotted name, module, or None: the last spatial map, found and checked.
        extra_inputs: what the model reads beside the pictures: ``model(inputs, *extra_inputs)``.

    Returns:
        Raw signed maps (N, 1, h, w) in units of the score, at the layer's resolution.

    Raises:
        InputError, TargetError, LayerError, ModelError: before anything is changed.

    Examples:
        >>> gradlab.explain.grad_cam(net, x, target=3).shape
        torch.Size([1, 1, 8, 8])
    """
    return _map(_pooled, score_of(target, contrast), model, inputs, layer, extra_inputs)


def counterfactual_cam(
    model: Model,
    inputs: Tensor,
    target: Target = None,
    *,
    layer: str | nn.Module | None = None,
    extra_inputs: Sequence[object] = (),
) -> Tensor:
    """What if not P? What in the map lowers the score of P, so that without it P would be more certain.

    alpha_k = mean_ij -dz_P/dA^k_ij (Selvaraju et al. 2017, counterfactual explanations): exactly -L^P, so after a
    ReLU the two maps light disjoint cells.

    Arguments, return value and errors are those of :func:`grad_cam`.

    Memory: as :func:`grad_cam`.

    Examples:
        >>> torch.equal(gradlab.explain.counterfactual_cam(net, x), -gradlab.explain.grad_cam(net, x))
        True
    """
    score = score_of(target)
    return _map(_pooled, lambda kept: -score(kept), model, inputs, layer, extra_inputs)


def contrast_cam(
    model: Model,
    inputs: Tensor,
    contrast: Target = None,
    *,
    layer: str | nn.Module | None = None,
    extra_inputs: Sequence[object] = (),
) -> Tensor:
    """Why P, rather than Q? What in the map speaks for what the network says and against Q.

    alpha_k = mean_ij dJ/dA^k_ij with J = CE(z, Q) (Prabhushankar et al., Contrastive Explanations, ICIP 2020): Grad-CAM
    of that score. As dJ/dz = p - e_Q, the map is sum_c p_c L^c - L^Q. With Q = P it asks "why not P with 100 %
    confidence?".

    Memory: as :func:`grad_cam`.

    Args:
        model: any ``nn.Module`` or a ``Classifier``.
        inputs: normalised pictures (N, C, H, W).
        contrast: Q: None (the runner-up), or as in :func:`grad_cam`.
        layer: dotted name, module, or None: found and checked.
        extra_inputs: what the model reads beside the pictures: ``model(inputs, *extra_inputs)``.

    Returns:
        Raw signed maps (N, 1, h, w) in units of the loss, nats.

    Raises:
        InputError, TargetError, LayerError, ModelError: before anything is changed.

    Examples:
        >>> gradlab.explain.contrast_cam(net, x, contrast="8").shape
        torch.Size([1, 1, 8, 8])
    """
    asked = RUNNER_UP if contrast is None else contrast
    return _map(_pooled, score_of(contrast=asked), model, inputs, layer, extra_inputs)


def hires_cam(
    model: Model,
    inputs: Tensor,
    target: Target = None,
    *,
    contrast: Target = None,
    layer: str | nn.Module | None = None,
    extra_inputs: Sequence[object] = (),
) -> Tensor:
    """Why P? The score's first-order share of each cell: sum_k dS/dA^k_ij A^k_ij.

    Draelos and Carin, Use HiResCAM instead of Grad-CAM, 2021: the gradient is not averaged over cells first, so that
    the map speaks for the cells that the score depends on; Grad-CAM itself where the head is an average and linear.

    Arguments, return value and errors are those of :func:`grad_cam`.

    Memory: as :func:`grad_cam`.

    Examples:
        >>> gradlab.explain.hires_cam(net, x, contrast=8).shape
        torch.Size([1, 1, 8, 8])
    """
    return _map(_by_cell, score_of(target, contrast), model, inputs, layer, extra_inputs)


def layer_cam(
    model: Model,
    inputs: Tensor,
    target: Target = None,
    *,
    contrast: Target = None,
    layer: str | nn.Module | None = None,
    extra_inputs: Sequence[object] = (),
) -> Tensor:
    """Why P? Each cell weighed by the positive part of its own gradient: sum_k max(dS/dA^k_ij, 0) A^k_ij.

    Jiang et al., LayerCAM, IEEE TIP 2021: made for layers far from the output, whose gradients differ by cell.

    Arguments, return value and errors are those of :func:`grad_cam`.

    Memory: as :func:`grad_cam`.

    Examples:
        >>> gradlab.explain.layer_cam(net, x, layer="stem").shape
        torch.Size([1, 1, 16, 16])
    """
    return _map(_by_positive_cell, score_of(target, contrast), model, inputs, layer, extra_inputs)


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
        """Return sum_c p_c L^c - L^Q for every Q, (N, classes, h, w); raises ``ModelError`` for a single logit."""
        p = check_logits(self.logits, 2).softmax(1)
        return contrasts(p.to(self.maps.dtype), self.maps)  # a forward pass under autocast gives maps of its own type


def class_maps(
    model: Model, inputs: Tensor, *, layer: str | nn.Module | None = None, extra_inputs: Sequence[object] = ()
) -> ClassMaps:
    """Return the Grad-CAM map of every class from one run of the network.

    Arguments and errors are those of :func:`grad_cam`.

    Memory: as :func:`all_contrasts`.

    Examples:
        >>> found = gradlab.explain.class_maps(net, x)
        >>> found.maps.shape, found.exact
        (torch.Size([1, 10, 8, 8]), True)
    """

    def question(kept: Run) -> ClassMaps:
        with recording():
            torch._C._set_grad_enabled(False)
            alphas = all_alphas(kept)
            return ClassMaps(kept.logits.detach(), alphas.maps(kept.activations), alphas.exact, kept.layer)

    return answer(question, model, inputs, keep=layer, extra_inputs=extra_inputs)


def all_contrasts(
    model: Model, inputs: Tensor, *, layer: str | nn.Module | None = None, extra_inputs: Sequence[object] = ()
) -> Tensor:
    """Why P, rather than Q? for every Q at once: ``all_contrasts(...)[:, q]`` is ``contrast_cam(..., contrast=q)``.

    By linearity contrast_Q = sum_c p_c L^c - L^Q, so one forward pass and a matrix product answer every Q where the
    head is linear after pooling; elsewhere the classes are pulled back in batches.

    Memory: as :func:`grad_cam`, and N classes h w numbers; without a closed form N classes K numbers more.

    Returns:
        Raw signed maps (N, classes, h, w), nats. Other arguments and errors are those of :func:`grad_cam`.

    Examples:
        >>> gradlab.explain.all_contrasts(net, x).shape
        torch.Size([1, 10, 8, 8])
    """
    return class_maps(model, inputs, layer=layer, extra_inputs=extra_inputs).contrasts()


def _pooled(activations: Tensor, gradient: Tensor) -> Tensor:
    return gradient.mean((-2, -1), keepdim=True) * activations


def _by_cell(activations: Tensor, gradient: Tensor) -> Tensor:
    return gradient * activations


def _by_positive_cell(activations: Tensor, gradient: Tensor) -> Tensor:
    return gradient.clamp_min(0) * activations


def _map(
    weigh: Callable[[Tensor, Tensor], Tensor],
    score: Score,
    model: Model,
    inputs: Tensor,
    layer: str | nn.Module | None,
    extra_inputs: Sequence[object],
) -> Tensor:
    def question(kept: Run) -> Tensor:
        return weigh(kept.activations, kept.pull_back(score(kept))).sum(1, keepdim=True)

    return answer(question, model, inputs, keep=layer, extra_inputs=extra_inputs)
