"""The engine equals the definitions, on small networks and on the families that people bring."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import gradlab
from gradlab import core, explain
from tests.conftest import Flattened, Residual, Small
from tests.reference import cams as slow
from tests.reference.narrow import network

PAIRS = [
    (explain.grad_cam, slow.grad_cam),
    (explain.counterfactual_cam, slow.counterfactual_cam),
    (explain.contrast_cam, slow.contrast_cam),
]
SPATIAL = {
    "plain": (Small(), "bn2"),
    "in-place": (Small(inplace=True), "bn2"),
    "functional": (Small(functional=True), "bn2"),
    "residual": (Residual(), "conv"),
    "flattened": (Flattened(), "features.0"),
}


@pytest.mark.parametrize(("fast", "reference"), PAIRS)
@pytest.mark.parametrize("name", SPATIAL)
def test_each_method_equals_its_definition(fast, reference, name: str, pictures: Tensor) -> None:
    model, layer = SPATIAL[name]
    model.eval()
    got = fast(model, pictures, [1, 3], layer=layer)
    for i, c in enumerate([1, 3]):
        want = reference(model, model.get_submodule(layer), pictures[i : i + 1], c)
        torch.testing.assert_close(got[i, 0], want, rtol=1e-5, atol=1e-5 * float(want.abs().max()))


def test_all_contrasts_equal_the_single_ones(small: nn.Module, pictures: Tensor) -> None:
    every = explain.all_contrasts(small, pictures)
    scale = float(every.abs().max())
    assert scale > 0
    for q in range(every.shape[1]):
        one = explain.contrast_cam(small, pictures, contrast=q)
        torch.testing.assert_close(every[:, q : q + 1], one, rtol=0, atol=1e-5 * scale)


def test_contrast_is_the_mean_map_minus_that_of_q(small: nn.Module, pictures: Tensor) -> None:
    maps = explain.class_maps(small, pictures)
    p = maps.logits.softmax(1)
    for q in range(p.shape[1]):
        want = (p[:, :, None, None] * maps.maps).sum(1) - maps.maps[:, q]
        got = explain.contrast_cam(small, pictures, contrast=q)[:, 0]
        torch.testing.assert_close(got, want, rtol=0, atol=1e-5 * float(want.abs().max()))


# Real architectures, in-place ReLUs and all, with random weights: (name, layer, classes).
FAMILIES = [
    ("squeezenet1_1", "features", 1000),
    ("resnet18", "layer4", 1000),
    ("vgg", "features.19", 1000),
    ("densenet", "features", 1000),
    ("swin", "permute", 1000),
]


def calibrated(name: str, classes: int = 1000) -> nn.Module:
    """Random weights, with batch statistics of noise: without them activations fade to 1e-8 and nothing is tested."""
    model = network(name, classes)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        model.train()(torch.randn(4, 3, 224, 224))
    return model.eval()


@pytest.mark.parametrize(("name", "layer", "classes"), FAMILIES)
def test_families_equal_the_loop_of_autograd(name: str, layer: str, classes: int) -> None:
    model = calibrated(name, classes)
    x = torch.randn(1, 3, 224, 224)
    assert core.run(model, x).layer == layer, "the layer that is found by itself"
    every = explain.all_contrasts(model, x)[0]
    scale = float(every.abs().max())
    part = model.get_submodule(layer)
    for q in (0, 7, 500, int(model(x).argmax())):
        want = slow.contrast_cam(model, part, x, q)
        assert float((every[q] - want).abs().max()) <= 1e-5 * scale
        p = slow.grad_cam(model, part, x, q)
        got = explain.grad_cam(model, x, q)[0, 0]
        assert float((got - p).abs().max()) <= 1e-5 * float(p.abs().max()) + 1e-12


def test_vision_transformer_equals_the_loop_of_autograd() -> None:
    model = network("vit", 12).eval()
    nn.init.normal_(model.heads.head.weight)
    x = torch.randn(1, 3, 224, 224)
    kept = core.run(model, x)
    assert kept.layer == "encoder.layers.encoder_layer_3.ln_1"
    every = explain.all_contrasts(model, x)[0]
    scale = float(every.abs().max())
    layer = model.get_submodule(kept.layer)
    tokens: list[Tensor] = []
    handle = layer.register_forward_hook(lambda _, __, out: tokens.append(out))
    logits = model(x)
    handle.remove()
    for q in range(12):
        loss = -torch.log_softmax(logits[0], 0)[q]
        (gradient,) = torch.autograd.grad(loss, tokens[0], retain_graph=True)
        alpha = gradient[0, 1:].mean(0)  # the class token is no cell
        want = (tokens[0][0, 1:] @ alpha).reshape(14, 14).detach()
        assert float((every[q] - want).abs().max()) <= 1e-5 * scale


def test_imagenet_network_equals_the_loop_of_autograd(net: gradlab.models.Classifier, chelsea: Tensor) -> None:
    every = explain.all_contrasts(net, chelsea)[0]
    layer = net.model.get_submodule("bn2")
    for q in (0, 281, 282, 285, 967):
        want = slow.contrast_cam(net.model, layer, chelsea, q)
        assert float((every[q] - want).abs().max()) <= 1e-5 * float(every.abs().max())


def test_cells_of_a_class_sum_to_its_logit_minus_its_bias(net: gradlab.models.Classifier, chelsea: Tensor) -> None:
    maps = explain.class_maps(net, chelsea)
    assert maps.exact
    sums = maps.maps.sum((-2, -1))
    torch.testing.assert_close(sums, maps.logits - net.model.classifier.bias, rtol=1e-4, atol=1e-4)


def test_removing_cells_is_exact_for_a_linear_head(net: gradlab.models.Classifier, chelsea: Tensor) -> None:
    maps = explain.class_maps(net, chelsea)
    gone = torch.zeros(7, 7, dtype=torch.bool)
    gone[2:5, 1:4] = True
    handle = net.model.bn2.register_forward_hook(lambda _, __, out: out * ~gone)
    with torch.no_grad():
        want = net.model(chelsea)
    handle.remove()
    got = maps.logits - (maps.maps * gone).sum((-2, -1))
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["flattened", "conv-scored", "tokens"])
def test_other_heads_are_not_called_exact(name: str, pictures: Tensor) -> None:
    from tests.conftest import NETWORKS

    assert not explain.class_maps(NETWORKS[name]().eval(), pictures).exact
