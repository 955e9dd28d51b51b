"""Checks on what the caller hands in, before any work is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

from gradlab.core.checks import check_untransformed, checked_extra, readable
from gradlab.core.errors import InputError, ModelError

__all__ = [
    "Model",
    "Named",
    "check_inputs",
    "goes_along",
    "labels_of",
    "module_of",
    "own_inputs",
]


class Named(Protocol):
    """A network with the names of its classes, such as a ``gradlab.models.Classifier``."""

    @property
    def model(self) -> nn.Module:
        """The network."""

    @property
    def labels(self) -> Sequence[str]:
        """One name per class."""


Model: TypeAlias = "nn.Module | Named"

_HINT = "Use net.transform(picture)[None]."


def module_of(model: Model) -> nn.Module:
    """Return the ``nn.Module`` behind a model or a ``Classifier``.

    Raises:
        ModelError: if there is none.
    """
    module = model if isinstance(model, nn.Module) else getattr(model, "model", None)
    module = getattr(module, "_orig_mod", module)  # what torch.compile was given
    if isinstance(module, torch.jit.ScriptModule):
        raise ModelError("The model is a TorchScript module, whose layers cannot be read. Pass the original nn.Module.")
    if not isinstance(module, nn.Module):
        raise ModelError(f"Expected a torch.nn.Module or a gradlab Classifier, got {type(model).__name__}.")
    return module


def labels_of(model: Model) -> Sequence[str] | None:
    """Return a ``Classifier``'s labels, or None for a bare module."""
    return None if isinstance(model, nn.Module) else getattr(model, "labels", None)


def check_inputs(model: Model, inputs: Any, extra_inputs: Any = (), name: str = "inputs") -> Tensor:
    """Return a private copy of ``inputs``, a finite floating batch (N, C, H, W) where the model's weights are.

    ``extra_inputs`` must be a list or tuple; ``name`` is what the caller calls the inputs.

    Raises:
        InputError: not a tensor, no batch axis, empty, not floating, NaN or infinite, wrong size or device.
    """
    checked_extra(extra_inputs)
    if not isinstance(inputs, Tensor):
        raise InputError(f"{name} must be a torch.Tensor (N, C, H, W), got {type(inputs).__name__}. {_HINT}")
    check_untransformed()
    if inputs.is_nested or _wraps_others(inputs):
        raise InputError(f"{name} is a {type(inputs).__name__}: expected an ordinary tensor (N, C, H, W).")
    shape = tuple(inputs.shape)
    if inputs.ndim != 4:
        _check_dimensions(module_of(model))
    if inputs.ndim == 3:
        raise InputError(
            f"{name} has shape {shape} and no batch axis, expected (N, C, H, W): add it with {name}[None]."
        )
    if inputs.ndim != 4:
        raise InputError(f"{name} has shape {shape}: expected four axes (N, C, H, W).")
    if not readable(inputs):
        raise InputError(
            f"{name} is on device {inputs.device} with layout {inputs.layout}: expected numbers in memory, one for "
            "each pixel."
        )
    if inputs.numel() == 0:
        raise InputError(f"{name} has shape {shape}, which is empty: at least one picture is needed.")
    if not inputs.is_floating_point():
        raise InputError(f"{name} has dtype {inputs.dtype}: expected normalised floating point values. {_HINT}")
    size = getattr(model, "input_size", None)
    if size is not None and shape[1:] != tuple(size):
        raise InputError(f"{name} has shape {shape}: this network reads (N, {', '.join(map(str, size))}). {_HINT}")
    weight = next((p for p in module_of(model).parameters() if p.is_floating_point()), None)
    for what in () if weight is None else ("device", "dtype"):
        has, wants = getattr(inputs, what), getattr(weight, what)
        if has != wants:
            raise InputError(f"{name} has {what} {has}, but the model has {wants}: convert it with {name}.to(...).")
    # A sum is finite only if all its terms are, and costs a tenth of looking at each; it may overflow, so ask again.
    if not bool(inputs.sum().isfinite()) and not bool(torch.isfinite(inputs).all()):
        bad = int((~torch.isfinite(inputs)).sum())
        raise InputError(f"{name} holds {bad} NaN or infinite values out of {inputs.numel()}: clean them first.")
    # Of a subclass the plain tensor: what it adds to each operation is not the network's.
    return inputs.detach().as_subclass(Tensor).clone()


def _wraps_others(inputs: Any) -> bool:
    return is_traceable_wrapper_subclass(inputs)


def _check_dimensions(module: nn.Module) -> None:
    """Say what can be done for a network of sequences or volumes."""
    first = next((part for part in module.modules() if isinstance(part, (nn.Conv1d, nn.Conv2d, nn.Conv3d))), None)
    if isinstance(first, nn.Conv1d):
        raise InputError(
            "The model reads sequences (N, C, L), and pictures (N, C, H, W) are explained here: pass inputs[:, :, None]"
            " and a module whose forward is model(x[:, :, 0]); gradient, and occlusion with window=(1, n), then work."
        )
    if isinstance(first, nn.Conv3d):
        raise InputError(
            "The model reads volumes (N, C, D, H, W), and pictures (N, C, H, W) are explained here: pass "
            "inputs.flatten(1, 2) and a module whose forward is model(x.unflatten(1, (C, D))); gradient then works."
        )


def own_inputs(extra_inputs: Sequence[Any], rows: slice, n: int) -> list[Any]:
    """Return the extra inputs of some of n pictures: what is a tensor of length n goes with its pictures."""
    return [e[rows] if goes_along(e, n) else e for e in extra_inputs]


def goes_along(extra: Any, n: int) -> bool:
    """Tell whether an extra input holds one row for each of n pictures."""
    return isinstance(extra, Tensor) and extra.ndim > 0 and len(extra) == n
