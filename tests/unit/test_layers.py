"""A layer's map: which layer is found, that each picture has one, and where its rows, columns and channels are."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

from gradlab import core, explain
from tests.conftest import Small
from tests.reference import cams as slow

X = torch.randn(2, 3, 16, 16)


class Cosine(nn.Module):
    """The cosine of h with a row for each class: no linear layer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.rows = nn.Parameter(torch.randn(5, width))

    def forward(self, h: Tensor) -> Tensor:
        return 9 * F.linear(F.normalize(h, dim=1), F.normalize(self.rows, dim=1))


class Block(nn.Module):
    """A residual block of ConvNeXt: linear layers over channels that come last, and a skip around them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.LayerNorm(8)
        self.wide, self.act, self.narrow = nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.narrow(self.act(self.wide(self.norm(self.conv(x).permute(0, 2, 3, 1)))))
        return x + inner.permute(0, 3, 1, 2)


class Headed(nn.Module):
    def __init__(self, trunk: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.trunk, self.head = trunk, head

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.trunk(x).mean((2, 3)))


class Distilled(nn.Module):
    """Two heads whose mean is the answer."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(8, 5), nn.Linear(8, 5)

    def forward(self, h: Tensor) -> Tensor:
        return (self.one(h) + self.two(h)) / 2


TRUNKS: dict[str, Callable[[], nn.Module]] = {
    "skip": lambda: nn.Sequential(nn.Conv2d(3, 8, 4, 4), Block(), Block()),
    "pointwise": lambda: nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.Conv2d(4, 8, 1), nn.BatchNorm2d(8), nn.ReLU6(True)),
    "plain": lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3, 2), nn.ReLU(inplace=True)),
}
HEADS: dict[str, Callable[[], nn.Module]] = {
    "linear": lambda: nn.Linear(8, 5),
    "cosine": lambda: Cosine(8),
    "distilled": Distilled,
    "two layers": lambda: nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 5)),
    "none": nn.Identity,
}


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("trunk", TRUNKS)
def test_the_found_layer_is_the_last_that_every_path_crosses(trunk: str, head: str) -> None:
    model = Headed(TRUNKS[trunk](), HEADS[head]()).eval()
    assert core.run(model, X).layer == "trunk"
    got = explain.grad_cam(model, X, [1, 3])
    every = explain.all_contrasts(model, X)
    for i, c in enumerate([1, 3]):
        torch.testing.assert_close(got[i, 0], slow.grad_cam(model, model.trunk, X[i : i + 1], c), rtol=1e-4, atol=1e-6)
        want = slow.contrast_cam(model, model.trunk, X[i : i + 1], c)
        torch.testing.assert_close(every[i, c], want, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("kernel", "norm", "layer"), [(1, False, "0"), (1, True, "3"), (3, False, "3")])
