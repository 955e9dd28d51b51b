"""Features of any number of pictures: from a loader to shards on disk, in constant memory, and on after a kill.

A shard holds a fixed number of rows and is written whole or not at all, with the settings it was made with and a digest
of its pictures and labels. So whoever starts again may go through the loader again without asking the network what is
there already, and is told if the pictures, the network or the settings are not the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.utils.data import DataLoader, RandomSampler

from gradlab.core import InputError, LastLayer, Model, ModelError, last_layer
from gradlab.core.checks import checked_path, fingerprint, instance, update, whole_number
from gradlab.core.errors import shown
from gradlab.core.inputs import module_of
from gradlab.core.precision import own_precision
from gradlab.core.progress import Progress, check_progress, counted
from gradlab.introspect.recipe import Recipe
from gradlab.introspect.weight_gradients import dense_features, features

__all__ = ["Store", "split_batch", "stream"]

SHARD_ROWS = 4096
END = "complete.json"


class Store:
    """Shards of one finished stream, read one at a time.

    Attributes:
        folder: where they are.
        settings: what they were made with.

    Raises:
        ModelError: no finished stream is there.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = checked_path(folder, "folder")
        end = self.folder / END
        if not end.is_file():
            raise ModelError(
                f"{shown(str(folder))} holds no finished stream: call gradlab.introspect.stream to make or finish it."
            )
        noted = json.loads(end.read_text(encoding="utf-8"))
        self.settings: dict[str, Any] = noted["settings"]
        self._rows, self._shards = int(noted["rows"]), int(noted["shards"])

    def __len__(self) -> int:
        """Rows."""
        return self._rows

    @property
    def shards(self) -> int:
        """How many shards there are."""
        return self._shards

    def read(self, shard: int) -> tuple[LastLayer | Tensor, Tensor | None]:
        """Return a shard's rows and their labels, if the loader gave any."""
        path = _path(self.folder, whole_number(shard, "shard", 0, self._shards - 1))
        try:
            held = load_file(path)
        except (SafetensorError, OSError) as error:
            raise ModelError(f"{path} cannot be read ({error}): delete it and call stream again.") from error
        rows = held["features"] if "features" in held else LastLayer(held["logits"], held["hidden"])
        return rows, held.get("labels")

    def __iter__(self) -> Iterator[tuple[LastLayer | Tensor, Tensor | None]]:
        """Yield every shard in order, as :meth:`read` does."""
        return map(self.read, range(self._shards))

    def features(self, recipe: Recipe | None = None, *, rows: int = 256) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Yield features and labels, at most ``rows`` at a time.

        Args:
            recipe: of the features; None for a store of features, which were made by their own.
            rows: pictures at a time.

        Raises:
            InputError: a recipe for features that are made already, or none for factors; another layer's.
        """
        rows, own = whole_number(rows, "rows", 1), self.settings["recipe"]
        if recipe is not None:
            instance(recipe, "recipe", Recipe, "a Recipe, or None")
        if own is not None and recipe is not None:
            raise InputError(f"{self.folder} holds features that were made by {own}: leave recipe out.")
        if own is None and (recipe is None or recipe.layer is not None):
            raise InputError(f"{self.folder} holds factors of the last layer: pass a recipe for that layer.")
        for held, labels in self:
            for start in range(0, len(held), rows):
                part = held[start : start + rows]
                made = part if isinstance(part, Tensor) else dense_features(part, recipe or Recipe())
                yield made, None if labels is None else labels[start : start + rows]


@own_precision
def stream(
    model: Model,
    loader: Iterable[Any],
    folder: str | Path,
    *,
    recipe: Recipe | None = None,
    shard_rows: int = SHARD_ROWS,
    progress: Progress = True,
) -> Store:
    """Write what introspection needs of every picture of a loader, and return it.

    Called again after a kill, it goes on: rows that are there are not computed again, only their pictures compared.

    Memory: one batch of the loader in the network, and about two shards.

    Args:
        model: any ``nn.Module`` or a ``Classifier``.
        loader: gives batches of pictures (n, C, H, W), or of pictures and labels (n,), in the same order each time.
        folder: for the shards; made if it is not there.
        recipe: None keeps the two factors, from which every loss, question and normalisation can be had afterwards, C +
            d numbers per picture. A recipe keeps its features: what another layer needs.
        shard_rows: rows per file; about two shards are held in memory.
        progress: True for a bar, or a function that is called with batches done and to do.

    Raises:
        InputError: a loader that shuffles or gives no pictures; pictures that are not those of the shards.
        ModelError: the shards were made with another network or other settings.
        LayerError: as :func:`gradlab.introspect.features`.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> batches = net.normalize(gradlab.data.digits("test").pictures[:20]).split(8)
        >>> with TemporaryDirectory() as folder:
        ...     store = gradlab.introspect.stream(net, batches, folder, progress=False)
        ...     [tuple(made.shape) for made, _ in store.features(gradlab.introspect.Recipe())]
        [(20, 320)]
    """
    if isinstance(loader, DataLoader) and isinstance(loader.sampler, RandomSampler):
        raise InputError("The loader shuffles, so a stream could not be resumed: use shuffle=False.")
    shard_rows = whole_number(shard_rows, "shard_rows", 1)
    folder = checked_path(folder, "folder")
    if not isinstance(loader, Iterable) or isinstance(loader, (str, bytes, Mapping)):
        raise InputError(f"loader is {shown(loader)}: expected batches of pictures, or of pictures and labels.")
    if recipe is not None:
        instance(recipe, "recipe", Recipe, "a Recipe, or None")
    check_progress(progress)
    settings = {
        "network": fingerprint(module_of(model)),
        "recipe": None if recipe is None else recipe.settings(),
        "shard_rows": shard_rows,
    }
    writer = _Writer(folder, settings)
    for batch in counted(loader, None, progress, "features"):
        pictures, labels = split_batch(batch)
        made = _ask(model, pictures, labels, recipe) if writer.wants(len(pictures)) else {}
        writer.add(pictures, labels, made)
    writer.finish()
    return Store(folder)


def split_batch(batch: Any) -> tuple[Tensor, Tensor | None]:
    """Return a loader's pictures and labels; raises ``InputError`` if it gives something else."""
    given = batch if isinstance(batch, (tuple, list)) else (batch,)
    fits = 1 <= len(given) <= 2 and all(isinstance(part, Tensor) for part in given)
    if not fits or (len(given) == 2 and given[1].shape != (len(given[0]),)):
        raise InputError("The loader must give pictures (n, C, H, W), or a pair of pictures and labels (n,).")
    return given[0], given[1] if len(given) == 2 else None


