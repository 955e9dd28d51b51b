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

from gradlab.core import InputError, ModelError, TargetError, class_indices

Kind = Literal["exact", "monte carlo", "empirical"]
KINDS = ("exact", "monte carlo", "empirical")


def check_kind(kind: Any, labels: Any, samples: Any, generator: Any) -> None:
    """Refuse a kind that does not exist, or one that is asked with what belongs to another.

    Raises:
        InputError: see above. TargetError: the labels are missing.
    """
    if kind not in KINDS:
        raise InputError(f"kind is {kind!r}: expected {', '.join(map(repr, KINDS))}.")
    if kind == "empirical" and labels is None:
        raise TargetError("The empirical Fisher needs the observed labels: pass labels=, one per sample.")
    if kind != "empirical" and labels is not None:
        raise TargetError(f"labels belong to kind='empirical': the {kind} Fisher takes labels from the network itself.")
    if kind == "monte carlo" and not isinstance(generator, torch.Generator):
        raise InputError("kind='monte carlo' draws labels: pass generator=torch.Generator().manual_seed(...).")
    if isinstance(samples, bool) or not isinstance(samples, int) or samples < 1:
        raise InputError(f"samples is {samples!r}: expected a positive whole number of labels to draw.")


def check_classes(logits: Any) -> Tensor:
    """Return logits (N, classes); raises ``ModelError`` where the model returns no distribution over labels."""
    if not isinstance(logits, Tensor) or logits.ndim != 2 or logits.shape[1] < 2:
        what = f"a tensor of shape {tuple(logits.shape)}" if isinstance(logits, Tensor) else type(logits).__name__
        raise ModelError(f"The model returns {what}: the score of a label needs logits (N, classes), two or more.")
    if not bool(torch.isfinite(logits).all()):
        raise ModelError("The model returns NaN or infinite logits for these inputs.")
    return logits


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
        return torch.nn.functional.one_hot(class_indices(labels, logits, names), p.shape[1]).to(p)
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
