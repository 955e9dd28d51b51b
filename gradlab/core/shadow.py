"""A stand-in for a model: its module tree once more, over the same weights, so that a model is used and never changed.

A shadow's modules share the values of the model's parameters and nothing else: they have their own training flags (all
eval), their own hooks, their own copies of buffers, plain tensors and containers. A forward pass writes into these
alone, so there is nothing to put back, whatever interrupts it and whoever trains the model meanwhile. The user's
forward hooks run in it, as they belong to the forward pass (pruning, weight norm); backward hooks do not.

To make one costs up to a fifth of a small network's forward pass, so it is kept, and looked over before each use
(:meth:`Shadow.current`): a model whose buffers, parts, hooks or attributes are others than before gets a new one.
"""

from __future__ import annotations

import copy
import functools
import types
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from gradlab.core.errors import ModelError

__all__ = ["CannotShadow", "Shadow", "check_closures", "check_initialised", "clears", "forget", "walk"]

FORWARD_HOOKS = ("_forward_pre_hooks", "_forward_hooks")
BACKWARD_HOOKS = ("_backward_pre_hooks", "_backward_hooks")
# What every module has; a forward pass does not write there.
_BOOKKEEPING = frozenset(nn.Module().__dict__)
# What torch.compile leaves in a module.
_COMPILED = frozenset({"_compiled_call_impl", "dynamo_ctx", "_torchdynamo_orig_callable"})
_ATOMS = (bool, int, float, complex, str, bytes, type(None), torch.dtype, torch.device, type)


class CannotShadow(Exception):
    """The model holds something that a copy of its tree would not cover; the message says what."""


def walk(model: nn.Module) -> dict[nn.Module, str]:
    """Return every part of a model once, with its dotted name, in the order of ``named_modules``.

    Flat, because the recursion of ``named_modules`` costs a tenth of a small network's forward pass.
    """
    parts: dict[nn.Module, str] = {}
    stack = [(model, "")]
    while stack:
        part, name = stack.pop()
        if part in parts:
            continue
        parts[part] = name
        start = f"{name}." if name else ""
        stack += [(c, start + key) for key, c in reversed(part._modules.items()) if c is not None]
    return parts


class Shadow:
    """The stand-in of one model.

    Args:
        model: the original; no reference to it is kept.
        copied: the weights' values are copied too, so that no update of them is seen.
        trainable: its weights can be differentiated by, frozen ones too.

    Attributes:
        module: the root of the copied tree.
        parts: its modules and their dotted names.
        originals: ids of the model's own tensors: in the shadow's forward pass none of them should be met.
        memory: what was found out about the model and holds until its structure changes.

    Raises:
        CannotShadow: see there.
    """

    def __init__(self, model: nn.Module, copied: bool = False, trainable: bool = False) -> None:
        copier = _Copier(copied, trainable)
        with torch._C._InferenceMode(False):
            torch._C._set_grad_enabled(False)
            self.module = copier.module(model)
            if trainable:
                forget(self.module)
        self.parts = walk(self.module)
        self.memory: dict[Any, Any] = {}
        self.weights, self._copies, self.originals = copier.weights, copier.copies, copier.originals
        self._keeps = not copier.unversioned
        self._addresses = [p.data_ptr() for p in self.weights]
        self._versions = self._versions_now()
        self._live = copier.live + [d for part in self.parts for d in _dictionaries(part)]
        self._saved = [_plain_copy(d) for d in self._live]
        copies = [part for part in copier.memo.values() if isinstance(part, nn.Module)]
        # Not the parameters, which are set from outside for a run with other values.
        own = [d for part in copies for d in _dictionaries(part) if d is not part._parameters]
        held = [(name, value) for part in copies for name, value in vars(part).items()]
        # What train() has made anew is nothing that was copied.
        made = [value for name, value in held if name not in _BOOKKEEPING and type(value) in (dict, list)]
        self._own = [(d, _plain_copy(d)) for d in own + copier.containers + made] if trainable else []
        self._flags = [d for d in copier.live if isinstance(d, dict) and "training" in d]

    def current(self) -> bool:
        """Tell whether the shadow still stands for its model, values of buffers included."""
        if not self._keeps or not self.same_structure():
            return False
        return self._addresses == [p.data_ptr() for p in self.weights] and self._versions == self._versions_now()

    def restore(self) -> None:
        """Put back what a forward pass has left in the shadow's attributes: it may be of weights that are others now.

        Of a cached product of weights, say, that was made without a graph, no gradient would reach the weights.
        """
        for held, saved in self._own:
            if not _equal(held, saved):
                held.clear()
                held.extend(saved) if isinstance(held, list) else held.update(saved)

    def _versions_now(self) -> list[int]:
        return [t._version for pair in self._copies for t in pair] if self._keeps else []

    def same_structure(self) -> bool:
        """Tell whether every dictionary of both trees holds what it held: compared in C, as before each run."""
        for _ in range(2):
            if _equal(self._live, self._saved):
                return True
            # Most often it is nothing but train() or eval(), which a shadow does not follow.
            saved = dict(zip(map(id, self._live), self._saved, strict=True))
            for flags in self._flags:
                saved[id(flags)]["training"] = flags["training"]
        return False


