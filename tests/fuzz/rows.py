"""One row for each public callable: arguments that fit, small enough for milliseconds, and others with an effect.

A row is ``Row(call, given, other)``: ``call(**given)`` works, and ``call(**{**given, name: other[name]})`` returns
something else for every argument that has an effect.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from scipy.io import savemat
from torch import Tensor, nn

from gradlab import core, course, data, evaluate, explain, information, introspect, models, widgets
from gradlab.course import results
from gradlab.evaluate import active, ood, quality, statistics
from gradlab.explain import faithfulness
from gradlab.information import families
from gradlab.models.classifier import Classifier


@dataclass(frozen=True)
class Row:
    call: Callable[..., Any]
    given: dict[str, Any] = field(default_factory=dict)
    other: dict[str, Any] = field(default_factory=dict)


class Tiny(nn.Module):
    """3 x 16 x 16 to three logits, with what gradlab looks for: convolutions, a norm, ReLUs, dropout, a linear head."""

    def __init__(self, channels: int = 3, classes: int = 3) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(channels, 6, 3, stride=2, padding=1), nn.BatchNorm2d(6)
        self.conv2, self.dropout, self.fc = nn.Conv2d(6, 8, 3, padding=1), nn.Dropout(0.5), nn.Linear(8, classes)

    def forward(self, x: Tensor, *_: Any) -> Tensor:
        x = torch.relu(self.norm(self.conv(x)))
        return self.fc(self.dropout(torch.relu(self.conv2(x)).mean((2, 3))))


def tiny(seed: int = 0, **sizes: int) -> Classifier:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = Tiny(**sizes).eval()
        nn.init.normal_(module.fc.weight, std=4)
        nn.init.normal_(module.norm.bias)
    mean = (0.5,) * module.conv.in_channels
    return Classifier(module, ["ant", "bee", "cat"], (16, 16), mean=mean, std=mean, resize=18, name="tiny")


def drawn(*shape: int, seed: int = 1) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


class World:
    """What the rows share; made once, and compared after every call."""

    def __init__(self) -> None:
        self.net, self.net2 = tiny(), tiny(1)
        self.seen, self.seen2 = drawn(2, 3, 16, 16), drawn(2, 3, 16, 16, seed=2)
        self.x, self.x2 = (2 * each - 1 for each in (self.seen, self.seen2))
        self.p, self.p2 = (each.softmax(1) for each in (3 * drawn(6, 3), 3 * drawn(6, 3, seed=2)))
        self.labels, self.labels2 = torch.tensor([0, 1, 2, 0, 1, 2]), torch.tensor([1, 1, 2, 0, 0, 2])
        self.maps, self.maps2 = drawn(2, 1, 8, 8) - 0.5, drawn(2, 1, 8, 8, seed=2) - 0.5
        self.kept = core.last_layer(self.net, self.x)
        self.kept2 = core.last_layer(self.net, self.x2)
        self.run = core.run(self.net, self.x)
        self.image = Image.fromarray((drawn(24, 20, 3) * 255).byte().numpy())
        self.image2 = Image.fromarray((drawn(20, 30, 3, seed=2) * 255).byte().numpy())
        self.second = introspect.IntrospectiveNetwork(self.net, hidden=(4,)).fit(
            self.x, [0, 1], epochs=1, progress=False
        )
        self.folder = Path(tempfile.mkdtemp(prefix="gradlab-fuzz-"))
        self.store = introspect.stream(
            self.net, [(self.x, torch.tensor([0, 1]))], self.folder / "store", progress=False
        )
        self.second.save(self.folder / "second.safetensors")
        self.digits, self.pairs = data.digits("test", size=8), data.digit_pairs(2, seed=0)
        self.signs = data.signs(2, seed=0)
        _databases(self.folder)

    @functools.cached_property
    def widgets(self) -> dict[str, Any]:
        """One of each widget, to call its methods."""
        return {name: row.call(**row.given) for name, row in _widgets(self).items() if name != "front_end"}


def _databases(folder: Path) -> None:
    """Write the smallest folders that the readers of people's scores take for theirs."""
    picture = Image.new("RGB", (4, 4))
    for name in (
        "tid/reference_images/i01",
        "tid/distorted_images/i01_01_1",
        *(f"live/{part}/{name}" for part in LIVE for name in "rd"),
    ):
        path = folder / f"{name}.bmp"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path)
    (folder / "tid/mos_with_names.txt").write_text("5.5 i01_01_1.bmp\n")
    cells = {name: np.array([[f"{name[0]}.bmp"]], dtype=object) for name in ("refimgs", "distimgs")}
    for part in LIVE:
        savemat(folder / f"live/{part}/../Imagelists.mat", {**cells, "ref4dist": [1]})
        savemat(folder / f"live/{part}/../Scores.mat", {"DMOSscores": [30.0]})


LIVE = ("Part 1/blurjpeg", "Part 2/blurnoise")


def first(given: Iterator[Any], count: int = 2) -> list[Any]:
    return [each for each, _ in zip(given, range(count), strict=False)]


