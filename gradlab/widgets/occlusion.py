"""What happens if I cover this? A mask that follows the hand, and the sweep of all windows from coarse to fine."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import traitlets
from PIL import Image
from torch import Tensor

from gradlab.core import outputs_of
from gradlab.core.checks import instance
from gradlab.core.errors import InputError, shown
from gradlab.core.targets import check_logits
from gradlab.explain import Sweep, occlusion_sweep
from gradlab.widgets import fallback
from gradlab.widgets.hiding import BASELINES, NAMES, STRIDE, WINDOW, Hiding, baseline_of, check_baseline, check_sweep
from gradlab.widgets.picture_widget import (
    PictureWidget,
    Reading,
    check_classifier,
    logger,
    opened,
)
from gradlab.widgets.wire import detached, packed, unpacked

if TYPE_CHECKING:
    from gradlab.models import Classifier

__all__ = ["Occlusion", "occlusion"]


@dataclass
class Running:
    """A sweep under way or held: its number, what it was asked, and its generator, which can be taken up again."""

    run: int
    asked: tuple[int, int, str]  # window, stride, baseline
    sweeps: Iterator[Sweep]
    last: Sweep | None = None


class Occlusion(PictureWidget, Hiding, front="occlusion"):
    """The widget that :func:`occlusion` returns; what is hidden is chosen as in :class:`Hiding`.

    Attributes:
        sweep: the windows asked so far: geometry, and z(whole) - z(hidden) of every class as float16.
        running: a sweep is under way.
    """

    sweep = traitlets.Dict().tag(sync=True)
    running = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        net: Classifier,
        seen: Reading,
        asked: tuple[int, int, str],
        choices: Sequence[str] | None,
        extra_inputs: Sequence[Any],
    ) -> None:
        check_classifier(net, "occlusion", extra_inputs)
        seen = instance(seen, "seen", Reading, "a Reading")
        if not isinstance(asked, tuple) or len(asked) != 3:
            raise InputError(f"asked is {shown(asked)}: expected (window, stride, baseline).")
        self._net, self._extra = net, extra_inputs
        try:
            window, stride, baseline = check_sweep(*asked, seen.x.shape[2:])
        except InputError as error:
            raise InputError(f"asked is {shown(asked)}: {error}") from error
        self._held: Running | None = None
        self._stop = threading.Event()
        self._at_work = threading.Lock()  # one sweep computes at a time
        self._runs = 0
        super().__init__(net, choices, answer=self._take(seen))
        target = None if seen.p == int(seen.logits.argmax()) else seen.p
        self._settle(target=target, window=window, stride=stride, baseline=baseline)

    def _take(self, seen: Reading) -> dict[str, Any]:
        """Take up a picture: make its baselines, return what the browser needs."""
        shown = {each: baseline_of(seen.view, each, self._net.mean) for each in BASELINES}
        self._seen, self._shown = seen, shown
        self._hidden = {each: self._net.normalize(image) for each, image in shown.items()}
        return {**seen.answer(), "baselines": {each: packed(image, "uint8") for each, image in shown.items()}}

    def _show(self, picture: Image.Image, name: str) -> None:
        self._cancel()
        with self._at_work:
            answer = self._take(Reading.of(self._net, picture, name, self._serial, None, self._extra))
            with self.hold_sync():
                self._held, self.sweep = None, {}
                self._settle(target=None, box=None, painted=[])
                self.answer = answer

    def _asked(self, kind: str, content: dict[str, Any]) -> None:
        if kind == "mask":
            self._answer_mask(content)
        elif kind == "sweep":
            self.error = ""
            self._begin(*(content.get(key) for key in ("window", "stride", "baseline")))
        elif kind == "cancel":
            self._cancel()

    def _answer_mask(self, content: dict[str, Any]) -> None:
        """Hide what the mask covers, and send the logits back to the view that asked."""
        if content.get("serial") != self.answer["serial"]:
            return  # of a picture that has gone
        mask = unpacked(content.get("mask"), "bool", self._seen.x.shape[2:])
        logits = self._logits_of(torch.from_numpy(mask), check_baseline(content.get("baseline")))
        reply = {"kind": "masked", "view": content.get("view"), "n": content.get("n")}
        self.send(*detached({**reply, "logits": packed(logits, "float32")}))

    def _logits_of(self, mask: Tensor, baseline: str) -> Tensor:
        x = self._seen.x
        hidden = torch.where(mask.to(x.device), self._hidden[baseline], x[0])[None]
        return check_logits(outputs_of(self._net, hidden, extra_inputs=self._extra))[0].cpu()

    def _cancel(self) -> None:
        # the answer does not wait for the windows being computed: they are kept when they come
        self._stop.set()
        self.running = False

    def _begin(self, window: Any, stride: Any, baseline: Any) -> None:
        """Start a sweep, or go on with the one that was stopped, on a thread: masks and Cancel are still heard."""
        self._cancel()
        self._ready(check_sweep(window, stride, baseline, self._seen.x.shape[2:]))
        self._stop = threading.Event()
        self.running = True
        threading.Thread(target=self._work, args=(self._held, self._stop), daemon=True).start()

    def _ready(self, asked: tuple[int, int, str]) -> Running:
        if self._held is None or self._held.asked != asked:
            window, stride, baseline = asked
            options: dict[str, Any] = {"window": window, "stride": stride, "baseline": self._hidden[baseline]}
            sweeps = occlusion_sweep(self._net, self._seen.x, target="all", **options, extra_inputs=self._extra)
            self._runs += 1
            self._held = Running(self._runs, asked, sweeps)
        return self._held

    def _work(self, held: Running, stop: threading.Event) -> None:
        with self._at_work:
            try:
                while not stop.is_set() and self._step(held):
                    pass
            except Exception as error:
                logger.exception("a sweep failed")
                self.error = f"The sweep failed: {type(error).__name__}: {error}"
            if held is self._held and self._stop is stop:
                self.sweep = self._found(held)
                self.running = False

    def _step(self, held: Running) -> bool:
        """Compute the next windows and send them; False when there are no more."""
        before = held.last
        sweep = next(held.sweeps, None)
        if sweep is None:
            return False
        drops = _drops(sweep)
        known = ~drops.isnan().all(1)
        if before is not None and not before.first_order:
            known &= before.occluded[0, 0].isnan().flatten().cpu()
        held.last = sweep
        found = drops[known]
        if sweep.first_order:  # foretold for one class, what the network says
            found = found[:, ~found.isnan().all(0)]
        facts = {**self._facts(held), "kind": "windows", "guess": sweep.first_order}
        windows = packed(known.nonzero()[:, 0], "uint32")
        self.send(*detached({**facts, "windows": windows, "drops": packed(found, "float16")}))
        return True

    def _facts(self, held: Running) -> dict[str, Any]:
        assert held.last is not None
        window, stride, baseline = held.asked
        return {
            "serial": self.answer["serial"],
            "run": held.run,
            "window": window,
            "stride": stride,
            "baseline": baseline,
            "rows": held.last.occluded.shape[2],
            "columns": held.last.occluded.shape[3],
            "done": held.last.done,
            "total": held.last.total,
        }

    def _found(self, held: Running) -> dict[str, Any]:
        """Return all windows of the sweep so far; NaN where one was not asked."""
        if held.last is None or held.last.first_order:
            return {}
        return {**self._facts(held), "drops": packed(_drops(held.last), "float16")}

    def finish(self) -> Occlusion:
        """Run the sweep to its end before going on, and return the widget; for pages that nobody will wait for."""
        self._cancel()
        with self._at_work:
            held = self._held or self._ready(
                check_sweep(self.window, self.stride, self.baseline, self._seen.x.shape[2:])
            )
            for sweep in held.sweeps:
                held.last = sweep
            self.sweep = self._found(held)
        return self

    def _own_state(self) -> dict[str, Any]:
        """Finish the sweep first: a saved page has no kernel to ask."""
        with contextlib.suppress(InputError):  # of more windows than can be asked: there is none, or an earlier one
            self.finish()
        return super()._own_state()

    def _short(self) -> str:
        return f"What happens to {self.labels[self._p]} ({self._chance(self._seen.logits):.2f}) if I cover this?"

    def _sentence(self) -> str:
        after = self._chance(self._logits_of(self._mask(), self.baseline))
        hides = self._hides()
        found = f"{self._short()} With {hides} hidden by {NAMES[self.baseline]}: {after:.2f}."
        last = None if self._held is None else self._held.last
        if last is None or last.first_order or last.done < last.total:
            return found
        drop = (last.clean[0, self._p] - last.occluded[0, self._p]).cpu()
        row, column = divmod(int(drop.argmax()), drop.shape[1])
        top, left = row * last.stride[0], column * last.stride[1]
        return (
            f"{found} The window of {last.window[0]} pixels that costs it most starts at row {top}, column {left}: "
            f"{drop.max():+.2g} logits; {int((drop < 0).sum())} of {last.total} windows raise it when hidden."
        )

    def _chance(self, logits: Tensor) -> float:
        return float(logits.softmax(0)[self._p])

    def _picture(self) -> bytes:
        panels = [("What the network sees", self._seen.view), self._now_hidden()]
        last = None if self._held is None else self._held.last
        if last is not None and not last.first_order:
            values = last.maps()[0, self._p].cpu().double().numpy()
            panels.append((f"What hiding costs {self.labels[self._p]}", fallback.overlay(self._seen.view, values)))
        return fallback.side_by_side(panels)

    def _now_hidden(self) -> tuple[str, Image.Image]:
        """Return the picture as it is hidden now, and what that does."""
        mask, baseline = self._mask(), self.baseline
        view = Image.composite(self._shown[baseline], self._seen.view, Image.fromarray(mask.numpy()))
        before, after = (self._chance(z) for z in (self._seen.logits, self._logits_of(mask, baseline)))
        return f"{self.labels[self._p]}: {before:.2f}, so covered {after:.2f}", view


def _drops(sweep: Sweep) -> Tensor:
    """Return z(whole) - z(hidden) of the first picture, (windows, classes)."""
    return (sweep.clean[0, :, None, None] - sweep.occluded[0]).flatten(1).T.cpu()


def occlusion(
    net: Classifier,
    picture: Any,
    *,
    target: int | str | None = None,
    window: int = WINDOW,
    stride: int = STRIDE,
    baseline: str = "mean",
    extra_inputs: Sequence[Any] = (),
    choices: Sequence[str] | None = None,
) -> Occlusion:
    """Cover a part of the picture and see the probabilities move; sweep all windows into a map.

    The mask is a box or painted. Each place of it is one forward pass, until :func:`gradlab.explain.occlusion_sweep`
    has asked that window: its scores of every class then answer in the browser, and so does every P.

    Args:
        net: a ``Classifier``, such as ``gradlab.models.imagenet()``.
        picture: a name, a path, bytes, a PIL image or a uint8 array (H, W, 3).
        target: P at the start: None (what the network says), a class, or its label.
        window: of the sweep and of the box at the start, pixels.
        stride: of the sweep, pixels, at most the window.
        baseline: what shows where the picture is hidden: "mean" (colour of the training pictures), "black" or "blur".
        extra_inputs: what the network reads beside every picture, as ``(net.encode("which digit is greater?"),)``.
        choices: names offered in the list; None offers those of :func:`gradlab.data.picture_names`.

    Raises:
        ModelError: ``net`` is no classifier with labels and a transform.
        InputError, PictureError, TargetError: before anything is shown.

    Examples:
        >>> gradlab.widgets.occlusion(net, gradlab.data.picture("coffee"), window=8, stride=8)
        Occlusion: What happens to 9 (0.51) if I cover this?
    """
    check_classifier(net, "occlusion", extra_inputs)
    asked = check_sweep(window, stride, baseline, net.size)
    return Occlusion(net, Reading.of(net, *opened(picture), 1, target, extra_inputs), asked, choices, extra_inputs)
