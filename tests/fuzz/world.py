"""What the rows share: a tiny network, pictures for it, and what gradlab makes of them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from scipy.io import savemat
from torch import Tensor, nn

from gradlab import core, data, introspect
from gradlab.models.classifier import Classifier


@dataclass(frozen=True)
class Row:
    """A public callable, and arguments with which ``call(**given)`` works and takes milliseconds."""

    call: Callable[..., Any]
    given: dict[str, Any] = field(default_factory=dict)


class Tiny(nn.Module):
    """3 x 16 x 16 to three logits, with what gradlab looks for: convolutions, a norm, ReLUs, dropout, a linear head."""

    def __init__(self, channels: int = 3, classes: int = 3) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(channels, 6, 3, stride=2, padding=1), nn.BatchNorm2d(6)
        self.conv2, self.dropout, self.fc = nn.Conv2d(6, 8, 3, padding=1), nn.Dropout(0.5), nn.Linear(8, classes)

    def forward(self, x: Tensor, *_: Any) -> Tensor:
        x = torch.relu(self.norm(self.conv(x)))
        return self.fc(self.dropout(torch.relu(self.conv2(x)).mean((2, 3))))


def tiny(seed: int = 0, **sizes: int) -> Classifier:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = Tiny(**sizes).eval()
        nn.init.normal_(module.fc.weight, std=4)
        nn.init.normal_(module.norm.bias)
    mean = (0.5,) * module.conv.in_channels
    return Classifier(module, ["ant", "bee", "cat"], (16, 16), mean=mean, std=mean, resize=18, name="tiny")


def drawn(*shape: int, seed: int = 1) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


class World:
    """What the rows share; made once, and compared after every call."""

    def __init__(self) -> None:
        self.net = tiny()
        self.seen, self.seen2 = drawn(2, 3, 16, 16), drawn(2, 3, 16, 16, seed=2)
        self.x, self.x2 = (2 * each - 1 for each in (self.seen, self.seen2))
        self.p, self.p2 = (each.softmax(1) for each in (3 * drawn(6, 3), 3 * drawn(6, 3, seed=2)))
        self.labels = torch.tensor([0, 1, 2, 0, 1, 2])
        self.maps, self.maps2 = drawn(2, 1, 8, 8) - 0.5, drawn(2, 1, 8, 8, seed=2) - 0.5
        self.kept = core.last_layer(self.net, self.x)
        self.run = core.run(self.net, self.x)
        self.image = Image.fromarray((drawn(24, 20, 3) * 255).byte().numpy())
        self.second = introspect.IntrospectiveNetwork(self.net, hidden=(4,)).fit(
            self.x, [0, 1], epochs=1, progress=False
        )
        self.folder = Path(tempfile.mkdtemp(prefix="gradlab-fuzz-"))
        self.store = introspect.stream(
            self.net, [(self.x, torch.tensor([0, 1]))], self.folder / "store", progress=False
        )
        self.second.save(self.folder / "second.safetensors")
        self.digits, self.pairs = data.digits("test", size=8), data.digit_pairs(2, seed=0)
        self.signs = data.signs(2, seed=0)
        _databases(self.folder)


def _databases(folder: Path) -> None:
    """Write the smallest folders that the readers of people's scores take for theirs."""
    picture = Image.new("RGB", (4, 4))
    for name in (
        "tid/reference_images/i01",
        "tid/distorted_images/i01_01_1",
        *(f"live/{part}/{name}" for part in LIVE for name in "rd"),
    ):
        path = folder / f"{name}.bmp"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path)
    (folder / "tid/mos_with_names.txt").write_text("5.5 i01_01_1.bmp\n")
    cells = {name: np.array([[f"{name[0]}.bmp"]], dtype=object) for name in ("refimgs", "distimgs")}
    for part in LIVE:
        savemat(folder / f"live/{part}/../Imagelists.mat", {**cells, "ref4dist": [1]})
        savemat(folder / f"live/{part}/../Scores.mat", {"DMOSscores": [30.0]})


LIVE = ("Part 1/blurjpeg", "Part 2/blurnoise")


def first(given: Iterator[Any], count: int = 2) -> list[Any]:
    return [each for each, _ in zip(given, range(count), strict=False)]


def asked(w: World) -> dict[str, Any]:
    return {"model": w.net, "inputs": w.x}
