"""A model as a function that leaves no traces: in eval mode, beside whoever trains it, interrupted or not.

It runs on a :class:`~gradlab.core.shadow.Shadow`, where there is nothing to put back. Where a shadow cannot stand in,
the model itself is borrowed under a lock and given back as it was; that is found out by a check: no function closes
over the original, and in its first run the shadow meets none of the original's own tensors.
"""

from __future__ import annotations

import contextlib
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from gradlab.core.batches import answers_by_chance, one_by_one, sees_others
from gradlab.core.batchnorm import steadied
from gradlab.core.borrow import KEY, Hook, Hooks, borrowed, on_behalf
from gradlab.core.checks import check_untransformed
from gradlab.core.copies import copy_of
from gradlab.core.errors import BY_CHANCE, CHECKPOINTED, FOLLOWED, OVERFLOWN, REWRITTEN, GradlabError, ModelError
from gradlab.core.first_run import Watch, misfit, rewound
from gradlab.core.interrupts import and_back, recording
from gradlab.core.precision import own_precision
from gradlab.core.shadow import (
    FORWARD_HOOKS,
    CannotShadow,
    Shadow,
    check_initialised,
    clears,
    forget,
    walk,
)

__all__ = ["Network", "Weights", "WeightsChanged", "ask"]

T = TypeVar("T")

ATTEMPTS = 3  # before an explanation that meets updates of the weights takes a copy of them
MOST_KEPT = 2  # shadows of one model: as many threads may ask it without making new ones

_kept: weakref.WeakKeyDictionary[nn.Module, list[Shadow]] = weakref.WeakKeyDictionary()
_newest: weakref.WeakKeyDictionary[nn.Module, weakref.ref[Shadow]] = weakref.WeakKeyDictionary()
_running = threading.local()  # the network that this thread runs
_borrowed: weakref.WeakKeyDictionary[nn.Module, dict[Any, Any]] = weakref.WeakKeyDictionary()


class WeightsChanged(ModelError):
    """The weights were updated between a run and what was asked of it."""


class Weights:
    """The weights at one moment, to tell whether they were updated since."""

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        for p in tensors:
            check_initialised(p)
        self._tensors = [p for p in tensors if not p.is_inference()]
        self._versions = [p._version for p in self._tensors]

    def same(self) -> bool:
        """Tell whether they were not."""
        return [p._version for p in self._tensors] == self._versions

    def check(self) -> None:
        """Raise ``WeightsChanged`` if they were."""
        if not self.same():
            raise WeightsChanged("The model's weights were updated while it was explained: run it again.")

    @contextlib.contextmanager
    def steady(self) -> Iterator[None]:
        """Check them on the way out; whatever an update has made go wrong comes out as ``WeightsChanged`` too."""
        try:
            yield
        except Exception:
            self.check()
            if threading.active_count() > 1:
                time.sleep(0.01)  # an update under way has written values that are not counted yet
                self.check()
            raise
        self.check()


