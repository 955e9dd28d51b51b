"""Widgets on a network that reads a question beside the picture: asked with it, or refused with what to do."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import gradlab
from gradlab import widgets
from gradlab.core import outputs_of
from gradlab.core.errors import ModelError
from gradlab.explain import class_maps, gradient
from tests.arrays import values

QUESTION = "which digit is greater?"


@pytest.fixture(scope="module")
def net() -> Any:
    return gradlab.models.vqa()


@pytest.fixture(scope="module")
def pictures(net: Any) -> torch.Tensor:
    return torch.rand(3, *net.input_size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", ["paradigms", "occlusion", "gradients", "challenges"])
def test_widgets_of_a_picture_ask_with_the_question(net: Any, name: str) -> None:
    make = getattr(widgets, name)
    with pytest.raises(ModelError, match=r"reads question beside the picture: pass extra_inputs"):
        make(net, "camera")
    extra = (net.encode(QUESTION),)
    options = {"window": 16, "stride": 16} if name == "occlusion" else {}
    widget = make(net, "camera", extra_inputs=extra, **options)
    for picture in ("camera", "coffee"):
        if picture != "camera":
            widget._handle_custom_msg({"kind": "picture", "name": picture}, [])
            assert not widget.error
        x = net.transform(gradlab.data.picture(picture))[None]
        said = outputs_of(net, x, extra_inputs=extra)[0]
        logits = values(widget.answer["logits"])
        torch.testing.assert_close(torch.tensor(logits.reshape(-1, len(said))[0]), said, rtol=1e-4, atol=1e-4)
    assert widget._own_state() and widget._picture()


def test_their_numbers_are_those_of_the_question(net: Any) -> None:
    x, extra = net.transform(gradlab.data.picture("camera"))[None], (net.encode(QUESTION),)
    maps = class_maps(net, x, extra_inputs=extra).maps[0]
    sent = widgets.paradigms(net, "camera", extra_inputs=extra).answer["maps"]
    torch.testing.assert_close(
        torch.tensor(values(sent)).float(), maps.detach(), rtol=2.0**-9, atol=sent["scale"] * 2.0**-11
    )
    slope = gradient(net, x, target=3, extra_inputs=extra)[0, 0]
    sent = widgets.gradients(net, "camera", target=3, extra_inputs=extra).maps["methods"]["gradient"]["trained"]
    torch.testing.assert_close(torch.tensor(values(sent)).float(), slope, rtol=2.0**-9, atol=sent["scale"] * 2.0**-11)


def test_panels_are_those_of_the_question(net: Any, pictures: torch.Tensor) -> None:
    with pytest.raises(ModelError, match="pass extra_inputs"):
        widgets.introspect(net, pictures)
    extra = (net.encode(QUESTION),)
    widget = widgets.introspect(net, pictures, extra_inputs=extra)
    said = outputs_of(net, net.normalize(pictures), extra_inputs=extra)
    torch.testing.assert_close(torch.tensor(values(widget.start["logits"])[:, 0]), said, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["calibration", "ood", "active"])
def test_widgets_of_many_pictures_say_what_to_do(net: Any, pictures: torch.Tensor, name: str) -> None:
    labelled = (pictures, [0, 1, 2])
    given = {"calibration": labelled, "ood": (pictures, pictures), "active": (labelled, labelled)}[name]
    with pytest.raises(ModelError, match=rf"{name}: .* question .*: wrap it in a module that reads the picture alone"):
        getattr(widgets, name)(net, *given)
