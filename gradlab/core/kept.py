"""What one run of a network leaves at a layer, and how its outputs are pulled back to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from gradlab.core.checks import checked_tensor, readable
from gradlab.core.errors import NO_GRADIENT, OVERFLOWN, InputError, LayerError, ModelError, shown
from gradlab.core.interrupts import batched as in_batches
from gradlab.core.interrupts import recording
from gradlab.core.layout import Layout
from gradlab.core.network import Weights
from gradlab.core.seeds import SINGLE
from gradlab.core.targets import check_logits, logits_in

__all__ = ["Run", "Weighting", "unreached"]

# Cotangents are pulled back together; a chunk's gradients at the layer stay below this many numbers.
CHUNK_NUMBERS = 4_000_000


@dataclass(frozen=True)
class Weighting:
    """One linear layer (or 1 x 1 convolution) of the head as it ran; input and output are in the graph."""

    module: nn.Linear | nn.Conv2d
    input: Tensor
    output: Tensor


@dataclass(frozen=True)
class Run:
    """What one run of a network leaves.

    Attributes:
        outputs: what the model returned, attached to the graph of the head.
        layer: dotted name of the layer that was kept, or "" for the picture itself.
        leaf: the layer's output in its own layout, the root of the head's graph.
        layout: how ``leaf`` holds a spatial map.
        head: linear layers and 1 x 1 convolutions that ran after the layer, in order.
        labels: the classifier's labels, if any.
        weights: as they were during the run; a pull-back after an update of them is refused.
        count: N, the number of pictures.
        earlier: what the layer gave when it ran before, in the same forward pass.
    """

    outputs: Any
    layer: str
    leaf: Tensor
    layout: Layout
    head: tuple[Weighting, ...] = field(repr=False)
    labels: Sequence[str] | None = field(repr=False)
    weights: Weights = field(repr=False)
    count: int
    earlier: tuple[Tensor, ...] = field(default=(), repr=False)

    @property
    def logits(self) -> Tensor:
        """Logits (N, classes), still attached; raises ``ModelError`` if the model returns anything else."""
        return check_logits(self.outputs, count=self.count)

    @property
    def activations(self) -> Tensor:
        """The layer's output A as (N, K, h, w), detached."""
        return self.layout.to_maps(self.leaf.detach())

    def pull_back(self, scores: Tensor) -> Tensor:
        """Return d(sum of scores)/dA as (N, K, h, w). Samples do not mix, so this is each sample's own gradient.

        Raises:
            LayerError: the scores do not depend on the layer.
            ModelError: the weights were updated since the run.
        """
        if not isinstance(scores, Tensor) or not scores.is_floating_point() or not readable(scores):
            raise InputError(f"scores is {shown(scores)}: expected a floating tensor of this run's outputs.")
        return self._reached(self.layout.to_maps(self._gradient(scores.sum(), None, batched=False)))

    def pull_back_many(self, cotangents: Tensor) -> Iterator[Tensor]:
        """Yield sum_c v_c dz_c/dA as (m, N, K, h, w) for cotangents v (M, N, classes), in chunks of m."""
        checked_tensor(cotangents, "cotangents", "M", *self.logits.shape)
        for part in cotangents.split(max(1, CHUNK_NUMBERS // self.leaf.numel())):
            yield self._reached(self.layout.to_maps(self._gradient(self.logits, part, batched=True), batch_axes=2))

    def depends(self) -> bool:
        """Tell whether an output depends on the layer's map (patch tokens after a ViT's last attention: none does)."""
        outputs = logits_in(self.outputs)
        if not isinstance(outputs, Tensor) or not outputs.requires_grad:
            return False
        # One fixed, uneven cotangent: a plain sum of logits could cancel.
        weights = torch.linspace(1, 2, outputs[0].numel(), **SINGLE).to(outputs)
        with recording():
            scores = (outputs.reshape(len(outputs), -1) * weights).sum()
        return bool((self.layout.to_maps(self._gradient(scores, None, batched=False)) != 0).any())

    def _reached(self, gradient: Tensor) -> Tensor:
        # A score may have the slope 0, but not each of them.
        if self.layer and not bool((gradient != 0).any()) and not self.depends():
            raise unreached(self.layer)
        return gradient

    def _gradient(self, outputs: Tensor, cotangents: Tensor | None, batched: bool) -> Tensor:
        found = None
        if outputs.requires_grad:
            with recording(), self.weights.steady():
                try:
                    found, *others = in_batches(partial(
                        torch.autograd.grad, outputs, (self.leaf, *self.earlier), cotangents, retain_graph=True,
                        allow_unused=True, is_grads_batched=batched,
                    ))  # fmt: skip
                except RuntimeError:
                    if cotangents is None or not batched:
                        raise
                    # A step that cannot be batched: one after another, slow and right.
                    pulled = [self._gradient(outputs, each, batched=False) for each in cotangents]
                    found, others = torch.stack(pulled), []
            if any(other is not None for other in others):
                raise LayerError(
                    f"Layer {self.layer!r} runs {1 + len(others)} times in one forward pass, side by side: it has more "
                    "than one map of a picture. Name a layer that runs once."
                )
        if found is None:
            what = f"map of layer {self.layer!r}" if self.layer else "picture"
            raise LayerError(f"The scores do not depend on the {what}: choose a layer upstream of them. {NO_GRADIENT}")
        # A sum is finite only if all its terms are; it may overflow, so ask again.
        if not bool(found.sum().isfinite()) and not bool(found.isfinite().all()):
            raise ModelError(OVERFLOWN)
        return found


def unreached(layer: str) -> LayerError:
    """Return the error of a layer that the outputs do not depend on."""
    return LayerError(
        f"No output depends on the map of layer {layer!r} (all gradients are 0): choose a layer upstream of it. "
        f"{NO_GRADIENT}"
    )
