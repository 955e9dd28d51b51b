"""Pictures run through a network for the gradients of each: by what its layers keep, torch.func or a loop."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from gradlab.core.inputs import goes_along, own_inputs
from gradlab.core.interrupts import batched, recording
from gradlab.core.network import Network
from gradlab.core.rules import Gradients
from gradlab.core.targets import check_logits, logits_in

__all__ = ["Kept", "Samples", "gradients_of", "pulled"]


@dataclass
class Kept:
    """What a layer read and gave; ``clean``: it ran once, on one tensor, with one row per sample."""

    read: Tensor
    output: Tensor
    clean: bool


class Samples:
    """Pictures, and what a network reads beside them."""

    def __init__(self, network: Network, x: Tensor, extra: Sequence[Any]) -> None:
        self.network, self._x, self._extra = network, x, extra

    def __len__(self) -> int:
        return len(self._x)

    def zeros(self, *shape: int) -> Tensor:
        """Return zeros where the pictures are, and of their type."""
        return self._x.new_zeros(shape)

    @property
    def parameters(self) -> dict[str, Tensor]:
        """All of the network's by name: those of TorchScript parts, and each of a shared one's names, too."""
        return dict(self.network.module.named_parameters(remove_duplicate=False))

    def logits(self, rows: slice, weights: Mapping[str, Tensor] | None = None, **how: Any) -> Tensor:
        """Return the logits (n, classes) of some pictures, with other values of some weights if any are given."""
        own = own_inputs(self._extra, rows, len(self))
        # Re-entrant checkpointing makes a graph only for a picture that asks for one.
        x = self._x[rows].clone().requires_grad_() if how.get("record") else self._x[rows]
        # nothing but the shadow's dictionaries: the model's own values stay where they are
        held = [(*_owner(self.network.module, name), nn.Parameter(value)) for name, value in (weights or {}).items()]
        before = [(part, key, part._parameters[key]) for part, key, _ in held]
        try:
            for part, key, value in held:
                part._parameters[key] = value
            return check_logits(self.network(x, *own, **how), 2)
        finally:
            for part, key, kept in before:
                part._parameters[key] = kept

    def keeping(self, rows: slice, parts: Iterable[nn.Module]) -> tuple[Tensor, dict[nn.Module, Kept]]:
        """Run the network and keep what these parts read and give; gradients are on from the first of them on."""
        kept: dict[nn.Module, Kept] = {}
        n = len(self._x[rows])

        def keep(part: nn.Module, args: tuple[Any, ...], output: Any) -> Tensor | None:
            plain = len(args) == 1 and all(isinstance(each, Tensor) and each.ndim for each in (args[0], output))
            if part in kept or not plain or not output.is_floating_point():
                kept[part] = Kept(self._x, self._x, clean=False)
                return None
            leaf: Tensor = output if output.requires_grad else output.detach().requires_grad_()
            # A copy, and a copy handed on: what runs later may rewrite either in place.
            kept[part] = Kept(args[0].detach().clone(), leaf, clean=len(args[0]) == len(output) == n)
            torch._C._set_grad_enabled(True)
            return leaf.clone()

        return self.logits(rows, after=dict.fromkeys(parts, keep)), kept

    def by_func(self, names: Iterable[str], rows: slice, v: Tensor) -> Gradients:
        """Return the gradients (n, m, *shape) for cotangents v (n, m, classes) by one batched call."""
        every = self.parameters
        own = {name: every[name].detach() for name in names}
        follows = [goes_along(e, len(self)) for e in self._extra]

        def one(picture: Tensor, mine: Tensor, *further: Any) -> Gradients:
            extra = [e[None] if each else e for e, each in zip(further, follows, strict=True)]

            def outputs(weights: Gradients) -> Tensor:
                self.network.restore()
                given = (picture[None].clone(), *extra)  # a forward pass may work in place
                logits: Tensor = logits_in(torch.func.functional_call(self.network.module, weights, given))
                return logits[0]

            pull = torch.func.vjp(outputs, own)[1]
            found: Gradients = torch.func.vmap(lambda c: pull(c)[0])(mine)
            return found

        by_sample = (0, 0, *(0 if each else None for each in follows))
        extra = own_inputs(self._extra, rows, len(self))
        return batched(lambda: torch.func.vmap(one, in_dims=by_sample)(self._x[rows], v, *extra))

    def by_loop(self, names: Iterable[str], rows: slice, v: Tensor) -> Gradients:
        """Return the same by plain autograd, one sample and one pull-back after another."""
        every = self.parameters
        own = {name: every[name] for name in names}
        each = []
        for i, cotangents in zip(range(*rows.indices(len(self))), v, strict=True):
            logits = self.logits(slice(i, i + 1), record=True)
            found = [gradients_of(logits, own, c[None]) for c in cotangents]
            each.append({name: torch.stack([_or_zeros(g[name], p) for g in found]) for name, p in own.items()})
        return {name: torch.stack([found[name] for found in each]) for name in own}


def gradients_of(logits: Tensor, parameters: Mapping[str, Tensor], v: Tensor) -> dict[str, Tensor | None]:
    """Return v's gradients by name; None where no graph leads to a parameter."""
    if not logits.requires_grad:
        return dict.fromkeys(parameters)
    with recording():
        try:
            found = torch.autograd.grad(logits, [*parameters.values()], v, retain_graph=True, allow_unused=True)
        except RuntimeError as error:
            if "checkpoint" not in str(error):
                raise
            # Re-entrant checkpointing knows backward() alone; these parameters are nobody's but ours.
            for p in parameters.values():
                p.grad = None
            logits.backward(v, retain_graph=True)
            collected = [p.grad for p in parameters.values()]
            for p in parameters.values():
                p.grad = None
            return dict(zip(parameters, collected, strict=True))
    return dict(zip(parameters, found, strict=True))


def pulled(logits: Tensor, outputs: list[Tensor], v: Tensor) -> list[Tensor]:
    """Return v's gradients at each of the outputs, (n, m, ...), for v (n, m, classes)."""
    if not outputs:
        return []
    cotangents = v.transpose(0, 1)
    pull: Any = partial(torch.autograd.grad, logits, outputs, retain_graph=True, allow_unused=True)
    with recording():
        try:
            found = batched(lambda: pull(cotangents, is_grads_batched=True))
        except RuntimeError:  # a step that cannot be batched: one after another, slow and right
            columns = zip(*(pull(each) for each in cotangents), strict=True)
            found = tuple(None if column[0] is None else torch.stack(column) for column in columns)
    return [
        output.new_zeros(*v.shape[:2], *output.shape[1:]) if g is None else g.transpose(0, 1)
        for output, g in zip(outputs, found, strict=True)
    ]


def _or_zeros(gradient: Tensor | None, like: Tensor) -> Tensor:
    return torch.zeros_like(like) if gradient is None else gradient


def _owner(module: nn.Module, name: str) -> tuple[nn.Module, str]:
    """Return the part that holds a parameter, and its own name of it."""
    path, _, key = name.rpartition(".")
    return module.get_submodule(path), key
