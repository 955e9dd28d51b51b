"""Active learning simulated: the labels of a pool are bought a few at a time, and the network is trained anew."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor

from gradlab.core import InputError
from gradlab.core.checks import (
    callable_of,
    checked_labels,
    checked_probabilities,
    instance,
    names_of,
    readable,
    sequence,
    whole_number,
)
from gradlab.core.errors import shown
from gradlab.core.progress import Progress, check_progress, counted
from gradlab.core.seeds import Seed, int_seed, torch_generator
from gradlab.evaluate.active.query import STRATEGIES, Predict, Strategy, ask, check_strategy, probabilities
from gradlab.evaluate.active.strategies import random
from gradlab.introspect.network import IntrospectiveNetwork

__all__ = ["Fit", "Round", "introspective", "run"]

# (pictures, labels, seed) -> a new network, trained on them alone
Fit: TypeAlias = Callable[[Tensor, Tensor, int], Any]
_Labelled: TypeAlias = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Round:
    """One network and what it got right.

    Attributes:
        arm, strategy, seed: whose.
        budget: labels that it was trained on.
        accuracy: share of right answers on each test set.
        bought: indices of the pictures that were labelled for this round, in the order they were picked.
    """

    arm: str
    strategy: str
    seed: int
    budget: int
    accuracy: dict[str, float]
    bought: Tensor


def introspective(fit: Fit, settings: Mapping[str, Any] | None = None, **training: Any) -> Fit:
    """Make the introspective arm of a feed-forward one: f as ``fit`` makes it, and H trained anew on its features.

    Set the control beside it, the same H on h: ``introspective(fit, {"on": "h"})``.

    Args:
        fit: of f.
        settings: arguments of :class:`gradlab.introspect.IntrospectiveNetwork`.
        training: arguments of its ``fit``; no bar is shown.

    Examples:
        >>> active = gradlab.evaluate.active
        >>> reader, test = gradlab.models.digits(), gradlab.data.digits("test")
        >>> arm = active.introspective(lambda pictures, labels, seed: reader, {"hidden": (8,)}, epochs=1)
        >>> active.probabilities(arm(test.pictures[:20], test.labels[:20], 0), test.pictures[20:25]).shape
        torch.Size([5, 10])
    """
    callable_of(fit, "fit", "of (pictures, labels, seed)")
    if settings is not None:
        instance(settings, "settings", Mapping, "arguments of IntrospectiveNetwork by name")
    for name, given, known in (
        ("settings", settings or {}, IntrospectiveNetwork.__init__),
        ("training", training, IntrospectiveNetwork.fit),
    ):
        for each in given:
            if each not in inspect.signature(known).parameters:
                raise InputError(f"{name} holds {shown(each)}: IntrospectiveNetwork has no such argument.")

    def both(pictures: Tensor, labels: Tensor, seed: int) -> IntrospectiveNetwork:
        network = IntrospectiveNetwork(fit(pictures, labels, seed), **(settings or {}))
        return network.fit(pictures, labels, seed=seed, **({"progress": False} | training))

    return both


def run(
    arms: Mapping[str, Fit],
    pool: _Labelled,
    tests: Mapping[str, _Labelled],
    budgets: Sequence[int],
    strategies: Sequence[str] | Mapping[str, str | Strategy] = STRATEGIES,
    seeds: Sequence[Seed] = tuple(range(10)),
    *,
    predict: Predict = probabilities,
    progress: Progress = True,
) -> Iterator[Round]:
    """Buy labels round by round, train anew after each, and yield every round as it is done.

    With one seed all arms and strategies start from the same random pictures, so differences are paired; the first
    network of an arm is trained once for all its strategies. The same arguments give the same rounds, if ``fit`` is
    deterministic or draws from torch's global state, which is set before and put back after it.

    Args:
        arms: name -> ``fit(pictures, labels, seed)``, which returns a new network; see :func:`introspective`.
        pool: pictures (N, ...) and their labels (N,), which are used only once they are bought.
        tests: name -> pictures and labels.
        budgets: labels in all at each round, ascending; the first are picked at random.
        strategies: names among ``STRATEGIES``, or name -> your own (see :func:`ask`).
        seeds: of the repetitions; what a generator draws stands for it in the rounds.
        predict: (what ``fit`` returned, pictures) -> probabilities (n, classes).
        progress: True shows a bar, False nothing; a function is called with rounds done and rounds in all.

    Raises:
        InputError, TargetError: at once, if anything does not fit; what ``fit`` and ``predict`` raise, as it happens.

    Examples:
        >>> def fit(pictures, labels, seed):
        ...     network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
        ...     optimizer = torch.optim.Adam(network.parameters(), 0.02)
        ...     for _ in range(50):
        ...         optimizer.zero_grad()
        ...         torch.nn.functional.cross_entropy(network(pictures), labels).backward()
        ...         optimizer.step()
        ...     return network
        >>> train, test = (gradlab.data.digits(split, size=8) for split in ("train", "test"))
        >>> rounds = gradlab.evaluate.active.run(
        ...     {"f": fit}, (train.pictures, train.labels), {"clean": (test.pictures, test.labels)},
        ...     budgets=(20, 100), strategies=("random", "margin"), seeds=(0,), progress=False,
        ... )
        >>> [(each.strategy, each.budget, each.accuracy["clean"] > 0.8) for each in rounds]
        [('random', 20, False), ('random', 100, True), ('margin', 20, False), ('margin', 100, True)]
    """
    if not isinstance(strategies, Mapping):
        strategies = {name: name for name in names_of(strategies, "strategies")}
    asked: dict[str, str | Strategy] = dict(strategies)
    instance(arms, "arms", Mapping, "names of arms, each with its fit")
    instance(tests, "tests", Mapping, "names of tests, each with (pictures, labels)")
    for arm, fit in arms.items():
        callable_of(fit, f"arms[{shown(arm)}]", "of (pictures, labels, seed)")
    budgets = sequence(budgets, "budgets", "a list of numbers of labels")
    seeds = sequence(seeds, "seeds", "a list of seeds")
    callable_of(predict, "predict", "of (what fit returned, pictures)")
    check_progress(progress)
    for strategy in asked.values():
        check_strategy(strategy, "strategies")
    for what, given in (
        ("arms", arms),
        ("tests", tests),
        ("strategies", asked),
        ("budgets", budgets),
        ("seeds", seeds),
    ):
        if not len(given):
            raise InputError(f"{what} is empty: nothing would be run.")
    pictures, labels = _labelled(pool, "pool")
    budgets = [whole_number(budget, "budgets", 1, len(pictures)) for budget in budgets]
    if budgets != sorted(set(budgets)):
        raise InputError(f"budgets is {shown(budgets)}: expected ascending numbers of labels.")
    drawn = [int_seed(seed) for seed in seeds]
    if len(set(drawn)) < len(drawn):
        raise InputError(f"seeds is {shown(drawn)}: a seed that is there twice would be no other repetition.")
    judged = {name: _labelled(test, f"tests[{shown(name)}]") for name, test in tests.items()}
    loop = _Loop(pictures, labels, judged, budgets, predict)
    total = len(arms) * len(asked) * len(drawn) * len(budgets)
    return counted(loop.rounds(arms, asked, drawn), total, progress, "rounds")


@dataclass(frozen=True)
class _Loop:
    pictures: Tensor
    labels: Tensor
    tests: dict[str, _Labelled]
    budgets: list[int]
    predict: Predict

    def rounds(self, arms: Mapping[str, Fit], asked: dict[str, str | Strategy], seeds: list[int]) -> Iterator[Round]:
        for seed in seeds:
            draws = torch.randint(2**31, (len(self.budgets),), generator=torch_generator(seed), device="cpu").tolist()
            start = random(len(self.pictures), self.budgets[0], draws[0])
            for arm, fit in arms.items():
                first = self._fitted(fit, start, draws[0])
                reached = self._accuracy(first)
                for name, strategy in asked.items():
                    yield Round(arm, name, seed, self.budgets[0], reached, start)
                    network, bought = first, start
                    for budget, draw in zip(self.budgets[1:], draws[1:], strict=True):
                        new = self._bought(strategy, network, bought, budget - len(bought), draw)
                        bought = torch.cat([bought, new])
                        network = self._fitted(fit, bought, draw)
                        yield Round(arm, name, seed, budget, self._accuracy(network), new)

    def _fitted(self, fit: Fit, bought: Tensor, seed: int) -> Any:
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            torch.manual_seed(seed)
            return fit(self.pictures[bought], self.labels[bought], seed)

    def _bought(self, strategy: str | Strategy, network: Any, bought: Tensor, n: int, seed: int) -> Tensor:
        left = torch.ones(len(self.pictures), dtype=torch.bool, device="cpu")
        left[bought] = False
        there = left.nonzero()[:, 0]
        return there[ask(strategy, network, self.pictures[there], n, seed=seed, predict=self.predict)]

    def _accuracy(self, network: Any) -> dict[str, float]:
        found = {}
        for name, (pictures, labels) in self.tests.items():
            p = checked_probabilities(self.predict(network, pictures), "what predict returns")
            if len(p) != len(labels):
                raise InputError(f"predict returns {len(p)} rows for {len(labels)} pictures of {name!r}.")
            found[name] = float((p.argmax(1).cpu() == labels).double().mean())
        return found


def _labelled(given: Any, what: str) -> _Labelled:
    good = isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], Tensor)
    if not good or not given[0].numel() or not given[0].ndim or not readable(given[0]):
        raise InputError(f"{what} is {shown(given)}: expected (pictures, labels), with pictures (N, ...), not empty.")
    pictures, labels = given
    return pictures, checked_labels(labels, len(pictures), torch.iinfo(torch.int64).max, f"{what}'s labels").cpu()
