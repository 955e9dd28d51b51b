"""What no call may change: networks, what was given, the modes and random states of the process, files."""

from __future__ import annotations

import copy
import os
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def taken(given: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return everything that must be the same afterwards; :func:`changed` compares it."""
    return {
        **{f"argument {name}": _kept(value) for name, value in given.items()},
        "torch's random state": torch.get_rng_state().tolist(),
        "numpy's random state": _plain(np.random.get_state()),
        "python's random state": random.getstate(),
        "grad mode": (torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.is_anomaly_enabled()),
        "defaults": (str(torch.get_default_dtype()), str(torch.get_default_device()), torch.get_num_threads()),
        "files": sorted(str(each.relative_to(folder)) for each in folder.rglob("*")),
        "working directory": os.getcwd(),
    }


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return what differs."""
    return [name for name in before if not _same(before[name], after[name])]


def _kept(value: Any, depth: int = 0) -> Any:
    """Return what is to stay the same of a value, copied."""
    if isinstance(value, nn.Module):
        return _network(value)
    if isinstance(value, Tensor):
        held = None if value.is_meta or value.is_sparse else value.detach().clone()
        return (id(value), value.requires_grad, None if value.grad is None else value.grad.clone(), held)
    if isinstance(value, np.ndarray):
        return value.copy() if value.dtype != object else id(value)
    if isinstance(value, Mapping) and depth < 3:
        return {str(key): _kept(each, depth + 1) for key, each in value.items()}
    if isinstance(value, (list, tuple)) and depth < 3:
        return [_kept(each, depth + 1) for each in value]
    if isinstance(value, (str, bytes, bytearray, int, float)):
        return copy.copy(value)
    module = getattr(value, "model", None)  # a Classifier
    return _network(module) if isinstance(module, nn.Module) else id(value)


def _network(module: nn.Module) -> list[Any]:
    parts = [
        (name, id(part), part.training, [tuple(getattr(part, kind)) for kind in HOOKS])
        for name, part in module.named_modules()
    ]
    weights = [
        (name, id(p), p.requires_grad, None if p.grad is None else p.grad.clone(), p.detach().clone())
        for name, p in [*module.named_parameters(), *module.named_buffers()]
        if not nn.parameter.is_lazy(p)
    ]
    return [parts, weights]


def _plain(value: Any) -> Any:
    return [each.tolist() if isinstance(each, np.ndarray) else each for each in value]


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor):
        return one.shape == other.shape and bool(((one == other) | ((one != one) & (other != other))).all())
    if isinstance(one, np.ndarray):
        return one.shape == other.shape and bool(((one == other) | ((one != one) & (other != other))).all())
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other or one != one)
