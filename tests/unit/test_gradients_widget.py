"""The gradients widget's kernel side: the engine's maps, the control beside them, refusals, and a saved page."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from gradlab.core.errors import InputError, ModelError, TargetError
from gradlab.data import picture
from gradlab.explain import deconvnet, gradient, guided_backprop
from gradlab.explain.faithfulness import randomisation, randomised
from gradlab.models import Classifier
from gradlab.widgets import Gradients, gradients
from tests.arrays import values

CLASSES, SIDE = 6, 40
ENGINE = {"gradient": gradient, "deconvnet": deconvnet, "guided backpropagation": guided_backprop}


def network(activation: type[nn.Module]) -> Classifier:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 6, 5, stride=2), activation(), nn.Conv2d(6, 8, 3), activation(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, CLASSES),
    )  # fmt: skip
    return Classifier(model.eval(), [f"class {i}" for i in range(CLASSES)], size=(SIDE, SIDE), resize=48)


@pytest.fixture(scope="module")
def net() -> Classifier:
    return network(nn.ReLU)


@pytest.fixture
def widget(net: Classifier) -> Gradients:
    return gradients(net, "chelsea", target=2)


def ask(widget: Gradients, **content: Any) -> None:
    widget._handle_custom_msg({"kind": "maps", **content}, [])


@pytest.mark.parametrize("name", ENGINE)
def test_a_pixel_is_the_engines_loudest_channel(net: Classifier, widget: Gradients, name: str) -> None:
    raw = ENGINE[name](net, net.transform(picture("chelsea"))[None], 2)[0].numpy()
    loudest = np.take_along_axis(raw, np.abs(raw).argmax(0)[None], 0)[0]
    np.testing.assert_allclose(
        values(widget.maps["methods"][name]["trained"]), loudest, rtol=2.0**-10, atol=np.abs(raw).max() * 2.0**-20
    )


def test_the_control_is_the_randomisation_checks(net: Classifier) -> None:
    x = net.transform(picture("chelsea"))[None]

    def strength(model: nn.Module, inputs: torch.Tensor) -> torch.Tensor:
        return gradient(model, inputs, 2).abs().amax(1, keepdim=True)

    check = randomisation(net, strength, x, seed=0)
    for share, layers in ((0.01, 1), (0.5, 2), (1.0, 3)):
        shown = gradients(net, "chelsea", target=2, share=share).maps
        assert (shown["lost"], shown["first"]) == (layers, "6")
        assert shown["methods"]["gradient"]["alike"] == pytest.approx(check.similarity[layers - 1, 0].item(), abs=1e-6)


def test_randomised_changes_a_copy_from_the_last_layer_on(net: Classifier) -> None:
    x = net.transform(picture("chelsea"))[None]
    before = {name: value.clone() for name, value in net.model.state_dict().items()}
    copy, names = randomised(net, x, share=0.5, seed=3)
    assert names == ("6", "2")
    changed = {name for name, value in copy.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"6.weight", "6.bias", "2.weight", "2.bias"}
    assert all(torch.equal(value, before[name]) for name, value in net.model.state_dict().items())
    again, _ = randomised(net, x, share=0.5, seed=3)
    assert all(torch.equal(a, b) for a, b in zip(copy.state_dict().values(), again.state_dict().values(), strict=True))
    for share in (0, -1, 1.01, float("nan")):
        with pytest.raises(InputError, match="share"):
            randomised(net, x, share=share)


def test_another_class_and_another_share(widget: Gradients) -> None:
    ask(widget, serial=1, p=4, share=0.01)
    assert widget.maps["p"] == 4 and not widget.error
    ask(widget, serial=1, p=4, share=1.0)
    assert widget.maps["lost"] == 3
    before = widget.maps
    ask(widget, serial=1, p=77, share=1.0)
    assert "0 to 5" in widget.error and widget.maps is before
    ask(widget, serial=0, p=1, share=1.0)  # of a picture that has gone
    assert widget.maps is before
    widget._handle_custom_msg({"kind": "picture", "name": "coffee"}, [])
    assert widget.answer["name"] == "coffee" and widget.maps["serial"] == widget.answer["serial"] and not widget.error


def test_a_network_without_relus_says_so_in_the_panels() -> None:
    found = gradients(network(nn.GELU), "chelsea")
    assert "trained" in found.maps["methods"]["gradient"]
    for name in ("deconvnet", "guided backpropagation"):
        assert "ReLU" in found.maps["methods"][name]["refused"]
    assert "gradient" in found._sentence() and found._picture()


def test_a_saved_page_holds_the_likeliest_classes(widget: Gradients, tmp_path: Any) -> None:
    assert "0x" not in repr(widget) and "rank correlation: gradient" in widget._sentence()
    widget.save_html(tmp_path / "page.html")
    likely = widget._seen.logits.argsort(descending=True)[:4].tolist()
    assert {each["p"] for each in widget.known} == {2, *likely}
    assert len(widget._picture()) < 80_000


def test_bad_arguments_are_refused(net: Classifier) -> None:
    with pytest.raises(ModelError, match="gradients needs a Classifier"):
        gradients(net.model, "chelsea")
    with pytest.raises(InputError, match="share"):
        gradients(net, "chelsea", share=0)
    with pytest.raises(TargetError):
        gradients(net, "chelsea", target="no such class")
