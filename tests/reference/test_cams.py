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
torch.manual_seed(0)  # networks of every run alike
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


# methods that ask a target or a contrast; "flattened" and an early layer have gradients that differ by cell
ASKED = [
    (explain.grad_cam, slow.weighted_map),
    (explain.hires_cam, slow.hires_cam),
    (explain.layer_cam, slow.layer_cam),
]
LAYERS = {**SPATIAL, "early": (Small(), "bn1")}


@pytest.mark.parametrize(("fast", "reference"), ASKED)
@pytest.mark.parametrize("name", LAYERS)
def test_a_target_and_a_contrast_equal_their_definition(fast, reference, name: str, pictures: Tensor) -> None:
    model, layer = LAYERS[name]
    part = model.eval().get_submodule(layer)
    for asked, score in (("target", slow.logit), ("contrast", slow.loss)):
        got = fast(model, pictures, layer=layer, **{asked: [1, 3]})
        for i, c in enumerate([1, 3]):
            want = reference(model, part, pictures[i : i + 1], score(c))
            assert float(want.abs().max()) > 0
            torch.testing.assert_close(got[i, 0], want, rtol=1e-5, atol=1e-5 * float(want.abs().max()))


def test_where_hires_cam_is_grad_cam_and_where_it_is_not(pictures: Tensor) -> None:
    """Behind an average and a linear layer all cells have the same gradient, which is its own mean."""
    head = nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)).eval()
    both = [explain.grad_cam, explain.hires_cam]
    pooled, by_cell = (method(head, pictures, 1, layer="0") for method in both)
    torch.testing.assert_close(by_cell, pooled)
    small = Small().eval()
    pooled, by_cell = (method(small, pictures, 1, layer="bn1") for method in both)
    assert not torch.allclose(pooled, by_cell, atol=0.1 * float(pooled.abs().max()))


def test_grad_cam_of_a_contrast_is_contrast_cam(small: nn.Module, pictures: Tensor) -> None:
    assert torch.equal(
        explain.grad_cam(small, pictures, contrast=[1, 3]), explain.contrast_cam(small, pictures, [1, 3])
    )


def test_a_contrast_of_ones_own(small: nn.Module, pictures: Tensor) -> None:
    """A callable contrast is differentiated as J itself."""
    q = torch.tensor([1, 3])
    own = explain.grad_cam(small, pictures, contrast=lambda z: nn.functional.cross_entropy(z, q, reduction="none"))
    torch.testing.assert_close(own, explain.contrast_cam(small, pictures, q))


@pytest.mark.parametrize("name", ["grad_cam", "hires_cam", "layer_cam", "gradient", "deconvnet", "guided_backprop",
                                  "occlusion"])  # fmt: skip
def test_a_target_beside_a_contrast_is_refused(name: str, pictures: Tensor) -> None:
    options = {"window": 8, "stride": 8} if name == "occlusion" else {}
    with pytest.raises(core.TargetError, match=r"give (one of them|it without target)"):
        getattr(explain, name)(Small().eval(), pictures, 1, contrast=2, **options)
    with pytest.raises(core.TargetError, match="class 9 does not exist"):
        getattr(explain, name)(Small().eval(), pictures, contrast=9, **options)


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
    assert kept.layer == "encoder.layers.encoder_layer_2", "what the last block reads: the class token goes around ln_1"
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
