"""How H learns, number by number: against a loop of a few lines, on rows whose every value is known."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gradlab import evaluate
from gradlab.core import LastLayer
from gradlab.introspect import IntrospectiveNetwork
from gradlab.introspect.training import mlp, widths

N, STILL = 100, 1e-12  # pictures; a rate at which nothing moves


class Head(nn.Module):
    """A network that is never run: H reads the factors that are given."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x)


def rows(n: int = N, seed: int = 0) -> tuple[LastLayer, Tensor]:
    chance = torch.Generator().manual_seed(seed)
    hidden, logits = torch.randn(n, 4, generator=chance), torch.randn(n, 3, generator=chance)
    return LastLayer(logits, hidden), torch.randint(3, (n,), generator=chance)


def second(*parts: nn.Module, seed: int = 1) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(*parts, nn.Linear(4, 3))


def network(reflection: nn.Module, **options: Any) -> IntrospectiveNetwork:
    return IntrospectiveNetwork(Head(), on="h", normalize=None, standardize=False, reflection=reflection, **options)


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_a_fit_is_adam_on_the_cross_entropy_with_that_decay(decay: float) -> None:
    kept, y = rows()
    wanted = second()
    optimizer = torch.optim.Adam(wanted.parameters(), 0.05, weight_decay=decay)
    losses = []
    for _ in range(5):
        loss = F.cross_entropy(wanted(kept.hidden), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    intro = network(second()).fit(kept, y, epochs=5, batch_size=N, rate=0.05, decay=decay, progress=False)
    assert [epoch.loss for epoch in intro.history] == pytest.approx(losses, rel=1e-5)
    found = dict(intro.reflection[-1].named_parameters())  # type: ignore[index]
    for name, value in wanted.named_parameters():
        torch.testing.assert_close(found[name], value, atol=1e-5, rtol=1e-4)


def test_the_loss_of_uneven_batches_counts_every_picture_once() -> None:
    kept, y = rows()
    kept.hidden[96:] *= 30  # whatever their order, a mean of means would not be the mean
    expected = float(F.cross_entropy(second()(kept.hidden), y).detach())
    for size in (32, 64, 99):
        intro = network(second()).fit(kept, y, epochs=1, batch_size=size, rate=STILL, progress=False)
        assert intro.history[0].loss == pytest.approx(expected, rel=1e-5)


def test_validation_counts_every_picture_once_and_drops_nothing() -> None:
    kept, y = rows()
    others, truth = rows(300, seed=1)  # more than are asked together
    others.hidden[290:] *= 30
    intro = network(second(nn.Dropout(0.6))).fit(
        kept, y, epochs=2, rate=STILL, validation=(others, truth), progress=False
    )
    logits = second()(others.hidden).detach()
    for epoch in intro.history:
        assert epoch.validation_loss == pytest.approx(evaluate.nll(logits, truth), rel=1e-5)
        assert epoch.validation_accuracy == pytest.approx(float((logits.argmax(1) == truth).double().mean()))
    whole = float(F.cross_entropy(second()(kept.hidden), y).detach())
    assert not math.isclose(intro.history[0].loss, whole, rel_tol=1e-3), "while it learns, it does drop"
    assert not math.isclose(intro.history[0].loss, intro.history[1].loss, rel_tol=1e-4), "and others in each epoch"


def test_the_seed_orders_the_pictures_and_nothing_else_here() -> None:
    kept, y = rows()

    def weight(seed: int, size: int) -> Tensor:
        intro = network(second()).fit(kept, y, seed=seed, epochs=1, batch_size=size, rate=0.05, progress=False)
        return intro.reflection[-1][0].weight  # type: ignore[index, union-attr, return-value]

    assert torch.equal(weight(0, 10), weight(0, 10)) and not torch.allclose(weight(0, 10), weight(1, 10), atol=1e-4)
    torch.testing.assert_close(weight(0, N), weight(1, N), atol=1e-5, rtol=1e-4)  # all at once: there is no order


def test_each_epoch_has_an_order_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, y = rows()
    kept.hidden[:, 0] = torch.arange(N)
    seen: list[list[float]] = []

    class Watching(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            if self.training:
                seen.append(x[:, 0].tolist())
            return super().forward(x)

    network(Watching(4, 3)).fit(kept, y, epochs=2, batch_size=N, rate=STILL, progress=False)
    first, other = seen[-2:]
    assert sorted(first) == sorted(other) == list(range(N)) and first != other != list(range(N))


def test_the_perceptron_starts_within_one_over_the_root_of_its_inputs() -> None:
    made = mlp(100, (50, 20), 7, seed=0)
    linear = [part for part in made if isinstance(part, nn.Linear)]
    assert [(part.in_features, part.out_features) for part in linear] == [(100, 50), (50, 20), (20, 7)]
    assert [type(part) for part in made] == [nn.Linear, nn.Sigmoid, nn.Linear, nn.Sigmoid, nn.Linear]
    for part in linear:
        for values in (part.weight, part.bias):
            bound = part.in_features**-0.5
            assert float(values.abs().max()) <= bound
            assert float(values.min()) < -0.5 * bound and float(values.max()) > 0.5 * bound
    assert torch.equal(mlp(9, (5,), 3, 4)[0].weight, mlp(9, (5,), 3, 4)[0].weight)
    assert not torch.equal(mlp(9, (5,), 3, 4)[0].weight, mlp(9, (5,), 3, 5)[0].weight)


@pytest.mark.parametrize("capacity", [1, 60, 500, 2000, 40_000])
def test_widths_are_in_proportion_and_as_near_as_can_be(capacity: int) -> None:
    def weights(hidden: tuple[int, ...]) -> int:
        sizes = (20, *hidden, 5)
        return sum((a + 1) * b for a, b in pairwise(sizes))

    found = widths((30, 10), 20, 5, capacity)
    every = {tuple(max(1, round(by / 1000 * width)) for width in (30, 10)) for by in range(1, 60_000, 7)}
    least = min(abs(weights(each) - capacity) for each in every)
    assert found[0] == pytest.approx(3 * found[1], abs=3)
    assert abs(weights(found) - capacity) <= least + 1
