"""The occlusion widget's kernel side: masks, a sweep that can be stopped and taken up, and what is refused."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from gradlab.core.errors import InputError, ModelError, PictureError
from gradlab.data import picture
from gradlab.explain import occlusion as engine
from gradlab.models import Classifier
from gradlab.widgets import Occlusion, occlusion
from gradlab.widgets.wire import attached, detached, packed
from tests.arrays import values

CLASSES, SIDE = 7, 48


class Slow(nn.Module):
    """Let a sweep last long enough to be stopped."""

    wait = 0.0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        time.sleep(self.wait)
        return x


@pytest.fixture(scope="module")
def net() -> Classifier:
    torch.manual_seed(0)
    model = nn.Sequential(
        Slow(), nn.Conv2d(3, 6, 5, stride=2), nn.ReLU(), nn.Conv2d(6, 8, 3), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, CLASSES),
    )  # fmt: skip
    return Classifier(model.eval(), [f"class {i}" for i in range(CLASSES)], size=(SIDE, SIDE), resize=56)


@pytest.fixture
def widget(net: Classifier) -> Occlusion:
    return occlusion(net, "chelsea", window=16, stride=8)


@pytest.fixture
def sent(widget: Occlusion, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return what the kernel sends to the page, as it comes."""
    out: list[dict[str, Any]] = []
    monkeypatch.setattr(widget, "send", lambda content, buffers=(): out.append(attached(content, buffers)))
    return out


def ask(widget: Occlusion, kind: str, **content: Any) -> None:
    widget._handle_custom_msg(*detached({"kind": kind, **content}))


def settle(widget: Occlusion) -> None:
    until = time.monotonic() + 20
    while widget.running and time.monotonic() < until:
        time.sleep(0.01)
    with widget._at_work:
        assert not widget.running


def drops(widget: Occlusion) -> np.ndarray:
    return values(widget.sweep["drops"]).astype(np.float64)


@pytest.mark.parametrize("baseline", ["mean", "black", "blur"])
def test_a_mask_is_one_ordinary_forward_pass(net: Classifier, widget: Occlusion, sent: Any, baseline: str) -> None:
    mask = np.random.default_rng(0).random((SIDE, SIDE)) < 0.3
    ask(widget, "mask", serial=1, baseline=baseline, view="v", n=4, mask=packed(mask, "bool"))
    reply = sent[-1]
    assert (reply["kind"], reply["view"], reply["n"]) == ("masked", "v", 4)
    hidden = values(widget.answer["baselines"][baseline])
    seen = np.asarray(net.view(picture("chelsea")))
    pixels = np.where(mask[..., None], hidden, seen).astype(np.float32) / 255
    x = torch.from_numpy((pixels - np.array(net.mean)) / np.array(net.std)).movedim(-1, 0).float()
    with torch.no_grad():
        expected = net(x[None])[0].numpy()
    np.testing.assert_allclose(values(reply["logits"]), expected, rtol=1e-4, atol=1e-5)


def test_a_mask_of_a_picture_that_has_gone_is_not_answered(widget: Occlusion, sent: Any) -> None:
    ask(widget, "mask", serial=0, baseline="mean", view="v", n=1, mask=packed(np.ones((SIDE, SIDE)), "bool"))
    assert not sent and not widget.error


@pytest.mark.parametrize(
    "mask",
    [
        None,
        "mask",
        packed(np.ones((SIDE, SIDE + 1)), "bool"),
        packed(np.ones((SIDE, SIDE)), "uint8"),
        {**packed(np.ones((SIDE, SIDE)), "bool"), "bytes": bytes(3)},
    ],
)
def test_a_mask_that_does_not_fit_is_refused(widget: Occlusion, sent: Any, mask: Any) -> None:
    ask(widget, "mask", serial=1, baseline="mean", view="v", n=2, mask=mask)
    assert not sent and f"expected bool ({SIDE}, {SIDE})" in widget.error and "\n" not in widget.error


def test_a_mask_over_an_unknown_baseline_is_refused(widget: Occlusion, sent: Any) -> None:
    ask(widget, "mask", serial=1, baseline=["mean"], view="v", n=2, mask=packed(np.ones((SIDE, SIDE)), "bool"))
    assert not sent and "expected 'mean', 'black' or 'blur'" in widget.error


