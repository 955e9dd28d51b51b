"""The widgets: the functions that make them, and their classes by hand."""

from __future__ import annotations

from typing import Any

import torch

from gradlab import widgets
from tests.fuzz.world import Row, World, drawn


def widgets_rows(w: World) -> dict[str, Row]:
    """Return the rows of both kinds."""
    return {f"widgets.{name}": row for name, row in {**_functions(w), **_classes(w)}.items()}


def _functions(w: World) -> dict[str, Row]:
    beside = {"extra_inputs": (), "choices": ["coffee"]}
    shown = {"net": w.net, "picture": w.image, **beside}
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
        "front_end": Row(widgets.front_end, {"entry": "entropy"}),
        "gradients": Row(widgets.gradients, {**shown, "target": 1, "share": 0.5}),
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


def _classes(w: World) -> dict[str, Row]:
    """Rows of what the functions above return, made by hand from its own parts."""
    made = {name: row.call(**row.given) for name, row in _functions(w).items() if name != "front_end"}
    beside = {"net": w.net, "choices": ["coffee"]}
    charts: dict[str, dict[str, Any]] = {
        name.capitalize(): {key: getattr(made[name], key) for key in made[name]._chosen}
        for name in ("entropy", "fisher", "manifold", "mutual")
    }
    charts["Manifold"]["start"] = made["manifold"].start
    charts["Mutual"] |= {key: made["mutual"].start[key] for key in ("rows", "columns", "given")}
    charts["Entropy"]["given"] = True
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
        "Paradigms": {**beside, "factors": made["paradigms"]._factors, "asked": (1, 2), "options": {}},
    }
    return {
        **{name: Row(getattr(widgets, name), given) for name, given in {**charts, **by_hand}.items()},
        "Active.save_html": Row(lambda path: made["entropy"].save_html(path), {"path": "page.html"}),
        "Occlusion.finish": Row(lambda: made["occlusion"].finish()),
        "Widget": Row(widgets.Widget),
    }
