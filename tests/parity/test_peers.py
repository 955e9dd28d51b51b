"""The same numbers as captum and pytorch-grad-cam where both mean the same quantity."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gradlab import explain
from tests.conftest import Small
from tests.reference.test_cams import FAMILIES, calibrated

attr = pytest.importorskip("captum.attr")
pgc = pytest.importorskip("pytorch_grad_cam")


def close(got: Tensor, want: Tensor) -> None:
    want = want.detach()
    torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-5 * float(want.abs().max()))


@pytest.mark.parametrize(("name", "layer", "classes"), FAMILIES[:4])
def test_grad_cam_equals_captum_on_real_families(name: str, layer: str, classes: int) -> None:
    model, x = calibrated(name, classes), torch.randn(2, 3, 224, 224)
    want = attr.LayerGradCam(model, model.get_submodule(layer)).attribute(x, target=[3, 7])
    close(explain.grad_cam(model, x, [3, 7], layer=layer), want)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("inplace", [False, True])
def test_the_paradigms_equal_captum_recipes(pictures: Tensor, dtype: torch.dtype, inplace: bool) -> None:
    model, x = Small(inplace=inplace).to(dtype).eval(), pictures.to(dtype)
    q = torch.tensor([2, 0])

    def captum(score: object) -> Tensor:
        return attr.LayerGradCam(score, model.bn2).attribute(x)

    rows = torch.arange(2)
    close(explain.counterfactual_cam(model, x, q, layer="bn2"), captum(lambda z: -model(z)[rows, q]))
    close(
        explain.contrast_cam(model, x, q, layer="bn2"), captum(lambda z: F.cross_entropy(model(z), q, reduction="none"))
    )


@pytest.mark.parametrize("layer", ["bn1", "bn2"])
@pytest.mark.parametrize(("ours", "peer"), [("hires_cam", "HiResCAM"), ("layer_cam", "LayerCAM")])
def test_the_cell_methods_equal_pytorch_grad_cam(pictures: Tensor, ours: str, peer: str, layer: str) -> None:
    """As it is before its ReLU, its scaling and its size; the score of a contrast is a target of our own."""
    model, q = Small().eval(), torch.tensor([1, 4])
    asked = {
        "target": [pgc.utils.model_targets.ClassifierOutputTarget(int(c)) for c in q],
        "contrast": [lambda z, c=c: F.cross_entropy(z[None], c[None]) for c in q],
    }
    for name, targets in asked.items():
        raw: list[object] = []
        with getattr(pgc, peer)(model=model, target_layers=[model.get_submodule(layer)]) as cam:
            image = cam.get_cam_image
            cam.get_cam_image = lambda *args, image=image, raw=raw: raw.append(image(*args)) or raw[0]
            cam(input_tensor=pictures.clone(), targets=targets)
        close(getattr(explain, ours)(model, pictures, layer=layer, **{name: q})[:, 0], torch.as_tensor(raw[0]))


def test_display_equals_pytorch_grad_cam(pictures: Tensor) -> None:
    model = Small().eval()
    targets = [pgc.utils.model_targets.ClassifierOutputTarget(t) for t in (1, 4)]
    with pgc.GradCAM(model=model, target_layers=[model.bn2]) as cam:
        theirs = torch.from_numpy(cam(input_tensor=pictures.clone(), targets=targets))

    def unit(maps: Tensor) -> Tensor:
        low, high = maps.amin((-2, -1), keepdim=True), maps.amax((-2, -1), keepdim=True)
        return (maps - low) / (high - low + 1e-7)

    raw = explain.grad_cam(model, pictures, [1, 4], layer="bn2")
    ours = unit(explain.upsample(unit(raw.relu()), (16, 16)))[:, 0]
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def test_peers_failure_in_place_after_the_layer_does_not_happen_here() -> None:
    """Libraries that keep a reference to the layer's output read it after the ReLU has rewritten it."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)
    )
    x = torch.randn(1, 3, 12, 12)
    kept = explain.grad_cam(model, x, 1, layer="0")
    model[1].inplace = False
    close(kept, explain.grad_cam(model, x, 1, layer="0"))
    assert bool((model[0](x) < 0).any()), "the map before the ReLU has negative cells, or this test shows nothing"
