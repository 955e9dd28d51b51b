"""What is asked while parts of a picture are hidden: whose score, in which unit, and what shows in their place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from gradlab.core import InputError, Target, TargetError, check_logits, class_indices, scores_of
from gradlab.core.checks import numbers, one_of

__all__ = ["Baseline", "Question", "Score", "hidden_pictures"]

Score = Literal["logit", "probability"]
Baseline = float | Sequence[float] | Tensor | Callable[[Tensor], Tensor]


class Question:
    """The scores that are asked of the outputs: one per sample, or T classes of each, or all; or a contrast's loss."""

    def __init__(
        self, target: Any, score: str, labels: Sequence[str] | None, count: int, contrast: Target = None
    ) -> None:
        one_of(score, "score", ("logit", "probability"))
        if contrast is not None and (target is not None or score != "logit"):
            raise TargetError("A contrast is asked by its loss CE(z, Q): give it without target and score.")
        self.target, self.contrast, self.labels = target, contrast, labels
        self.probability, self.count = score == "probability", count
        self.classes: Tensor | None = None  # (N, T)

    def settled(self, outputs: Any) -> Tensor:
        """Do as :meth:`first`, keep the result as ``clean``, and return the score that the guess explains, (N,)."""
        scores = self.first(outputs)
        self.clean = scores.detach()
        # all classes: the likeliest alone is guessed
        return scores.amax(1) if isinstance(self.target, str) and self.target == "all" else scores[:, 0]

    def first(self, outputs: Any) -> Tensor:
        """Settle what is asked from the outputs of the whole pictures; return their scores (N, T)."""
        own = self.target if self.contrast is None else self.contrast
        if callable(own):
            return scores_of(outputs, own, count=self.count)[:, None]
        logits = check_logits(outputs, 2 if self.probability or self.contrast is not None else 1, count=self.count)
        n, classes = logits.shape
        if self.contrast is None and isinstance(own, str) and own == "all":
            self.classes = torch.arange(classes, device=logits.device).expand(n, -1)
        elif isinstance(own, Tensor) and own.ndim == 2:
            if len(own) != n:
                raise TargetError(f"target asks for {len(own)} pictures' classes, but inputs holds {n}.")
            self.classes = torch.stack([class_indices(column, logits) for column in own.T], 1)
        else:
            self.classes = class_indices(
                own, logits, self.labels, name="target" if self.contrast is None else "contrast"
            )[:, None]
        return self._read(logits, self.classes)

    def classes_of(self, i: int) -> Tensor | None:
        """Return the classes (T,) if nothing but their logits is asked: then no other need be computed."""
        alone = not self.probability and self.contrast is None
        return self.classes[i] if alone and self.classes is not None else None

    def scores(self, outputs: Any, i: int, count: int, pruned: bool = False) -> Tensor:
        """Return the scores (G, T) of picture i from G outputs; ``pruned``: they hold no other class."""
        if self.classes is None:
            own = self.target if self.contrast is None else self.contrast
            return scores_of(outputs, own, count=count)[:, None]
        logits = check_logits(outputs, count=count)
        return logits if pruned else self._read(logits, self.classes[i].expand(len(logits), -1))

    def _read(self, logits: Tensor, classes: Tensor) -> Tensor:
        if self.contrast is not None:
            return -logits.log_softmax(1).gather(1, classes)  # CE(z, Q)
        return (logits.softmax(1) if self.probability else logits).gather(1, classes)


def hidden_pictures(x: Tensor, baseline: Any) -> Tensor:
    """Return the pictures (N, C, H, W) that show through where a patch hides."""
    value = baseline(x.clone()) if callable(baseline) else baseline
    value = torch.as_tensor(numbers(value, "baseline"), device="cpu").to(x)
    if value.ndim == 1 and len(value) == x.shape[1]:
        value = value[:, None, None]
    fits = value.ndim in (0, 3, 4) and all(a in (1, b) for a, b in zip(value.shape[::-1], x.shape[::-1], strict=False))
    if not fits:
        raise InputError(
            f"baseline has shape {tuple(value.shape)}: expected a number, ({x.shape[1]},) one per channel, or an image "
            f"{tuple(x.shape[1:])}."
        )
    if not bool(torch.isfinite(value).all()):
        raise InputError("baseline holds NaN or infinite values.")
    return value.expand(x.shape)
