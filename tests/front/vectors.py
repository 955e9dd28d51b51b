"""Inputs and the engine's answers to them, for the front end's tests: made anew for each run, never stored."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import torch
from torch import Tensor, nn

from gradlab import explain, information
from gradlab.core.search import search
from gradlab.evaluate import calibration_error, calibration_floor, nll, ood, reliability
from gradlab.explain import Sweep
from gradlab.introspect import LastLayer
from gradlab.widgets.labelling import STRATEGIES, Game, World
from gradlab.widgets.manifold import likelihoods, trained
from gradlab.widgets.panels import held_rows
from gradlab.widgets.questions import words
from gradlab.widgets.wire import packed, scaled

T = torch.float64


def random(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, dtype=T, generator=torch.Generator().manual_seed(seed))


def maps() -> dict[str, Any]:
    """One picture in a network that ends in average pooling: maps, contrasts, p with two cells taken away."""
    torch.manual_seed(3)
    head = nn.Linear(5, 7)
    body = nn.Sequential(nn.Conv2d(3, 5, 3, padding=1), nn.ReLU())
    model = nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head).double().eval()
    x, cells = random(0, 1, 3, 4, 6), [0, 9]
    with torch.no_grad():
        head.weight.mul_(6)
        logits, features = model(x)[0], body(x)[0].flatten(1)
        features[:, cells] = 0
        without = head(features.mean(1)).softmax(0)
    layer = body
    found = explain.class_maps(model, x, layer=layer)
    p = int(logits.argmax())
    return {
        "z": logits,
        "shape": found.maps.shape[1:],
        "L": found.maps[0],
        "contrasts": torch.stack(
            [explain.contrast_cam(model, x, torch.tensor([q]), layer=layer)[0, 0] for q in range(7)]
        ),
        "p": p,
        "why": explain.grad_cam(model, x, torch.tensor([p]), layer=layer)[0, 0],
        "whatif": explain.counterfactual_cam(model, x, torch.tensor([p]), layer=layer)[0, 0],
        "cells": cells,
        "without": without,
        "size": [13, 17],
        "large": explain.upsample(found.maps[:, :1], (13, 17))[0, 0],
    }


def panels() -> list[dict[str, Any]]:
    """What the introspective panels say of a sure network, an undecided one, and one between them."""
    found = []
    for logits in (torch.tensor([9.0, -9, -9, -9, -8], dtype=T), torch.zeros(5, dtype=T), random(1, 5)):
        kept = LastLayer(logits[None], random(2, 1, 3))
        found.append(
            {
                "z": logits,
                "h": kept.hidden[0],
                "rows": kept.rows("ce", "each")[0],
                "ones": {loss: kept.rows(loss, "ones")[0] for loss in ("ce", "mse", "bce")},
                "norms": kept.norms("ce", "each")[0],
                "effective": kept.effective_rows("ce", "each")[0],
                "held": held_rows(kept)[0],
                "cosines": kept.cosines("ce")[0],
            }
        )
    return found


def judged() -> dict[str, Any]:
    """Reliability at three temperatures; confidences of exactly 1, and of exactly a bin's edge, are among them."""
    logits = torch.cat([2 * random(4, 60, 4), torch.tensor([[999.0, 0, 0, 0], [0, 0, -999, -999], [1, 1, 1, 1]])])
    labels = torch.arange(len(logits)) % 4
    bins, found = 10, []
    for heat in (0.5, 1.0, 2.5):
        p = (logits / heat).softmax(1)
        diagram = reliability(p, labels, bins)
        found.append(
            {
                "T": heat,
                "ece": calibration_error(p, labels, bins),
                "mce": calibration_error(p, labels, bins, norm="max"),
                "nll": nll(logits, labels, heat),
                "counts": diagram.counts,
                "bin": diagram.bin_of,
                "confidence": diagram.confidence.nan_to_num(-1),
                "accuracy": diagram.accuracy.nan_to_num(-1),
            }
        )
    p = logits.softmax(1)
    generator = torch.Generator().manual_seed(5)
    lots = [torch.rand(len(p), dtype=T, generator=generator) < p.amax(1) for _ in range(4)]
    said = p.argmax(1)
    return {
        "logits": logits,
        "labels": labels,
        "bins": bins,
        "at": found,
        "floor": calibration_floor(p, bins, draws=4, seed=5),
        "lots": [torch.where(right, said, (said + 1) % 4) for right in lots],
    }


