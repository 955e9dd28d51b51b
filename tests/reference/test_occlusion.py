"""Occlusion equals its definition, on whole networks and on random small ones, whatever way it takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import gradlab
from gradlab import explain
from gradlab.core import TargetError
from gradlab.explain.occlusion import incremental, winograd
from tests.reference import narrow
from tests.reference import occlusion as slow
from tests.reference.random_networks import build, networks

made: list[Any] = []  # of this test


@pytest.fixture(autouse=True)
def ways(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Collect the ``IncrementalForward`` objects, to see which way was taken."""
    made.clear()
    start = incremental.IncrementalForward.__init__

    def kept(self: Any, *args: Any) -> None:
        start(self, *args)
        made.append(self)

    monkeypatch.setattr(incremental.IncrementalForward, "__init__", kept)
    yield made


def close(got: Tensor, want: Tensor, rtol: float = 1e-4) -> None:
    assert got.shape == want.shape
    assert float((got - want).abs().max()) <= rtol * float(want.abs().max()) + 1e-6


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    plan=networks,
    head=st.sampled_from(["linear", "conv", "flat"]),
    window=st.tuples(st.integers(3, 9), st.integers(3, 9)),
    stride=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    seed=st.integers(0, 1000),
)
@example([("max ceil", 3, 2, 0, 1, False), ("norm", 3, 1, 1, 1, False)], "conv", (6, 6), (3, 3), 1)
@example([("norm", 3, 2, 1, 1, False), ("iadd", 3, 1, 1, 1, False), ("squeeze-excite", 1, 1, 0, 1, False)], "linear",
         (5, 4), (4, 3), 2)  # fmt: skip
def test_random_networks(plan: Any, head: str, window: Any, stride: Any, seed: int) -> None:
    network = build(plan, head, seed)
    stride = (min(stride[0], window[0]), min(stride[1], window[1]))
    x = torch.randn(1, 3, 24, 24, generator=torch.Generator().manual_seed(seed))
    want = slow.occlusion(network, x, lambda z: z[:, 2], window, stride, torch.full_like(x, 0.3))
    got = explain.occlusion(network, x, 2, window=window, stride=stride, baseline=0.3)
    scale = float(network(x).detach().abs().max())
    assert float((got - want).abs().max()) <= 1e-4 * float(want.abs().max()) + 1e-5 * scale
    assert made[-1].tape is not None and made[-1].checked, "by windows: what falls back is right, and slow"


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("pads", "size"), [((1, 1), (9, 14)), ((0, 1), (8, 6)), ((1, 0), (5, 7))])
def test_large_convolutions_by_fewer_multiplications(pads: tuple[int, int], size: tuple[int, int], bias: bool) -> None:
    torch.manual_seed(0)
    x, weight = torch.randn(winograd.PATCHES, 256, *size), torch.randn(128, 256, 3, 3) / 48
    more = torch.randn(128) if bias else None
    kept: dict[Any, Any] = {}
    torch.testing.assert_close(
        winograd.convolve(kept, x, weight, more, pads), nn.functional.conv2d(x, weight, more, padding=pads),
        rtol=0, atol=1e-4,
    )  # fmt: skip
    assert list(kept) == ["winograd"]


@pytest.mark.parametrize("change", ["fewer patches", "smaller matrix", "double"])
def test_where_that_is_slower_torchs_own_way_is_taken(change: str) -> None:
    torch.manual_seed(0)
    x, weight = torch.randn(winograd.PATCHES, 256, 6, 6), torch.randn(128, 256, 3, 3)
    x = x[1:] if change == "fewer patches" else x.double() if change == "double" else x
    weight = weight[1:] if change == "smaller matrix" else weight.to(x)
    kept: dict[Any, Any] = {}
    found = winograd.convolve(kept, x, weight, None, (1, 1))
    assert not kept and torch.equal(found, nn.functional.conv2d(x, weight, padding=1))