def asked(w: World) -> dict[str, Any]:
    return {"model": w.net, "inputs": w.x}


def other(w: World) -> dict[str, Any]:
    return {"model": w.net2, "inputs": w.x2, "target": 2, "contrast": 1, "layer": "conv"}


def rows(w: World) -> dict[str, Row]:
    """Return every row, by the dotted name of the callable without ``gradlab``."""
    return {
        **_core(w),
        **_explain(w),
        **_information(w),
        **_introspect(w),
        **_evaluate(w),
        **_data(w),
        **_models(w),
        **_course(w),
        **{f"widgets.{name}": row for name, row in {**_widgets(w), **_widget_classes(w)}.items()},
    }


def _core(w: World) -> dict[str, Row]:
    m, o = asked(w), other(w)
    kept = {"loss": "ce", "question": "each"}, {"loss": "mse", "question": "ones"}
    logits = {"logits": w.kept.logits}
    alphas = core.all_alphas(w.run)
    return {
        "core.Alphas": Row(core.Alphas, {"rows": alphas.rows, "factors": alphas.factors, "exact": True}),
        "core.Alphas.maps": Row(
            alphas.maps, {"activations": w.run.activations}, {"activations": w.run.activations * 2}
        ),
        "core.LastLayer": Row(
            core.LastLayer,
            {"logits": w.kept.logits, "hidden": w.kept.hidden, "layer": "fc"},
            {"logits": w.kept2.logits, "hidden": w.kept2.hidden, "layer": "head"},
        ),
        "core.LastLayer.cosines": Row(w.kept.cosines, {"loss": "ce"}, {"loss": "mse"}),
        "core.LastLayer.diagonal": Row(w.kept.diagonal),
        "core.LastLayer.effective_rows": Row(w.kept.effective_rows, *kept),
        "core.LastLayer.fisher": Row(w.kept.fisher),
        "core.LastLayer.norms": Row(w.kept.norms, *kept),
        "core.LastLayer.rows": Row(w.kept.rows, *kept),
        "core.LastLayer.scores": Row(w.kept.scores),
        "core.LastLayer.trace": Row(w.kept.trace),
        "core.Run": Row(core.Run, {name: getattr(w.run, name) for name in core.Run.__dataclass_fields__}),
        "core.Run.pull_back": Row(w.run.pull_back, {"scores": w.run.logits[:, 1]}, {"scores": w.run.logits[:, 2]}),
        "core.Run.pull_back_many": Row(
            lambda cotangents: list(w.run.pull_back_many(cotangents)),
            {"cotangents": torch.eye(3)[:, None].expand(3, 2, 3)},
            {"cotangents": torch.eye(3)[:1, None].expand(1, 2, 3)},
        ),
        "core.all_alphas": Row(core.all_alphas, {"run": w.run}, {"run": core.run(w.net, w.x2)}),
        "core.answer": Row(
            core.answer,
            {"question": lambda kept: kept.activations, **m, "keep": "conv2", "extra_inputs": ()},
            {**o, "question": lambda kept: kept.layer, "keep": "conv"},
        ),
        "core.check_logits": Row(
            core.check_logits, {"outputs": w.kept.logits, "least": 2}, {"outputs": w.kept2.logits, "least": 4}
        ),
        "core.class_indices": Row(
            core.class_indices,
            {"target": ["bee", 0], **logits, "labels": w.net.labels},
            {"target": "cat", "logits": w.kept.logits[:1], "labels": ["bee", "b", "c"]},
        ),
        "core.contrasts": Row(
            core.contrasts,
            {"p": w.kept.p, "values": torch.eye(3).expand(2, 3, 3)},
            {"p": w.kept2.p, "values": 2 * torch.eye(3).expand(2, 3, 3)},
        ),
        "core.copy_of": Row(core.copy_of, {"model": w.net.model}, {"model": w.net2.model}),
        "core.last_layer": Row(core.last_layer, {**m, "extra_inputs": ()}, o),
        "core.logit_gradients": Row(core.logit_gradients, {**logits, **kept[0]}, {"logits": w.kept2.logits, **kept[1]}),
        "core.outputs_of": Row(
            core.outputs_of,
            {**m, "extra_inputs": (), "dropout": None},
            {**o, "dropout": torch.Generator().manual_seed(0)},
        ),
        "core.run": Row(core.run, {**m, "keep": "conv2", "extra_inputs": ()}, {**o, "keep": "conv"}),
        "core.runner_up": Row(core.runner_up, {"logits": torch.eye(3)}, {"logits": torch.eye(3).flip(1)}),
        "core.scores_of": Row(
            core.scores_of,
            {"outputs": w.kept.logits, "target": "bee", "labels": w.net.labels, "count": 2},
            {"outputs": w.kept2.logits, "target": 2, "labels": ["a", "b", "bee"], "count": 3},
        ),
    }


