"""Gradients of every sample by itself, from one batched run, in pieces that fit in memory.

Layers that a rule covers (``rules.py``) need only what they read and what comes back to them, so one pull-back of the
batch serves all samples. All other parameters (of attention, of a layer that runs twice) go through ``torch.func`` and
the whole network, and what that cannot batch goes through plain autograd, one sample and one pull-back at a time: slow
and right. Nothing is assumed about a network: rules and ``torch.func`` are tried on the first pictures and compared
with autograd, and what differs takes the next slower road.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from gradlab.core.errors import LayerError, ModelError
from gradlab.core.inputs import Model, check_inputs, module_of
from gradlab.core.layers import asked_part
from gradlab.core.network import Network, ask
from gradlab.core.rules import Gradients, LinearPiece, Piece, Rule, piece_of, rule_of
from gradlab.core.samples import Kept, Samples, gradients_of, pulled
from gradlab.core.seeds import normal_draws

__all__ = ["PerSample", "per_sample"]

T = TypeVar("T")

ALONE = "pictures alone"  # in a network's memory: a picture's outputs do not depend on the others of its batch
PROBED = 3  # pictures on which the rules are compared with autograd
CHUNK_NUMBERS = 8_000_000  # gradients at the layers' outputs that are held together


def per_sample(
    work: Callable[[PerSample], T],
    model: Model,
    inputs: Tensor,
    *,
    layer: str | nn.Module | None = None,
    weight_alone: bool = False,
    extra_inputs: Sequence[Any] = (),
) -> T:
    """Return ``work`` of a network that is open for its per-sample gradients; frozen weights count too.

    Args:
        work: reads :meth:`PerSample.pieces`; done again where the weights are updated half-way.
        model: any ``nn.Module`` or a ``Classifier`` that returns logits (N, classes).
        inputs: normalised pictures (N, C, H, W).
        layer: whose weights (name or module, with its parts); None: those of the whole network.
        weight_alone: of that layer nothing but its own weight.
        extra_inputs: what the model reads beside the pictures; tensors of length N go with their picture.

    Raises:
        InputError, ModelError: see their descriptions. LayerError: an unknown layer, or one without weights.
    """
    x = check_inputs(model, inputs, extra_inputs)

    def opened(network: Network) -> T:
        names = _parameters(network, layer, weight_alone)
        return work(PerSample(Samples(network, network.prepared(x), extra_inputs), names))

    return ask(module_of(model), opened, trainable=True)


class PerSample:
    """Per-sample gradients by the named parameters of a network that is lent to us.

    Attributes: classes: of the logits. shapes: of the parameters, by name.
    """

    def __init__(self, samples: Samples, names: list[str]) -> None:
        self._samples = samples
        every = samples.parameters
        parameters = {name: every[name] for name in names}
        self.shapes = {name: p.shape for name, p in parameters.items()}
        self._ruled: dict[nn.Module, tuple[Rule, dict[str, str]]] = {}
        self._probe(parameters)

    def zeros(self, *shape: int) -> Tensor:
        """Return zeros where the pictures are, and of their type."""
        return self._samples.zeros(*shape)

    def pieces(self, passes: int, ask: Callable[[slice, Tensor], Tensor]) -> Iterator[Piece]:
        """Yield gradients of all parameters, a few samples and cotangents at a time.

        Args:
            passes: the most cotangents per sample that ``ask`` returns.
            ask: samples and their logits (n, classes) -> cotangents v (n, m, classes).

        Yields:
            Pieces whose gradients are sum_c v_c dz_c/d theta, (n, m', *shape), in the order of the samples.
        """
        n = len(self._samples)
        together = min(passes, max(1, CHUNK_NUMBERS // self._numbers))
        step = max(1, CHUNK_NUMBERS // (self._numbers * together))
        for start in range(0, n, step):
            rows = slice(start, min(start + step, n))
            logits, kept = self._samples.keeping(rows, self._ruled)
            for some in ask(rows, logits.detach()).split(together, dim=1):
                yield from self._pulled(rows, logits, kept, some)

    def _pulled(self, rows: slice, logits: Tensor, kept: dict[nn.Module, Kept], v: Tensor) -> Iterator[Piece]:
        if not all(part in kept and kept[part].clean for part in self._ruled):
            raise ModelError("A layer ran otherwise on some of these pictures than on the first: ask them one by one.")
        outputs = [kept[part].output for part in self._ruled]
        for (part, (rule, names)), arriving in zip(self._ruled.items(), pulled(logits, outputs, v), strict=True):
            yield piece_of(part, rule, rows, kept[part].read, arriving, names)
        if self._rest:
            yield Piece(rows, partial(self._road, self._rest, rows, v))

    def _probe(self, parameters: dict[str, Tensor]) -> None:
        """Keep the rules that agree with autograd on the first pictures, and find the road for the rest."""
        samples, rows = self._samples, slice(0, PROBED)
        logits = samples.logits(rows, record=True)
        v = normal_draws(*logits.shape, generator=torch.Generator().manual_seed(0)).to(logits)
        found = gradients_of(logits, parameters, v)
        logits = logits.detach()
        _check_reached(samples, rows, parameters, found, logits)
        self.classes = logits.shape[1]
        true = {name: torch.zeros_like(p) if (g := found[name]) is None else g for name, p in parameters.items()}
        largest = self._try_rules(rows, parameters, v, true)
        covered = {name for _, names in self._ruled.values() for name in names.values()}
        self._rest = [name for name in parameters if name not in covered]
        # Per sample and pull-back: the largest layer's gradients, all of the rest's, and what arrives at the outputs.
        self._numbers += largest + _numbers(parameters, self._rest)
        self._road = samples.by_loop
        mine = self._check_alone(logits, v, {name: parameters[name] for name in self._rest})
        if self._rest and self._batches(rows, v, true, mine):
            self._road = samples.by_func

    def _check_alone(self, logits: Tensor, v: Tensor, rest: Mapping[str, Tensor]) -> Mapping[str, Tensor | None]:
        """Refuse pictures that change each other's outputs; return the first one's gradients of the rest."""
        memory = self._samples.network.memory
        if not rest and (len(logits) == 1 or ALONE in memory):
            return {}
        first = self._samples.logits(slice(0, 1), record=bool(rest))
        if not _close(first.detach(), logits[:1]):
            raise ModelError(
                "The pictures of a batch change each other's outputs (batch statistics do, for one), so none has "
                "gradients of its own: ask one picture at a time, inputs[i:i + 1]."
            )
        if len(logits) > 1:
            memory[ALONE] = True
        return gradients_of(first, rest, v[:1]) if rest else {}

    def _try_rules(self, rows: slice, parameters: dict[str, Tensor], v: Tensor, true: Mapping[str, Tensor]) -> int:
        """Keep the rules that agree with autograd; return the most numbers that one of them makes per pull-back."""
        own = _own_names(self._samples.network.parts, parameters)
        logits, kept = self._samples.keeping(rows, own)
        tried = [part for part in own if part in kept and kept[part].clean]
        alone = torch.zeros_like(v)
        alone[0] = v[0]  # of the first sample: nothing may arrive at the others' rows
        both = torch.stack([v, alone], 1)
        largest = self._numbers = 0
        try:
            arrived = pulled(logits, [kept[part].output for part in tried], both)
        except RuntimeError:  # no gradients but by backward(), as with re-entrant checkpointing
            return 0
        for part, g in zip(tried, arrived, strict=True):
            rule, names = own[part]
            piece = piece_of(part, rule, rows, kept[part].read, g[:, :1], names)
            if bool((g[1:, 1] == 0).all()) and _agrees(piece.sums, true):
                self._ruled[part] = rule, names
                self._numbers += kept[part].output[0].numel()
                linear = isinstance(piece, LinearPiece)
                largest = max(largest, 0 if linear else _numbers(parameters, names.values()))
        return largest

    def _batches(self, rows: slice, v: Tensor, true: Mapping[str, Tensor], mine: Mapping[str, Tensor | None]) -> bool:
        """Tell whether torch.func gives autograd's gradients of all these pictures, and of the first one alone."""
        cotangents = torch.stack([v, -2 * v], 1)

        def sums() -> Gradients:
            found = self._samples.by_func(self._rest, rows, cotangents)
            # of the second pull-back what the first left over, so that a mixture of the two is seen
            return {n: torch.stack([*g.sum(0), *(g[0])]) for n, g in found.items()}

        def expected(name: str) -> Tensor:
            alone = torch.zeros_like(true[name]) if (g := mine[name]) is None else g
            return torch.stack([true[name], -2 * true[name], alone, -2 * alone])

        return _agrees(sums, {name: expected(name) for name in self._rest})


def _check_reached(
    samples: Samples, rows: slice, parameters: dict[str, Tensor], found: Mapping[str, Tensor | None], logits: Tensor
) -> None:
    """Refuse weights on which the logits depend, but to which no gradient comes, and such that nothing depends on."""
    unreached = [name for name, g in found.items() if g is None]
    if not unreached:
        return
    moved = {name: 1.25 * parameters[name].detach() + 0.1 for name in unreached}
    if not _close(samples.logits(rows, moved).detach(), logits, slack=1e-6):
        raise LayerError(
            f"The outputs depend on {unreached[0]!r}, but the model's forward cuts its gradient (torch.no_grad, "
            "detach, a checkpoint without use_reentrant=False): take that out, or name a layer= after it."
        )
    if len(unreached) == len(found):
        raise LayerError("The outputs do not depend on the weights of this layer: choose another.")


def _numbers(parameters: Mapping[str, Tensor], names: Iterable[str]) -> int:
    return sum(parameters[name].numel() for name in names)


def _agrees(offered: Callable[[], Gradients], true: Mapping[str, Tensor]) -> bool:
    """Tell whether an offer gives the true gradients; whatever goes wrong on the way is a no."""
    try:
        return all(total.shape == true[name].shape and _close(total, true[name]) for name, total in offered().items())
    except Exception:
        return False


def _close(found: Tensor, true: Tensor, slack: float = 1.0) -> bool:
    """Compare up to rounding, of which sums over many cells have plenty; half precision cannot have as much."""
    slack *= min(1e4 * torch.finfo(true.dtype).eps, 0.05)
    return bool((found - true).abs().max() <= slack * true.abs().max())


def _own_names(
    parts: Mapping[nn.Module, str], parameters: Mapping[str, Tensor]
) -> dict[nn.Module, tuple[Rule, dict[str, str]]]:
    """Return, for each layer with a rule, the rule and the asked names of its own weight and bias; no shared ones."""
    names = {id(p): name for name, p in parameters.items()}
    owners = Counter(id(p) for part in parts for p in part.parameters(recurse=False))
    found = {}
    for part in parts:
        rule, held = rule_of(part), dict(part.named_parameters(recurse=False))
        own = {key: names[id(p)] for key in ("weight", "bias") if id(p := held.get(key)) in names}
        if own and rule is not None and all(owners[id(held[key])] == 1 for key in own):
            found[part] = rule, own
    return found


def _parameters(network: Network, layer: str | nn.Module | None, weight_alone: bool) -> list[str]:
    """Return the dotted names of the parameters of a layer with its parts, or of the whole network."""
    part = network.module if layer is None else asked_part(network, layer)
    name = network.parts[part]
    prefix = f"{name}." if name else ""
    if weight_alone:
        if part._parameters.get("weight") is None:
            raise LayerError(f"Layer {name!r} ({type(part).__name__}) has no weight of its own.")
        return [f"{prefix}weight"]
    names = [prefix + own for own, p in part.named_parameters() if p.is_floating_point()]
    if not names:
        what = f"Layer {name!r}" if name else "The model"
        raise LayerError(f"{what} has no weights to differentiate by: see model.named_parameters().")
    return names
