"""Introspection's edges: what is refused is named as the caller named it, and numbers of either sign."""

from __future__ import annotations

import pytest
import torch

from gradlab.core import InputError
from gradlab.introspect import IntrospectiveNetwork, Recipe
from gradlab.introspect.extraction import extract
from gradlab.introspect.stream import split_batch
from gradlab.introspect.weight_gradients import min_max
from gradlab.models import digits
from tests.conftest import Small

X = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def test_what_is_refused_has_the_callers_name() -> None:
    model = Small().eval()
    with pytest.raises(InputError, match=r"^x "):
        IntrospectiveNetwork(model).fit(X, [0, 1, 0, 1], epochs=1, progress=False)(X.double())
    with pytest.raises(InputError, match=r"^data "):
        next(extract(model, X.double()))
    with pytest.raises(InputError, match="layer is 3: expected a dotted name, or None"):
        Recipe(layer=3)  # type: ignore[arg-type]


@pytest.mark.parametrize("batch", [(X, [0, 1, 0, 1]), (X, "1"), ([1.0], torch.zeros(4)), (X, X, X), [], (X, X)])
def test_a_batch_that_is_no_pictures_with_labels_is_refused(batch: object) -> None:
    with pytest.raises(InputError, match="The loader must give pictures"):
        split_batch(batch)


def test_features_below_zero_are_stretched_too() -> None:
    rows = torch.tensor([[-3.0, -2.0, -1.0], [-5.0, -5.0, -5.0], [1.0, 2.0, 5.0]])
    rows[1, 0] -= 1e-6  # rounding
    want = torch.tensor([[0, 0.5, 1], [0, 0, 0], [0, 0.25, 1]])
    torch.testing.assert_close(min_max(rows), want, atol=1e-5, rtol=0)


def test_validation_is_a_pair() -> None:
    x, y = torch.zeros(4, 1, 32, 32), torch.tensor([0, 1, 0, 1])
    intro = IntrospectiveNetwork(digits())
    with pytest.raises(InputError, match=r"validation is a tuple of 1: expected \(data, labels\)\."):
        intro.fit(x, y, validation=(x,), progress=False)
