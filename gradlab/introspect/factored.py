"""Features in two factors: dJ/dW = u h^T, so C + d numbers hold the answers to all C questions about a picture."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gradlab.core import InputError, LayerError, ModelError
from gradlab.core.inputs import check_inputs, module_of
from gradlab.core.run import explained, fastest_layout
from gradlab.core.state import borrowed
from gradlab.introspect.recipe import ROUNDINGS, Loss, Question, Recipe, cotangents

# Dense features of more numbers than this (4 GB in float32) are refused: the two factors hold the same.
MOST_NUMBERS = 2**30


@dataclass(frozen=True)
class Factors:
    """What one forward pass leaves of N pictures, enough for every loss and question.

    Attributes:
        logits: z = W h + b, (N, C).
        hidden: h, what the last linear layer reads, (N, d).
    """

    logits: Tensor
    hidden: Tensor

    def __len__(self) -> int:
        return len(self.logits)

    def __getitem__(self, which: Any) -> Factors:
        return Factors(self.logits[which], self.hidden[which])

    def rows(self, loss: Loss = "mse", question: Question = "ones") -> Tensor:
        """Return u with dJ/dW = u h^T: (N, C), or (N, C, C) with axis 1 the question for "each"."""
        return cotangents(self.logits, loss, question)[0]

    def norms(self, loss: Loss = "mse", question: Question = "ones") -> Tensor:
        """Return |dJ/dW| = |u| |h|, (N,) or (N, C): one per question."""
        u = self.rows(loss, question)
        norms: Tensor = u.norm(dim=-1) * self.hidden.norm(dim=1).view(-1, *[1] * (u.ndim - 2))
        return norms

    def cosines(self, loss: Loss = "ce") -> Tensor:
        """Return the cosine of every two contrasts, (N, C, C); 0 beside a contrast of no length.

        For "ce" it is (|p|^2 - p_I - p_J + [I = J]) over the two lengths: 0.5, not 0, for two contrasts with a
        sure prediction.
        """
        unit = F.normalize(self.rows(loss, "each"), dim=-1)
        return unit @ unit.transpose(1, 2)

    def effective_rows(self, loss: Loss = "ce", question: Question = "each") -> Tensor:
        """Return how many rows of dJ/dW carry it, (N,) or (N, C): (sum_c u_c^2)^2 / sum_c u_c^4.

        2 for a contrast with a sure prediction (its row and the prediction's), C for rows of one length, 0 for none.
        """
        energy = self.rows(loss, question).square()
        energy = energy / energy.amax(-1, keepdim=True).clamp_min(torch.finfo(energy.dtype).tiny)
        return energy.sum(-1).square() / energy.square().sum(-1).clamp_min(1)

    def features(self, recipe: Recipe = Recipe()) -> Tensor:  # noqa: B008 (frozen)
        """Return vec(u h^T) of each sample as :func:`gradlab.introspect.features` does, from the factors.

        Raises:
            InputError: more numbers than ``MOST_NUMBERS``.
        """
        n, classes = self.logits.shape
        questions = classes if recipe.question == "each" else 1
        check_size(n, questions, classes, self.hidden.shape[1])
        u, size = cotangents(self.logits, recipe.loss, recipe.question)
        h = self.hidden
        if recipe.normalize == "l2":
            u, h = _unit(u, ROUNDINGS * torch.finfo(u.dtype).eps * size), _unit(h, size.new_zeros(n))
        made = (u[..., None] * h.view(n, *[1] * (u.ndim - 1), -1)).flatten(-2)
        return min_max(made) if recipe.normalize == "minmax" else made


def factors(model: Any, inputs: Tensor, extra_inputs: Sequence[Any] = ()) -> Factors:
    """Run the network once and keep what every introspective question about the pictures needs.

    Args:
        model: any ``nn.Module`` or a ``Classifier`` whose logits come from a linear layer.
        inputs: normalised pictures (N, C, H, W).
        extra_inputs: what the model reads beside the pictures.

    Raises:
        InputError, ModelError: see their descriptions.
        LayerError: the logits are not a linear layer's output.
    """
    x = check_inputs(model, inputs)
    with borrowed(module_of(model)) as (call, parts):
        return read_factors(explained(call, parts, extra_inputs), parts, fastest_layout(x, parts))


def read_factors(call: Callable[[Tensor], Any], parts: dict[nn.Module, str], x: Tensor) -> Factors:
    """Run ``call(x)`` in the caller's grad mode and note what the layer that makes the logits reads.

    Nothing is taken on trust: the layer must have run once, and W h + b must be what the model returned.
    """
    ran: list[tuple[nn.Module, Tensor, Tensor | None, Tensor]] = []
    thread = threading.get_ident()

    def note(part: Any, args: tuple[Any, ...], output: Any) -> None:
        if threading.get_ident() == thread and isinstance(output, Tensor):
            ran.append((part, part.weight, part.bias, args[0]))

    hooks = [part.register_forward_hook(note) for part in parts if isinstance(part, nn.Linear)]
    try:
        logits = call(x)
    finally:
        for hook in hooks:
            hook.remove()
    check_outputs(logits)
    for part, weight, bias, hidden in reversed(ran):
        once = sum(other is part for other, *_ in ran) == 1
        if once and hidden.ndim == 2 and _makes(hidden.detach(), weight.detach(), bias, logits.detach()):
            return Factors(logits, hidden)
    raise LayerError(_not_linear(parts))


def check_outputs(outputs: Any) -> None:
    """Raise ``ModelError`` unless the outputs are finite logits (N, classes)."""
    if not isinstance(outputs, Tensor) or outputs.ndim != 2:
        what = f"shape {tuple(outputs.shape)}" if isinstance(outputs, Tensor) else f"a {type(outputs).__name__}"
        raise ModelError(f"The model returns {what}: introspection needs a classifier's logits (N, classes).")
    if not bool(torch.isfinite(outputs).all()):
        raise ModelError("The model's logits hold NaN or infinite values.")


def _makes(hidden: Tensor, weight: Tensor, bias: Tensor | None, logits: Tensor) -> bool:
    if weight.shape != (logits.shape[1], hidden.shape[1]):
        return False
    again = F.linear(hidden, weight, None if bias is None else bias.detach())
    slack = 1e3 * torch.finfo(logits.dtype).eps
    return bool((again - logits).abs().max() <= slack * logits.abs().max())


def _not_linear(parts: dict[nn.Module, str]) -> str:
    weighing = [name for part, name in parts.items() if isinstance(part, (nn.Linear, nn.Conv2d))]
    example = f", for example layer={weighing[-1]!r}" if weighing else ""
    return (
        "The logits are not the output of one nn.Linear that runs once, so their gradients have no closed form. Name "
        f"the layer whose weight is asked in features(..., layer=){example}."
    )


def check_size(n: int, questions: int, classes: int, d: int) -> None:
    """Raise ``InputError`` if dense features would hold more than ``MOST_NUMBERS``."""
    numbers = n * questions * classes * d
    if numbers > MOST_NUMBERS:
        raise InputError(
            f"{n} x {questions} questions x {classes} classes x {d} are {numbers:.1e} numbers: ask fewer pictures at "
            "once, or keep the two factors with gradlab.introspect.factors."
        )


def _unit(values: Tensor, floor: Tensor) -> Tensor:
    """Return each sample's values over their length, 0 where it is not above its floor (N,)."""
    length = values.flatten(1).norm(dim=1)
    length = torch.where(length > floor, length, torch.inf)
    return values / length.view(-1, *[1] * (values.ndim - 1))


def l2(features: Tensor) -> Tensor:
    """Return each sample's features over their length, all questions together; no length stays 0."""
    return _unit(features, features.new_zeros(len(features)))


def min_max(features: Tensor) -> Tensor:
    """Return each sample's features stretched to 0..1, all questions together; 0 where they are all the same."""
    flat = features.flatten(1)
    low, high = flat.amin(1), flat.amax(1)
    same = high - low <= ROUNDINGS * torch.finfo(flat.dtype).eps * flat.abs().amax(1)
    span = torch.where(same, torch.inf, high - low)
    shape = (-1, *[1] * (features.ndim - 1))
    return (features - low.view(shape)) / span.view(shape)
