"""What a map explains: the score of a class P, or the loss of a contrast Q.

Why P?                  S = z_P
Why P, rather than Q?   S = J = CE(z, Q), whose gradient by the logits is p - e_Q
What if not P?          -S
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from torch import Tensor
from torch.nn import functional as F

from gradlab.core import Run, Target, TargetError, check_logits, class_indices, runner_up, scores_of

__all__ = ["RUNNER_UP", "Score", "contrast_loss", "score_of"]

Score: TypeAlias = Callable[[Run], Tensor]
RUNNER_UP = "runner-up"  # as a contrast: the second most likely class of each picture


def score_of(target: Target = None, contrast: Target = None) -> Score:
    """Return the score (N,) of a run: of the target, or of the contrast where one is given.

    Raises:
        TargetError: both are given.
    """
    if contrast is None:
        return lambda kept: scores_of(kept.outputs, target, kept.labels, count=kept.count)
    if target is not None:
        raise TargetError("target asks why P, contrast why not Q: give one of them.")
    return lambda kept: contrast_loss(kept.outputs, contrast, kept.labels, kept.count)


def contrast_loss(outputs: Any, contrast: Target, labels: Sequence[str] | None, count: int | None = None) -> Tensor:
    """Return J = CE(z, Q) of each sample, (N,); of a callable contrast what it returns."""
    if callable(contrast):
        return scores_of(outputs, contrast, count=count)
    logits = check_logits(outputs, 2, count=count)
    runner = isinstance(contrast, str) and contrast == RUNNER_UP
    asked = runner_up(logits) if runner else class_indices(contrast, logits, labels, name="contrast")
    return F.cross_entropy(logits, asked, reduction="none")