class Network:
    """The stand-in for a model, for one who asks: ``network(x, *extra)`` is the model's output.

    Args:
        model: the original.
        copied: of a copy of its weights, which no update reaches.
        trainable: its weights can be differentiated by, frozen ones too.

    Attributes:
        parts: its modules and their dotted names, the whole first.
        memory: what was found out about it, for as long as its structure stays.
        drops: it is asked with dropout that drops, so that its answers are drawn as they should be.
    """

    def __init__(self, model: nn.Module, copied: bool = False, trainable: bool = False) -> None:
        self.model, self.drops, self._rewinds = model, False, True
        copied = copied or (trainable and clears(model))
        self._shadow = None if model in _borrowed else _shadow(model, copied, trainable)
        self._owned = copied or trainable  # nobody else can use such a shadow
        if self._shadow is None:
            self.module = copy_of(model) if trainable else model
            if trainable:
                forget(self.module)
            self.parts, self.memory = walk(self.module), {} if trainable else _borrowed[model]
            self._weights: list[Tensor] = list(model.parameters())
            if trainable:
                self.module.requires_grad_()
        else:
            self.module, self.parts, self.memory = self._shadow.module, self._shadow.parts, self._shadow.memory
            self._weights = [] if copied else self._shadow.weights
        self.device = next((p.device for p in self._weights), None)

    def weights(self) -> Weights:
        """Return the weights as they are now."""
        return Weights(self._weights)

    def release(self) -> None:
        """Leave the shadow to the next one who asks. Whoever was interrupted does not, and nothing is lost by that."""
        kept = _kept.setdefault(self.model, [])
        if self._shadow is not None and not self._owned and len(kept) < MOST_KEPT:
            kept.append(self._shadow)

    def restore(self) -> None:
        """Forget what a forward pass has left in plain attributes, where weights are differentiated by: see there."""
        if self._shadow is not None:
            self._shadow.restore()

    def part(self, name: str) -> nn.Module:
        """Return the part of that dotted name."""
        return next(part for part, own in self.parts.items() if own == name)

    def prepared(self, x: Tensor) -> Tensor:
        """Return ``x``, channels-last where depthwise convolutions run on a CPU: a fifth off a forward pass."""
        x = x.clone() if x.is_inference() else x  # no tensor of inference mode may enter a graph
        if "depthwise" not in self.memory:
            convolutions = [m for m in self.parts if isinstance(m, nn.Conv2d)]
            self.memory["depthwise"] = any(m.groups == m.in_channels > 1 for m in convolutions)
        return x.contiguous(memory_format=torch.channels_last) if x.is_cpu and self.memory["depthwise"] else x

    @own_precision
    def __call__(
        self,
        x: Tensor,
        *extra: Any,
        after: Mapping[nn.Module, Hook] | None = None,
        before: Mapping[nn.Module, Hook] | None = None,
        record: bool = False,
    ) -> Any:
        """Return what the model returns for a private copy of ``x``, in eval mode.

        Args:
            x: inputs of the model.
            extra: its further inputs.
            after: forward hooks of parts, for this run.
            before: forward pre-hooks, likewise.
            record: with a graph from ``x`` on; otherwise from where a hook switches gradients on.

        Raises:
            CannotShadow: the shadow met a tensor of the original's.
            InputError: the picture's channels do not fit.
            ModelError: the pictures of a batch see each other, or the answers are drawn.
        """
        if len(x) > 1 and self.sees_others(x, extra):
            raise ModelError(one_by_one(len(x)))
        found = self._called(x, extra, after, before, record)
        self._check_chance(x, extra)
        return found

    def _check_chance(self, x: Tensor, extra: Sequence[Any]) -> None:
        """Refuse a network that draws at random and answers by it; one whose answer does not depend on it is none."""
        if not self.memory.get("draws") or self.drops or "settled" in self.memory or getattr(_running, "network", None):
            return

        def twice() -> bool:
            self._rewinds = False
            try:
                return answers_by_chance(lambda some, own: self._called(some, own, None, None, False), x, extra)
            finally:
                self._rewinds = True

        if rewound(twice, self.device):
            raise ModelError(BY_CHANCE)
        self.memory["settled"] = True

    def _again(self, run: Callable[[], T]) -> T:
        return rewound(run, self.device) if self.memory["draws"] and self._rewinds else run()

    def sees_others(self, x: Tensor, extra: Sequence[Any]) -> bool:
        """Tell whether a picture's answer depends on those beside it; found out once."""
        if "sees others" not in self.memory:
            if getattr(_running, "network", None) is not None:
                return False  # a part of a network that is asked: that one was found not to, as a whole
            found = sees_others(lambda some, own: self._called(some, own, None, None, False), x, extra)
            if found is None:
                return False
            # One that draws at random, by a seed that is set back, gives other answers anyway.
            self.memory["sees others"] = found and not self.memory.get("draws", False)
        return bool(self.memory["sees others"])

    def _called(
        self,
        x: Tensor,
        extra: Sequence[Any],
        after: Mapping[nn.Module, Hook] | None,
        before: Mapping[nn.Module, Hook] | None,
        record: bool,
    ) -> Any:
        hooks = list(zip(FORWARD_HOOKS, (before or {}, steadied(self.parts, x, after or {})), strict=True))
        run = self._borrow if self._shadow is None else self._run_shadow
        with recording():
            x = x.clone() if type(x) is Tensor else x
            torch._C._set_grad_enabled(record)
            outer = getattr(_running, "network", None)
            try:
                _running.network = self
                if "draws" not in self.memory:
                    return self._watched(lambda: run(x, extra, hooks))
                return self._again(lambda: run(x, extra, hooks))
            except (RuntimeError, TypeError) as error:
                readable = misfit(error, x, extra, self.module)
                if readable is None:
                    raise
                raise readable from error
            finally:
                _running.network = outer

    def _run_shadow(self, x: Tensor, extra: Sequence[Any], hooks: Hooks) -> Any:
        self.restore()
        try:
            for kind, given in hooks:
                for part, hook in given.items():
                    part.__dict__[kind][KEY] = partial(on_behalf, part, hook)
            return self.module(x, *extra)
        finally:
            for kind, given in hooks:
                for part in given:
                    part.__dict__[kind].pop(KEY, None)

    def _watched(self, run: Callable[[], T]) -> T:
        """Run for the first time, and find out whether the shadow stands in and whether random numbers are drawn."""
        own = self._weights if self.module is not self.model else ()  # a deep copy's originals
        watch = Watch({id(p): p for p in own} if self._shadow is None else self._shadow.originals)
        depth = torch._C._len_torch_dispatch_stack()

        def put_back() -> None:
            while torch._C._len_torch_dispatch_stack() > depth:
                torch._C._pop_torch_dispatch_stack(None)

        def watched() -> T:
            torch._C._push_on_torch_dispatch_stack(watch)
            return run()

        outputs = rewound(lambda: and_back(watched, put_back), self.device, watch)
        if watch.met and self._shadow is None:
            raise ModelError(f"Nothing can be asked about this model's weights: {_borrowed[self.model]['reason']}.")
        if watch.met:
            raise CannotShadow("its forward pass reads the original's weights")
        self.memory["draws"] = watch.draws
        return outputs

    def _borrow(self, x: Tensor, extra: Sequence[Any], hooks: Hooks) -> Any:
        with borrowed(self.model, self.parts, hooks):
            return self.module(x, *extra)


