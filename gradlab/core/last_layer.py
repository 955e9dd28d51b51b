"""The last linear layer, where one forward pass and no backward pass answers every question about a picture.

For z = W h + b, p = softmax(z) and g_Q = dJ/dW with J = CE(z, Q), everything is a product of two factors:

    g_Q = (p - e_Q) h^T,    F(x) = sum_c p_c g_c g_c^T = (diag p - p p^T) kron (h h^T),    tr F = (1 - |p|^2) |h|^2

The score of label c, d log p_c / dW, is -g_c: over labels drawn from p its mean is 0 and its covariance F(x), the
sample's Fisher information (and the Hessian of J by W). The bias is the case of a last h that is always 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gradlab.core.contrasts import Loss, Question, contrasts, logit_gradients
from gradlab.core.errors import InputError, LayerError
from gradlab.core.network import Network
from gradlab.core.targets import check_logits

__all__ = ["LastLayer", "read_last"]

MATRIX_NUMBERS = 100_000_000  # of a full Fisher matrix, all samples together


@dataclass(frozen=True)
class LastLayer:
    """What one forward pass leaves at the last linear layer z = W h + b of N pictures; every result is exact.

    Attributes:
        logits: z (N, C).
        hidden: h, what the layer reads (N, d).
        layer: its dotted name.
    """

    logits: Tensor
    hidden: Tensor
    layer: str = ""

    def __len__(self) -> int:
        return len(self.logits)

    def __getitem__(self, which: Any) -> LastLayer:
        return LastLayer(self.logits[which], self.hidden[which], self.layer)

    @property
    def p(self) -> Tensor:
        """Return softmax(z), (N, C)."""
        return self.logits.softmax(1)

    def rows(self, loss: Loss = "mse", question: Question = "ones") -> Tensor:
        """Return u with dJ/dW = u h^T: (N, C), or (N, C, C) with axis 1 the question for "each"."""
        return logit_gradients(self.logits, loss, question)[0]

    def norms(self, loss: Loss = "mse", question: Question = "ones") -> Tensor:
        """Return |dJ/dW| = |u| |h|, (N,) or (N, C): one per question."""
        u = self.rows(loss, question)
        norms: Tensor = u.norm(dim=-1) * self.hidden.norm(dim=1).view(-1, *[1] * (u.ndim - 2))
        return norms

    def cosines(self, loss: Loss = "ce") -> Tensor:
        """Return the cosine of every two contrasts, (N, C, C); 0 beside a contrast of no length.

        For "ce" it is (|p|^2 - p_I - p_J + [I = J]) over the two lengths: 0.5, not 0, for two contrasts with a
        sure prediction.
        """
        unit = F.normalize(self.rows(loss, "each"), dim=-1)
        return unit @ unit.transpose(1, 2)

    def effective_rows(self, loss: Loss = "ce", question: Question = "each") -> Tensor:
        """Return how many rows of dJ/dW carry it, (N,) or (N, C): (sum_c u_c^2)^2 / sum_c u_c^4.

        2 for a contrast with a sure prediction (its row and the prediction's), C for rows of one length, 0 for none.
        """
        energy = self.rows(loss, question).square()
        energy = energy / energy.amax(-1, keepdim=True).clamp_min(torch.finfo(energy.dtype).tiny)
        return energy.sum(-1).square() / energy.square().sum(-1).clamp_min(1)

    def scores(self) -> Tensor:
        """Return d log p_c / dW = (e_c - p) h^T of every label c, (N, C, C, d)."""
        z = self.logits
        every = torch.eye(z.shape[1], dtype=z.dtype, device=z.device).expand(len(self), -1, -1)
        return torch.einsum("nck,nd->nckd", -contrasts(self.p, every), self.hidden)

    def diagonal(self) -> Tensor:
        """Return the diagonal of F(x), p_k (1 - p_k) h_d^2, (N, C, d)."""
        p = self.p
        return torch.einsum("nk,nd->nkd", p * (1 - p), self.hidden.square())

    def trace(self) -> Tensor:
        """Return tr F(x) = (1 - sum_c p_c^2) |h|^2, (N,)."""
        # p (1 - p), not 1 - p^2: the difference of a sure network would be rounding
        p = self.p
        return (p * (1 - p)).sum(1) * self.hidden.square().sum(1)

    def fisher(self) -> Tensor:
        """Return F(x) = (diag p - p p^T) kron (h h^T), (N, C * d, C * d), rows of W one after the other.

        Raises:
            InputError: it would hold more than 10^8 numbers; :meth:`diagonal` and :meth:`trace` need no matrix.
        """
        size = self.logits.shape[1] * self.hidden.shape[1]
        if len(self) * size**2 > MATRIX_NUMBERS:
            raise InputError(
                f"{len(self)} Fisher matrices of {size} x {size} are too large: take fewer pictures, or diagonal()."
            )
        p = self.p
        of_logits = torch.diag_embed(p) - p[:, :, None] * p[:, None]
        return torch.einsum("nkl,nd,ne->nkdle", of_logits, self.hidden, self.hidden).reshape(-1, size, size)


def read_last(network: Network, x: Tensor, extra: Sequence[Any] = (), record: bool = False) -> LastLayer:
    """Run the network and note what the layer that makes the logits reads; ``record``: attached to ``x``.

    Nothing is taken on trust: the layer must have run once, and W h + b must be what the model returned.

    Raises:
        ModelError: no logits. LayerError: they are not a linear layer's output.
    """
    ran: list[tuple[nn.Module, Tensor]] = []

    def note(part: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        if args and isinstance(output, Tensor):
            ran.append((part, args[0]))

    linear = [part for part in network.parts if isinstance(part, nn.Linear)]
    logits = check_logits(network(x, *extra, after=dict.fromkeys(linear, note), record=record), 2)
    for part, hidden in reversed(ran):
        once = sum(other is part for other, _ in ran) == 1
        if once and hidden.ndim == 2 and _makes(part, hidden.detach(), logits.detach()):
            return LastLayer(logits, hidden, network.parts[part])
    raise LayerError(_not_linear(network.parts))


def _makes(part: Any, hidden: Tensor, logits: Tensor) -> bool:
    if part.weight.shape != (logits.shape[1], hidden.shape[1]):
        return False
    again = F.linear(hidden, part.weight.detach(), None if part.bias is None else part.bias.detach())
    slack = 1e3 * torch.finfo(logits.dtype).eps
    return bool((again - logits).abs().max() <= slack * logits.abs().max())


def _not_linear(parts: dict[nn.Module, str]) -> str:
    weighing = [name for part, name in parts.items() if isinstance(part, (nn.Linear, nn.Conv2d))]
    example = f", for example layer={weighing[-1]!r}" if weighing else ""
    return (
        "The logits are not the output of one nn.Linear that runs once, so its gradients have no closed form here. "
        f"Name the layer whose weight is asked, where the method takes layer={example}."
    )