def _explain(w: World) -> dict[str, Row]:
    m, o = asked(w), other(w)
    cam = {**m, "layer": None, "extra_inputs": ()}
    why = {**m, "target": 1, "contrast": None, "extra_inputs": ()}
    hidden = {"window": 8, "stride": 4, "baseline": 0.0, "score": "logit"}
    hidden2 = {"window": 6, "stride": 8, "baseline": 1.0, "score": "probability"}
    curve = {**m, "maps": w.maps, "target": 1, "steps": 3, "baseline": 0.0, "score": "probability", "extra_inputs": ()}
    curve2 = {**o, "maps": w.maps2, "steps": 4, "baseline": 1.0, "score": "logit"}
    found = explain.class_maps(w.net, w.x)
    *_, swept = explain.occlusion_sweep(w.net, w.x, window=8, stride=8)
    alike = {"maps": w.maps, "others": w.maps2, "measure": "pearson", "absolute": False}
    alike2 = {"maps": w.maps2 * w.maps, "others": w.maps * w.maps2, "measure": "ssim", "absolute": True}
    lost = {"seed": 0, "extra_inputs": ()}
    return {
        "explain.ClassMaps": Row(
            explain.ClassMaps, {"logits": found.logits, "maps": found.maps, "exact": True, "layer": "fc"}
        ),
        "explain.ClassMaps.contrasts": Row(found.contrasts),
        "explain.Sweep": Row(
            explain.Sweep, {name: getattr(swept, name) for name in explain.Sweep.__dataclass_fields__}
        ),
        "explain.Sweep.maps": Row(swept.maps),
        "explain.all_contrasts": Row(explain.all_contrasts, cam, o),
        "explain.class_maps": Row(explain.class_maps, cam, o),
        "explain.contrast_cam": Row(explain.contrast_cam, {**cam, "contrast": None}, {**o, "contrast": 2}),
        "explain.counterfactual_cam": Row(explain.counterfactual_cam, {**cam, "target": 1}, o),
        **{
            f"explain.{name}": Row(getattr(explain, name), {**why, "layer": None}, {**o, "contrast": 1})
            for name in ("grad_cam", "hires_cam", "layer_cam")
        },
        **{
            f"explain.{name}": Row(getattr(explain, name), why, o)
            for name in ("gradient", "deconvnet", "guided_backprop")
        },
        "explain.occlusion": Row(explain.occlusion, {**why, **hidden, "progress": False}, {**o, **hidden2}),
        "explain.occlusion_sweep": Row(
            lambda **given: first(explain.occlusion_sweep(**given)), {**why, **hidden}, {**o, **hidden2}
        ),
        "explain.overlay": Row(
            explain.overlay,
            {"picture": w.image, "maps": w.maps[:1], "cmap": "viridis", "opacity": 0.5},
            {"picture": w.image2, "maps": w.maps2[:1], "cmap": "gray", "opacity": 0.9},
        ),
        "explain.unit_scale": Row(explain.unit_scale, {"maps": w.maps}, {"maps": w.maps2}),
        "explain.upsample": Row(explain.upsample, {"maps": w.maps, "size": (12, 16)}, {"maps": w.maps2, "size": 9}),
        "explain.faithfulness.Curve": Row(
            faithfulness.Curve, {"fractions": torch.tensor([0.0, 1.0]), "scores": torch.eye(2)}
        ),
        "explain.faithfulness.Curve.area": Row(faithfulness.Curve(torch.tensor([0.0, 1.0]), torch.eye(2)).area),
        "explain.faithfulness.Randomisation": Row(
            faithfulness.Randomisation, {"layers": ("fc",), "similarity": torch.eye(2)}
        ),
        "explain.faithfulness.blurred": Row(
            faithfulness.blurred, {"x": w.x, "sigma": 2.0, "reach": 3}, {"x": w.x2, "sigma": 1.0, "reach": 2}
        ),
        "explain.faithfulness.deletion": Row(faithfulness.deletion, curve, curve2),
        "explain.faithfulness.insertion": Row(faithfulness.insertion, curve, curve2),
        "explain.faithfulness.pointing_game": Row(
            faithfulness.pointing_game,
            {"maps": w.maps, "boxes": torch.tensor([[0, 0, 4, 4], [9, 9, 12, 12]]), "size": 16, "tolerance": 0.0},
            {"maps": -w.maps, "boxes": torch.tensor([[0, 0, 16, 16], [0, 0, 16, 16]]), "size": 8, "tolerance": 30},
        ),
        "explain.faithfulness.randomisation": Row(
            faithfulness.randomisation,
            {
                "model": w.net,
                "method": slopes,
                "inputs": w.x,
                **lost,
                "measure": "pearson",
                "absolute": False,
                "progress": False,
            },
            {**o, "method": lambda f, x: explain.gradient(f, x, 2), "seed": 1, "measure": "spearman", "absolute": True},
        ),
        "explain.faithfulness.randomised": Row(
            faithfulness.randomised,
            {**m, "share": 0.5, "batch_statistics": False, **lost},
            {**o, "share": 1.0, "batch_statistics": True, "seed": 1},
        ),
        "explain.faithfulness.similarity": Row(faithfulness.similarity, alike, alike2),
    }


