"""Gradient, deconvnet and guided backpropagation side by side, and what is left of them without the weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets
from PIL import Image
from torch import Tensor

from gradlab.core.checks import instance, number, whole_number
from gradlab.core.errors import ModelError, TargetError
from gradlab.explain import deconvnet, gradient, guided_backprop
from gradlab.explain.faithfulness import randomised, similarity
from gradlab.widgets import fallback
from gradlab.widgets.choices import Look, choice
from gradlab.widgets.picture_widget import PictureWidget, Reading, check_classifier, checked_box, class_of, opened
from gradlab.widgets.wire import scaled, unpacked

if TYPE_CHECKING:
    from gradlab.models import Classifier

__all__ = ["Gradients", "gradients"]

METHODS: dict[str, Callable[..., Tensor]] = {
    "gradient": gradient,
    "deconvnet": deconvnet,
    "guided backpropagation": guided_backprop,
}
SAVED = 4  # classes that a saved page can show, beside those that were asked
SEED = 0  # of the random weights


class Gradients(PictureWidget, Look, front="gradients"):
    """The widget that :func:`gradients` returns.

    Attributes:
        maps: of the class asked last, with the trained weights and with some of them random.
        known: in a saved page, the maps of other classes.
        target: P, a class; a label may be given. None: what the network says.
        share: of the layers whose weights are random in the control.
        box: (left, top, width, height) in pixels; None: the middle of the picture.
    """

    _chosen = ("target", "share", "colours", "box")
    target = traitlets.Any(None).tag(sync=True)
    share = choice(0.01)
    box = traitlets.Any(None).tag(sync=True)
    colours = choice("magma")
    maps = traitlets.Dict().tag(sync=True)
    known = traitlets.List(traitlets.Dict()).tag(sync=True)

    def __init__(
        self, net: Classifier, seen: Reading, share: float, choices: Sequence[str] | None, extra_inputs: Sequence[Any]
    ) -> None:
        check_classifier(net, "gradients", extra_inputs)
        self._net, self._extra, self._share = net, extra_inputs, number(share, "share", above=0, most=1)
        self._take(instance(seen, "seen", Reading, "a Reading"))
        super().__init__(net, choices, answer=seen.answer(), maps=self._asked_maps(seen.p))
        self._settle(target=None if seen.p == self._said else seen.p, share=self._share)

    @traitlets.validate("target")
    def _check_target(self, proposal: Any) -> int | None:
        return class_of(self._net, proposal["value"], len(self._seen.logits))

    @traitlets.validate("share")
    def _check_portion(self, proposal: Any) -> float:
        return number(proposal["value"], "share", above=0, most=1)

    @traitlets.validate("box")
    def _check_box(self, proposal: Any) -> list[int] | None:
        return checked_box(proposal["value"], self._seen.view.size)

    @traitlets.observe("target", "share")
    def _asks(self, change: Any) -> None:
        """Compute the maps of what was chosen; every view shows them as they come."""
        try:
            if self.share != self._share:
                self._randomise(self.share)
            self.maps = self._asked_maps(self._p)
        except BaseException:  # interrupted: what is shown is what was shown
            setattr(self, change["name"], change["old"])
            raise

    @property
    def _said(self) -> int:
        return int(self._seen.logits.argmax())

    @property
    def _p(self) -> int:
        return self._said if self.target is None else self.target

    def _take(self, seen: Reading) -> None:
        self._seen = seen
        self._randomise(self._share)

    def _randomise(self, share: float) -> None:
        self._random, self._lost = randomised(self._net, self._seen.x, share=share, seed=SEED, extra_inputs=self._extra)
        self._share, self._taken = share, dict[int, dict[str, Any]]()

    def _show(self, picture: Image.Image, name: str) -> None:
        self._take(Reading.of(self._net, picture, name, self._serial, None, self._extra))
        maps = self._asked_maps(self._said)
        with self.hold_sync():
            self._settle(target=None, box=None)
            self.answer = self._seen.answer()
            self.maps = maps

    def _asked(self, kind: str, content: dict[str, Any]) -> None:
        if kind != "maps" or content.get("serial") != self.answer["serial"]:
            return
        self.error = ""
        self.busy = "computing ..."
        p = whole_number(content["p"], "target", 0, len(self._seen.logits) - 1, TargetError)
        share = number(content["share"], "share", above=0, most=1)
        if share != self._share:
            self._randomise(share)
        maps = self._asked_maps(p)  # nothing is changed where this is interrupted
        with self.hold_sync(), self.hold_trait_notifications():
            self.target, self.share = p, share
        self.maps = maps

    def _asked_maps(self, p: int) -> dict[str, Any]:
        """Return the three maps of class p, twice: with the trained weights, and with the last layers' random."""
        if p not in self._taken:
            methods = {name: self._pair(method, p) for name, method in METHODS.items()}
            self._taken[p] = {
                "serial": self._seen.serial,
                "p": p,
                "share": self._share,
                "lost": len(self._lost),
                "first": self._lost[0],
                "methods": methods,
            }
        return self._taken[p]

    def _pair(self, method: Callable[..., Tensor], p: int) -> dict[str, Any]:
        try:
            trained, random = (
                _loudest(method(model, self._seen.x, target=p, extra_inputs=self._extra))[0, 0]
                for model in (self._net, self._random)
            )
        except ModelError as error:  # no ReLU: told in the panel's place
            return {"refused": str(error)}
        alike = float(similarity(trained.abs()[None, None], random.abs()[None, None])[0])
        return {"trained": scaled(trained), "random": scaled(random), "alike": None if np.isnan(alike) else alike}

    def _own_state(self) -> dict[str, Any]:
        """Compute the likeliest classes' maps first: a saved page has no kernel to ask."""
        likely = self._seen.logits.argsort(descending=True)[:SAVED].tolist()
        self.known = [self._asked_maps(p) for p in dict.fromkeys([*self._taken, *likely])]
        return super()._own_state()

    def _short(self) -> str:
        chance = self._seen.logits.softmax(0)[self._p]
        return f"Which pixels move {self.labels[self._p]} ({chance:.2f})?"

    def _sentence(self) -> str:
        methods = self._asked_maps(self._p)["methods"]
        alike = [f"{name} {each['alike']:.2f}" for name, each in methods.items() if each.get("alike") is not None]
        layers = "layer" if len(self._lost) == 1 else f"{len(self._lost)} layers"
        return f"{self._short()} With random weights in the last {layers}, rank correlation: {', '.join(alike)}."

    def _picture(self) -> bytes:
        panels = [("What the network sees", self._seen.view)]
        for name, each in self._asked_maps(self._p)["methods"].items():
            if "refused" not in each:
                alike = "" if each["alike"] is None else f"; random weights: {each['alike']:.2f} alike"
                panels.append((f"{name}{alike}", _grey(each["trained"])))
        return fallback.side_by_side(panels)