def detection() -> list[dict[str, Any]]:
    """ROC of scores with many ties, of scores apart, of scores the wrong way round, and of one score alone."""
    coarse = (random(6, 40).round(), (random(7, 25) - 0.7).round())
    pairs = [coarse, (random(8, 30) + 9, random(9, 30)), (random(8, 30) - 9, random(9, 30)), ([0.5], [0.5])]
    found = []
    for inside, outside in pairs:
        curve = ood.roc(inside, outside)
        found.append(
            {
                "inside": inside,
                "outside": outside,
                "tpr": curve.tpr,
                "fpr": curve.fpr,
                "thresholds": curve.thresholds[1:],
                "auroc": ood.auroc(inside, outside),
                "at95": ood.fpr_at_95_tpr(inside, outside),
                "error": ood.detection_error(inside, outside),
            }
        )
    return found


def sweeps() -> list[dict[str, Any]]:
    """Maps of a whole sweep and of one begun, with windows that overlap and are cut at the border."""
    found = []
    for asked in (12, 2):
        clean, occluded = random(10, 1, 3), random(11, 1, 3, 3, 4)
        # far apart, so that no window is as near to one as to the other
        keep = torch.ones(12, dtype=torch.bool) if asked == 12 else torch.arange(12) % 11 == 0
        occluded = occluded.flatten(2).masked_fill(~keep, torch.nan).unflatten(2, (3, 4))
        sweep = Sweep(
            clean=clean, occluded=occluded, window=(4, 4), stride=(3, 3), size=(9, 12), first_order=False,
            done=asked, total=12,
        )  # fmt: skip
        indices = keep.nonzero()[:, 0]
        scores = occluded[0].flatten(1)[:, indices].T
        found.append(
            {
                "z": clean[0],
                "window": 4,
                "stride": 3,
                "rows": 3,
                "columns": 4,
                "size": sweep.size,
                "indices": indices,
                "drops": clean - scores,
                "after": scores.softmax(1),
                "maps": sweep.maps()[0],
                # the same of what each window takes away from p
                "chances": replace(sweep, clean=clean.softmax(1), occluded=occluded.softmax(1)).maps()[0],
                "exact": asked == 12,
            }
        )
    return found


def shannon() -> list[dict[str, Any]]:
    """Entropies of joint tables in bits and in nats, impossible events among them."""
    tables = [
        np.array([[0.5, 0.0], [0.0, 0.5]]), np.full((2, 3), 1 / 6), np.array([[0.25, 0.125, 0.25], [0.0, 0.375, 0.0]]),
    ]  # fmt: skip
    found = []
    for joint in tables:
        for unit, base in (("bits", 2.0), ("nats", np.e)):
            found.append(
                {
                    "p": joint.ravel(),
                    "rows": len(joint),
                    "columns": joint.shape[1],
                    "unit": unit,
                    "HX": information.entropy(joint.sum(1), base=base),
                    "HY": information.entropy(joint.sum(0), base=base),
                    "HXY": information.joint_entropy(joint, base=base),
                    "I": information.mutual_information(joint, base=base),
                    "XgivenY": information.conditional_entropy(joint, base=base),
                    "YgivenX": information.conditional_entropy(joint.T, base=base),
                    "surprises": [information.surprise(p, base=base) for p in joint.ravel() if p > 0],
                }
            )
    return found


