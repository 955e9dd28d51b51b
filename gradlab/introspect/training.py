"""How the second stage learns: its rows, its perceptron, its epochs."""

from __future__ import annotations

import contextlib
import math
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gradlab.core import InputError, LastLayer, ModelError, TargetError
from gradlab.core.checks import checked_labels, number, whole_number
from gradlab.core.interrupts import recording
from gradlab.core.progress import Progress, counted
from gradlab.core.seeds import SINGLE
from gradlab.introspect.extraction import BATCH, Data, extract, extract_shard
from gradlab.introspect.stream import Store

__all__ = ["Epoch", "Rows", "Schedule", "mlp", "score", "train", "widths"]


@dataclass(frozen=True)
class Epoch:
    """What one pass over the data gave: mean losses in nats, accuracy in 0..1; NaN without validation."""

    loss: float
    validation_loss: float = math.nan
    validation_accuracy: float = math.nan


@dataclass(frozen=True)
class Schedule:
    """How long and how fast H learns.

    Raises:
        InputError: values that make no sense.
    """

    seed: int
    epochs: int
    batch_size: int
    rate: float
    decay: float

    def __post_init__(self) -> None:
        kept = {
            "epochs": whole_number(self.epochs, "epochs", 1),
            "batch_size": whole_number(self.batch_size, "batch_size", 1, 2**31),
            "rate": number(self.rate, "rate", above=0),
            "decay": number(self.decay, "decay", 0),
        }
        for name, value in kept.items():  # as Python's own numbers, which torch wants
            object.__setattr__(self, name, value)


class Rows:
    """LastLayer and labels in chunks: one of all that is held in memory, or one per shard of a store.

    Raises:
        InputError: no pictures, or labels twice.
        TargetError: no labels, or such that do not fit.
    """

    def __init__(self, model: nn.Module, data: Data, labels: Any) -> None:
        self._model, self._store = model, data if isinstance(data, Store) else None
        if isinstance(data, Store):
            if labels is not None:
                raise InputError("A store holds its own labels: leave labels out.")
            self.chunks = data.shards
            return
        parts = list(extract(model, data))
        if not parts:
            raise InputError("There are no pictures.")
        own = [given for _, given in parts if given is not None]
        if own and labels is not None:
            raise InputError("The loader gives labels of its own: leave labels out.")
        kept = LastLayer(torch.cat([part.logits for part, _ in parts]), torch.cat([part.hidden for part, _ in parts]))
        self._memory, self.chunks = (kept, _labels(kept, torch.cat(own) if own else labels)), 1

    def chunk(self, index: int) -> tuple[LastLayer, Tensor]:
        """Return a chunk's factors and labels."""
        if self._store is None:
            return self._memory
        kept, labels = extract_shard(self._model, self._store, index)
        return kept, _labels(kept, labels)

    def batches(self, size: int, generator: torch.Generator | None = None) -> Iterator[tuple[LastLayer, Tensor]]:
        """Yield at most ``size`` rows at a time, in order or shuffled: the chunks, and the rows of each."""
        for index in _order(self.chunks, generator).tolist():
            kept, labels = self.chunk(index)
            n = len(kept)
            for part in _order(n, generator).to(labels.device).split(size):
                yield kept[part], labels[part]


def _order(n: int, generator: torch.Generator | None) -> Tensor:
    return torch.arange(n, device="cpu") if generator is None else torch.randperm(n, generator=generator, device="cpu")


def _labels(kept: LastLayer, labels: Any) -> Tensor:
    if labels is None:
        raise TargetError("The labels are missing: pass labels=, or a loader or store that holds them.")
    return checked_labels(labels, len(kept), kept.logits.shape[1]).to(kept.logits.device)


def mlp(size: int, hidden: Sequence[int], classes: int, seed: int) -> nn.Sequential:
    """Return linear layers with sigmoids between, weights and biases uniform within 1 / sqrt(inputs)."""
    generator = torch.Generator().manual_seed(seed)
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise((size, *hidden, classes)):
        layer = nn.utils.skip_init(
            nn.Linear, inputs, outputs, **SINGLE
        )  # torch's own start draws from the global state
        for values in (layer.weight, layer.bias):
            nn.init.uniform_(values, -(inputs**-0.5), inputs**-0.5, generator=generator)
        layers += [layer, nn.Sigmoid()]
    return nn.Sequential(*layers[:-1])


def widths(hidden: Sequence[int], size: int, classes: int, capacity: int) -> tuple[int, ...]:
    """Return hidden widths in the same proportions whose perceptron has about ``capacity`` weights."""

    def scaled(by: float) -> tuple[int, ...]:
        return tuple(max(1, round(by * width)) for width in hidden)

    def weights(by: float) -> int:
        return sum((inputs + 1) * outputs for inputs, outputs in pairwise((size, *scaled(by), classes)))

    low, high = 0.0, 1.0
    while weights(high) < capacity:
        high *= 2
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if weights(middle) < capacity else (low, middle)
    return scaled(min(low, high, key=lambda by: abs(weights(by) - capacity)))


def train(
    reflection: nn.Module,
    read: Callable[[LastLayer], Tensor],
    rows: Rows,
    validation: Rows | None,
    schedule: Schedule,
    draws: bool,
    progress: Progress,
) -> Iterator[Epoch]:
    """Train H in place with Adam on the cross entropy, and yield after each epoch. ``draws``: H may, for dropout.

    Raises:
        ModelError: the loss is no longer finite.
    """
    optimizer = torch.optim.Adam(reflection.parameters(), schedule.rate, weight_decay=schedule.decay)
    generator = torch.Generator().manual_seed(schedule.seed)
    for epoch in counted(range(schedule.epochs), None, progress, "introspection"):
        with recording(), _drawing(schedule.seed + epoch) if draws else contextlib.nullcontext():
            loss = _learn(reflection.train(), read, rows.batches(schedule.batch_size, generator), optimizer)
        if not math.isfinite(loss):
            raise ModelError(f"The loss is {loss} in epoch {epoch + 1}: use a lower rate.")
        yield Epoch(loss, *(() if validation is None else score(reflection.eval(), read, validation)))


_one_draws = threading.Lock()
# A child of a fork has no other threads: a lock that one of them held would never open.
os.register_at_fork(after_in_child=lambda: _one_draws._at_fork_reinit())  # type: ignore[attr-defined]


@contextlib.contextmanager
def _drawing(seed: int) -> Iterator[None]:
    """Seed the global random state, from which dropout draws, and put it back: for one thread at a time."""
    with _one_draws, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def _learn(
    reflection: nn.Module,
    read: Callable[[LastLayer], Tensor],
    batches: Iterator[tuple[LastLayer, Tensor]],
    optimizer: torch.optim.Optimizer,
) -> float:
    total, count = 0.0, 0
    for kept, labels in batches:
        with torch.no_grad():
            made = read(kept)
        loss = F.cross_entropy(reflection(made), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total, count = total + loss.item() * len(labels), count + len(labels)
    return total / count


def score(reflection: nn.Module, read: Callable[[LastLayer], Tensor], rows: Rows) -> tuple[float, float]:
    """Return the mean loss and the accuracy of H."""
    loss, right, count = 0.0, 0, 0
    with torch.inference_mode(False), torch.no_grad():
        for kept, labels in rows.batches(BATCH):
            logits = reflection(read(kept))
            loss += float(F.cross_entropy(logits, labels, reduction="sum"))
            right += int((logits.argmax(1) == labels).sum())
            count += len(labels)
    return loss / count, right / count
