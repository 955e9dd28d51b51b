"""The game of the active widget: a softmax head on h learns from the labels that a strategy bought.

The browser plays it live (``front/lib/labelling.js``); this is the same game in PyTorch, for pages on which nothing
runs and for the tests that hold the two together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from gradlab.evaluate import active
from gradlab.widgets.wire import packed

__all__ = ["DECAY", "ORDERS", "STRATEGIES", "Game", "World", "budgets", "chances", "fit"]

STRATEGIES = ("entropy", "least_confidence", "margin", "badge")
ORDERS = 5  # of the control: labels bought in random order
STEPS, RATE, MOMENTUM, DECAY = 100, 1.0, 0.9, 1e-3  # of gradient descent, from 0 each time


@dataclass(frozen=True)
class World:
    """What the head reads: h of the pool and of the test pictures.

    Attributes:
        name: of the network that gave h.
        pool: (N, d), each feature of mean 0 and standard deviation 1 / sqrt(d), double precision of single numbers.
        test: (M, d), moved and scaled as the pool.
        plane: the pool's two principal components, (N, 2), in -1 to 1.
    """

    name: str
    pool: Tensor
    test: Tensor
    plane: Tensor

    @classmethod
    def of(cls, name: str, pool: Tensor, test: Tensor) -> World:
        """Standardise h and project it; a feature that is the same for the whole pool becomes 0."""
        spread = pool.std(0, correction=0)
        scale = torch.where(spread > 0, spread, torch.inf) * math.sqrt(pool.shape[1])
        inner, outer = ((h - pool.mean(0)) / scale for h in (pool, test))
        inner, outer = (h.float().double() for h in (inner, outer))  # what the browser gets
        return cls(name, inner, outer, _principal_plane(inner))

    def answer(self) -> dict[str, Any]:
        """Return what is sent to the browser."""
        parts = {"pool": self.pool, "test": self.test, "plane": self.plane}
        return {"name": self.name, **{key: packed(part, "float32") for key, part in parts.items()}}


def _principal_plane(values: Tensor) -> Tensor:
    """Return the two principal components of rows of mean 0, (N, 2) in -1 to 1; the sign makes the largest positive."""
    u, s, _ = torch.linalg.svd(values, full_matrices=False)
    found = F.pad(u * s, (0, 2))[:, :2]
    sign = found.gather(0, found.abs().argmax(0, keepdim=True)).sign()
    top = found.abs().max()
    return found * sign / (top if top > 0 else 1)


@dataclass(frozen=True)
class Game:
    """Rules and lots of one game.

    Attributes:
        truth: classes of the pool (N,) and of the test pictures (M,).
        classes: how many.
        start: labels bought at random before the first round.
        batch: labels of each round.
        rounds: how many rounds.
        seed: of all lots.
    """

    truth: tuple[Tensor, Tensor]
    classes: int
    start: int
    batch: int
    rounds: int
    seed: int

    @property
    def orders(self) -> Tensor:
        """Random orders of the pool, (``ORDERS``, N), which begin with the same ``start`` pictures."""
        generator = torch.Generator().manual_seed(self.seed)
        first = torch.randperm(len(self.truth[0]), generator=generator, device="cpu")
        rest = first[self.start :]
        shuffled = [
            rest,
            *(rest[torch.randperm(len(rest), generator=generator, device="cpu")] for _ in range(ORDERS - 1)),
        ]
        return torch.stack([torch.cat([first[: self.start], some]) for some in shuffled])

    @property
    def draws(self) -> Tensor:
        """The lots of BADGE in each round, (rounds, batch - 1): those of :func:`gradlab.evaluate.active.badge`."""
        found = torch.zeros(self.rounds, self.batch - 1, dtype=torch.float64, device="cpu")
        for k in range(self.rounds):
            generator = torch.Generator().manual_seed(self.seed + k)
            for i in range(self.batch - 1):
                found[k, i] = torch.rand(1, dtype=torch.float64, generator=generator, device="cpu")[0]
        return found

    def answer(self) -> dict[str, Any]:
        """Return what is sent to the browser."""
        return {
            "truth": [packed(each, "int32") for each in self.truth],
            "classes": self.classes,
            "first": self.start,
            "batch": self.batch,
            "rounds": self.rounds,
            "orders": packed(self.orders, "int32"),
            "draws": packed(self.draws, "float64"),
            "training": {"steps": STEPS, "rate": RATE, "momentum": MOMENTUM, "decay": DECAY},
        }

    def play(self, world: World) -> tuple[dict[str, list[float]], dict[str, Tensor]]:
        """Play every strategy to the end.

        Returns:
            Accuracy on the test pictures at each budget by strategy, "random" being the mean over ``ORDERS``; and what
            each strategy bought, in order; of "random" the first order.
        """
        orders = self.orders
        bought = torch.cat([orders[:1].expand(len(STRATEGIES), -1), orders])[:, : self.start]
        reached = []
        for k in range(self.rounds + 1):
            weights = fit(world.pool[bought], self.truth[0][bought], self.classes)
            said = chances(weights, world.test).argmax(-1)
            reached.append((said == self.truth[1]).double().mean(-1))
            if k == self.rounds:
                break
            p = chances(weights[: len(STRATEGIES)], world.pool)
            new = [self.ask(name, p[i], world, bought[i], k) for i, name in enumerate(STRATEGIES)]
            now = bought.shape[1]
            bought = torch.cat([bought, torch.cat([torch.stack(new), orders[:, now : now + self.batch]])], 1)
        table = torch.stack(reached, 1)
        found = {name: row.tolist() for name, row in zip(STRATEGIES, table, strict=False)}
        found["random"] = table[len(STRATEGIES) :].mean(0).tolist()
        return found, dict(zip([*STRATEGIES, "random"], bought, strict=False))

    def ask(self, strategy: str, p: Tensor, world: World, bought: Tensor, k: int) -> Tensor:
        """Return what a strategy would buy in round k, (batch,), from p of the whole pool (N, classes)."""
        left = torch.ones(len(p), dtype=torch.bool, device=p.device)
        left[bought] = False
        there = left.nonzero()[:, 0]
        if strategy == "badge":
            return there[active.badge(p[there], world.pool[there], self.batch, seed=self.seed + k)]
        return there[active.top(getattr(active, strategy)(p[there]), self.batch, self.seed)]


def fit(h: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Fit softmax heads by Nesterov's gradient descent on cross entropy + decay / 2 |W|^2, the bias included.

    The features have a mean squared length of 1, so that a rate of 1 is below 2 over the largest curvature.

    Args:
        h: (heads, n, d).
        labels: (heads, n).
        classes: how many.

    Returns:
        W and the bias in its last column, (heads, classes, d + 1).
    """
    x, goal = _with_one(h), F.one_hot(labels, classes).to(h)
    weights = x.new_zeros(len(h), classes, x.shape[2])
    speed = weights
    for _ in range(STEPS):
        ahead = weights + MOMENTUM * speed
        error = (x @ ahead.mT).softmax(-1) - goal
        speed = MOMENTUM * speed - RATE * (error.mT @ x / h.shape[1] + DECAY * ahead)
        weights = weights + speed
    return weights


def chances(weights: Tensor, h: Tensor) -> Tensor:
    """Return p (heads, n, classes) of heads for h (n, d)."""
    return (_with_one(h) @ weights.mT).softmax(-1)


def _with_one(h: Tensor) -> Tensor:
    return F.pad(h, (0, 1), value=1.0)


def budgets(game: Game) -> Sequence[int]:
    """Return the labels bought at each point of a curve."""
    return [game.start + k * game.batch for k in range(game.rounds + 1)]