def clears(model: nn.Module) -> bool:
    """Tell whether a part does more in train() than to say so: attention biases clear what they made of their weights.

    Whatever that is (adapters add themselves to the weights), it may be done to a copy alone.
    """
    return any(type(part).train is not nn.Module.train for part in walk(model))


def forget(copied: nn.Module) -> None:
    """Let a copy forget what its parts have made of their weights until they train again."""
    if clears(copied):
        copied.train()
        copied.eval()


def _equal(container: Any, other: Any) -> bool:
    try:
        return bool(container == other)
    except (RuntimeError, ValueError, TypeError):
        return False  # one tensor in another's place: their comparison is no truth value


def _dictionaries(part: nn.Module) -> Iterator[Any]:
    """Yield what holds a module's attributes, parameters, buffers, parts and forward hooks."""
    own = part.__dict__
    yield own
    for name in ("_parameters", "_buffers", "_modules", *FORWARD_HOOKS):
        yield own[name]


def _plain_copy(container: Any) -> Any:
    return dict(container) if isinstance(container, dict) else container.copy()


class _Copier:
    """Copies a module tree; ``live`` are the originals' containers, ``copies`` pairs of tensors."""

    def __init__(self, copied: bool, trainable: bool) -> None:
        self.copied, self.trainable = copied, trainable
        self.memo: dict[int, Any] = {}
        self.weights: list[Tensor] = []
        self.copies: list[tuple[Tensor, Tensor]] = []
        self.live: list[Any] = []
        self.containers: list[Any] = []
        self.originals: dict[int, Tensor] = {}
        self.unversioned = copied or trainable

    def module(self, part: nn.Module) -> nn.Module:
        if id(part) in self.memo:
            return self.memo[id(part)]  # type: ignore[no-any-return]
        if isinstance(part, torch.jit.ScriptModule):
            raise CannotShadow(f"{type(part).__name__} is TorchScript")
        new: nn.Module = object.__new__(type(part))
        self.memo[id(part)] = new
        old = part.__dict__
        self.live += _dictionaries(part)
        own = dict(old)
        own["training"] = False
        own["_parameters"] = {name: p if p is None else self.weight(p) for name, p in old["_parameters"].items()}
        own["_buffers"] = {name: b if b is None else self.tensor(b) for name, b in old["_buffers"].items()}
        own["_modules"] = {name: c if c is None else self.module(c) for name, c in old["_modules"].items()}
        for name in FORWARD_HOOKS:
            own[name] = OrderedDict((key, self.value(hook)) for key, hook in old[name].items())
        for name in BACKWARD_HOOKS:
            own[name] = OrderedDict()
        as_written = self.uncompiled(part, new)
        for name in own.keys() - _BOOKKEEPING - _COMPILED - as_written.keys():
            own[name] = self.value(own[name])
        own.update(as_written)
        object.__setattr__(new, "__dict__", own)
        for slot in {s for kind in type(part).__mro__ for s in getattr(kind, "__slots__", ())} - {
            "__dict__",
            "__weakref__",
        }:
            if hasattr(part, slot):
                object.__setattr__(new, slot, self.value(getattr(part, slot)))
        return new

    def uncompiled(self, part: nn.Module, new: nn.Module) -> dict[str, Any]:
        """Return what makes a part run as it was written: code compiled before need not see this run's hooks."""
        if isinstance(wrapped := part._modules.get("_orig_mod"), nn.Module) and "dynamo_ctx" in part.__dict__:
            return {"forward": self.module(wrapped).__call__}
        written = getattr(type(part).forward, "_torchdynamo_orig_callable", None)
        found: dict[str, Any] = {} if written is None else {"forward": types.MethodType(written, new)}
        return found | dict.fromkeys(part.__dict__.keys() & {"_compiled_call_impl"})

    def weight(self, p: Tensor) -> Tensor:
        """Return another name for the same values, with a gradient of its own; for special kinds, the thing itself."""
        if id(p) in self.memo:
            return self.memo[id(p)]  # type: ignore[no-any-return]
        check_initialised(p)
        if type(p) is not nn.Parameter:
            return p
        self.originals[id(p)] = p
        self.weights.append(p)
        self.unversioned |= p.is_inference()
        values = p.detach().clone() if self.copied or p.is_inference() else p.detach()
        new = nn.Parameter(values, requires_grad=self.trainable and p.is_floating_point())
        new.__dict__.update(p.__dict__)
        self.memo[id(p)] = new
        return new

    def tensor(self, values: Tensor) -> Tensor:
        if isinstance(values, nn.Parameter):
            return self.weight(values)
        if id(values) in self.memo:
            return self.memo[id(values)]  # type: ignore[no-any-return]
        new = values.detach().clone()
        self.memo[id(values)] = new
        self.originals[id(values)] = values
        self.unversioned |= values.is_inference()
        self.copies.append((values, new))
        return new

    def value(self, value: Any) -> Any:
        """Return a plain attribute for the shadow: containers and tensors copied, modules shadowed, the rest shared."""
        if isinstance(value, _ATOMS):
            return value
        if id(value) in self.memo:
            return self.memo[id(value)]
        if isinstance(value, Tensor):
            return self.tensor(value)
        if isinstance(value, nn.Module):
            return self.module(value)
        if isinstance(value, (dict, list, set)):
            return self.container(value)
        if type(value) is tuple:
            return tuple(self.value(each) for each in value)
        value = getattr(value, "_torchdynamo_orig_callable", value)
        if isinstance(value, types.MethodType) and isinstance(value.__self__, nn.Module):
            return types.MethodType(value.__func__, self.module(value.__self__))
        if isinstance(value, (types.FunctionType, functools.partial)):
            _check_closed(value)
        elif any(isinstance(each, nn.Module) for each in getattr(value, "__dict__", {}).values()):
            return self.holder(value)
        return value

    def holder(self, value: Any) -> Any:
        """Return a copy of an object that holds modules which the registry does not know, with their shadows in it."""
        new = self.memo[id(value)] = copy.copy(value)
        vars(new).update({name: self.value(each) for name, each in vars(value).items()})
        return new

    def container(self, value: Any) -> Any:
        new = value.copy()
        self.memo[id(value)] = new
        self.live += [value, new]
        self.containers.append(new)
        if isinstance(value, dict):
            for key, each in value.items():
                new[key] = self.value(each)
        elif isinstance(value, list):
            new[:] = [self.value(each) for each in value]
        return new


