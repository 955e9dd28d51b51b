"""Small networks in every style that real ones are written in, and the real one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from xdist.scheduler import LoadScopeScheduling

import gradlab


class ByFile(LoadScopeScheduling):
    """Keeps a file's tests in one process, and all of tests/browser: two JupyterLabs at once disturb each other."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.split("::")[0]
        return "browser" if "browser/" in path else path


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    return ByFile(config, log)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield


class Small(nn.Module):
    """conv-bn-relu-conv-bn-relu-pool-dropout-fc; each option is a trap that some library falls into."""

    def __init__(self, inplace: bool = False, functional: bool = False, classes: int = 5) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6)
        self.conv2, self.bn2 = nn.Conv2d(6, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8)
        self.relu = nn.ReLU(inplace=inplace)
        self.dropout, self.fc = nn.Dropout(0.5), nn.Linear(8, classes)
        self.functional = functional
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        relu = F.relu if self.functional else self.relu
        x = relu(self.bn1(self.conv1(x)))
        x = relu(self.bn2(self.conv2(x)))
        return self.fc(self.dropout(x.mean((2, 3))))


class Residual(nn.Module):
    """A pre-activation skip, added in place after the layer."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.conv, self.fc = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.conv(F.relu(x))
        y += x
        return self.fc(y.relu_().mean((2, 3)))


class Flattened(nn.Module):
    """A VGG-like head: pooling, flattened cells, two in-place ReLUs."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2))
        self.head = nn.Sequential(
            nn.Linear(6 * 16, 20),
            nn.ReLU(inplace=True),
            nn.Dropout(),
            nn.Linear(20, 12),
            nn.ReLU(True),
            nn.Linear(12, 7),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.adaptive_avg_pool2d(self.features(x), 4).flatten(1))


class ConvScored(nn.Module):
    """A SqueezeNet-like head: the classes are scored by a 1 x 1 convolution, ReLU, then pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU())
        self.score = nn.Sequential(nn.Dropout(), nn.Conv2d(6, 4, 1), nn.ReLU(inplace=True))

    def forward(self, x: Tensor) -> Tensor:
        return self.score(self.features(x)).mean((2, 3))


class Tokens(nn.Module):
    """A ViT in miniature: patches, a class token, one block of attention."""

    def __init__(self) -> None:
        super().__init__()
        self.patch, self.cls = nn.Conv2d(3, 16, 4, stride=4), nn.Parameter(torch.randn(1, 1, 16))
        self.block = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True, norm_first=True, activation="gelu")
        self.fc = nn.Linear(16, 6)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patch(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.cls.expand(len(x), -1, -1), tokens], 1)
        return self.fc(self.block(tokens)[:, 0])


NETWORKS = {
    "plain": lambda: Small(),
    "in-place": lambda: Small(inplace=True),
    "functional": lambda: Small(functional=True),
    "residual": Residual,
    "flattened": Flattened,
    "conv-scored": ConvScored,
    "tokens": Tokens,
}


@pytest.fixture(params=list(NETWORKS))
def small(request: pytest.FixtureRequest) -> nn.Module:
    return NETWORKS[request.param]().eval()


@pytest.fixture
def pictures() -> Tensor:
    return torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="session")
def net() -> gradlab.models.Classifier:
    return gradlab.models.imagenet()


@pytest.fixture(scope="session")
def chelsea(net: gradlab.models.Classifier) -> Tensor:
    return net.transform(gradlab.data.picture("chelsea"))[None]
