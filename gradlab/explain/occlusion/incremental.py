"""The outputs of a network for one picture with patches hidden, computed from what the patches change."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from gradlab.core.network import Network, Weights
from gradlab.core.precision import own_precision
from gradlab.explain.occlusion.geometry import Ints, Window, window
from gradlab.explain.occlusion.operations import fold
from gradlab.explain.occlusion.windows import Tape, TapeMismatch, Windowed

__all__ = ["IncrementalForward"]

BUDGET = 2**28  # bytes that the largest map of one batch of patches may take
# glibc hands large freed blocks back to the system, and each is then cleared again page by page when next asked for;
# once it has seen one of this size freed (its own limit is 2**25), it keeps them. Up to a quarter of a sweep's time.
KEPT_BLOCK = 2**25 - 2**16
AGREE = 1e-3  # of the scores' scale; rounding stays a hundred times below


class IncrementalForward:
    """One picture (1, C, H, W) under patches that show ``hidden`` (C, H, W).

    The windowed way is checked on the first patches against the ordinary forward pass; a network on which it fails or
    differs is run in full from then on. One whose pictures see each other is run on one patch at a time.

    Args:
        network: the stand-in for the model, for this one to keep.
        weights: as they were when the whole picture was run; an update of them ends the matter.
        x: the picture.
        hidden: what shows where a patch hides.
        extra: the model's further inputs; tensors of length 1 are repeated for each patch.
        classes: the logits that are asked for, or None: all. Where they come from a 1 x 1 convolution, the others are
            not computed, and ``pruned`` is True: the outputs then have one column per class asked for.
    """

    def __init__(
        self,
        network: Network,
        weights: Weights,
        x: Tensor,
        hidden: Tensor,
        extra: Sequence[Any],
        classes: Tensor | None,
    ) -> None:
        self.network, self.weights = network, weights
        self.x, self.hidden, self.extra = x, hidden, extra
        self.size = (int(x.shape[2]), int(x.shape[3]))
        self.tape: Tape | None = None
        self.pruned = False
        self.checked = False
        self.alone = network.sees_others(x, extra)
        self.largest = x.numel() * x.element_size() * 16
        if self.alone:
            return
        torch.empty(KEPT_BLOCK, dtype=torch.uint8, device="cpu")
        try:
            self.tape, outputs = self._recorded(None)
            if classes is not None:
                self._prune(outputs, classes)
            fold(self.tape.steps)
        except (RuntimeError, TypeError, AttributeError, NotImplementedError, AssertionError):
            self.tape = None  # the ordinary forward pass says what is wrong, if anything is
        if self.tape is not None:
            self.largest = max(step.clean.numel() * x.element_size() for step in self.tape.steps)

    @own_precision
    def outputs(self, starts: Ints, ends: Ints) -> Any:
        """Return the model's outputs for G patches; starts, ends: first and one-past-last pixels, (2, G).

        Raises:
            WeightsChanged: the model was trained on meanwhile.
        """
        most = 1 if self.alone else max(1, min(starts.shape[1], BUDGET // self.largest))
        parts = [self._outputs(starts[:, i : i + most], ends[:, i : i + most]) for i in range(0, starts.shape[1], most)]
        return parts[0] if len(parts) == 1 else tree_map(lambda *each: torch.cat(each), *parts)

    def _outputs(self, starts: Ints, ends: Ints) -> Any:
        found = None
        if self.tape is not None:
            with contextlib.suppress(TapeMismatch, RuntimeError, TypeError, AttributeError, NotImplementedError):
                found = self._windowed(starts, ends)
                if not self.checked and not self._agrees(found, starts, ends):
                    found = None
        if found is None:
            self.tape, self.pruned = None, False
            found = self._in_full(starts, ends)
        self.weights.check()
        return found

    def _windowed(self, starts: Ints, ends: Ints) -> Any:
        assert self.tape is not None
        where = window(starts, ends - 1, self.size)
        values = _patched(self.x, self.hidden, where, starts, ends)
        return _plain(self.network(self.tape.hide(where, values), *self._extra(starts.shape[1])))

    def _in_full(self, starts: Ints, ends: Ints) -> Any:
        whole = window(starts, ends - 1, self.size, whole=True)
        return self.network(_patched(self.x, self.hidden, whole, starts, ends), *self._extra(starts.shape[1]))

    def _agrees(self, found: Any, starts: Ints, ends: Ints) -> bool:
        """Compare the first patch with an ordinary forward pass, once."""
        self.checked = True
        want = self._in_full(starts[:, :1], ends[:, :1])
        if not isinstance(want, Tensor) or not isinstance(found, Tensor):
            return False
        if self.pruned:
            want = want[:, self._classes]
        return bool((found[:1] - want).abs().max() <= AGREE * max(float(want.abs().max()), float(found.abs().max())))

    def _extra(self, groups: int) -> list[Any]:
        one = [isinstance(e, Tensor) and e.ndim > 0 and len(e) == 1 for e in self.extra]
        return [e.expand(groups, *e.shape[1:]) if is_one else e for e, is_one in zip(self.extra, one, strict=True)]

    def _recorded(self, pruned: tuple[Tensor, Tensor] | None) -> tuple[Tape, Any]:
        tape = Tape(pruned)
        return tape, _plain(self.network(tape.start(self.x), *self.extra))

    def _prune(self, outputs: Any, classes: Tensor) -> None:
        """Compute the asked classes alone where the logits come from a 1 x 1 convolution; keep it if they agree."""
        assert self.tape is not None
        convs = [step for step in self.tape.steps if "conv" in step.kept]
        last = convs[-1] if convs else None
        if last is None or not isinstance(outputs, Tensor) or outputs.ndim != 2:
            return
        weight = last.kept["weight"]
        if len(weight) != outputs.shape[1] or weight.shape[2:].numel() != 1 or len(classes) >= len(weight):
            return
        tape, found = self._recorded((weight, classes))
        want = outputs[:, classes]
        if isinstance(found, Tensor) and found.shape == want.shape and torch.allclose(found, want, rtol=AGREE):
            self.tape, self.pruned, self._classes = tape, True, classes


def _plain(outputs: Any) -> Any:
    return outputs.whole() if isinstance(outputs, Windowed) else outputs


def _patched(x: Tensor, hidden: Tensor, where: Window, starts: Ints, ends: Ints) -> Tensor:
    """Return the pixels of the window (G, C, h, w) with each patch hidden."""
    (h, w), (tops, lefts) = where.shape, where.start
    values = torch.stack([x[0, :, t : t + h, s : s + w] for t, s in zip(tops.tolist(), lefts.tolist(), strict=True)])
    for g in range(len(values)):
        (a, b), (c, d) = starts[:, g], ends[:, g]
        t, s = tops[g], lefts[g]
        values[g, :, a - t : c - t, b - s : d - s] = hidden[:, a:c, b:d]
    return values
