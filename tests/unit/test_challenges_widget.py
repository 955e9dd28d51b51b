"""The challenges widget's kernel side: what is sent is what the engine says of each tile, and refusals."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from gradlab.core.errors import GradlabError, InputError, ModelError, PictureError, TargetError
from gradlab.data import CHALLENGES, challenged, picture, signs
from gradlab.explain import class_maps
from gradlab.models import Classifier
from gradlab.models.small import untrained_signs
from gradlab.widgets import Challenges, challenges
from gradlab.widgets.challenges import drawn
from gradlab.widgets.strip import SIDE, TILES, tile_of
from gradlab.widgets.widget import PICTURE_LIMIT
from tests.arrays import blobs, values

CLASSES = 7


def network(channels: int = 3, size: tuple[int, int] = (120, 90)) -> Classifier:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(channels, 6, 5, stride=3), nn.ReLU(), nn.Conv2d(6, 12, 5, stride=3), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, CLASSES),
    )  # fmt: skip
    half = (0.4,) * channels
    return Classifier(model.eval(), [f"class {i}" for i in range(CLASSES)], size, mean=half, std=half, resize=130)


@pytest.fixture(scope="module")
def net() -> Classifier:
    return network()


@pytest.fixture(scope="module")
def reader() -> Classifier:
    torch.manual_seed(0)
    net = untrained_signs(depth=1)
    net.model.eval().requires_grad_(False)
    return net


@pytest.fixture
def widget(net: Classifier) -> Challenges:
    return challenges(net, "chelsea", level=2, seed=4)


def decoded(answer: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    sheet = np.asarray(Image.open(io.BytesIO(answer["sheet"])))
    return values(answer["logits"]), values(answer["maps"]), sheet.reshape(len(TILES), -1, *sheet.shape[1:])


def test_the_order_of_the_tiles_is_the_front_ends() -> None:
    assert len(TILES) == 1 + 5 * len(CHALLENGES) == 61
    for k, name in enumerate(CHALLENGES):
        assert tile_of(name, 0) == tile_of(None, 3) == 0
        assert [tile_of(name, level) for level in range(1, 6)] == [1 + 5 * k + level - 1 for level in range(1, 6)]


def test_the_answer_holds_the_engines_numbers_of_each_tile(net: Classifier, widget: Challenges) -> None:
    answer = widget.answer
    logits, maps, tiles = decoded(answer)
    clean = torch.from_numpy(np.asarray(net.view(picture("chelsea")), dtype=np.float32) / 255).movedim(-1, 0)[None]
    for i, (name, level) in enumerate(TILES):
        seen = challenged(clean, name, level, seed=4)
        found = class_maps(net, net.normalize(seen))
        np.testing.assert_allclose(logits[i], found.logits[0].numpy(), rtol=1e-4, atol=1e-5)
        of_said = found.maps[0, int(found.logits[0].argmax())].numpy()
        np.testing.assert_allclose(maps[i], of_said, rtol=2.0**-9, atol=answer["maps"]["scale"] * 2.0**-11)
        # a tile is the picture made smaller
        assert abs(tiles[i].mean() / 255 - float(seen.mean())) < 0.01
    assert tiles.shape[1:] == (SIDE, 72, 3)
    np.testing.assert_array_equal(values(answer["picture"]), np.asarray(net.view(picture("chelsea"))))
    assert answer["challenges"] == list(CHALLENGES) and answer["label"] is None


def test_a_small_picture_is_sent_as_it_is(reader: Classifier) -> None:
    sign, _, label = drawn(3, 5)
    widget = challenges(reader, sign, label=label)
    _, _, tiles = decoded(widget.answer)
    np.testing.assert_array_equal(tiles[0], np.asarray(sign))
    assert sum(map(len, blobs(widget.answer))) < 500_000


def test_a_grey_network_sees_grey_tiles() -> None:
    widget = challenges(network(channels=1, size=(32, 32)), "camera")
    _, _, tiles = decoded(widget.answer)
    assert (tiles[..., 0] == tiles[..., 1]).all() and (tiles[..., 0] == tiles[..., 2]).all()
    assert len({tile.tobytes() for tile in tiles}) > 50


def test_the_first_sign_and_the_next(reader: Classifier) -> None:
    widget = challenges(reader)
    assert widget.draws and widget.answer["name"] == "stop 0" and widget.answer["label"] == 5
    for name in ("yield 0", "yield 1"):
        widget._handle_custom_msg({"kind": "sign", "label": 12}, [])
        assert widget.error == "" and widget.busy == ""
        assert widget.answer["name"] == name and widget.answer["label"] == 12
    assert widget.answer["serial"] == 3
    widget._handle_custom_msg({"kind": "sign", "label": 14}, [])
    assert "expected 0 to 13" in widget.error and widget.answer["name"] == "yield 1"


def test_drawn_signs_are_of_their_class_and_repeat() -> None:
    first, name, label = drawn(7, 2)
    assert name == "hump 2" and label == 7
    np.testing.assert_array_equal(np.asarray(first), np.asarray(drawn(7, 2)[0]))
    assert not np.array_equal(np.asarray(first), np.asarray(drawn(7, 3)[0]))
    several = signs(14, seed=2)
    np.testing.assert_array_equal(np.asarray(first), np.asarray(several.image(int((several.labels == 7).nonzero()[0]))))


def test_only_a_reader_of_signs_draws_them(net: Classifier, widget: Challenges) -> None:
    assert not widget.draws
    widget._handle_custom_msg({"kind": "sign", "label": 1}, [])
    assert widget.answer["name"] == "chelsea" and widget.answer["serial"] == 1


def test_another_picture_and_a_bad_one(widget: Challenges) -> None:
    widget._handle_custom_msg({"kind": "picture", "name": "coffee"}, [])
    assert widget.answer["name"] == "coffee" and widget.answer["label"] is None and widget.error == ""
    widget._handle_custom_msg({"kind": "picture", "name": "cofee"}, [])
    assert "coffee" in widget.error and widget.answer["name"] == "coffee" and widget.busy == ""


def test_its_sentence_counts_what_is_kept(net: Classifier, widget: Challenges) -> None:
    logits, _, _ = decoded(widget.answer)
    said = logits.argmax(1)
    kept = sum(int(said[tile_of(name, 2)] == said[0]) for name in CHALLENGES)
    assert f"{kept} of 12 challenges leave class {said[0]}" in repr(widget)
    other = int(said[0] + 1) % CLASSES  # told to be the true class, which the network does not say
    wrong = challenges(net, "chelsea", label=other, level=2, seed=4)
    assert wrong.answer["label"] == other and f"clean: ✗ class {said[0]}" in wrong._sentence()
    assert all(name in wrong._sentence() for name in CHALLENGES)


def test_its_still_picture_is_small(widget: Challenges) -> None:
    encoded = widget._picture()
    assert len(encoded) <= PICTURE_LIMIT
    assert Image.open(io.BytesIO(encoded)).height > 2 * 80  # two rows


def test_a_saved_page_holds_everything(widget: Challenges, tmp_path: Any) -> None:
    text = widget.save_html(tmp_path / "page.html").read_text(encoding="utf-8")
    assert '"sheet":{"base64"' in text and "glDecodeTiles" in text


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"level": 6}, InputError, "level is 6"),
        ({"seed": -1}, InputError, "seed is -1"),
        ({"seed": 0.5}, InputError, "seed is 0.5"),
        ({"label": 7}, TargetError, "0 to 6"),
        ({"label": "dog"}, TargetError, "dog"),
        ({"picture": None}, PictureError, "reads no signs"),
        ({"picture": "chelsae"}, GradlabError, "chelsea"),
        ({"picture": np.full((4, 4), 255.0)}, PictureError, "expected 0 to 1"),
    ],
)
def test_bad_input_is_named(net: Classifier, change: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        challenges(net, **{"picture": "chelsea", **change})


def test_a_bare_network_is_refused(net: Classifier) -> None:
    with pytest.raises(ModelError, match="Classifier"):
        challenges(net.model, "chelsea")
