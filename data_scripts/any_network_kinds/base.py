"""The plain network, and how a kind is named."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from data_scripts.any_network_rows import METHODS
from data_scripts.any_network_zoo import CLASSES, Case

OF_CLASSES = frozenset({"contrast_cam", "all_contrasts", "fisher"})
ALL = frozenset(METHODS)
MAPS = frozenset({"grad_cam", "contrast_cam", "all_contrasts"})
SLOPES = frozenset({"gradient", "deconvnet", "guided_backprop"})
Kind = Callable[["Plain"], nn.Module]
KINDS: dict[str, tuple[Kind, dict[str, Any]]] = {}


class Plain(nn.Module):
    """Two convolutions with batch norm and ReLU, the mean of the cells, and a linear head."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8))
        self.two = nn.Sequential(nn.Conv2d(8, 16, 3, 2, 1), nn.BatchNorm2d(16))
        self.trunk = nn.Sequential(self.one, nn.ReLU(), self.two, nn.ReLU())
        self.head = nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Any:
        return self.head(self.trunk(x).mean((2, 3)))


def kind(name: str, **about: Any) -> Callable[[Kind], Kind]:
    """Name a kind.

    Args:
        name: of the kind.
        about: goes to its :class:`Case`; but ``dtype`` is the odd network's precision, ``size`` that of the pictures,
            and the definition is asked of the plain network as ``plainly`` changes it, or with ``same`` of an equal
            odd one.
    """

    def keep(make: Kind) -> Kind:
        KINDS[name] = (make, about)
        return make

    return keep


def forward_of(base: Plain, forward: Callable[..., Any], **parts: nn.Module) -> nn.Module:
    """Return the plain network's parts in a class of their own, with another forward and further parts."""
    made = type("Odd", (Plain,), {"forward": forward})()
    made.load_state_dict(base.state_dict())
    for name, part in parts.items():
        made.add_module(name, part)
    return made.to(next(base.parameters()).dtype).eval()


def case(name: str) -> Case:
    """Return a kind by its name."""
    make, about = KINDS[name]
    about = {"layer": "trunk", **about}
    dtype = about.pop("dtype", torch.double)
    plainly = about.pop("plainly", make if about.pop("same", False) else lambda base: base)
    exact = about.pop("exact", torch.double)
    torch.manual_seed(0)
    base = Plain()
    base(torch.randn(16, 3, 32, 32))
    base = base.double().eval()
    x = torch.randn(2, 3, *about.pop("size", (32, 32))).double()

    def odd() -> nn.Module:
        torch.manual_seed(1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return make(copy.deepcopy(base).to(dtype))

    def plain() -> nn.Module:
        torch.manual_seed(1)
        return plainly(copy.deepcopy(base).to(exact))

    return Case(odd, x.to(dtype), plain, exact=exact, window=12, stride=10, **about)
