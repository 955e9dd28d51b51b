"""A copy of a model, for who means to change it."""

from __future__ import annotations

import copy
from typing import TypeVar

from torch import Tensor, nn

from gradlab.core.checks import instance
from gradlab.core.errors import GradlabError, ModelError
from gradlab.core.interrupts import recording
from gradlab.core.shadow import check_closures, check_initialised

__all__ = ["copy_of"]

M = TypeVar("M", bound=nn.Module)


def copy_of(model: M) -> M:
    """Return a deep copy in eval mode, weights included, for who means to change it.

    Memory: that of the weights.

    Raises:
        ModelError: the model refuses to be copied, or a function in it would ask the original's parts.

    Examples:
        >>> mine = gradlab.core.copy_of(net.model)
        >>> _ = mine.head.weight.data.zero_()
        >>> bool((net.model.head.weight == 0).any())
        False
    """
    instance(model, "model", nn.Module, "a torch.nn.Module", ModelError)
    # What a forward pass left in plain attributes (pruned weights, say) is part of a graph: torch does not copy that.
    kept = [value for part in model.modules() for value in vars(part).values() if isinstance(value, Tensor)]
    try:
        for p in (*model.parameters(), *model.buffers()):
            check_initialised(p)
        check_closures(model)
        with recording():
            return copy.deepcopy(model, {id(value): value.detach().clone() for value in kept}).eval()
    except GradlabError:
        raise
    except Exception as error:
        raise ModelError(f"This {type(model).__name__} cannot be copied: {error}") from error
