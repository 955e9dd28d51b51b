"""Curves, the game and the check equal their definitions, and tell a true map from a false one."""

from __future__ import annotations

import pytest
import scipy.stats
import torch
import torchvision
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm
from torch.nn.utils.prune import l1_unstructured

import gradlab
from gradlab import explain
from gradlab.core import InputError, TargetError
from gradlab.explain import faithfulness
from tests.reference import faithfulness as slow


@pytest.fixture(scope="module")
def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4),
    ).eval()  # fmt: skip


@pytest.fixture(scope="module")
def x() -> Tensor:
    return torch.randn(2, 3, 12, 10, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def maps() -> Tensor:
    return torch.randn(2, 1, 12, 10, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("steps", [1, 7, 20, 120])
def test_curves(model: nn.Module, x: Tensor, maps: Tensor, steps: int) -> None:
    soft = faithfulness.blurred(x)
    for i, label in enumerate((3, 1)):
        for found, start, end in (
            (faithfulness.deletion(model, x, maps, [3, 1], steps=steps, baseline=0.2), x, torch.full_like(x, 0.2)),
            (faithfulness.insertion(model, x, maps, [3, 1], steps=steps), soft, x),
        ):
            fractions, scores = slow.curve(model, start[i : i + 1], end[i : i + 1], maps[i, 0], label, steps)
            torch.testing.assert_close(found.fractions.tolist(), fractions, rtol=1e-6, atol=1e-7)
            torch.testing.assert_close(found.scores[i].tolist(), scores, rtol=1e-5, atol=1e-6)
            assert float(found.area()[i]) == pytest.approx(slow.area(fractions, scores), rel=1e-5)


def test_equal_values_go_in_order_and_a_coarse_map_is_enlarged(model: nn.Module, x: Tensor) -> None:
    flat = faithfulness.deletion(model, x, torch.zeros(2, 1, 3, 3), 0, steps=12)
    _, scores = slow.curve(model, x[:1], torch.zeros_like(x[:1]), torch.zeros(12, 10), 0, 12)
    torch.testing.assert_close(flat.scores[0].tolist(), scores, rtol=1e-5, atol=1e-6)
    coarse = torch.randn(2, 1, 3, 3, generator=torch.Generator().manual_seed(4))
    large = explain.upsample(coarse, (12, 10))
    a, b = (faithfulness.insertion(model, x, m, 0, steps=9).scores for m in (coarse, large))
    torch.testing.assert_close(a, b)


def test_blur_keeps_a_flat_picture_and_smooths_a_point() -> None:
    torch.testing.assert_close(faithfulness.blurred(torch.full((1, 3, 20, 20), 0.7)), torch.full((1, 3, 20, 20), 0.7))
    point = torch.zeros(1, 1, 31, 31, dtype=torch.float64)
    point[0, 0, 15, 15] = 1
    soft = faithfulness.blurred(point)[0, 0]
    line = torch.exp(-(torch.arange(-5, 6, dtype=torch.float64) ** 2) / 50)
    torch.testing.assert_close(soft[10:21, 10:21], torch.outer(line, line) / line.sum() ** 2)
    assert float(soft[9].abs().max()) == 0


def test_pointing_game() -> None:
    maps = torch.zeros(4, 1, 40, 60)
    for i, (row, column) in enumerate([(10, 10), (10, 35), (10, 34), (39, 0)]):
        maps[i, 0, row, column] = 1
    boxes = torch.tensor([[5, 5, 20, 20]] * 4)
    assert faithfulness.pointing_game(maps, boxes, (40, 60)).tolist() == [True, False, True, False]
    assert faithfulness.pointing_game(maps, boxes, (40, 60), 16).tolist() == [True, True, True, False]
    masks = torch.zeros(4, 40, 60, dtype=torch.bool)
    masks[:, 5:20, 5:20] = True
    for tolerance in (0, 5, 14.9, 15, 16, 30):
        both = [faithfulness.pointing_game(maps, b, (40, 60), tolerance) for b in (boxes, masks)]
        assert torch.equal(*both)


def test_similarity() -> None:
    a, b = (torch.randn(3, 1, 9, 9, generator=torch.Generator().manual_seed(s)) for s in (0, 1))
    for absolute in (False, True):
        got = faithfulness.similarity(a, b, "spearman", absolute=absolute)
        for i in range(3):
            one, other = (t[i].abs() if absolute else t[i] for t in (a, b))
            assert float(got[i]) == pytest.approx(scipy.stats.spearmanr(one.flatten(), other.flatten()).statistic)
    assert float(faithfulness.similarity(a, a.exp(), "spearman").min()) == pytest.approx(1)
    assert float(faithfulness.similarity(a, 3 * a + 2, "pearson").min()) == pytest.approx(1)
    assert float(faithfulness.similarity(a, 3 * a + 2, "ssim").min()) == pytest.approx(1)
    assert float(faithfulness.similarity(a, -a, "pearson").max()) == pytest.approx(-1)
    assert float(faithfulness.similarity(a, b, "ssim").abs().max()) < 0.5
    assert bool(faithfulness.similarity(a, torch.ones_like(a)).isnan().all())


def test_randomisation(model: nn.Module, x: Tensor) -> None:
    seen: list[tuple[int, int]] = []

    def look(net: nn.Module, x: Tensor) -> Tensor:
        return explain.gradient(net, x, 0)

    first = faithfulness.randomisation(model, look, x, progress=lambda *done: seen.append(done))
    assert first.layers == ("7", "3", "1", "0")
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    again = faithfulness.randomisation(model, look, x)
    assert torch.equal(first.similarity, again.similarity)
    assert not torch.equal(first.similarity, faithfulness.randomisation(model, look, x, seed=1).similarity)
    blind = faithfulness.randomisation(model, lambda net, x: x, x)  # a map that never asks the network
    torch.testing.assert_close(blind.similarity, torch.ones(4, 2, dtype=torch.float64))


class Reads(nn.Module):
    """Everything that a network may do with weights beside calling the layers that hold them."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = weight_norm(nn.Conv2d(3, 8, 3, stride=2))
        self.norm = torchvision.ops.FrozenBatchNorm2d(8)
        self.act = nn.PReLU()
        self.token, self.place = nn.Parameter(torch.zeros(1, 1, 8)), nn.Parameter(torch.zeros(1, 21, 8))
        self.scale, self.layer_scale = nn.Parameter(torch.zeros(())), nn.Parameter(torch.zeros(8, 1, 1))
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)  # reads its out_proj, does not call it
        self.memory = nn.LSTM(8, 8, batch_first=True)
        self.read = nn.Linear(8, 8)
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.norm(self.stem(x))) * (1 + self.layer_scale)
        x = torch.cat([self.token.expand(len(x), -1, -1), x.flatten(2).transpose(1, 2)], 1) + self.place
        x = x + self.attention(x, x, x, need_weights=False)[0]
        x = nn.functional.linear(self.memory(x)[0], self.read.weight, self.read.bias)
        return self.head(x[:, 0] * (1 + self.scale))


def trained(net: nn.Module) -> nn.Module:
    """Give every weight, every statistic and every weight kept as a buffer a value that no initialisation gives."""
    generator = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for t in (*net.parameters(), *net.buffers()):
            if t.is_floating_point():
                t.copy_(0.7 + torch.rand(t.shape, generator=generator) / 10)
    return net.eval()


def kept(net: nn.Module, other: nn.Module) -> list[str]:
    pairs = zip(net.state_dict().items(), other.state_dict().values(), strict=True)
    return [name for (name, a), b in pairs if a.is_floating_point() and bool((a == b).any())]


def pruned() -> nn.Module:
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))
    l1_unstructured(trained(net)[0], "weight", 0.3)
    return net


def test_no_weight_stays_trained_whatever_the_network_does_with_it(x: Tensor) -> None:
    net = trained(Reads())
    other, names = faithfulness.randomised(net, x)
    assert names == ("head", "memory", "attention", "act", "norm", "stem", "")  # what is only read: with what runs
    assert not kept(net, other)
    assert float(other(x).isfinite().all()) and not torch.allclose(other(x), net(x))
    first, lost = faithfulness.randomised(net, x, share=0.4)
    assert lost == names[:3]
    changed = [n for (n, a), b in zip(net.named_parameters(), first.parameters(), strict=True) if not torch.equal(a, b)]
    assert {name.split(".")[0] for name in changed} == {"head", "memory", "attention"}
    assert "attention.out_proj.weight" in changed

    vit = trained(torchvision.models.VisionTransformer(32, 16, 2, 2, 16, 32, num_classes=5))
    other, names = faithfulness.randomised(vit, torch.randn(2, 3, 32, 32))
    assert not kept(vit, other)
    assert names[0] == "heads.head" and names[-3:] == ("encoder", "conv_proj", "")

    cut = pruned()
    other, names = faithfulness.randomised(cut, x)
    assert names == ("4", "0") and not torch.allclose(other(x), cut(x))
    assert torch.equal(other[0].weight == 0, cut[0].weight_mask == 0)


def test_statistics_of_batch_norm_are_taken_anew(model: nn.Module, x: Tensor) -> None:
    generator = torch.Generator().manual_seed(3)
    plain, _ = faithfulness.randomised(model, x, seed=3)
    assert plain[1].running_mean.tolist() == [0] * 8 and plain[1].running_var.tolist() == [1] * 8
    for turn in range(2):  # a generator moves on
        fresh, _ = faithfulness.randomised(model, x, seed=generator, batch_statistics=True)
        seen = fresh[0](x)
        torch.testing.assert_close(fresh[1].running_mean, seen.mean((0, 2, 3)))
        torch.testing.assert_close(fresh[1].running_var, seen.var((0, 2, 3), unbiased=False))
        assert torch.equal(fresh[0].weight, plain[0].weight) == (turn == 0)
    part, _ = faithfulness.randomised(model, x, share=0.5, batch_statistics=True)
    assert torch.equal(part[1].running_var, model[1].running_var), "a norm that keeps its weights keeps its statistics"
    assert not fresh.training and fresh[1].momentum == model[1].momentum and not fresh[0]._forward_pre_hooks
    in_place = nn.Sequential(nn.ReLU(inplace=True), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(360, 4)).eval()
    fresh, _ = faithfulness.randomised(in_place, x, batch_statistics=True)
    torch.testing.assert_close(fresh[1].running_mean, x.relu().mean((0, 2, 3)))


def test_a_network_that_reads_more_than_pictures_is_randomised_too() -> None:
    net = gradlab.models.vqa()
    pictures = gradlab.data.digit_pairs(3, 0).pictures
    extra = (net.encode("what is their sum?"),)
    other, names = faithfulness.randomised(net, pictures, extra_inputs=extra)
    assert len(names) > 3 and not torch.allclose(other(pictures, *extra), net(pictures, *extra))


@pytest.mark.parametrize("share", [0, -1, 1.01, float("nan"), "all"])
def test_bad_shares(model: nn.Module, x: Tensor, share: float) -> None:
    with pytest.raises(InputError, match="share"):
        faithfulness.randomised(model, x, share=share)


@pytest.mark.slow
def test_on_a_real_network() -> None:
    """Grad-CAM's order beats a random one, and the reverse of its own."""
    net = gradlab.models.imagenet()
    x = net.transform(gradlab.data.picture("coffee"))[None]
    true = explain.grad_cam(net, x)
    random = torch.rand(true.shape, generator=torch.Generator().manual_seed(0))
    insertion = [float(faithfulness.insertion(net, x, m, steps=14).area()) for m in (true, random, -true)]
    deletion = [float(faithfulness.deletion(net, x, m, steps=14).area()) for m in (true, random, -true)]
    print(f"insertion: map {insertion[0]:.3f}, random {insertion[1]:.3f}, reversed {insertion[2]:.3f}")
    print(f"deletion: map {deletion[0]:.3f}, random {deletion[1]:.3f}, reversed {deletion[2]:.3f}")
    assert insertion[0] > insertion[2]
    assert deletion[0] < deletion[2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"maps": torch.zeros(2, 12, 10)}, "expected"),
        ({"maps": torch.zeros(1, 1, 12, 10)}, r"expected a floating tensor \(2, 1, h, w\)"),
        ({"maps": torch.full((2, 1, 4, 4), torch.nan)}, "NaN"),
        ({"steps": 0}, "steps is 0"),
        ({"score": "loss"}, "score is 'loss'"),
        ({"target": "all"}, "one score per picture"),
        ({"baseline": [0.0, 1.0]}, "baseline has shape"),
    ],
)
def test_bad_curves(model: nn.Module, x: Tensor, maps: Tensor, change: dict[str, object], message: str) -> None:
    for method in (faithfulness.deletion, faithfulness.insertion):
        with pytest.raises(InputError, match=message):
            method(**{"model": model, "inputs": x, "maps": maps, "target": 0, **change})  # type: ignore[arg-type]


def test_bad_target(model: nn.Module, x: Tensor, maps: Tensor) -> None:
    with pytest.raises(TargetError):
        faithfulness.deletion(model, x, maps, 9)


def test_bad_places_and_measures() -> None:
    maps = torch.rand(1, 1, 4, 4)
    for boxes, message in (
        (torch.tensor([[3, 3, 3, 9]]), "empty"),
        (torch.tensor([3, 3, 9, 9]), "expected"),
        (torch.zeros(1, 8, 8, dtype=torch.bool), "empty"),
        (torch.ones(1, 4, 8, dtype=torch.bool), "masks"),
    ):
        with pytest.raises(InputError, match=message):
            faithfulness.pointing_game(maps, boxes, 8)
    for others, measure, message in (
        (torch.rand(1, 1, 4, 5), "spearman", r"expected a floating tensor \(1, 1, 4, 4\)"),
        (maps, "distance", "measure is 'distance'"),
        (maps, "ssim", "at least 7"),
        (maps * torch.nan, "pearson", "NaN"),
    ):
        with pytest.raises(InputError, match=message):
            faithfulness.similarity(maps, others, measure)  # type: ignore[arg-type]
