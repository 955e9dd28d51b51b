"""torchvision's own classes and pictures of full size, with few and narrow layers.

They run the code of the networks that people bring; the weights, which nothing here depends on, are what costs.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torchvision
from torch import nn
from torchvision.models import ConvNeXt, DenseNet, SwinTransformer, VisionTransformer
from torchvision.models.convnext import CNBlockConfig
from torchvision.models.vgg import make_layers


def vgg(num_classes: int) -> nn.Module:
    features = make_layers([8, "M", 16, "M", 32, 32, "M", 64, 64, "M", 64, 64, "M"])
    with torch.device("meta"):  # its three wide layers are never filled
        model = torchvision.models.VGG(features, num_classes)
    for place, size in {0: (64 * 49, 96), 3: (96, 64), 6: (64, num_classes)}.items():
        model.classifier[place] = nn.Linear(*size)
    return model


def vit(num_classes: int) -> nn.Module:
    return VisionTransformer(224, 16, num_layers=4, num_heads=4, hidden_dim=48, mlp_dim=96, num_classes=num_classes)


def swin(num_classes: int) -> nn.Module:
    heads, window = [2, 4, 8, 8], [7, 7]  # the last stage is one window, in the others they are shifted
    return SwinTransformer([4, 4], 16, [2, 2, 2, 2], heads, window, num_classes=num_classes)


def convnext(num_classes: int) -> nn.Module:
    stages = [CNBlockConfig(24, 48, 1), CNBlockConfig(48, 96, 1), CNBlockConfig(96, None, 2)]
    return ConvNeXt(stages, num_classes=num_classes)


def densenet(num_classes: int) -> nn.Module:
    return DenseNet(growth_rate=8, block_config=(2, 2, 2, 2), num_init_features=16, num_classes=num_classes)


NARROW: dict[str, Callable[[int], nn.Module]] = {
    "vgg": vgg, "vit": vit, "swin": swin, "convnext": convnext, "densenet": densenet,
}  # fmt: skip


def network(name: str, num_classes: int = 1000) -> nn.Module:
    """Return a narrow network or, by torchvision's name, a whole one; random weights, in training mode."""
    torch.manual_seed(0)
    if name in NARROW:
        return NARROW[name](num_classes)
    options = {"init_weights": True} if name == "googlenet" else {}
    return torchvision.models.get_model(name, weights=None, num_classes=num_classes, **options)
