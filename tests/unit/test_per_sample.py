"""Per-sample gradients of networks as people have them: right by whatever road, or refused with the reason."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune
from torch.utils.checkpoint import checkpoint

from gradlab.core import GradlabError, LayerError, ModelError
from gradlab.core import per_sample as engine
from gradlab.information import fisher, scores


class Net(nn.Module):
    """A convolution, something of the caller's, pooling, a head."""

    def __init__(self, middle: nn.Module | None = None, head: nn.Module | None = None, twist: Any = None) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, padding=1)
        self.middle = nn.Tanh() if middle is None else middle
        self.fc = nn.Linear(6, 4) if head is None else head
        self.twist = twist

    def forward(self, x: Tensor) -> Any:
        z = self.fc(self.middle(self.conv(x)).mean((2, 3)))
        return z if self.twist is None else self.twist(z)


class WrongBatching(torch.autograd.Function):
    """Twice its input, and under vmap four times."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return 2 * x

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None: ...

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        return 2 * g

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Tensor) -> Any:
        return 4 * x, in_dims[0]


class Gain(nn.Module):
    """A bare weight, which no rule covers, and a function of what it makes."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.gain, self.function = nn.Parameter(torch.linspace(0.5, 1.5, 6)[:, None, None]), function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x * self.gain)


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(6, 6, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.gru(x.flatten(2).transpose(1, 2))[0].transpose(1, 2)[..., None]


class Plain(nn.Linear):
    """Linear by another name."""


class Scaled(nn.Linear):
    def forward(self, h: Tensor) -> Tensor:
        return 1.05 * super().forward(h)


class Adapted(nn.Linear):
    """A linear layer with a low-rank addition of its own."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        self.down, self.up = nn.Parameter(torch.randn(2, inputs)), nn.Parameter(torch.randn(outputs, 2))

    def forward(self, h: Tensor) -> Tensor:
        return super().forward(h) + h @ self.down.T @ self.up.T


class Wrapped(nn.Module):
    def __init__(self, base: nn.Linear) -> None:
        super().__init__()
        self.base, self.down = base, nn.Linear(base.in_features, 2, bias=False)
        self.up = nn.Linear(2, base.out_features, bias=False)

    def forward(self, h: Tensor) -> Tensor:
        return self.base(h) + self.up(self.down(h))


class Repeated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.square, self.out = nn.Linear(6, 6), nn.Linear(6, 4, bias=False)

    def forward(self, h: Tensor) -> Tensor:
        return self.out(self.square(torch.tanh(self.square(h))))


class TwiceLast(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(6, 4)

    def forward(self, h: Tensor) -> Tensor:
        return self.out(h) + self.out(h.tanh())


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.out = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 4)
        self.b.weight = self.a.weight

    def forward(self, h: Tensor) -> Tensor:
        return self.out(self.b(self.a(h).tanh()))


class Cached(nn.Module):
    """Keeps, until it trains again, what it made of its weights."""

    def __init__(self) -> None:
        super().__init__()
        self.bias, self.cache = nn.Parameter(torch.randn(3)), {}
        self.register_buffer("index", torch.tensor([0, 1, 2, 2, 1, 0])[:, None, None], persistent=False)

    def train(self, mode: bool = True) -> nn.Module:
        if mode:
            self.cache = {}
        return super().train(mode)

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            return (x + self.bias[self.index]).tanh()
        if "bias" not in self.cache:
            self.cache["bias"] = self.bias[self.index]
        return (x + self.cache["bias"]).tanh()


class Checkpointed(nn.Module):
    def __init__(self, reentrant: bool) -> None:
        super().__init__()
        self.conv, self.reentrant = nn.Conv2d(6, 6, 1), reentrant

    def forward(self, x: Tensor) -> Tensor:
        return checkpoint(lambda y: self.conv(y).tanh(), x, use_reentrant=self.reentrant)


class Spare(nn.Module):
    """Weights that run and reach no output."""

    def __init__(self) -> None:
        super().__init__()
        self.out, self.other = nn.Linear(6, 4), nn.Linear(6, 4)

    def forward(self, h: Tensor) -> Tensor:
        self.other(h)
        return self.out(h)


def pruned(layer: nn.Module) -> nn.Module:
    prune.l1_unstructured(layer, "weight", 0.4)
    return layer


def old_norm(layer: nn.Module) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return nn.utils.weight_norm(layer)


@dataclass
class Output:
    loss: Tensor | None
    logits: Tensor


@dataclass
class Unnamed:
    scores: Tensor
    length: int


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "PReLU": lambda: Net(nn.PReLU(6)),
    "GRU": lambda: Net(Recurrent()),
    "a wrong batching rule": lambda: Net(Gain(WrongBatching.apply)),
    "a branch on a value": lambda: Net(Gain(lambda x: x.tanh() if bool(x.sum() > -1e9) else x)),
    "in place": lambda: Net(Gain(lambda x: x.mul_(2).tanh_())),
    "a subclass": lambda: Net(head=Plain(6, 4)),
    "a subclass that scales": lambda: Net(head=Scaled(6, 4)),
    "a subclass with weights of its own": lambda: Net(head=Adapted(6, 4)),
    "torch's subclass": lambda: Net(head=nn.modules.linear.NonDynamicallyQuantizableLinear(6, 4)),
    "low rank around": lambda: Net(head=Wrapped(nn.Linear(6, 4))),
    "no bias": lambda: Net(head=nn.Linear(6, 4, bias=False)),
    "a layer twice": lambda: Net(head=Repeated()),
    "the last layer twice": lambda: Net(head=TwiceLast()),
    "tied weights": lambda: Net(head=Tied()),
    "weight norm": lambda: Net(head=parametrizations.weight_norm(nn.Linear(6, 4))),
    "old weight norm": lambda: Net(head=old_norm(nn.Linear(6, 4))),
    "spectral norm": lambda: Net(parametrizations.spectral_norm(nn.Conv2d(6, 6, 1))),
    "old spectral norm": lambda: Net(nn.utils.spectral_norm(nn.Conv2d(6, 6, 1))),
    "pruned": lambda: Net(pruned(nn.Conv2d(6, 6, 1)), pruned(nn.Linear(6, 4))),
    "cached": lambda: Net(Cached()),
    "checkpointed": lambda: Net(Checkpointed(reentrant=False)),
    "checkpointed, re-entrant": lambda: Net(Checkpointed(reentrant=True)),
    "weights to spare": lambda: Net(head=Spare()),
    "batch norm in one dimension": lambda: Net(head=nn.Sequential(nn.BatchNorm1d(6), nn.Linear(6, 4))),
    "a dictionary": lambda: Net(twist=lambda z: {"features": z[:, None], "logits": z, "other": z + 1}),
    "a tuple": lambda: Net(twist=lambda z: (None, z, z[:, 0])),
    "a data class with logits": lambda: Net(nn.PReLU(6), twist=lambda z: Output(None, z)),
    "a data class without": lambda: Net(Gain(torch.tanh), twist=lambda z: Unnamed(z, 3)),
}


def pictures(n: int = 4) -> Tensor:
    return torch.randn(n, 3, 5, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def made(name: str) -> nn.Module:
    torch.manual_seed(0)
    return NETWORKS[name]().double().eval()


def tensor_of(model: nn.Module) -> Callable[[Tensor], Tensor]:
    """Return the model's logits as the slow version reads them, picked out by hand."""

    def logits(x: Tensor) -> Tensor:
        out = model(x)
        if isinstance(out, dict):
            return out["logits"]
        return out[1] if isinstance(out, tuple) else getattr(out, "logits", getattr(out, "scores", out))

    return logits


def slow_fisher(model: nn.Module, x: Tensor) -> list[dict[str, Tensor]]:
    """sum_c p_c g_c^2 of each picture, by backward() of one picture and one label after another."""
    found = []
    for row in x:
        total = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
        p = tensor_of(model)(row[None]).softmax(1)[0].detach()
        for c in range(len(p)):
            model.train(), model.eval(), model.zero_grad()  # no cache of the weights stays
            tensor_of(model)(row[None].clone().requires_grad_()).log_softmax(1)[0, c].backward()
            for name, own in model.named_parameters():
                total[name] += 0 if own.grad is None else p[c] * own.grad.square()
        found.append(total)
    model.zero_grad()
    return found


@pytest.mark.parametrize("name", NETWORKS)
def test_fisher_is_that_of_plain_autograd(name: str) -> None:
    model, x = made(name), pictures()
    want = slow_fisher(model, x)
    for _ in range(2):  # what the first call left in the network must not reach the second
        found = fisher(model, x)
        assert found.keys() == dict(model.named_parameters()).keys()
        for key, values in found.items():
            torch.testing.assert_close(values, torch.stack([w[key] for w in want]).mean(0), rtol=1e-9, atol=1e-15)
    traces = torch.stack([sum(v.sum() for v in w.values()) for w in want])
    torch.testing.assert_close(fisher(model, x, what="trace"), traces, rtol=1e-9, atol=0)


class Unaware(nn.Module):
    """A trunk that forward keeps away from autograd."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.trunk, self.fc, self.how = nn.Sequential(nn.Conv2d(3, 6, 3), nn.Tanh()), nn.Linear(6, 4), how

    def forward(self, x: Tensor) -> Tensor:
        if self.how == "detach":
            return self.fc(self.trunk(x).mean((2, 3)).detach())
        with torch.no_grad():
            h = self.trunk(x).mean((2, 3))
        return self.fc(h)


class Otherwise(nn.Module):
    """Runs its layer twice for pictures that shine."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        h = x.mean((2, 3))
        return self.fc(h) if float(x.max()) < 9 else self.fc(h) + self.fc(h * 2)


def shining() -> Tensor:
    x = pictures(5)
    x[4] = 10
    return x


def means_of_batches() -> nn.Module:
    return Net(nn.BatchNorm2d(6, track_running_stats=False))


REFUSED = {
    "a trunk under no_grad": (lambda: Unaware("no_grad"), pictures, {}, LayerError, "cuts its gradient"),
    "that trunk alone": (lambda: Unaware("no_grad"), pictures, {"layer": "trunk"}, LayerError, "cuts its gradient"),
    "a detached trunk": (lambda: Unaware("detach"), pictures, {}, LayerError, "'trunk.0.weight'"),
    "weights of no effect": (lambda: Net(head=Spare()), pictures, {"layer": "fc.other"}, LayerError, "do not depend"),
    "batch statistics": (means_of_batches, pictures, {}, ModelError, "(?i)one picture at a time"),
    "those of the head alone": (means_of_batches, pictures, {"layer": "fc"}, ModelError, "(?i)one picture at a time"),
    "a layer that runs otherwise": (Otherwise, shining, {}, ModelError, "otherwise on some"),
    "a regression": (lambda: Net(twist=lambda z: z[:, 0]), pictures, {}, ModelError, "not logits"),
    "two tensors to choose from": (lambda: Net(twist=lambda z: (z, z)), pictures, {}, ModelError, "not logits"),
    "integers": (lambda: Net(twist=lambda z: {"logits": z.argmax(1)}), pictures, {}, ModelError, "not logits"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_no_answer_is_better_than_a_wrong_one(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "CHUNK_NUMBERS", 1)  # one picture at a time
    make, x, asked, error, message = REFUSED[case]
    with pytest.raises(error, match=message) as raised:
        fisher(make().double().eval(), x(), **asked)
    assert isinstance(raised.value, GradlabError) and len(str(raised.value)) < 300


def test_a_frozen_trunk_leaves_the_head() -> None:
    model, x = Unaware("no_grad").double().eval(), pictures()
    want = [w["fc.weight"] for w in slow_fisher(model, x)]
    torch.testing.assert_close(fisher(model, x, layer="fc")["fc.weight"], torch.stack(want).mean(0))


def test_batch_statistics_of_one_picture_are_its_own() -> None:
    torch.manual_seed(0)
    model, x = means_of_batches().double().eval(), pictures(1)
    for key, values in slow_fisher(model, x)[0].items():
        torch.testing.assert_close(fisher(model, x)[key], values, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_a_rule_that_is_nearly_right_fails_in_every_precision(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    model = Net(head=type("Scaled", (Scaled,), {"forward": lambda self, h: 1.2 * nn.Linear.forward(self, h)})(6, 4))
    own = model.eval().to(dtype)
    found, want = fisher(own, pictures().to(dtype), layer="fc"), fisher(model.double(), pictures(), layer="fc")
    for key, values in want.items():
        error = (found[key].double() - values).abs().max() / values.abs().max()
        assert error < 8 * torch.finfo(dtype).eps, f"{key} off by {error:.1%}; the plain rule would be by 31 %"


@pytest.mark.parametrize("name", ["GRU", "a subclass", "cached", "a tuple"])
def test_scores_by_every_road(name: str) -> None:
    model, x = made(name), pictures(3)
    every, one = scores(model, x), scores(model, x, labels=[2, 0, 1])
    for i, label in enumerate((2, 0, 1)):
        for c in range(4):
            model.train(), model.eval(), model.zero_grad()
            tensor_of(model)(x[i][None].clone()).log_softmax(1)[0, c].backward()
            for key, own in model.named_parameters():
                torch.testing.assert_close(every[key][i, c], own.grad, rtol=1e-9, atol=1e-12)
                if c == label:
                    torch.testing.assert_close(one[key][i], own.grad, rtol=1e-9, atol=1e-12)


def test_what_is_cached_from_before_is_made_anew() -> None:
    model, x = made("cached"), pictures()
    want = fisher(model, x)
    with torch.no_grad():
        model(x)
    held = dict(model.middle.cache)
    for key, values in fisher(model, x).items():
        torch.testing.assert_close(values, want[key], rtol=0, atol=0)
    assert model.middle.cache == held and not model.training, "the caller's network was changed"


def test_many_classes_at_a_head_that_is_no_plain_linear() -> None:
    """A subclass takes the road of its kind: no pull-back through the network for each of a thousand classes."""
    runs = 0

    class Counting(Plain):
        def forward(self, h: Tensor) -> Tensor:
            nonlocal runs
            runs += 1
            return super().forward(h)

    model = Net(head=Counting(6, 1000)).eval()
    fisher(model, pictures().float(), layer="fc")
    assert runs <= 6, "the network ran once for each picture or class"
