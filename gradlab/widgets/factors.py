"""The factors from which the browser builds every map: the picture, the logits, one map per class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.special import softmax

from gradlab.widgets.picture_widget import picture_answer
from gradlab.widgets.questions import Words, default_q, words
from gradlab.widgets.wire import scaled

if TYPE_CHECKING:
    from gradlab.models import Classifier

__all__ = ["Factors"]


@dataclass(frozen=True)
class Factors:
    """What one picture gives.

    Attributes:
        name: of the picture.
        view: what the network sees of it, RGB.
        logits: z (classes,).
        maps: raw L^c (classes, h, w), in logits.
        exact: cells add up to the logit, so that taking cells away is exact.
        layer: dotted name of the layer.
    """

    name: str
    view: Image.Image
    logits: NDArray[np.float64]
    maps: NDArray[np.float64]
    exact: bool
    layer: str

    @classmethod
    def of(cls, net: Classifier, picture: Image.Image, name: str, **options: Any) -> Factors:
        """Run the network once; options and errors are those of :func:`gradlab.explain.class_maps`."""
        from gradlab.explain import class_maps

        found = class_maps(net, net.transform(picture)[None], **options)
        logits, maps = (t[0].detach().cpu().double().numpy() for t in (found.logits, found.maps))
        return cls(name, net.view(picture).convert("RGB"), logits, maps, found.exact, found.layer)

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """Softmax of the logits, (classes,)."""
        return np.asarray(softmax(self.logits))

    def contrast(self, q: int) -> NDArray[np.float64]:
        """Return sum_c p_c L^c - L^q, (h, w), in nats."""
        # as sum_c p_c (L^c - L^q): nothing cancels when the network is sure of q
        return np.asarray(np.einsum("c,chw->hw", self.probabilities, self.maps - self.maps[q]))

    def asked(self, p: int | None = None, q: int | None = None) -> tuple[int, int]:
        """Return P and Q, filled in with what the network says, or if that is P, with the likeliest other class."""
        order = [int(c) for c in np.argsort(-self.logits, kind="stable")]
        p = order[0] if p is None else p
        return p, (default_q(order, p) if q is None else q)

    def answer(self, serial: int) -> dict[str, Any]:
        """Return what is sent to the browser."""
        return {
            **picture_answer(serial, self.name, self.view, self.logits),
            "maps": scaled(self.maps),
            "exact": self.exact,
            "layer": self.layer,
        }

    def words(self, labels: Sequence[str], p: int, q: int) -> Words:
        """Return what is asked and said of P and Q."""
        return words(labels, self.probabilities, p, q)

    def hottest(self, q: int) -> str:
        """Return where the third map is largest, in words, rows and columns counted from 1."""
        values = self.contrast(q)
        row, column = np.unravel_index(int(values.argmax()), values.shape)
        if values[row, column] <= 0:
            return "Nothing in the map is positive."
        return f"Hottest cell: row {row + 1}, column {column + 1} ({values[row, column]:+.2g} nat)."
