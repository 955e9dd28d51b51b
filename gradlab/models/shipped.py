"""Weights that come with the package: written by the training scripts, checked when they are read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from gradlab.core.errors import ModelError, brief

__all__ = ["FOLDER", "building", "fill", "load_weights", "save_weights"]

FOLDER = Path(__file__).parent / "weights"


@contextmanager
def building() -> Iterator[None]:
    """Make networks on the CPU, whatever the default device; their first weights are thrown away, and draw nothing."""
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        yield


def fill(model: nn.Module, state: Mapping[str, Tensor], source: object) -> None:
    """Copy a state into a model; raises ``ModelError`` if it is another architecture's, before anything is copied."""
    own = model.state_dict()
    other = [
        name for name in {**own, **state} if getattr(own.get(name), "shape", 0) != getattr(state.get(name), "shape", 1)
    ]
    if other:
        raise ModelError(
            f"{brief(source)} holds the weights of another architecture: {len(other)} tensors differ from the model's, "
            f"the first {brief(other[0])!r}."
        )
    model.load_state_dict(dict(state))


def save_weights(model: nn.Module, path: Path, metadata: Mapping[str, str]) -> None:
    """Write a model's state as half precision safetensors, with its sha256 and the metadata in the file's header.

    Raises:
        ModelError: it cannot be written; a file that was there is kept.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    state = {name: values.detach().half().contiguous() for name, values in model.state_dict().items()}
    new = path.with_name(f"{path.name}.new")  # the old file stays until the new one is whole
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(state, new, metadata={**metadata, "sha256": _digest(state)})
        new.chmod(0o644)  # safetensors makes it for its owner alone
        new.replace(path)
    except (OSError, SafetensorError) as error:
        new.unlink(missing_ok=True)
        raise ModelError(f"{brief(path)} cannot be written: {brief(error)}.") from error


def load_weights(model: nn.Module, path: Path) -> dict[str, str]:
    """Read ``path`` into ``model`` in place and return the file's metadata.

    Raises:
        ModelError: missing, damaged or changed, or the weights of another architecture.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise ModelError(f"The weights {brief(path)} are missing: install gradlab again, or train with data_scripts.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = dict(file.metadata() or {})
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{brief(path)} cannot be read ({brief(error)}): install gradlab again.") from error
    if _digest(state) != metadata.get("sha256"):
        raise ModelError(
            f"{brief(path)} has another sha256 than its header says: it was changed. Install gradlab again."
        )
    fill(model, state, path)
    return metadata


def _digest(state: Mapping[str, Tensor]) -> str:
    """Return the sha256 of names, shapes, types and values, in the order of the names."""
    total = hashlib.sha256()
    for name in sorted(state):
        values = state[name].detach().cpu().contiguous()
        total.update(json.dumps([name, list(values.shape), str(values.dtype)]).encode())
        total.update(values.view(torch.uint8).numpy().tobytes() if values.ndim else values[None].numpy().tobytes())
    return total.hexdigest()
