"""The widgets' kernel side: the numbers sent, what a bad picture does, the saved page, and what stands in for it."""

from __future__ import annotations

import base64
import html
import io
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from gradlab.core.errors import GradlabError, ModelError, TargetError
from gradlab.data import picture, picture_names
from gradlab.explain import class_maps, contrast_cam
from gradlab.models import Classifier
from gradlab.widgets import Gradients, Occlusion, Paradigms, paradigms
from gradlab.widgets.widget import PICTURE_LIMIT, SavingError
from gradlab.widgets.wire import detached, packed
from tests.arrays import values

CLASSES = 12
WIDGETS = [Paradigms, Occlusion, Gradients]


@pytest.fixture(scope="module")
def net() -> Classifier:
    """Return a small network that ends in average pooling and one linear layer."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 5, stride=4), nn.ReLU(), nn.Conv2d(8, 16, 5, stride=2), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, CLASSES),
    )  # fmt: skip
    labels = [f"class {i} </script><b>" if i == 7 else f"class {i}" for i in range(CLASSES)]
    return Classifier(model.eval(), labels, size=(64, 64), resize=72)


@pytest.fixture
def widget(net: Classifier) -> Paradigms:
    return paradigms(net, "chelsea")


def decoded(answer: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    return values(answer["logits"]), values(answer["maps"])


def test_the_answer_holds_the_engines_numbers(net: Classifier, widget: Paradigms) -> None:
    found = class_maps(net, net.transform(picture("chelsea"))[None])
    logits, maps = decoded(widget.answer)
    np.testing.assert_allclose(logits, found.logits[0].numpy(), rtol=1e-6)
    top = found.maps.abs().max().item()
    # float16 keeps 11 bits: half a unit in the last of them, relative; and a subnormal's step near zero
    np.testing.assert_allclose(maps, found.maps[0].numpy(), rtol=2.0**-11, atol=top * 2.0**-24)
    assert widget.answer["exact"] is found.exact is True
    assert widget.answer["layer"] == found.layer
    shown = net.view(picture("chelsea"))
    np.testing.assert_array_equal(values(widget.answer["picture"]), np.asarray(shown))
    assert widget.labels == net.labels and widget.choices == picture_names()


def test_cells_and_bias_add_up_to_the_logit(net: Classifier, widget: Paradigms) -> None:
    logits, maps = decoded(widget.answer)
    bias = net.model[-1].bias.detach().numpy()
    np.testing.assert_allclose(
        maps.sum((1, 2)) + bias, logits, atol=1e-3 * widget.answer["maps"]["scale"] * maps[0].size
    )


@pytest.mark.parametrize("q", range(CLASSES))
def test_the_contrast_is_the_engines(net: Classifier, widget: Paradigms, q: int) -> None:
    engine = contrast_cam(net, net.transform(picture("chelsea"))[None], contrast=q)[0, 0].detach().numpy()
    np.testing.assert_allclose(widget._factors.contrast(q), engine, rtol=1e-4, atol=1e-6)


def test_q_equal_p_survives_a_sure_network(net: Classifier) -> None:
    """With p = 1 - 1e-6, float16 maps still give the contrast to their own precision."""
    widget = paradigms(net, "chelsea")
    factors = widget._factors
    sure = factors.logits.copy()
    p = int(sure.argmax())
    sure[p] += 14
    exact = type(factors)(factors.name, factors.view, sure, factors.maps, True, "")
    _, rounded = decoded(exact.answer(1))
    coarse = type(factors)(factors.name, factors.view, sure, rounded, True, "")
    assert np.abs(coarse.contrast(p) - exact.contrast(p)).max() < 2e-3 * np.abs(exact.contrast(p)).max()


def test_start_follows_target_and_contrast(net: Classifier) -> None:
    order = [int(c) for c in np.argsort(-paradigms(net, "chelsea")._factors.logits)]
    assert f"Why class {order[0]} (" in repr(paradigms(net, "chelsea"))
    assert f"rather than class {order[1]} (" in repr(paradigms(net, "chelsea"))
    other = paradigms(net, "chelsea", target=order[4])  # held against what the network says
    assert repr(other).startswith(f"Paradigms: Why class {order[4]} (")
    assert f", rather than class {order[0]} (" in repr(other)
    asked = paradigms(net, "chelsea", target="class 3", contrast=3)
    assert (asked.target, asked.contrast) == (3, 3)
    assert "Why not class 3" in repr(asked)
    with pytest.raises(TargetError, match="0 to 11"):
        paradigms(net, "chelsea", target=12)
    with pytest.raises(TargetError):
        paradigms(net, "chelsea", contrast="no such class")
    with pytest.raises(ModelError, match="Classifier"):
        paradigms(net.model, "chelsea")
    with pytest.raises(GradlabError, match="chelsae"):
        paradigms(net, "chelsae")


def ask(widget: Paradigms, name: str, content: bytes | None = None) -> list[str]:
    """Send what the front end would send; returns what ``busy`` went through."""
    seen: list[str] = []
    widget.observe(lambda change: seen.append(change["new"]), "busy")
    upload = {} if content is None else {"upload": packed(np.frombuffer(content, np.uint8), "uint8")}
    widget._handle_custom_msg(*detached({"kind": "picture", "name": name, **upload}))
    widget.unobserve_all("busy")
    return seen


def png(size: tuple[int, int] = (90, 70)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "tomato").save(out, "PNG")
    return out.getvalue()


def test_another_picture_comes_whole_with_a_new_serial(widget: Paradigms) -> None:
    first = widget.answer
    assert ask(widget, "coffee") == ["reading coffee ...", ""]
    assert widget.answer["name"] == "coffee" and widget.answer["serial"] > first["serial"]
    again = widget.answer["serial"]
    ask(widget, "coffee")
    assert widget.answer["serial"] > again, "equal answers would not be sent"
    ask(widget, "holiday.png", png())
    assert widget.answer["name"] == "holiday.png" and not widget.error and not widget.busy


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("notes.txt", b"not a picture"),
        ("empty.png", b""),
        ("cut.png", png()[:60]),
        ("no/such/file.png", None),
        ("", None),
        ("chelsae", None),
    ],
)
def test_a_bad_picture_is_told_and_the_old_one_stays(widget: Paradigms, name: str, content: bytes | None) -> None:
    before = widget.answer
    assert ask(widget, name, content)[-1] == ""
    assert widget.answer is before
    assert widget.error and "\n" not in widget.error and "Traceback" not in widget.error
    ask(widget, "coffee")
    assert widget.error == ""


def test_an_unforeseen_failure_is_told_too(widget: Paradigms, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr("gradlab.explain.class_maps", fail)
    before = widget.answer
    ask(widget, "coffee")
    assert "out of memory" in widget.error and widget.busy == "" and widget.answer is before


def test_other_messages_are_ignored(widget: Paradigms) -> None:
    before = widget.answer
    for content in ({}, {"kind": "other"}, "text", None):
        widget._handle_custom_msg(content, [])
    assert widget.answer is before and not widget.error


def test_a_still_picture_with_its_sentence_comes_before_the_view(
    widget: Paradigms, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[dict[str, Any]] = []
    monkeypatch.setattr("IPython.display.display", lambda data, **how: shown.append(data))
    widget._ipython_display_()
    still, live = shown
    content = base64.b64decode(still["text/html"].partition("base64,")[2].partition('"')[0])
    assert len(content) <= PICTURE_LIMIT
    picture = Image.open(io.BytesIO(content))
    assert picture.width > 2.5 * picture.height
    assert np.asarray(picture.convert("RGBA"))[..., 3].min() == 0, "a white slab on a dark page"
    assert re.search(r"Why class \d+.* \(0\.\d\d\), rather than .* \(0\.\d\d\)\?", still["text/plain"])
    assert f'alt="{html.escape(still["text/plain"])}"' in still["text/html"]
    assert "A still picture: run this cell for the live one." in still["text/html"]
    assert set(live) == {"application/vnd.jupyter.widget-view+json", "text/plain"}
    assert live["text/plain"] == repr(widget)


def test_repr_is_the_same_each_time(net: Classifier) -> None:
    first, second = repr(paradigms(net, "chelsea")), repr(paradigms(net, "chelsea"))
    assert first == second and "0x" not in first and first.startswith("Paradigms: Why class")


def test_a_noisy_photo_still_fits_the_limit(net: Classifier) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (80, 80, 3), dtype=np.uint8)
    assert len(paradigms(net, noise)._picture()) <= PICTURE_LIMIT


def test_saved_page_is_whole_and_alone(widget: Paradigms, tmp_path: Path) -> None:
    path = widget.save_html(tmp_path / "page.html")
    assert [each.name for each in tmp_path.iterdir()] == ["page.html"]
    assert widget.save_html(str(path)) == path


def test_saving_to_a_bad_place_says_so(widget: Paradigms, tmp_path: Path) -> None:
    with pytest.raises(SavingError, match="folder"):
        widget.save_html(tmp_path)
    with pytest.raises(SavingError, match="no folder"):
        widget.save_html(tmp_path / "none" / "page.html")
    with pytest.raises(SavingError, match="no folder"):
        (tmp_path / "file").write_text("")
        widget.save_html(tmp_path / "file" / "page.html")


def test_what_is_chosen_is_read_and_set_from_python(net: Classifier, widget: Paradigms) -> None:
    before = widget._picture()
    widget.target, widget.contrast, widget.cells = "class 3", 5, (4, 2, 4)
    assert (widget.target, widget.contrast, widget.cells) == (3, 5, [2, 4])
    assert ", rather than class 5 (" in repr(widget) and widget._picture() != before
    assert '"contrast":5' in (page := widget.save_html(Path(tempfile.mkdtemp()) / "p.html").read_text())
    assert '"cells":[2,4]' in page and '"initial":{"target":null,"contrast":null,"cells":[]' in page
    wrong: list[tuple[str, Any]] = [
        ("target", 12), ("contrast", "no such class"), ("cells", [10**6]), ("cells", 3), ("opacity", 1.1),
        ("threshold", "much"), ("colours", "pink"), ("scale", "all"), ("units", None),
    ]  # fmt: skip
    for name, value in wrong:
        kept = getattr(widget, name)
        with pytest.raises(GradlabError):
            setattr(widget, name, value)
        assert getattr(widget, name) == kept
    assert widget.initial == {
        "target": None, "contrast": None, "cells": [], "opacity": 0.55, "colours": "viridis", "threshold": 0.0,
        "scale": "each", "units": "raw",
    }  # fmt: skip
    ask(widget, "coffee")  # another picture is asked afresh
    assert (widget.target, widget.contrast, widget.cells) == (None, None, [])
