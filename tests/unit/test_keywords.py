"""Every keyword of every public function does something: at another value, something else comes out."""

from __future__ import annotations

import dataclasses
import inspect
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import gradlab
from data_scripts.reference import ROOMS, homes, public
from gradlab import course, data, evaluate, explain, information, introspect, models, widgets
from gradlab.core import LastLayer
from gradlab.evaluate import active, ood, quality, statistics
from gradlab.explain import faithfulness
from gradlab.information import families
from gradlab.introspect import Recipe
from gradlab.widgets import Widget
from tests.browser.saved import small_net
from tests.conftest import Small

# what shows no other number, and where it is tested instead
ELSEWHERE = {
    "extra_inputs": "contract/test_extra_inputs.py asks every method with words beside the picture",
    "progress": "test_seeds.py: a bar, or a function that is called",
    "choices": "names in a list: test_widgets.py",
}
THE_SAME = {
    ("core.run", "keep"): "what is kept is asked for by the methods",
    ("core.answer", "keep"): "as core.run",
    ("introspect.stream", "shard_rows"): "how rows lie on the disk: test_introspect_stream.py",
    ("models.torchvision", "weights"): "would be downloaded",
    ("evaluate.active.introspective", "settings"): "settings of another function",
    ("evaluate.active.run", "predict"): "a function of the caller's",
    ("evaluate.active.run", "seeds"): "columns of its table: test_active.py",
    ("evaluate.active.run", "strategies"): "columns of its table: test_active.py",
    ("evaluate.active.ask", "predict"): "a function of the caller's",
}


class Dropping(nn.Module):
    """Two layers that can be named, and dropout before the head."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 8, 3, padding=1)
        self.drop, self.fc = nn.Dropout(0.5), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        maps = self.second(self.first(x).relu()).relu()
        return self.fc(self.drop(maps.mean((2, 3))))


torch.manual_seed(0)
NET, OTHER = Dropping().eval(), Small().eval()
DIGITAL = nn.Sequential(
    nn.Conv2d(3, 6, 8, stride=8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4)
).eval()
X = torch.rand(3, 3, 16, 16)
MAPS = torch.rand(3, 1, 4, 4)
Z, Y = 2 * torch.randn(40, 5), torch.arange(40) % 5
P = Z.softmax(1)
JOINT = np.array([[0.2, 0.1], [0.3, 0.4]])
PHOTO = Image.fromarray((255 * X[0]).byte().movedim(0, -1).numpy())
KEPT = LastLayer(torch.randn(3, 5), torch.randn(3, 4))
VALUES = np.arange(6.0).reshape(2, 3)


@dataclasses.dataclass
class Beside:
    """A keyword's other value, and what is given beside it in both calls."""

    value: Any
    given: dict[str, Any]

    def __init__(self, value: Any, **given: Any) -> None:
        self.value, self.given = value, given


