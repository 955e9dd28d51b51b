"""The kernel side of the introspection and calibration widgets: what is sent is what the engine says, and refusals."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch import Tensor, nn

import gradlab
from gradlab.core.errors import GradlabError, InputError, LayerError, ModelError, TargetError
from gradlab.evaluate import calibration_error, calibration_floor, nll, temperature
from gradlab.explain import class_maps, contrast_cam
from gradlab.introspect import IntrospectiveNetwork, LastLayer, features, last_layer
from gradlab.models import Classifier
from gradlab.models.small import untrained_digits
from gradlab.widgets import Calibration, Introspect, calibration, introspect
from gradlab.widgets.calibration import _spread
from gradlab.widgets.panels import NOISE, ONES, as_scanned, held_rows
from gradlab.widgets.widget import PICTURE_LIMIT
from gradlab.widgets.wire import detached, packed
from tests.arrays import blobs, values


def network(classes: int, size: tuple[int, int] = (24, 20)) -> Classifier:
    torch.manual_seed(classes)
    model = nn.Sequential(
        nn.Conv2d(3, 6, 5, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, classes)
    )
    nn.init.normal_(model[-1].weight, std=8.0)
    half = (0.5,) * 3
    return Classifier(model.eval(), [f"class {i}" for i in range(classes)], size, mean=half, std=half, resize=None)


@pytest.fixture(scope="module")
def net() -> Classifier:
    return network(5)


@pytest.fixture(scope="module")
def seen() -> Tensor:
    return torch.rand(30, 3, 24, 20, generator=torch.Generator().manual_seed(2))


@pytest.fixture(scope="module")
def truth() -> Tensor:
    return torch.arange(30) % 5


@pytest.fixture
def reader() -> Classifier:
    torch.manual_seed(0)
    found = untrained_digits()
    found.model.eval().requires_grad_(False)
    return found


def draw(widget: Introspect, content: bytes) -> None:
    """Send what the front end sends when a stroke ends."""
    upload = packed(np.frombuffer(content, np.uint8), "uint8")
    widget._handle_custom_msg(*detached({"kind": "picture", "name": "your drawing", "upload": upload}))


# --- introspect ---


def test_the_panels_are_the_engines_at_every_level(net: Classifier, seen: Tensor, truth: Tensor) -> None:
    answer = introspect(net, seen[:3], truth[:3], seed=4).start
    noise = torch.randn(3, 24, 20, generator=torch.Generator().manual_seed(4))
    logits = values(answer["logits"])
    hidden = values(answer["hidden"])
    contrasts = values(answer["contrasts"])
    ones = values(answer["ones"])
    pixels = values(answer["seen"])
    for k, level in enumerate(NOISE):
        noisy = (seen[:3] + level * noise).clamp(0, 1)
        x = net.normalize(noisy)
        kept, maps = last_layer(net, x), class_maps(net, x)
        np.testing.assert_allclose(logits[:, k], kept.logits.detach(), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(hidden[:, k], kept.hidden.detach(), rtol=1e-4, atol=1e-6)
        slack = {"rtol": 2.0**-9, "atol": answer["ones"]["scale"] * 2.0**-12}
        np.testing.assert_allclose(contrasts[:, k], maps.contrasts().detach(), **slack)
        for j, loss in enumerate(ONES):
            pulled = torch.einsum("nc,nchw->nhw", kept.rows(loss, "ones"), maps.maps).detach()
            np.testing.assert_allclose(ones[:, k, j], pulled, **slack)
        assert abs(pixels[:, k].mean() / 255 - float(noisy.mean())) < 2e-3
    assert answer["noise"] == list(NOISE) and answer["truth"] == [0, 1, 2] and answer["asked"][0] == [0, 1, 2, 3, 4]


def test_rows_times_h_are_the_features(net: Classifier, seen: Tensor) -> None:
    answer = introspect(net, seen[:2]).start
    logits = torch.tensor(values(answer["logits"])[:, 0])
    hidden = torch.tensor(values(answer["hidden"])[:, 0])
    u = logits.softmax(1)[:, None] - torch.eye(5)
    made = (u[..., None] * hidden[:, None, None]).flatten(2)
    torch.testing.assert_close(
        made, features(net, net.normalize(seen[:2]), "ce", question="each", normalize=None), atol=1e-5, rtol=1e-4
    )
    assert answer["truth"] == [None, None]


def test_many_classes_show_the_likeliest(seen: Tensor) -> None:
    wide = network(40)
    answer = introspect(wide, seen[:2]).start
    logits = values(answer["logits"])
    for classes, z in zip(answer["asked"], logits, strict=True):
        assert len(set(classes)) == 12 and set(z.argmax(1).tolist()) <= set(classes)  # every answer has its panel
        assert (np.diff(z[0, classes]) <= 0).all()
    asked = values(answer["contrasts"])
    x = wide.normalize(seen[:1])
    expected = class_maps(wide, x).contrasts()[0, answer["asked"][0]].detach()
    np.testing.assert_allclose(asked[0, 0], expected, rtol=2.0**-9, atol=answer["ones"]["scale"] * 2.0**-12)


def test_rows_that_hold_99_percent() -> None:
    p = torch.tensor([[0.97, 0.01, 0.01, 0.01], [0.25, 0.25, 0.25, 0.25]], dtype=torch.float64)
    found = held_rows(LastLayer(p.log(), torch.ones(2, 3, dtype=torch.float64)))
    for i in range(2):
        for q in range(4):
            squares = sorted(((p[i] - torch.eye(4)[q]) ** 2).tolist(), reverse=True)
            count = next(k for k in range(1, 5) if sum(squares[:k]) >= 0.99 * sum(squares))
            assert int(found[i, q]) == count
    assert found[0, 1] == 2 and found[1, 0] == 4


def test_no_contrast_has_more_than_two_effective_rows() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = 4 * torch.randn(2000, 12, generator=generator, dtype=torch.float64)
    effective = LastLayer(logits, torch.ones(2000, 1, dtype=torch.float64)).effective_rows()
    assert float(effective.max()) <= 2 + 1e-9 and float(effective.min()) >= 1
    pair = torch.full((1, 12), -60.0, dtype=torch.float64)
    pair[0, :2] = torch.tensor([0.3, 0.0])  # two classes share all: still two
    assert float(LastLayer(pair, torch.ones(1, 1).double()).effective_rows()[0, 5]) == pytest.approx(2)


def digit(draw: Any) -> Image.Image:
    sheet = Image.new("L", (280, 280))
    draw(ImageDraw.Draw(sheet))
    return sheet


def encoded(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


ONE = digit(lambda pen: pen.line([(140, 40), (140, 240)], fill=255, width=30))


def test_a_drawing_is_made_like_the_scans() -> None:
    made = as_scanned(ONE)
    assert made.shape == (1, 1, 32, 32) and float(made.min()) >= 0 and float(made.max()) == 1
    columns = made[0, 0].mean(0)
    assert float(columns[14:18].min()) > 0.5 and float(columns[:8].max()) == 0  # in the middle, as high as the picture
    shifted = digit(lambda pen: pen.line([(40, 20), (40, 220)], fill=255, width=30))
    torch.testing.assert_close(as_scanned(shifted), made)


def test_a_drawing_is_answered(reader: Classifier) -> None:
    widget = introspect(reader)
    assert widget.draws and widget.answer == {}
    before = widget.start
    draw(widget, encoded(ONE))
    assert widget.error == "" and widget.busy == "" and widget.start is before
    first = widget.answer
    expected = last_layer(reader, reader.normalize(as_scanned(ONE))).logits[0]
    np.testing.assert_allclose(values(first["logits"])[0, 0], expected.detach(), rtol=1e-4, atol=1e-5)
    draw(widget, encoded(ONE))
    assert widget.answer["serial"] > first["serial"]  # the same drawing again is an answer again


@pytest.mark.parametrize(
    ("content", "said"), [(encoded(Image.new("L", (280, 280))), "Nothing is drawn"), (b"no picture", "your drawing")]
)
def test_a_bad_drawing_is_told_and_what_was_there_stays(reader: Classifier, content: bytes, said: str) -> None:
    widget = introspect(reader)
    draw(widget, content)
    assert said in widget.error and widget.busy == "" and widget.answer == {}


def test_the_first_digits_are_one_of_each_and_hard_ones() -> None:
    widget = introspect()
    test = gradlab.data.digits("test")
    assert widget.start["truth"][:10] == list(range(10)) and len(widget.start["truth"]) == 16
    pixels = values(widget.start["seen"])[..., 0]
    first = test.pictures[int((test.labels == 3).nonzero()[0]), 0]
    assert np.abs(pixels[3, 0] / 255 - first.numpy()).max() < 0.003
    logits = torch.tensor(values(widget.start["logits"])[:, 0])
    best, second = logits.softmax(1).topk(2).values.unbind(1)
    assert float((best - second)[10:].max()) < float((best - second)[:10].max())
    assert sum(map(len, blobs(widget.start))) < 600_000
    assert "Why 0, rather than any other class? 2.00 effective rows" in repr(widget)
    assert len(widget._picture()) <= PICTURE_LIMIT


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"pictures": None}, InputError, "reads no digits"),
        ({"pictures": None, "labels": [1]}, InputError, "without pictures"),
        ({"pictures": torch.zeros(2, 1, 24, 20)}, InputError, r"\(n, 3, 24, 20\)"),
        ({"pictures": torch.zeros(0, 3, 24, 20)}, InputError, "not empty"),
        ({"pictures": torch.zeros(25, 3, 24, 20)}, InputError, "expected 1 to 24"),
        ({"pictures": torch.full((1, 3, 24, 20), torch.nan)}, InputError, "pictures holds NaN"),
        ({"pictures": 2 * torch.ones(1, 3, 24, 20)}, InputError, "before they are normalised"),
        ({"pictures": np.zeros((1, 3, 24, 20))}, InputError, "ndarray"),
        ({"labels": [0, 1]}, TargetError, "expected 3 integers"),
        ({"labels": [0, 1, 5]}, TargetError, "0 to 4"),
        ({"seed": -1}, InputError, "seed"),
        ({"layer": "nowhere"}, LayerError, "nowhere"),
    ],
)
def test_introspect_names_bad_input(
    net: Classifier, seen: Tensor, change: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        introspect(net, **{"pictures": seen[:3], **change})


@pytest.mark.parametrize("widget", [lambda net, x, y: introspect(net, x), calibration])
def test_a_bare_network_is_refused(net: Classifier, seen: Tensor, truth: Tensor, widget: Any) -> None:
    with pytest.raises(ModelError, match="Classifier"):
        widget(net.model, seen[:3], truth[:3])


# --- calibration ---


@pytest.fixture(scope="module")
def second(net: Classifier, seen: Tensor, truth: Tensor) -> IntrospectiveNetwork:
    return IntrospectiveNetwork(net).fit(net.normalize(seen), truth, epochs=1, progress=False)


def logits_of(arm: dict[str, Any]) -> Tensor:
    return torch.tensor(values(arm["logits"])).double()


def test_the_arms_are_what_the_networks_say(
    net: Classifier, seen: Tensor, truth: Tensor, second: IntrospectiveNetwork
) -> None:
    widget = calibration(net, seen, truth, second, bins=10)
    f, h = widget.start["arms"]
    assert (f["name"], h["name"]) == ("f", "H")
    x = net.normalize(seen)
    for arm, model in ((f, net), (h, second)):
        logits = logits_of(arm)
        torch.testing.assert_close(logits.float(), model(x).detach(), rtol=1e-4, atol=1e-5)
        maps = values(arm["maps"])
        np.testing.assert_allclose(
            maps, contrast_cam(model, x)[:, 0].detach(), rtol=2.0**-9, atol=arm["maps"]["scale"] * 2.0**-11
        )
        assert arm["fitted"] == pytest.approx(temperature(logits, truth)) and not arm["heldOut"]
        p = (logits / arm["fitted"]).softmax(1)
        assert arm["luck"][1] == pytest.approx(float(calibration_floor(p, 10, draws=100).mean()))
    assert widget.start["shown"] == list(range(30)) and widget.start["tiles"]["shape"] == [30, 24, 20, 3]
    assert len(widget._picture()) <= PICTURE_LIMIT
    ece = calibration_error(logits_of(f).softmax(1), truth, 10)
    assert f"ECE {ece:.3f} in 10 bins" in repr(widget) and "the pictures shown" in widget._sentence()


def test_a_temperature_is_fitted_on_held_out_pictures(net: Classifier, seen: Tensor, truth: Tensor) -> None:
    others = torch.rand(20, 3, 24, 20, generator=torch.Generator().manual_seed(8))
    right = torch.arange(20) % 5
    given = torch.randn(30, 5, generator=torch.Generator().manual_seed(1))
    widget = calibration(net, seen, truth, {"given": given, "other": network(5)}, validation=(others, right))
    f, arm, other = widget.start["arms"]
    fitted = temperature(net(net.normalize(others)).detach().double(), right)
    assert f["fitted"] == pytest.approx(fitted, rel=1e-3) and f["heldOut"] and other["heldOut"]
    # logits of the pictures shown cannot have been fitted elsewhere, and have no map
    assert arm["fitted"] == pytest.approx(temperature(given, truth)) and not arm["heldOut"] and arm["maps"] is None
    assert nll(given, truth, arm["fitted"]) <= nll(given, truth)


def test_an_introspective_network_wants_its_control(
    net: Classifier, seen: Tensor, truth: Tensor, second: IntrospectiveNetwork
) -> None:
    control = IntrospectiveNetwork(net, on="h").fit(net.normalize(seen), truth, epochs=1, progress=False)
    assert calibration(net, seen, truth, second).start["control"] is True
    assert calibration(net, seen, truth, {"H": second, "on h": control}).start["control"] is False
    assert calibration(net, seen, truth).start["control"] is False


def test_a_network_without_a_map_can_be_calibrated(seen: Tensor, truth: Tensor) -> None:
    flat = Classifier(
        nn.Sequential(nn.Flatten(), nn.Linear(1440, 5)),
        list("abcde"),
        (24, 20),
        mean=(0.0,) * 3,
        std=(1.0,) * 3,
        resize=None,
    )
    (arm,) = calibration(flat, seen, truth).start["arms"]
    assert arm["maps"] is None
    with pytest.raises(LayerError):
        calibration(flat, seen, truth, layer="nowhere")


def test_every_bin_has_its_share_of_the_pictures() -> None:
    confidence = torch.tensor([0.95] * 50 + [0.3] * 3 + [0.55] * 2 + [1.0] * 5)
    found = _spread(confidence, 10, 20)
    assert len(found) == 20 and found.tolist() == sorted(found.tolist())
    assert set(range(50, 55)) <= set(found.tolist())
    assert _spread(confidence, 10, 400).tolist() == list(range(60))


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"labels": None}, InputError, "labels is None"),
        ({"labels": torch.zeros(29, dtype=torch.long)}, TargetError, "expected 30 integers"),
        ({"labels": torch.full((30,), 5)}, TargetError, "0 to 4"),
        ({"labels": torch.zeros(30)}, TargetError, "integers"),
        ({"pictures": torch.zeros(30, 3, 24)}, InputError, r"\(n, 3, 24, 20\)"),
        ({"pictures": torch.full((30, 3, 24, 20), torch.nan)}, InputError, "pictures holds NaN"),
        ({"second": {"a": torch.zeros(30, 4)}}, InputError, r"expected logits \(30, 5\)"),
        ({"second": {"a": torch.full((30, 5), torch.nan)}}, InputError, "NaN"),
        ({"second": {"f": torch.zeros(30, 5)}}, InputError, "'f'"),
        ({"second": torch.zeros(30, 5)}, InputError, "mapping"),
        ({"second": {"a": network(4)}}, ModelError, r"expected logits \(30, 5\)"),
        ({"second": {"a": "a network"}}, GradlabError, "str"),
        ({"bins": 1}, InputError, "2 to 50"),
        ({"bins": 2.5}, InputError, "2 to 50"),
        ({"validation": (torch.zeros(2, 3, 24, 20), None)}, InputError, "labels is None"),
        ({"validation": (torch.zeros(2, 3, 24, 20), [0, 7])}, TargetError, "0 to 4"),
    ],
)
def test_calibration_names_bad_input(
    net: Classifier, seen: Tensor, truth: Tensor, change: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        calibration(net, **{"pictures": seen, "labels": truth, **change})


def test_too_many_logits_are_refused_before_the_network_runs(net: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(calibration.__globals__, "MOST_NUMBERS", 100)
    with pytest.raises(InputError, match="too many to send"):
        calibration(net, torch.zeros(30, 3, 24, 20), [0] * 30)


def test_infinite_logits_are_refused(net: Classifier, seen: Tensor, truth: Tensor) -> None:
    broken = network(5)
    broken.model[-1].bias.data[0] = torch.inf
    with pytest.raises(GradlabError, match="NaN or infinite"):
        calibration(broken, seen, truth)


@pytest.mark.parametrize("widget", [Introspect, Calibration])
def test_saved_pages_hold_everything(widget: type, net: Classifier, seen: Tensor, truth: Tensor, tmp_path: Any) -> None:
    made = introspect(net, seen[:2]) if widget is Introspect else calibration(net, seen, truth)
    text = made.save_html(tmp_path / "page.html").read_text(encoding="utf-8")
    assert (
        '"bytes":{"base64"' in text and "http" not in text.replace("http://www.w3.org/2000/svg", "").split("<body")[1]
    )
