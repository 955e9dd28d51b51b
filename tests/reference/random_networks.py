"""Small random convolutional networks for property tests: what windows are pushed through, and barriers."""

from __future__ import annotations

import torch
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F


class Residual(nn.Module):
    def __init__(self, body: nn.Module, style: str) -> None:
        super().__init__()
        self.body, self.style = body, style

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x)
        if self.style == "add":
            return x + y
        if self.style == "iadd":
            y += x
            return F.relu(y, inplace=True)
        if self.style == "mul":
            return x * torch.sigmoid(y)
        return torch.cat([x, y], 1)


class SqueezeExcite(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gate = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.gate(x.mean((2, 3), keepdim=True)))


class Scale(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.rand(channels, 1, 1) + 0.5)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gamma - 0.1


class Pad(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, (0, 1, 2, 1))


class Shuffle(nn.Module):
    """A channel shuffle: no operation on windows knows it."""

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        return x.view(n, 2, c // 2, h, w).transpose(1, 2).flatten(1, 2)


KINDS = ("conv", "depthwise", "norm", "relu", "in-place", "relu6", "max", "max ceil", "average", "average pad", "add",
         "iadd", "mul", "cat", "squeeze-excite", "scale", "pad", "shuffle", "silu", "dropout")  # fmt: skip
blocks = st.tuples(
    st.sampled_from(KINDS), st.integers(1, 3), st.integers(1, 3), st.integers(0, 2), st.integers(1, 2), st.booleans()
)
networks = st.lists(blocks, min_size=2, max_size=8)


def build(plan: list[tuple[str, int, int, int, int, bool]], head: str, seed: int, size: int = 24) -> nn.Module:
    """Return a network in eval mode; blocks that do not fit the map that is left are skipped."""
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    x = torch.zeros(1, 3, size, size)
    for block in [("conv", 3, 1, 1, 1, False), *plan]:
        layer = _layer(block, x.shape[1])
        try:
            y = layer.eval()(x)
        except RuntimeError:
            continue
        if min(y.shape[2:]) >= 2 and y.shape[1] <= 64:
            layers.append(layer)
            x = y
    channels = x.shape[1]
    if head == "linear":
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 5)]
    elif head == "conv":
        layers += [nn.Conv2d(channels, 5, 1), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten()]
    else:
        layers += [nn.Flatten(), nn.Linear(x[0].numel(), 5)]
    network = nn.Sequential(*layers)
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.running_mean, -0.5, 0.5)
            nn.init.uniform_(part.running_var, 0.5, 1.5)
            nn.init.uniform_(part.weight, 0.5, 1.5)
    return network.eval()


def _layer(block: tuple[str, int, int, int, int, bool], channels: int) -> nn.Module:
    kind, kernel, stride, pad, dilation, grouped = block
    pad = min(pad, kernel // 2)
    groups = 2 if grouped and channels % 2 == 0 else 1
    conv = nn.Conv2d(channels, 8, kernel, stride, pad, dilation, groups)
    same = nn.Conv2d(channels, channels, 3, padding=1)
    return {
        "conv": lambda: conv,
        "depthwise": lambda: nn.Conv2d(channels, channels, kernel, stride, pad, dilation, channels),
        "norm": lambda: nn.Sequential(nn.Conv2d(channels, 8, kernel, stride, pad, bias=grouped), nn.BatchNorm2d(8)),
        "relu": nn.ReLU, "in-place": lambda: nn.ReLU(inplace=True), "relu6": nn.ReLU6, "silu": nn.SiLU,
        "max": lambda: nn.MaxPool2d(kernel, stride, pad, dilation),
        "max ceil": lambda: nn.MaxPool2d(kernel, stride, pad, ceil_mode=True),
        "average": lambda: nn.AvgPool2d(kernel, stride),
        "average pad": lambda: nn.AvgPool2d(kernel, stride, pad, ceil_mode=grouped, count_include_pad=dilation == 1),
        "add": lambda: Residual(same, "add"), "iadd": lambda: Residual(same, "iadd"),
        "mul": lambda: Residual(same, "mul"), "cat": lambda: Residual(conv, "cat"),
        "squeeze-excite": lambda: SqueezeExcite(channels), "scale": lambda: Scale(channels), "pad": Pad,
        "shuffle": Shuffle, "dropout": lambda: nn.Dropout(0.5),
    }[kind]()  # fmt: skip
