"""captum's Occlusion gives the same numbers, window by window, on networks like those of the bench."""

from __future__ import annotations

import pytest
import torch
from captum.attr import Occlusion

import gradlab
from gradlab import explain
from tests.reference import narrow


@pytest.mark.parametrize("name", ["squeezenet1_1", "mobilenet_v2", "resnet18", "vgg", "EfficientNet-Lite0"])
def test_equal_at_224(name: str) -> None:
    model = gradlab.models.imagenet().model if name == "EfficientNet-Lite0" else narrow.network(name).eval()
    x = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    window, stride = 60, 55  # overlapping, and the last ones cropped
    want = Occlusion(model).attribute(x, (3, window, window), (3, stride, stride), 0.0, 7)[:, :1]
    got = explain.occlusion(model, x, 7, window=window, stride=stride)
    # an untrained network's scores are small beside what their differences are rounded from
    scale = float(model(x).detach()[0, 7].abs())
    assert float(want.abs().max()) > 100 * 1e-6 * scale
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-6 * max(1.0, scale))


@pytest.mark.parametrize(("height", "width", "window", "stride"), [(16, 16, 5, 4), (15, 11, 4, 3), (9, 12, 9, 2)])
@pytest.mark.parametrize("baseline", [0.0, 0.7])
def test_geometries(height: int, width: int, window: int, stride: int, baseline: float) -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(3, 5, 3, padding=1), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()
    ).eval()
    x = torch.randn(2, 3, height, width)
    want = Occlusion(model).attribute(x, (3, window, window), (3, stride, stride), baseline, [1, 4])[:, :1]
    got = explain.occlusion(model, x, [1, 4], window=window, stride=stride, baseline=baseline)
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-6)
