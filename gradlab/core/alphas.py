"""Every class's channel weights at once: alpha^c_k = mean over cells of dz_c/dA^k_ij.

One pull-back per class is always right. Where the head is pooling and linear layers, the same numbers are a matrix
product of its weights. Nothing is assumed about a network for that: a closed form is proposed from the linear layers
that ran, compared with real pull-backs of random cotangents, and dropped if it differs. The pull-back is linear in
its cotangent, so a form that agrees on random ones agrees on all. In half precision rounding hides the difference
that, say, a LayerNorm between pooling and linear layer makes: no closed form is accepted there.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from gradlab.core.checks import checked_tensor, instance
from gradlab.core.errors import InputError
from gradlab.core.interrupts import recording
from gradlab.core.kept import Run
from gradlab.core.seeds import normal_draws

__all__ = ["Alphas", "all_alphas"]

PROBES = 2
COARSE = 1e-5  # the rounding of a type that cannot tell a closed form from one that is slightly wrong

# Steps of autograd that move numbers, add them up or scale them by a constant, whatever the numbers are. None adds one.
_LINEAR = frozenset({
    "AdaptiveAvgPool2DBackward", "AddmmBackward", "AliasBackward", "AsStridedBackward", "AvgPool2DBackward",
    "CloneBackward", "DivBackward", "ExpandBackward", "LinearBackward", "MeanBackward", "MkldnnLinearBackward",
    "MmBackward", "MulBackward", "PermuteBackward", "ReshapeAliasBackward", "SqueezeBackward", "SumBackward",
    "TBackward", "ToCopyBackward", "TransposeBackward", "UnsafeViewBackward", "UnsqueezeBackward", "ViewBackward",
})  # fmt: skip


@dataclass(frozen=True)
class Alphas:
    """Channel weights of all classes.

    Attributes:
        rows, factors: alpha^c_k = rows^c_k * factors_k, (N, classes, K) and (N, K).
        exact: the head is average pooling and one linear layer, and no step of it could do otherwise for other
            activations: a class's map summed over cells is its logit minus its bias, also when cells are removed.
    """

    rows: Tensor
    factors: Tensor
    exact: bool

    def maps(self, activations: Tensor) -> Tensor:
        """Return sum_k alpha^c_k A^k for every class, (N, classes, h, w)."""
        checked_tensor(activations, "activations", *self.factors.shape, "h", "w")
        if activations.dtype != self.rows.dtype:
            raise InputError(f"activations is {activations.dtype}: expected {self.rows.dtype}, as the run's.")
        cells = (activations * self.factors[:, :, None, None]).flatten(2).transpose(1, 2).contiguous()
        # Cells first: a product of a short and a tall matrix runs a fifth faster this way round.
        maps: Tensor = (cells @ self.rows.transpose(1, 2)).transpose(1, 2).unflatten(2, activations.shape[2:])
        return maps


def all_alphas(run: Run) -> Alphas:
    """Return alpha^c for every sample and class, by the closed form where it holds, else by batched pull-backs.

    Examples:
        >>> kept = gradlab.core.run(net, x)
        >>> gradlab.core.all_alphas(kept).maps(kept.activations).shape
        torch.Size([1, 10, 8, 8])
    """
    logits = instance(run, "run", Run, "what gradlab.core.run returns").logits
    n, classes = logits.shape
    if torch.finfo(run.leaf.dtype).eps < COARSE and torch.finfo(logits.dtype).eps < COARSE:
        generator = torch.Generator().manual_seed(0)
        probes = normal_draws(PROBES, n, classes, generator=generator).to(logits)
        pulled = torch.cat(list(run.pull_back_many(probes)))
        with recording():
            torch._C._set_grad_enabled(False)
            proposed = _closed_form(run)
            factors = None if proposed is None else _fit_channels(proposed, probes, pulled.mean((-2, -1)))
        if proposed is not None and factors is not None:
            return Alphas(proposed, factors, exact=_is_linear(run, factors, pulled))
    every = torch.eye(classes, dtype=logits.dtype, device=logits.device)[:, None].expand(classes, n, classes)
    rows = torch.cat([part.mean((-2, -1)) for part in run.pull_back_many(every)]).transpose(0, 1)
    return Alphas(rows, torch.ones_like(rows[:, 0]), exact=False)


def _closed_form(run: Run) -> Tensor | None:
    """Propose alpha (N, classes, K) up to one factor per channel: products of the head's weights and gates.

    For logits = last(...gate(first(pool(A)))): dz/dA is the chain of weight matrices with the derivative of each
    elementwise function between, and a first layer that reads flattened cells is summed over them. Units whose
    derivative is 0 are dropped before the product (dead ReLUs: half of VGG's head or more).
    """
    chain = run.head
    k = run.activations.shape[1]
    if not chain or any(isinstance(part.module, nn.Conv2d) for part in chain[:-1]):
        return None
    gates = [_gate(chain[-1].output, run.logits)]
    gates += [_gate(before.output, after.input) for before, after in reversed(list(pairwise(chain)))]
    weights = [part.module.weight.detach().flatten(1) for part in reversed(chain)]
    live = [gate for gate in gates if gate is not None]
    fits = all(gate.shape[1] == len(weight) for gate, weight in zip(live, weights, strict=False))
    fits &= len(weights[0]) == run.logits.shape[1]  # another head than a linear one makes the logits of it
    if len(live) < len(gates) or not fits or weights[-1].shape[1] % k:
        return None
    if len(chain) == 1 and bool((live[0] == 1).all()):
        return weights[0].expand(len(run.logits), -1, -1)  # no copy of the head's weights
    return torch.stack([_chain_product([gate[i] for gate in live], weights, k) for i in range(len(run.logits))])


def _gate(before: Tensor, after: Tensor) -> Tensor | None:
    """Return d after / d before of an elementwise function, (N, units), summed over cells."""
    if not after.requires_grad:
        return None
    with recording():
        (gate,) = torch.autograd.grad(after.sum(), before, retain_graph=True, allow_unused=True)
    return None if gate is None else gate.flatten(2).sum(2) if gate.ndim > 2 else gate


def _chain_product(gates: list[Tensor], weights: list[Tensor], k: int) -> Tensor:
    """Return (classes, K) = diag(gate) W ... diag(gate) W of one sample, last layer first, without its dead units."""
    *upper, first = weights
    if first.shape[1] != k:  # flattened cells: a channel's weight is the sum over its cells
        cells = first.shape[1] // k
        first = (first.reshape(-1, cells) @ first.new_ones(cells)).view(-1, k)
    live = [gate.nonzero()[:, 0] for gate in gates[1:]]
    factors = [gates[0][:, None] * weights[0] if upper else gates[0][:, None] * first]
    for gate, weight, units in zip(gates[1:], [*upper[1:], first] if upper else [], live, strict=True):
        factors[-1] = factors[-1][:, units] * gate[units]
        factors.append(weight[units])
    return torch.linalg.multi_dot(factors) if upper else factors[0]


def _fit_channels(proposed: Tensor, probes: Tensor, pulled: Tensor) -> Tensor | None:
    """Fit the factor of each channel (what pooling and channelwise functions do) and check the result.

    Args:
        proposed: (N, classes, K).
        probes: cotangents (M, N, classes).
        pulled: their real alphas (M, N, K).

    Returns:
        The factors (N, K), or None where the proposal is not the head's pull-back.
    """
    expected = (probes.transpose(0, 1) @ proposed).transpose(0, 1)
    size = expected.square().sum(0)
    factors = torch.where(size > 0, (expected * pulled).sum(0) / size, 0)
    error = (expected * factors - pulled).abs().max()
    if not error <= 100 * torch.finfo(pulled.dtype).eps * pulled.abs().max():
        return None
    return factors


def _is_linear(run: Run, factors: Tensor, pulled: Tensor) -> bool:
    last = run.head[-1]
    if len(run.head) > 1 or last.output.ndim != 2 or not _always_linear(run.logits, run.leaf):
        return False
    slack = 1e3 * torch.finfo(pulled.dtype).eps
    uneven_cells = (pulled - pulled.mean((-2, -1), keepdim=True)).abs().max() > slack * pulled.abs().max()
    uneven_channels = (factors - factors.mean()).abs().max() > slack * factors.abs().max()
    return not bool(uneven_cells or uneven_channels)


def _always_linear(outputs: Tensor, leaf: Tensor) -> bool:
    """Tell whether every step from the leaf to the outputs is linear, so that it is the same for other activations.

    A rectifier whose units are all active has the derivative of one that is not there.
    """
    stack, seen = [outputs.grad_fn], set()
    while stack:
        node: Any = stack.pop()
        if node is None or node in seen or getattr(node, "variable", None) is leaf:
            continue
        seen.add(node)
        before = [each for each, _ in node.next_functions if each is not None]
        name = node.name().rstrip("0123456789")
        constant = name != "DivBackward" or node.next_functions[0][0] is not None  # not c / x
        if name not in _LINEAR or len(before) > 1 or not constant:
            return False
        stack += before
    return True
