"""Strategies asked of a network: what it says of the pictures of a pool, and which of them it picks by that."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor

from gradlab.core import InputError, LastLayer, Model, last_layer
from gradlab.core.checks import callable_of, check_untransformed, checked_extra, one_of, whole_number
from gradlab.core.dropout import NoDropout, dropped
from gradlab.core.errors import shown
from gradlab.core.precision import own_precision
from gradlab.core.seeds import Seed, int_seed, torch_generator
from gradlab.core.targets import check_logits
from gradlab.evaluate.active import strategies
from gradlab.evaluate.batches import batches
from gradlab.evaluate.ood import logits_of

__all__ = ["PASSES", "STRATEGIES", "Predict", "Strategy", "ask", "check_strategy", "dropout_passes", "probabilities"]

MOST_PASSES = 100_000
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

    Memory: 256 pictures run together, whatever N is.

    Raises:
        InputError, ModelError: see their descriptions.

    Examples:
        >>> gradlab.evaluate.active.probabilities(net, torch.zeros(2, 1, 32, 32)).sum(1).round(decimals=4).tolist()
        [1.0, 1.0]
    """
    return check_logits(logits_of(model, inputs, extra_inputs=extra_inputs), 2).softmax(1)


@own_precision
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
    drops units of f, whose features H then reads; where a network drops nothing, it cannot tell pictures apart: it
    warns, and picks at random.

    Memory: 256 pictures run together; BALD keeps M N classes numbers, BADGE h of all pictures.

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
    check_untransformed()
    n, seed = whole_number(n, "n", 1), int_seed(seed)
    check_strategy(strategy)
    if not isinstance(inputs, Tensor) or not inputs.ndim:
        raise InputError(f"inputs is {shown(inputs)}: expected the pool, (N, C, H, W).")
    checked_extra(extra_inputs)
    if predict is not None:
        callable_of(predict, "predict", "of (model, inputs)")
    whole_number(n, "n", 1, len(inputs))
    if callable(strategy):
        return _indices(strategy(model, inputs, n, seed), n, len(inputs))
    if strategy == "random":
        return strategies.random(len(inputs), n, seed)
    if strategy == "bald":
        try:
            passes = dropout_passes(model, inputs, extra_inputs=extra_inputs, seed=seed)
        except NoDropout as error:
            warnings.warn(f"{error} Picked at random.", stacklevel=2)
            return strategies.random(len(inputs), n, seed)
        return strategies.top(strategies.bald(passes), n, seed)
    if strategy == "badge":
        parts = [last_layer(model, part, extra_inputs=own) for part, own in batches(model, inputs, extra_inputs)]
        kept = LastLayer(torch.cat([f.logits for f in parts]), torch.cat([f.hidden for f in parts]))
        return strategies.badge(kept.logits.softmax(1), kept.hidden, n, seed=seed)
    p = probabilities(model, inputs, extra_inputs=extra_inputs) if predict is None else predict(model, inputs)
    return strategies.top(_SCORES[strategy](p), n, seed)


def check_strategy(strategy: Any, name: str = "strategy") -> None:
    """Raise ``InputError`` unless this is a callable or one of ``STRATEGIES``."""
    if not callable(strategy) or isinstance(strategy, type):
        one_of(strategy, name, STRATEGIES)


@own_precision
def dropout_passes(
    model: Model, inputs: Tensor, passes: int = PASSES, *, extra_inputs: Sequence[Any] = (), seed: Seed = 0
) -> Tensor:
    """Run the network ``passes`` times with units dropped at random, all else as in eval: Monte Carlo dropout.

    Gal and Ghahramani, Dropout as a Bayesian Approximation, ICML 2016. Modules drop (``nn.Dropout`` and its kin,
    ``nn.MultiheadAttention``), functions too (``F.dropout(x, p, training=self.training)``), each picture its own units.
    Other randomness stays off: stochastic depth, and a dropout that is asked for only where ``self.training``, as
    ``F.scaled_dot_product_attention`` is. Memory: M N classes numbers, beside ``BATCH`` pictures in the network.

    Args:
        model: any ``nn.Module`` or a ``Classifier`` that returns logits (N, classes).
        inputs: normalised pictures (N, C, H, W).
        passes: M.
        extra_inputs: what the model reads beside the pictures; tensors of length N go with their picture.
        seed: of what is dropped. The global random state is as it was afterwards.

    Returns:
        Probabilities (M, N, classes).

    Raises:
        InputError, ModelError: see their descriptions. No dropout ran: a ``ModelError``.

    Examples:
        >>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Dropout(), torch.nn.Linear(4, 2))
        >>> made = gradlab.evaluate.active.dropout_passes(net, torch.ones(1, 1, 2, 2), 8, seed=0)
        >>> made.shape, len(made.unique(dim=0)) > 1
        (torch.Size([8, 1, 2]), True)
    """
    passes = whole_number(passes, "passes", 1, MOST_PASSES)
    together, generator = list(batches(model, inputs, extra_inputs)), torch_generator(seed)
    return torch.stack([logits.softmax(1) for logits in dropped(model, together, passes, generator)])


def _indices(given: Any, n: int, count: int) -> Tensor:
    picked: Tensor = given if isinstance(given, Tensor) else torch.as_tensor(given, device="cpu")
    good = picked.shape == (n,) and not picked.is_floating_point() and len(picked.unique()) == n
    if not good or int(picked.min()) < 0 or int(picked.max()) >= count:
        raise InputError(f"The strategy returned {picked}: expected {n} different indices below {count}.")
    return picked.long().cpu()
