"""CIFAR-10 where it is at hand, and a slim ResNet-18 trained from scratch on it.

The pictures are read from `cifar10_jpeg_train.npz` and `cifar10_jpeg_test.npz`: `jpeg_bytes`, all files one after
the other, `offsets` (n + 1), `labels` and `classes`. They are a JPEG copy of CIFAR-10, which is a shift of its own.
"""

from __future__ import annotations

import io
import itertools
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

# run as a file, a script finds its own folder only
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from data_scripts.training import fit
from gradlab.core import InputError
from gradlab.models import Classifier

MEAN, STD = (0.491, 0.482, 0.447), (0.247, 0.243, 0.262)  # of the training pictures
WIDTH = 16  # channels of the first stage; ResNet-18 has 64
BATCH, RATE = 128, 4e-3
STEPS = 2500  # seven passes, about five minutes of one core
HELD_OUT = 5000  # of the 50,000 training pictures, the last ones, are for validation
SHIFT = 4  # pixels that a training picture is moved at most


@dataclass(frozen=True)
class Cifar:
    """``pictures`` (n, 3, 32, 32) uint8, ``labels`` (n,) int64 and the names of the ``classes``."""

    pictures: Tensor
    labels: Tensor
    classes: tuple[str, ...]


def cifar(folder: Path, split: str) -> Cifar:
    """Read ``"train"`` or ``"test"`` in one fixed random order; raises ``InputError`` if the file is not there."""
    path = folder / f"cifar10_jpeg_{split}.npz"
    if not path.is_file():
        raise InputError(f"There is no file {path}: name the folder that holds it, or leave CIFAR-10 out.")
    with np.load(path) as held:
        flat, offsets, labels = held["jpeg_bytes"], held["offsets"], held["labels"]
        classes = tuple(map(str, held["classes"]))
    files = (flat[start:stop].tobytes() for start, stop in itertools.pairwise(offsets))
    pictures = np.stack([np.asarray(Image.open(io.BytesIO(each)).convert("RGB")) for each in files])
    # the files are sorted by class, and a part of them must hold all ten
    order = np.random.RandomState(0).permutation(len(labels))
    return Cifar(torch.from_numpy(pictures[order]).movedim(-1, 1), torch.from_numpy(labels[order]).long(), classes)


class Block(nn.Module):
    """relu(shortcut(x) + conv(relu(conv(x)))), each convolution with its batch norm; the first may halve the side."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.shortcut(x) + self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))


class SlimResNet18(nn.Module):
    """ResNet-18's four stages of two blocks (He et al., CVPR 2016), a quarter as wide, from half the picture's side."""

    def __init__(self, classes: int, width: int = WIDTH) -> None:
        super().__init__()
        widths = [width, width, 2 * width, 4 * width, 8 * width]
        self.stem = nn.Sequential(
            nn.Conv2d(3, width, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        self.stages = nn.Sequential(
            *(
                nn.Sequential(Block(widths[k], widths[k + 1], min(k + 1, 2)), Block(widths[k + 1], widths[k + 1], 1))
                for k in range(4)
            )
        )
        self.head = nn.Linear(widths[-1], classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.stages(self.stem(x)).mean((2, 3)))


def varied(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Return pictures (n, 3, H, W), half of them mirrored, each moved by up to SHIFT pixels; grey comes in."""
    n, _, height, width = pictures.shape
    mirrored = (torch.rand(n, generator=generator) < 0.5)[:, None, None, None]
    seen = F.pad(torch.where(mirrored, pictures.flip(3), pictures) - 0.5, [SHIFT] * 4) + 0.5
    down, right = torch.randint(2 * SHIFT + 1, (2, n, 1), generator=generator)
    rows, columns = down + torch.arange(height), right + torch.arange(width)
    return seen[torch.arange(n)[:, None, None], :, rows[:, :, None], columns[:, None]].movedim(-1, 1)


def trained(data: Cifar, checkpoint: Path, steps: int = STEPS, quiet: bool = False) -> Classifier:
    """Return the network, trained on all but the last HELD_OUT pictures; the checkpoint is resumed, or read if done."""
    net = Classifier(
        SlimResNet18(len(data.classes)), data.classes, (32, 32), mean=MEAN, std=STD, resize=None, layer="stages"
    )

    def loss_of(model: nn.Module, step: int) -> Tensor:
        generator = torch.Generator().manual_seed(step)
        which = torch.randint(len(data.labels) - HELD_OUT, (BATCH,), generator=generator)
        x = net.normalize(varied(data.pictures[which].float() / 255, generator))
        return F.cross_entropy(model(x.contiguous(memory_format=torch.channels_last)), data.labels[which])

    model, _ = fit("CIFAR-10", lambda: SlimResNet18(len(data.classes)), loss_of, steps, checkpoint, quiet, RATE)
    net.model = model.requires_grad_(False)
    return net
