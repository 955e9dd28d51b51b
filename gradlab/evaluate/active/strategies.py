"""Query strategies: which pictures of a pool should be labelled next? From what a network says of them.

With probabilities p of a picture, p(1) and p(2) its largest two, and h, which the last linear layer reads:

    entropy            -sum_c p_c log2 p_c                entropy sampling: Shannon, 1948
    least_confidence   1 - p(1)                           least confidence: Lewis and Gale, SIGIR 1994
    margin             1 - (p(1) - p(2))                  margin sampling: Scheffer, Decomain and Wrobel, IDA 2001
    bald               H(mean p) - mean H(p)              Houlsby et al. 2011; Gal, Islam and Ghahramani, ICML 2017
    badge              k-means++ on (p - e_y) h^T         Ash et al., ICLR 2020
    random             random sampling, the control

The first four are acquisition scores, higher for what to query sooner, and :func:`top` picks by them; the last two
pick. Entropies H are in bits, as in :mod:`gradlab.information`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gradlab import information
from gradlab.core import InputError
from gradlab.core.checks import checked_probabilities, checked_tensor, readable, whole_number
from gradlab.core.errors import shown
from gradlab.core.precision import own_precision
from gradlab.core.seeds import Seed, torch_generator

__all__ = ["badge", "bald", "entropy", "least_confidence", "margin", "random", "top"]


MOST = 100_000_000  # pictures of a pool


def entropy(probabilities: Tensor) -> Tensor:
    """The entropy -sum_c p_c log2 p_c of each picture in bits, (N,), from 0 to log2(classes).

    Args:
        probabilities: (N, classes).

    Raises:
        InputError: anything but rows of probabilities.

    Examples:
        >>> gradlab.evaluate.active.entropy(torch.tensor([[0.5, 0.5], [1.0, 0.0]])).tolist()
        [1.0, 0.0]
    """
    return _bits(checked_probabilities(probabilities))


def least_confidence(probabilities: Tensor) -> Tensor:
    """What is left beside the likeliest class, 1 - p(1), (N,); arguments and errors as :func:`entropy`.

    Examples:
        >>> gradlab.evaluate.active.least_confidence(torch.tensor([[0.5, 0.5], [1.0, 0.0]])).tolist()
        [0.5, 0.0]
    """
    return 1 - checked_probabilities(probabilities).amax(1)


def margin(probabilities: Tensor) -> Tensor:
    """How near the second class comes to the first, 1 - (p(1) - p(2)), (N,); arguments and errors as :func:`entropy`.

    The literature asks where p(1) - p(2) is smallest: that is where this is largest.

    Examples:
        >>> gradlab.evaluate.active.margin(torch.tensor([[0.5, 0.25, 0.25], [0.5, 0.5, 0.0]])).tolist()
        [0.75, 1.0]
    """
    p = checked_probabilities(probabilities)
    if p.shape[1] < 2:
        raise InputError(f"probabilities is {tuple(p.shape)}: a margin needs at least two classes.")
    first, second = p.topk(2, dim=1).values.unbind(1)
    return 1 - (first - second)


def bald(passes: Tensor) -> Tensor:
    """What a picture's label would tell about the weights: H(mean p) - mean H(p) over passes, in bits, (N,).

    Exactly 0 where all passes agree.

    Args:
        passes: probabilities of M random passes (M, N, classes), as :func:`dropout_passes` gives them.

    Raises:
        InputError: anything but rows of probabilities.

    Examples:
        >>> sure, torn = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]]), torch.full((2, 1, 2), 0.5)
        >>> [float(gradlab.evaluate.active.bald(passes)) for passes in (sure, torn)]
        [1.0, 0.0]
    """
    checked_tensor(passes, "passes", "passes", "N", "classes")
    p = checked_probabilities(passes.flatten(0, 1), "passes").unflatten(0, passes.shape[:2])
    found = (_bits(p.mean(0)) - _bits(p).mean(0)).clamp_min(0)  # never below 0 (Jensen), but by rounding
    return torch.where((p == p[:1]).all(2).all(0), 0.0, found)  # where all agree rounding is no reason to pick


@own_precision
def badge(probabilities: Tensor, hidden: Tensor, n: int, *, seed: Seed = 0) -> Tensor:
    """Pick n pictures that would move the last layer far and in different directions: BADGE.

    k-means++ on g = (p - e_y) h^T, with y the predicted class: the gradient of the cross entropy by the last layer's
    weight if the network were right. That is the introspective feature of loss "ce" for the question Q = P, "why P,
    rather than P?". It is u h^T, so that <g_i, g_j> = (u_i . u_j)(h_i . h_j), and classes + d numbers per picture do;
    where each class reads an h of its own (SqueezeNet), classes x d.

    As in the authors' code the first pick is the longest g, and each next one is drawn with a chance proportional to
    the squared distance from the nearest pick so far.

    Args:
        probabilities: p (N, classes).
        hidden: h (N, d), or (N, classes, d), as :func:`gradlab.introspect.last_layer` gives it.
        n: how many.
        seed: of the draws.

    Returns:
        Indices (n,), no one twice, in the order they were picked.

    Raises:
        InputError: shapes that do not fit, NaN, or n that is not in 1 .. N.

    Examples:
        >>> p = torch.tensor([[0.9, 0.1], [0.6, 0.4], [0.4, 0.6], [0.2, 0.8]])
        >>> gradlab.evaluate.active.badge(p, torch.ones(4, 3), 2)[0].tolist() in (1, 2)
        True
    """
    p = checked_probabilities(probabilities)
    checked_tensor(hidden, "hidden", len(p), *(("d",) if getattr(hidden, "ndim", 2) != 3 else (p.shape[1], "d")))
    n = whole_number(n, "n", 1, len(p))
    h = hidden.detach().to(p)
    u = p - torch.nn.functional.one_hot(p.argmax(1), p.shape[1])
    if h.ndim == 3:  # g itself, as a product of all its numbers with 1
        u, h = (u[:, :, None] * h).flatten(1), torch.ones_like(u[:, :1])
    lengths = u.square().sum(1) * h.square().sum(1)  # |g|^2 = |u|^2 |h|^2
    generator = torch_generator(seed)
    picked = [int(lengths.argmax())]
    nearest = torch.full_like(lengths, torch.inf)
    while len(picked) < n:
        last = picked[-1]
        apart = lengths + lengths[last] - 2 * (u @ u[last]) * (h @ h[last])
        nearest = torch.minimum(nearest, apart.clamp_min(0))
        nearest[last] = 0
        picked.append(_draw(nearest.cpu(), picked, generator))
    return torch.tensor(picked, device="cpu")


def random(count: int, n: int, seed: Seed = 0) -> Tensor:
    """Pick n of ``count`` pictures, all sets equally likely: what every strategy has to beat.

    Raises:
        InputError: n that is not in 1 .. count.

    Examples:
        >>> len(gradlab.evaluate.active.random(100, 5, seed=1).unique())
        5
    """
    n = whole_number(n, "n", 1, whole_number(count, "count", 1, MOST))
    return torch.randperm(count, generator=torch_generator(seed), device="cpu")[:n]


def top(scores: Tensor, n: int, seed: Seed = 0) -> Tensor:
    """Pick the n highest scores, the highest first; equal ones in an order that the seed gives.

    Raises:
        InputError: no scores (N,), NaN, or n that is not in 1 .. N.

    Examples:
        >>> gradlab.evaluate.active.top(torch.tensor([0.2, 0.9, 0.5]), 2).tolist()
        [1, 2]
    """
    if not isinstance(scores, Tensor) or scores.ndim != 1 or not readable(scores) or not scores.numel():
        raise InputError(f"scores is {shown(scores)}: expected one number per picture (N,).")
    if scores.is_complex() or bool(scores.isnan().any()):
        raise InputError("scores holds NaN or complex numbers: expected one number per picture (N,).")
    n = whole_number(n, "n", 1, len(scores))
    order = random(len(scores), len(scores), seed)
    return order[scores.detach().cpu()[order].argsort(descending=True, stable=True)][:n]


def _bits(p: Tensor) -> Tensor:
    """Return the entropies of the last axis, whose sums may be off 1 by the rounding of single precision."""
    return torch.from_numpy(information.entropy(p / p.sum(-1, keepdim=True))).to(p.device)


def _draw(weights: Tensor, picked: list[int], generator: torch.Generator) -> int:
    """Return an index with a chance proportional to its weight; if all are 0, any that was not picked."""
    if not bool(weights.sum() > 0):
        weights = torch.ones_like(weights)
        weights[picked] = 0
    # not torch.multinomial, which takes no more than 2^24 of them
    ends = weights.cumsum(0)
    at = torch.rand(1, dtype=ends.dtype, generator=generator, device="cpu") * ends[-1]
    return int(torch.searchsorted(ends, at, right=True).clamp_max(int(weights.nonzero()[-1])))
