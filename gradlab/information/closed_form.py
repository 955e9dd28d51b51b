"""The last linear layer, where everything has a closed form, and the bridge from contrasts to Fisher information.

For z = W h + b and p = softmax(z), the gradient of J_c = CE(z, c) is g_c = (p - e_c) h^T: the contrast gradient "why P,
rather than c?" is minus the score of label c. Over labels drawn from p the mean of g_c is 0 and its covariance is the
sample's Fisher information, which is the Hessian of J_c by W for any c as well:

    F(x) = sum_c p_c g_c g_c^T = (diag p - p p^T) kron (h h^T),    tr F(x) = (1 - sum_c p_c^2) |h|^2

All of it takes one forward pass and no backward pass. The bias is the case of a last h that is always 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gradlab.core import InputError, LayerError
from gradlab.core.inputs import check_inputs, module_of
from gradlab.core.run import explained, fastest_layout
from gradlab.core.state import borrowed, recording
from gradlab.information.labels import check_classes
from gradlab.information.per_sample import shadow_of

MATRIX_NUMBERS = 100_000_000  # of a full Fisher matrix, all samples together


@dataclass(frozen=True)
class LastLayer:
    """What one run leaves at the last linear layer z = W h + b; every result is of each sample and exact.

    Attributes:
        h: what the layer reads (N, d).
        logits: z (N, classes).
        layer: its dotted name.
    """

    h: Tensor
    logits: Tensor
    layer: str

    @property
    def p(self) -> Tensor:
        """Return softmax(z), (N, classes)."""
        return self.logits.softmax(1)

    def scores(self) -> Tensor:
        """Return d log p_c / dW = (e_c - p) h^T of every label c, (N, classes, classes, d)."""
        return torch.einsum("nck,nd->nckd", self._contrasts().neg_(), self.h)

    def diagonal(self) -> Tensor:
        """Return the diagonal of F(x), p_k (1 - p_k) h_d^2, (N, classes, d)."""
        p = self.p
        return torch.einsum("nk,nd->nkd", p * (1 - p), self.h.square())

    def trace(self) -> Tensor:
        """Return tr F(x) = (1 - sum_c p_c^2) |h|^2, (N,)."""
        # p (1 - p), not 1 - p^2: the difference of a sure network would be rounding
        p = self.p
        return (p * (1 - p)).sum(1) * self.h.square().sum(1)

    def fisher(self) -> Tensor:
        """Return F(x) = (diag p - p p^T) kron (h h^T), (N, classes * d, classes * d), rows of W one after the other.

        Raises:
            InputError: it would hold more than 10^8 numbers; :meth:`diagonal` and :meth:`trace` need no matrix.
        """
        size = self.logits.shape[1] * self.h.shape[1]
        if len(self.h) * size**2 > MATRIX_NUMBERS:
            raise InputError(
                f"{len(self.h)} Fisher matrices of {size} x {size} are too large: take fewer pictures, or diagonal()."
            )
        p = self.p
        of_logits = torch.diag_embed(p) - p[:, :, None] * p[:, None]
        return torch.einsum("nkl,nd,ne->nkdle", of_logits, self.h, self.h).reshape(-1, size, size)

    def _contrasts(self) -> Tensor:
        return self.p[:, None] - torch.eye(self.logits.shape[1], dtype=self.h.dtype, device=self.h.device)


@dataclass(frozen=True)
class Bridge:
    """Contrast gradients on one side, Fisher information on the other; by different ways, to be compared.

    Attributes:
        p: (N, classes).
        contrasts: g_Q = dJ_Q/dW of every Q by autograd, one backward pass each, (N, classes, classes * d).
        scores: d log p_c / dW in closed form, (N, classes, classes * d).
        fisher: F(x) in closed form, (N, classes * d, classes * d).
    """

    p: Tensor
    contrasts: Tensor
    scores: Tensor
    fisher: Tensor

    def mean(self) -> Tensor:
        """Return sum_c p_c g_c, (N, classes * d): 0."""
        return (self.p[:, :, None] * self.contrasts).sum(1)

    def covariance(self) -> Tensor:
        """Return sum_c p_c g_c g_c^T minus the mean's own, (N, classes * d, classes * d): F(x)."""
        mean = self.mean()
        moment = torch.einsum("nc,nck,ncl->nkl", self.p, self.contrasts, self.contrasts)
        return moment - mean[:, :, None] * mean[:, None]

    def errors(self) -> dict[str, float]:
        """Return the three differences that should be 0, each by the size of what it is a difference of."""
        size, full = self.contrasts.abs().max(), self.fisher.abs().max()
        return {
            "contrasts + scores": float((self.contrasts + self.scores).abs().max() / size),
            "weighted mean": float(self.mean().abs().max() / size),
            "weighted covariance - fisher": float((self.covariance() - self.fisher).abs().max() / full),
        }