def families() -> dict[str, Any]:
    """Scores, curvatures and information of each family where samples were drawn and beside it.

    The logit is that of the first of two labels, the other's being 0: one number's row of the categorical family.
    """
    every: dict[str, tuple[information.families.Family, list[float]]] = {
        "Gaussian mean": (information.families.gaussian_mean(1.5), [-1.0, 0.5]),
        "Gaussian scale": (information.families.gaussian_scale(), [0.7, 2.0]),
        "Bernoulli": (information.families.bernoulli(), [0.2, 0.6]),
        "Poisson": (information.families.poisson(), [0.8, 4.0]),
    }
    found: dict[str, Any] = {}
    for name, (family, thetas) in every.items():
        x = family.sample(thetas[0], 40, seed=1)
        found[name] = {
            "s": 1.5,
            "x": x,
            "at": [
                {
                    "theta": theta,
                    "log": family.log_likelihood(x, theta) - family.log_likelihood(x, thetas[0]),
                    "score": family.score(x, theta),
                    "second": family.hessian(x, theta),
                    "fisher": family.fisher(theta),
                }
                for theta in thetas
            ],
        }
    choice, x = information.families.categorical(), np.array([0.0, 1.0, 1.0])
    found["softmax logit"] = {
        "s": 1.0,
        "x": 1 - x,  # 1 where it is the first label
        "at": [
            {
                "theta": t,
                "log": choice.log_likelihood(x, [t, 0.0]) - choice.log_likelihood(x, [-1.0, 0.0]),
                "score": choice.score(x, [t, 0.0])[:, 0],
                "second": choice.hessian(x, [t, 0.0])[:, 0, 0],
                "fisher": choice.fisher([t, 0.0])[0, 0],
            }
            for t in (-1.0, 2.0)
        ],
    }
    return found


def game() -> dict[str, Any]:
    """A game of buying labels played to its end by every strategy, BADGE among them."""
    truth = (torch.arange(40) % 3, torch.arange(30) % 3)
    centres = 2 * random(12, 3, 4)
    world = World.of("f", centres[truth[0]] + random(13, 40, 4), centres[truth[1]] + random(14, 30, 4))
    rules = Game(truth, classes=3, start=5, batch=3, rounds=4, seed=7)
    reached, bought = rules.play(world)
    sent = {key: rules.answer()[key] for key in ("classes", "first", "batch", "rounds", "training")}
    return {
        "rules": {**sent, "truth": truth[0], "testTruth": truth[1], "orders": rules.orders, "draws": rules.draws},
        "world": {"name": world.name, "pool": world.pool, "test": world.test},
        "strategies": [*STRATEGIES, "random"],
        "reached": reached,
        "bought": bought,
    }


def colours() -> dict[str, Any]:
    """The sequential maps as matplotlib has them, (256, 3) in 0 to 255."""
    names = ("viridis", "cividis", "magma")
    return {name: 255 * matplotlib.colormaps[name](np.arange(256))[:, :3] for name in names}


def wire() -> list[dict[str, Any]]:
    """One array in every type that the kernel sends, and one in units of a scale."""
    grid = 3 * random(15, 2, 4, 3)
    found = [(packed(grid.abs(), "uint8"), grid.abs().byte()), (packed(grid, "int32"), grid.int())]
    found += [(packed(grid, dtype), grid) for dtype in ("float16", "float32", "float64")]
    found += [(packed(grid.abs(), "uint32"), grid.abs().int()), (scaled(1e4 * grid), 1e4 * grid)]
    return [{"packed": sent(each), "values": values} for each, values in found]


def sent(each: dict[str, Any]) -> dict[str, Any]:
    return {**each, "bytes": None, "base64": base64.b64encode(each["bytes"]).decode()}