def test_the_sweep_is_the_engines(net: Classifier, widget: Occlusion, sent: Any) -> None:
    ask(widget, "sweep", window=16, stride=8, baseline="mean")
    settle(widget)
    assert widget.sweep["done"] == widget.sweep["total"] == 25 and not widget.error
    x = net.transform(picture("chelsea"))[None]
    maps = engine(net, x, torch.arange(CLASSES)[None], window=16, stride=8, baseline=widget._hidden["mean"])
    assert widget._held is not None and widget._held.last is not None
    torch.testing.assert_close(widget._held.last.maps(), maps, rtol=1e-4, atol=1e-5)
    streamed = [each for each in sent if each["kind"] == "windows"]
    assert streamed[0]["guess"] and not streamed[1]["guess"]
    places = np.concatenate([values(each["windows"]) for each in streamed[1:]])
    assert sorted(places) == list(range(25)), "each window is sent once"
    found = np.concatenate([values(each["drops"]) for each in streamed[1:]])
    np.testing.assert_array_equal(found, drops(widget)[places])


def test_cancel_answers_at_once_and_the_sweep_goes_on(widget: Occlusion, sent: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(Slow, "wait", 0.15)
    ask(widget, "sweep", window=16, stride=4, baseline="mean")
    while not any(not each.get("guess", True) for each in sent):
        time.sleep(0.01)
    began = time.monotonic()
    ask(widget, "cancel")
    assert time.monotonic() - began < 0.1 and not widget.running
    settle(widget)
    with widget._at_work:
        part, run = widget.sweep, widget._runs
    assert 0 < part["done"] < part["total"]
    assert np.isfinite(values(part["drops"])).any()
    ask(widget, "sweep", window=16, stride=4, baseline="mean")
    settle(widget)
    assert widget.sweep["done"] == widget.sweep["total"] and widget._runs == run, "it was taken up, not begun again"
    ask(widget, "sweep", window=16, stride=8, baseline="black")
    settle(widget)
    assert widget.sweep["baseline"] == "black" and widget._runs == run + 1


def test_another_picture_ends_the_sweep(widget: Occlusion, sent: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(Slow, "wait", 0.05)
    ask(widget, "sweep", window=16, stride=4, baseline="mean")
    ask(widget, "picture", name="coffee")
    assert widget.answer["name"] == "coffee" and widget.sweep == {} and not widget.running and not widget.error


@pytest.mark.parametrize(
    ("window", "stride", "baseline"), [(16, 17, "mean"), (64, 8, "mean"), (0, 1, "mean"), (9, 1, "x")]
)
def test_a_bad_sweep_is_told_and_nothing_starts(
    net: Classifier, widget: Occlusion, sent: Any, window: int, stride: int, baseline: str
) -> None:
    ask(widget, "sweep", window=window, stride=stride, baseline=baseline)
    assert widget.error and not widget.running and not sent
    with pytest.raises(InputError):
        occlusion(net, "chelsea", window=window, stride=stride, baseline=baseline)


def test_a_failure_inside_the_sweep_is_told(widget: Occlusion, sent: Any, monkeypatch: Any) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(widget, "_facts", fail)
    ask(widget, "sweep", window=16, stride=8, baseline="mean")
    settle(widget)
    assert "out of memory" in widget.error


def test_a_saved_page_holds_the_whole_sweep(widget: Occlusion, tmp_path: Any) -> None:
    assert "0x" not in repr(widget) and "raise it" not in widget._sentence()
    widget.save_html(tmp_path / "page.html")
    assert widget.sweep["done"] == 25 and np.isfinite(drops(widget)).all()
    assert "windows raise it when hidden" in widget._sentence() and len(widget._picture()) < 80_000


def test_bad_arguments_are_refused(net: Classifier) -> None:
    with pytest.raises(ModelError, match="occlusion needs a Classifier"):
        occlusion(net.model, "chelsea")
    with pytest.raises(PictureError, match="chelsae"):
        occlusion(net, "chelsae")
    large = Classifier(net.model, net.labels, size=(224, 224))
    with pytest.raises(InputError, match="too many"):
        occlusion(large, "chelsea", window=8, stride=2)
