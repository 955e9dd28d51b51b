"""Pictures that see each other: refused as a batch, and hidden patches are asked one by one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from gradlab import core, evaluate, explain, information, introspect
from tests.conftest import NETWORKS, Small
from tests.reference.occlusion import occlusion as slow_occlusion

X = torch.randn(2, 3, 16, 16)


class Mixing(nn.Module):
    """Its features see the whole batch, in eval mode too."""

    def __init__(self, mix: nn.Module) -> None:
        super().__init__()
        self.conv, self.mix, self.last, self.fc = nn.Conv2d(3, 8, 3), mix, nn.Conv2d(8, 8, 3), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.last(self.mix(self.conv(x)).relu()).mean((2, 3)))
        return logits


class Centred(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + 0.5 * x.mean(0, keepdim=True)


class AmongPictures(nn.Module):
    """Attention whose first axis, the sequence's by default, is the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2).transpose(1, 2)
        return x + self.attention(tokens, tokens, tokens)[0].transpose(1, 2).view_as(x)


MIXERS: dict[str, Callable[[], nn.Module]] = {
    "batch statistics": lambda: nn.BatchNorm2d(8, track_running_stats=False),
    "mean of the batch": Centred,
    "attention over the batch": AmongPictures,
}
METHODS: dict[str, Callable[[nn.Module, Tensor], object]] = {
    "grad_cam": lambda m, x: explain.grad_cam(m, x, 1),
    "all_contrasts": explain.all_contrasts,
    "gradient": lambda m, x: explain.gradient(m, x, 1),
    "guided_backprop": lambda m, x: explain.guided_backprop(m, x, 1),
    "occlusion": lambda m, x: explain.occlusion(m, x, 1, window=8, stride=4),
    "deletion": lambda m, x: explain.faithfulness.deletion(m, x, x[:, :1], 1),
    "features": introspect.features,
    "fisher": information.fisher,
    "msp": evaluate.ood.msp,
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("mix", MIXERS)
def test_a_batch_whose_pictures_see_each_other_is_refused(mix: str, method: str) -> None:
    model = Mixing(MIXERS[mix]()).eval()
    for _ in range(2):
        with pytest.raises(core.ModelError, match="2 pictures of this batch see each other"):
            METHODS[method](model, X)
    METHODS[method](model, X[:1])  # each alone has an answer


@pytest.mark.parametrize("mix", MIXERS)
def test_patches_are_hidden_from_one_picture_at_a_time(mix: str) -> None:
    model = Mixing(MIXERS[mix]()).eval()
    x = X[:1]
    want = slow_occlusion(model, x, lambda z: z[:, 1], (8, 8), (4, 4), torch.zeros_like(x))
    torch.testing.assert_close(explain.occlusion(model, x, 1, window=8, stride=4), want, rtol=1e-4, atol=1e-5)
    *_, last = explain.occlusion_sweep(model, x, 1, window=8, stride=4)
    torch.testing.assert_close(last.maps(), want, rtol=1e-4, atol=1e-5)


def test_pixels_are_exchanged_in_one_picture_at_a_time() -> None:
    model, x = Mixing(Centred()).eval(), X[:1]
    curve = explain.faithfulness.deletion(model, x, x[:, :1], 1, steps=4, score="logit")
    order = x[0, 0].flatten().argsort(descending=True)
    for step, score in enumerate(curve.scores[0]):
        hidden = x.clone()
        hidden.flatten(2)[:, :, order[: 64 * step]] = 0
        torch.testing.assert_close(score, model(hidden)[0, 1].detach())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", NETWORKS)
def test_pictures_that_do_not_are_asked_together(name: str, dtype: torch.dtype) -> None:
    model = NETWORKS[name]().eval().to(dtype)
    assert explain.grad_cam(model, X.to(dtype), 1).shape[0] == 2


def test_a_network_for_one_picture_at_a_time() -> None:
    class Single(Small):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x.view(1, 3, 16, 16))

    torch.manual_seed(0)
    model, plain = Single().eval(), Small().eval()
    plain.load_state_dict(model.state_dict())
    options = {"window": 8, "stride": 4}
    torch.testing.assert_close(
        explain.occlusion(model, X[:1], 1, **options), explain.occlusion(plain, X[:1], 1, **options)
    )


def test_rows_that_are_not_the_pictures() -> None:
    class Crops(Small):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(torch.cat([x, x.flip(3)]))

    for ask in (explain.gradient, explain.grad_cam, explain.all_contrasts):
        with pytest.raises(core.GradlabError, match=r"4 rows of logits for 2 pictures|no map for each picture"):
            ask(Crops().eval(), X)


class Rewriting(nn.Module):
    """Writes over the map that the gradient of what it returned needs."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        maps = self.conv(x).relu()
        logits: Tensor = self.fc(maps.mean((2, 3)))
        maps.zero_()
        return logits


class Mirrored(nn.Module):
    """A picture and its mirror image run side by side, and their logits are averaged."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        both = self.fc(self.conv(torch.cat([x, x.flip(-1)])).relu().mean((2, 3)))
        logits: Tensor = both.view(2, len(x), -1).mean(0)
        return logits


def test_what_has_no_gradient_or_no_last_layer_of_its_own_is_refused() -> None:
    x = torch.randn(2, 3, 8, 8)
    with pytest.raises(core.ModelError, match="rewrites in place"):
        explain.gradient(Rewriting().eval(), x, 1)
    with pytest.raises(core.LayerError, match="closed form"):
        introspect.features(Mirrored().eval(), x)
