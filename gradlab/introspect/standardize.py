"""Features less their mean, over their standard deviation, both of a training set."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from gradlab.core import InputError, ModelError
from gradlab.core.seeds import SINGLE

# A feature whose deviation is this small a part of its mean is constant but for rounding.
CONSTANT = 1e-5

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
        for batch in [batches] if isinstance(batches, Tensor) else batches:
            if batch.ndim != 2 or batch.shape[1] != len(self.mean) or not bool(torch.isfinite(batch).all()):
                raise InputError(f"features is {tuple(batch.shape)}: expected (n, {len(self.mean)}), all finite.")
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
        return (features - self.mean) / self.std