def slopes(model: Any, x: Tensor) -> Tensor:
    return explain.gradient(model, x, 1)


def _information(w: World) -> dict[str, Row]:
    m, o = asked(w), other(w)
    joint = {"joint": [[0.25, 0.25], [0.5, 0.0]], "base": 2}, {"joint": [[0.1, 0.2], [0.3, 0.4]], "base": 10}
    labelled = {**m, "kind": "exact", "layer": None, "labels": None, "samples": 2, "seed": None, "extra_inputs": ()}
    labelled2 = {**o, "kind": "monte carlo", "seed": 1}
    found = information.bridge(w.net, w.x)
    law, law2 = families.gaussian_mean(), families.poisson()
    x, theta = {"x": [0.5, 1.0], "theta": 0.0}, {"x": [1.0, 2.0], "theta": 1.0}
    lots, lots2 = {"theta": 0.0, "n": 20, "seed": 0}, {"theta": 1.0, "n": 30, "seed": 1}
    return {
        "information.Bridge": Row(
            information.Bridge, {name: getattr(found, name) for name in ("p", "contrasts", "scores", "fisher")}
        ),
        "information.Bridge.covariance": Row(found.covariance),
        "information.Bridge.errors": Row(found.errors),
        "information.Bridge.mean": Row(found.mean),
        "information.bridge": Row(information.bridge, {**m, "extra_inputs": ()}, o),
        **{
            f"information.{name}": Row(getattr(information, name), *joint)
            for name in ("conditional_entropy", "joint_entropy", "mutual_information")
        },
        "information.entropy": Row(information.entropy, {"p": [0.25, 0.75], "base": 2}, {"p": [0.5, 0.5], "base": 10}),
        "information.fisher": Row(information.fisher, {**labelled, "what": "trace"}, {**labelled2, "what": "diagonal"}),
        "information.fisher_map": Row(
            information.fisher_map, {**labelled, "of": "presence"}, {**labelled2, "of": "values"}
        ),
        "information.kl": Row(
            information.kl,
            {"p": [0.25, 0.75], "q": [0.5, 0.5], "base": 2},
            {"p": [0.5, 0.5], "q": [0.1, 0.9], "base": 10},
        ),
        "information.scores": Row(
            information.scores,
            {**m, "labels": 1, "layer": "fc", "extra_inputs": ()},
            {**o, "labels": "every", "layer": "conv"},
        ),
        "information.surprise": Row(information.surprise, {"p": [0.25, 1.0], "base": 2}, {"p": [0.5], "base": 10}),
        "information.families.Family": Row(
            families.Family, {name: getattr(law, name) for name in families.Family.__dataclass_fields__}
        ),
        "information.families.Family.fisher": Row(law2.fisher, {"theta": 1.0}, {"theta": 2.0}),
        **{
            f"information.families.Family.{name}": Row(getattr(law, name), x, theta)
            for name in ("log_likelihood", "score")
        },
        "information.families.Family.hessian": Row(
            law2.hessian, {"x": [1.0, 2.0], "theta": 1.0}, {"x": [3.0], "theta": 2.0}
        ),
        "information.families.Family.sample": Row(law.sample, lots, lots2),
        "information.families.Family.three_ways": Row(law.three_ways, lots, lots2),
        "information.families.ThreeWays": Row(
            families.ThreeWays, {name: np.eye(2) for name in families.ThreeWays.__dataclass_fields__}
        ),
        "information.families.bernoulli": Row(families.bernoulli),
        "information.families.categorical": Row(families.categorical),
        "information.families.gaussian_mean": Row(families.gaussian_mean, {"sigma": 2.0}, {"sigma": 3.0}),
        "information.families.gaussian_scale": Row(families.gaussian_scale, {"mu": 1.0}, {"mu": 2.0}),
        "information.families.poisson": Row(families.poisson),
    }