def test_only_a_convolution_of_one_cell_that_ends_the_weights_scores_the_classes(
    kernel: int, norm: bool, layer: str
) -> None:
    """A SqueezeNet's last convolution gives a map for each class; a headless MobileNet's gives its features."""
    middle = nn.BatchNorm2d(5) if norm else nn.Dropout()
    score = nn.Conv2d(8, 5, kernel)
    model = nn.Sequential(nn.Conv2d(3, 8, 3), score, middle, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    assert core.run(model, X).layer == layer


def test_branches_that_never_meet_have_no_layer() -> None:
    class Apart(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 5)

        def forward(self, x: Tensor) -> Tensor:
            return self.left(x).mean((2, 3)) + self.right(x).mean((2, 3))

    model = Apart().eval()
    with pytest.raises(core.LayerError, match="name one with layer="):
        explain.grad_cam(model, X, 1)
    assert explain.grad_cam(model, X, 1, layer="left").shape == (2, 1, 14, 14)


class Mix(nn.Module):
    def forward(self, tokens: Tensor) -> Tensor:
        return tokens + tokens.mean(1, keepdim=True)


class ClassToken(nn.Module):
    """The answer reads the class token, and the patches by a share of them that is 0 at first."""

    def __init__(self) -> None:
        super().__init__()
        self.patch, self.cls = nn.Conv2d(3, 8, 4, 4), nn.Parameter(torch.randn(1, 1, 8))
        self.first, self.last, self.fc = Mix(), Mix(), nn.Linear(8, 5)
        self.share = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        tokens = torch.cat([self.cls.expand(len(x), -1, -1), self.patch(x).flatten(2).transpose(1, 2)], 1)
        tokens = self.last(self.first(tokens))
        return self.fc(tokens[:, 0] + self.share * tokens[:, 1:].mean(1))


def test_the_found_layer_follows_the_weights() -> None:
    model = ClassToken().eval()
    for _ in range(2):  # found, and remembered
        assert core.run(model, X).layer == "first"
    nn.init.ones_(model.share)
    for _ in range(2):
        assert core.run(model, X).layer == "last"
    nn.init.zeros_(model.share)
    assert float(explain.grad_cam(model, X, 1).abs().max()) > 0, "the remembered layer would give zeros"
    assert core.run(model, X).layer == "first"
    nn.init.zeros_(model.fc.weight)
    with pytest.raises(core.LayerError, match="all gradients are 0"):
        explain.grad_cam(model, X, 1)


def test_memory_of_a_layer_goes_with_the_layer() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)).eval()
    assert core.run(model, X).layer == "1"
    model[1] = nn.Sequential(nn.ReLU(), nn.Conv2d(8, 8, 3, 2))
    kept = core.run(model, X)
    assert (kept.layer, kept.activations.shape) == ("1", (2, 8, 6, 6))
    model[0] = nn.Conv2d(3, 8, 3, 2)
    assert core.run(model, X).activations.shape == (2, 8, 3, 3)
    torch.testing.assert_close(core.run(model.double(), X.double()).activations, model[:2](X.double()).detach())


# ---- each picture has one map


class Views(nn.Module):
    """Several views of each picture go through the trunk: as one batch, or one after another."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.trunk, self.way = Small(), way

    def forward(self, x: Tensor) -> Tensor:
        if self.way == "one batch":
            return self.trunk(torch.cat([x, x.flip(3)])).unflatten(0, (2, -1)).mean(0)
        if self.way == "side by side":
            return self.trunk(x) + self.trunk(x * 2)
        return (
            self.trunk(x.unfold(2, 8, 8).unfold(3, 8, 8).permute(0, 2, 3, 1, 4, 5).flatten(0, 2)).view(-1, 4, 5).sum(1)
        )


VIEWS = {"one batch": "no map for each picture.* for 2 pictures", "windows": "no map for each picture",
         "side by side": "times in one forward pass, side by side|whose spatial map every path"}  # fmt: skip
MAPS = [explain.grad_cam, explain.contrast_cam, explain.hires_cam, explain.layer_cam]


@pytest.mark.parametrize("way", VIEWS)
@pytest.mark.parametrize("method", MAPS)
@pytest.mark.parametrize("layer", [None, "trunk.bn2", "trunk.relu"])
def test_a_layer_of_several_views_is_refused(method, way: str, layer: str | None) -> None:
    with pytest.raises(core.LayerError, match=VIEWS[way]):
        method(Views(way).eval(), X, 1, layer=layer)
    with pytest.raises(core.LayerError, match=VIEWS[way]):
        explain.all_contrasts(Views(way).eval(), X, layer=layer)


def test_a_part_that_runs_twice_in_a_row_stands_for_its_last_call() -> None:
    """A ReLU that two places share, as in torchvision's ResNets."""
    model = Small().eval()
    shared = explain.grad_cam(model, X, 1, layer="relu")
    values = F.relu(model.bn2(model.conv2(F.relu(model.bn1(model.conv1(X))))))
    want = (model.fc.weight[1].view(1, -1, 1, 1) / 64 * values).sum(1, keepdim=True).detach()
    torch.testing.assert_close(shared, want)


def test_a_deep_torchvision_network_keeps_its_layer() -> None:
    model = torchvision.models.resnet18(weights=None, num_classes=5).eval()
    model.fc = Cosine(512)
    kept = core.run(model, torch.randn(1, 3, 64, 64))
    assert (kept.layer, kept.layout.kind) == ("layer4", "NCHW")
