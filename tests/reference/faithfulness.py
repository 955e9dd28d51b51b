"""Deletion and insertion straight from their definition: one pixel after the other, one picture at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def curve(
    model: Callable[..., Any], start: Tensor, end: Tensor, values: Tensor, label: int, steps: int
) -> tuple[list[float], list[float]]:
    """Return fractions and probabilities for one picture (1, C, H, W) and its map (H, W)."""
    height, width = values.shape
    places = [(i, j) for i in range(height) for j in range(width)]
    places.sort(key=lambda place: -float(values[place]))  # a stable sort
    fractions, scores, changed, done = [], [], start.clone(), 0
    with torch.no_grad():
        for step in range(steps + 1):
            until = round(step * len(places) / steps)
            for i, j in places[done:until]:
                changed[0, :, i, j] = end[0, :, i, j]
            done = until
            fractions.append(done / len(places))
            scores.append(float(model(changed).softmax(1)[0, label]))
    return fractions, scores


def area(fractions: list[float], scores: list[float]) -> float:
    return sum((fractions[k + 1] - fractions[k]) * (scores[k + 1] + scores[k]) / 2 for k in range(len(fractions) - 1))