def told(ask: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """What comes out, or the refusal."""
    try:
        return ask(*arguments, **options)
    except gradlab.core.GradlabError as error:
        return str(error)


def spot() -> Tensor:
    maps = torch.zeros(1, 1, 16, 16)
    maps[..., 8, 8] = 1
    return maps


def streamed(**options: Any) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        store = introspect.stream(NET, [(X, torch.arange(3))], folder, progress=False, **options)
        return [*store]


def charted(**options: Any) -> Any:
    with course.chart(alt="a", **options) as axes:
        figure = np.ravel(axes)[0].figure
    return np.shape(axes), figure.get_size_inches()


def shown(**options: Any) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        out: list[Any] = []
        patch.setattr("IPython.display.display", lambda given, **_: out.append(given))
        patch.setattr("IPython.get_ipython", object)
        course.show(PHOTO, PHOTO, alt="a", **options)
    return out


def state_of(widget: Widget) -> Any:
    return widget._own_state()


PICTURES = torch.rand(6, 3, 48, 64, generator=torch.Generator().manual_seed(1))
TRUTH = torch.arange(6)
POOL = (torch.randn(60, 4, generator=torch.Generator().manual_seed(2)), torch.arange(60) % 3)
PHOTOGRAPH = data.picture("chelsea")


ROWS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "core.check_logits": (
        lambda **o: told(gradlab.core.check_logits, Z[:, :1], **o),
        {"least": 2, "count": len(Z) + 1},
    ),
    "core.class_indices": (
        lambda **o: told(gradlab.core.class_indices, "b", Z, **o),
        {"labels": ["a", "b", "c", "d", "e"], "name": "truth"},
    ),
    "core.scores_of": (
        lambda **o: told(gradlab.core.scores_of, Z, (lambda z: z[:, 0]) if o == {"count": 3} else "b", **o),
        {"labels": ["a", "b", "c", "d", "e"], "count": 3},
    ),
    "explain.grad_cam": (lambda **o: explain.grad_cam(NET, X, **o), {"target": 0, "contrast": 1, "layer": "first"}),
    "explain.hires_cam": (lambda **o: explain.hires_cam(NET, X, **o), {"target": 0, "contrast": 1, "layer": "first"}),
    "explain.layer_cam": (lambda **o: explain.layer_cam(NET, X, **o), {"target": 0, "contrast": 1, "layer": "first"}),
    "explain.counterfactual_cam": (
        lambda **o: explain.counterfactual_cam(NET, X, **o),
        {"target": 0, "layer": "first"},
    ),
    "explain.contrast_cam": (lambda **o: explain.contrast_cam(NET, X, **o), {"contrast": 4, "layer": "first"}),
    "explain.all_contrasts": (lambda **o: explain.all_contrasts(NET, X, **o), {"layer": "first"}),
    "explain.class_maps": (lambda **o: explain.class_maps(NET, X, **o), {"layer": "first"}),
    "explain.gradient": (lambda **o: explain.gradient(NET, X, **o), {"target": 0, "contrast": 1}),
    "explain.deconvnet": (lambda **o: explain.deconvnet(OTHER, X, **o), {"target": 0, "contrast": 1}),
    "explain.guided_backprop": (lambda **o: explain.guided_backprop(OTHER, X, **o), {"target": 0, "contrast": 1}),
    "explain.occlusion": (
        lambda **o: explain.occlusion(NET, X, **{"window": 4, "stride": 4, **o}),
        {"target": 0, "contrast": 1, "window": 5, "stride": 3, "baseline": 0.7, "score": "probability"},
    ),
    "explain.occlusion_sweep": (
        lambda **o: [each.maps() for each in explain.occlusion_sweep(NET, X, **{"window": 4, "stride": 4, **o})][-1],
        {"target": 0, "contrast": 1, "window": 5, "stride": 3, "baseline": 0.7, "score": "probability"},
    ),
    "explain.overlay": (lambda **o: explain.overlay(PHOTO, MAPS[:1], **o), {"cmap": "magma", "opacity": 0.9}),
    "explain.faithfulness.blurred": (lambda **o: faithfulness.blurred(X, **o), {"sigma": 1.0, "reach": 2}),
    "explain.faithfulness.deletion": (
        lambda **o: faithfulness.deletion(NET, X, MAPS, **o),
        {"target": 0, "steps": 7, "baseline": 0.7, "score": "logit"},
    ),
    "explain.faithfulness.insertion": (
        lambda **o: faithfulness.insertion(NET, X, MAPS, **o),
        {"target": 0, "steps": 7, "baseline": 0.7, "score": "logit"},
    ),
    "explain.faithfulness.pointing_game": (
        lambda **o: faithfulness.pointing_game(spot(), torch.tensor([[0, 0, 3, 3]]), (16, 16), **o),
        {"tolerance": 1.0},
    ),
    "explain.faithfulness.randomisation": (
        lambda **o: faithfulness.randomisation(NET, explain.gradient, X, **{"progress": False, **o}),
        {"seed": 1, "measure": "pearson", "absolute": True},
    ),
    "explain.faithfulness.randomised": (
        lambda **o: list(
            faithfulness.randomised(Small().eval() if o == {"batch_statistics": True} else NET, X, **o)[0]
            .state_dict()
            .values()
        ),
        {"share": 0.4, "seed": 1, "batch_statistics": True},
    ),
    "explain.faithfulness.similarity": (
        lambda **o: faithfulness.similarity(MAPS - 0.5, MAPS.flip(0) - 0.5, **o),
        {"measure": "pearson", "absolute": True},
    ),
    "information.conditional_entropy": (lambda **o: information.conditional_entropy(JOINT, **o), {"base": np.e}),
    "information.entropy": (lambda **o: information.entropy(JOINT.ravel(), **o), {"base": np.e}),
    "information.joint_entropy": (lambda **o: information.joint_entropy(JOINT, **o), {"base": np.e}),
    "information.kl": (lambda **o: information.kl([0.2, 0.8], [0.5, 0.5], **o), {"base": np.e}),
    "information.mutual_information": (lambda **o: information.mutual_information(JOINT, **o), {"base": np.e}),
    "information.surprise": (lambda **o: information.surprise(0.2, **o), {"base": np.e}),
    "information.fisher": (
        lambda **o: information.fisher(NET, X, **o),
        {
            "kind": Beside("monte carlo", seed=1),
            "what": "trace",
            "layer": "fc",
            "labels": Beside([0, 1, 2], kind="empirical"),
            "samples": Beside(9, kind="monte carlo", seed=1),
            "seed": Beside(2, kind="monte carlo", seed=1),
        },
    ),
    "information.fisher_map": (
        lambda **o: information.fisher_map(NET, X, **o),
        {
            "kind": Beside("monte carlo", seed=1),
            "layer": "first",
            "of": "values",
            "labels": Beside([0, 1, 2], kind="empirical"),
            "samples": Beside(9, kind="monte carlo", seed=1),
            "seed": Beside(2, kind="monte carlo", seed=1),
        },
    ),
    "information.scores": (lambda **o: information.scores(NET, X, **o), {"labels": [0, 1, 2], "layer": "fc"}),
    "information.families.gaussian_mean": (lambda **o: families.gaussian_mean(**o).fisher(0.5), {"sigma": 2.0}),
    "information.families.gaussian_scale": (
        lambda **o: families.gaussian_scale(**o).score(np.array([1.0, 2.0]), 1.5),
        {"mu": 1.0},
    ),
    "introspect.dense_features": (
        lambda **o: introspect.dense_features(KEPT, **o),
        {"recipe": Recipe("ce", "each", None)},
    ),
    "introspect.features": (
        lambda **o: introspect.features(NET, X, **o),
        {"loss": "ce", "question": "each", "normalize": None, "layer": "nowhere"},
    ),
    "introspect.stream": (streamed, {"recipe": Recipe()}),
    "evaluate.calibration_error": (
        lambda **o: evaluate.calibration_error(P, Y, **o),
        {"bins": 5, "binning": "mass", "norm": "max"},
    ),
    "evaluate.calibration_floor": (
        lambda **o: evaluate.calibration_floor(P, **{"draws": 3, **o}),
        {"bins": 5, "binning": "mass", "norm": "max", "draws": 4, "seed": 1},
    ),
    "evaluate.nll": (lambda **o: evaluate.nll(Z, Y, **o), {"temperature": 2.0}),
    "evaluate.reliability": (lambda **o: evaluate.reliability(P, Y, **o), {"bins": 5, "binning": "mass"}),
    "evaluate.active.ask": (
        lambda **o: active.ask("badge", NET, X.repeat(9, 1, 1, 1) * torch.arange(27).view(-1, 1, 1, 1), 4, **o),
        {"seed": 5},
    ),
    "evaluate.active.badge": (lambda **o: active.badge(P, Z, 5, **o), {"seed": 1}),
    "evaluate.active.dropout_passes": (
        lambda **o: active.dropout_passes(NET, X, **{"passes": 3, **o}),
        {"passes": 4, "seed": 1},
    ),
    "evaluate.active.random": (lambda **o: active.random(50, 5, **o), {"seed": 1}),
    "evaluate.active.top": (lambda **o: active.top(torch.zeros(50), 5, **o), {"seed": 1}),
    "evaluate.ood.aupr": (lambda **o: ood.aupr(Z[:, 0], Z[:9, 1], **o), {"positive": "out"}),
    "evaluate.ood.energy": (lambda **o: ood.energy(NET, X, **o), {"temperature": 3.0}),
    "evaluate.ood.gradient_norm": (
        lambda **o: ood.gradient_norm(NET, X, **o),
        {"loss": "mse", "layer": "first", "order": 2},
    ),
    "evaluate.ood.msp": (lambda **o: ood.msp(NET, X, **o), {"temperature": 3.0}),
    "evaluate.ood.odin": (lambda **o: ood.odin(NET, X, **{"temperature": 1.0, **o}), {"temperature": 3.0, "eps": 0.3}),
    "evaluate.quality.agreement": (
        lambda **o: quality.agreement(np.arange(30.0) + np.sin(np.arange(30)), np.arange(30.0), **o),
        {"spread": np.full(30, 0.3), "parameters": 4},
    ),
    "evaluate.quality.feature_similarity": (
        lambda **o: quality.feature_similarity(NET, X, X.flip(3), **o),
        {"layer": "first", "suppress": 0.3, "power": 2.0},
    ),
    "evaluate.quality.gradient_similarity": (
        lambda **o: quality.gradient_similarity(NET, X, 1 - 2 * X.flip(0), **{"suppress": 0.0, **o}),
        {"layer": "first", "loss": "ce", "question": "each", "suppress": 0.3, "power": 2.0},
    ),
    "evaluate.quality.likeness": (
        lambda **o: quality.likeness(Z[:3].abs(), Z[3:6].abs(), **o),
        {"suppress": 0.3, "power": 2.0},
    ),
    "evaluate.statistics.mean_interval": (lambda **o: statistics.mean_interval([1.0, 2, 4], **o), {"confidence": 0.5}),
    "data.challenged": (
        lambda **o: data.challenged(X, "noise", **{"level": 2, **o}),
        {"level": 4, "seed": 1},
    ),
    "data.corrupted": (
        lambda **o: data.corrupted(X, "gaussian noise", **{"level": 2, **o}),
        {"level": 4, "seed": 1},
    ),
    "data.digit_pairs": (lambda **o: data.digit_pairs(2, 0, **o), {"split": "test"}),
    "data.digits": (
        lambda **o: data.digits(**{"split": "test", **o}).pictures[:3],
        {"split": "validation", "size": 24},
    ),
    "data.signs": (
        lambda **o: data.signs(2, 0, **o),
        {"challenge": Beside("haze", level=3), "level": Beside(5, challenge="haze", level=3)},
    ),
    "data.strange": (lambda **o: data.strange("noise", 2, **o), {"seed": 1, "size": 16, "channels": 3}),
    "models.signs": (lambda **o: sum(p.numel() for p in models.signs(**o).model.parameters()), {"depth": 3}),
    "course.chart": (charted, {"rows": 2, "columns": 2, "size": (2.0, 2.0)}),
    "course.heat": (lambda **o: course.heat(VALUES, **o), {"top": 9.0, "cmap": "magma"}),
    "course.show": (
        shown,
        {"titles": ["c", "d"], "columns": 1, "title": "e"},
    ),
    "course.signed": (lambda **o: course.signed(VALUES - 2, **o), {"top": 9.0}),
    "widgets.paradigms": (
        lambda **o: state_of(widgets.paradigms(small_net(), PHOTOGRAPH, **o)),
        {"target": 3, "contrast": 1, "layer": "0"},
    ),
    "widgets.occlusion": (
        lambda **o: state_of(widgets.occlusion(small_net(), PHOTOGRAPH, **{"window": 16, "stride": 16, **o})),
        {"target": 3, "window": 24, "stride": 8, "baseline": "blur"},
    ),
    "widgets.gradients": (
        lambda **o: state_of(widgets.gradients(small_net(), PHOTOGRAPH, **o)),
        {"target": 3, "share": 1.0},
    ),
    "widgets.challenges": (
        lambda **o: state_of(widgets.challenges(small_net(), **{"picture": PHOTOGRAPH, **o})),
        {"picture": data.picture("coffee"), "label": 2, "level": 1, "layer": "0", "seed": 1},
    ),
    "widgets.introspect": (
        lambda **o: state_of(widgets.introspect(**{"net": small_net(), "pictures": PICTURES[:1], **o})),
        {
            "net": models.Classifier(DIGITAL, list("abcd"), (48, 64)),
            "pictures": PICTURES[1:2],
            "labels": [3],
            "layer": "0",
            "seed": 1,
        },
    ),
    "widgets.calibration": (
        lambda **o: state_of(widgets.calibration(small_net(), PICTURES, TRUTH, **o)),
        {"second": torch.randn(6, 7), "validation": (PICTURES, TRUTH), "name": "g", "bins": 4, "layer": "0"},
    ),
    "widgets.ood": (
        lambda **o: state_of(widgets.ood(**{"net": small_net(), "inside": PICTURES[:3], "outside": PICTURES[3:], **o})),
        {
            "net": models.Classifier(DIGITAL, list("abcd"), (48, 64)),
            "inside": PICTURES[1:4],
            "outside": PICTURES[2:],
            "scores": ("energy",),
            "layer": "0",
        },
    ),
    "widgets.active": (
        lambda **o: state_of(widgets.active(**{"pool": POOL, "test": POOL, "start": 5, "batch": 3, "rounds": 2, **o})),
        {
            "net": small_net(),
            "pool": (POOL[0][:50], POOL[1][:50]),
            "test": (POOL[0][:9], POOL[1][:9]),
            "start": 6,
            "batch": 4,
            "rounds": 3,
            "names": ["x", "y", "z"],
            "seed": 1,
        },
    ),
    "widgets.entropy": (
        lambda **o: state_of(widgets.entropy(**o)),
        {"p": [0.2, 0.8], "labels": Beside(["a", "b"], p=[0.2, 0.8]), "unit": "nats"},
    ),
    "widgets.mutual": (
        lambda **o: state_of(widgets.mutual(**o)),
        {
            "joint": JOINT,
            "rows": Beside(["a", "b"], joint=JOINT),
            "columns": Beside(["a", "b"], joint=JOINT),
            "unit": "nats",
        },
    ),
    "widgets.fisher": (
        lambda **o: state_of(widgets.fisher(**o)),
        {"family": "Poisson", "theta": 0.9, "sigma": 2.0, "n": 1000, "seed": 1},
    ),
    "widgets.manifold": (lambda **o: state_of(widgets.manifold(**o)), {"point": (0, 0), "seed": 1}),
}


