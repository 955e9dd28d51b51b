"""Fisher information on a network for digits: the last layer against a forward pass, the whole against a loop."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gradlab import information
from gradlab.models.small import SmallNet

PICTURES = 1000
ASKED, LOOPED = 200, 40  # pictures for the whole network; the loop's are timed, and the time is multiplied


def bench_information(ratios: Callable[..., list[float]], line: Callable[..., None], turns: int) -> None:
    """Print ratios. Time does not depend on the weights, so random ones do."""
    model = SmallNet(1, 10, width=16, depth=1).eval()
    x = torch.rand(PICTURES, 1, 32, 32)
    some, few = x[:ASKED], x[:LOOPED]

    def forward() -> None:
        with torch.no_grad():
            model(x)

    def closed() -> None:
        found = information.last_layer(model, x)
        found.scores(), found.diagonal()

    def loop(labels: int) -> Tensor:
        total = torch.zeros(())
        parameters = list(model.parameters())
        for picture in few:
            log_p = model(picture[None])[0].log_softmax(0)
            for label in range(labels):
                gradients = torch.autograd.grad(log_p[label], parameters, retain_graph=label < labels - 1)
                total = total + log_p[label].detach().exp() * sum(g.square().sum() for g in gradients)
        return total

    print(f"Network for digits, {PICTURES} pictures")
    line("last layer: all scores, exact diagonal; forward passes", ratios(closed, forward, turns))
    line(
        "the same by fisher(layer=), forward passes",
        ratios(lambda: information.fisher(model, x, layer="head"), forward, turns),
    )
    for what, labels, ask in (
        ("exact diagonal of the whole network, against a loop", 10, lambda: information.fisher(model, some)),
        ("one label's, against a loop", 1, lambda: information.fisher(model, some, "empirical", labels=3)),
    ):
        found = ratios(ask, lambda labels=labels: loop(labels), turns)
        line(what, [r * LOOPED / ASKED for r in found], inverse=True)
    line(
        "Fisher map of the last layer, forward passes", ratios(lambda: information.fisher_map(model, x), forward, turns)
    )
