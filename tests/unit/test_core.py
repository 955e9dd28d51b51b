"""Inputs, targets, layers: what is right works, and what is wrong gets one clear error before any work."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn

import gradlab
from gradlab import core, explain
from gradlab.core.layout import layout_of
from gradlab.explain.occlusion import incremental
from tests.conftest import Residual, Small, Tokens


@pytest.fixture
def model() -> Small:
    return Small().eval()


X = torch.randn(2, 3, 16, 16)
NAN = torch.where(torch.arange(16) == 3, torch.nan, X)

BAD_INPUTS = {
    "no batch axis": (X[0], r"no batch axis.*inputs\[None\]"),
    "two axes": (X[0, 0], "four axes"),
    "empty": (X[:0], "empty"),
    "integers": (X.to(torch.uint8), "dtype torch.uint8"),
    "NaN": (NAN, "96 NaN or infinite values out of 1536"),
    "infinite": (X / 0, "NaN or infinite"),
    "wrong dtype": (X.double(), "torch.float32"),
    "wrong channels": (X[:, :1], "1 channels.* reads 3"),
    "array": (X.numpy(), "torch.Tensor"),
}


@pytest.mark.parametrize("name", BAD_INPUTS)
@pytest.mark.parametrize("method", [explain.grad_cam, explain.contrast_cam, explain.all_contrasts])
def test_bad_inputs(model: Small, method, name: str) -> None:
    inputs, message = BAD_INPUTS[name]
    with pytest.raises(core.InputError, match=message):
        method(model, inputs)


def test_a_wrong_size_for_a_classifier(net: gradlab.models.Classifier) -> None:
    with pytest.raises(core.InputError, match=r"reads \(N, 3, 224, 224\)"):
        explain.grad_cam(net, torch.zeros(1, 3, 200, 224))


def test_a_model_that_is_none() -> None:
    with pytest.raises(core.ModelError, match=r"torch\.nn\.Module"):
        explain.grad_cam("resnet18", X)


def test_a_scripted_model(model: Small) -> None:
    with pytest.warns(FutureWarning):
        scripted = torch.jit.trace(model, X)
    with pytest.raises(core.ModelError, match="TorchScript"):
        explain.grad_cam(scripted, X)


def test_targets_mean_the_same(model: Small) -> None:
    want = explain.grad_cam(model, X, [2, 2])
    for target in (2, torch.tensor([2, 2]), torch.tensor(2), (2, 2), lambda z: z[:, 2]):
        assert torch.equal(explain.grad_cam(model, X, target), want)
    predicted = model(X).argmax(1)
    assert torch.equal(explain.grad_cam(model, X), explain.grad_cam(model, X, predicted))


def test_the_default_contrast_is_the_runner_up(model: Small) -> None:
    second = model(X).topk(2, 1).indices[:, 1]
    assert torch.equal(explain.contrast_cam(model, X), explain.contrast_cam(model, X, second))


def test_labels(net: gradlab.models.Classifier, chelsea: Tensor) -> None:
    by_label = explain.contrast_cam(net, chelsea, "Egyptian cat")
    assert torch.equal(by_label, explain.contrast_cam(net, chelsea, 285))
    assert torch.equal(by_label, explain.contrast_cam(net, chelsea, ["egyptian CAT"]))
    assert net.index("espresso") == 967


BAD_TARGETS = {
    "out of range": (5, "0 to 4"),
    "negative": (-1, "0 to 4"),
    "boolean": (True, "class index"),
    "float": (1.5, "target is 1.5"),
    "too few": ([1], "1 classes for a batch of 2"),
    "too many": (torch.tensor([1, 2, 3]), "3 classes for a batch of 2"),
    "float tensor": (torch.tensor([1.0, 2.0]), "expected integers"),
    "label without labels": ("cat", "no labels"),
    "callable of the wrong shape": (lambda z: z, r"\(2, 5\).*one score per sample"),
    "callable without a tensor": (lambda z: 3.0, "float"),
}


@pytest.mark.parametrize("name", BAD_TARGETS)
def test_bad_targets(model: Small, name: str) -> None:
    target, message = BAD_TARGETS[name]
    with pytest.raises(core.TargetError, match=message):
        explain.grad_cam(model, X, target)


def test_an_unknown_label_is_answered_with_the_nearest(net: gradlab.models.Classifier, chelsea: Tensor) -> None:
    with pytest.raises(core.TargetError, match=r"Did you mean.*'tiger cat'"):
        explain.grad_cam(net, chelsea, "tigercat")


def test_outputs_that_are_no_logits_need_a_callable() -> None:
    class Regressor(Small):
        def forward(self, x: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
            return {"score": super().forward(x)[:, 0]}

    model = Regressor().eval()
    with pytest.raises(core.ModelError, match=r"returns dict.*callable"):
        explain.grad_cam(model, X)
    assert explain.grad_cam(model, X, lambda out: out["score"]).shape == (2, 1, 8, 8)


def test_a_score_that_is_cut_off(model: Small) -> None:
    with pytest.raises(core.LayerError, match="do not depend"):
        explain.grad_cam(model, X, lambda z: z[:, 0].detach())


def test_layers_by_name_by_module_and_found(model: Small) -> None:
    want = explain.grad_cam(model, X, layer="conv2")
    assert torch.equal(explain.grad_cam(model, X, layer=model.conv2), want)
    assert core.run(model, X).layer == "relu"
    assert core.run(Residual(), X).layer == "stem", "the skip goes around conv"


BAD_LAYERS = {
    "misspelt": ("conv_2", "Did you mean 'conv2'"),
    "unknown": ("zzz", "named_modules"),
    "empty name": ("", "no layer ''"),
    "another model's": (nn.Conv2d(3, 3, 1), "not a part of this model"),
    "without a map": ("fc", r"no spatial map.*\(2, 5\)"),
    "a number": (3, "dotted name"),
}


@pytest.mark.parametrize("name", BAD_LAYERS)
def test_bad_layers(model: Small, name: str) -> None:
    layer, message = BAD_LAYERS[name]
    with pytest.raises(core.LayerError, match=message):
        explain.grad_cam(model, X, layer=layer)


def test_a_layer_that_does_not_run() -> None:
    model = Small().eval()
    model.spare = nn.Conv2d(3, 3, 1)
    with pytest.raises(core.LayerError, match="did not run"):
        explain.grad_cam(model, X, layer="spare")


def test_a_model_without_any_map() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 4)).eval()
    with pytest.raises(core.LayerError, match="No layer was found"):
        explain.grad_cam(model, X)


def test_tokens_that_no_output_reads_are_refused() -> None:
    """After the last attention only the class token counts: its map would be zero everywhere, silently."""
    model = Tokens().eval()
    with pytest.raises(core.LayerError, match="all gradients are 0"):
        explain.grad_cam(model, X, layer="block")
    assert core.run(model, X).activations.shape == (2, 16, 4, 4)


def test_layouts() -> None:
    square, wide = (224, 224), (224, 448)
    assert layout_of(torch.zeros(1, 512, 7, 7), square, "").kind == "NCHW"
    assert layout_of(torch.zeros(1, 7, 7, 768), square, "").kind == "NHWC"
    assert layout_of(torch.zeros(1, 7, 14, 768), wide, "").kind == "NHWC"
    tokens = layout_of(torch.zeros(1, 197, 768), square, "")
    assert (tokens.kind, tokens.prefix, tokens.height, tokens.width) == ("tokens", 1, 14, 14)
    assert layout_of(torch.zeros(1, 196, 768), square, "").prefix == 0
    values = torch.arange(1 * 5 * 2.0).reshape(1, 5, 2)
    maps = layout_of(values, (16, 16), "").to_maps(values)
    assert torch.equal(maps[0, :, 1, 0], values[0, 1 + 2]), "the class token first, then row by row"


def test_nothing_positive_is_a_value() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)).eval()
    nn.init.constant_(model[4].weight, -1.0)
    raw = explain.grad_cam(model, X, 0)
    shown = explain.unit_scale(raw)
    assert float(raw.max()) <= 0
    assert torch.equal(shown, torch.zeros_like(shown))


def test_tiny_maps_keep_their_contrast() -> None:
    maps = torch.rand(1, 1, 7, 7)
    torch.testing.assert_close(explain.unit_scale(maps * 1e-12), explain.unit_scale(maps))


def test_maps_keep_the_models_dtype() -> None:
    for dtype in (torch.float64, torch.bfloat16):
        got = explain.all_contrasts(Small().to(dtype).eval(), X.to(dtype))
        assert got.dtype == dtype
        assert bool(torch.isfinite(got).all())


def test_upsample_and_overlay() -> None:
    maps = torch.tensor([[[[0.0, 1.0], [2.0, 3.0]]]])
    assert explain.upsample(maps, 4)[0, 0, 0].tolist() == [0.0, 0.25, 0.75, 1.0]
    picture = gradlab.data.picture("coffee").resize((32, 24))
    assert explain.overlay(picture, maps, opacity=0.0).tobytes() == picture.tobytes()
    assert explain.overlay(picture, maps).size == (32, 24)
    for bad in ({"maps": maps.expand(2, 1, 2, 2)}, {"opacity": 2.0}, {"cmap": "rainbowish"}):
        with pytest.raises(core.InputError):
            explain.overlay(picture, **{"maps": maps, **bad})
    with pytest.raises(core.InputError):
        explain.upsample(maps[0], 4)
    with pytest.raises(core.InputError):
        explain.upsample(maps, 0)


class Worded(Small):
    """Its logits come in a dictionary, which tells nobody how many pictures there were."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        return {"logits": super().forward(x)}


