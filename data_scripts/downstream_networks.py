"""Networks of downstream_experiment.py: f with a temperature, f without two digits, an f for few pictures."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data_scripts import train_small
from data_scripts.training import fit
from gradlab import evaluate
from gradlab.models import Classifier
from gradlab.models.small import DIGIT_SIZE, DIGITS, SmallNet

KNOWN = 8  # digits that the network without 8 and 9 has seen


def warmed(net: Classifier | nn.Module, logits: Tensor, labels: Tensor) -> Classifier | nn.Module:
    """Return a copy whose logits are those of the network over the temperature that suits the labelled logits."""
    by = evaluate.temperature(logits, labels)
    model = copy.deepcopy(net.model if isinstance(net, Classifier) else net)
    last = [part for part in model.modules() if isinstance(part, nn.Linear)][-1]
    with torch.no_grad():
        last.weight /= by
        last.bias /= by
    return replace(net, model=model) if isinstance(net, Classifier) else model


def digits_without_two(steps: int, checkpoint: Path, quiet: bool) -> Classifier:
    """Return a network for the digits 0 to 7, trained as the shipped one is on ten but for fewer steps."""

    def build() -> nn.Module:
        return SmallNet(1, KNOWN, width=16, depth=1)

    def loss_of(model: nn.Module, step: int) -> Tensor:
        pictures, labels = train_small.digits_batch(step)
        return F.cross_entropy(model(pictures[labels < KNOWN]), labels[labels < KNOWN])

    model, _ = fit("digits 0 to 7", build, loss_of, steps, checkpoint, quiet)
    return Classifier(
        model.requires_grad_(False),
        DIGITS[:KNOWN],
        (DIGIT_SIZE, DIGIT_SIZE),
        mean=(0.0,),
        std=(1.0,),
        resize=None,
        layer="stages",
    )


class Few(nn.Module):
    """A perceptron with dropout for digits of 8 x 8 cells (n, 1, 8, 8), which learns in a tenth of a second."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.drop, self.last = nn.Linear(64, width), nn.Dropout(0.5), nn.Linear(width, len(DIGITS))

    def forward(self, x: Tensor) -> Tensor:
        """Return logits."""
        logits: Tensor = self.last(self.drop(F.relu(self.first(x.flatten(1)))))
        return logits


def learned_few(pictures: Tensor, labels: Tensor, width: int, steps: int) -> Few:
    """Return a perceptron trained on all pictures at each step; random by torch's global state."""
    model = Few(width)
    optimizer = torch.optim.Adam(model.parameters(), 2e-2, weight_decay=1e-4, fused=True)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(model(pictures), labels).backward()
        optimizer.step()
    return model.eval()
