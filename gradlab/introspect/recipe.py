"""What features are made of: a loss, an introspective label, a normalisation (the algebra: ``core/contrasts.py``)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from gradlab.core import InputError
from gradlab.core.checks import instance, one_of
from gradlab.core.contrasts import QUESTIONS, Loss, Question, check_loss
from gradlab.core.errors import shown

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
        check_loss(self.loss)
        one_of(self.question, "question", QUESTIONS)
        if not (self.normalize is None or (isinstance(self.normalize, str) and self.normalize in ("l2", "minmax"))):
            raise InputError(
                f"normalize is {shown(self.normalize)}: expected 'l2', 'minmax' or None. What needs a training set's "
                "statistics is a gradlab.introspect.Standardizer."
            )
        if self.layer is not None:
            instance(self.layer, "layer", str, "a dotted name, or None")

    def settings(self) -> dict[str, Any]:
        """Return the options as they are written to a file; raises ``InputError`` for a loss of the caller's own."""
        if callable(self.loss):
            raise InputError("A loss of your own cannot be written to a file: use 'mse', 'bce' or 'ce'.")
        return asdict(self)