@pytest.mark.parametrize("read", [lambda out: out["logits"][0], lambda out: out["logits"].flatten()])
@pytest.mark.parametrize(
    "ask",
    [
        explain.grad_cam,
        explain.gradient,
        lambda model, x, target: explain.occlusion(model, x, target, window=8, stride=8),
        lambda model, x, target: explain.contrast_cam(model, x, contrast=target),
        lambda model, x, target: explain.faithfulness.deletion(model, x, x[:, :1], target),
    ],
)
def test_a_callable_of_another_length_is_refused(ask: Any, read: Any) -> None:
    with pytest.raises(core.TargetError, match=r"one score per sample, shape \(2,\)"):
        ask(Worded().eval(), X, read)


def test_two_classes_of_one_name_are_asked_by_index() -> None:
    net = gradlab.models.Classifier(Small().eval(), ["crane", "cat", "crane", "dog", "cup"], (16, 16))
    with pytest.raises(core.TargetError, match=r"2 classes are called 'Crane'.*\[0, 2\]"):
        explain.grad_cam(net, X, "Crane")
    assert net.index("dog") == 3


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_map_that_is_not_finite_is_not_drawn(bad: float) -> None:
    with pytest.raises(core.InputError, match="NaN or infinite"):
        explain.overlay(gradlab.data.picture("chelsea"), torch.tensor([[1.0, bad]]))


