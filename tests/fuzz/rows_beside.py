"""What stands beside the engine and on it: evaluate, data, models, course."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from gradlab import course, data, evaluate, models
from gradlab.course import results
from gradlab.evaluate import active, ood, quality, statistics
from tests.fuzz.world import Row, World, asked, first, tiny

LESSONS = Path(__file__).parents[2] / "notebooks"


def evaluate_rows(w: World) -> dict[str, Row]:
    m = asked(w)
    judged = {"probabilities": w.p, "labels": w.labels}
    bins = {"bins": 3, "binning": "width"}
    z = {"logits": 3 * w.p, "labels": w.labels}
    sets = {"in_scores": [3.0, 2.0, 1.0], "out_scores": [2.5, 0.0]}
    plain = {**m, "extra_inputs": ()}
    passes = torch.stack([w.p, w.p2])
    diagram = evaluate.reliability(w.p, w.labels, 3)
    six, seven = [0.1, 0.5, 0.2, 0.8, 0.9, 0.4, 0.3, 0.6], [1.0, 4.0, 3.0, 6.0, 9.0, 2.5, 3.5, 5.0]
    told, told2 = quality.agreement(six, seven), quality.agreement(seven, six, [0.1] * 8, parameters=4)
    options = {"suppress": 0.5, "power": 2.0, "extra_inputs": (), "layer": None}
    pictures = {"reference": w.x, "distorted": w.x2}
    games = {
        "arms": {"f": fitted},
        "pool": (w.seen, torch.tensor([0, 1])),
        "tests": {"t": (w.seen, torch.tensor([0, 1]))},
        "budgets": [1, 2],
        "strategies": ["random"],
        "seeds": [0],
        "predict": active.probabilities,
        "progress": False,
    }
    rating = {"reference": (), "distorted": (), "scores": w.p, "spread": None, "kinds": (), "higher_is_better": True}
    return {
        "evaluate.Reliability": Row(
            evaluate.Reliability, {name: getattr(diagram, name) for name in evaluate.Reliability.__dataclass_fields__}
        ),
        "evaluate.Reliability.error": Row(diagram.error, {"norm": "mean"}),
        "evaluate.brier": Row(evaluate.brier, judged),
        "evaluate.calibration_error": Row(
            evaluate.calibration_error,
            {**judged, **bins, "norm": "mean"},
        ),
        "evaluate.calibration_floor": Row(
            evaluate.calibration_floor,
            {"probabilities": w.p, **bins, "norm": "mean", "draws": 3, "seed": 0},
        ),
        "evaluate.nll": Row(evaluate.nll, {**z, "temperature": 1.0}),
        "evaluate.reliability": Row(evaluate.reliability, {**judged, **bins}),
        "evaluate.temperature": Row(evaluate.temperature, z),
        "evaluate.active.Round": Row(
            active.Round, {"arm": "f", "strategy": "random", "seed": 0, "budget": 2, "accuracy": {}, "bought": w.labels}
        ),
        "evaluate.active.ask": Row(
            active.ask,
            {"strategy": "random", **plain, "n": 1, "seed": 0, "predict": None},
        ),
        "evaluate.active.badge": Row(
            active.badge,
            {"probabilities": w.p, "hidden": w.p2, "n": 3, "seed": 0},
        ),
        "evaluate.active.bald": Row(active.bald, {"passes": passes}),
        "evaluate.active.dropout_passes": Row(active.dropout_passes, {**plain, "passes": 2, "seed": 0}),
        **{
            f"evaluate.active.{name}": Row(getattr(active, name), {"probabilities": w.p})
            for name in ("entropy", "least_confidence", "margin")
        },
        "evaluate.active.introspective": Row(
            lambda **given: active.introspective(**given)(w.seen, torch.tensor([0, 1]), 0),
            {"fit": fitted, "settings": {"hidden": (4,)}, "epochs": 1},
        ),
        "evaluate.active.probabilities": Row(active.probabilities, plain),
        "evaluate.active.random": Row(active.random, {"count": 9, "n": 3, "seed": 0}),
        "evaluate.active.run": Row(
            lambda **given: first(active.run(**given), 9),
            games,
        ),
        "evaluate.active.top": Row(
            active.top,
            {"scores": torch.tensor([0.5, 0.5, 0.1]), "n": 2, "seed": 0},
        ),
        "evaluate.ood.Roc": Row(ood.Roc, {"thresholds": w.p, "tpr": w.p, "fpr": w.p}),
        "evaluate.ood.aupr": Row(ood.aupr, {**sets, "positive": "in"}),
        **{
            f"evaluate.ood.{name}": Row(getattr(ood, name), sets)
            for name in ("auroc", "detection_error", "fpr_at_95_tpr", "roc")
        },
        "evaluate.ood.energy": Row(ood.energy, {**plain, "temperature": 1.0}),
        "evaluate.ood.gradient_norm": Row(ood.gradient_norm, {**plain, "loss": "ce", "layer": None, "order": 1.0}),
        "evaluate.ood.logits_of": Row(ood.logits_of, plain),
        "evaluate.ood.max_logit": Row(ood.max_logit, plain),
        "evaluate.ood.msp": Row(ood.msp, {**plain, "temperature": 1.0}),
        "evaluate.ood.odin": Row(ood.odin, {**plain, "temperature": 1.0, "eps": 0.01}),
        "evaluate.quality.Agreement": Row(
            quality.Agreement, {name: getattr(told, name) for name in quality.Agreement.__dataclass_fields__}
        ),
        "evaluate.quality.Agreement.significance": Row(
            quality.agreement(seven, sorted(seven)).significance, {"other": told2, "measure": "plcc", "level": 0.05}
        ),
        "evaluate.quality.Ratings": Row(quality.Ratings, rating),
        "evaluate.quality.agreement": Row(
            quality.agreement,
            {"objective": six, "subjective": seven, "spread": None, "parameters": 5},
        ),
        "evaluate.quality.comparator": Row(
            quality.comparator,
            {"name": "psnr", "reference": w.seen, "distorted": w.seen2},
        ),
        "evaluate.quality.feature_similarity": Row(
            quality.feature_similarity,
            {"model": w.net, **pictures, **options},
        ),
        "evaluate.quality.gradient_similarity": Row(
            quality.gradient_similarity,
            {"model": w.net, **pictures, **options, "loss": "mse", "question": "ones"},
        ),
        "evaluate.quality.likeness": Row(
            quality.likeness,
            {**pictures, "suppress": 0.5, "power": 2.0},
        ),
        "evaluate.quality.read_multi_live": Row(quality.read_multi_live, {"folder": w.folder / "live"}),
        "evaluate.quality.read_tid2013": Row(quality.read_tid2013, {"folder": w.folder / "tid"}),
        "evaluate.statistics.Interval": Row(statistics.Interval, {"mean": 0.5, "half": 0.1}),
        "evaluate.statistics.mean_interval": Row(statistics.mean_interval, {"values": six, "confidence": 0.9}),
        "evaluate.statistics.paired_differences": Row(statistics.paired_differences, {"mine": six, "others": seven}),
    }


def fitted(pictures: Tensor, labels: Tensor, seed: int) -> nn.Module:
    return tiny(seed).model


def data_rows(w: World) -> dict[str, Row]:
    wrong = {"level": 2, "seed": 0}
    held = {"pictures": w.digits.pictures[:2], "labels": w.digits.labels[:2]}
    return {
        "data.DigitPairs": Row(
            data.DigitPairs, {name: getattr(w.pairs, name) for name in ("pictures", "digits", "boxes")}
        ),
        "data.DigitPairs.image": Row(w.pairs.image, {"index": 0}),
        "data.DigitPairs.masks": Row(w.pairs.masks),
        "data.Digits": Row(data.Digits, held),
        "data.Signs": Row(data.Signs, {name: getattr(w.signs, name) for name in ("pictures", "labels", "masks")}),
        "data.challenged": Row(
            data.challenged,
            {"pictures": w.seen, "challenge": "noise", **wrong},
        ),
        "data.corrupted": Row(
            data.corrupted,
            {"pictures": w.seen, "corruption": "shot noise", **wrong},
        ),
        "data.digit_pairs": Row(data.digit_pairs, {"n": 1, "seed": 0, "split": "test"}),
        "data.digits": Row(data.digits, {"split": "validation", "size": 8}),
        "data.picture": Row(data.picture, {"source": w.image}),
        "data.picture_names": Row(data.picture_names),
        "data.signs": Row(
            data.signs,
            {"n": 1, "seed": 0, "challenge": "haze", "level": 1},
        ),
        "data.strange": Row(
            data.strange,
            {"name": "noise", "n": 1, "seed": 0, "size": 8, "channels": 1},
        ),
    }


def models_rows(w: World) -> dict[str, Row]:
    made = {
        "model": w.net.model,
        "labels": ["a", "b", "c"],
        "size": (16, 16),
        "mean": (0.5,) * 3,
        "std": (0.5,) * 3,
        "resize": None,
        "resample": Image.Resampling.BICUBIC,
        "layer": None,
        "name": "mine",
    }
    return {
        "models.Classifier": Row(models.Classifier, made),
        "models.Classifier.index": Row(w.net.index, {"label": "bee"}),
        "models.Classifier.normalize": Row(w.net.normalize, {"view": w.seen}),
        "models.Classifier.transform": Row(w.net.transform, {"picture": w.image}),
        "models.Classifier.view": Row(w.net.view, {"picture": w.image}),
        "models.captioner": Row(models.captioner),
        "models.digits": Row(models.digits),
        "models.imagenet": Row(lambda: None),  # takes no argument, and half a second
        "models.signs": Row(models.signs, {"depth": 1}),
        "models.torchvision": Row(models.torchvision, {"name": "squeezenet1_1", "weights": None}),
        "models.vqa": Row(models.vqa),
    }


def course_rows(w: World) -> dict[str, Row]:
    table = results.Results([results.Row("w", "f", 0, "", "none", level, "nll", 5, 0.5 + level) for level in (1, 2)])
    found = {"arm": "f", "measure": "nll", "condition": "none"}
    return {
        "course.chart": Row(
            charted,
            {"rows": 1, "columns": 1, "size": (1.0, 1.0), "alt": "words"},
        ),
        "course.heat": Row(
            course.heat,
            {"values": w.maps[:1].abs(), "top": None, "cmap": "viridis"},
        ),
        "course.show": Row(
            lambda panel, **given: course.show(panel, **given),
            {"panel": w.seen[:1], "titles": ["a"], "columns": None, "title": "", "alt": "words"},
        ),
        "course.signed": Row(course.signed, {"values": w.maps[:1], "top": None}),
        "course.working_copy": Row(course.working_copy, {"lessons": str(LESSONS), "folder": "copy"}),
        "course.results.Results": Row(results.Results, {"rows": table.rows}),
        "course.results.Results.areas": Row(table.areas, found),
        "course.results.Results.by_seed": Row(table.by_seed, {**found, "level": 1}),
        "course.results.Results.gain": Row(table.gain, {**found, "other": "f"}),
        "course.results.Results.names": Row(table.names, {"column": "world"}),
        "course.results.Results.where": Row(table.where, {"level": 1}),
        "course.results.Row": Row(results.Row, dict.fromkeys(results.Row._fields, "")),
        "course.results.read": Row(results.read, {"name": "models", "folder": results.FOLDER}),
    }


def charted(**given: Any) -> None:
    with course.chart(**given):
        pass
