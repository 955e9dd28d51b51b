"""What the caller made the default device and dtype changes nothing: every number and its dtype are the same."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import gradlab
from gradlab import course, data, evaluate, explain, information, introspect, models, widgets
from tests.conftest import Small
from tests.contract.test_state import METHODS

DEFAULTS = {
    "meta": ("meta", torch.float32),
    "float64": ("cpu", torch.float64),
    "meta, float16": ("meta", torch.float16),
}


@contextlib.contextmanager
def defaults(name: str) -> Iterator[None]:
    device, dtype = DEFAULTS[name]
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            yield
    finally:
        torch.set_default_dtype(before)


def plain(found: Any) -> Any:
    """Return tensors as what tells them apart: dtype, shape and values."""
    if isinstance(found, Tensor):
        assert found.device.type == "cpu"
        return str(found.dtype), found.detach().double().numpy()
    if isinstance(found, np.ndarray):
        return str(found.dtype), found
    if isinstance(found, dict):
        return {name: plain(value) for name, value in found.items()}
    if isinstance(found, (list, tuple)):
        return [plain(value) for value in found]
    return found


def same(one: Any, other: Any) -> None:
    if isinstance(one, np.ndarray):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-9)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one:
            same(one[name], other[name])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            same(a, b)
    else:
        assert one == other


def agrees(ask: Callable[[], Any], name: str) -> None:
    torch.manual_seed(0)
    want = plain(ask())
    torch.manual_seed(0)
    with defaults(name), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*default device.*")
        found = ask()
    same(want, plain(found))


@pytest.mark.parametrize("name", DEFAULTS)
@pytest.mark.parametrize("method", METHODS)
def test_every_method(method: str, name: str, pictures: Tensor) -> None:
    model = Small().eval()
    agrees(lambda: METHODS[method](model, pictures), name)


P = torch.rand(40, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).softmax(1)
Y = [i % 4 for i in range(40)]
X = torch.rand(2, 3, 20, 20, generator=torch.Generator().manual_seed(0))
MAPS = torch.rand(2, 1, 5, 5, generator=torch.Generator().manual_seed(0))


def weights_of(net: Any) -> list[Tensor]:
    return list(net.model.state_dict().values())


def on_screen(widget: Any) -> Any:
    return widget._still(), repr(widget)


def digits_of(split: str, n: int) -> tuple[Tensor, Tensor]:
    found = data.digits(split)
    return found.pictures[:n], found.labels[:n]


# what is asked without a network of the caller's: data, networks that ship, figures, statistics
OTHERS: dict[str, Callable[[], Any]] = {
    "data.signs": lambda: [data.signs(9, 3).pictures, data.signs(9, 3).labels, data.signs(9, 3).masks],
    "data.digits": lambda: list(digits_of("test", 9)),
    "data.digit_pairs": lambda: [(made := data.digit_pairs(4, 1)).pictures, made.boxes, made.masks()],
    **{
        f"data.challenged {name}": lambda name=name: data.challenged(X, name, 4, seed=1)  # type: ignore[misc]
        for name in data.CHALLENGES
    },
    **{
        f"data.corrupted {name}": lambda name=name: data.corrupted(X, name, 4, seed=1)  # type: ignore[misc]
        for name in data.CORRUPTIONS
    },
    **{
        f"data.strange {name}": lambda name=name: data.strange(name, 3, seed=1, channels=3)  # type: ignore[misc]
        for name in data.STRANGE
    },
    "data.picture": lambda: [np.asarray(data.picture(each)) for each in ("chelsea", np.asarray(MAPS[0, 0]), MAPS[0])],
    "models.digits": lambda: weights_of(models.digits()),
    "models.signs": lambda: weights_of(models.signs(1)),
    "models.vqa": lambda: weights_of(models.vqa()),
    "models.captioner": lambda: weights_of(models.captioner()),
    "models.imagenet": lambda: weights_of(models.imagenet())[:20],
    "models.torchvision": lambda: [str(each.dtype) for each in weights_of(models.torchvision("squeezenet1_1", None))],
    "Classifier.transform": lambda: models.digits().transform("chelsea"),
    "VQAClassifier.answer": lambda: models.vqa().answer(data.digit_pairs(3, 1).pictures, "what is their sum?"),
    "CaptionClassifier.caption": lambda: models.captioner().caption(data.digit_pairs(3, 1).pictures),
    "explain.upsample": lambda: explain.upsample(MAPS, 9),
    "explain.unit_scale": lambda: explain.unit_scale(MAPS - 0.5),
    "explain.overlay": lambda: np.asarray(explain.overlay(X[0], MAPS[:1])),
    "pointing_game": lambda: explain.faithfulness.pointing_game(MAPS, [[0, 0, 9, 9], [5, 5, 20, 20]], 20),
    "similarity": lambda: explain.faithfulness.similarity(MAPS, MAPS.flip(3)),
    "course.signed": lambda: np.asarray(course.signed(MAPS[:1])),
    "course.heat": lambda: np.asarray(course.heat(MAPS[0, 0].numpy())),
    "information.entropy": lambda: information.entropy([0.5, 0.25, 0.25]),
    "reliability": lambda: list(vars(evaluate.reliability(P, Y)).values()),
    "calibration_error": lambda: evaluate.calibration_error(P, Y, 7, binning="count"),
    "calibration_floor": lambda: evaluate.calibration_floor(P, 7, draws=5),
    "brier": lambda: evaluate.brier(P, Y),
    "nll": lambda: evaluate.nll(P.log(), Y),
    "temperature": lambda: evaluate.temperature(P.log(), Y),
    "auroc": lambda: evaluate.ood.auroc(P[:, 0], P[:20, 1]),
    "roc": lambda: list(vars(evaluate.ood.roc(P[:, 0], P[:20, 1])).values()),
    "active.badge": lambda: evaluate.active.badge(P, P[:, :3], 7),
    "active.random": lambda: evaluate.active.random(50, 9),
    "active.top": lambda: evaluate.active.top(P[:, 0], 9),
    "active.entropy": lambda: evaluate.active.entropy(P),
    "quality.agreement": lambda: list(vars(evaluate.quality.agreement(P[:, 0], P[:, 1])).values()),
    "IntrospectiveNetwork": lambda: introspect.IntrospectiveNetwork(models.digits(), hidden=(5,)).fit(
        *digits_of("train", 40), epochs=2, progress=False
    ).predict_proba(digits_of("test", 5)[0]),
    "widgets.paradigms": lambda: on_screen(widgets.paradigms(models.signs(1), "chelsea")),
    "widgets.occlusion": lambda: on_screen(widgets.occlusion(models.signs(1), "chelsea")),
    "widgets.gradients": lambda: on_screen(widgets.gradients(models.signs(1), "chelsea")),
    "widgets.entropy": lambda: on_screen(widgets.entropy()),
    "widgets.introspect": lambda: on_screen(widgets.introspect(models.digits())),
    "widgets.challenges": lambda: on_screen(widgets.challenges(models.signs(1))),
}  # fmt: skip


@pytest.mark.parametrize("name", DEFAULTS)
@pytest.mark.parametrize("case", OTHERS)
def test_everything_else(case: str, name: str) -> None:
    agrees(OTHERS[case], name)


def test_a_difference_would_be_seen() -> None:
    with pytest.raises((AssertionError, NotImplementedError)):
        agrees(lambda: torch.arange(3) / 3, "float64")
    with pytest.raises((AssertionError, NotImplementedError)):
        agrees(lambda: torch.zeros(3), "meta")


def test_a_caller_on_the_default_device_is_told_where_the_network_is() -> None:
    net = models.digits()
    with torch.device("meta"), pytest.raises(gradlab.core.InputError, match="device meta"):
        explain.grad_cam(net, torch.zeros(1, 1, 32, 32))
