"""What features are made of: a loss, an introspective label, a normalisation (the algebra: ``core/contrasts.py``)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from gradlab.core import InputError
from gradlab.core.contrasts import Loss, Question

__all__ = ["Normalize", "Recipe"]

Normalize = Literal["l2", "minmax"]


@dataclass(frozen=True)
class Recipe:
    """How features are made; the arguments of :func:`gradlab.introspect.features`, checked.

    Raises:
        InputError: an option that does not exist.

    Examples:
        >>> gradlab.introspect.Recipe("ce", question="each")
        Recipe(loss='ce', question='each', normalize='l2', layer=None)
    """

    loss: Loss = "mse"
    question: Question = "ones"
    normalize: Normalize | None = "l2"
    layer: str | None = None

    def __post_init__(self) -> None:
        if not callable(self.loss) and self.loss not in ("mse", "bce", "ce"):
            raise InputError(f"loss is {self.loss!r}: expected 'mse', 'bce', 'ce' or a callable (logits, label).")
        if self.question not in ("ones", "each"):
            raise InputError(f"question is {self.question!r}: expected 'ones' or 'each'.")
        if self.normalize not in ("l2", "minmax", None):
            raise InputError(
                f"normalize is {self.normalize!r}: expected 'l2', 'minmax' or None. What needs a training set's "
                "statistics is a gradlab.introspect.Standardizer."
            )

    def settings(self) -> dict[str, Any]:
        """Return the options as they are written to a file; raises ``InputError`` for a loss of the caller's own."""
        if callable(self.loss):
            raise InputError("A loss of your own cannot be written to a file: use 'mse', 'bce' or 'ce'.")
        return asdict(self)
