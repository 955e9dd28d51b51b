"""What happens if I cover this? A mask that follows the hand, and the sweep of all windows from coarse to fine."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import traitlets
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from torch import Tensor

from gradlab.core import InputError, outputs_of
from gradlab.core.targets import check_logits
from gradlab.explain import Sweep, occlusion_sweep
from gradlab.widgets import fallback
from gradlab.widgets.linker import front_end
from gradlab.widgets.picture_widget import PictureWidget, check_classifier, class_of, logger, opened
from gradlab.widgets.widget import style

COVERS = ("mean", "black", "blur")
BLUR = 1 / 22  # of the picture's width: the radius of the blur, 10 of 224 pixels
MOST_WINDOWS = 2500  # of a sweep: 5 MB of scores for 1000 classes


@dataclass
class Running:
    """A sweep under way or held: its number, what it was asked, and its generator, which can be taken up again."""

    run: int
    window: int
    stride: int
    cover: str
    sweeps: Iterator[Sweep]
    last: Sweep | None = None

    def asks(self, window: int, stride: int, cover: str) -> bool:
        """Say whether this sweep is the one asked for."""
        return (self.window, self.stride, self.cover) == (window, stride, cover)


class Occlusion(PictureWidget):
    """The widget that :func:`occlusion` returns.

    Attributes:
        sweep: the windows asked so far: geometry, and z(whole) - z(hidden) of every class as float16.
        running: a sweep is under way.
    """

    _esm = front_end("occlusion")
    _css = style("occlusion.css")

    sweep = traitlets.Dict().tag(sync=True)
    running = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        net: Any,
        picture: Image.Image,
        name: str,
        start: tuple[int | str | None, int, int, str],
        pictures: Sequence[str] | None,
    ) -> None:
        self._net, self._start = net, start
        self._held: Running | None = None
        self._stop = threading.Event()
        self._at_work = threading.Lock()  # one sweep computes at a time
        self._runs = 0
        super().__init__(net, pictures, answer=self._read(picture, name, 1))

    def _read(self, picture: Image.Image, name: str, serial: int) -> dict[str, Any]:
        """Take up a picture: run the network on it, make its covers, return what the browser needs."""
        p, window, stride, cover = self._start
        view = self._net.view(picture).convert("RGB")
        covers = {each: covered(view, each, self._net.mean) for each in COVERS}
        x = self._net.normalize(view)[None]
        with torch.no_grad():
            logits = check_logits(outputs_of(self._net, x))[0]
        p = class_of(self._net, p, len(logits))
        self._view, self._x, self._covers = view, x, covers
        self._hidden = {each: self._net.normalize(image) for each, image in covers.items()}
        self._logits = logits.detach().cpu().double().numpy()
        self._p = int(logits.argmax()) if p is None else p
        return {
            "serial": serial,
            "name": name,
            "width": view.width,
            "height": view.height,
            "picture": view.tobytes(),
            "covers": {each: image.tobytes() for each, image in covers.items()},
            "logits": self._logits.astype("<f4").tobytes(),
            "start": {"p": self._p, "window": window, "stride": stride, "cover": cover},
        }

    def _show(self, picture: Image.Image, name: str) -> None:
        self._cancel()
        with self._at_work:
            self._start = (None, *self._start[1:])
            answer = self._read(picture, name, self._serial)
            self._held, self.sweep = None, {}
            self.answer = answer

    def _asked(self, kind: str, content: dict[str, Any], buffers: Sequence[Any]) -> None:
        if kind == "mask":
            self._answer_mask(content, buffers)
        elif kind == "sweep":
            self.error = ""
            self._begin(int(content["window"]), int(content["stride"]), str(content["cover"]))
        elif kind == "cancel":
            self._cancel()

    def _answer_mask(self, content: dict[str, Any], buffers: Sequence[Any]) -> None:
        """Hide what the mask covers, one bit per pixel, row by row, and send the logits back to the view that asked."""
        shape = self._x.shape[2:]
        bits = np.unpackbits(np.frombuffer(bytes(buffers[0]), np.uint8), bitorder="little")[: shape.numel()]
        if content.get("serial") != self.answer["serial"] or bits.size != shape.numel():
            return  # of a picture that has gone
        mask = torch.from_numpy(bits.reshape(tuple(shape)).astype(bool))
        logits = self._logits_of(mask, str(content["cover"]))
        reply = {"kind": "masked", "view": content.get("view"), "n": content.get("n")}
        self.send(reply, [logits.astype("<f4").tobytes()])

    def _logits_of(self, mask: Tensor, cover: str) -> NDArray[np.float64]:
        x = torch.where(mask.to(self._x.device), self._hidden[cover], self._x[0])[None]
        with torch.no_grad():
            return np.asarray(check_logits(outputs_of(self._net, x))[0].cpu().double().numpy())

    def _cancel(self) -> None:
        # the answer does not wait for the windows being computed: they are kept when they come
        self._stop.set()
        self.running = False

    def _begin(self, window: int, stride: int, cover: str) -> None:
        """Start a sweep, or go on with the one that was stopped, on a thread: masks and Cancel are still heard."""
        self._cancel()
        self._ready(window, stride, cover)
        self._stop = threading.Event()
        self.running = True
        threading.Thread(target=self._work, args=(self._held, self._stop), daemon=True).start()

    def _ready(self, window: int, stride: int, cover: str) -> None:
        if self._held is not None and self._held.asks(window, stride, cover):
            return
        check_sweep(window, stride, cover, self._x.shape[2:])
        sweeps = occlusion_sweep(self._net, self._x, "all", window, stride, self._hidden[cover])
        self._runs += 1
        self._held = Running(self._runs, window, stride, cover, sweeps)

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
        drops = (sweep.clean[0, :, None, None] - sweep.occluded[0]).flatten(1).T.cpu()  # (windows, classes)
        known = ~drops.isnan().all(1)
        if before is not None and not before.first_order:
            known &= before.occluded[0, 0].isnan().flatten().cpu()
        held.last = sweep
        found = drops[known]
        if sweep.first_order:  # foretold for one class, what the network says
            found = found[:, ~found.isnan().all(0)]
        facts = {**self._facts(held), "kind": "windows", "guess": sweep.first_order}
        indices = known.nonzero()[:, 0].numpy()
        self.send(facts, [indices.astype("<u4").tobytes(), found.numpy().astype("<f2").tobytes()])
        return True

    def _facts(self, held: Running) -> dict[str, Any]:
        assert held.last is not None
        return {
            "serial": self.answer["serial"],
            "run": held.run,
            "window": held.window,
            "stride": held.stride,
            "cover": held.cover,
            "rows": held.last.occluded.shape[2],
            "columns": held.last.occluded.shape[3],
            "done": held.last.done,
            "total": held.last.total,
        }

    def _found(self, held: Running) -> dict[str, Any]:
        """Return all windows of the sweep so far; NaN where one was not asked."""
        if held.last is None or held.last.first_order:
            return {}
        drops = held.last.clean[0, :, None, None] - held.last.occluded[0]
        return {**self._facts(held), "drops": drops.flatten(1).T.cpu().numpy().astype("<f2").tobytes()}

    def finish(self) -> Occlusion:
        """Run the sweep to its end before going on, and return the widget; for pages that nobody will wait for."""
        self._cancel()
        with self._at_work:
            if self._held is None:
                self._ready(*self._start[1:])
            assert self._held is not None
            for sweep in self._held.sweeps:
                self._held.last = sweep
            self.sweep = self._found(self._held)
        return self

    def _own_state(self) -> dict[str, Any]:
        """Finish the sweep first: a saved page has no kernel to ask."""
        self.finish()
        return super()._own_state()

    def _chance(self, logits: NDArray[np.float64]) -> float:
        weights = np.exp(logits - logits.max())
        return float(weights[self._p] / weights.sum())

    def _short(self) -> str:
        return f"What happens to {self.labels[self._p]} ({self._chance(self._logits):.2f}) if I cover this?"

    def _sentence(self) -> str:
        last = None if self._held is None else self._held.last
        if last is None or last.first_order or last.done < last.total:
            return self._short()
        drop = (last.clean[0, self._p] - last.occluded[0, self._p]).cpu()
        row, column = divmod(int(drop.argmax()), drop.shape[1])
        top, left = row * last.stride[0], column * last.stride[1]
        return (
            f"{self._short()} The window of {last.window[0]} pixels that costs it most starts at row {top}, column "
            f"{left}: {drop.max():+.2g} logits; {int((drop < 0).sum())} of {last.total} windows raise it when hidden."
        )

    def _png(self) -> bytes:
        panels = [("What the network sees", self._view), self._middle_covered()]
        last = None if self._held is None else self._held.last
        if last is not None and not last.first_order:
            values = last.maps()[0, self._p].cpu().double().numpy()
            panels.append((f"What hiding costs {self.labels[self._p]}", fallback.overlay(self._view, values)))
        return fallback.side_by_side(panels)

    def _middle_covered(self) -> tuple[str, Image.Image]:
        """Return the box where the front end first shows it, and what it does."""
        _, side, _, cover = self._start
        left, top = (round((n - side) / 2) for n in self._view.size)
        shown, box = self._view.copy(), (left, top, left + side, top + side)
        shown.paste(self._covers[cover].crop(box), box)
        mask = torch.zeros(self._x.shape[2:], dtype=torch.bool)
        mask[top : top + side, left : left + side] = True
        before, after = (self._chance(z) for z in (self._logits, self._logits_of(mask, cover)))
        return f"{self.labels[self._p]}: {before:.2f}, so covered {after:.2f}", shown


def covered(view: Image.Image, cover: str, mean: Sequence[float]) -> Image.Image:
    """Return what shows where the picture is hidden: the mean colour of the training pictures, black, or a blur."""
    if cover == "blur":
        return view.filter(ImageFilter.GaussianBlur(BLUR * view.width))
    grey = tuple(round(255 * value) for value in (mean if len(mean) == 3 else [mean[0]] * 3))
    return Image.new("RGB", view.size, grey if cover == "mean" else (0, 0, 0))


def check_sweep(window: Any, stride: Any, cover: Any, size: Sequence[int]) -> None:
    """Raise ``InputError`` unless a sweep of this geometry can be asked of a picture of this size."""
    if cover not in COVERS:
        raise InputError(f"cover is {cover!r}: expected one of {', '.join(COVERS)}.")
    if not all(isinstance(v, int) and v >= 1 for v in (window, stride)) or window > min(size) or stride > window:
        raise InputError(
            f"window {window!r} and stride {stride!r}: expected pixels, 1 <= stride <= window <= {min(size)}."
        )
    count = np.prod([-(-(n - window) // stride) + 1 for n in size])
    if count > MOST_WINDOWS:
        raise InputError(f"{count} windows are too many to drag over (at most {MOST_WINDOWS}): take a larger stride.")


def occlusion(
    net: Any,
    picture: Any,
    *,
    target: int | str | None = None,
    window: int = 32,
    stride: int = 16,
    cover: str = "mean",
    pictures: Sequence[str] | None = None,
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
        cover: what shows where the picture is hidden: "mean" (colour of the training pictures), "black" or "blur".
        pictures: names offered in the list; None offers those of :func:`gradlab.data.picture_names`.

    Raises:
        ModelError: ``net`` is no classifier with labels and a transform.
        InputError, PictureError, TargetError: before anything is shown.
    """
    check_classifier(net, "occlusion")
    check_sweep(window, stride, cover, net.size)
    return Occlusion(net, *opened(picture), (target, window, stride, cover), pictures)
