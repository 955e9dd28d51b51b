"""Occlusion against captum at 224 x 224: a whole sweep, the first map, guided backpropagation."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import torch
from captum.attr import GuidedBackprop, Occlusion
from torch import Tensor, nn

from gradlab import explain

Networks = dict[str, tuple[nn.Module, str]]
Seconds = Callable[[Callable[[], Any]], float]
Line = Callable[..., None]
# captum runs each window alone or in batches; these are tried, and its quickest counts.
BATCHES = (1, 8, 32)


def captum_sweep(model: nn.Module, x: Tensor, window: int, stride: int, batch: int) -> Tensor:
    shape, strides = (3, window, window), (3, stride, stride)
    found: Tensor = Occlusion(model).attribute(x, shape, strides, 0.0, 7, perturbations_per_eval=batch)
    return found[:, :1]


def bench_occlusion(name: str, model: nn.Module, seconds: Seconds, line: Line, turns: int, whole: bool) -> None:
    """Print ratios; ``whole``: run all of captum's windows, else a disjoint grid of them, whose time is scaled up.

    captum asks every window with one full forward pass, whatever its size and place, so its time is their number's.
    """
    x = torch.randn(1, 3, 224, 224)
    trial = {batch: seconds(lambda b=batch: captum_sweep(model, x, 56, 56, b)) for batch in BATCHES}
    best = min(trial, key=lambda batch: trial[batch])
    for window, stride in ((32, 8), (16, 8)):
        count = (-(-(224 - window) // stride) + 1) ** 2
        theirs = stride if whole else window
        scale = count / (-(-(224 - window) // theirs) + 1) ** 2
        explain.occlusion(model, x, 7, window=window, stride=window)
        values = []
        for _ in range(turns):
            ours = seconds(lambda w=window, s=stride: explain.occlusion(model, x, 7, window=w, stride=s))
            values.append(ours / (scale * seconds(lambda w=window, t=theirs: captum_sweep(model, x, w, t, best))))
        line(f"occlusion {window}/{stride}, against captum (batches of {best})", values, inverse=True)
    _first_maps(model, x, seconds)


def _first_maps(model: nn.Module, x: Tensor, seconds: Seconds) -> None:
    def forward() -> None:
        with torch.no_grad():
            model(x)

    def until(exact: bool) -> None:
        next(s for s in explain.occlusion_sweep(model, x, 7, window=16, stride=8) if s.first_order is not exact).maps()

    one = statistics.median(seconds(forward) for _ in range(5))
    for what, exact in (
        ("first map (first order), in forward passes", False),
        ("first exact map, in forward passes", True),
    ):
        found = sorted(seconds(lambda e=exact: until(e)) / one for _ in range(5))
        print(f"  {what:58s} {found[2]:10.2f}               ({found[0]:.2f} .. {found[-1]:.2f})", flush=True)


def bench_guided(model: nn.Module, ratios: Callable[..., list[float]], line: Line, turns: int) -> None:
    """Print the ratio for guided backpropagation; captum's module hooks need ReLUs that are not in place."""
    x = torch.randn(1, 3, 224, 224)
    for part in model.modules():
        if isinstance(part, nn.ReLU):
            part.inplace = False
    theirs = GuidedBackprop(model)
    values = ratios(lambda: explain.guided_backprop(model, x, 7), lambda: theirs.attribute(x, 7), turns)
    line("guided backpropagation, against captum", values)
