"""The three input gradients equal their rules, however a network writes its ReLUs."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import gradlab
from gradlab import explain
from gradlab.core import InputError, ModelError, TargetError
from tests.reference import gradients as slow
from tests.reference.narrow import network

KINDS = ("gradient", "deconvnet", "guided_backprop")


@pytest.fixture
def x() -> Tensor:
    return torch.randn(2, 3, 7, 7, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("network", [slow.Plain, slow.Skip])
@pytest.mark.parametrize("style", slow.STYLES)
@pytest.mark.parametrize("kind", KINDS)
def test_equal_to_the_rule(kind: str, style: str, network: type[slow.Plain], x: Tensor) -> None:
    if network is slow.Skip and ("in-place" in style or style in ("positional", "functional relu6")):
        pytest.skip("an in-place ReLU would rewrite the skip")
    torch.manual_seed(0)
    model = network(style).eval()
    want = slow.slope(model, kind, x, 1)
    assert torch.allclose(getattr(explain, kind)(model, x, 1), want, atol=1e-6 * float(want.abs().max()), rtol=1e-5)
    assert float(want.abs().max()) > 0


@pytest.mark.parametrize("network", [slow.Plain, slow.Skip])
@pytest.mark.parametrize("kind", KINDS)
def test_a_contrast_equals_the_rule_applied_to_its_loss(kind: str, network: type[slow.Plain], x: Tensor) -> None:
    torch.manual_seed(0)
    model, asked = network("module").eval(), [2, 0]
    want = slow.slope(model, kind, x, lambda z: -torch.stack([z[i].log_softmax(0)[q] for i, q in enumerate(asked)]))
    got = getattr(explain, kind)(model, x, contrast=asked)
    assert float(want.abs().max()) > 0
    assert torch.allclose(got, want, atol=1e-6 * float(want.abs().max()), rtol=1e-5)


def test_the_rules_differ(x: Tensor) -> None:
    torch.manual_seed(0)
    model = slow.Plain("relu6").eval()
    assert float((model.one(x) * 4).detach().max()) > 6, "the upper mask is not tested"
    a, b, c = (getattr(explain, kind)(model, x, 1) for kind in KINDS)
    assert not torch.allclose(a, b) and not torch.allclose(b, c) and not torch.allclose(a, c)


class Shared(slow.Plain):
    """The same ReLU module twice in a row of in-place operations, with a holder of the rewritten tensor."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.one(x)
        y = self.relu(x)
        z = self.two(x if self.spelled is None else y)  # in place: x is y by now
        return self.head((self.relu(z) + y).mean((2, 3)))


@pytest.mark.parametrize("kind", KINDS)
def test_every_holder_of_an_in_place_result_follows_the_rule(kind: str, x: Tensor) -> None:
    torch.manual_seed(0)
    model = Shared("in-place").eval()
    want = slow.slope(model, kind, x, 1)
    assert torch.allclose(getattr(explain, kind)(model, x, 1), want, atol=1e-6 * float(want.abs().max()), rtol=1e-5)


@pytest.mark.parametrize("name", ["vit", "efficientnet_b0", "convnext", "swin"])
def test_networks_without_a_relu_are_refused(name: str) -> None:
    model = network(name).eval()
    x = torch.randn(1, 3, 224, 224)
    for method in (explain.deconvnet, explain.guided_backprop):
        with pytest.raises(ModelError, match=r"No ReLU ran between the picture and the score \(it has .*(GELU|SiLU)"):
            method(model, x)
    if name == "efficientnet_b0":
        assert explain.gradient(model, x).shape == x.shape


class Stem(nn.Module):
    """A convolution and a batch norm whose map is turned into tokens, as before attention."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.Linear(8, 4)
        nn.init.uniform_(self.norm.running_var, 0.5, 2)
        nn.init.normal_(self.norm.running_mean)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.norm(self.conv(x)).flatten(2).transpose(1, 2)
        logits: Tensor = self.head(tokens.square().cumsum(1)).mean(1)
        return logits


def test_one_pictures_gradient_behind_tokens_is_the_slope_of_its_score() -> None:
    """Torch's own is wrong by more than its size where a batch norm's gradient is channels-last and its map is not."""
    torch.manual_seed(0)
    model, x = Stem().double().eval(), torch.randn(1, 3, 9, 13).double()
    ways, step = torch.randn(8, 1, 3, 9, 13).double(), 1e-5
    with torch.no_grad():
        want = [float((model(x + step * way) - model(x - step * way))[0, 2]) / (2 * step) for way in ways]
    found = (explain.gradient(model, x, 2) * ways).flatten(1).sum(1)
    torch.testing.assert_close(found, torch.tensor(want).double(), rtol=1e-6, atol=1e-8)
    for layer in ("conv", "norm"):  # two pictures are not affected
        both = explain.grad_cam(model, torch.cat([x, x]), 2, layer=layer)
        torch.testing.assert_close(explain.grad_cam(model, x, 2, layer=layer), both[:1])


def test_targets_and_errors(x: Tensor) -> None:
    model = slow.Plain("module").eval()
    own = explain.gradient(model, x, lambda z: z[:, 0] - z[:, 1])
    assert torch.allclose(own, explain.gradient(model, x, 0) - explain.gradient(model, x, 1), atol=1e-6)
    with pytest.raises(TargetError, match="class 9 does not exist"):
        explain.guided_backprop(model, x, 9)
    with pytest.raises(InputError, match="NaN"):
        explain.gradient(model, x * torch.nan)
    with pytest.raises(InputError, match="does not depend on the picture"):
        explain.gradient(nn.Sequential(nn.Flatten(), Constant()), x, 0)


class Constant(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.ones(len(x), 3)


def test_another_threads_relus_are_its_own(x: Tensor) -> None:
    """While guided backpropagation runs, a ReLU of another thread keeps its derivative."""
    inside, done = threading.Event(), threading.Event()
    seen: list[Tensor] = []

    class Waits(slow.Plain):
        def forward(self, x: Tensor) -> Tensor:
            inside.set()
            assert done.wait(10)
            return super().forward(x)

    def other() -> None:
        assert inside.wait(10)
        t = torch.ones(1, requires_grad=True)
        seen.append(torch.autograd.grad(-F.relu(t), t)[0])
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    explain.guided_backprop(Waits("module").eval(), x, 0)
    thread.join()
    assert seen[0].item() == -1.0  # guided: 0


def test_the_shipped_network() -> None:
    net = gradlab.models.imagenet()
    x = net.transform(gradlab.data.picture("chelsea"))[None]
    maps = {kind: getattr(explain, kind)(net, x, "tabby") for kind in KINDS}
    assert all(m.shape == x.shape and bool(m.isfinite().all()) and bool(m.abs().max() > 0) for m in maps.values())