def _introspect(w: World) -> dict[str, Row]:
    m, o = asked(w), other(w)
    recipe, recipe2 = introspect.Recipe("ce"), introspect.Recipe("mse", question="each")
    asked_for = {"loss": "mse", "question": "ones", "normalize": "l2"}
    asked_for2 = {"loss": "ce", "question": "each", "normalize": None}
    fresh = lambda: introspect.IntrospectiveNetwork(w.net, hidden=(4,))  # noqa: E731
    learned = introspect.Standardizer(3).fit(w.p)
    fit = {
        "data": w.x,
        "labels": [0, 1],
        "seed": 0,
        "epochs": 1,
        "batch_size": 2,
        "rate": 1e-2,
        "decay": 0.0,
        "validation": (w.x2, [1, 0]),
        "progress": False,
    }
    fit2 = {
        "data": w.x2,
        "labels": [1, 1],
        "seed": 1,
        "epochs": 2,
        "batch_size": 1,
        "rate": 1e-1,
        "decay": 5.0,
        "validation": None,
    }
    loader = [(w.x, torch.tensor([0, 1]))]
    return {
        "introspect.IntrospectiveNetwork": Row(
            introspect.IntrospectiveNetwork,
            {
                "model": w.net,
                **asked_for,
                "on": "gradient",
                "standardize": True,
                "hidden": (4,),
                "capacity": None,
                "reflection": None,
            },
            {
                "model": w.net2,
                **asked_for2,
                "on": "h",
                "standardize": False,
                "hidden": (5,),
                "capacity": 40,
                "reflection": nn.Linear(24, 3),
            },
        ),
        "introspect.IntrospectiveNetwork.features": Row(w.second.features, {"kept": w.kept}, {"kept": w.kept2}),
        "introspect.IntrospectiveNetwork.fit": Row(lambda **given: fresh().fit(**given), fit, fit2),
        "introspect.IntrospectiveNetwork.forward": Row(w.second.forward, {"x": w.x}, {"x": w.x2}),
        "introspect.IntrospectiveNetwork.load": Row(
            introspect.IntrospectiveNetwork.load,
            {"path": w.folder / "second.safetensors", "model": w.net, "reflection": None},
        ),
        "introspect.IntrospectiveNetwork.predict": Row(w.second.predict, {"data": w.x}, {"data": w.x2}),
        "introspect.IntrospectiveNetwork.predict_proba": Row(w.second.predict_proba, {"data": w.x}, {"data": w.x2}),
        "introspect.IntrospectiveNetwork.save": Row(w.second.save, {"path": "second.safetensors"}),
        "introspect.IntrospectiveNetwork.train": Row(
            lambda **given: fresh().train(**given), {"mode": True}, {"mode": False}
        ),
        "introspect.Recipe": Row(introspect.Recipe, {**asked_for, "layer": None}, {**asked_for2, "layer": "fc"}),
        "introspect.Recipe.settings": Row(recipe.settings),
        "introspect.Standardizer": Row(introspect.Standardizer, {"size": 3}, {"size": 4}),
        "introspect.Standardizer.fit": Row(
            lambda batches: introspect.Standardizer(3).fit(batches), {"batches": w.p}, {"batches": [w.p2, w.p]}
        ),
        "introspect.Standardizer.forward": Row(learned.forward, {"features": w.p}, {"features": w.p2}),
        "introspect.Store": Row(introspect.Store, {"folder": w.folder / "store"}),
        "introspect.Store.features": Row(
            lambda **given: first(w.store.features(**given)),
            {"recipe": recipe, "rows": 2},
            {"recipe": recipe2, "rows": 1},
        ),
        "introspect.Store.read": Row(w.store.read, {"shard": 0}),
        "introspect.dense_features": Row(
            introspect.dense_features, {"kept": w.kept, "recipe": recipe}, {"kept": w.kept2, "recipe": recipe2}
        ),
        "introspect.features": Row(
            introspect.features, {**m, **asked_for, "layer": None, "extra_inputs": ()}, {**o, **asked_for2}
        ),
        "introspect.stream": Row(
            introspect.stream,
            {"model": w.net, "loader": loader, "folder": "made", "recipe": None, "shard_rows": 4, "progress": False},
            {"model": w.net2, "loader": [w.x2], "folder": "made2", "recipe": recipe, "shard_rows": 1},
        ),
    }


