"""The rooms of the engine: core, explain, information, introspect."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from gradlab import core, explain, information, introspect
from gradlab.explain import faithfulness
from gradlab.information import families
from tests.fuzz.world import Row, World, asked, first


def core_rows(w: World) -> dict[str, Row]:
    m = asked(w)
    kept = {"loss": "ce", "question": "each"}
    logits = {"logits": w.kept.logits}
    alphas = core.all_alphas(w.run)
    return {
        "core.Alphas": Row(core.Alphas, {"rows": alphas.rows, "factors": alphas.factors, "exact": True}),
        "core.Alphas.maps": Row(alphas.maps, {"activations": w.run.activations}),
        "core.LastLayer": Row(
            core.LastLayer,
            {"logits": w.kept.logits, "hidden": w.kept.hidden, "layer": "fc"},
        ),
        "core.LastLayer.cosines": Row(w.kept.cosines, {"loss": "ce"}),
        "core.LastLayer.diagonal": Row(w.kept.diagonal),
        "core.LastLayer.effective_rows": Row(w.kept.effective_rows, kept),
        "core.LastLayer.fisher": Row(w.kept.fisher),
        "core.LastLayer.norms": Row(w.kept.norms, kept),
        "core.LastLayer.rows": Row(w.kept.rows, kept),
        "core.LastLayer.scores": Row(w.kept.scores),
        "core.LastLayer.trace": Row(w.kept.trace),
        "core.Run": Row(core.Run, {name: getattr(w.run, name) for name in core.Run.__dataclass_fields__}),
        "core.Run.depends": Row(w.run.depends),
        "core.Run.pull_back": Row(w.run.pull_back, {"scores": w.run.logits[:, 1]}),
        "core.Run.pull_back_many": Row(
            lambda cotangents: list(w.run.pull_back_many(cotangents)),
            {"cotangents": torch.eye(3)[:, None].expand(3, 2, 3)},
        ),
        "core.all_alphas": Row(core.all_alphas, {"run": w.run}),
        "core.answer": Row(
            core.answer,
            {"question": lambda kept: kept.activations, **m, "keep": "conv2", "extra_inputs": ()},
        ),
        "core.check_logits": Row(core.check_logits, {"outputs": w.kept.logits, "least": 2, "count": 2}),
        "core.class_indices": Row(
            core.class_indices,
            {"target": ["bee", 0], **logits, "labels": w.net.labels, "name": "target"},
        ),
        "core.contrasts": Row(
            core.contrasts,
            {"p": w.kept.p, "values": torch.eye(3).expand(2, 3, 3)},
        ),
        "core.copy_of": Row(core.copy_of, {"model": w.net.model}),
        "core.last_layer": Row(core.last_layer, {**m, "extra_inputs": ()}),
        "core.logit_gradients": Row(core.logit_gradients, {**logits, **kept}),
        "core.outputs_of": Row(
            core.outputs_of,
            {**m, "extra_inputs": ()},
        ),
        "core.run": Row(core.run, {**m, "keep": "conv2", "extra_inputs": ()}),
        "core.runner_up": Row(core.runner_up, {"logits": torch.eye(3)}),
        "core.scores_of": Row(
            core.scores_of,
            {"outputs": w.kept.logits, "target": "bee", "labels": w.net.labels, "count": 2},
        ),
    }


def explain_rows(w: World) -> dict[str, Row]:
    m = asked(w)
    cam = {**m, "layer": None, "extra_inputs": ()}
    why = {**m, "target": 1, "contrast": None, "extra_inputs": ()}
    hidden = {"window": 8, "stride": 4, "baseline": 0.0, "score": "logit"}
    curve = {**m, "maps": w.maps, "target": 1, "steps": 3, "baseline": 0.0, "score": "probability", "extra_inputs": ()}
    found = explain.class_maps(w.net, w.x)
    *_, swept = explain.occlusion_sweep(w.net, w.x, window=8, stride=8)
    alike = {"maps": w.maps, "others": w.maps2, "measure": "pearson", "absolute": False}
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
        "explain.all_contrasts": Row(explain.all_contrasts, cam),
        "explain.class_maps": Row(explain.class_maps, cam),
        "explain.contrast_cam": Row(explain.contrast_cam, {**cam, "contrast": None}),
        "explain.counterfactual_cam": Row(explain.counterfactual_cam, {**cam, "target": 1}),
        **{
            f"explain.{name}": Row(getattr(explain, name), {**why, "layer": None})
            for name in ("grad_cam", "hires_cam", "layer_cam")
        },
        **{
            f"explain.{name}": Row(getattr(explain, name), why) for name in ("gradient", "deconvnet", "guided_backprop")
        },
        "explain.occlusion": Row(explain.occlusion, {**why, **hidden, "progress": False}),
        "explain.occlusion_sweep": Row(lambda **given: first(explain.occlusion_sweep(**given)), {**why, **hidden}),
        "explain.overlay": Row(
            explain.overlay,
            {"picture": w.image, "maps": w.maps[:1], "cmap": "viridis", "opacity": 0.5},
        ),
        "explain.unit_scale": Row(explain.unit_scale, {"maps": w.maps}),
        "explain.upsample": Row(explain.upsample, {"maps": w.maps, "size": (12, 16)}),
        "explain.faithfulness.Curve": Row(
            faithfulness.Curve, {"fractions": torch.tensor([0.0, 1.0]), "scores": torch.eye(2)}
        ),
        "explain.faithfulness.Curve.area": Row(faithfulness.Curve(torch.tensor([0.0, 1.0]), torch.eye(2)).area),
        "explain.faithfulness.Randomisation": Row(
            faithfulness.Randomisation, {"layers": ("fc",), "similarity": torch.eye(2)}
        ),
        "explain.faithfulness.blurred": Row(faithfulness.blurred, {"x": w.x, "sigma": 2.0, "reach": 3}),
        "explain.faithfulness.deletion": Row(faithfulness.deletion, curve),
        "explain.faithfulness.insertion": Row(faithfulness.insertion, curve),
        "explain.faithfulness.pointing_game": Row(
            faithfulness.pointing_game,
            {"maps": w.maps, "boxes": torch.tensor([[0, 0, 4, 4], [9, 9, 12, 12]]), "size": 16, "tolerance": 0.0},
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
        ),
        "explain.faithfulness.randomised": Row(
            faithfulness.randomised,
            {**m, "share": 0.5, "batch_statistics": False, **lost},
        ),
        "explain.faithfulness.similarity": Row(faithfulness.similarity, alike),
    }


def slopes(model: Any, x: Tensor) -> Tensor:
    return explain.gradient(model, x, 1)


def information_rows(w: World) -> dict[str, Row]:
    m = asked(w)
    joint = {"joint": [[0.25, 0.25], [0.5, 0.0]], "base": 2}
    labelled = {**m, "kind": "exact", "layer": None, "labels": None, "samples": 2, "seed": None, "extra_inputs": ()}
    found = information.bridge(w.net, w.x)
    law, law2 = families.gaussian_mean(), families.poisson()
    x = {"x": [0.5, 1.0], "theta": 0.0}
    lots = {"theta": 0.0, "n": 20, "seed": 0}
    return {
        "information.Bridge": Row(
            information.Bridge, {name: getattr(found, name) for name in ("p", "contrasts", "scores", "fisher")}
        ),
        "information.Bridge.covariance": Row(found.covariance),
        "information.Bridge.errors": Row(found.errors),
        "information.Bridge.mean": Row(found.mean),
        "information.bridge": Row(information.bridge, {**m, "extra_inputs": ()}),
        **{
            f"information.{name}": Row(getattr(information, name), joint)
            for name in ("conditional_entropy", "joint_entropy", "mutual_information")
        },
        "information.entropy": Row(information.entropy, {"p": [0.25, 0.75], "base": 2}),
        "information.fisher": Row(information.fisher, {**labelled, "what": "trace"}),
        "information.fisher_map": Row(information.fisher_map, {**labelled, "of": "presence"}),
        "information.kl": Row(
            information.kl,
            {"p": [0.25, 0.75], "q": [0.5, 0.5], "base": 2},
        ),
        "information.scores": Row(
            information.scores,
            {**m, "labels": 1, "layer": "fc", "extra_inputs": ()},
        ),
        "information.surprise": Row(information.surprise, {"p": [0.25, 1.0], "base": 2}),
        "information.families.Family": Row(
            families.Family, {name: getattr(law, name) for name in families.Family.__dataclass_fields__}
        ),
        "information.families.Family.fisher": Row(law2.fisher, {"theta": 1.0}),
        **{f"information.families.Family.{name}": Row(getattr(law, name), x) for name in ("log_likelihood", "score")},
        "information.families.Family.hessian": Row(law2.hessian, {"x": [1.0, 2.0], "theta": 1.0}),
        "information.families.Family.sample": Row(law.sample, lots),
        "information.families.Family.three_ways": Row(law.three_ways, lots),
        "information.families.ThreeWays": Row(
            families.ThreeWays, {name: np.eye(2) for name in families.ThreeWays.__dataclass_fields__}
        ),
        "information.families.bernoulli": Row(families.bernoulli),
        "information.families.categorical": Row(families.categorical),
        "information.families.gaussian_mean": Row(families.gaussian_mean, {"sigma": 2.0}),
        "information.families.gaussian_scale": Row(families.gaussian_scale, {"mu": 1.0}),
        "information.families.poisson": Row(families.poisson),
    }


def introspect_rows(w: World) -> dict[str, Row]:
    m = asked(w)
    recipe = introspect.Recipe("ce")
    asked_for = {"loss": "mse", "question": "ones", "normalize": "l2"}
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
        ),
        "introspect.IntrospectiveNetwork.features": Row(w.second.features, {"kept": w.kept}),
        "introspect.IntrospectiveNetwork.fit": Row(lambda **given: fresh().fit(**given), fit),
        "introspect.IntrospectiveNetwork.forward": Row(w.second.forward, {"x": w.x}),
        "introspect.IntrospectiveNetwork.load": Row(
            introspect.IntrospectiveNetwork.load,
            {"path": w.folder / "second.safetensors", "model": w.net, "reflection": None},
        ),
        "introspect.IntrospectiveNetwork.predict": Row(w.second.predict, {"data": w.x}),
        "introspect.IntrospectiveNetwork.predict_proba": Row(w.second.predict_proba, {"data": w.x}),
        "introspect.IntrospectiveNetwork.save": Row(w.second.save, {"path": "second.safetensors"}),
        "introspect.IntrospectiveNetwork.train": Row(lambda **given: fresh().train(**given), {"mode": True}),
        "introspect.Recipe": Row(introspect.Recipe, {**asked_for, "layer": None}),
        "introspect.Recipe.settings": Row(recipe.settings),
        "introspect.Standardizer": Row(introspect.Standardizer, {"size": 3}),
        "introspect.Standardizer.fit": Row(lambda batches: introspect.Standardizer(3).fit(batches), {"batches": w.p}),
        "introspect.Standardizer.forward": Row(learned.forward, {"features": w.p}),
        "introspect.Store": Row(introspect.Store, {"folder": w.folder / "store"}),
        "introspect.Store.features": Row(
            lambda **given: first(w.store.features(**given)),
            {"recipe": recipe, "rows": 2},
        ),
        "introspect.Store.read": Row(w.store.read, {"shard": 0}),
        "introspect.dense_features": Row(introspect.dense_features, {"kept": w.kept, "recipe": recipe}),
        "introspect.features": Row(introspect.features, {**m, **asked_for, "layer": None, "extra_inputs": ()}),
        "introspect.stream": Row(
            introspect.stream,
            {"model": w.net, "loader": loader, "folder": "made", "recipe": None, "shard_rows": 4, "progress": False},
        ),
    }
