"""What hides a part of a picture: a box or a brush, what shows in its place, and the windows of a sweep."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import traitlets
from PIL import Image, ImageFilter
from torch import Tensor

from gradlab.core.checks import one_of, sequence, whole_number
from gradlab.core.errors import InputError, shown
from gradlab.widgets.choices import Look, choice
from gradlab.widgets.picture_widget import Reading, checked_box, class_of

__all__ = ["BASELINES", "NAMES", "STRIDE", "WINDOW", "Hiding", "baseline_of", "check_baseline", "check_sweep"]

WINDOW, STRIDE = 32, 8  # pixels
BASELINES = ("mean", "black", "blur")
NAMES = {"mean": "the mean colour", "black": "black", "blur": "a blur"}
BLUR = 1 / 22  # of the picture's width: the radius of the blur, 10 of 224 pixels
MOST_WINDOWS = 2500  # of a sweep: 5 MB of scores for 1000 classes


class Hiding(Look):
    """What the reader hides of a picture, and asks about it.

    Attributes:
        unit: of the map: "logit" or "probability".
        target: P, a class; a label may be given. None: what the network says.
        box: that is hidden, (left, top, width, height) in pixels; None: of the window's size, in the middle.
        mode: what hides: a "box", or "paint".
        painted: what is painted over, runs of pixels (first, how many), counted row by row from 0.
        window, stride: of the sweep, pixels; the stride is at most the window.
        baseline: what shows where the picture is hidden: "mean", "black" or "blur".
    """

    _net: Any
    _seen: Reading
    _chosen = ("target", "box", "mode", "painted", "window", "stride", "baseline", "unit", "colours", "opacity")
    target = traitlets.Any(None).tag(sync=True)
    box = traitlets.Any(None).tag(sync=True)
    mode = choice("box")
    painted = choice([])
    window = choice(WINDOW)
    stride = choice(STRIDE)
    baseline = choice("mean")
    opacity = choice(0.7)
    colours = choice("blue-orange")
    unit = choice("logit")

    @traitlets.validate("unit", "mode", "baseline")
    def _check_choice(self, proposal: Any) -> str:
        name = proposal["trait"].name
        options = {"unit": ("logit", "probability"), "mode": ("box", "paint"), "baseline": BASELINES}[name]
        return str(one_of(proposal["value"], name, options))

    @traitlets.validate("target")
    def _check_target(self, proposal: Any) -> int | None:
        return class_of(self._net, proposal["value"], len(self._seen.logits))

    @traitlets.validate("box")
    def _check_box(self, proposal: Any) -> list[int] | None:
        return checked_box(proposal["value"], self._seen.view.size)

    @traitlets.validate("painted")
    def _check_painted(self, proposal: Any) -> list[list[int]]:
        pixels, found = math.prod(self._seen.view.size), []
        for run in sequence(proposal["value"], "painted", "runs of pixels: (first, how many)"):
            if len(sequence(run, "a run in painted", "its first pixel and how many")) != 2:
                raise InputError(f"painted holds {shown(run)}: expected runs of pixels, (first, how many).")
            first = whole_number(run[0], "a run's first pixel", 0, pixels - 1)
            found.append([first, whole_number(run[1], "a run's length", 1, pixels - first)])
        return found

    @traitlets.validate("window")
    def _check_window(self, proposal: Any) -> int:
        return whole_number(proposal["value"], "window", 1, min(self._seen.view.size))

    @traitlets.validate("stride")
    def _check_stride(self, proposal: Any) -> int:
        return whole_number(proposal["value"], "stride", 1, self.window)

    @traitlets.observe("window")
    def _narrow(self, _change: Any) -> None:
        self.stride = min(self.stride, self.window)

    @property
    def _p(self) -> int:
        return int(self._seen.logits.argmax()) if self.target is None else self.target

    @property
    def _geometry(self) -> tuple[int, int, str]:
        return check_sweep(self.window, self.stride, self.baseline, self._seen.x.shape[2:])

    @property
    def _corners(self) -> list[int]:
        """Left, top, width and height of the box."""
        middle = [(side - self.window) // 2 for side in self._seen.view.size]
        return list(self.box) if self.box else [*middle, self.window, self.window]

    def _hides(self) -> str:
        """Return what is hidden, in words."""
        if self.mode == "paint":
            return f"{float(self._mask().double().mean()):.0%} of the picture"
        left, top, width, height = self._corners
        return f"{height} x {width} pixels from row {top}, column {left}"

    def _mask(self) -> Tensor:
        """Return which pixels are hidden, (H, W) bool."""
        width, height = self._seen.view.size
        mask = torch.zeros(height, width, dtype=torch.bool, device="cpu")
        if self.mode == "paint":
            for first, count in self.painted:
                mask.view(-1)[first : first + count] = True
        else:
            left, top, wide, high = self._corners
            mask[top : top + high, left : left + wide] = True
        return mask


def baseline_of(view: Image.Image, name: str, mean: Sequence[float]) -> Image.Image:
    """Return what shows where the picture is hidden: the mean colour of the training pictures, black, or a blur."""
    if name == "blur":
        return view.filter(ImageFilter.GaussianBlur(BLUR * view.width))
    grey = tuple(round(255 * value) for value in (mean if len(mean) == 3 else [mean[0]] * 3))
    return Image.new("RGB", view.size, grey if name == "mean" else (0, 0, 0))


def check_baseline(baseline: Any) -> str:
    """Return the name of what hides; raises ``InputError`` for another."""
    return str(one_of(baseline, "baseline", BASELINES))


def check_sweep(window: Any, stride: Any, baseline: Any, size: Sequence[int]) -> tuple[int, int, str]:
    """Return the sweep; raises ``InputError`` unless it can be asked of a picture of this size."""
    window = whole_number(window, "window", 1, min(size))
    stride = whole_number(stride, "stride", 1, window)
    count = math.prod(-(-(n - window) // stride) + 1 for n in size)
    if count > MOST_WINDOWS:
        raise InputError(f"{count} windows are too many to drag over (at most {MOST_WINDOWS}): take a larger stride.")
    return window, stride, check_baseline(baseline)