def _evaluate(w: World) -> dict[str, Row]:
    m, o = asked(w), other(w)
    judged = {"probabilities": w.p, "labels": w.labels}, {"probabilities": w.p2, "labels": w.labels2}
    bins = {"bins": 3, "binning": "width"}, {"bins": 2, "binning": "count"}
    z = {"logits": 3 * w.p, "labels": w.labels}, {"logits": 3 * w.p2, "labels": w.labels2}
    sets = (
        {"in_scores": [3.0, 2.0, 1.0], "out_scores": [2.5, 0.0]},
        {"in_scores": [0.5, 0.3], "out_scores": [0.4, 2.0, 5.0]},
    )
    plain = {**m, "extra_inputs": ()}
    passes = torch.stack([w.p, w.p2])
    diagram = evaluate.reliability(w.p, w.labels, 3)
    six, seven = [0.1, 0.5, 0.2, 0.8, 0.9, 0.4, 0.3, 0.6], [1.0, 4.0, 3.0, 6.0, 9.0, 2.5, 3.5, 5.0]
    told, told2 = quality.agreement(six, seven), quality.agreement(seven, six, [0.1] * 8, parameters=4)
    options = {"suppress": 0.5, "power": 2.0, "extra_inputs": (), "layer": None}
    options2 = {"suppress": 0.1, "power": 3.0, "layer": "conv"}
    pictures = {"reference": w.x, "distorted": w.x2}, {"reference": w.x2, "distorted": w.x2 / 2}
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
        "evaluate.Reliability.error": Row(diagram.error, {"norm": "mean"}, {"norm": "max"}),
        "evaluate.brier": Row(evaluate.brier, *judged),
        "evaluate.calibration_error": Row(
            evaluate.calibration_error,
            {**judged[0], **bins[0], "norm": "mean"},
            {**judged[1], **bins[1], "norm": "max"},
        ),
        "evaluate.calibration_floor": Row(
            evaluate.calibration_floor,
            {"probabilities": w.p, **bins[0], "norm": "mean", "draws": 3, "seed": 0},
            {"probabilities": w.p2, **bins[1], "norm": "max", "draws": 4, "seed": 1},
        ),
        "evaluate.nll": Row(evaluate.nll, {**z[0], "temperature": 1.0}, {**z[1], "temperature": 2.0}),
        "evaluate.reliability": Row(evaluate.reliability, {**judged[0], **bins[0]}, {**judged[1], **bins[1]}),
        "evaluate.temperature": Row(evaluate.temperature, *z),
        "evaluate.active.Round": Row(
            active.Round, {"arm": "f", "strategy": "random", "seed": 0, "budget": 2, "accuracy": {}, "bought": w.labels}
        ),
        "evaluate.active.ask": Row(
            active.ask,
            {"strategy": "random", **plain, "n": 1, "seed": 0, "predict": None},
            {"strategy": "badge", **o, "n": 2, "seed": 3},
        ),
        "evaluate.active.badge": Row(
            active.badge,
            {"probabilities": w.p, "hidden": w.p2, "n": 3, "seed": 0},
            {"probabilities": w.p2, "hidden": w.p * w.p2, "n": 2, "seed": 3},
        ),
        "evaluate.active.bald": Row(active.bald, {"passes": passes}, {"passes": passes[:1]}),
        "evaluate.active.dropout_passes": Row(
            active.dropout_passes, {**plain, "passes": 2, "seed": 0}, {**o, "passes": 3, "seed": 1}
        ),
        **{
            f"evaluate.active.{name}": Row(getattr(active, name), {"probabilities": w.p}, {"probabilities": w.p2})
            for name in ("entropy", "least_confidence", "margin")
        },
        "evaluate.active.introspective": Row(
            lambda **given: active.introspective(**given)(w.seen, torch.tensor([0, 1]), 0),
            {"fit": fitted, "settings": {"hidden": (4,)}, "epochs": 1},
            {"settings": {"hidden": (5,)}, "epochs": 2},
        ),
        "evaluate.active.probabilities": Row(active.probabilities, plain, o),
        "evaluate.active.random": Row(active.random, {"count": 9, "n": 3, "seed": 0}, {"count": 5, "n": 4, "seed": 1}),
        "evaluate.active.run": Row(
            lambda **given: first(active.run(**given), 9),
            games,
            {
                "arms": {"g": fitted},
                "pool": (w.seen2, torch.tensor([1, 1])),
                "tests": {"t": (w.seen2, torch.tensor([2, 2]))},
                "budgets": [2],
                "strategies": ["margin"],
                "seeds": [2, 3],
            },
        ),
        "evaluate.active.top": Row(
            active.top,
            {"scores": torch.tensor([0.5, 0.5, 0.1]), "n": 2, "seed": 0},
            {"scores": torch.tensor([0.5, 0.4, 0.7]), "n": 1, "seed": 4},
        ),
        "evaluate.ood.Roc": Row(ood.Roc, {"thresholds": w.p, "tpr": w.p, "fpr": w.p}),
        "evaluate.ood.aupr": Row(ood.aupr, {**sets[0], "positive": "in"}, {**sets[1], "positive": "out"}),
        **{
            f"evaluate.ood.{name}": Row(getattr(ood, name), *sets)
            for name in ("auroc", "detection_error", "fpr_at_95_tpr", "roc")
        },
        "evaluate.ood.energy": Row(ood.energy, {**plain, "temperature": 1.0}, {**o, "temperature": 2.0}),
        "evaluate.ood.gradient_norm": Row(
            ood.gradient_norm, {**plain, "loss": "ce", "layer": None, "order": 1.0}, {**o, "loss": "mse", "order": 2.0}
        ),
        "evaluate.ood.logits_of": Row(ood.logits_of, plain, o),
        "evaluate.ood.max_logit": Row(ood.max_logit, plain, o),
        "evaluate.ood.msp": Row(ood.msp, {**plain, "temperature": 1.0}, {**o, "temperature": 2.0}),
        "evaluate.ood.odin": Row(
            ood.odin, {**plain, "temperature": 1.0, "eps": 0.01}, {**o, "temperature": 2.0, "eps": 0.1}
        ),
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
            {"objective": seven[::-1], "subjective": six, "spread": [0.1] * 8, "parameters": 4},
        ),
        "evaluate.quality.comparator": Row(
            quality.comparator,
            {"name": "psnr", "reference": w.seen, "distorted": w.seen2},
            {"name": "ssim", "reference": w.seen2 / 2, "distorted": w.seen2 / 3},
        ),
        "evaluate.quality.feature_similarity": Row(
            quality.feature_similarity,
            {"model": w.net, **pictures[0], **options},
            {"model": w.net2, **pictures[1], **options2},
        ),
        "evaluate.quality.gradient_similarity": Row(
            quality.gradient_similarity,
            {"model": w.net, **pictures[0], **options, "loss": "mse", "question": "ones"},
            {"model": w.net2, **pictures[1], **options2, "loss": "ce", "question": "each"},
        ),
        "evaluate.quality.likeness": Row(
            quality.likeness,
            {**pictures[0], "suppress": 0.5, "power": 2.0},
            {**pictures[1], "suppress": 0.1, "power": 3.0},
        ),
        "evaluate.quality.read_multi_live": Row(quality.read_multi_live, {"folder": w.folder / "live"}),
        "evaluate.quality.read_tid2013": Row(quality.read_tid2013, {"folder": w.folder / "tid"}),
        "evaluate.statistics.Interval": Row(
            statistics.Interval, {"mean": 0.5, "half": 0.1}, {"mean": 0.6, "half": 0.2}
        ),
        "evaluate.statistics.mean_interval": Row(
            statistics.mean_interval, {"values": six, "confidence": 0.9}, {"values": seven, "confidence": 0.95}
        ),
        "evaluate.statistics.paired_differences": Row(
            statistics.paired_differences, {"mine": six, "others": seven}, {"mine": seven, "others": six}
        ),
    }


