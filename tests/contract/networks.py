"""Networks as people have them: each beside an ordinary one that computes the same, and what it may refuse, and why."""

from __future__ import annotations

import copy
import types
import warnings
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, parametrize, prune
from torch.utils.checkpoint import checkpoint

from tests.contract.methods import Question


class Plain(nn.Module):
    """conv-bn-relu-conv-relu-pool-dropout-fc: the ordinary network that most others here compute."""

    def __init__(self, classes: int = 4) -> None:
        super().__init__()
        self.conv1, self.bn, self.conv2 = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Conv2d(4, 5, 3, 2, 1)
        self.drop, self.fc = nn.Dropout(0.5), nn.Linear(5, classes)

    def maps(self, x: Tensor) -> Tensor:
        return F.relu(self.conv2(F.relu(self.bn(self.conv1(x)))))

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.drop(self.maps(x).mean((2, 3))))
        return logits


def plain(classes: int = 4, kind: type[Plain] = Plain) -> Any:
    """Return a network of that class with the same weights in all of them."""
    generator = torch.Generator().manual_seed(7)
    net = Plain(classes)
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(torch.randn(p.shape, generator=generator) * (0.5 if p.ndim > 1 else 0.3) + (p.ndim == 1) * 0.4)
        for b in (net.bn.running_mean, net.bn.running_var):
            b.copy_(torch.rand(b.shape, generator=generator) + 0.5)
    if kind is Plain:
        return net.eval()
    other = kind(classes)
    other.load_state_dict(net.state_dict(), strict=False)
    return other.eval()


