"""Gradients of a score by the input: vanilla, deconvnet, guided backpropagation. They differ in the ReLU's rule alone.

With f a ReLU's output and R the gradient that arrives at it, what goes on to its input is

    gradient (Simonyan et al., Deep Inside Convolutional Networks, 2013)             R 1[f > 0]
    deconvnet (Zeiler and Fergus, ECCV 2014)                                         R 1[R > 0]
    guided backpropagation (Springenberg et al., Striving for Simplicity, 2015)      R 1[R > 0] 1[f > 0]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

from gradlab.core import INPUT, InputError, LayerError, Model, ModelError, Run, Target, answer
from gradlab.core.errors import CHECKPOINTED, NO_GRADIENT, REENTRANT
from gradlab.core.inputs import module_of
from gradlab.explain.score import Score, score_of

__all__ = ["Rule", "deconvnet", "gradient", "guided_backprop"]

# What a ReLU gives on by its own rule, and what arrived at it: what it gives on instead.
Rule = Callable[[tuple[Tensor, ...], tuple[Tensor, ...]], tuple[Tensor, ...]]


def gradient(
    model: Model,
    inputs: Tensor,
    target: Target = None,
    *,
    contrast: Target = None,
    extra_inputs: Sequence[object] = (),
) -> Tensor:
    """The slope of the score at the picture: dS/dx (Simonyan et al. 2013).

    Memory: the graph of the whole network for all N pictures together, about twice a forward pass.

    Args:
        model: any ``nn.Module`` or a ``Classifier``.
        inputs: normalised pictures (N, C, H, W).
        target: P: None (the predicted class), int, label, one of these per sample, or a callable
            ``outputs -> (N,)`` scores.
        contrast: Q, instead of a target: the score is J = CE(z, Q), "rather than Q"; as in
            :func:`gradlab.explain.grad_cam`.
        extra_inputs: what the model reads beside the pictures: ``model(inputs, *extra_inputs)``.

    Returns:
        Raw signed (N, C, H, W), score per normalised input unit.

    Raises:
        InputError, TargetError, ModelError: before anything is changed.

    Examples:
        >>> gradlab.explain.gradient(net, x, contrast="8").shape
        torch.Size([1, 1, 32, 32])
    """
    return _slope(model, inputs, score_of(target, contrast), extra_inputs, None)


def deconvnet(
    model: Model,
    inputs: Tensor,
    target: Target = None,
    *,
    contrast: Target = None,
    extra_inputs: Sequence[object] = (),
) -> Tensor:
    """What goes back through ReLUs that pass positive gradients only: R 1[R > 0] (Zeiler and Fergus 2014).

    The forward mask is ignored, also the upper one of a ReLU6. Activations that are no ReLU keep their own derivative.
    Arguments, return value and errors are those of :func:`gradient`; a network that runs no ReLU raises ``ModelError``.

    Memory: as :func:`gradient`.

    Examples:
        >>> gradlab.explain.deconvnet(net, x, target=3).shape
        torch.Size([1, 1, 32, 32])
    """
    return _slope(model, inputs, score_of(target, contrast), extra_inputs, lambda given, arriving: _positive(arriving))


def guided_backprop(
    model: Model,
    inputs: Tensor,
    target: Target = None,
    *,
    contrast: Target = None,
    extra_inputs: Sequence[object] = (),
) -> Tensor:
    """What goes back through ReLUs that pass positive gradients to active units only: R 1[R > 0] 1[f > 0].

    Springenberg et al. 2015. For a ReLU6 a unit is active where 0 < f < 6. The result depends little on the class and
    on the weights (Adebayo et al., Sanity Checks for Saliency Maps, 2018): show it beside a network of random weights.
    Arguments, return value and errors are those of :func:`gradient`; a network that runs no ReLU raises ``ModelError``.

    Memory: as :func:`gradient`.

    Examples:
        >>> gradlab.explain.guided_backprop(net, x, target=3).shape
        torch.Size([1, 1, 32, 32])
    """
    return _slope(model, inputs, score_of(target, contrast), extra_inputs, lambda given, arriving: _positive(given))


def _positive(gradients: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(g if g is None else g.clamp_min(0) for g in gradients)


def _slope(model: Model, inputs: Tensor, score: Score, extra_inputs: Sequence[object], rule: Rule | None) -> Tensor:
    def question(kept: Run) -> Tensor:
        scores = score(kept)
        if rule is not None and scores.requires_grad and not _change_relus(scores, rule):
            raise ModelError(_without_relu(module_of(model)))
        try:
            return kept.pull_back(scores).contiguous()
        except LayerError as error:
            raise InputError(f"The score does not depend on the picture. {NO_GRADIENT}") from error

    return answer(question, model, inputs, keep=INPUT, extra_inputs=extra_inputs)


def _change_relus(scores: Tensor, rule: Rule) -> int:
    """Give every ReLU between the picture and the scores another backward rule, and return how many there are.

    The rules are hooks in this run's own graph: no module, no other run and no other thread sees anything of them.
    """
    found, seen = 0, set()
    stack: list[Any] = [scores.grad_fn]
    while stack:
        node = stack.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        stack += [before for before, _ in node.next_functions]
        if node.name() == REENTRANT:
            raise ModelError(CHECKPOINTED)
        if _is_relu(node):
            found += 1
            node.register_hook(rule)
    return found


def _is_relu(node: Any) -> bool:
    """Tell whether a step of the graph is max(x, 0), perhaps cut off above; whatever function was called for it."""
    low, high = _RELUS.get(node.name().rstrip("0123456789"), ("", ""))
    return low == "always" or (low != "" and _saved(node, low) == 0 and (_saved(node, high) or 1) > 0)


def _saved(node: Any, name: str) -> Any:
    return getattr(node, f"_saved_{name}", None)


# Steps of autograd, and the names of the bounds that they keep.
_RELUS = {
    "ReluBackward": ("always", ""),
    "HardtanhBackward": ("min_val", "max_val"),
    "ClampBackward": ("min", "max"),
    "ClampMinBackward": ("min", ""),
    "ThresholdBackward": ("threshold", ""),
}


def _without_relu(model: nn.Module) -> str:
    names = {type(part).__name__ for part in model.modules() if type(part).__module__ == nn.GELU.__module__}
    found = f" (it has {', '.join(sorted(names))})" if names else ""
    return (
        f"No ReLU ran between the picture and the score{found}: deconvnet and guided backpropagation change the ReLU's "
        "rule and have no meaning here. Use gradient()."
    )