def fitted(pictures: Tensor, labels: Tensor, seed: int) -> nn.Module:
    return tiny(seed).model


def _data(w: World) -> dict[str, Row]:
    wrong, wrong2 = {"level": 2, "seed": 0}, {"level": 5, "seed": 1}
    held = {"pictures": w.digits.pictures[:2], "labels": w.digits.labels[:2]}
    return {
        "data.DigitPairs": Row(
            data.DigitPairs, {name: getattr(w.pairs, name) for name in ("pictures", "digits", "boxes")}
        ),
        "data.DigitPairs.image": Row(w.pairs.image, {"index": 0}, {"index": 1}),
        "data.DigitPairs.masks": Row(w.pairs.masks),
        "data.Digits": Row(data.Digits, held),
        "data.Signs": Row(data.Signs, {name: getattr(w.signs, name) for name in ("pictures", "labels", "masks")}),
        "data.challenged": Row(
            data.challenged,
            {"pictures": w.seen, "challenge": "noise", **wrong},
            {"pictures": w.seen2, "challenge": "rain", **wrong2},
        ),
        "data.corrupted": Row(
            data.corrupted,
            {"pictures": w.seen, "corruption": "shot noise", **wrong},
            {"pictures": w.seen2, "corruption": "fog", **wrong2},
        ),
        "data.digit_pairs": Row(
            data.digit_pairs, {"n": 1, "seed": 0, "split": "test"}, {"n": 2, "seed": 1, "split": "train"}
        ),
        "data.digits": Row(data.digits, {"split": "validation", "size": 8}, {"split": "test", "size": 9}),
        "data.picture": Row(data.picture, {"source": w.image}, {"source": w.image2}),
        "data.picture_names": Row(data.picture_names),
        "data.signs": Row(
            data.signs,
            {"n": 1, "seed": 0, "challenge": "haze", "level": 1},
            {"n": 2, "seed": 1, "challenge": "noise", "level": 3},
        ),
        "data.strange": Row(
            data.strange,
            {"name": "noise", "n": 1, "seed": 0, "size": 8, "channels": 1},
            {"name": "letters", "n": 2, "seed": 1, "size": 9, "channels": 3},
        ),
    }


def _models(w: World) -> dict[str, Row]:
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
        "models.Classifier.index": Row(w.net.index, {"label": "bee"}, {"label": "cat"}),
        "models.Classifier.normalize": Row(w.net.normalize, {"view": w.seen}, {"view": w.seen2}),
        "models.Classifier.transform": Row(w.net.transform, {"picture": w.image}, {"picture": w.image2}),
        "models.Classifier.view": Row(w.net.view, {"picture": w.image}, {"picture": w.image2}),
        "models.captioner": Row(models.captioner),
        "models.digits": Row(models.digits),
        "models.imagenet": Row(lambda: None),  # takes no argument, and half a second
        "models.signs": Row(models.signs, {"depth": 1}, {"depth": 2}),
        "models.torchvision": Row(models.torchvision, {"name": "squeezenet1_1", "weights": None}),
        "models.vqa": Row(models.vqa),
    }


def _course(w: World) -> dict[str, Row]:
    table = results.Results([results.Row("w", "f", 0, "", "none", level, "nll", 5, 0.5 + level) for level in (1, 2)])
    found = {"arm": "f", "measure": "nll", "condition": "none"}
    return {
        "course.chart": Row(
            charted,
            {"rows": 1, "columns": 1, "size": (1.0, 1.0), "alt": "words"},
            {"rows": 2, "columns": 2, "size": (2.0, 2.0)},
        ),
        "course.heat": Row(
            course.heat,
            {"values": w.maps[:1].abs(), "top": None, "cmap": "viridis"},
            {"values": w.maps2[:1].abs(), "top": 3.0, "cmap": "gray"},
        ),
        "course.show": Row(
            lambda panel, **given: course.show(panel, **given),
            {"panel": w.seen[:1], "titles": ["a"], "columns": None, "title": "", "alt": "words"},
        ),
        "course.signed": Row(course.signed, {"values": w.maps[:1], "top": None}, {"values": w.maps2[:1], "top": 3.0}),
        "course.results.Results": Row(results.Results, {"rows": table.rows}),
        "course.results.Results.areas": Row(table.areas, found),
        "course.results.Results.by_seed": Row(table.by_seed, {**found, "level": 1}, {"level": 2}),
        "course.results.Results.gain": Row(table.gain, {**found, "other": "f"}),
        "course.results.Results.names": Row(table.names, {"column": "world"}, {"column": "arm"}),
        "course.results.Results.where": Row(table.where, {"level": 1}, {"level": 2}),
        "course.results.Row": Row(results.Row, dict.fromkeys(results.Row._fields, "")),
        "course.results.read": Row(results.read, {"name": "models", "folder": results.FOLDER}),
    }


