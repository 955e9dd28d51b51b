"""Features: shapes, edges where there is nothing to divide by, and readable refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gradlab import introspect
from gradlab.core import GradlabError, InputError, LayerError, ModelError
from gradlab.introspect import weight_gradients
from gradlab.models import Classifier
from tests.conftest import ConvScored, Small
from tests.reference.introspect import Head


def test_shapes_and_order(pictures: Tensor) -> None:
    model = Small().eval()
    each = introspect.features(model, pictures, "ce", question="each", normalize=None)
    assert each.shape == (2, 5, 5 * 8)
    assert introspect.features(model, pictures).shape == (2, 5 * 8)
    kept = introspect.last_layer(model, pictures)
    assert kept.logits.shape == (2, 5) and kept.hidden.shape == (2, 8) and len(kept) == 2
    p = kept.logits.softmax(1)
    # index c * d + k, "rather than class 3?"
    assert each[1, 3, 2 * 8 + 6] == pytest.approx(float(p[1, 2] * kept.hidden[1, 6]), rel=1e-5)
    assert each[1, 3, 3 * 8 + 6] == pytest.approx(float((p[1, 3] - 1) * kept.hidden[1, 6]), rel=1e-5)
    assert not each.requires_grad


def test_a_classifier_is_a_model(pictures: Tensor) -> None:
    model = Small().eval()
    named = Classifier(model, list("abcde"), size=(16, 16))
    assert torch.equal(introspect.features(named, pictures), introspect.features(model, pictures))
    assert torch.equal(
        introspect.features(named, pictures, layer=model.conv2), introspect.features(model, pictures, layer="conv2")
    )


def test_the_factors_hold_what_the_features_do_without_building_them() -> None:
    kept = introspect.LastLayer(torch.randn(4, 1000), torch.randn(4, 1280))  # dense: 4 x 1000 x 1.28e6 numbers
    assert kept.rows("ce", "each").shape == (4, 1000, 1000)
    assert kept.norms("mse", "each").shape == kept.effective_rows().shape == (4, 1000)
    with pytest.raises(InputError, match=r"keep the two factors with gradlab\.introspect\.last_layer"):
        introspect.dense_features(kept, introspect.Recipe(question="each"))
    small = introspect.LastLayer(torch.randn(4, 5), torch.randn(4, 3))
    whole = introspect.dense_features(small, introspect.Recipe("bce", "each", None))
    torch.testing.assert_close(small.norms("bce", "each"), whole.norm(dim=2))
    torch.testing.assert_close(small[1:3].norms("bce"), small.norms("bce")[1:3])


@pytest.mark.parametrize("normalize", ["l2", "minmax", None])
@pytest.mark.parametrize("question", ["ones", "each"])
@pytest.mark.parametrize("loss", ["mse", "bce", "ce"])
def test_no_features_are_zeros_not_nan(loss: Any, question: Any, normalize: Any) -> None:
    h = torch.zeros(3, 4)
    made = introspect.dense_features(
        introspect.LastLayer(torch.randn(3, 5), h), introspect.Recipe(loss, question, normalize)
    )
    assert float(made.abs().max()) == 0
    model = Head(5).eval()
    with torch.no_grad():
        model.conv.weight.zero_(), model.conv.bias.fill_(-1)
    x = torch.randn(2, 3, 6, 6)
    for layer in (None, "fc", "conv"):
        assert (
            float(introspect.features(model, x, loss, question=question, normalize=normalize, layer=layer).abs().max())
            == 0
        )


def test_rounding_is_not_blown_up_to_length_one() -> None:
    # p is 1/7 but for rounding, so C p - 1 is rounding alone
    kept = introspect.LastLayer(torch.full((1, 7), 0.3), torch.ones(1, 4))
    assert float(kept.rows("ce").abs().max()) < 1e-6
    assert float(introspect.dense_features(kept, introspect.Recipe("ce", "ones", "l2")).abs().max()) == 0
    # a sure prediction: its own contrast is next to nothing and stays so beside the others
    sure = introspect.LastLayer(20 * torch.eye(7)[:1], torch.ones(1, 4))
    each = introspect.dense_features(sure, introspect.Recipe("ce", "each", "l2"))
    assert float(each[0, 0].norm()) < 1e-6
    assert float(each.norm()) == pytest.approx(1)
    assert float(each[0, 1].norm()) == pytest.approx(6**-0.5, rel=1e-4)
    # what is small and no rounding is kept
    faint = introspect.LastLayer(torch.tensor([[1e-3, 0.0, 0.0]]), torch.ones(1, 4))
    assert float(introspect.dense_features(faint, introspect.Recipe("ce", "ones", "l2")).norm()) == pytest.approx(1)


def test_saturated_logits_stay_finite() -> None:
    kept = introspect.LastLayer(torch.tensor([[1e4, -1e4, 0.0]]), torch.ones(1, 2))
    for loss in ("mse", "bce", "ce"):
        for question in ("ones", "each"):
            for normalize in ("l2", "minmax", None):
                recipe = introspect.Recipe(loss, question, normalize)  # type: ignore[arg-type]
                assert bool(torch.isfinite(introspect.dense_features(kept, recipe)).all())


class Scaled(Small):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).mul_(2)  # in place: the layer's own output tensor is what is returned


class Twice(Small):
    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.conv1(x)).mean((2, 3))
        x = nn.functional.pad(x, (0, 2))
        return self.again(torch.relu(self.again(x)))

    def __init__(self) -> None:
        super().__init__()
        self.again = nn.Linear(8, 8)


class Squashed(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(ConvScored(), nn.Tanh())


REFUSED: dict[str, tuple[type[GradlabError], str, Callable[[Tensor], Any]]] = {
    "loss": (InputError, "loss is 'l1'", lambda x: introspect.features(Small(), x, loss="l1")),  # type: ignore[arg-type]
    "question": (InputError, "question is 'all'", lambda x: introspect.features(Small(), x, question="all")),  # type: ignore[arg-type]
    "normalize": (InputError, "Standardizer", lambda x: introspect.features(Small(), x, normalize="standardize")),  # type: ignore[arg-type]
    "vector loss": (InputError, "one number", lambda x: introspect.features(Small(), x, loss=lambda z, y: z - y)),
    "no batch": (InputError, "no batch axis", lambda x: introspect.features(Small(), x[0])),
    "empty": (InputError, "empty", lambda x: introspect.features(Small(), x[:0])),
    "nan": (InputError, "NaN", lambda x: introspect.features(Small(), x * torch.nan)),
    "integers": (InputError, "dtype", lambda x: introspect.features(Small(), x.long())),
    "no model": (ModelError, "torch.nn.Module", lambda x: introspect.features("resnet", x)),
    "map": (ModelError, "logits", lambda x: introspect.features(nn.Conv2d(3, 4, 1), x)),
    "convolution": (
        LayerError,
        "layer='0.score.1'",
        lambda x: introspect.features(nn.Sequential(ConvScored(), nn.Tanh()), x),
    ),
    "scaled": (LayerError, "closed form", lambda x: introspect.features(Scaled(), x)),
    "twice": (LayerError, "closed form", lambda x: introspect.features(Twice(), x)),
    "not run": (LayerError, "do not depend on the weights", lambda x: introspect.features(Twice(), x, layer="conv2")),
    "no such layer": (LayerError, "Did you mean 'conv", lambda x: introspect.features(Small(), x, layer="konv1")),
    "no weight": (LayerError, "no weight", lambda x: introspect.features(Small(), x, layer="relu")),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_say_what_would_be_right(case: str, pictures: Tensor) -> None:
    error, words, ask = REFUSED[case]
    with pytest.raises(error, match=words):
        ask(pictures)


def test_logits_that_are_not_finite_are_refused(pictures: Tensor) -> None:
    model = Small().eval()
    with torch.no_grad():
        model.fc.bias[1] = torch.inf
    for layer in (None, "conv1"):
        with pytest.raises(ModelError, match="NaN or infinite"):
            introspect.features(model, pictures, layer=layer)


def test_too_many_numbers_are_refused_before_they_are_made(pictures: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weight_gradients, "MOST_NUMBERS", 2 * 5 * 5 * 8 - 1)
    for layer in (None, "fc", "conv1"):
        with pytest.raises(InputError, match="ask fewer pictures"):
            introspect.features(Small().eval(), pictures, question="each", layer=layer)
    assert introspect.features(Small().eval(), pictures).shape == (2, 40)


def test_a_standardiser_learns_in_batches_what_it_would_learn_at_once() -> None:
    rows = torch.randn(1000, 5) * torch.tensor([1.0, 1e-3, 1e3, 0.0, 0.0]) + torch.tensor([0.0, 5.0, 1e3, 7.3, 0.0])
    one = introspect.Standardizer(5).fit(rows)
    many = introspect.Standardizer(5).fit(rows.split(33))
    torch.testing.assert_close(one.mean, many.mean)
    torch.testing.assert_close(one.std, many.std)
    torch.testing.assert_close(one.mean, rows.double().mean(0).float())
    torch.testing.assert_close(one.std[:3], rows.double().std(0, correction=0).float()[:3])
    assert one.std[3:].tolist() == [1, 1], "constant features are not stretched"
    assert float(one(rows).abs().max()) < 10
    with pytest.raises(ModelError, match="fit"):
        introspect.Standardizer(5)(rows)
    with pytest.raises(InputError, match=r"expected a floating tensor \(n, 5\)"):
        introspect.Standardizer(5).fit(rows[:, :4])
    with pytest.raises(InputError, match="finite"):
        introspect.Standardizer(5).fit(rows / 0)
    with pytest.raises(InputError, match="no features"):
        introspect.Standardizer(5).fit([])


def test_a_layer_that_runs_twice_gets_both_its_gradients(pictures: Tensor) -> None:
    model = Twice().eval()
    made = introspect.features(model, pictures, "ce", normalize=None, layer="again")
    for picture, one in zip(pictures, made, strict=True):
        logits = model(picture[None])
        loss = -logits.log_softmax(1).sum()
        (want,) = torch.autograd.grad(loss, model.again.weight)
        torch.testing.assert_close(one, want.flatten(), rtol=1e-4, atol=1e-6)
