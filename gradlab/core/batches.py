"""Whether the pictures of a batch see each other: batch statistics in eval mode, attention over the batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_iter

from gradlab.core.errors import GradlabError
from gradlab.core.inputs import goes_along, own_inputs
from gradlab.core.seeds import normal_draws

__all__ = ["answers_by_chance", "one_by_one", "sees_others"]

COMPANION = 3.0  # times the picture's spread: what stands beside it is far from it
AGREE = 1e-3  # of the outputs' scale; rounding in another batch stays a hundred times below
ROUNDINGS = 16  # of a coarse type, which those are there


def sees_others(run: Callable[..., Any], x: Tensor, extra: Sequence[Any]) -> bool | None:
    """Tell whether ``run(x, extra)`` gives a picture another answer beside a picture of noise than alone.

    A network that runs one picture only is said to; one that runs no single picture cannot be asked, and is not. None
    where the same question gets two answers: weights that are trained meanwhile, or dropout.
    """
    alone = own_inputs(extra, slice(0, 1), len(x))
    both = [torch.cat([e, e]) if goes_along(e, 1) else e for e in alone]
    first = x[:1].detach()
    noise = normal_draws(*first.shape, generator=torch.Generator().manual_seed(0)).to(x)
    other = noise * (COMPANION * (float(first.float().std(correction=0)) or 1.0)) + first.mean()
    try:
        want = run(first, alone)
    except GradlabError:
        raise
    except (RuntimeError, ValueError, TypeError, IndexError, AssertionError):
        return False
    try:
        got = run(torch.cat([first, other]), both)
    except (RuntimeError, ValueError, TypeError, IndexError, AssertionError):
        return True
    if not _differ(want, got):
        return False
    return None if _differ(want, run(first, alone)) else True


def answers_by_chance(run: Callable[..., Any], x: Tensor, extra: Sequence[Any]) -> bool:
    """Tell whether ``run(x, extra)``, asked twice about the first picture, gives two answers."""
    first, alone = x[:1].detach(), own_inputs(extra, slice(0, 1), len(x))
    try:
        return _differ(run(first, alone), run(first, alone))
    except GradlabError:
        raise
    except (RuntimeError, ValueError, TypeError, IndexError, AssertionError):
        return False  # it runs no single picture


def _differ(alone: Any, again: Any) -> bool:
    """Tell whether the first picture's outputs, among all that a network returns, are not the same."""
    pairs = zip(tree_iter(alone), tree_iter(again), strict=False)
    return any(_apart(a, b) for a, b in pairs if isinstance(a, Tensor) and isinstance(b, Tensor))


def _apart(alone: Tensor, again: Tensor) -> bool:
    if not alone.is_floating_point() or alone.ndim == 0 or len(alone) != 1 or len(again) not in (1, 2):
        return False
    a, b = alone.detach()[0].double(), again.detach()[0].double()
    if a.shape != b.shape or not a.numel() or not bool(a.isfinite().all()):
        return False
    slack = max(AGREE, ROUNDINGS * torch.finfo(alone.dtype).eps)
    return not bool((a - b).abs().max() <= slack * a.abs().max())


def one_by_one(n: int) -> str:
    """Return what to say to who asks n pictures at once."""
    return (
        f"The {n} pictures of this batch see each other in this network, even in eval mode (batch statistics, "
        "attention over the batch): none has an answer of its own. Ask one picture at a time."
    )
