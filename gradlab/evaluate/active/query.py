"""Strategies asked of a network: what it says of the pictures of a pool, and which of them it picks by that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor

from gradlab.core import InputError, LastLayer, check_logits, last_layer, outputs_of
from gradlab.core.errors import did_you_mean
from gradlab.core.inputs import check_inputs
from gradlab.evaluate.active import strategies
from gradlab.evaluate.ood import logits_of
from gradlab.introspect.extraction import BATCH

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


def probabilities(model: Any, inputs: Tensor) -> Tensor:
    """Return softmax of the network's logits (N, classes), in eval mode and under the state contract.

    Raises:
        InputError, ModelError: see their descriptions.
    """
    return logits_of(model, inputs).softmax(1)


def ask(
    strategy: str | Strategy, model: Any, inputs: Tensor, n: int, seed: int = 0, predict: Predict = probabilities
) -> Tensor:
    """Pick n pictures of a pool to be labelled next.

    For an :class:`gradlab.introspect.IntrospectiveNetwork` p is that of H, and BADGE reads the last layer of H. BALD
    drops units of f, whose features H then reads.

    Args:
        strategy: one of ``STRATEGIES``, or your own ``(model, inputs, n, seed) -> indices``.
        model: any ``nn.Module`` or a ``Classifier``; with ``predict`` anything, except for "bald" and "badge".
        inputs: the pool (N, C, H, W).
        n: how many.
        seed: of what is drawn, and of the order of pictures with equal scores.
        predict: gives p where only p is asked for: "entropy", "least_confidence", "margin".

    Returns:
        Indices (n,), no one twice.

    Raises:
        InputError: an unknown strategy, n that is not in 1 .. N, or what one of your own returned is no such indices.
        ModelError, LayerError: see their descriptions.
    """
    if callable(strategy):
        return _indices(strategy(model, inputs, n, seed), n, len(inputs))
    check_strategy(strategy)
    if strategy == "random":
        return strategies.random(len(inputs), n, seed)
    if strategy == "bald":
        return strategies.top(strategies.bald(dropout_passes(model, inputs, PASSES, seed)), n, seed)
    if strategy == "badge":
        parts = [last_layer(model, part) for part in check_inputs(model, inputs).split(BATCH)]
        kept = LastLayer(torch.cat([f.logits for f in parts]), torch.cat([f.hidden for f in parts]))
        return strategies.badge(kept.logits.softmax(1), kept.hidden, n, seed)
    return strategies.top(_SCORES[strategy](predict(model, inputs)), n, seed)


def check_strategy(strategy: Any) -> None:
    """Raise ``InputError`` unless this is a callable or one of ``STRATEGIES``."""
    if not callable(strategy) and strategy not in STRATEGIES:
        near = did_you_mean(str(strategy), STRATEGIES) or f" Expected one of {', '.join(STRATEGIES)}."
        raise InputError(f"There is no strategy {strategy!r}.{near}")


def dropout_passes(model: Any, inputs: Tensor, passes: int = PASSES, seed: int = 0) -> Tensor:
    """Run the network ``passes`` times with units dropped at random, all else as in eval: Monte Carlo dropout.

    Gal and Ghahramani, Dropout as a Bayesian Approximation, ICML 2016. ``nn.Dropout`` and ``nn.Dropout1d`` to
    ``nn.Dropout3d`` drop, each picture its own units; dropout that a network calls as a function is not seen, and other
    randomness stays off. Without such a module, all passes are the same.

    Args:
        model: any ``nn.Module`` or a ``Classifier`` that returns logits (N, classes).
        inputs: normalised pictures (N, C, H, W).
        passes: M.
        seed: of what is dropped. The global random state plays no part.

    Returns:
        Probabilities (M, N, classes).

    Raises:
        InputError, ModelError: see their descriptions.
    """
    if isinstance(passes, bool) or not isinstance(passes, int) or passes < 1:
        raise InputError(f"passes is {passes!r}: expected a whole number of at least 1.")
    x = check_inputs(model, inputs)
    found = []
    generator = torch.Generator().manual_seed(seed)
    for _ in range(passes):
        logits = [check_logits(outputs_of(model, part, dropout=generator)) for part in x.split(BATCH)]
        found.append(torch.cat(logits).softmax(1))
    return torch.stack(found)


def _indices(given: Any, n: int, count: int) -> Tensor:
    picked: Tensor = torch.as_tensor(given)
    good = picked.shape == (n,) and not picked.is_floating_point() and len(picked.unique()) == n
    if not good or int(picked.min()) < 0 or int(picked.max()) >= count:
        raise InputError(f"The strategy returned {picked}: expected {n} different indices below {count}.")
    return picked.long().cpu()
