"""Where the rows, columns and channels of a layer are: found by what the picture moves, not by shapes alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gradlab import core, explain
from gradlab.core.layout import readings_of, settled
from tests.conftest import Small
from tests.reference import cams as slow

X = torch.randn(2, 3, 16, 16)


def places(x: Tensor) -> Tensor:
    """Each picture as a map of 4 channels, (N, 4, h, w), whose cells are means of 4 x 4 pixels."""
    rows = torch.tensor([[1.0, 2, -1], [0.5, -1, 2], [2, 1, 1], [-1, 1, 0.5]])
    return torch.einsum("kc,nchw->nkhw", rows, F.avg_pool2d(x, 4))


ORDERS: dict[str, Callable[[Tensor], Tensor]] = {
    "NCHW": lambda m: m,
    "NHWC": lambda m: m.permute(0, 2, 3, 1),
    "tokens": lambda m: m.flatten(2).transpose(1, 2),
    "columns": lambda m: m.flatten(2),
}


class Ordered(nn.Module):
    def __init__(self, order: Callable[[Tensor], Tensor], classes: int = 3) -> None:
        super().__init__()
        self.order, self.layer = order, nn.Identity()
        self.weight = nn.Parameter(torch.randn(classes, 4))

    def forward(self, x: Tensor) -> Tensor:
        values = self.layer(self.order(places(x)))
        # each number of the layer counts with its channel's weight, whatever the order
        weights = self.order(self.weight[:, :, None, None].expand(-1, -1, x.shape[2] // 4, x.shape[3] // 4))
        return torch.einsum("ni,ci->nc", values.flatten(1), weights.flatten(1)) / weights[0, ..., 0].numel()


@pytest.mark.parametrize("size", [(16, 16), (16, 32), (64, 64)])
@pytest.mark.parametrize("order", ORDERS)
def test_every_order_of_a_layer_gives_the_same_map(order: str, size: tuple[int, int]) -> None:
    """At 16 x 16 the map has as many channels as rows and columns, and four times four tokens: no shape tells."""
    x = torch.randn(2, 3, *size)
    models = [Ordered(ORDERS[name]).eval() for name in ("NCHW", order)]
    models[1].load_state_dict(models[0].state_dict())
    want, got = (explain.grad_cam(model, x, 1, layer="layer") for model in models)
    want, got = (maps / maps.abs().max() for maps in (want, got))
    torch.testing.assert_close(got, want)


class Headed(nn.Module):
    def __init__(self, trunk: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.trunk, self.head = trunk, head

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.trunk(x).mean((2, 3)))


class Attention(nn.Module):
    """Attention by hand: weights (N, heads, tokens, tokens) and queries (N, heads, tokens, width) look like maps."""

    def __init__(self) -> None:
        super().__init__()
        self.patch, self.fc = nn.Conv2d(3, 8, 8, 8), nn.Linear(8, 5)
        self.weights, self.queries = nn.Softmax(-1), nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patch(x).flatten(2).transpose(1, 2)
        heads = self.queries(tokens.unflatten(2, (2, 4)).transpose(1, 2))
        mixed = self.weights(heads @ heads.transpose(2, 3)) @ heads
        return self.fc((mixed + heads).transpose(1, 2).flatten(2).mean(1))


@pytest.mark.parametrize("layer", ["weights", "queries"])
def test_what_only_looks_like_a_map_is_refused(layer: str) -> None:
    with pytest.raises(core.LayerError, match="no two axes follow the picture's rows and columns"):
        explain.grad_cam(Attention().eval(), torch.randn(2, 3, 64, 64), 1, layer=layer)


@pytest.mark.parametrize("turn", [lambda x: x.transpose(2, 3), lambda x: x.flip(3)])
def test_a_map_of_a_turned_picture_is_refused(turn: Callable[[Tensor], Tensor]) -> None:
    class Turned(Small):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(turn(x))

    with pytest.raises(core.LayerError, match="no two axes follow"):
        explain.grad_cam(Turned().eval(), X, 1, layer="bn2")


STRIDES = {"text": ((4, 2), (32, 100)), "spectrogram": ((2, 8), (64, 64)), "one row left": ((16, 4), (16, 64)),
           "both alike": ((4, 4), (32, 64))}  # fmt: skip


@pytest.mark.parametrize("name", STRIDES)
@pytest.mark.parametrize("last", [False, True], ids=["channels first", "channels last"])
def test_axes_that_were_thinned_out_differently(name: str, last: bool) -> None:
    stride, size = STRIDES[name]
    x = torch.randn(2, 3, *size)
    trunk = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(stride), nn.Conv2d(8, 6, 1), nn.ReLU())
    model = Headed(trunk, nn.Linear(6, 5)).eval()
    want = explain.grad_cam(model, x, 1)
    assert want.shape[2:] == (size[0] // stride[0], size[1] // stride[1])
    for i in range(2):
        torch.testing.assert_close(want[i, 0], slow.grad_cam(model, model.trunk, x[i : i + 1], 1))
    if last:

        class Permuted(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.inner, self.turn = model, nn.Identity()

            def forward(self, x: Tensor) -> Tensor:
                return model.head(self.turn(self.inner.trunk(x).permute(0, 2, 3, 1)).mean((1, 2)))

        torch.testing.assert_close(explain.grad_cam(Permuted().eval(), x, 1, layer="turn"), want)


def test_a_layer_that_no_picture_moves_is_read_by_its_shape() -> None:
    x = torch.zeros(1, 3, 16, 16)
    even, uneven = torch.ones(1, 5, 4, 4), torch.ones(1, 5, 2, 16)
    assert settled(readings_of(even, (16, 16), ""), "", x, lambda _: even).kind == "NCHW"
    with pytest.raises(core.LayerError, match="no two axes"):
        settled(readings_of(uneven, (16, 16), ""), "", x, lambda _: uneven)


class Few(nn.Module):
    """Two tokens of 384 channels: as many channels as a 16 x 24 grid has cells."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.few, self.head = nn.Conv2d(3, 384, 32, 32), nn.Identity(), nn.Linear(384, 5)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.few(self.conv(x).flatten(2).transpose(1, 2)[:, :2])
        logits: Tensor = self.head(tokens.mean(1))
        return logits


def test_channels_that_could_be_a_grid_by_their_number_are_no_map() -> None:
    torch.manual_seed(0)
    with pytest.raises(core.LayerError, match="no two axes follow"):
        explain.grad_cam(Few().eval(), torch.randn(1, 3, 64, 96), 0, layer="few")
