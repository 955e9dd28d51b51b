"""All that a reader can choose in each widget: values for every trait, and states made of them."""

from __future__ import annotations

import itertools
from typing import Any

# of each widget of tests/browser/test_styles.py
CHOICES: dict[str, dict[str, list[Any]]] = {
    "paradigms": {
        "target": [None, 0, 5], "contrast": [None, 0, 5, 11], "cells": [[], [3, 9]],
        "colours": ["viridis", "blue-orange"], "scale": ["each", "shared"], "units": ["raw", "share"],
        "opacity": [0, 0.55, 1], "threshold": [0, 1],
        "present": [False, True],
    },
    "gradients": {
        "target": [None, 0, 5], "share": [0.01, 1], "colours": ["magma", "blue-orange"],
        "box": [None, [0, 0, 1, 1], [0, 0, 64, 64], [60, 2, 4, 62]],
    },
    "occlusion": {
        "target": [None, 0, 5], "box": [None, [0, 0, 64, 64], [16, 16, 16, 16], [60, 0, 4, 4]],
        "mode": ["box", "paint"], "painted": [[], [[0, 4096]], [[70, 9]]], "window": [8, 16], "stride": [1, 16],
        "baseline": ["mean", "blur"],
        "unit": ["logit", "probability"], "colours": ["viridis", "blue-orange"], "opacity": [0, 1],
    },
    "entropy": {
        "events": [
            [["A", 0.5], ["B", 0.25], ["C", 0.25]], [["heads", 1.0], ["tails", 0.0]],
            [["heads", 0.5], ["tails", 0.5]], [[f"event {i}", 1 / 16] for i in range(16)],
        ],
        "unit": ["bits", "nats"],
    },
    "mutual": {
        "joint": [
            [[1 / 12] * 4] * 3, [[1.0, 0, 0, 0], [0] * 4, [0] * 4],
            [[0.25, 0, 0, 0], [0, 0.25, 0, 0], [0, 0, 0.25, 0.25]], [[0.2, 0.1, 0.05, 0.05]] * 2 + [[0.05] * 4],
        ],
        "unit": ["bits", "nats"],
    },
    "fisher": {
        "family": ["Gaussian mean", "Gaussian scale", "Bernoulli", "Poisson", "softmax logit"],
        "theta": [0.3, 0.9], "sigma": [0.5, 3], "n": [10, 1000], "seed": [0, 4294967295], "away": [-1.5, 0, 1.5],
    },
    "manifold": {
        "point": [[0, 0], [-2.4, 2.4], [0.3, 0.15]], "steps": [[], [["cat", 0.2]], [["dog", 1], ["horse", 0.02]]],
        "eta": [0.02, 1],
    },
    "introspect": {
        "picture": [0, 15], "noise": [0, 0.3, 1], "contrast": [None, 0, 9, "ones"], "show": ["rows", "picture"],
        "each": [False, True], "loss": ["ce", "mse", "bce"], "mean": [False, True],
    },
    "calibration": {
        "network": ["f"], "temperature": [0.001, 1, 2.5, 1000], "bin": [None, 0, 14], "picture": [None, 0, 39],
        "map": [False, True],
    },
    "ood": {
        "score": ["msp", "energy"], "against": ["out-of-distribution"], "threshold": [None, -1e9, 0.5, 1e9],
        "picture": [None, 0, 79], "map": [False, True],
    },
    "active": {
        "network": ["the trained network", "the untrained network"],
        "strategy": ["random", "entropy", "least_confidence", "margin", "badge"],
        "played": [{}, {"the trained network": {"badge": 1, "random": 1}}, {"the untrained network": {"entropy": 2}}],
    },
    "challenges": {"level": [0, 1, 5], "maps": [False, True], "challenge": [None, "rain", "snow"]},
}  # fmt: skip
MOST = 160


def states(name: str) -> list[dict[str, Any]]:
    """Return all combinations, or of more than ``MOST`` a part that is spread over all of them."""
    table = CHOICES[name]
    every = [dict(zip(table, values, strict=True)) for values in itertools.product(*table.values())]
    fits = [each for each in every if each.get("stride", 0) <= each.get("window", 1)]
    step = max(1, len(fits) // MOST)
    while step > 1 and any(len(fits) % step == 0 and step % k == 0 for k in (2, 3, 5)):
        step += 1  # no step that would meet the same value of a trait each time
    return fits[::step]


# what is wrong for a trait, and must be refused with everything as it was
WRONG: dict[str, dict[str, list[Any]]] = {
    "paradigms": {"target": [12, "no class"], "cells": [[-1]], "opacity": [1.1], "scale": ["other"], "units": [None]},
    "gradients": {"target": [-1], "share": [0, 1.5, "a"], "box": [[0, 0, 65, 1], [0, 0, 0, 1], 5], "colours": ["jet"]},
    "occlusion": {
        "target": ["no class"], "box": [[60, 0, 5, 4]], "mode": ["x"], "painted": [[[4096, 1]], [[0, 0]], 3],
        "window": [0, 65], "stride": [0, 17], "baseline": ["white"], "unit": [None],
    },
    "entropy": {"events": [[], [["A", 1.0]], {"A": 0.7, "B": 0.7}, [["A", 0.5], ["A", 0.5]], 3], "unit": ["bans"]},
    "mutual": {"joint": [[[1.0]], [[0.5, 0.5], [0, 0]], [[-1, 2]]], "unit": [None]},
    "fisher": {"family": ["Cauchy"], "theta": [99], "sigma": [0], "n": [11], "seed": [-1], "away": [2]},
    "manifold": {"point": [[0], [9, 0], "a"], "steps": [[["cow", 0.1]], [["cat"]], [["cat", 0]], 3], "eta": [0, 2]},
    "introspect": {
        "picture": [-1, 16], "noise": [-0.1, 2], "contrast": [10, "no"], "show": ["x"], "each": [1], "loss": ["l1"],
        "mean": ["yes"],
    },
    "calibration": {"network": ["g"], "temperature": [0, -1, 1e9], "bin": [15, -1], "picture": [40], "map": [1]},
    "ood": {"score": ["max"], "against": ["x"], "threshold": ["low", float("nan")], "picture": [80], "map": [None]},
    "active": {
        "network": ["x"], "strategy": ["bald"],
        "played": [{"x": {}}, {"the trained network": {"bald": 1}}, {"the trained network": {"badge": 99}}, 3],
    },
    "challenges": {"level": [6, -1], "maps": [1], "challenge": ["flood"]},
}  # fmt: skip