def _loudest(maps: Tensor) -> Tensor:
    """Return per pixel the value of the channel with the largest magnitude, (N, 1, H, W), from (N, C, H, W)."""
    return maps.gather(1, maps.abs().argmax(1, keepdim=True))


def _grey(sent: dict[str, Any]) -> Image.Image:
    level = np.abs(unpacked(sent, "float16", (None, None)).astype(np.float64))
    top = float(np.quantile(level, 0.995)) or 1.0
    return Image.fromarray((255 * np.clip(level / top, 0, 1)).astype(np.uint8)).convert("RGB")


def gradients(
    net: Classifier,
    picture: Any,
    *,
    target: int | str | None = None,
    share: float = 0.01,
    extra_inputs: Sequence[Any] = (),
    choices: Sequence[str] | None = None,
) -> Gradients:
    """Show gradient, deconvnet and guided backpropagation of one class side by side, with a control below them.

    A pixel shows the channel with the largest magnitude. The control: the same maps from a copy of the network whose
    last layers have random weights, with the rank correlation of the magnitudes
    (:func:`gradlab.explain.faithfulness.randomisation`). A box reads which share of each map's strength lies inside.

    Args:
        net: a ``Classifier``, such as ``gradlab.models.imagenet()``.
        picture: a name, a path, bytes, a PIL image or a uint8 array (H, W, 3).
        target: P at the start: None (what the network says), a class, or its label.
        share: of the layers whose weights are random in the control, counted from the last, at least one layer.
        extra_inputs: what the network reads beside every picture, as ``(net.encode("which digit is greater?"),)``.
        choices: names offered in the list; None offers those of :func:`gradlab.data.picture_names`.

    Raises:
        ModelError: ``net`` is no classifier with labels and a transform.
        InputError, PictureError, TargetError: before anything is shown.

    Examples:
        >>> gradlab.widgets.gradients(net, gradlab.data.picture("coffee"))
        Gradients: Which pixels move 9 (0.51)?
    """
    check_classifier(net, "gradients", extra_inputs)
    share = number(share, "share", above=0, most=1)
    return Gradients(net, Reading.of(net, *opened(picture), 1, target, extra_inputs), share, choices, extra_inputs)
