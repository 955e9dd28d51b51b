"""The same picture under twelve challenges: what the network says of each, how sure it is, and whether it is right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import traitlets
from PIL import Image

from gradlab.core.checks import flag, instance, one_of
from gradlab.core.errors import InputError, PictureError
from gradlab.core.seeds import Seed
from gradlab.data import CHALLENGES, signs
from gradlab.data.challenges import check_challenge
from gradlab.data.levels import checked_level
from gradlab.data.signs import LABELS
from gradlab.widgets import fallback
from gradlab.widgets.chart_widget import check_seed
from gradlab.widgets.choices import Choices, choice
from gradlab.widgets.picture_widget import PictureWidget, check_classifier, check_named, class_of, opened
from gradlab.widgets.strip import Strip, tile_of

if TYPE_CHECKING:
    from gradlab.models import Classifier

__all__ = ["Challenges", "challenges"]


class Challenges(PictureWidget, Choices, front="challenges"):
    """The widget that :func:`challenges` returns.

    Attributes:
        draws: the network reads our traffic signs, so that another one can be drawn.
        level: of the challenges, 0 (none) to 5.
        maps: whether Grad-CAM of what is said lies over each tile.
        challenge: which one is looked at; None: all together.
    """

    _chosen = ("level", "maps", "challenge")
    draws = traitlets.Bool().tag(sync=True)
    level = choice(3)
    maps = choice(False)
    challenge = traitlets.Any(None).tag(sync=True)

    def __init__(self, net: Classifier, strip: Strip, level: int, choices: Any, options: dict[str, Any]) -> None:
        check_named(net, "challenges")
        self._strip, level = instance(strip, "strip", Strip, "a Strip"), checked_level(CHALLENGES, "", None, level)
        self._options = instance(options, "options", dict, "those of Strip.of")
        self._number = 0  # of the sign that was drawn last
        super().__init__(net, choices, answer=strip.answer(1), draws=reads_signs(net))
        self._settle(level=level)

    @traitlets.validate("level")
    def _check_level(self, proposal: Any) -> int:
        return checked_level(CHALLENGES, "", None, proposal["value"])

    @traitlets.validate("maps")
    def _check_maps(self, proposal: Any) -> bool:
        return flag(proposal["value"], "maps")

    @traitlets.validate("challenge")
    def _check_one(self, proposal: Any) -> str | None:
        value = proposal["value"]
        return None if value is None else str(one_of(value, "challenge", tuple(CHALLENGES)))

    def _show(self, picture: Image.Image, name: str, label: int | None = None) -> None:
        self._strip = Strip.of(self._net, picture, name, label, **self._options)
        self.answer = self._strip.answer(self._serial)

    def _asked(self, kind: str, content: dict[str, Any]) -> None:
        if kind != "sign" or not self.draws:
            return
        self.error = ""
        self.busy = "drawing a sign ..."
        label = int(content["label"])
        number = self._number + 1 if label == self._strip.label else 0
        picture, name, label = drawn(label, number)
        self._serial += 1
        self._show(picture, name, label)
        self._number = number

    def _short(self) -> str:
        said = self.labels[self._strip.reference]
        if not self.level:
            return f"{self._strip.name} without a challenge: the network says {self._tile(None)}."
        kept = len(self._strip.kept(self.level))
        found = f"{self._strip.name} at level {self.level}: {kept} of {len(CHALLENGES)} challenges leave {said}."
        return found if self.challenge is None else f"{found} {self.challenge}: {self._tile(self.challenge)}."

    def _tile(self, challenge: str | None) -> str:
        i = tile_of(challenge, self.level)
        return f"{self.labels[int(self._strip.logits[i].argmax())]} {self._strip.probabilities[i].max():.2f}"

    def _sentence(self) -> str:
        told = [title for title, _ in self._strip.panels(self.labels, self.level)]
        return f"{self._short()} {'; '.join(told)}."

    def _picture(self) -> bytes:
        panels = self._strip.panels(self.labels, self.level)
        if self.maps:
            places = [tile_of(name, self.level) for name in (None, *CHALLENGES)]
            maps = self._strip.maps[places]
            panels = [(title, fallback.overlay(tile, map_)) for (title, tile), map_ in zip(panels, maps, strict=True)]
        return fallback.side_by_side(panels, columns=7)


def reads_signs(net: Classifier) -> bool:
    """Return whether the network's classes are those of :func:`gradlab.data.signs`."""
    return tuple(net.labels) == LABELS


def drawn(label: int, number: int) -> tuple[Image.Image, str, int]:
    """Return the sign of a class with a number, what to call it, and its class; raises ``InputError``."""
    if not 0 <= label < len(LABELS):
        raise InputError(f"There is no sign {label}: expected 0 to {len(LABELS) - 1}.")
    all_classes = signs(len(LABELS), seed=number)  # each class once
    (index,) = (all_classes.labels == label).nonzero()[0].tolist()
    return all_classes.image(index), f"{LABELS[label]} {number}", label


def challenges(
    net: Classifier,
    picture: Any = None,
    *,
    label: int | str | None = None,
    level: int = 3,
    layer: Any = None,
    extra_inputs: Sequence[Any] = (),
    choices: Sequence[str] | None = None,
    seed: Seed = 0,
) -> Challenges:
    """Show one picture under the twelve challenges, with a slider for their level.

    Under each stand the class that the network says, its probability, right or wrong, and the probability of the
    reference class over the levels; over it, if wanted, Grad-CAM of what is said there. The reference is the true
    class where it is known, otherwise what the network says of the clean picture. The kernel sends all 61 pictures
    once; the slider asks it nothing.

    Args:
        net: a ``Classifier``, such as ``gradlab.models.signs()`` or ``gradlab.models.imagenet()``.
        picture: a name, a path, bytes, a PIL image or a uint8 array (H, W, 3); None: a sign, if the network reads
            those.
        label: the true class of ``picture``; None: not known.
        level: of the challenges at the start, 0 (none) to 5.
        layer: of the maps, as in :func:`gradlab.explain.grad_cam`.
        extra_inputs: what the network reads beside every picture, the same for each.
        choices: names offered in the list; None offers those of :func:`gradlab.data.picture_names`.
        seed: of the challenges' drops, flakes, stains and noise, and of the first sign.

    Raises:
        ModelError: ``net`` is no classifier with labels and a transform.
        InputError: no such level; ``seed`` is no whole number of 0 or more and no generator.
        PictureError, TargetError, LayerError: as in the engine, before anything is shown.

    Examples:
        >>> gradlab.widgets.challenges(gradlab.models.signs(), label="stop")
        Challenges: stop 0 at level 3: 12 of 12 challenges leave stop.
    """
    check_classifier(net, "challenges", extra_inputs)
    check_challenge(None, level)
    seed = check_seed(seed)
    options = {"layer": layer, "extra_inputs": extra_inputs, "seed": seed}
    truth = class_of(net, label, len(net.labels), "label")
    if picture is not None:
        return Challenges(net, Strip.of(net, *opened(picture), truth, **options), level, choices, options)
    if not reads_signs(net):
        raise PictureError("picture is None, and this network reads no signs: give a name, a path or a picture.")
    sign = drawn(LABELS.index("stop") if truth is None else truth, seed)
    return Challenges(net, Strip.of(net, *sign, **options), level, choices, options)
