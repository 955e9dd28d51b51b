"""Strategies asked of a network: what it says of the pictures of a pool, and which of them it picks by that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor

from gradlab.core import InputError, LastLayer, Model, check_logits, last_layer, outputs_of
from gradlab.core.checks import whole_number
from gradlab.core.errors import did_you_mean
from gradlab.core.seeds import Seed, int_seed, torch_generator
from gradlab.evaluate.active import strategies
from gradlab.evaluate.batches import batches
from gradlab.evaluate.ood import logits_of

__all__ = ["PASSES", "STRATEGIES", "Predict", "Strategy", "ask", "check_strategy", "dropout_passes", "probabilities"]

PASSES = 20  # of BALD, where it is asked by name

# (what was fitted, pictures) -> probabilities (N, classes)
Predict: TypeAlias = Callable[[Any, Tensor], Tensor]
# (what was fitted, pictures, n, seed) -> n different indices of the pictures
Strategy: TypeAlias = Callable[[Any, Tensor, int, int], Tensor]

_SCORES = {
    "entropy": strategies.entropy,
    "least_confidence": strategies.least_confidence,
    "margin": strategies.margin,
}
STRATEGIES = ("random", *_SCORES, "bald", "badge")


def probabilities(model: Model, inputs: Tensor, *, extra_inputs: Sequence[Any] = ()) -> Tensor:
    """Return softmax of the network's logits (N, classes), in eval mode and under the state contract.

    Raises:
        InputError, ModelError: see their descriptions.

    Examples:
        >>> gradlab.evaluate.active.probabilities(net, torch.zeros(2, 1, 32, 32)).sum(1).round(decimals=4).tolist()
        [1.0, 1.0]
    """
    return logits_of(model, inputs, extra_inputs=extra_inputs).softmax(1)


def ask(
    strategy: str | Strategy,
    model: Model,
    inputs: Tensor,
    n: int,
    *,
    extra_inputs: Sequence[Any] = (),
    seed: Seed = 0,
    predict: Predict | None = None,
) -> Tensor:
    """Pick n pictures of a pool to be labelled next.

    For an :class:`gradlab.introspect.IntrospectiveNetwork` p is that of H, and BADGE reads the last layer of H. BALD
    drops units of f, whose features H then reads.

    Args:
        strategy: one of ``STRATEGIES``, or your own ``(model, inputs, n, seed) -> indices``, with an int for a seed.
        model: any ``nn.Module`` or a ``Classifier``; with ``predict`` anything, except for "bald" and "badge".
        inputs: the pool (N, C, H, W).
        n: how many.
        extra_inputs: what the model reads beside the pictures; tensors of length N go with their picture.
        seed: of what is drawn, and of the order of pictures with equal scores.
        predict: ``(model, inputs) -> p`` where only p is asked for, "entropy", "least_confidence" and "margin"; None:
            :func:`probabilities`.

    Returns:
        Indices (n,), no one twice.

    Raises:
        InputError: an unknown strategy, n that is not in 1 .. N, or what one of your own returned is no such indices.
        ModelError, LayerError: see their descriptions.

    Examples:
        >>> pool = net.normalize(gradlab.data.digits("test").pictures)
        >>> picked = gradlab.evaluate.active.ask("margin", net, pool, 3)
        >>> net(pool[picked]).softmax(1).amax(1).max() < 0.8
        tensor(True)
    """
    n, seed = whole_number(n, "n", 1), int_seed(seed)
    if callable(strategy):
        return _indices(strategy(model, inputs, n, seed), n, len(inputs))
    check_strategy(strategy)
    if strategy == "random":
        return strategies.random(len(inputs), n, seed)
    if strategy == "bald":
        passes = dropout_passes(model, inputs, extra_inputs=extra_inputs, seed=seed)
        return strategies.top(strategies.bald(passes), n, seed)
    if strategy == "badge":
        parts = [last_layer(model, part, extra_inputs=own) for part, own in batches(model, inputs, extra_inputs)]
        kept = LastLayer(torch.cat([f.logits for f in parts]), torch.cat([f.hidden for f in parts]))
        return strategies.badge(kept.logits.softmax(1), kept.hidden, n, seed=seed)
    p = probabilities(model, inputs, extra_inputs=extra_inputs) if predict is None else predict(model, inputs)
    return strategies.top(_SCORES[strategy](p), n, seed)


def check_strategy(strategy: Any) -> None:
    """Raise ``InputError`` unless this is a callable or one of ``STRATEGIES``."""
    if not callable(strategy) and strategy not in STRATEGIES:
        near = did_you_mean(str(strategy), STRATEGIES) or f" Expected one of {', '.join(STRATEGIES)}."
        raise InputError(f"There is no strategy {strategy!r}.{near}")


def dropout_passes(
    model: Model, inputs: Tensor, passes: int = PASSES, *, extra_inputs: Sequence[Any] = (), seed: Seed = 0
) -> Tensor:
    """Run the network ``passes`` times with units dropped at random, all else as in eval: Monte Carlo dropout.

    Gal and Ghahramani, Dropout as a Bayesian Approximation, ICML 2016. ``nn.Dropout`` and ``nn.Dropout1d`` to
    ``nn.Dropout3d`` drop, each picture its own units; dropout that a network calls as a function is not seen, and other
    randomness stays off. Without such a module, all passes are the same.

    Args:
        model: any ``nn.Module`` or a ``Classifier`` that returns logits (N, classes).
        inputs: normalised pictures (N, C, H, W).
        passes: M.
        extra_inputs: what the model reads beside the pictures; tensors of length N go with their picture.
        seed: of what is dropped. The global random state plays no part.

    Returns:
        Probabilities (M, N, classes).

    Raises:
        InputError, ModelError: see their descriptions.

    Examples:
        >>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Dropout(), torch.nn.Linear(4, 2))
        >>> made = gradlab.evaluate.active.dropout_passes(net, torch.ones(1, 1, 2, 2), 8, seed=0)
        >>> made.shape, len(made.unique(dim=0)) > 1
        (torch.Size([8, 1, 2]), True)
    """
    passes = whole_number(passes, "passes", 1)
    together, generator = list(batches(model, inputs, extra_inputs)), torch_generator(seed)
    found = []
    for _ in range(passes):
        runs = [outputs_of(model, x, extra_inputs=own, dropout=generator) for x, own in together]
        found.append(torch.cat([check_logits(outputs) for outputs in runs]).softmax(1))
    return torch.stack(found)


def _indices(given: Any, n: int, count: int) -> Tensor:
    picked: Tensor = given if isinstance(given, Tensor) else torch.as_tensor(given, device="cpu")
    good = picked.shape == (n,) and not picked.is_floating_point() and len(picked.unique()) == n
    if not good or int(picked.min()) < 0 or int(picked.max()) >= count:
        raise InputError(f"The strategy returned {picked}: expected {n} different indices below {count}.")
    return picked.long().cpu()
