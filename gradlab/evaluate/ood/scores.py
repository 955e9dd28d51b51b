"""Is this picture of the kind that the network learned from? Every score is higher for what looks in-distribution.

With logits z, p = softmax(z), and h, which the last linear layer reads:

    msp            max_c softmax(z / T)_c         Hendrycks and Gimpel, ICLR 2017
    odin           the same, after a step of the picture that raises it       Liang, Li and Srikant, ICLR 2018
    max_logit      max_c z_c                      Hendrycks et al., ICML 2022
    energy         T log sum_c exp(z_c / T)       Liu, Wang, Owens and Li, NeurIPS 2020
    gradient_norm  |dJ/dW| for a label of ones    Huang, Geng and Li, NeurIPS 2021

Each takes an :class:`gradlab.introspect.IntrospectiveNetwork` as well as a classifier.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gradlab.core import InputError, Model, check_logits, last_layer, outputs_of
from gradlab.core.checks import number, numbers
from gradlab.core.contrasts import Loss, check_loss
from gradlab.core.errors import shown
from gradlab.core.inputs import check_inputs
from gradlab.core.precision import own_precision
from gradlab.evaluate.batches import batches
from gradlab.evaluate.calibration import check_temperature
from gradlab.explain import gradient
from gradlab.introspect import features

__all__ = ["ODIN_STEP", "energy", "gradient_norm", "logits_of", "max_logit", "msp", "odin"]

ODIN_STEP = 0.0014  # of the paper, for pictures in 0..1


def msp(model: Model, inputs: Tensor, temperature: float = 1.0, *, extra_inputs: Sequence[Any] = ()) -> Tensor:
    """The maximum softmax probability, max_c softmax(z / T)_c.

    Memory: 256 pictures run together, whatever N is.

    Args:
        model: any ``nn.Module`` or a ``Classifier`` that returns logits (N, classes).
        inputs: normalised pictures (N, C, H, W).
        temperature: T, above 0.
        extra_inputs: what the model reads beside the pictures; tensors of length N go with their picture.

    Returns:
        (N,), in 1 / classes .. 1, double precision: a high T leaves differences that single precision would round off.

    Raises:
        InputError, ModelError: see their descriptions.

    Examples:
        >>> known = net.normalize(gradlab.data.digits("test").pictures[:50])
        >>> faded = 0.2 * known
        >>> gradlab.evaluate.ood.auroc(*(gradlab.evaluate.ood.msp(net, x) for x in (known, faded))) > 0.9
        True
    """
    temperature = check_temperature(temperature)
    return _sure(logits_of(model, inputs, extra_inputs=extra_inputs), temperature)


def max_logit(model: Model, inputs: Tensor, *, extra_inputs: Sequence[Any] = ()) -> Tensor:
    """The largest logit, max_c z_c, (N,); arguments and errors as :func:`msp`.

    Memory: 256 pictures run together, whatever N is.

    Examples:
        >>> net = gradlab.models.vqa()
        >>> x = gradlab.data.digit_pairs(2, seed=0, split="test").pictures
        >>> gradlab.evaluate.ood.max_logit(net, x, extra_inputs=(net.encode("what is their sum?"),)).shape
        torch.Size([2])
    """
    return logits_of(model, inputs, extra_inputs=extra_inputs).double().amax(1)


def energy(model: Model, inputs: Tensor, temperature: float = 1.0, *, extra_inputs: Sequence[Any] = ()) -> Tensor:
    """The negative free energy, T log sum_c exp(z_c / T), (N,); arguments and errors as :func:`msp`.

    The paper calls -T log sum_c exp(z_c / T) the energy, which is low in distribution: its sign is turned here.

    Memory: 256 pictures run together, whatever N is.

    Examples:
        >>> x = net.normalize(gradlab.data.digits("test").pictures[:3])
        >>> bool((gradlab.evaluate.ood.energy(net, x) >= gradlab.evaluate.ood.max_logit(net, x)).all())
        True
    """
    temperature = check_temperature(temperature)
    return temperature * (logits_of(model, inputs, extra_inputs=extra_inputs).double() / temperature).logsumexp(1)


@own_precision
def odin(
    model: Model,
    inputs: Tensor,
    temperature: float = 1000.0,
    *,
    extra_inputs: Sequence[Any] = (),
    eps: float | Sequence[float] = ODIN_STEP,
) -> Tensor:
    """The maximum softmax probability at x~ = x + eps sign(d/dx log softmax(z / T)_y), with y the predicted class.

    The step raises the probability of the network's own answer, and does so more for pictures it knows. ``eps`` and T
    are to be chosen on other pictures than those the score is judged on. With an introspective network the slope goes
    through H, the features and f.

    Memory: the graph of the whole network for 256 pictures, whatever N is.

    Args:
        model: any ``nn.Module`` or a ``Classifier`` that returns logits (N, classes).
        inputs: normalised pictures (N, C, H, W).
        temperature: T, above 0.
        extra_inputs: what the model reads beside the pictures; tensors of length N go with their picture.
        eps: of the step, in units of the normalised inputs; one number, or one per channel (0.0014 / std is the same
            step for pixels of every channel). 0: no step, :func:`msp` at T.

    Returns:
        (N,), in 1 / classes .. 1, double precision.

    Raises:
        InputError, ModelError: see their descriptions; the inputs have no influence on the logits.

    Examples:
        >>> x = net.normalize(gradlab.data.digits("test").pictures[:3])
        >>> odin = gradlab.evaluate.ood.odin
        >>> bool((odin(net, x, 10, eps=0.01) > odin(net, x, 10, eps=0)).all())
        True
    """
    temperature = check_temperature(temperature)
    x = check_inputs(model, inputs, extra_inputs)
    step = torch.as_tensor(numbers(eps, "eps"), device="cpu").to(x)
    if step.ndim > 1 or (step.ndim == 1 and len(step) != x.shape[1]) or not bool((step.isfinite() & (step >= 0)).all()):
        raise InputError(f"eps is {shown(eps)}: expected a number of at least 0, or one per channel ({x.shape[1]}).")
    step = step.view(-1, 1, 1)

    def sureness(outputs: Any) -> Tensor:
        largest: Tensor = (check_logits(outputs) / temperature).log_softmax(1).amax(1)
        return largest

    moved = [
        part + step * gradient(model, part, target=sureness, extra_inputs=own).sign()
        for part, own in batches(model, x, extra_inputs)
    ]
    return _sure(logits_of(model, torch.cat(moved), extra_inputs=extra_inputs), temperature)


@own_precision
def gradient_norm(
    model: Model,
    inputs: Tensor,
    loss: Loss = "ce",
    *,
    layer: str | nn.Module | None = None,
    extra_inputs: Sequence[Any] = (),
    order: float = 1,
) -> Tensor:
    """The length of the introspective features, |dJ(z, ones)/dW|, (N,).

    At the last layer the gradient is u h^T, so that its length is |u| |h| and costs one forward pass. For "ce" u is
    C p - 1, zero for a uniform p: with ``order`` 1 this is C times the score of Huang et al.

    Memory: 256 pictures run together, whatever N is.

    Args:
        model: any ``nn.Module`` or a ``Classifier``.
        inputs: normalised pictures (N, C, H, W).
        loss: as in :func:`gradlab.introspect.features`.
        layer: as in :func:`gradlab.introspect.features`.
        extra_inputs: what the model reads beside the pictures; tensors of length N go with their picture.
        order: of the norm over all entries, from 1 up; ``math.inf`` for the largest entry.

    Raises:
        InputError, LayerError, ModelError: as :func:`gradlab.introspect.features`, or an order below 1.

    Examples:
        >>> x = net.normalize(gradlab.data.digits("test").pictures[:3])
        >>> made = gradlab.introspect.features(net, x, loss="ce", normalize=None)
        >>> torch.allclose(gradlab.evaluate.ood.gradient_norm(net, x, order=2).float(), made.norm(dim=1))
        True
    """
    order = math.inf if isinstance(order, float) and order == math.inf else number(order, "order", 1)
    check_loss(loss)
    found = []
    for part, own in batches(model, inputs, extra_inputs):
        if layer is not None:
            made = features(model, part, loss, question="ones", normalize=None, layer=layer, extra_inputs=own)
            found.append(torch.linalg.vector_norm(made.double(), order, dim=1))
            continue
        kept = last_layer(model, part, extra_inputs=own)
        lengths = torch.linalg.vector_norm(kept.hidden.double(), order, dim=-1).view(
            len(kept), -1
        )  # for all or each class
        found.append(torch.linalg.vector_norm(kept.rows(loss, "ones").double() * lengths, order, dim=1))
    return torch.cat(found)


@own_precision
def logits_of(model: Model, inputs: Tensor, *, extra_inputs: Sequence[Any] = ()) -> Tensor:
    """Return finite logits (N, classes), in parts; arguments and errors as :func:`msp`.

    Memory: 256 pictures run together, whatever N is.

    Examples:
        >>> gradlab.evaluate.ood.logits_of(net, torch.zeros(2, 1, 32, 32)).shape
        torch.Size([2, 10])
    """
    parts = batches(model, inputs, extra_inputs)
    return torch.cat([check_logits(outputs_of(model, part, extra_inputs=own)) for part, own in parts])


def _sure(logits: Tensor, temperature: float) -> Tensor:
    return (check_logits(logits, 2).double() / temperature).softmax(1).amax(1)
