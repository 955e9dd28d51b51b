"""What a network returns: more than logits, less, or something else."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn

from data_scripts.any_network_kinds.base import OF_CLASSES, Plain, forward_of, kind
from data_scripts.any_network_zoo import CLASSES

kind("plain")(lambda base: base)


@kind("returns a dict", read=lambda out: out["logits"], whole=False)
def _(base: Plain) -> nn.Module:
    return forward_of(base, lambda self, x: {"hidden": self.trunk(x), "logits": Plain.forward(self, x)})


@kind("returns a tuple", read=lambda out: out[0], whole=False)
def _(base: Plain) -> nn.Module:
    return forward_of(base, lambda self, x: (Plain.forward(self, x), self.trunk(x)))


@dataclasses.dataclass
class Output:
    """Logits in an object of their own."""

    logits: Tensor
    loss: Tensor | None = None


class Record(OrderedDict[str, Any]):
    """A dictionary with attributes, as transformers return."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


@kind("returns a dataclass", read=lambda out: out.logits, whole=False)
def _(base: Plain) -> nn.Module:
    return forward_of(base, lambda self, x: Output(Plain.forward(self, x)))


@kind("returns a dictionary with attributes", read=lambda out: out.logits, whole=False)
def _(base: Plain) -> nn.Module:
    return forward_of(base, lambda self, x: Record(logits=Plain.forward(self, x)))


@kind("returns (N, classes, 1, 1)", read=lambda out: out.flatten(1), whole=False)
def _(base: Plain) -> nn.Module:
    return forward_of(base, lambda self, x: Plain.forward(self, x)[:, :, None, None])


@kind("returns a list of scores", read=lambda out: torch.stack(out, 1), whole=False)
def _(base: Plain) -> nn.Module:
    return forward_of(base, lambda self, x: list(Plain.forward(self, x).unbind(1)))


def _value(self: Plain, x: Tensor) -> Tensor:
    return Plain.forward(self, x)[:, :1]


def _flat(self: Plain, x: Tensor) -> Tensor:
    return Plain.forward(self, x)[:, 0]


@kind("one logit", undefined=OF_CLASSES | {"features"}, same=True)
def _(base: Plain) -> nn.Module:
    return forward_of(base, _value)


@kind("regression (N,)", whole=False, undefined=OF_CLASSES | {"features"}, same=True)
def _(base: Plain) -> nn.Module:
    return forward_of(base, _flat)


def _softmax(self: Plain, x: Tensor) -> Tensor:
    return Plain.forward(self, x).softmax(1)


@kind("returns probabilities", undefined=OF_CLASSES | {"features"}, same=True)
def _(base: Plain) -> nn.Module:
    return forward_of(base, _softmax)


@kind("21,841 classes", same=True, skipped=frozenset({"fisher"}))
def _(base: Plain) -> nn.Module:
    base.head = nn.Linear(16, 21_841).to(next(base.parameters()).dtype)
    return base


@kind("auxiliary head in training", whole=True)
def _(base: Plain) -> nn.Module:
    def forward(self: Any, x: Tensor) -> Any:
        out = Plain.forward(self, x)
        return (out, self.extra(self.one(x).mean((2, 3)))) if self.training else out

    return forward_of(base, forward, extra=nn.Linear(8, CLASSES)).train()