class WordedTokens(nn.Module):
    """Patch tokens after the last attention reach no score; a dictionary hides that from whoever looks at outputs."""

    def __init__(self, tokens: nn.Module) -> None:
        super().__init__()
        self.tokens = tokens

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"logits": self.tokens(x)}


def test_the_found_layer_is_one_that_the_asked_score_reaches() -> None:
    net = torchvision.models.VisionTransformer(
        image_size=64, patch_size=16, num_layers=3, num_heads=2, hidden_dim=16, mlp_dim=32, num_classes=5
    ).eval()
    nn.init.normal_(net.heads.head.weight)
    x = torch.randn(2, 3, 64, 64)
    want = explain.grad_cam(net, x, 2)
    assert float(want.abs().max()) > 0
    worded = WordedTokens(net).eval()
    for _ in range(2):  # found, and remembered
        torch.testing.assert_close(explain.grad_cam(worded, x, lambda out: out["logits"][:, 2]), want)


class TwoHeads(Small):
    """A second head on an earlier layer runs last."""

    def __init__(self) -> None:
        super().__init__()
        self.early = nn.Sequential(nn.Conv2d(6, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 5, 1))

    def forward(self, x: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        first = self.relu(self.bn1(self.conv1(x)))
        logits = self.fc(self.relu(self.bn2(self.conv2(first))).mean((2, 3)))
        return {"out": logits, "aux": self.early(first).mean((2, 3))}


def test_each_of_two_heads_finds_its_own_layer() -> None:
    model = TwoHeads().eval()
    main, aux = (explain.grad_cam(model, X, lambda out, key=key: out[key][:, 1]) for key in ("out", "aux"))
    assert float(main.abs().max()) > 0 and main.shape == (2, 1, 8, 8)
    assert float(aux.abs().max()) > 0 and aux.shape == (2, 1, 16, 16)


def test_the_found_layer_does_not_depend_on_the_size_asked_before() -> None:
    """Of a picture of 8 pixels the last map has one cell, and is none; of one of 32 it has sixteen."""

    def made() -> nn.Module:
        trunk = (nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.Conv2d(4, 8, 3, 4, 1), nn.ReLU())
        return nn.Sequential(*trunk, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)).eval()

    large, small = torch.randn(1, 3, 32, 32), torch.randn(1, 3, 8, 8)
    fresh, used = made(), made()
    explain.grad_cam(used, small, 0)
    assert explain.grad_cam(used, large, 0).shape == explain.grad_cam(fresh, large, 0).shape == (1, 1, 4, 4)


