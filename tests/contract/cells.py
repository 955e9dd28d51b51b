"""One cell of the tables: a method, asked of a network by a caller, is right, or refused with the network's reason."""

from __future__ import annotations

import functools
import re
import warnings
from typing import Any

import torch
from torch import Tensor, nn

from gradlab.core import GradlabError
from tests.contract.callers import CALLERS
from tests.contract.methods import METHODS, NotAsked, Question
from tests.contract.networks import KINDS, Kind, plain
from tests.contract.unchanged import changes, snapshot


@functools.cache
def _ordinary(method: str, make: Any, target: Question, x: Any) -> Tensor | str:
    net = make()
    net, pictures = (net.float(), x().float()) if x().dtype != torch.float64 else (net.double(), x())
    way = METHODS[method].slow or METHODS[method].ask
    try:
        return way(net, pictures, target).detach()
    except GradlabError as error:
        return str(error)


def expected(kind: Kind, method: str, model: nn.Module) -> Tensor | str | None:
    """Return what an ordinary network answers; of weights that it does not have, what their definition says."""
    way = METHODS[method]
    if kind.own and way.slow is not None:
        x = kind.x().clone()
        return way.slow(model, x, kind.asked)
    if kind.own and "own" in way.needs:
        return None
    return _ordinary(method, kind.ordinary, kind.ordinary_asked, kind.x)


def reason(kind: Kind, caller: str, method: str) -> str | None:
    """Return the reason, as a pattern, for which this cell is to be refused."""
    both = (kind.refuses, CALLERS[caller].refuses)
    found = [why for refuses in both for need, why in refuses.items() if need == "any" or need in METHODS[method].needs]
    return "|".join(found) or None


@functools.cache
def built(name: str) -> tuple[nn.Module, Tensor]:
    torch.manual_seed(0)
    kind = KINDS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kind.make(
            plain() if kind.ordinary is not None and kind.ordinary_asked.target else kind.ordinary()
        ), kind.x()


def fault(name: str, method: str, caller: str = "plain") -> str:
    """Return what is wrong with a cell, or nothing."""
    kind = KINDS[name]
    model, x = built(name)
    why = reason(kind, caller, method)
    torch.rand(1)
    watched = model if isinstance(model, nn.Module) else plain()
    before = snapshot(watched, x)
    got: Any = None
    try:
        got = CALLERS[caller].by(METHODS[method].ask, model, x, kind.asked)
        said = ""
    except NotAsked:
        return ""
    except GradlabError as error:
        said = str(error)
    except Exception as error:
        said = f"raw {type(error).__name__}: {error}"[:300]
    moved = changes(before, snapshot(watched, x))
    if moved:
        return f"changed: {moved}"
    if said:
        if said.startswith("raw"):
            return said
        if why is None and re.search(CALLERS[caller].may, said):
            return ""
        if why is None:
            return f"refused: {said}"
        if not re.search(why, said):
            return f"refused for another reason: {said}"
        return "" if len(said) < 300 else f"{len(said)} characters: {said}"
    if why is not None:
        return "not refused"
    want = expected(kind, method, model)
    if want is None:
        return "" if got.isfinite().all() else "not finite"
    if isinstance(want, str):
        return f"answered, where an ordinary network is refused: {want}"
    if type(got) is not Tensor or got.requires_grad or got.shape != want.shape:
        return f"{type(got).__name__} of shape {tuple(got.shape)}, requires_grad={got.requires_grad}"
    if not torch.equal(got.isnan(), want.isnan()):
        return "NaN where there is none"
    got, want = got.double().nan_to_num(), want.double().nan_to_num()
    off = float((got - want).abs().max()) / max(float(want.abs().max()), 0.1)
    return "" if off <= kind.near else f"off by {off:.2g}"
