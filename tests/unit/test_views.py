"""What a network sees of a picture: to the pixel what torchvision and timm make for the same weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import timm
import torch
import torchvision
from PIL import Image
from torch import nn
from torchvision.transforms import v2

import gradlab
from gradlab.core import PictureError
from gradlab.models import views
from gradlab.models.classifier import Classifier
from gradlab.models.pretrained import reading

SIZES = [(500, 375), (333, 777), (451, 300), (61, 43), (97, 640), (1023, 229), (224, 224), (31, 5)]


def published() -> dict[str, Any]:
    """One of each way of reading that torchvision's published weights have."""
    found = {}
    for name in torchvision.models.list_models(module=torchvision.models):
        for weights in torchvision.models.get_model_weights(name):
            recipe = weights.transforms()
            found.setdefault(str(reading(recipe)), (str(weights), recipe))
    return dict(found.values())


def photo(width: int, height: int) -> Image.Image:
    rough = np.random.default_rng(width).integers(0, 256, (height // 4 + 2, width // 4 + 2, 3), dtype=np.uint8)
    return Image.fromarray(rough).resize((width, height), Image.Resampling.BICUBIC)


PUBLISHED = published()


def test_the_published_ways_are_many() -> None:
    assert len(PUBLISHED) >= 20
    assert {recipe.interpolation.name for recipe in PUBLISHED.values()} == {"BILINEAR", "BICUBIC"}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_transform_is_the_weights_own(name: str) -> None:
    own = PUBLISHED[name]
    net = Classifier(nn.Identity(), ["a"], **reading(own))
    for size in SIZES[: 8 if own.crop_size[0] <= 240 else 3]:
        assert torch.equal(net.transform(photo(*size)), own(photo(*size))), size


def test_a_network_by_name_has_the_transform_of_its_weights() -> None:
    net = gradlab.models.torchvision("squeezenet1_1", weights=None)
    own = torchvision.models.SqueezeNet1_1_Weights.DEFAULT.transforms()
    assert torch.equal(net.transform(photo(451, 300)), own(photo(451, 300)))


def test_the_imagenet_network_sees_what_timm_would_show_it(net: Classifier) -> None:
    config = timm.data.resolve_data_config({}, model=timm.create_model("tf_efficientnet_lite0"))
    own = timm.data.create_transform(**{**config, "mean": (0.0,) * 3, "std": (1.0,) * 3})
    for size in SIZES:
        seen = torch.from_numpy(np.array(net.view(photo(*size)))).movedim(-1, 0) / 255
        assert torch.equal(seen, own(photo(*size))), size


@pytest.mark.parametrize("resample", ["BILINEAR", "BICUBIC", "LANCZOS", "BOX", "HAMMING", "NEAREST"])
@pytest.mark.parametrize(("resize", "size"), [(40, (32, 32)), (33, (20, 33)), (30, (32, 64)), (7, (16, 9))])
def test_any_filter_and_any_crop_even_beyond_the_picture(resample: str, resize: int, size: tuple[int, int]) -> None:
    own = v2.Compose([v2.Resize(resize, v2.InterpolationMode[resample]), v2.CenterCrop(size), v2.PILToTensor()])
    net = Classifier(nn.Identity(), ["a"], size, resize=resize, resample=Image.Resampling[resample])
    for width, height in SIZES:
        seen = net.view(photo(width, height))
        assert torch.equal(torch.from_numpy(np.array(seen)).movedim(-1, 0), own(photo(width, height)))


@pytest.mark.parametrize("resample", ["BILINEAR", "BICUBIC", "LANCZOS"])
@pytest.mark.parametrize("size", [(3, 700), (811, 2), (90, 1500), (640, 480), (1000, 40)])
@pytest.mark.parametrize(("resize", "crop"), [(57, (48, 48)), (20, (32, 32))])
def test_what_is_cut_before_it_is_resized_differs_by_rounding_alone(
    resample: str, size: tuple[int, int], resize: int, crop: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    args = (photo(*size), resize, crop, Image.Resampling[resample])
    whole = np.asarray(views.middle(*args)).astype(int)
    monkeypatch.setattr(views, "_WHOLE", 0)
    cut = np.asarray(views.middle(*args)).astype(int)
    # Pillow resizes rows or columns first, whichever is cheaper, and rounds in between
    assert np.abs(cut - whole).max() <= 4
    assert np.abs(cut - whole).mean() < 0.4


def test_normalize_takes_pictures_as_levels_or_from_0_to_1() -> None:
    net = Classifier(nn.Conv2d(3, 1, 1).double(), ["a"], (4, 4), resize=4)
    levels = torch.randint(256, (2, 3, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    by_levels, by_unit = net.normalize(levels), net.normalize(levels / 255)
    assert torch.equal(by_levels, by_unit) and by_levels.dtype == torch.float64
    want = (levels / 255 - torch.tensor(net.mean)[:, None, None]) / torch.tensor(net.std)[:, None, None]
    torch.testing.assert_close(by_levels, want.double())
    assert torch.equal(net.normalize(levels[0]), by_levels[0])
    assert net.normalize(torch.full((1, 3, 4, 4), 1.0005)).isfinite().all()


@pytest.mark.parametrize(
    ("view", "message"),
    [
        (torch.zeros(1, 1, 4, 4), "shape"), (torch.zeros(4, 4), "shape"), (torch.zeros(0, 3, 4, 4), "shape"),
        (torch.full((1, 3, 4, 4), 255.0), "expected 0 to 1"), (torch.full((1, 3, 4, 4), -0.01), "expected 0 to 1"),
        (torch.full((1, 3, 4, 4), torch.nan), "NaN"), (torch.zeros(1, 3, 4, 4, dtype=torch.int64), "int64"),
        (None, "NoneType"), ("no/such.png", "no picture or file"),
    ],
)  # fmt: skip
def test_normalize_refuses_what_is_no_picture(view: Any, message: str) -> None:
    with pytest.raises(PictureError, match=message):
        Classifier(nn.Identity(), ["a"], (4, 4)).normalize(view)