def _ask(model: Model, pictures: Tensor, labels: Tensor | None, recipe: Recipe | None) -> dict[str, Tensor]:
    if recipe is None:
        kept = last_layer(model, pictures)
        made = {"logits": kept.logits, "hidden": kept.hidden}
    else:
        made = {
            "features": features(
                model, pictures, recipe.loss, question=recipe.question, normalize=recipe.normalize, layer=recipe.layer
            ),
        }
    return made if labels is None else {**made, "labels": labels}


class _Writer:
    """Cuts batches into shards; those that are there already are compared, the others written."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.settings = folder, settings
        self.size: int = settings["shard_rows"]
        self.there = _headers(folder, settings)
        self.shard = 0
        self._start()

    def wants(self, rows: int) -> bool:
        """Whether any of the next rows is not there yet. The whole batch is run then, so that it rounds the same."""
        return self.shard + (self.rows + rows - 1) // self.size >= len(self.there)

    def add(self, pictures: Tensor, labels: Tensor | None, made: dict[str, Tensor]) -> None:
        start = 0
        while start < len(pictures):
            stop = min(len(pictures), start + self.size - self.rows)
            update(self.digest, pictures[start:stop])
            if labels is not None:
                update(self.digest, labels[start:stop])
            if self.shard >= len(self.there):
                self.parts.append({name: values[start:stop].cpu() for name, values in made.items()})
            self.rows += stop - start
            start = stop
            if self.rows == self.size:
                self._close()

    def finish(self) -> None:
        if self.rows:
            self._close()
        if not self.shard:
            raise InputError("The loader gave no pictures.")
        if len(self.there) > self.shard:
            raise InputError(f"{self.folder} holds rows of more pictures than the loader gave: use another folder.")
        rows = sum(header["rows"] for header in self.there)
        noted = {"settings": self.settings, "rows": rows, "shards": self.shard}
        half = self.folder / f"{END}.part"
        half.write_text(json.dumps(noted), encoding="utf-8")
        half.replace(self.folder / END)

    def _start(self) -> None:
        self.rows = 0
        self.parts: list[dict[str, Tensor]] = []
        self.digest = hashlib.blake2b(digest_size=16)

    def _close(self) -> None:
        header = {"settings": self.settings, "rows": self.rows, "pictures": self.digest.hexdigest()}
        if self.shard < len(self.there):
            if header != self.there[self.shard]:
                raise InputError(
                    f"Shard {self.shard} in {self.folder} was made from other pictures or labels than the loader gives "
                    "now: use another folder, or a loader without random changes."
                )
        else:
            held = {name: torch.cat([part[name] for part in self.parts]).contiguous() for name in self.parts[0]}
            path = _path(self.folder, self.shard)
            half = path.with_suffix(".part")
            save_file(held, half, metadata={"gradlab": json.dumps(header)})
            half.replace(path)
            self.there.append(header)
        self.shard += 1
        self._start()


def _path(folder: Path, shard: int) -> Path:
    return folder / f"{shard:06d}.safetensors"


def _headers(folder: Path, settings: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the headers of the shards that are there, in order, all of these settings."""
    found: list[dict[str, Any]] = []
    while (path := _path(folder, len(found))).is_file():
        try:
            with safe_open(path, framework="pt") as file:
                header = json.loads((file.metadata() or {}).get("gradlab", "{}"))
        except (SafetensorError, OSError, ValueError) as error:
            raise ModelError(f"{path} cannot be read ({error}): delete it, and those after it.") from error
        was = header.get("settings")
        if was != settings:
            differs = [key for key in settings if not isinstance(was, dict) or was.get(key) != settings[key]]
            raise ModelError(f"{path} was made with another {' and '.join(differs)}: use another folder.")
        found.append(header)
    return found
