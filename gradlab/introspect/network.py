"""The second stage: a small network H that reads a classifier's introspective features and decides again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from gradlab.core import InputError, LastLayer, Model, ModelError, copy_of
from gradlab.core.checks import checked_path, fingerprint, flag, instance, one_of, sequence, whole_number
from gradlab.core.contrasts import Loss, Question
from gradlab.core.errors import shown
from gradlab.core.inputs import module_of
from gradlab.core.interrupts import recording
from gradlab.core.network import Network, ask
from gradlab.core.outputs import attached_last_layer
from gradlab.core.precision import own_precision
from gradlab.core.progress import Progress, check_progress
from gradlab.core.seeds import Seed, int_seed
from gradlab.introspect.extraction import BATCH, Data, extract
from gradlab.introspect.recipe import Normalize, Recipe
from gradlab.introspect.standardize import Standardizer
from gradlab.introspect.stream import Store
from gradlab.introspect.training import Epoch, Rows, Schedule, mlp, train, widths
from gradlab.introspect.weight_gradients import dense_features, l2, min_max

__all__ = ["IntrospectiveNetwork"]

HEADER = "gradlab.introspect"
MOST = 2**30  # weights of H


class IntrospectiveNetwork(nn.Module):
    """x -> f -> features r of x -> H -> logits. The classifier f stays as it is; only H learns.

    Prabhushankar and AlRegib, Introspective Learning, NeurIPS 2022. Their H is a three-layer perceptron; the rest of
    their set-up is not public. We use 300 and 100 sigmoid units on features of length 1, standardised.

    r is computed from z and h (:func:`gradlab.introspect.features`), and z from h, so it holds nothing that h does not.
    The control that every result needs is therefore ``on="h"``: the same H on h, with a ``capacity`` as large.

    Args:
        model: f, any ``nn.Module`` or ``Classifier`` whose logits come from a linear layer. It answers as in eval mode,
            and no gradient of this network reaches its weights.
        loss: of the features, as in :func:`gradlab.introspect.features`.
        question: likewise.
        normalize: likewise. With ``on="h"`` it is applied to h, and loss and question are not used.
        on: "gradient": H reads r; "h": it reads h.
        standardize: by the mean and deviation of the training features (:class:`Standardizer`), after ``normalize``.
        hidden: widths of H's hidden layers.
        capacity: about how many weights H shall have, and ``hidden`` is scaled to that; None: as ``hidden`` says.
        reflection: an H of your own, features (N, size) to logits (N, classes). :meth:`fit` starts from its weights.

    Attributes:
        reflection: H, with the standardiser before it; None before :meth:`fit`.
        history: what each epoch of the last :meth:`fit` gave.

    Raises:
        InputError, ModelError: an option that does not exist, or no model.

    Examples:
        >>> train = gradlab.data.digits("train")
        >>> second = gradlab.introspect.IntrospectiveNetwork(net, hidden=(30,))
        >>> _ = second.fit(net.normalize(train.pictures[:300]), train.labels[:300], epochs=3, progress=False)
        >>> second.predict_proba(x).shape
        torch.Size([1, 10])
    """

    def __init__(
        self,
        model: Model,
        loss: Loss = "mse",
        *,
        question: Question = "ones",
        normalize: Normalize | None = "l2",
        on: Literal["gradient", "h"] = "gradient",
        standardize: bool = True,
        hidden: Sequence[int] = (300, 100),
        capacity: int | None = None,
        reflection: nn.Module | None = None,
    ) -> None:
        super().__init__()
        one_of(on, "on", ("gradient", "h"))
        self.recipe, self.on, self.standardize = Recipe(loss, question, normalize), on, flag(standardize, "standardize")
        widths_asked = sequence(hidden, "hidden", "a list of numbers of units")
        self.hidden = tuple(whole_number(width, "hidden", 1, MOST) for width in widths_asked)
        self.capacity = None if capacity is None else whole_number(capacity, "capacity", 1, MOST)
        self.model = module_of(model)
        self.reflection: nn.Sequential | None = None
        self.history: list[Epoch] = []
        self._own = (
            None if reflection is None else copy_of(_module(reflection)),
        )  # in a tuple: as it is given, it is no part of this network

    def train(self, mode: bool = True) -> IntrospectiveNetwork:
        """Set H's mode; f's flags are not touched."""
        self.training = flag(mode, "mode")
        if self.reflection is not None:
            self.reflection.train(mode)
        return self

    def features(self, kept: LastLayer) -> Tensor:
        """Return what H reads of each picture, (N, size), before it is standardised."""
        instance(kept, "kept", LastLayer, "what last_layer returns")
        if self.on == "gradient":
            return dense_features(kept, self.recipe).flatten(1)
        h = kept.hidden.flatten(1)
        if self.recipe.normalize is None:
            return h
        return l2(h) if self.recipe.normalize == "l2" else min_max(h)

    @own_precision
    def forward(self, x: Tensor) -> Tensor:
        """Return H's logits for pictures (N, C, H, W). Gradients flow to the pictures and to H, not to f's weights.

        Raises:
            InputError, ModelError, LayerError: as :func:`gradlab.introspect.features`; or :meth:`fit` was not called.
        """
        second = self._fitted()
        kept = attached_last_layer(self.model, x, name="x")
        with torch.set_grad_enabled(torch.is_grad_enabled() or kept.logits.requires_grad):
            logits: Tensor = second(self.features(kept))
        return logits

    @own_precision
    def fit(
        self,
        data: Data,
        labels: Any = None,
        *,
        seed: Seed = 0,
        epochs: int = 25,
        batch_size: int = 128,
        rate: float = 1e-3,
        decay: float = 0.0,
        validation: tuple[Data, Any] | Store | Iterable[Any] | None = None,
        progress: Progress = True,
    ) -> IntrospectiveNetwork:
        """Train H anew with Adam on the cross entropy of its logits; f is only asked.

        H is in use from the first whole epoch on: interrupt, and what the last whole epoch gave stays. With
        ``validation`` it is the epoch of the lowest validation loss so far instead.

        Args:
            data: pictures (N, C, H, W), factors, a :class:`Store` of factors, or a loader of pictures and labels. A
                store is read a shard at a time and shuffled within shards; of the others the factors are held.
            labels: (N,) int, the right classes; None where ``data`` holds them.
            seed: of H's first weights and of the order of the pictures. The global random state is left alone.
            epochs: passes over the data.
            batch_size: pictures per step.
            rate: Adam's learning rate.
            decay: Adam's weight decay.
            validation: ``(data, labels)``, or data that holds its labels.
            progress: True for a bar, or a function that is called with epochs done and to do.

        Raises:
            InputError, TargetError, ModelError, LayerError: before H is changed.
        """
        check_progress(progress)
        seed = int_seed(seed)
        schedule = Schedule(seed, epochs, batch_size, rate, decay)
        with recording():
            rows = Rows(self.model, data, labels)
            pair = validation if isinstance(validation, tuple) else (validation, None)
            if len(pair) != 2:
                raise InputError(f"validation is a tuple of {len(pair)}: expected (data, labels).")
            checked = None if validation is None else Rows(self.model, *pair)
            second = self._started(rows, seed)
        history: list[Epoch] = []
        for epoch in train(second, self.features, rows, checked, schedule, self._own[0] is not None, progress):
            best = all(epoch.validation_loss < before.validation_loss for before in history)
            history.append(epoch)
            with recording():
                if checked is None or best:
                    self.reflection = copy_of(second).train(self.training)
            self.history = list(history)
        return self

    @own_precision
    def predict_proba(self, data: Data) -> Tensor:
        """Return softmax(H's logits), (N, classes), for all that :meth:`fit` takes; labels in it are not used."""

        def work(second: Network) -> list[Tensor]:
            parts = (kept[i : i + BATCH] for kept, _ in extract(self.model, data) for i in range(0, len(kept), BATCH))
            return [second(self.features(part)).softmax(1) for part in parts]

        found = ask(self._fitted(), work)
        if not found:
            raise InputError("There are no pictures.")
        return torch.cat(found)

    def predict(self, data: Data) -> Tensor:
        """Return the likeliest class of each picture, (N,)."""
        return self.predict_proba(data).argmax(1)

    @property
    def weights(self) -> int:
        """H's number of weights and biases, for the ``capacity`` of its control."""
        return sum(p.numel() for p in self._fitted().parameters())

    def save(self, path: str | Path) -> None:
        """Write H as safetensors, and how it is used as JSON in the header. Of f only a digest is written.

        Raises:
            ModelError: :meth:`fit` was not called.
            InputError: a loss of the caller's own, which no file can hold.
        """
        path = checked_path(path, "path")
        if path.is_dir() or not path.parent.is_dir():
            raise InputError(f"path is {shown(str(path))}: expected the name of a file in a folder that exists.")
        held = {name: values.contiguous() for name, values in self._fitted().state_dict().items()}
        recipe = {name: value for name, value in self.recipe.settings().items() if name != "layer"}
        settings = {**recipe, "on": self.on, "standardize": self.standardize}
        settings |= {"hidden": self.hidden, "capacity": self.capacity}
        noted = {"settings": settings, "sizes": self._sizes, "network": fingerprint(self.model)}
        save_file(held, path, metadata={HEADER: json.dumps(noted)})

    @classmethod
    def load(cls, path: str | Path, model: Model, *, reflection: nn.Module | None = None) -> IntrospectiveNetwork:
        """Read what :meth:`save` wrote; no pickle is involved.

        Args:
            path: of the file.
            model: the very f that H was fitted on.
            reflection: where H was the caller's own, one of the same architecture.

        Raises:
            ModelError: no such file, another kind of file, another f, or another H.
        """
        held, noted = _read(checked_path(path, "path"))
        if noted["network"] != fingerprint(module_of(model)):
            raise ModelError(f"{path} was fitted on a network with other weights than this one.")
        if reflection is not None:
            instance(reflection, "reflection", nn.Module, "a torch.nn.Module, or None")
        made = cls(model, **noted["settings"], reflection=reflection)
        made._sizes = tuple(noted["sizes"])
        second = made._second(*made._sizes, seed=0)
        try:
            second.load_state_dict(held)
        except RuntimeError as error:
            own = "" if reflection is not None else " If H was your own, pass one like it as reflection=."
            raise ModelError(f"{path} holds the weights of another H.{own} ({error})") from error
        made.reflection = second.to(next(iter(held.values())))
        return made.eval()

    def _fitted(self) -> nn.Sequential:
        if self.reflection is None:
            raise ModelError("This introspective network has not learned anything yet: call fit first.")
        return self.reflection

    def _second(self, size: int, classes: int, seed: int) -> nn.Sequential:
        """Return H as it is before it has learned, with the standardiser before it."""
        hidden = self.hidden if self.capacity is None else widths(self.hidden, size, classes, self.capacity)
        given = self._own[0]
        own = mlp(size, hidden, classes, seed) if given is None else copy_of(given)
        return nn.Sequential(Standardizer(size), own) if self.standardize else nn.Sequential(own)

    def _started(self, rows: Rows, seed: int) -> nn.Sequential:
        """Return H on the first day: standardised by the training rows, its weights those of the seed."""
        kept, _ = next(rows.batches(1))
        made = self.features(kept)
        self._sizes = (made.shape[1], kept.logits.shape[1])
        second = self._second(*self._sizes, seed=seed).to(made)
        if isinstance(second[0], Standardizer):
            second[0].fit(self.features(part) for part, _ in rows.batches(BATCH))
        logits = second.eval()(made)
        if logits.shape != kept.logits.shape:
            raise InputError(
                f"reflection gives {tuple(logits.shape)}: expected {tuple(kept.logits.shape)}, the logits."
            )
        return second


def _module(reflection: Any) -> nn.Module:
    return instance(reflection, "reflection", nn.Module, "a torch.nn.Module, or None")


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    if not path.is_file():
        raise ModelError(f"There is no file {path}.")
    try:
        with safe_open(path, framework="pt") as file:
            noted = json.loads((file.metadata() or {})[HEADER])
            return {name: file.get_tensor(name) for name in file.keys()}, noted  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise ModelError(f"{path} holds no introspective network ({error}).") from error
