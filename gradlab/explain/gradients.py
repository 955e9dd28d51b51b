"""Gradients of a score by the input: vanilla, deconvnet, guided backpropagation. They differ in the ReLU's rule alone.

With f a ReLU's output and R the gradient that arrives at it, what goes on to its input is

    gradient (Simonyan et al., Deep Inside Convolutional Networks, 2013)             R 1[f > 0]
    deconvnet (Zeiler and Fergus, ECCV 2014)                                         R 1[R > 0]
    guided backpropagation (Springenberg et al., Striving for Simplicity, 2015)      R 1[R > 0] 1[f > 0]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from gradlab.core import InputError, ModelError, Target, scores_of
from gradlab.core.inputs import check_inputs, labels_of, module_of
from gradlab.core.run import explained, fastest_layout
from gradlab.core.state import borrowed, recording

Rule = Callable[[Tensor, Tensor], Tensor]


def gradient(model: Any, inputs: Tensor, target: Target = None, extra_inputs: Sequence[Any] = ()) -> Tensor:
    """The slope of the score at the picture: dS/dx (Simonyan et al. 2013).

    Args:
        model: any ``nn.Module`` or a ``Classifier``.
        inputs: normalised pictures (N, C, H, W).
        target: P: None (the predicted class), int, label, one of these per sample, or a callable
            ``outputs -> (N,)`` scores.
        extra_inputs: what the model reads beside the pictures: ``model(inputs, *extra_inputs)``.

    Returns:
        Raw signed (N, C, H, W), score per normalised input unit.

    Raises:
        InputError, TargetError, ModelError: before anything is changed.
    """
    return _slope(model, inputs, target, extra_inputs, None)


def deconvnet(model: Any, inputs: Tensor, target: Target = None, extra_inputs: Sequence[Any] = ()) -> Tensor:
    """What goes back through ReLUs that pass positive gradients only: R 1[R > 0] (Zeiler and Fergus 2014).

    The forward mask is ignored, also the upper one of a ReLU6. Activations that are no ReLU keep their own derivative.
    Arguments, return value and errors are those of :func:`gradient`; a network that runs no ReLU raises ``ModelError``.
    """
    return _slope(model, inputs, target, extra_inputs, lambda arriving, mask: arriving.clamp_min(0))


def guided_backprop(model: Any, inputs: Tensor, target: Target = None, extra_inputs: Sequence[Any] = ()) -> Tensor:
    """What goes back through ReLUs that pass positive gradients to active units only: R 1[R > 0] 1[f > 0].

    Springenberg et al. 2015. For a ReLU6 a unit is active where 0 < f < 6. The result depends little on the class and
    on the weights (Adebayo et al., Sanity Checks for Saliency Maps, 2018): show it beside a network of random weights.
    Arguments, return value and errors are those of :func:`gradient`; a network that runs no ReLU raises ``ModelError``.
    """
    return _slope(model, inputs, target, extra_inputs, lambda arriving, mask: arriving.clamp_min(0) * mask)


def _slope(model: Any, inputs: Any, target: Target, extra_inputs: Sequence[Any], rule: Rule | None) -> Tensor:
    x = check_inputs(model, inputs)
    module = module_of(model)
    with borrowed(module) as (call, parts), recording():
        x = fastest_layout(x, parts).clone().requires_grad_()
        forward = explained(call, parts, extra_inputs)
        if rule is None:
            outputs = forward(x)
        else:
            with _Ruled(rule) as ruled:
                outputs = forward(x)
            if not ruled.count:
                raise ModelError(_without_relu(parts))
        score = scores_of(outputs, target, labels_of(model)).sum()
        found = torch.autograd.grad(score, x, allow_unused=True)[0] if score.requires_grad else None
    if found is None:
        raise InputError("The score does not depend on the picture: no gradient reaches the inputs.")
    return found.contiguous()


class _Ruled(TorchFunctionMode):
    """Gives every ReLU that this thread runs another backward rule; modules and other threads see nothing of it."""

    def __init__(self, rule: Rule) -> None:
        super().__init__()
        self.rule, self.count = rule, 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        ceiling = _ceiling(func, args, kwargs)
        if ceiling is None:
            return func(*args, **kwargs)
        self.count += 1
        x: Tensor = args[0] if args else kwargs["input"]
        out: Tensor = _ReLU.apply(x, ceiling, self.rule)
        # In place: every holder of x sees the result, and its gradient goes through the rule.
        return x.copy_(out) if _in_place(func, args, kwargs) else out


class _ReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, ceiling: float, rule: Rule) -> Tensor:
        ctx.save_for_backward((x > 0) & (x < ceiling))
        ctx.rule = rule
        return x.clamp(0, ceiling)

    @staticmethod
    def backward(ctx: Any, *arriving: Tensor) -> tuple[Tensor, None, None]:
        (mask,) = ctx.saved_tensors
        return ctx.rule(arriving[0], mask), None, None


_RELUS = (F.relu, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_)
_RELU6 = (F.relu6,)
_HARDTANH = (F.hardtanh, F.hardtanh_)


def _ceiling(func: Any, args: Any, kwargs: Any) -> float | None:
    """Return a ReLU's upper bound, or None for any other function."""
    if func in _RELUS:
        return torch.inf
    if func in _RELU6:
        return 6.0
    if func in _HARDTANH:
        given = dict(zip(("min_val", "max_val"), args[1:], strict=False)) | kwargs
        low, high = given.get("min_val", -1.0), given.get("max_val", 1.0)
        return float(high) if low == 0 else None
    return None


def _in_place(func: Any, args: Any, kwargs: Any) -> bool:
    if func in (torch.relu_, Tensor.relu_, F.hardtanh_):
        return True
    place = {F.relu: 1, F.relu6: 1, F.hardtanh: 3}.get(func)
    return place is not None and bool(kwargs.get("inplace", args[place] if len(args) > place else False))


def _without_relu(parts: dict[nn.Module, str]) -> str:
    names = {type(part).__name__ for part in parts if type(part).__module__ == nn.GELU.__module__}
    found = f" (it has {', '.join(sorted(names))})" if names else ""
    return (
        f"No ReLU ran in this network{found}: deconvnet and guided backpropagation change the ReLU's rule and have no "
        "meaning here. Use gradient()."
    )