def charted(**given: Any) -> None:
    with course.chart(**given):
        pass


def _widgets(w: World) -> dict[str, Row]:
    beside = {"extra_inputs": (), "choices": ["coffee"]}
    shown = {"net": w.net, "picture": w.image, **beside}
    shown2 = {"net": w.net2, "picture": w.image2, "target": 2, "choices": ["camera"]}
    h, labels = drawn(8, 4), torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])
    return {
        "active": Row(
            widgets.active,
            {
                "net": None,
                "pool": (h, labels),
                "test": (h, labels),
                "start": 2,
                "batch": 1,
                "rounds": 1,
                "names": ["a", "b", "c"],
                "seed": 0,
            },
        ),
        "calibration": Row(
            widgets.calibration,
            {
                "net": w.net,
                "pictures": w.seen,
                "labels": [0, 1],
                "second": w.second,
                "validation": (w.seen2, [0, 1]),
                "name": "f",
                "bins": 3,
                "layer": None,
            },
        ),
        "challenges": Row(widgets.challenges, {**shown, "label": 1, "level": 2, "layer": None, "seed": 0}),
        "entropy": Row(widgets.entropy, {"p": [0.5, 0.25, 0.25], "labels": ["a", "b", "c"], "unit": "bits"}),
        "fisher": Row(widgets.fisher, {"family": "Poisson", "theta": 1.0, "sigma": 1.0, "n": 30, "seed": 0}),
        "front_end": Row(widgets.front_end, {"entry": "entropy"}, {"entry": "fisher"}),
        "gradients": Row(widgets.gradients, {**shown, "target": 1, "share": 0.5}, {**shown2, "share": 1.0}),
        "introspect": Row(
            widgets.introspect,
            {"net": w.net, "pictures": w.seen[:1], "labels": [1], "layer": None, "extra_inputs": (), "seed": 0},
        ),
        "manifold": Row(widgets.manifold, {"point": (0.5, 0.5), "seed": 0}),
        "mutual": Row(
            widgets.mutual,
            {"joint": [[0.25, 0.25], [0.5, 0.0]], "rows": ["a", "b"], "columns": ["c", "d"], "unit": "nats"},
        ),
        "occlusion": Row(widgets.occlusion, {**shown, "target": 1, "window": 8, "stride": 8, "baseline": "mean"}),
        "ood": Row(widgets.ood, {"net": w.net, "inside": w.seen, "outside": w.seen2, "scores": ["msp"], "layer": None}),
        "paradigms": Row(widgets.paradigms, {**shown, "target": 1, "contrast": 2, "layer": None}),
    }


def _widget_classes(w: World) -> dict[str, Row]:
    """Rows of what the functions above return, made by hand from its own parts."""
    made = w.widgets
    beside = {"net": w.net, "choices": ["coffee"]}
    charts = {name.capitalize(): {"start": made[name].start} for name in ("entropy", "fisher", "manifold", "mutual")}
    by_hand = {
        "Active": {"game": made["active"]._game, "worlds": made["active"]._worlds},
        "Calibration": {"arms": made["calibration"]._arms, "truth": made["calibration"]._truth, "bins": 3},
        "Challenges": {
            **beside,
            "strip": made["challenges"]._strip,
            "level": 2,
            "options": made["challenges"]._options,
        },
        "Gradients": {**beside, "seen": made["gradients"]._seen, "share": 0.5, "extra_inputs": ()},
        "Introspect": {"net": w.net, "panels": made["introspect"]._panels, "options": made["introspect"]._options},
        "Occlusion": {**beside, "seen": made["occlusion"]._seen, "asked": (8, 8, "mean"), "extra_inputs": ()},
        "Ood": {"scored": made["ood"]._scored},
        "Paradigms": {**beside, "factors": made["paradigms"]._factors, "start": (1, 2), "options": {}},
    }
    return {
        **{name: Row(getattr(widgets, name), given) for name, given in {**charts, **by_hand}.items()},
        "Active.save_html": Row(lambda path: made["entropy"].save_html(path), {"path": "page.html"}),
        "Occlusion.finish": Row(lambda: made["occlusion"].finish()),
        "Widget": Row(widgets.Widget),
    }
