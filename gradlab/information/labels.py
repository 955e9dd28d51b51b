"""Which labels the scores of a sample are taken under, and with what weight.

    F = sum_c w_c g_c g_c^T,    g_c = d(-log p_c) / d theta

One formula for all three kinds; the weights of the labels alone differ. *Exact*: w = p, every label as likely as the
network thinks. *Monte Carlo*: labels drawn from p, an unbiased estimate. *Empirical*: the one label observed; that is
an estimate of neither, as observed labels are not drawn from p, and it falls as the fit gets better (Kunstner et al.,
Limitations of the Empirical Fisher Approximation, 2019).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from gradlab.core import InputError, TargetError, class_indices
from gradlab.core.checks import one_of, whole_number
from gradlab.core.seeds import check_seed

__all__ = ["Kind", "check_kind", "check_labels", "cotangents", "weights_of"]

Kind = Literal["exact", "monte carlo", "empirical"]
MOST_SAMPLES = 1_000_000  # labels drawn for a picture
KINDS = ("exact", "monte carlo", "empirical")


def check_kind(kind: Any, labels: Any, samples: Any, seed: Any) -> int:
    """Refuse a kind that does not exist, or one that is asked with what belongs to another; return the samples.

    Raises:
        InputError: see above. TargetError: the labels are missing.
    """
    one_of(kind, "kind", KINDS)
    if kind == "empirical" and labels is None:
        raise TargetError("The empirical Fisher needs the observed labels: pass labels=, one per sample.")
    if kind != "empirical" and labels is not None:
        raise TargetError(f"labels belong to kind='empirical': the {kind} Fisher takes labels from the network itself.")
    if kind == "monte carlo" and seed is None:
        raise InputError("kind='monte carlo' draws labels: pass seed=, a whole number or a generator.")
    if seed is not None:
        check_seed(seed)
    return whole_number(samples, "samples", 1, MOST_SAMPLES)


def check_labels(labels: Any, inputs: Tensor, classes: int, names: Sequence[str] | None) -> Tensor | None:
    """Return observed labels as indices (N,), or None for None; raises ``TargetError`` where they do not fit."""
    return (
        None if labels is None else class_indices(labels, inputs.new_empty(len(inputs), classes), names, name="labels")
    )


def weights_of(
    logits: Tensor,
    kind: Kind,
    labels: Any = None,
    samples: int = 1,
    generator: torch.Generator | None = None,
    names: Sequence[str] | None = None,
) -> Tensor:
    """Return w (N, classes), each row summing to 1.

    Raises:
        TargetError: ``labels`` do not fit.
    """
    p = logits.detach().softmax(1)
    if kind == "exact":
        return p
    if kind == "empirical":
        return torch.nn.functional.one_hot(class_indices(labels, logits, names, name="labels"), p.shape[1]).to(p)
    there = p if generator is None else p.to(generator.device)
    drawn = torch.multinomial(there, samples, replacement=True, generator=generator)
    counts = torch.zeros_like(there).scatter_add_(1, drawn, torch.ones_like(there[:, :1]).expand(drawn.shape))
    return (counts / samples).to(p)


def cotangents(logits: Tensor, weights: Tensor) -> Tensor:
    """Return sqrt(w_c) (p - e_c), (N, M, classes): pulled back, squared and summed over M they give F.

    M is the largest number of labels that any sample gives weight to: as many pull-backs, and no more, are needed.
    """
    p = logits.detach().softmax(1)
    count = int((weights > 0).sum(1).max())
    some, asked = weights.topk(count, dim=1)  # (N, M)
    one_hot = torch.nn.functional.one_hot(asked, p.shape[1]).to(p)
    return (p[:, None] - one_hot) * some.sqrt()[:, :, None]
