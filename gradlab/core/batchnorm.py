"""Batch norms whose gradient is right, whatever order in memory it arrives in.

On a CPU, torch's backward pass of a batch norm in eval mode reads a gradient wrongly (up to and beyond its own size)
where one picture's map is contiguous and its gradient is channels-last by its strides alone, as behind a map that is
turned into tokens. In one order in memory both are read rightly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from gradlab.core.borrow import Hook

__all__ = ["steadied"]


def steadied(parts: Mapping[nn.Module, str], x: Tensor, after: Mapping[nn.Module, Hook]) -> Mapping[nn.Module, Hook]:
    """Return the forward hooks of a run of ``x``, with those that let its batch norms read gradients rightly."""
    if not x.is_cpu:
        return after
    norms: dict[nn.Module, Hook] = {part: _steady for part in parts if isinstance(part, _BatchNorm)}
    return {**norms, **{part: _then(hook) if part in norms else hook for part, hook in after.items()}}


def _steady(part: nn.Module, given: tuple[Any, ...], output: Any) -> None:
    if isinstance(output, Tensor) and output.requires_grad and output.ndim > 3 and output.is_contiguous():
        output.register_hook(_contiguous)


def _contiguous(gradient: Tensor | None) -> Tensor | None:
    return None if gradient is None else gradient.contiguous()  # none at all, where a caller's own is undefined


def _then(hook: Hook) -> Hook:
    def both(part: nn.Module, given: tuple[Any, ...], output: Any) -> Any:
        _steady(part, given, output)
        return hook(part, given, output)

    return both
