"""What a layer's weights get from one sample: made of what the layer read and of what comes back to its output.

For a linear layer that is g h^T, for a convolution g times the unfolded input, for a batch norm in eval mode g times
the normalised input (Goodfellow, Efficient Per-Example Gradient Computations, 2015; Dangel et al., BackPACK, 2020).
A rule is an offer: a layer of such a type may compute something else (a subclass, padding by reflection), so whoever
takes it compares it with autograd first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["Gradients", "LinearPiece", "Piece", "Rule", "piece_of", "rule_of", "sum_of"]

Gradients: TypeAlias = "dict[str, Tensor]"  # by name of the parameter
# (layer, its input (n, ...), gradients at its output (n, m, ...)) -> those of its parameters (n, m, *shape)
Rule: TypeAlias = Callable[[Any, Tensor, Tensor], Gradients]


@dataclass(frozen=True)
class Piece:
    """Gradients of some parameters for the samples ``rows``: one per sample and pull-back, (n, m, *shape)."""

    rows: slice
    made: Callable[[], Gradients]

    def gradients(self) -> Gradients:
        """Return (n, m, *shape) by name."""
        return self.made()

    def sums(self) -> Gradients:
        """Return the sums over pull-backs and samples, (*shape) by name."""
        return {name: g.sum((0, 1)) for name, g in self.made().items()}

    def squares(self) -> Gradients:
        """Return the squares, summed over pull-backs and samples, (*shape) by name."""
        return {name: g.square().sum((0, 1)) for name, g in self.made().items()}

    def norms(self) -> Tensor:
        """Return each sample's squares, summed over pull-backs and parameters, (n,)."""
        return sum_of(g.square().flatten(1).sum(1) for g in self.made().values())


@dataclass(frozen=True)
class LinearPiece(Piece):
    """The same for a linear layer that reads one vector h per sample: squares of g h^T need no outer product.

    Attributes: read h (n, d); arriving g (n, m, outputs); weight, bias: names of those that are asked for, or "".
    """

    read: Tensor
    arriving: Tensor
    weight: str
    bias: str

    def sums(self) -> Gradients:
        """Return sum g h^T, and sum g."""
        return self._asked(torch.einsum("nmo,nd->od", self.arriving, self.read), self.arriving.sum((0, 1)))

    def squares(self) -> Gradients:
        """Return sum g^2 (h^2)^T, and sum g^2."""
        g = self.arriving.square().sum(1)
        return self._asked(g.T @ self.read.square(), g.sum(0))

    def norms(self) -> Tensor:
        """Return |g|^2 (|h|^2 + 1); the 1 is the bias's."""
        h = self.read.square().sum(1) if self.weight else 0
        total: Tensor = self.arriving.square().sum((1, 2)) * (h + bool(self.bias))
        return total

    def _asked(self, weight: Tensor, bias: Tensor) -> Gradients:
        return {name: values for name, values in ((self.weight, weight), (self.bias, bias)) if name}


def rule_of(part: nn.Module) -> Rule | None:
    """Return the rule that may cover a layer's weight and bias; whether it does, a trial shows."""
    return next((rule for kind, rule in _RULES.items() if isinstance(part, kind)), None)


def piece_of(
    part: nn.Module, rule: Rule, rows: slice, read: Tensor, arriving: Tensor, names: Mapping[str, str]
) -> Piece:
    """Return what a layer's parameters get.

    Args:
        part: a layer.
        rule: of the layer.
        rows: the samples.
        read: the layer's input (n, ...).
        arriving: gradients at its output (n, m, ...).
        names: of the parameters that are asked for, by the layer's own name of them.
    """
    # Under an autocast of the model's own, what arrives is in another precision than the weights.
    dtype = next(p.dtype for p in part._parameters.values() if p is not None)
    read, arriving = read.to(dtype), arriving.to(dtype)

    def made() -> Gradients:
        found = rule(part, read, arriving)
        return {name: found[key] for key, name in names.items()}

    if rule is _linear and read.ndim == 2:
        return LinearPiece(rows, made, read, arriving, names.get("weight", ""), names.get("bias", ""))
    return Piece(rows, made)


def _linear(part: Any, read: Tensor, arriving: Tensor) -> Gradients:
    if read.ndim == 2:
        return {"weight": arriving[..., None] * read[:, None, None], "bias": arriving}
    g, h = arriving.flatten(2, -2), read.flatten(1, -2)  # (n, m, tokens, outputs), (n, tokens, inputs)
    return {"weight": g.transpose(2, 3) @ h[:, None], "bias": g.sum(2)}


def _convolution(part: Any, read: Tensor, arriving: Tensor) -> Gradients:
    n, m = arriving.shape[:2]
    unfolded = F.unfold(read, part.kernel_size, part.dilation, part.padding, part.stride)
    cells = unfolded.unflatten(1, (part.groups, -1)).transpose(2, 3)  # (n, groups, cells, inputs x kernel)
    # All pull-backs of a sample in one product: (n, groups, m x outputs, cells).
    g = arriving.flatten(3).unflatten(2, (part.groups, -1)).transpose(1, 2).flatten(2, 3)
    weight = (g @ cells).unflatten(2, (m, -1)).transpose(1, 2).reshape(n, m, *part.weight.shape)
    return {"weight": weight, "bias": arriving.sum((3, 4))}


def _batch_norm(part: Any, read: Tensor, arriving: Tensor) -> Gradients:
    column = (slice(None), None, None)
    normalised = (read - part.running_mean[column]) * (part.running_var + part.eps).rsqrt()[column]
    return {"weight": (arriving * normalised[:, None]).sum((3, 4)), "bias": arriving.sum((3, 4))}


_RULES: dict[type[nn.Module], Rule] = {
    nn.Linear: _linear,
    nn.Conv2d: _convolution,
    nn.BatchNorm2d: _batch_norm,
}


def sum_of(values: Any) -> Tensor:
    """Return the sum of tensors, at least one."""
    first, *rest = values
    for value in rest:
        first = first + value
    return first  # type: ignore[no-any-return]
