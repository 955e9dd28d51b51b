"""Inputs of any number in parts, each with what the network reads beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor

from gradlab.core import Model
from gradlab.core.inputs import check_inputs, own_inputs

__all__ = ["BATCH", "batches"]

BATCH = 256  # pictures that run through a network together


def batches(
    model: Model, inputs: Any, extra_inputs: Sequence[Any] = (), size: int | None = None
) -> Iterator[tuple[Tensor, list[Any]]]:
    """Yield the inputs, ``BATCH`` or ``size`` at a time, and their own extra inputs: tensors of length N are divided.

    Raises:
        InputError: as :func:`gradlab.core.inputs.check_inputs`.

    Examples:
        >>> from gradlab.evaluate.batches import batches
        >>> net, x = gradlab.models.vqa(), torch.zeros(5, 1, 32, 64)
        >>> questions = net.encode("what is their sum?").expand(5, -1)
        >>> [(len(part), len(own)) for part, (own,) in batches(net, x, (questions,), size=2)]
        [(2, 2), (2, 2), (1, 1)]
    """
    x = check_inputs(model, inputs, extra_inputs)
    step = BATCH if size is None else size
    for start in range(0, len(x), step):
        part = slice(start, start + step)
        yield x[part], own_inputs(extra_inputs, part, len(x))
