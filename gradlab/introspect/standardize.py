"""Features less their mean, over their standard deviation, both of a training set."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn

from gradlab.core import InputError, ModelError
from gradlab.core.checks import checked_tensor, readable, whole_number
from gradlab.core.errors import shown
from gradlab.core.seeds import SINGLE

# A feature whose deviation is this small a part of its mean is constant but for rounding.
CONSTANT = 1e-5
MOST = 2**30  # features

__all__ = ["Standardizer"]


class Standardizer(nn.Module):
    """(r - mean) / std of each of ``size`` features. It learns from what :meth:`fit` is given and nothing else.

    Give it training features alone. A feature that is constant there (a dead unit's) is shifted and not stretched.

    Examples:
        >>> learned = gradlab.introspect.Standardizer(2).fit(torch.tensor([[0.0, 5.0], [2.0, 5.0]]))
        >>> learned(torch.tensor([[3.0, 6.0]]))
        tensor([[2., 1.]])
    """

    mean: Tensor
    std: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        size = whole_number(size, "size", 1, MOST)
        self.register_buffer("mean", torch.full((size,), torch.nan, **SINGLE))
        self.register_buffer("std", torch.full((size,), torch.nan, **SINGLE))

    @torch.no_grad()
    def fit(self, batches: Tensor | Iterable[Tensor]) -> Standardizer:
        """Learn from features (n, size), or from batches of them, one at a time.

        Means and squares are merged in double precision (Chan, Golub and LeVeque 1979); the deviation is over n.

        Raises:
            InputError: another shape, NaN, or nothing.
        """
        count = 0
        mean = squares = torch.zeros(len(self.mean), dtype=torch.float64, device=self.mean.device)
        if not isinstance(batches, Iterable) or isinstance(batches, np.ndarray):
            raise InputError(f"batches is {shown(batches)}: expected features (n, size), or batches of them.")
        for batch in [batches] if isinstance(batches, Tensor) else batches:
            checked_tensor(batch, "batches", "n", len(self.mean), empty=True)
            if not len(batch):
                continue
            values = batch.double()
            n, own = len(values), values.mean(0)
            apart = own - mean
            squares = squares + (values - own).square().sum(0) + apart.square() * (count * n / (count + n))
            mean = mean + apart * (n / (count + n))
            count += n
        if not count:
            raise InputError("There are no features to learn from.")
        std = (squares / count).sqrt()
        self.mean.copy_(mean)
        self.std.copy_(torch.where(std > CONSTANT * mean.abs(), std, 1.0))
        return self

    def forward(self, features: Tensor) -> Tensor:
        """Return the features (n, size), standardised; raises ``ModelError`` before :meth:`fit`."""
        if bool(self.mean[:1].isnan().any()):
            raise ModelError("The standardiser has not seen a training set: call fit first.")
        if (
            not isinstance(features, Tensor)
            or not features.is_floating_point()
            or features.ndim != 2
            or features.shape[1] != len(self.mean)
            or not readable(features)
        ):
            raise InputError(f"features is {shown(features)}: expected a tensor (n, {len(self.mean)}).")
        return (features - self.mean) / self.std