class Frozen(nn.Module):
    """Its trunk runs under no_grad, as people freeze one."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk, self.fc = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU()), nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            x = self.trunk(x)
        logits: Tensor = self.fc(x.mean((2, 3)))
        return logits


def test_a_trunk_that_runs_under_no_grad_is_explained_from_its_output_on() -> None:
    model = Frozen().eval()
    want = (model.fc.weight[1].view(1, -1, 1, 1) / 256 * model.trunk(X)).sum(1, keepdim=True).detach()
    torch.testing.assert_close(explain.grad_cam(model, X, 1, layer="trunk"), want)


class Regressor(Small):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)[:, 0]


def test_a_regression_is_explained_by_its_one_number() -> None:
    torch.manual_seed(3)
    model = Regressor().eval()
    torch.manual_seed(3)
    plain = Small().eval()
    torch.testing.assert_close(explain.grad_cam(model, X, lambda y: y), explain.grad_cam(plain, X, 0))
    with pytest.raises(core.ModelError, match="not logits"):
        explain.grad_cam(model, X)


class Fold(torch.autograd.Function):
    """|x|, with a backward pass that assigns by a mask: vmap has no rule for that."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.abs()

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:  # type: ignore[override]
        (x,) = ctx.saved_tensors
        out = torch.zeros_like(x)
        out[x > 0], out[x < 0] = g[x > 0], -g[x < 0]
        return out


class Folded(nn.Module):
    def __init__(self, plain: bool) -> None:
        super().__init__()
        self.a, self.b, self.fc = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 8, 3), nn.Linear(8, 5)
        self.fold: Any = torch.abs if plain else Fold.apply

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.fold(self.b(self.fold(self.a(x)))).mean((2, 3)))
        return logits


def test_steps_that_cannot_be_batched_are_pulled_back_one_by_one() -> None:
    plain, folded = Folded(plain=True).eval(), Folded(plain=False).eval()
    folded.load_state_dict(plain.state_dict())
    torch.testing.assert_close(explain.all_contrasts(folded, X, layer="a"), explain.all_contrasts(plain, X, layer="a"))
    got, want = (gradlab.information.fisher(model, X) for model in (folded, plain))
    assert got.keys() == want.keys()
    for name, values in want.items():
        torch.testing.assert_close(got[name], values, rtol=1e-4, atol=1e-6 * float(values.max()))


def test_dictionaries_from_several_batches_of_windows_are_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    worded = Worded().eval()
    torch.manual_seed(0)
    want = explain.occlusion(Small().eval(), X, 1, window=4, stride=2)
    monkeypatch.setattr(incremental, "BUDGET", 2 * 6 * 16 * 16 * 4)  # two windows at a time
    torch.testing.assert_close(explain.occlusion(worded, X, lambda out: out["logits"][:, 1], window=4, stride=2), want)


class Cosine(nn.Module):
    """A head that is no nn.Linear: the cosine of h with a row for each class."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = nn.Parameter(torch.randn(7, 8))

    def forward(self, h: Tensor) -> Tensor:
        return 9 * nn.functional.normalize(h, dim=1) @ nn.functional.normalize(self.rows, dim=1).T


def test_every_class_of_a_head_that_is_not_linear_is_pulled_back() -> None:
    squeezed = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model = nn.Sequential(*squeezed, Cosine()).eval()
    every = explain.all_contrasts(model, X, layer="1")
    each = [explain.contrast_cam(model, X, contrast=q, layer="1") for q in range(7)]
    torch.testing.assert_close(every, torch.cat(each, 1), rtol=1e-4, atol=1e-6)
