"""Introspective features against the forward pass that they need anyway, and against the ways there were before.

The network is a ResNet-18 for 32 x 32 pictures (3 x 3 stem, no pooling after it). The loop is what the definition says:
one forward and one whole backward pass per picture and class; it is timed on one picture and ten classes, and scaled
up. The fair baseline runs the batch once, keeps the graph, and takes each gradient to the last layer alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

from gradlab import introspect

Seconds = Callable[[Callable[[], Any]], float]
Line = Callable[..., None]
PICTURES = 16
LOOPED = 10  # classes that the loop asks, of one picture


def resnet18(classes: int) -> nn.Module:
    torch.manual_seed(0)
    model = torchvision.models.resnet18(weights=None, num_classes=classes)
    model.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    model.maxpool = nn.Identity()
    return model.eval()


def looped(model: nn.Module, x: Tensor) -> list[Tensor]:
    found = []
    for q in range(LOOPED):
        model.zero_grad()
        F.cross_entropy(model(x[:1]), torch.tensor([q])).backward()
        found.append(model.fc.weight.grad.clone())
    return found


def retained(model: nn.Module, x: Tensor, classes: int) -> None:
    """Take every gradient, of a model of which only the last layer's weight asks for one, and drop it."""
    z, labels = model(x), torch.arange(classes)
    for i in range(len(x)):
        for q in range(classes):
            value = F.cross_entropy(z[i : i + 1], labels[q : q + 1])
            torch.autograd.grad(value, model.fc.weight, retain_graph=True)


def ways(classes: int) -> dict[str, tuple[Callable[[], Any], float]]:
    """Return each way to the features of all pictures, and what its time is to be multiplied by."""
    model, x = resnet18(classes), torch.randn(PICTURES, 3, 32, 32)
    last_only = resnet18(classes).requires_grad_(False)
    last_only.fc.weight.requires_grad_(True)

    def forward() -> None:
        with torch.no_grad():
            model(x)

    return {
        "forward alone": (forward, 1),
        "all classes, factored": (lambda: introspect.last_layer(model, x).rows("ce", "each"), 1),
        "label of ones, dense": (lambda: introspect.features(model, x), 1),
        "all classes, dense": (lambda: introspect.features(model, x, "ce", question="each", normalize=None), 1),
        "a whole backward pass per class": (lambda: looped(model, x), PICTURES * classes / LOOPED),
        "one forward, retain_graph, last layer only": (lambda: retained(last_only, x, classes), 1),
    }


def bench_introspect(seconds: Seconds, line: Line, turns: int) -> None:
    """Print our time over the forward pass's (throughput is its inverse) and over that of the other ways."""
    for classes in (10, 100):
        print(f"ResNet-18 for 32 x 32, {classes} classes, {PICTURES} pictures at once")
        asked = ways(classes)
        times: dict[str, list[float]] = {name: [] for name in asked}
        for turn in range(turns + 1):  # the first warms up
            for name, (call, scale) in asked.items():
                taken = scale * seconds(call)
                times[name] += [taken] * (turn > 0)
        forward, _, *slow = asked
        ours = times["all classes, factored"]
        for name in ("all classes, factored", "label of ones, dense", "all classes, dense"):
            share = [t / f for f, t in zip(times[forward], times[name], strict=True)]
            line(f"{name}, against the forward pass alone", share)
        for name in slow[2:]:
            ratios = [mine / other for mine, other in zip(ours, times[name], strict=True)]
            line(f"all classes, factored, against {name}", ratios, inverse=True)


def main() -> None:
    from tests.bench.run import line, seconds

    torch.set_num_threads(1)
    bench_introspect(seconds, line, turns=9)


if __name__ == "__main__":
    main()
