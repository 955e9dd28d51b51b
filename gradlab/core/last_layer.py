"""The last linear layer, where one forward pass and no backward pass answers every question about a picture.

For z = W h + b, p = softmax(z) and g_Q = dJ/dW with J = CE(z, Q), everything is a product of two factors:

    g_Q = (p - e_Q) h^T,    F(x) = sum_c p_c g_c g_c^T = (diag p - p p^T) kron (h h^T),    tr F = (1 - |p|^2) |h|^2

The score of label c, d log p_c / dW, is -g_c: over labels drawn from p its mean is 0 and its covariance F(x), the
sample's Fisher information (and the Hessian of J by W). The bias is the case of a last h that is always 1.

A 1 x 1 convolution and average pooling are such a layer too: z = W mean(h) + b over the cells' h. With a rectifier
between (SqueezeNet), z_c = mean max(0, W_c h + b_c), every class reads a mean of its own, h_c, over the cells where its
unit is active: row c of g_Q is (p - e_Q)_c h_c, and entry (c d, k e) of F(x) is (diag p - p p^T)_ck h_cd h_ke.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gradlab.core.contrasts import Loss, Question, contrasts, logit_gradients, one_hot
from gradlab.core.errors import InputError, LayerError, shown
from gradlab.core.network import Network
from gradlab.core.precision import own_precision
from gradlab.core.targets import check_logits

__all__ = ["LastLayer", "read_last"]

MATRIX_NUMBERS = 100_000_000  # of a full Fisher matrix, all samples together


@dataclass(frozen=True)
class LastLayer:
    """What one forward pass leaves at the last linear layer z = W h + b of N pictures; every result is exact.

    Attributes:
        logits: z (N, C).
        hidden: h, what the layer reads (N, d); or (N, C, d), what it reads for each class.
        layer: its dotted name.
    """

    logits: Tensor
    hidden: Tensor
    layer: str = ""

    def __post_init__(self) -> None:
        for name, axes, most in (("logits", "(N, classes)", 2), ("hidden", "(N, d) or (N, classes, d)", 3)):
            value = getattr(self, name)
            if not isinstance(value, Tensor) or value.ndim not in (2, most) or not value.is_floating_point():
                raise InputError(f"{name} is {shown(value)}: expected a floating tensor {axes}.")
        if len(self.logits) != len(self.hidden):
            raise InputError(f"hidden has {len(self.hidden)} rows for {len(self.logits)} of logits: expected as many.")
        if self.hidden.ndim == 3 and self.hidden.shape[1] != self.logits.shape[1]:
            raise InputError(
                f"hidden is of {self.hidden.shape[1]} classes, logits of {self.logits.shape[1]}: expected as many."
            )

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
        u = self._weighed(self.rows(loss, question))
        length = 1 if self.hidden.ndim == 3 else self.hidden.norm(dim=1).view(-1, *[1] * (u.ndim - 2))
        norms: Tensor = u.norm(dim=-1) * length
        return norms

    @own_precision
    def cosines(self, loss: Loss = "ce") -> Tensor:
        """Return the cosine of every two contrasts, (N, C, C); 0 beside a contrast of no length.

        For "ce" it is (|p|^2 - p_I - p_J + [I = J]) over the two lengths: 0.5, not 0, for two contrasts with a
        sure prediction.
        """
        unit = F.normalize(self._weighed(self.rows(loss, "each")), dim=-1)
        return unit @ unit.transpose(1, 2)

    def effective_rows(self, loss: Loss = "ce", question: Question = "each") -> Tensor:
        """Return how many rows of dJ/dW carry it, (N,) or (N, C): (sum_c u_c^2)^2 / sum_c u_c^4.

        2 for a contrast with a sure prediction (its row and the prediction's), C for rows of one length, 0 for none.
        """
        energy = self._weighed(self.rows(loss, question)).square()
        energy = energy / energy.amax(-1, keepdim=True).clamp_min(torch.finfo(energy.dtype).tiny)
        return energy.sum(-1).square() / energy.square().sum(-1).clamp_min(1)

    @own_precision
    def scores(self) -> Tensor:
        """Return d log p_c / dW = (e_c - p) h^T of every label c, (N, C, C, d)."""
        every = one_hot(self.logits).expand(len(self), -1, -1)
        return torch.einsum("nck,nkd->nckd", -contrasts(self.p, every), self._read())

    @own_precision
    def diagonal(self) -> Tensor:
        """Return the diagonal of F(x), p_k (1 - p_k) h_d^2, (N, C, d)."""
        p = self.p
        squares = self.hidden.square()
        return (p * (1 - p))[:, :, None] * (squares if squares.ndim == 3 else squares[:, None])

    def trace(self) -> Tensor:
        """Return tr F(x) = (1 - sum_c p_c^2) |h|^2, (N,)."""
        # p (1 - p), not 1 - p^2: the difference of a sure network would be rounding
        p = self.p
        trace: Tensor = (p * (1 - p) * self.hidden.square().sum(-1).view(len(p), -1)).sum(1)
        return trace

    @own_precision
    def fisher(self) -> Tensor:
        """Return F(x) = (diag p - p p^T) kron (h h^T), (N, C * d, C * d), rows of W one after the other.

        Raises:
            InputError: it would hold more than 10^8 numbers; :meth:`diagonal` and :meth:`trace` need no matrix.
        """
        size = self.logits.shape[1] * self.hidden.shape[-1]
        if len(self) * size**2 > MATRIX_NUMBERS:
            raise InputError(
                f"{len(self)} Fisher matrices of {size} x {size} are too large: take fewer pictures, or diagonal()."
            )
        p = self.p
        of_logits = torch.diag_embed(p) - p[:, :, None] * p[:, None]
        h = self._read()
        return torch.einsum("nkl,nkd,nle->nkdle", of_logits, h, h).reshape(-1, size, size)

    def _read(self) -> Tensor:
        """Return what each class reads, (N, C, d); of one h for all no copies."""
        h = self.hidden
        return h if h.ndim == 3 else h[:, None].expand(-1, self.logits.shape[1], -1)

    def _weighed(self, u: Tensor) -> Tensor:
        """Return rows times the length of what each class reads, but for one factor where all read the same."""
        if self.hidden.ndim == 2:
            return u
        weighed: Tensor = u * self.hidden.norm(dim=2).view(len(u), *[1] * (u.ndim - 2), -1)
        return weighed


def read_last(network: Network, x: Tensor, extra: Sequence[Any] = (), record: bool = False) -> LastLayer:
    """Run the network and note what the layer that makes the logits reads; ``record``: attached to ``x``.

    Nothing is taken on trust: the layer must have run once, and what the model returned must be its closed form.

    Raises:
        ModelError: no logits. LayerError: they are the output of no such layer.
    """
    ran: list[tuple[nn.Module, Tensor]] = []
    scoring: list[tuple[nn.Module, Tensor]] = []  # of convolutions the last alone: their maps are large

    def note(part: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        if not args or not isinstance(output, Tensor):
            return
        if isinstance(part, nn.Linear):
            ran.append((part, args[0]))
        else:
            scoring[:] = [(part, args[0])]
            convolutions[part] += 1

    parts = [part for part in network.parts if isinstance(part, nn.Linear) or _is_pointwise(part)]
    convolutions = dict.fromkeys(parts, 0)
    logits = check_logits(network(x, *extra, after=dict.fromkeys(parts, note), record=record), 2)
    for part, hidden in reversed(ran):
        once = sum(other is part for other, _ in ran) == 1
        if once and hidden.ndim == 2 and _makes(part, hidden.detach(), logits.detach()):
            return LastLayer(logits, hidden, network.parts[part])
    for part, maps in scoring:
        read = _read_by_class(part, maps, logits.detach()) if convolutions[part] == 1 and maps.ndim == 4 else None
        if read is not None:
            return LastLayer(logits, read, network.parts[part])
    raise LayerError(_not_linear(network.parts))


def _is_pointwise(part: nn.Module) -> bool:
    plain = isinstance(part, nn.Conv2d) and part.kernel_size == part.stride == (1, 1) and part.groups == 1
    return plain and part.padding in ((0, 0), "valid", "same")


def _read_by_class(part: Any, maps: Tensor, logits: Tensor) -> Tensor | None:
    """Return what a convolution before average pooling reads, one mean over cells for all classes, or one for each."""
    if part.weight.shape[:2] != (logits.shape[1], maps.shape[1]):
        return None
    scores = F.conv2d(maps.detach(), part.weight.detach(), None if part.bias is None else part.bias.detach())
    if _same(scores.mean((2, 3)), logits):
        return maps.mean((2, 3))
    if not _same(scores.relu().mean((2, 3)), logits):
        return None
    active = (scores > 0).flatten(2).to(maps)
    return active @ maps.flatten(2).transpose(1, 2) / active.shape[2]


def _makes(part: Any, hidden: Tensor, logits: Tensor) -> bool:
    if part.weight.shape != (logits.shape[1], hidden.shape[1]):
        return False
    return _same(F.linear(hidden, part.weight.detach(), None if part.bias is None else part.bias.detach()), logits)


def _same(again: Tensor, logits: Tensor) -> bool:
    if again.shape != logits.shape:  # several views of one picture run side by side
        return False
    eps = torch.finfo(logits.dtype).eps
    slack = 1e3 * eps if eps < 1e-5 else 4 * eps  # in half precision a thousand roundings would pass any layer
    return bool((again - logits).abs().max() <= slack * logits.abs().max())


def _not_linear(parts: dict[nn.Module, str]) -> str:
    weighing = [name for part, name in parts.items() if isinstance(part, (nn.Linear, nn.Conv2d))]
    example = f", for example layer={weighing[-1]!r}" if weighing else ""
    return (
        "The logits are not made by one nn.Linear, or 1 x 1 convolution and average pooling, that runs once: no closed "
        "form of its gradients. "
        f"Name the layer whose weight is asked, where the method takes layer={example}."
    )