@own_precision
def ask(model: nn.Module, work: Callable[[Network], T], trainable: bool = False) -> T:
    """Return ``work(network)``: the one way to a model for whoever reads it.

    Work that meets an update of the weights, by a thread that trains the model, is done again, and after three times on
    a copy of the weights. A model that no shadow can stand in for is borrowed.

    Under autocast, too, all of it is done in the model's own precision.

    Raises:
        InputError: inside a transform of torch.func.
        ModelError: a borrowed model's weights were updated again and again; and what ``work`` raises.
    """
    check_untransformed()
    changed: WeightsChanged | None = None
    for attempt in range(ATTEMPTS + 2):
        network = Network(model, copied=attempt >= ATTEMPTS, trainable=trainable)
        weights = network.weights()
        try:
            with recording(), weights.steady():
                torch._C._set_grad_enabled(False)
                found = work(network)
        except CannotShadow as reason:
            _borrowed[model] = {"reason": str(reason)}
            continue
        except WeightsChanged as error:
            changed = error
            network.release()
            continue
        except RuntimeError as error:
            if "modified by an inplace operation" in str(error):
                raise ModelError(REWRITTEN) from error
            if "_will_engine_execute_node" in str(error):
                raise ModelError(FOLLOWED) from error
            if "returned nan values" in str(error):  # in anomaly mode
                raise ModelError(OVERFLOWN) from error
            if "use_reentrant=False" not in str(error):
                raise
            raise ModelError(CHECKPOINTED) from error
        network.release()
        return found
    assert changed is not None
    raise changed


def _shadow(model: nn.Module, copied: bool, trainable: bool) -> Shadow | None:
    """Return a shadow that nobody else uses, kept from before or new; None where the model must be borrowed."""
    kept = _kept.setdefault(model, [])
    last = _newest[model]() if model in _newest else None  # it may be in use: what was found out holds all the same
    memory = last.memory if last is not None and last.same_structure() else {}
    while kept and not (copied or trainable):
        try:
            shadow = kept.pop()
        except IndexError:
            break  # another thread was quicker
        if shadow.current():
            return shadow
    try:
        new = Shadow(model, copied, trainable)
    except GradlabError:
        raise
    except Exception as reason:  # whatever a module raises that refuses to be copied
        _borrowed[model] = {"reason": str(reason)}
        return None
    new.memory = memory
    _newest[model] = weakref.ref(new)
    return new