def pictures(dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(2, 3, 12, 12, generator=torch.Generator().manual_seed(1)).to(dtype)


@dataclass(frozen=True)
class Kind:
    """A kind of network.

    Attributes:
        make: of the ordinary network: the one of this kind.
        ordinary: the ordinary network that computes the same.
        refuses: what a method needs, to the reason that is given to those that need it; "any": to all.
        asked: how it is asked; ordinary_asked: how the ordinary one is.
        x: its pictures.
        own: its weights are not the ordinary network's, and those of some are not the registry's.
        near: how far values may lie from the ordinary network's, in units of their size.
    """

    make: Callable[[Any], nn.Module]
    ordinary: Callable[[], Any] = plain
    refuses: Mapping[str, str] = field(default_factory=dict)
    asked: Question = field(default_factory=Question)
    ordinary_asked: Question = field(default_factory=Question)
    x: Callable[[], Tensor] = pictures
    own: bool = False
    near: float = 1e-4


# --- other outputs ---------------------------------------------------------------------------------------------------


class Returning(nn.Module):
    def __init__(self, net: nn.Module, made: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.net, self.made = net, made

    def forward(self, x: Tensor) -> Any:
        return self.made(self.net(x))


@dataclass
class Output:
    logits: Tensor
    loss: Tensor | None = None


class Named(NamedTuple):
    logits: Tensor
    hidden: Tensor


class ModelOutput(OrderedDict[str, Any]):
    """As the outputs of Hugging Face's models are: a dictionary, by attribute and by number too."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__(logits=logits)

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def returning(made: Callable[[Tensor], Any], read: Callable[[Any], Tensor], says: str = "") -> Kind:
    return Kind(
        lambda net: Returning(net, made),
        refuses={"logits": rf"{says}.*logits"} if says else {},
        asked=Question(score=lambda o: read(o)[:, 1]),
    )


# --- other ways to hold weights --------------------------------------------------------------------------------------


def changed(change: Callable[[Any], Any]) -> Callable[[Any], nn.Module]:
    """Return a maker that changes a network in place."""

    def make(net: Any) -> nn.Module:
        other = change(net)
        return net if other is None else other  # type: ignore[no-any-return]

    return make


def baked(change: Callable[[Any], Any]) -> Callable[[], Any]:
    """Return the ordinary network with the weights that another one computes for its convolution and linear layer."""

    def make() -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            source = changed(change)(plain())
        source(pictures())  # old ones are computed by a hook
        net = plain()
        with torch.no_grad():
            for name in ("conv1", "conv2", "fc"):
                getattr(net, name).weight.copy_(getattr(source, name).weight)
        return net

    return make


def pruned(net: Any) -> None:
    torch.manual_seed(3)
    prune.l1_unstructured(net.conv1, "weight", 0.3)
    prune.random_structured(net.conv2, "weight", 0.4, dim=0)
    prune.l1_unstructured(net.fc, "weight", 0.3)


def old_weight_norm(net: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nn.utils.weight_norm(net.conv2)
        nn.utils.weight_norm(net.fc)


def new_weight_norm(net: Any) -> None:
    parametrizations.weight_norm(net.conv2)
    parametrizations.weight_norm(net.fc)


def old_spectral_norm(net: Any) -> None:
    torch.manual_seed(3)
    nn.utils.spectral_norm(net.conv2)
    nn.utils.spectral_norm(net.fc)
    with torch.no_grad():  # some rounds of the power iteration
        for part, x in ((net.conv2, torch.zeros(1, 4, 12, 12)), (net.fc, torch.zeros(1, 5))):
            for _ in range(5):
                part.train()(x)
            part.eval()


def new_spectral_norm(net: Any) -> None:
    torch.manual_seed(3)
    parametrizations.spectral_norm(net.conv2)
    parametrizations.spectral_norm(net.fc)
    net.eval()


class Doubled(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return weight * 2


def parametrized(net: Any) -> None:
    parametrize.register_parametrization(net.conv1, "weight", Doubled())
    parametrize.register_parametrization(net.fc, "weight", Doubled())


class Lora(nn.Module):
    """A frozen linear layer and a trained product of two thin ones beside it."""

    def __init__(self, base: nn.Linear) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(5)
        self.base = base.requires_grad_(False)
        self.a = nn.Parameter(torch.randn(2, base.in_features, generator=generator))
        self.b = nn.Parameter(torch.randn(base.out_features, 2, generator=generator))

    @property
    def weight(self) -> Tensor:
        return self.base.weight + self.b @ self.a

    def forward(self, h: Tensor) -> Tensor:
        return self.base(h) + h @ self.a.T @ self.b.T  # type: ignore[no-any-return]


class LinearLora(nn.Linear):
    """The same as a subclass of Linear, as peft and loralib write it."""

    def __init__(self, base: nn.Linear) -> None:
        super().__init__(base.in_features, base.out_features)
        self.weight, self.bias = base.weight, base.bias
        self.side = Lora(base)

    def forward(self, h: Tensor) -> Tensor:
        return super().forward(h) + h @ self.side.a.T @ self.side.b.T


def lora(net: Any) -> None:
    net.fc = Lora(net.fc)


def linear_lora(net: Any) -> None:
    net.fc = LinearLora(net.fc)


def merged_lora() -> Any:
    net = plain()
    with torch.no_grad():
        net.fc.weight.copy_(Lora(net.fc).weight)
    net.fc.requires_grad_()
    return net


class TimmLinear(nn.Linear):
    def forward(self, h: Tensor) -> Tensor:
        return F.linear(h, self.weight, self.bias)


def subclassed(net: Any) -> None:
    other = TimmLinear(5, 4)
    other.load_state_dict(net.fc.state_dict())
    net.fc = other


class Tied(Plain):
    """One convolution runs twice."""

    def maps(self, x: Tensor) -> Tensor:
        return F.relu(self.conv2(F.relu(self.bn(self.conv1(F.relu(self.conv1(x))[:, :3])))))


class Untied(Plain):
    def __init__(self, classes: int = 4) -> None:
        super().__init__(classes)
        self.again = copy.deepcopy(self.conv1)

    def maps(self, x: Tensor) -> Tensor:
        return F.relu(self.conv2(F.relu(self.bn(self.conv1(F.relu(self.again(x))[:, :3])))))


def untied() -> Any:
    net, source = Untied(), plain(kind=Tied)
    net.load_state_dict(source.state_dict(), strict=False)
    net.again.load_state_dict(source.conv1.state_dict())
    return net.eval()


def quantised(net: Any) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.ao.quantization.quantize_dynamic(net, {nn.Linear}, dtype=torch.qint8)  # type: ignore[no-any-return]


def with_ordinary_part() -> Any:
    return with_part(lambda part: part)(plain())


def lazily(run: bool) -> Callable[[Any], nn.Module]:
    def make(net: Any) -> nn.Module:
        lazy = Plain()
        lazy.conv1, lazy.bn = nn.LazyConv2d(4, 3, padding=1), nn.LazyBatchNorm2d()
        lazy.conv2, lazy.fc = nn.LazyConv2d(5, 3, 2, 1), nn.LazyLinear(4)
        if run:
            lazy(pictures())
            lazy.load_state_dict(net.state_dict())
        return lazy.eval()

    return make


# --- other ways to run -----------------------------------------------------------------------------------------------


class Checkpointed(Plain):
    reentrant = False

    def maps(self, x: Tensor) -> Tensor:
        return checkpoint(super().maps, x, use_reentrant=self.reentrant)  # type: ignore[no-any-return]


class Reentrant(Checkpointed):
    reentrant = True


class Caching(nn.Conv2d):
    """What it computes of its weights is kept in a plain attribute, in eval mode, as LeViT's attention biases are."""

    def forward(self, x: Tensor) -> Tensor:
        if self.training or not hasattr(self, "cache"):
            self.cache = {"weight": self.weight * 2 / 2}
        return F.conv2d(x, self.cache["weight"], self.bias, self.stride, self.padding)


def caching(net: Any) -> None:
    other = Caching(4, 5, 3, 2, 1)
    other.load_state_dict(net.conv2.state_dict())
    net.conv2 = other.eval()


class BufferCached(Plain):
    def __init__(self, classes: int = 4) -> None:
        super().__init__(classes)
        self.register_buffer("seen", torch.zeros(()))
        self.register_buffer("last", None)

    def forward(self, x: Tensor) -> Tensor:
        self.seen = self.seen + 1
        h = self.maps(x).mean((2, 3))
        self.last = h.detach()
        return self.fc(self.drop(h))  # type: ignore[no-any-return]


class Compiled(Plain):
    """Its forward is compiled where it is written."""

    forward = torch.compile(Plain.forward, backend="eager")


class FrozenTrunk(Plain):
    def maps(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            return super().maps(x)


class AllFrozen(Plain):
    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)


class AllInference(Plain):
    @torch.inference_mode()
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)


class Fold(torch.autograd.Function):
    """An absolute value with a backward that no batching rule covers."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.abs()

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        out = torch.zeros_like(x)
        out[x > 0] = g[x > 0]
        out[x < 0] = -g[x < 0]
        return out


class Folded(Plain):
    fold: Any = staticmethod(Fold.apply)

    def maps(self, x: Tensor) -> Tensor:
        return self.fold(self.conv2(F.relu(self.bn(self.conv1(x)))))  # type: ignore[no-any-return]


class Unfolded(Folded):
    fold = staticmethod(torch.abs)


class KeywordOnly(Plain):
    def forward(self, *, pixel_values: Tensor) -> Tensor:
        return super().forward(pixel_values)


class Scaled(Plain):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x * 3)


class ScaledInPlace(Plain):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.mul_(3))


class ReluInPlace(Plain):
    def maps(self, x: Tensor) -> Tensor:
        y = self.bn(self.conv1(x))
        F.relu_(y)
        y = self.conv2(y)
        return F.relu_(y)


class Sequence(nn.Module):
    def __init__(self, classes: int = 4) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv1d(3, 5, 3), nn.Linear(5, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(F.relu(self.conv(x)).mean(2))  # type: ignore[no-any-return]


class Volume(nn.Module):
    def __init__(self, classes: int = 4) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv3d(1, 5, 3), nn.Linear(5, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(F.relu(self.conv(x)).mean((2, 3, 4)))  # type: ignore[no-any-return]


class Scripted(nn.Module):
    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.conv(x))


class WithPart(Plain):
    """The second convolution with its ReLU is a part, which may be scripted, traced or compiled."""

    def __init__(self, classes: int = 4) -> None:
        super().__init__(classes)
        self.part: Any = None

    def maps(self, x: Tensor) -> Tensor:
        return self.part(F.relu(self.bn(self.conv1(x))))  # type: ignore[no-any-return]


def with_part(change: Callable[[nn.Module], Any]) -> Callable[[Any], nn.Module]:
    def make(net: Any) -> nn.Module:
        other = WithPart()
        other.load_state_dict(net.state_dict())
        part = Scripted(other.conv2).eval()
        del other.conv2
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            other.part = change(part)
        return other.eval()

    return make


def patched(net: Any) -> None:
    inner = net.conv2.forward
    net.conv2.forward = lambda x: inner(x)


def patched_by_method(net: Any) -> None:
    net.forward = types.MethodType(lambda self, x: self.fc(self.maps(x).mean((2, 3))), net)


class Wrapper(nn.Module):
    """As DataParallel does: the network is an attribute, and attributes are looked up there."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("module"), name)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)


class Holder:
    def __init__(self, net: nn.Module) -> None:
        self.net = net


class Held(nn.Module):
    """The network is in a plain object, where no registry sees it."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.first, self.holder = nn.Identity(), Holder(net)

    def forward(self, x: Tensor) -> Tensor:
        return self.holder.net(self.first(x))  # type: ignore[no-any-return]


class Listed(nn.Module):
    """The network's parts are in a plain list."""

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.parts, self.fc = [net.conv1, net.bn, nn.ReLU(), net.conv2, nn.ReLU()], net.fc

    def forward(self, x: Tensor) -> Tensor:
        for part in self.parts:
            x = part(x)
        return self.fc(x.mean((2, 3)))  # type: ignore[no-any-return]


class Routed(nn.Module):
    def __init__(self, net: Any) -> None:
        super().__init__()
        self.routes = nn.ModuleDict({"main": net.conv1, "other": nn.Conv2d(3, 4, 1)})
        self.rest, self.route = net, "main"
        net.conv1 = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.rest(self.routes[self.route](x))  # type: ignore[no-any-return]


def noted(net: Any) -> None:
    """Hooks that belong to the network: one scales a map, one notes it."""
    net.conv1.register_forward_hook(lambda part, args, out: out * 1.0)
    net.maps_seen = []
    net.conv2.register_forward_pre_hook(lambda part, args, kwargs: (args, kwargs), with_kwargs=True)


def batch_statistics(net: Any) -> None:
    net.bn.running_mean = net.bn.running_var = net.bn.num_batches_tracked = None
    net.bn.track_running_stats = False


def nan_weights(net: Any) -> None:
    with torch.no_grad():
        net.conv2.weight[0, 0, 0, 0] = float("nan")


def averaged(net: Any) -> nn.Module:
    return torch.optim.swa_utils.AveragedModel(net)


def exported(net: Any) -> nn.Module:
    return torch.export.export(net, (pictures(),), dynamic_shapes=({0: torch.export.Dim("n")},)).module()


def in_inference_mode(net: Any) -> nn.Module:
    with torch.inference_mode():
        other = Plain().eval()
        other.load_state_dict(net.state_dict())
    return other


def in_training(net: Any) -> nn.Module:
    net.train()
    net.bn.eval()
    return net  # type: ignore[no-any-return]


class Casting(Plain):
    """Its own forward runs under autocast."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            h = self.maps(x).float()
        return self.fc(self.drop(h.mean((2, 3))))  # type: ignore[no-any-return]


# ---------------------------------------------------------------------------------------------------------------------

_ONE_SCORE = Question(target=0, score=lambda z: z[:, 0])
_SLOPELESS = "no_grad"

_MADE = {"last_weight": "no weight of its own"}
_NO_DROPOUT = {"dropout": "dropout"}
_UNSEEN = {"map": "No layer", "linear": "closed form"}

KINDS: dict[str, Kind] = {
    "plain": Kind(lambda net: net),
    # outputs
    "dict": returning(lambda z: {"aux": None, "logits": z}, lambda o: o["logits"]),
    "tuple": returning(lambda z: (z, z * 2), lambda o: o[0], "returns (a )?tuple"),
    "named tuple": returning(lambda z: Named(z, z * 2), lambda o: o.logits),
    "dataclass": returning(lambda z: Output(z), lambda o: o.logits),
    "ModelOutput": returning(ModelOutput, lambda o: o.logits),
    "regression (N,)": Kind(
        lambda net: Returning(net, lambda z: z[:, 0]),
        lambda: plain(1),
        {"logits": r"shape \(2,\).*logits"},
        Question(score=lambda y: y),
        _ONE_SCORE,
    ),
    "one logit": Kind(lambda net: net, lambda: plain(1), {"two": r"1 logit"}, _ONE_SCORE, _ONE_SCORE),
    "maps of logits": returning(lambda z: z[:, :, None, None].expand(-1, -1, 2, 2), lambda o: o[:, :, 0, 0], "shape"),
    # weights
    "pruned": Kind(
        changed(pruned),
        baked(pruned),
        {"weight": "no weight of its own", "last_weight": "no weight of its own"},
        own=True,
    ),
    "weight_norm, old": Kind(changed(old_weight_norm), baked(old_weight_norm), _MADE, own=True),
    "weight_norm, new": Kind(changed(new_weight_norm), baked(new_weight_norm), _MADE, own=True),
    "spectral_norm, old": Kind(changed(old_spectral_norm), baked(old_spectral_norm), _MADE, own=True),
    "spectral_norm, new": Kind(changed(new_spectral_norm), baked(new_spectral_norm), _MADE, own=True),
    "parametrized": Kind(
        changed(parametrized),
        baked(parametrized),
        {"weight": "no weight of its own", "last_weight": "no weight of its own"},
        own=True,
    ),
    "lazy, never run": Kind(lazily(False), refuses={"any": "lazy layers that were never run: run it once"}),
    "lazy, run": Kind(lazily(True)),
    "LoRA": Kind(changed(lora), merged_lora, {"linear": "closed form"}, own=True),
    "LoRA of a Linear": Kind(changed(linear_lora), merged_lora, {"linear": "closed form"}, own=True),
    "subclass of Linear": Kind(changed(subclassed)),
    "tied weights": Kind(lambda net: plain(kind=Tied), untied, own=True),
    "dynamically quantised": Kind(
        quantised,
        refuses={"any": "see each other"},
        near=0.3,  # each batch has a scale of its own
    ),
    "float64": Kind(lambda net: net.double(), x=lambda: pictures(torch.float64)),
    "bfloat16": Kind(lambda net: net.bfloat16(), x=lambda: pictures(torch.bfloat16), near=0.2),
    "float16": Kind(
        lambda net: net.half(), refuses={"second_slope": "float16"}, x=lambda: pictures(torch.float16), near=0.2
    ),
    "made in inference mode": Kind(in_inference_mode),
    "frozen": Kind(lambda net: net.requires_grad_(False)),
    "channels last": Kind(lambda net: net.to(memory_format=torch.channels_last)),
    "NaN weights": Kind(changed(nan_weights), refuses={"any": "NaN"}),
    "on meta": Kind(lambda net: net.to("meta"), refuses={"any": "device|meta"}),
    # runs
    "compiled": Kind(lambda net: torch.compile(net, backend="eager")),
    "compiled part": Kind(with_part(lambda part: torch.compile(part, backend="eager")), with_ordinary_part),
    "compiled in place": Kind(changed(lambda net: net.compile(backend="eager"))),
    "compiled forward": Kind(lambda net: plain(kind=Compiled)),
    "checkpointed": Kind(lambda net: plain(kind=Checkpointed)),
    "checkpointed, reentrant": Kind(
        lambda net: plain(kind=Reentrant),
        refuses={"map": "No layer", **dict.fromkeys(("slope", "layer", "weights"), "use_reentrant=False")},
    ),
    "cache in an attribute": Kind(changed(caching)),
    "cache in a buffer": Kind(lambda net: plain(kind=BufferCached)),
    "trunk under no_grad": Kind(
        lambda net: plain(kind=FrozenTrunk),
        refuses={"slope": _SLOPELESS, "trunk": _SLOPELESS, "weights": _SLOPELESS},
        own=True,
    ),
    "all under no_grad": Kind(
        lambda net: plain(kind=AllFrozen),
        refuses=dict.fromkeys(("slope", "weights", "last_weight"), _SLOPELESS),
        own=True,
    ),
    "all under inference_mode": Kind(lambda net: plain(kind=AllInference), refuses={"graph": _SLOPELESS}),
    "no batching rule": Kind(lambda net: plain(kind=Folded), lambda: plain(kind=Unfolded)),
    "keyword only": Kind(lambda net: plain(kind=KeywordOnly), refuses={"any": "forward does not take"}),
    "input changed in place": Kind(lambda net: plain(kind=ScaledInPlace), lambda: plain(kind=Scaled)),
    "ReLU in place": Kind(lambda net: plain(kind=ReluInPlace)),
    "sequences": Kind(lambda net: Sequence().eval(), refuses={"any": r"\(N, C, L\)"}, x=lambda: torch.randn(2, 3, 12)),
    "volumes": Kind(
        lambda net: Volume().eval(), refuses={"any": r"\(N, C, D, H, W\)"}, x=lambda: torch.randn(2, 1, 6, 6, 6)
    ),
    "scripted part": Kind(with_part(torch.jit.script), with_ordinary_part, own=True),
    "traced part": Kind(
        with_part(lambda part: torch.jit.trace(part, torch.rand(1, 4, 12, 12))), with_ordinary_part, own=True
    ),
    "scripted": Kind(lambda net: torch.jit.script(net), refuses={"any": "TorchScript"}),
    "traced": Kind(lambda net: torch.jit.trace(net, pictures()), refuses={"any": "TorchScript"}),
    "traced by fx": Kind(lambda net: torch.fx.symbolic_trace(net)),
    "exported": Kind(exported, refuses={"map": "No layer", "linear": "closed form", **_NO_DROPOUT}, own=True),
    "averaged": Kind(averaged),
    "forward patched": Kind(changed(patched), refuses=dict.fromkeys(("weights", "last_weight", "copy"), "closure")),
    "forward patched by a method": Kind(changed(patched_by_method), refuses=_NO_DROPOUT),
    "DataParallel": Kind(lambda net: nn.DataParallel(net)),
    "wrapper": Kind(Wrapper),
    "in a plain object": Kind(Held, refuses={**_UNSEEN, "weights": "no weights", "copy": "nn.ModuleList"}),
    "in a plain list": Kind(Listed, refuses={"map": "No layer", "copy": "nn.ModuleList", **_NO_DROPOUT}, own=True),
    "routed": Kind(Routed, own=True),
    "with hooks of its own": Kind(changed(noted)),
    "batch statistics": Kind(changed(batch_statistics), refuses={"any": "batch"}),
    "in training": Kind(in_training),
    "autocast inside": Kind(lambda net: plain(kind=Casting), near=0.2),
}