def plane() -> dict[str, Any]:
    """The toy network of the plane at some places: p, every label's gradient, and the Fisher matrix."""
    weights, _ = trained(1)
    found = []
    for at in ([0.4, -0.7], [-1.3, 0.2], [0.0, 1.9]):
        p, g = likelihoods(weights, np.array(at))
        fisher = np.einsum("c,ci,cj->ij", p, g, g)
        sizes, ways = np.linalg.eigh(fisher)
        found.append({"at": at, "p": p, "g": g, "F": fisher, "axes": np.sqrt(sizes[::-1]), "long": ways[:, 1]})
    return {"weights": dict(zip(("w1", "b1", "w2", "b2"), weights, strict=True)), "places": found}


def decoded() -> dict[str, Any]:
    """Logits of pictures with ties, as they are sent, and what they say: first, second, and logits below the first."""
    logits = torch.cat([random(20, 6, 4), torch.tensor([[1.0, 3, 3, 0], [2, 2, 2, 2], [0, 1, 2, 3], [3, 2, 1, 0]])])
    first = logits.argmax(1)
    rest = logits.scatter(1, first[:, None], -torch.inf)
    return {
        "sent": sent(packed(logits, "float64")),
        "first": first,
        "second": rest.argmax(1),
        "below": logits - logits.amax(1, keepdim=True),
    }


# Probabilities of one to four classes: sure, even, tied, and with classes that are next to impossible.
STATES = [
    [1.0], [0.7, 0.3], [0.5, 0.5], [1.0, 0.0], [0.2, 0.7, 0.1], [0.4, 0.4, 0.2], [0.1, 0.45, 0.45], [0.0, 0.0, 1.0],
    [0.99999, 4e-6, 6e-6], [0.003, 0.997, 0.0], [0.26, 0.24, 0.26, 0.24], [0.6, 0.3, 0.0995, 0.0005],
]  # fmt: skip


def questions() -> list[dict[str, Any]]:
    """The words of every P and Q in each of these states."""
    found = []
    for p in map(np.array, STATES):
        labels, order = [f"class {c}" for c in range(len(p))], np.argsort(-p, kind="stable")
        for asked, other in np.ndindex(len(p), len(p)):
            wanted = asdict(words(labels, p, asked, other))
            found.append({"labels": labels, "p": p, "order": order, "asked": asked, "other": other, "wanted": wanted})
    return found


LABELS = [
    "crate", "tabby", "catamaran", "tiger cat", "Cat", "C.A.T.", "sea catfish", "scatter", "lynx", "stop (red)",
    "redder", "Über", "über allem", "der Über", "sports car", "car", "cab", "oxcart", "black-footed ferret", "a.c",
    "abc",
]  # fmt: skip
GROUPS = {"cat": [1, 3, 8], "car": [14, 16]}


def searches() -> dict[str, Any]:
    """What a word finds among some labels, the best first."""
    words_typed = [
        "cat", "CAT", " cat ", "car", "red", "über", "a.c", "ac", "tiger", "tig c", "cat tiger", "black footed", "foot",
        "x", "zebra", "sports car", "c", "(", "-", "der", "allem", "t", "footed ferret", "dog",
    ]  # fmt: skip
    return {
        "labels": LABELS,
        "groups": GROUPS,
        "cases": [{"typed": typed, "wanted": search(typed, LABELS, GROUPS)} for typed in words_typed],
    }


ALL: tuple[Callable[[], Any], ...] = (
    maps, panels, judged, detection, sweeps, shannon, families, game, colours, wire, plane, decoded,
    questions, searches,
)  # fmt: skip


def plain(value: Any) -> Any:
    """Return what JSON can hold; NaN and infinities are refused by ``write``."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return plain(value.tolist()) if isinstance(value, (Tensor, np.ndarray, np.generic)) else value


def write(path: Path) -> None:
    path.write_text(json.dumps({make.__name__: plain(make()) for make in ALL}, allow_nan=False), encoding="utf-8")