class Ending(nn.Module):
    """Every way in which a network takes the mean over its map."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.conv, self.head, self.way = nn.Conv2d(3, 6, 3, padding=1), nn.Linear(6, 4), way

    def forward(self, x: Tensor) -> Tensor:
        a = self.conv(x).relu()
        if self.way == "pool":
            a = nn.functional.adaptive_avg_pool2d(a, 1).flatten(1)
        else:
            a = a.mean((-2, -1), keepdim=True).flatten(1) if self.way == "keepdim" else a.mean((2, 3))
        logits: Tensor = self.head(a)
        return logits


@pytest.mark.parametrize("way", ["pool", "keepdim", "mean"])
def test_every_mean_over_the_map_goes_by_windows(way: str, x: Tensor, ways: list[Any]) -> None:
    network = Ending(way).eval()
    want = slow.occlusion(network, x[:1], lambda z: z[:, 1], (5, 5), (5, 5), torch.zeros_like(x[:1]))
    close(explain.occlusion(network, x[:1], 1, window=5, stride=5), want)
    assert ways[0].tape is not None and ways[0].checked


@pytest.mark.parametrize(
    "name", ["squeezenet1_1", "resnet18", "mobilenet_v2", "vgg", "densenet121", "googlenet", "EfficientNet-Lite0"]
)
def test_torchvision_networks_go_by_windows(name: str, ways: list[Any]) -> None:
    network = gradlab.models.imagenet().model if name == "EfficientNet-Lite0" else narrow.network(name).eval()
    x = torch.randn(1, 3, 96, 96)
    want = slow.occlusion(network, x, lambda z: z[:, 7], (32, 32), (32, 32), torch.zeros_like(x))
    close(explain.occlusion(network, x, 7, window=32, stride=32), want)
    assert [way.tape is not None and way.checked for way in ways] == [True]
    assert ways[0].pruned == (name == "squeezenet1_1")
    assert len(ways[0].tape.steps) > 20


@pytest.mark.parametrize("name", ["vit", "swin", "efficientnet_b0", "shufflenet_v2_x0_5", "convnext"])
def test_networks_with_barriers_give_the_same(name: str) -> None:
    network = narrow.network(name).eval()
    if name == "vit":
        nn.init.normal_(network.heads.head.weight)  # zeros as it is made
    x = torch.randn(1, 3, 224, 224)
    want = slow.occlusion(network, x, lambda z: z[:, 7], (112, 112), (112, 112), torch.zeros_like(x))
    close(explain.occlusion(network, x, 7, window=112, stride=112), want)


class Small(nn.Module):
    """``wild``: takes another path, to the same result, for a batch than for one picture."""

    def __init__(self, wild: bool = False) -> None:
        super().__init__()
        self.conv, self.other = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1)
        self.head = nn.Linear(6, 4)
        self.wild = wild

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        if self.wild and len(x) > 1:
            x = torch.relu(x.relu())
        return self.head(self.other(x.relu()).mean((2, 3)))


@pytest.fixture
def x() -> Tensor:
    return torch.randn(2, 3, 20, 20, generator=torch.Generator().manual_seed(3))


def test_a_network_that_does_not_repeat_itself_is_run_in_full(x: Tensor, ways: list[Any]) -> None:
    network = Small(wild=True).eval()
    want = slow.occlusion(network, x, lambda z: z[:, 1], (8, 8), (4, 4), torch.zeros_like(x))
    close(explain.occlusion(network, x, 1, window=8, stride=4), want)
    assert [way.tape for way in ways] == [None, None]


def test_a_wrong_window_is_found_out(x: Tensor, ways: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from gradlab.explain.occlusion import geometry, operations

    network = Small().eval()
    want = slow.occlusion(network, x, lambda z: z[:, 1], (8, 8), (4, 4), torch.zeros_like(x))
    monkeypatch.setattr(operations, "slid", lambda source, axes, size: geometry.window(source.low, source.low, size))
    close(explain.occlusion(network, x, 1, window=8, stride=4), want)
    assert [way.tape for way in ways] == [None, None]


BASELINES: dict[str, tuple[Any, Any]] = {
    "number": (0.5, lambda x: torch.full_like(x, 0.5)),
    "channels": ([0.1, 0.2, 0.3], lambda x: torch.tensor([0.1, 0.2, 0.3])[:, None, None].expand_as(x)),
    "image": (
        torch.linspace(0, 1, 1200).view(3, 20, 20),
        lambda x: torch.linspace(0, 1, 1200).view(3, 20, 20).expand_as(x),
    ),
    "images": (torch.linspace(0, 1, 2400).view(2, 3, 20, 20), lambda x: torch.linspace(0, 1, 2400).view(2, 3, 20, 20)),
    "callable": (lambda x: x.mean((2, 3), keepdim=True), lambda x: x.mean((2, 3), keepdim=True).expand_as(x)),
}


@pytest.mark.parametrize("kind", BASELINES)
def test_baselines(kind: str, x: Tensor) -> None:
    network, (given_, want) = Small().eval(), BASELINES[kind]
    expected = slow.occlusion(network, x, lambda z: z[:, 1], (7, 5), (3, 4), want(x))
    close(explain.occlusion(network, x, 1, window=(7, 5), stride=(3, 4), baseline=given_), expected)


def test_scores_and_targets(x: Tensor) -> None:
    network, hidden = Small().eval(), torch.zeros_like(x)
    for score, read in [("logit", lambda z: z), ("probability", lambda z: z.softmax(1))]:
        each = [
            slow.occlusion(network, x, lambda z, c=c, read=read: read(z)[:, c], (8, 8), (4, 4), hidden)
            for c in range(4)
        ]
        asked = torch.tensor([[0, 3, 1], [2, 2, 0]])
        got = explain.occlusion(network, x, asked, window=8, stride=4, score=score)
        for i in range(2):
            for t in range(3):
                close(got[i, t], each[asked[i, t]][i, 0])
        close(explain.occlusion(network, x, [3, 0], window=8, stride=4, score=score)[1], each[0][1])
    margin = slow.occlusion(network, x, lambda z: z[:, 0] - z[:, 1], (8, 8), (4, 4), hidden)
    close(explain.occlusion(network, x, lambda z: z[:, 0] - z[:, 1], window=8, stride=4), margin)


def test_a_contrast_is_asked_by_its_loss(x: Tensor) -> None:
    """M = J - J(hidden) with J = CE(z, Q)."""
    network = Small().eval()

    def loss(z: Tensor) -> Tensor:
        return -torch.stack([z[i].log_softmax(0)[q] for i, q in enumerate((1, 3))])

    want = slow.occlusion(network, x, loss, (8, 8), (4, 4), torch.zeros_like(x))
    close(explain.occlusion(network, x, contrast=[1, 3], window=8, stride=4), want)
    *_, last = explain.occlusion_sweep(network, x, contrast=[1, 3], window=8, stride=4)
    close(last.maps(), want)
    with pytest.raises(TargetError, match="without target and score"):
        explain.occlusion(network, x, contrast=1, score="probability", window=8, stride=4)


class Asked(Small):
    def forward(self, x: Tensor, question: Tensor, scale: float = 1.0) -> Tensor:  # type: ignore[override]
        return super().forward(x) * question[:, None] * scale


def test_extra_inputs_go_with_their_picture(x: Tensor) -> None:
    network, question = Asked().eval(), torch.tensor([2.0, -1.0])
    want = slow.occlusion(network, x, lambda z: z[:, 1], (8, 8), (4, 4), torch.zeros_like(x), (question, 3.0))
    close(explain.occlusion(network, x, 1, window=8, stride=4, extra_inputs=(question, 3.0)), want)
