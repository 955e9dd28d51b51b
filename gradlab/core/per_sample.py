"""Gradients of every sample by itself, from one batched run, in pieces that fit in memory.

Layers that a rule covers (``rules.py``) need only what they read and what comes back to them, so one pull-back of the
batch serves all samples. All other parameters (attention, class tokens, layer norms) go through ``torch.func``. Nothing
is assumed about a network: the rules are tried on the first pictures and compared with autograd, and a layer on
which the two differ goes through ``torch.func`` as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from gradlab.core.errors import LayerError, ModelError
from gradlab.core.inputs import Model, check_inputs, goes_along, module_of, own_inputs
from gradlab.core.layers import asked_part
from gradlab.core.network import Network, ask, recording
from gradlab.core.rules import Gradients, LinearPiece, Piece, piece_of, ruled
from gradlab.core.seeds import normal_draws
from gradlab.core.targets import check_logits

__all__ = ["Kept", "PerSample", "per_sample"]

T = TypeVar("T")

PROBED = 3  # pictures on which the rules are compared with autograd
CHUNK_NUMBERS = 8_000_000  # gradients at the layers' outputs that are held together


@dataclass
class Kept:
    """What a layer read and gave; ``clean``: it ran once, with one row per sample."""

    read: Tensor
    output: Tensor
    clean: bool


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
    x = check_inputs(model, inputs)

    def opened(network: Network) -> T:
        names = _parameters(network, layer, weight_alone)
        return work(PerSample(network, network.prepared(x), names, extra_inputs))

    return ask(module_of(model), opened, trainable=True)


class PerSample:
    """Per-sample gradients by the named parameters of a network that is lent to us.

    Attributes: classes: of the logits. shapes: of the parameters, by name.
    """

    def __init__(self, network: Network, x: Tensor, names: list[str], extra: Sequence[Any]) -> None:
        self._network, self._x, self._extra = network, x, extra
        parameters = {name: network.module.get_parameter(name) for name in names}
        self.shapes = {name: p.shape for name, p in parameters.items()}
        self._ruled = _own_names(network.parts, parameters)
        self._rest: dict[str, Tensor] = dict(parameters)
        self._probe(slice(0, PROBED))

    def pieces(self, passes: int, ask: Callable[[slice, Tensor], Tensor]) -> Iterator[Piece]:
        """Yield gradients of all parameters, a few samples and cotangents at a time.

        Args:
            passes: the most cotangents per sample that ``ask`` returns.
            ask: samples and their logits (n, classes) -> cotangents v (n, m, classes).

        Yields:
            Pieces whose gradients are sum_c v_c dz_c/d theta, (n, m', *shape), in the order of the samples.
        """
        together = min(passes, max(1, CHUNK_NUMBERS // self._numbers))
        step = max(1, CHUNK_NUMBERS // (self._numbers * together))
        for start in range(0, len(self._x), step):
            rows = slice(start, min(start + step, len(self._x)))
            logits, kept = self._run(rows)
            for some in ask(rows, logits.detach()).split(together, dim=1):
                yield from self._pulled(rows, logits, kept, some)

    def _pulled(self, rows: slice, logits: Tensor, kept: dict[nn.Module, Kept], v: Tensor) -> Iterator[Piece]:
        outputs = {part: kept[part].output for part in self._ruled}
        for part, arriving in zip(outputs, _pull(logits, [*outputs.values()], v), strict=True):
            if not kept[part].clean:
                raise ModelError(f"Layer {type(part).__name__} ran otherwise on these pictures than on the first ones.")
            yield piece_of(part, rows, kept[part].read, arriving, self._ruled[part])
        if self._rest:
            yield Piece(rows, partial(self._by_func, rows, v))

    def _run(self, rows: slice) -> tuple[Tensor, dict[nn.Module, Kept]]:
        """Run the network; gradients are on from the first layer that is asked about."""
        kept: dict[nn.Module, Kept] = {}
        x = self._x[rows]

        def keep(part: nn.Module, args: tuple[Any, ...], output: Any) -> Tensor | None:
            clean = part not in kept and len(args) == 1 and len(args[0]) == len(output) == len(x)
            if part in kept:
                kept[part].clean = False
                return None
            leaf: Tensor = output if output.requires_grad else output.detach().requires_grad_()
            # A copy, and a copy handed on: what runs later may rewrite either in place.
            read = args[0].detach().clone() if args else output.detach()
            kept[part] = Kept(read, leaf, clean)
            torch._C._set_grad_enabled(True)
            return leaf.clone()

        logits = check_logits(
            self._network(x, *own_inputs(self._extra, rows, len(self._x)), after=dict.fromkeys(self._ruled, keep)), 2
        )
        return logits, kept

    def _probe(self, rows: slice) -> None:
        """Keep the rules that agree with autograd on these pictures; what they do not cover is the rest."""
        parameters = self._rest
        with recording():
            logits = check_logits(
                self._network(self._x[rows], *own_inputs(self._extra, rows, len(self._x)), record=True), 2
            )
            if not logits.requires_grad:
                raise LayerError("The outputs do not depend on the weights of this layer: choose another.")
            v = normal_draws(*logits.shape, generator=torch.Generator().manual_seed(0)).to(logits)
            found = torch.autograd.grad(logits, list(parameters.values()), v, allow_unused=True)
        if all(g is None for g in found):
            raise LayerError("The outputs do not depend on the weights of this layer: choose another.")
        true = {n: torch.zeros_like(p) if g is None else g for (n, p), g in zip(parameters.items(), found, strict=True)}
        self.classes = logits.shape[1]
        logits, kept = self._run(rows)
        tried = {part: names for part, names in self._ruled.items() if part in kept and kept[part].clean}
        alone = torch.zeros_like(v)
        alone[0] = v[0]  # of the first sample: nothing may arrive at the others' rows
        arriving = _pull(logits, [kept[part].output for part in tried], torch.stack([v, alone], 1))
        self._ruled, largest = {}, 0
        for (part, names), g in zip(tried.items(), arriving, strict=True):
            piece = piece_of(part, rows, kept[part].read, g[:, :1], names)
            if bool((g[1:, 1] == 0).all()) and all(_close(total, true[name]) for name, total in piece.sums().items()):
                self._ruled[part] = names
                largest = max(largest, 0 if isinstance(piece, LinearPiece) else _numbers(parameters, names.values()))
        covered = {name for names in self._ruled.values() for name in names.values()}
        self._rest = {name: p for name, p in parameters.items() if name not in covered}
        # Per sample and pull-back: the largest layer's gradients, all of the rest's, and what arrives at the outputs.
        self._numbers = largest + _numbers(parameters, self._rest)
        self._numbers += sum(kept[part].output[0].numel() for part in self._ruled)

    def _by_func(self, rows: slice, v: Tensor) -> Gradients:
        """Return the gradients of the parameters that no rule covers, by one batched call, (n, m, *shape)."""
        rest = {name: p.detach() for name, p in self._rest.items()}
        extra = own_inputs(self._extra, rows, len(self._x))
        follows = [goes_along(e, len(self._x)) for e in self._extra]

        def one(picture: Tensor, mine: Tensor, *further: Any) -> Gradients:
            own = [e[None] if each else e for e, each in zip(further, follows, strict=True)]

            def outputs(weights: Gradients) -> Tensor:
                logits: Tensor = torch.func.functional_call(self._network.module, weights, (picture[None], *own))
                return logits[0]

            pull = torch.func.vjp(outputs, rest)[1]
            found: Gradients = torch.func.vmap(lambda c: pull(c)[0])(mine)
            return found

        by_sample = (0, 0, *(0 if each else None for each in follows))
        try:
            gradients: Gradients = torch.func.vmap(one, in_dims=by_sample)(self._x[rows], v, *extra)
        except RuntimeError as error:
            raise ModelError(
                f"torch.func cannot batch this network by {', '.join(rest)}: {error} Ask a layer= of its own."
            ) from error
        return gradients


def _pull(logits: Tensor, outputs: list[Tensor], v: Tensor) -> list[Tensor]:
    """Return v's gradients at each of the outputs, (n, m, ...)."""
    if not outputs:
        return []
    cotangents = v.transpose(0, 1)
    pulled: Any = partial(torch.autograd.grad, logits, outputs, retain_graph=True, allow_unused=True)
    with recording():
        try:
            found = pulled(cotangents, is_grads_batched=True)
        except RuntimeError:  # a step that cannot be batched: one after another, slow and right
            columns = zip(*(pulled(each) for each in cotangents), strict=True)
            found = tuple(None if column[0] is None else torch.stack(column) for column in columns)
    return [
        output.new_zeros(*v.shape[:2], *output.shape[1:]) if g is None else g.transpose(0, 1)
        for output, g in zip(outputs, found, strict=True)
    ]


def _numbers(parameters: Mapping[str, Tensor], names: Iterable[str]) -> int:
    return sum(parameters[name].numel() for name in names)


def _close(found: Tensor, true: Tensor) -> bool:
    return bool((found - true).abs().max() <= 1e4 * torch.finfo(true.dtype).eps * true.abs().max())


def _own_names(parts: Mapping[nn.Module, str], parameters: Mapping[str, Tensor]) -> dict[nn.Module, dict[str, str]]:
    """Return, for each layer that a rule covers, the asked names of its own weight and bias; none of shared ones."""
    names = {id(p): name for name, p in parameters.items()}
    owners = Counter(id(p) for part in parts for p in part._parameters.values())
    found = {}
    for part in parts:
        own = {key: p for key, p in part._parameters.items() if id(p) in names}
        if own and ruled(part) and all(owners[id(p)] == 1 for p in own.values()):
            found[part] = {key: names[id(p)] for key, p in own.items()}
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