def keywords() -> Iterator[tuple[str, str]]:
    """Yield each public function and each of its arguments that may be left out."""
    seen = set()
    for room in ROOMS:
        for name, value in public(room):
            if inspect.isfunction(value) and value not in seen and homes()[value] == name:
                seen.add(value)
                for parameter in inspect.signature(value).parameters.values():
                    if parameter.default is not parameter.empty:
                        yield name.removeprefix("gradlab."), parameter.name


def flat(value: Any) -> list[Any]:
    """Return all numbers and words in a value, in one order."""
    if isinstance(value, Tensor):
        return [tuple(value.shape), *flat(value.detach().flatten().tolist())]
    if isinstance(value, np.ndarray):
        return [value.shape, *flat(value.ravel().tolist())]
    if isinstance(value, Image.Image):
        return [value.size, value.tobytes()]
    if dataclasses.is_dataclass(value):
        return flat([getattr(value, each.name) for each in dataclasses.fields(value)])
    if isinstance(value, Mapping):
        return flat([each for pair in value.items() for each in pair])
    if isinstance(value, (list, tuple)):
        return [each for part in value for each in flat(part)]
    return ["NaN" if isinstance(value, float) and np.isnan(value) else value]


ASKED = sorted({(name, keyword) for name, keyword in keywords() if keyword not in ELSEWHERE} - THE_SAME.keys())


def test_every_keyword_has_a_row() -> None:
    rows = {(name, keyword) for name, (_, others) in ROWS.items() for keyword in others}
    assert {*ASKED} == rows
    assert THE_SAME.keys() <= {*keywords()}


@pytest.mark.parametrize(("name", "keyword"), ASKED)
def test_the_keyword_does_something(name: str, keyword: str) -> None:
    ask, others = ROWS[name]
    other = others[keyword] if isinstance(others[keyword], Beside) else Beside(others[keyword])
    before = {key: value for key, value in other.given.items() if key != keyword}
    if keyword == "kind":
        before = {}
    assert flat(told(ask, **{**other.given, keyword: other.value})) != flat(told(ask, **before))
    assert flat(told(ask, **before)) == flat(told(ask, **before)), "or nothing is shown by a difference"