def check_initialised(p: Tensor) -> None:
    """Raise ``ModelError`` for what a lazy layer holds before it was run."""
    if isinstance(p, (UninitializedParameter, UninitializedBuffer)):
        raise ModelError("The model has lazy layers that were never run: run it once on a batch, then ask.")


def check_closures(model: nn.Module) -> None:
    """Raise ``CannotShadow`` where a function among a part's attributes, such as a new forward, asks the original."""
    for part in walk(model):
        compiled = "dynamo_ctx" in vars(part)
        for name, value in vars(part).items():
            if isinstance(value, (types.FunctionType, functools.partial)) and not (compiled and name == "forward"):
                _check_closed(getattr(value, "_torchdynamo_orig_callable", value))


def _check_closed(function: Any) -> None:
    """Refuse a function that holds modules or tensors in its closure: it would ask the original."""
    if isinstance(function, functools.partial):
        held = [function.func, *function.args, *function.keywords.values()]
    else:
        held = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
        for cell in function.__closure__ or ():
            try:
                held.append(cell.cell_contents)
            except ValueError:
                continue  # an empty cell
    for each in held:
        owner = getattr(each, "__self__", each) if isinstance(each, types.MethodType) else each
        if isinstance(owner, (nn.Module, Tensor)):
            raise CannotShadow(f"{getattr(function, '__name__', function)!r} is a closure over {type(owner).__name__}")
        if isinstance(each, (types.FunctionType, functools.partial)) and each is not function:
            _check_closed(each)
