"""Small residual networks for digits and traffic signs, in several sizes, that end in average pooling and one layer."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gradlab.core.checks import whole_number
from gradlab.core.errors import ModelError
from gradlab.data.signs import LABELS, SIZE
from gradlab.models.classifier import Classifier
from gradlab.models.shipped import FOLDER, building, load_weights

__all__ = ["DIGITS", "DIGIT_SIZE", "Residual", "SmallNet", "digits", "signs", "untrained_digits", "untrained_signs"]

DIGITS = tuple(str(digit) for digit in range(10))
DIGIT_SIZE = 32
_SIGN_WIDTHS = {1: 16, 2: 24, 3: 32}  # channels of the first stage, by depth


class Residual(nn.Module):
    """relu(x + conv(relu(conv(x)))), each convolution with its batch norm."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape."""
        return F.relu(x + self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))


class SmallNet(nn.Module):
    """Pictures (N, C, H, W) to logits (N, classes); ``stages`` gives the map to explain, a quarter of their side.

    Args:
        channels: of the pictures.
        classes: logits.
        width: channels at half the picture's side; twice as many at a quarter.
        depth: residual blocks at each of the two.
    """

    def __init__(self, channels: int, classes: int, width: int, depth: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(channels, width, 5, stride=2, padding=2, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        down = nn.Sequential(
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(2 * width), nn.ReLU()
        )
        self.stages = nn.Sequential(
            *(Residual(width) for _ in range(depth)), down, *(Residual(2 * width) for _ in range(depth))
        )
        self.head = nn.Linear(2 * width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits."""
        logits: Tensor = self.head(self.stages(self.stem(x)).mean((2, 3)))
        return logits


def untrained_signs(depth: int = 2) -> Classifier:
    """Return :func:`signs` before its training; raises ``ModelError`` if there is no such depth."""
    depth = whole_number(depth, "depth", 1, max(_SIGN_WIDTHS), ModelError)
    with torch.device("cpu"):
        model = SmallNet(3, len(LABELS), _SIGN_WIDTHS[depth], depth).float()
    half, name = (0.5, 0.5, 0.5), f"signs, depth {depth}"
    return Classifier(model, LABELS, (SIZE, SIZE), mean=half, std=half, resize=None, layer="stages", name=name)


def untrained_digits() -> Classifier:
    """Return :func:`digits` before its training."""
    with torch.device("cpu"):
        model = SmallNet(1, len(DIGITS), width=16, depth=1).float()
    size = (DIGIT_SIZE, DIGIT_SIZE)
    return Classifier(model, DIGITS, size, mean=(0.0,), std=(1.0,), resize=None, layer="stages", name="digits")


def signs(depth: int = 2) -> Classifier:
    """Return the network that reads our traffic signs (:func:`gradlab.data.signs`).

    Args:
        depth: residual blocks per stage, 1 to 3; the networks grow in width as well.

    Raises:
        ModelError: no such depth, or the weights are missing or damaged.

    Examples:
        >>> net = gradlab.models.signs()
        >>> net
        Classifier(signs, depth 2, 14 classes, inputs 3 x 48 x 48, 117,254 parameters)
        >>> drawn = gradlab.data.signs(28, seed=1)
        >>> bool((net(net.normalize(drawn.pictures)).argmax(1) == drawn.labels).float().mean() > 0.9)
        True
    """
    depth = whole_number(depth, "depth", 1, max(_SIGN_WIDTHS), ModelError)
    return _trained(lambda: untrained_signs(depth), f"signs{depth}")


def digits() -> Classifier:
    """Return the network that reads single digits (:func:`gradlab.data.digits`, 32 pixels).

    Raises:
        ModelError: the weights are missing or damaged.

    Examples:
        >>> net = gradlab.models.digits()
        >>> net.labels[net(net.normalize(gradlab.data.digits("test").pictures[:1])).argmax()]
        '2'
    """
    return _trained(untrained_digits, "digits")


def _trained(build: Callable[[], Classifier], name: str) -> Classifier:
    with building():
        net = build()
    load_weights(net.model, FOLDER / f"{name}.safetensors")
    net.model.eval().requires_grad_(False)
    return net
