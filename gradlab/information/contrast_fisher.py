"""The bridge from contrasts to Fisher information, both sides computed by different ways.

The contrast gradient "why P, rather than c?", g_c = dJ_c/dW with J_c = CE(z, c), is minus the score of label c; over
labels drawn from p its mean is 0 and its covariance the sample's Fisher information (``core/last_layer.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gradlab.core import LayerError, Model
from gradlab.core.inputs import check_inputs, module_of, own_inputs
from gradlab.core.interrupts import recording
from gradlab.core.last_layer import read_last
from gradlab.core.network import Network, ask
from gradlab.core.targets import check_logits

__all__ = ["Bridge", "bridge"]


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


def bridge(model: Model, inputs: Tensor, *, extra_inputs: Sequence[Any] = ()) -> Bridge:
    """Ask all contrast questions by autograd, and take the Fisher information in closed form.

    In float32 the two sides agree to about 1e-6; for machine precision hand over ``model.double()`` and inputs in
    float64.

    Memory: the graph of one picture at a time, and N classes^2 d numbers.

    Args:
        model: any ``nn.Module`` or a ``Classifier`` whose logits (N, classes) come from an ``nn.Linear``.
        inputs: normalised pictures (N, C, H, W).
        extra_inputs: what the model reads beside the pictures.

    Raises:
        InputError, ModelError, LayerError: as :func:`gradlab.core.last_layer` and ``LastLayer.fisher``.

    Examples:
        >>> found = gradlab.information.bridge(gradlab.core.copy_of(net.model).double(), x.double())
        >>> max(found.errors().values()) < 1e-9
        True
    """
    x = check_inputs(model, inputs, extra_inputs)

    def work(network: Network) -> Bridge:
        pictures = network.prepared(x)
        closed = read_last(network, pictures, extra_inputs)
        information = closed.fisher()
        weight = network.part(closed.layer)._parameters.get("weight")
        if weight is None:
            raise LayerError(f"Layer {closed.layer!r} has no weight of its own: it is made of other parameters.")
        found = []
        for i in range(len(pictures)):
            rows = slice(i, i + 1)
            logits = check_logits(network(pictures[rows], *own_inputs(extra_inputs, rows, len(x)), record=True))
            if not logits.requires_grad:
                raise LayerError("The outputs do not depend on the weights of the last layer: it runs under no_grad.")
            with recording():
                found.append(_contrasts(logits, weight))
        return Bridge(closed.p, torch.stack(found).flatten(2), closed.scores().flatten(2), information)

    return ask(module_of(model), work, trainable=True)


def _contrasts(logits: Tensor, weight: Tensor) -> Tensor:
    """Return dCE(z, Q)/dW for every Q of one sample, (classes, classes, d)."""
    losses = [
        nn.functional.cross_entropy(logits, torch.tensor([q], device=logits.device)) for q in range(logits.shape[1])
    ]
    return torch.stack([torch.autograd.grad(loss, weight, retain_graph=True)[0] for loss in losses])
