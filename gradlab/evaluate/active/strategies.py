"""Which pictures of a pool should be labelled next? From what a network says of them.

With probabilities p of a picture, p(1) and p(2) its largest two, and h, which the last linear layer reads:

    entropy            -sum_c p_c log p_c                 Shannon, 1948
    least_confidence   1 - p(1)                           Lewis and Gale, SIGIR 1994
    margin             1 - (p(1) - p(2))                  Scheffer, Decomain and Wrobel, IDA 2001
    bald               H(mean p) - mean H(p)              Houlsby et al. 2011; Gal, Islam and Ghahramani, ICML 2017
    badge              k-means++ on (p - e_y) h^T         Ash et al., ICLR 2020
    random             the control

The first four are scores, higher for what to ask sooner, and :func:`top` picks by them; the last two pick.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gradlab.core import InputError
from gradlab.core.checks import checked_probabilities, checked_rows


def entropy(probabilities: Tensor) -> Tensor:
    """The entropy -sum_c p_c log p_c of each picture in nats, (N,), from 0 to log(classes).

    Args:
        probabilities: (N, classes).

    Raises:
        InputError: anything but rows of probabilities.
    """
    return _entropy(_checked(probabilities))


def least_confidence(probabilities: Tensor) -> Tensor:
    """What is left beside the likeliest class, 1 - p(1), (N,); arguments and errors as :func:`entropy`."""
    return 1 - _checked(probabilities).amax(1)


def margin(probabilities: Tensor) -> Tensor:
    """How near the second class comes to the first, 1 - (p(1) - p(2)), (N,); arguments and errors as :func:`entropy`.

    The literature asks where p(1) - p(2) is smallest: that is where this is largest.
    """
    p = _checked(probabilities)
    if p.shape[1] < 2:
        raise InputError(f"probabilities is {tuple(p.shape)}: a margin needs at least two classes.")
    first, second = p.topk(2, dim=1).values.unbind(1)
    return 1 - (first - second)


def bald(passes: Tensor) -> Tensor:
    """What a picture's label would tell about the weights: H(mean p) - mean H(p) over passes, in nats, (N,).

    0 where all passes agree, as they do in a network without dropout.

    Args:
        passes: probabilities of M random passes (M, N, classes), as :func:`dropout_passes` gives them.

    Raises:
        InputError: anything but rows of probabilities.
    """
    if not isinstance(passes, Tensor) or passes.ndim != 3 or not len(passes):
        shape = tuple(passes.shape) if isinstance(passes, Tensor) else type(passes).__name__
        raise InputError(f"passes is {shape}: expected probabilities (passes, N, classes).")
    p = _checked(passes.flatten(0, 1)).unflatten(0, passes.shape[:2])
    # never below 0 (Jensen), but by rounding
    return (_entropy(p.mean(0)) - _entropy(p).mean(0)).clamp_min(0)


def badge(probabilities: Tensor, hidden: Tensor, n: int, seed: int) -> Tensor:
    """Pick n pictures that would move the last layer far and in different directions: BADGE.

    k-means++ on g = (p - e_y) h^T, with y the predicted class: the gradient of the cross entropy by the last layer's
    weight if the network were right. That is the introspective feature of loss "ce" for the question Q = P, "why P,
    rather than P?". It is u h^T, so that <g_i, g_j> = (u_i . u_j)(h_i . h_j), and classes + d numbers per picture do.

    As in the authors' code the first pick is the longest g, and each next one is drawn with a chance proportional to
    the squared distance from the nearest pick so far.

    Args:
        probabilities: p (N, classes).
        hidden: h (N, d), as :func:`gradlab.introspect.factors` gives it.
        n: how many.
        seed: of the draws.

    Returns:
        Indices (n,), no one twice, in the order they were picked.

    Raises:
        InputError: shapes that do not fit, NaN, or n that is not in 1 .. N.
    """
    p = _checked(probabilities)
    if not isinstance(hidden, Tensor) or hidden.ndim != 2 or len(hidden) != len(p) or not hidden.is_floating_point():
        shape = tuple(hidden.shape) if isinstance(hidden, Tensor) else type(hidden).__name__
        raise InputError(f"hidden is {shape}: expected floating ({len(p)}, d), a row for each of probabilities.")
    if not bool(torch.isfinite(hidden).all()):
        raise InputError("hidden holds NaN or infinite values.")
    _check_count(n, len(p))
    h = hidden.detach().to(p)
    u = p - torch.nn.functional.one_hot(p.argmax(1), p.shape[1])
    lengths = u.square().sum(1) * h.square().sum(1)  # |g|^2 = |u|^2 |h|^2
    generator = torch.Generator().manual_seed(seed)
    picked = [int(lengths.argmax())]
    nearest = torch.full_like(lengths, torch.inf)
    while len(picked) < n:
        last = picked[-1]
        apart = lengths + lengths[last] - 2 * (u @ u[last]) * (h @ h[last])
        nearest = torch.minimum(nearest, apart.clamp_min(0))
        nearest[last] = 0
        picked.append(_draw(nearest.cpu(), picked, generator))
    return torch.tensor(picked)


def random(count: int, n: int, seed: int) -> Tensor:
    """Pick n of ``count`` pictures, all sets equally likely: what every strategy has to beat.

    Raises:
        InputError: n that is not in 1 .. count.
    """
    _check_count(n, count)
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))[:n]


def top(scores: Tensor, n: int, seed: int) -> Tensor:
    """Pick the n highest scores, the highest first; equal ones in an order that the seed gives.

    Raises:
        InputError: no scores (N,), NaN, or n that is not in 1 .. N.
    """
    if not isinstance(scores, Tensor) or scores.ndim != 1 or bool(scores.isnan().any()):
        shape = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
        raise InputError(f"scores is {shape}: expected one number per picture (N,), and no NaN.")
    order = random(len(scores), len(scores), seed) if len(scores) else torch.empty(0, dtype=torch.long)
    _check_count(n, len(scores))
    return order[scores.detach().cpu()[order].argsort(descending=True, stable=True)][:n]


def _checked(probabilities: Any) -> Tensor:
    """Return rows of probabilities in double precision; raises ``InputError`` for anything else."""
    rows = checked_rows(probabilities, "probabilities")
    return checked_probabilities(rows, torch.zeros(len(rows), dtype=torch.long))[0]


def _entropy(p: Tensor) -> Tensor:
    total: Tensor = torch.special.entr(p).sum(-1)
    return total


def _draw(weights: Tensor, picked: list[int], generator: torch.Generator) -> int:
    """Return an index with a chance proportional to its weight; if all are 0, any that was not picked."""
    if not bool(weights.sum() > 0):
        weights = torch.ones_like(weights)
        weights[picked] = 0
    # not torch.multinomial, which takes no more than 2^24 of them
    ends = weights.cumsum(0)
    at = torch.rand(1, dtype=ends.dtype, generator=generator) * ends[-1]
    return int(torch.searchsorted(ends, at, right=True).clamp_max(int(weights.nonzero()[-1])))


def _check_count(n: Any, count: int) -> None:
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= count:
        raise InputError(f"n is {n!r}: expected a whole number from 1 to {count}, the pictures there are.")
