"""Who answers: f, f with a temperature, and a second network H on h or on f's gradients."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from gradlab import evaluate
from gradlab.models import Classifier

F, TEMPERATURE, CONTROL, FEATURES = "f", "f, temperature", "H on h", "H on features"
ARMS = (F, TEMPERATURE, CONTROL, FEATURES)


def tempered(net: Classifier | nn.Module, logits: Tensor, labels: Tensor) -> Classifier | nn.Module:
    """Return a copy whose logits are those of the network over the temperature that suits the labelled logits."""
    by = evaluate.temperature(logits, labels)
    model = copy.deepcopy(net.model if isinstance(net, Classifier) else net)
    last = [part for part in model.modules() if isinstance(part, nn.Linear)][-1]
    with torch.no_grad():
        last.weight /= by
        last.bias /= by
    return replace(net, model=model) if isinstance(net, Classifier) else model


def weights_on_features(classes: int, width: int, hidden: Sequence[int]) -> int:
    """Return how many weights the H has that reads the gradients of a last layer (classes, width)."""
    return sum((inputs + 1) * outputs for inputs, outputs in itertools.pairwise((classes * width, *hidden, classes)))
