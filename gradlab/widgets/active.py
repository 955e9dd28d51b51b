"""Which label is worth buying next? A pool in two dimensions, what each strategy asks, and what its labels earn."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
import traitlets
from torch import Tensor

from gradlab.core.checks import checked_labels, checked_rows, instance, instances, names_of, one_of, whole_number
from gradlab.core.errors import InputError, shown
from gradlab.core.seeds import Seed
from gradlab.explain.drawing import GREY
from gradlab.introspect import last_layer
from gradlab.widgets.chart_widget import BLUE, GREEN, ORANGE, ChartWidget, chart_picture, check_names, check_seed
from gradlab.widgets.choices import Choices, choice
from gradlab.widgets.introspect import reads_digits
from gradlab.widgets.labelling import STRATEGIES, Game, World, budgets
from gradlab.widgets.panels import checked_pictures
from gradlab.widgets.panels import shown as tiles_of
from gradlab.widgets.picture_widget import check_classifier
from gradlab.widgets.wire import packed

if TYPE_CHECKING:
    from gradlab.models import Classifier

__all__ = ["Active", "active"]

MOST, MOST_NUMBERS = 2000, 1_000_000  # pictures of a pool, and values of h, that a browser learns from without delay
MOST_CLASSES = 26  # marks that an eye can tell apart
POOL, TEST = 600, 400  # digits by default
SIDE = 16  # pixels of what would be asked next
BATCH = 64
GENERIC = "If the network that gave h was trained with these labels, the game is easier than a real one."
NOTES = {
    "trained": "h comes from a network that was trained with all the labels of this pool: the game is easier than a "
    "real one, where nobody has them yet.",
    "untrained": "h comes from the same network before its training: random features that no label has touched.",
}


class Active(ChartWidget, Choices, front="active"):
    """The widget that :func:`active` returns.

    Attributes:
        network: whose h is looked at, its name.
        strategy: that buys: "random", "entropy", "least_confidence", "margin" or "badge".
        played: how many rounds have been bought, {network: {strategy: rounds}}.
    """

    _chosen = ("network", "strategy", "played")
    network = choice("")
    strategy = choice("margin")
    played = choice({})

    def __init__(self, game: Game, worlds: list[World], **start: Any) -> None:
        self._game = instance(game, "game", Game, "a Game")
        self._worlds = instances(worlds, "worlds", World, "a list of Worlds")
        sent = {"worlds": [each.answer() for each in worlds], "strategies": ["random", *STRATEGIES]}
        super().__init__(start={**game.answer(), **sent, **start})
        self._settle(network=self._worlds[0].name)

    @traitlets.validate("network")
    def _check_network(self, proposal: Any) -> str:
        return str(one_of(proposal["value"], "network", [world.name for world in self._worlds]))

    @traitlets.validate("strategy")
    def _check_strategy(self, proposal: Any) -> str:
        return str(one_of(proposal["value"], "strategy", ("random", *STRATEGIES)))

    @traitlets.validate("played")
    def _check_played(self, proposal: Any) -> dict[str, dict[str, int]]:
        given = instance(proposal["value"], "played", Mapping, "a dictionary {network: {strategy: rounds}}")
        found = {}
        for network, rounds in given.items():
            one_of(network, "a network in played", [world.name for world in self._worlds])
            each = instance(rounds, f"played[{network!r}]", Mapping, "a dictionary {strategy: rounds}")
            for strategy in each:
                one_of(strategy, "a strategy in played", ("random", *STRATEGIES))
            limit = self._game.rounds
            found[network] = {name: whole_number(n, "rounds in played", 0, limit) for name, n in each.items()}
        return found

    @functools.cached_property
    def _played(self) -> list[dict[str, list[float]]]:
        return [self._game.play(world)[0] for world in self._worlds]

    def _short(self) -> str:
        game, rounds = self._game, self.played.get(self.network, {}).get(self.strategy, 0)
        return (
            f"A pool of {len(game.truth[0])} pictures: {game.start} labels at random, then {game.batch} at a time up "
            f"to {budgets(game)[-1]}; {budgets(game)[rounds]} bought by {self.strategy.replace('_', ' ')}, h of "
            f"{self.network}."
        )

    def _sentence(self) -> str:
        told = []
        for world, curves in zip(self._worlds, self._played, strict=True):
            ends = ", ".join(f"{name.replace('_', ' ')} {curve[-1]:.3f}" for name, curve in curves.items())
            told.append(f"h of {world.name}: accuracy {curves['random'][0]:.3f} at the start, at the end {ends}")
        return f"{self._short()} {'; '.join(told)}."

    def _picture(self) -> bytes:
        at = budgets(self._game)

        def draw(axes: Any) -> None:
            for axis, world, curves in zip(axes, self._worlds, self._played, strict=True):
                styles = zip(STRATEGIES, (BLUE, ORANGE, GREEN, "#8a4fb0"), ("o", "s", "^", "D"), strict=True)
                for name, colour, mark in styles:
                    label = name.replace("_", " ")
                    axis.plot(at, curves[name], color=colour, marker=mark, markersize=3, label=label)
                axis.plot(at, curves["random"], "--", color=GREY, label="random")
                axis.set(title=f"h of {world.name}", xlabel="labels bought")
            axes[0].set(ylabel="accuracy")
            axes[0].legend(fontsize=8)

        return chart_picture(draw, len(self._worlds), 3.0)


def active(
    net: Classifier | Mapping[str, Classifier] | None = None,
    pool: tuple[Tensor, Any] | None = None,
    test: tuple[Tensor, Any] | None = None,
    *,
    start: int = 20,
    batch: int = 10,
    rounds: int = 18,
    names: Sequence[str] | None = None,
    seed: Seed = 0,
) -> Active:
    """Buy labels a few at a time: see what each strategy asks next, and what its labels are worth.

    h of the pool is sent once, with its two principal components; a softmax head on h is trained anew in the browser
    after each purchase, so that nothing asks the kernel. Strategies are those of
    :mod:`gradlab.evaluate.active`, asked of that head: entropy, least confidence, margin and BADGE; beside them
    always the control, the mean and range over five random orders. The head has no dropout, so BALD would be 0 for
    every picture and is not offered.

    Args:
        net: a ``Classifier`` whose logits come from a linear layer, or a mapping of names to such; None, where ``pool``
            holds pictures or nothing: ``gradlab.models.digits()`` and, as the control, the same before its training.
        pool: pictures (N, C, H, W) in 0 to 1, or h itself (N, d), and their labels (N,); None: 600 training digits.
        test: pictures or h and labels on which the head is judged; None: the test digits.
        start: labels bought at random, the same for all strategies.
        batch: labels bought at a time.
        rounds: purchases up to the end.
        names: of the classes, where ``pool`` holds h; None calls them 0, 1, 2 ...
        seed: of all lots.

    Raises:
        InputError: pictures or h that do not fit, are empty, too many, or hold NaN; more labels than pictures.
        TargetError: labels that do not fit.
        ModelError, LayerError: as in the engine, before anything is shown.

    Examples:
        >>> gradlab.widgets.active(batch=50, rounds=2)
        Active: A pool of 600 pictures: 20 labels at random, then 50 at a time up to 120; 20 bought by margin, h of ...
    """
    seed = check_seed(seed)
    labels, inner, outer, hidden, notes, small = _read(net, pool, test, names, seed)
    start, batch = whole_number(start, "start", 1), whole_number(batch, "batch", 1)
    rounds = whole_number(rounds, "rounds", 1)
    if start + batch * rounds > len(inner):
        raise InputError(f"start + batch * rounds = {start + batch * rounds} labels: the pool has {len(inner)}.")
    worlds = [World.of(name, *each) for name, each in hidden.items()]
    game = Game((inner, outer), len(labels), start, batch, rounds, seed)
    tiles = None if small is None else packed(small, "uint8")
    return Active(game, worlds, labels=labels, notes=notes, tiles=tiles)


def _read(net: Any, pool: Any, test: Any, names: Any, seed: int) -> tuple[Any, ...]:
    """Return class names, labels of pool and test, h of both by network, its notes, and the pool's pictures if any."""
    notes: list[str] | None = None
    given = isinstance(pool, tuple) and len(pool) == 2 and isinstance(pool[0], Tensor) and pool[0].ndim == 2
    if given:
        if net is not None:
            raise InputError("pool holds h (N, d), so no network is asked: leave net out.")
        inner, outer = (_pair(each, name) for each, name in ((pool, "pool"), (test, "test")))
        pair = tuple(checked_rows(each[0], name).cpu() for each, name in ((inner, "pool"), (outer, "test")))
        if pair[0].shape[1] != pair[1].shape[1]:
            raise InputError(f"test holds h of {pair[1].shape[1]} numbers, and pool of {pair[0].shape[1]}.")
        any_class = torch.iinfo(torch.int64).max
        both = zip((inner, outer), pair, ("pool", "test"), strict=True)
        found = [checked_labels(each[1], len(h), any_class, f"{name}'s labels") for each, h, name in both]
        highest = 1 + int(torch.cat(found).max())
        if names is None and highest > MOST_CLASSES:
            raise InputError(f"There are {highest} classes: expected 2 to {MOST_CLASSES}.")
        given_names = list(map(str, range(highest))) if names is None else names_of(names, "names")
        labels = check_names(given_names, len(given_names), "names", ())
        hidden, small = {"the given h": pair}, None
    else:
        if net is None:
            net = _digits(seed)
            notes = list(NOTES.values()) if pool is None else None
        nets = dict(net) if isinstance(net, Mapping) else {getattr(net, "name", "network"): net}
        for each in nets.values():
            check_classifier(each, "active")
        first = next(iter(nets.values()), None)
        if first is None or any(list(each.labels) != list(first.labels) for each in nets.values()):
            raise InputError("net holds no network, or networks of different classes.")
        inner, outer = _pair(*_default(pool, "train", POOL, first)), _pair(*_default(test, "test", TEST, first))
        labels = list(first.labels)
        if names is not None:
            raise InputError("names are of classes where pool holds h: a network brings its own, so leave them out.")
        seen = [checked_pictures(first, each[0], MOST, name) for each, name in ((inner, "pool"), (outer, "test"))]
        hidden = {str(name): tuple(_hidden(each, pictures) for pictures in seen) for name, each in nets.items()}
        small = tiles_of(seen[0], SIDE)
    if not 2 <= len(labels) <= MOST_CLASSES:
        raise InputError(f"There are {len(labels)} classes: expected 2 to {MOST_CLASSES}.")
    for two in hidden.values():
        if max(map(len, two)) > MOST or max(h.numel() for h in two) > MOST_NUMBERS:
            raise InputError(f"h is {tuple(two[0].shape)}: expected at most {MOST} rows and {MOST_NUMBERS} numbers.")
    sizes = [len(each) for each in next(iter(hidden.values()))]
    both_sizes = zip((inner, outer), sizes, ("pool", "test"), strict=True)
    truth = [checked_labels(each[1], n, len(labels), f"{name}'s labels").cpu() for each, n, name in both_sizes]
    return labels, *truth, hidden, notes or [GENERIC] * len(hidden), small


def _pair(given: Any, name: str) -> tuple[Any, Any]:
    if not isinstance(given, tuple) or len(given) != 2 or given[1] is None:
        raise InputError(f"{name} is {shown(given)}: expected (pictures or h, labels).")
    return given


def _default(given: Any, split: str, count: int, net: Classifier) -> tuple[Any, str]:
    from gradlab.data import digits

    name = "pool" if split == "train" else "test"
    if given is not None:
        return given, name
    if not reads_digits(net):
        raise InputError(f"{name} is None, and this network reads no digits: pass (pictures, labels).")
    found = digits(split)
    return (found.pictures[:count], found.labels[:count]), name


def _digits(seed: int) -> dict[str, Any]:
    from gradlab.models.small import digits, untrained_digits

    with torch.random.fork_rng(devices=[]):  # weights are drawn from the global state, which is put back
        torch.manual_seed(seed)
        untrained = untrained_digits()
        return {"the trained network": digits(), "the untrained network": untrained}


def _hidden(net: Classifier, seen: Tensor) -> Tensor:
    parts = [last_layer(net, net.normalize(some)).hidden.detach().cpu() for some in seen.split(BATCH)]
    found: Tensor = torch.cat(parts).double()
    return found
