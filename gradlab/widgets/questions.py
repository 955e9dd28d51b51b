"""What is asked and said of a picture: one function of what the network says, P and Q, for every title and read-out.

``front/lib/questions.js`` is the same in the browser; one table of cases holds both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Words", "default_q", "distinct", "percent", "probability", "words"]


@dataclass(frozen=True)
class Words:
    """The words of one state.

    Attributes:
        titles: of the three maps.
        meaning: what the third map shows.
        asked: the third question with probabilities.
        said: what the network says of S, P and Q.
    """

    titles: tuple[str, str, str]
    meaning: str
    asked: str
    said: str


def default_q(order: Sequence[int], p: int) -> int:
    """Return the class that P is held against: what the network says, or if that is P, the likeliest other class.

    Examples:
        >>> from gradlab.widgets.questions import default_q
        >>> default_q([2, 0, 1], 2), default_q([2, 0, 1], 1)
        (0, 2)
    """
    return next((int(c) for c in order if c != p), p)


def words(labels: Sequence[str], p: NDArray[np.float64], asked: int, other: int) -> Words:
    """Put the three questions into words.

    The third map is sum_c p_c L^c - L^Q: for what the network believes, against Q. It is "Why P?" only where P is what
    the network says (S), or where Q is S, so that the belief without Q is shared by P and the other classes.

    Args:
        labels: one name per class, each of them once.
        p: the network's probabilities (classes,).
        asked: P.
        other: Q.

    Examples:
        >>> import numpy as np
        >>> from gradlab.widgets.questions import words
        >>> words(["cat", "dog", "fox"], np.array([0.7, 0.2, 0.1]), 1, 0).titles
        ('Why dog?', 'What if not dog?', 'Why dog, rather than cat?')
    """
    said = int(p.argmax())

    def named(c: int) -> str:
        return f"{labels[c]} ({probability(p[c])})"

    def third(name: Any) -> str:
        if other == asked:
            return f"Why not {name(asked)} with 100 % confidence?"
        return f"Why {name(asked if other == said else said)}, rather than {name(other)}?"

    titles = (f"Why {labels[asked]}?", f"What if not {labels[asked]}?", third(labels.__getitem__))
    apart = [c for c in dict.fromkeys((asked, other)) if c != said]
    chances = [f"{labels[c]} {probability(p[c])}" for c in (said, *apart)]
    joint = f"The network says {'; '.join(chances) if said != asked else ', '.join(chances)}."
    return Words(titles, _meaning(p, said, asked, other), third(named), joint)


def _meaning(p: NDArray[np.float64], said: int, asked: int, other: int) -> str:
    if other == asked:
        return "for the other answers, against P"
    if other != said:
        return f"for what the network says{'' if asked == said else ' (not P)'}, against Q"
    if len(p) == 2:
        return "for P, against what the network says"
    rest = 1 - float(p[said])
    share = float(p[asked]) / rest if rest > 0 else 0.0
    return f"for the other answers, of which P is {percent(share)}, against what the network says"


def probability(p: float) -> str:
    """Return a probability as it is shown: two digits, four near the ends.

    Examples:
        >>> from gradlab.widgets.questions import probability
        >>> probability(0.512), probability(0.0042), probability(1e-9)
        ('0.51', '0.0042', '< 0.0001')
    """
    if 0.01 <= p <= 0.99:
        return f"{p:.2f}"
    if 0.0001 <= p <= 0.9999:
        return f"{p:.4f}"
    return "> 0.9999" if p > 0.5 else "< 0.0001"


def percent(share: float) -> str:
    """Return a share as whole per cent; one that is not nothing is not called 0 %.

    Examples:
        >>> from gradlab.widgets.questions import percent
        >>> percent(0.25), percent(0.001)
        ('25 %', '< 1 %')
    """
    return "< 1 %" if 0 < share < 0.01 else f"{int(100 * share + 0.5)} %"


def distinct(labels: Sequence[str]) -> list[str]:
    """Return the labels, those of several classes with the class's number: two classes of ImageNet are called crane.

    Examples:
        >>> from gradlab.widgets.questions import distinct
        >>> distinct(["crane", "dog", "crane"])
        ['crane (class 0)', 'dog', 'crane (class 2)']
    """
    count = Counter(labels)
    return [label if count[label] == 1 else f"{label} (class {c})" for c, label in enumerate(labels)]