def last_layer(model: Any, inputs: Tensor) -> LastLayer:
    """Run the network once and keep what its last linear layer read and gave.

    Args:
        model: any ``nn.Module`` or a ``Classifier`` whose logits (N, classes) come straight from an ``nn.Linear``.
        inputs: normalised pictures (N, C, H, W).

    Raises:
        InputError, ModelError: see their descriptions. LayerError: the logits are no linear layer's output;
            :func:`fisher` and :func:`scores` serve any network.
    """
    x = check_inputs(model, inputs)
    module = shadow_of(module_of(model))
    with borrowed(module) as (call, parts):
        return _run(explained(call, parts, ()), parts, fastest_layout(x, parts))


def bridge(model: Any, inputs: Tensor) -> Bridge:
    """Ask all contrast questions by autograd, and take the Fisher information in closed form.

    Arguments and errors are those of :func:`last_layer`, and of :meth:`LastLayer.fisher`. In float32 the two sides
    agree to about 1e-6; for machine precision hand over ``model.double()`` and inputs in float64.
    """
    x = check_inputs(model, inputs)
    module = shadow_of(module_of(model))
    with borrowed(module) as (call, parts):
        forward, x = explained(call, parts, ()), fastest_layout(x.clone(), parts)
        closed = _run(forward, parts, x)
        information = closed.fisher()
        weight = module.get_parameter(f"{closed.layer}.weight" if closed.layer else "weight")
        with recording():
            contrasts = torch.stack([_contrasts(forward(picture[None]), weight) for picture in x])
    return Bridge(closed.p, contrasts.flatten(2), closed.scores().flatten(2), information)


def _contrasts(logits: Tensor, weight: Tensor) -> Tensor:
    """Return dCE(z, Q)/dW for every Q of one sample, (classes, classes, d)."""
    losses = [
        nn.functional.cross_entropy(logits, torch.tensor([q], device=logits.device)) for q in range(logits.shape[1])
    ]
    return torch.stack([torch.autograd.grad(loss, weight, retain_graph=True)[0] for loss in losses])


def _run(call: Callable[[Tensor], Any], parts: dict[nn.Module, str], x: Tensor) -> LastLayer:
    seen: list[tuple[nn.Module, Tensor, Tensor]] = []
    hooks = [
        part.register_forward_hook(lambda part, args, output: seen.append((part, args[0], output)))
        for part in parts
        if isinstance(part, nn.Linear)
    ]
    try:
        logits = check_classes(call(x))
    finally:
        for hook in hooks:
            hook.remove()
    for part, h, output in reversed(seen):
        if output is logits and h.ndim == 2 and sum(part is other for other, _, _ in seen) == 1:
            return LastLayer(h, logits, parts[part])
    raise LayerError(
        "The logits are not the output of an nn.Linear that runs once, so the last layer has no closed form here. "
        "fisher(..., layer=) and scores(..., layer=) serve any network."
    )
