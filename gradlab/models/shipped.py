"""Weights that come with the package: written by the training scripts, checked when they are read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from gradlab.core.errors import ModelError

__all__ = ["FOLDER", "load_weights", "save_weights"]

FOLDER = Path(__file__).parent / "weights"


def save_weights(model: nn.Module, path: Path, metadata: Mapping[str, str]) -> None:
    """Write a model's state as half precision safetensors, with its sha256 and the metadata in the file's header."""
    from safetensors.torch import save_file

    state = {name: values.detach().half().contiguous() for name, values in model.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(state, path, metadata={**metadata, "sha256": _digest(state)})
    path.chmod(0o644)  # safetensors makes it for its owner alone


def load_weights(model: nn.Module, path: Path) -> dict[str, str]:
    """Read ``path`` into ``model`` in place and return the file's metadata.

    Raises:
        ModelError: missing, damaged or changed, or the weights of another architecture.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise ModelError(f"The weights {path} are missing: install gradlab again, or train with data_scripts.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = dict(file.metadata() or {})
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path} cannot be read ({error}): install gradlab again.") from error
    if _digest(state) != metadata.get("sha256"):
        raise ModelError(f"{path} has another sha256 than its header says: it was changed. Install gradlab again.")
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise ModelError(f"{path} holds the weights of another architecture: {error}") from error
    return metadata


def _digest(state: Mapping[str, Tensor]) -> str:
    """Return the sha256 of names, shapes, types and values, in the order of the names."""
    total = hashlib.sha256()
    for name in sorted(state):
        values = state[name].detach().cpu().contiguous()
        total.update(json.dumps([name, list(values.shape), str(values.dtype)]).encode())
        total.update(values.view(torch.uint8).numpy().tobytes() if values.ndim else values[None].numpy().tobytes())
    return total.hexdigest()
