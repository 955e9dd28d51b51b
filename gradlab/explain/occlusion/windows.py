"""Recompute only what a hidden patch can change: a tensor that holds a window of changed cells over a clean map.

The network's own code runs, with a :class:`Windowed` tensor in place of the picture. Convolution, pooling, pointwise
functions, sums and concatenations of such tensors act on the window alone, which grows with the receptive field; a
global average adds the window's change. Everything else (attention, squeeze-excite, reshapes) makes the whole map and
goes on as an ordinary batch, so any network gives the right answer and a convolutional one gives it soon
(Nakandala et al., Incremental and Approximate Inference for Faster Occlusion-based Deep CNN Explanations, SIGMOD 2019).

A first run with the clean picture leaves a tape: each step's clean map. A later run follows the tape step by step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from gradlab.explain.occlusion.geometry import Table, Window, union

__all__ = ["Step", "Tape", "TapeMismatch", "Windowed", "aligned"]

# What each operation does to windows; ``operations.py`` enters them. One that is not here makes the whole map.
OPERATIONS: dict[Callable[..., Any], Callable[..., Any]] = {}


class TapeMismatch(Exception):
    """The network did not repeat the steps of its clean run, so its steps cannot be matched with clean maps."""


class Step:
    """One operation of the clean run.

    Attributes:
        clean: its output (1, C, H, W).
        used: how often the network read that output.
        kept: what later runs need again and do not change: tables, folded weights.
    """

    def __init__(self, function: Callable[..., Any], clean: Tensor) -> None:
        self.function = function
        self.clean = clean
        self.used = 0
        self.kept: dict[Any, Any] = {}

    def keep(self, key: Any, make: Callable[[], Any]) -> Any:
        """Return what is kept under ``key``, made at the first use."""
        if key not in self.kept:
            self.kept[key] = make()
        return self.kept[key]

    def table(self) -> Table:
        """Return the clean map as rows."""
        table: Table = self.keep("table", lambda: Table(self.clean))
        return table


class Tape:
    """The steps of the clean run, and how far a later run has followed them.

    Args:
        pruned: weight of the last convolution and the classes that are asked for, or None: its other outputs are not
            computed.
    """

    def __init__(self, pruned: tuple[Tensor, Tensor] | None = None) -> None:
        self.steps: list[Step] = []
        self.pruned = pruned
        self.recording = True
        self.at = 0

    def start(self, x: Tensor) -> Windowed:
        """Begin the clean run with the picture (1, C, H, W)."""
        self.steps.append(Step(torch.clone, x.contiguous(memory_format=torch.channels_last)))
        return Windowed.of(self, self.steps[0], None, None)

    def hide(self, window: Window, values: Tensor) -> Windowed:
        """Begin a later run with changed pixels ``values`` (G, C, h, w) in ``window``."""
        self.recording, self.at = False, 0
        return Windowed.of(self, self.steps[0], window, values.contiguous(memory_format=torch.channels_last))

    def next(self, function: Callable[..., Any], clean: Callable[[], Tensor]) -> Step:
        """Return the step that this call is; its clean map is computed in the clean run and remembered after."""
        if self.recording:
            self.steps.append(Step(function, clean()))
            return self.steps[-1]
        self.at += 1
        if self.at >= len(self.steps) or self.steps[self.at].function is not function:
            raise TapeMismatch(f"{function} at step {self.at}")
        return self.steps[self.at]


class Windowed(Tensor):
    """A batch (G, C, H, W) that equals a clean map outside a window per patch: its shape without its memory."""

    tape: Tape
    step: Step
    window: Window | None  # None in the clean run
    changed: Tensor | None

    @staticmethod
    def of(tape: Tape, step: Step, window: Window | None, values: Tensor | None) -> Windowed:
        """Return the output of ``step`` with ``values`` (G, C, h, w) in ``window``; None, None in the clean run."""
        groups = 1 if values is None else values.shape[0]
        made = step.clean.expand(groups, *step.clean.shape[1:]).as_subclass(Windowed)
        made.tape = tape
        return made.become(step, window, values)

    def become(self, step: Step, window: Window | None, values: Tensor | None) -> Windowed:
        """Be the output of ``step`` from now on: what an in-place operation does to every holder of this tensor."""
        self.step, self.window, self.changed = step, window, values
        return self

    def whole(self) -> Tensor:
        """Return the batch (G, C, H, W) itself, clean cells included."""
        self.step.used += self.tape.recording
        if self.changed is None or self.window is None:
            return self.step.clean
        if self.window.whole:
            return self.changed
        return self.within(_everywhere(self.window))

    def within(self, wanted: Window) -> Tensor:
        """Return the cells of ``wanted`` (G, C, h, w)."""
        assert self.changed is not None and self.window is not None
        if self.window.same_place(wanted):
            return self.changed
        return self.step.table().cut(wanted.start, wanted.shape, self.window, self.changed)

    @classmethod
    def __torch_function__(cls, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in _METADATA or getattr(getattr(func, "__self__", None), "__name__", "") in _PROPERTIES:
            with torch._C.DisableTorchFunctionSubclass():
                return func(*args, **kwargs)
        operation = OPERATIONS.get(func)
        if operation is not None:
            answer = operation(func, *args, **kwargs)
            if answer is not NotImplemented:
                return answer
        args, kwargs = tree_map(lambda a: a.whole() if isinstance(a, Windowed) else a, (args, kwargs))
        return func(*args, **kwargs)


_METADATA = {
    Tensor.size, Tensor.dim, Tensor.numel, Tensor.__len__, Tensor.is_floating_point, Tensor.is_complex,
    Tensor.ndimension, Tensor.get_device, Tensor.is_contiguous, torch.is_floating_point, torch.numel,
    Tensor.is_inference, torch.is_inference,
}  # fmt: skip
_PROPERTIES = {"shape", "ndim", "dtype", "device", "layout", "requires_grad", "is_cuda", "is_cpu", "is_mkldnn",
               "is_sparse", "is_quantized", "is_nested", "is_mps", "is_meta", "itemsize", "nbytes"}  # fmt: skip


def _everywhere(window: Window) -> Window:
    return Window(window.low, window.high, window.start * 0, window.size, window.size)


def aligned(inputs: list[Windowed]) -> tuple[Window | None, list[Tensor]]:
    """Return the union of the windows of maps of one size, and each map's cells in it; None in the clean run."""
    for x in inputs:
        x.step.used += x.tape.recording
    windows = [x.window for x in inputs if x.window is not None]
    if len(windows) < len(inputs):
        return None, [x.step.clean for x in inputs]
    both = windows[0] if all(w is windows[0] for w in windows) else union(windows)
    both = next((w for w in windows if w.same_place(both)), both)
    return both, [x.within(both) for x in inputs]
