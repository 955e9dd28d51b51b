"""Closed forms and pulled-back gradients equal one backward pass per sample and question; what holds of Lemma 1."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gradlab import introspect
from tests.conftest import NETWORKS, ConvScored
from tests.reference import introspect as slow

TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12}  # of the largest value of a sample


def assert_equal(got: Tensor, want: Tensor) -> None:
    assert got.shape == want.shape
    far = (got - want).abs().flatten(1).amax(1)
    size = want.abs().flatten(1).amax(1)
    assert float(size.min()) > 0
    assert bool((far <= TOLERANCE[want.dtype] * size).all()), float((far / size).max())


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("classes", [10, 100, 1000])
@pytest.mark.parametrize("question", ["ones", "each"])
@pytest.mark.parametrize("loss", slow.LOSSES)
def test_closed_form_equals_autograd(loss: str, question: str, classes: int, dtype: torch.dtype) -> None:
    model = slow.Head(classes).to(dtype).eval()
    x = 3 * torch.randn(2, 3, 6, 6, dtype=dtype, generator=torch.Generator().manual_seed(1))
    got = introspect.features(model, x, loss, question=question, normalize=None)
    assert_equal(got, slow.features(model, x, loss, question, "fc"))


def test_without_bias_and_batched_as_alone() -> None:
    model = slow.Head(10, bias=False).double().eval()
    x = torch.randn(5, 3, 6, 6, dtype=torch.float64)
    got = introspect.features(model, x, "ce", question="each", normalize=None)
    assert_equal(got, slow.features(model, x, "ce", "each", "fc"))
    assert_equal(got[2:3], introspect.features(model, x[2:3], "ce", question="each", normalize=None))


@pytest.mark.parametrize("question", ["ones", "each"])
@pytest.mark.parametrize("loss", slow.LOSSES)
@pytest.mark.parametrize("network", NETWORKS)
def test_any_layer_equals_autograd(network: str, loss: str, question: str, pictures: Tensor) -> None:
    model, x = NETWORKS[network]().double().eval(), pictures.double()
    # a module inside an attention runs fused, without being called
    layers = [n for n, part in model.named_modules() if isinstance(part, (nn.Conv2d, nn.Linear, nn.BatchNorm2d))]
    for layer in (name for name in layers if not name.startswith("block")):
        got = introspect.features(model, x, loss, question=question, normalize=None, layer=layer)
        assert_equal(got, slow.features(model, x, loss, question, layer))


def test_a_loss_of_ones_own() -> None:
    model = slow.Head(10).double().eval()
    x = torch.randn(3, 3, 6, 6, dtype=torch.float64)

    def smooth(z: Tensor, y: Tensor) -> Tensor:
        return F.smooth_l1_loss(z, y, reduction="sum")

    slow.LOSSES["own"] = smooth
    try:
        for question in ("ones", "each"):
            want = slow.features(model, x, "own", question, "fc")
            assert_equal(introspect.features(model, x, smooth, question=question, normalize=None), want)
            assert_equal(introspect.features(model, x, smooth, question=question, normalize=None, layer="fc"), want)
    finally:
        del slow.LOSSES["own"]


@pytest.mark.parametrize("question", ["ones", "each"])
@pytest.mark.parametrize("normalize", ["l2", "minmax"])
def test_normalised_per_sample_and_for_all_questions_together(normalize: str, question: str) -> None:
    model = slow.Head(10).double().eval()
    x = torch.randn(3, 3, 6, 6, dtype=torch.float64)
    for loss in slow.LOSSES:
        raw = slow.features(model, x, loss, question, "fc")
        flat = raw.flatten(1)
        if normalize == "l2":
            want = flat / flat.norm(dim=1, keepdim=True)
        else:
            low, high = flat.amin(1, keepdim=True), flat.amax(1, keepdim=True)
            want = (flat - low) / (high - low)
        for layer in (None, "fc"):
            got = introspect.features(model, x, loss, question=question, normalize=normalize, layer=layer)  # type: ignore[arg-type]
            assert_equal(got, want.view_as(raw))


def test_ones_is_the_sum_of_all_contrasts_for_cross_entropy() -> None:
    model = slow.Head(10).double().eval()
    x = torch.randn(3, 3, 6, 6, dtype=torch.float64)
    ones, each = (introspect.features(model, x, "ce", question=q, normalize=None) for q in ("ones", "each"))  # type: ignore[arg-type]
    assert_equal(ones, each.sum(1))


def test_what_holds_of_lemma_1() -> None:
    """Only -grad z_I depends on I; sure contrasts have cosine 0.5, and the prediction's own is next to nothing."""
    model = slow.Head(10).double().eval()
    with torch.no_grad():
        model.fc.bias[3] = 30.0
    x = torch.randn(4, 3, 6, 6, dtype=torch.float64)
    kept = introspect.last_layer(model, x)
    assert kept.logits.argmax(1).tolist() == [3] * 4
    each = introspect.dense_features(kept, introspect.Recipe("ce", "each", None)).unflatten(2, (10, -1))
    difference = each[:, 5] - each[:, 7]
    want = torch.zeros_like(difference)
    want[:, 5], want[:, 7] = -kept.hidden, kept.hidden
    torch.testing.assert_close(difference, want)
    others = [c for c in range(10) if c != 3]
    cosines = kept.cosines("ce")[:, others][:, :, others]
    off = cosines[:, ~torch.eye(9, dtype=torch.bool)]
    torch.testing.assert_close(off, torch.full_like(off, 0.5), atol=1e-9, rtol=0)
    norms = kept.norms("ce", "each")
    assert float((norms[:, 3] / norms[:, 5]).max()) < 1e-9
    torch.testing.assert_close(kept.effective_rows()[:, others], torch.full((4, 9), 2.0, dtype=torch.float64))
    p = kept.logits.softmax(1)[:, :, None]
    products = (p.square().sum(1, keepdim=True) - p - p.mT + torch.eye(10)) * kept.hidden.square().sum(1)[:, None, None]
    flat = each.flatten(2)
    torch.testing.assert_close(flat @ flat.mT, products, atol=1e-12, rtol=1e-9)


def test_effective_rows_grow_with_doubt_and_with_the_label_of_ones() -> None:
    sure, unsure = torch.eye(10)[:1] * 50, torch.zeros(1, 10)
    h = torch.ones(1, 4)
    assert introspect.LastLayer(sure, h).effective_rows("ce", "each")[0, 5] == pytest.approx(2)
    # p = 1/10: nine rows of 0.1 and one of 0.9
    want = (9 * 0.1**2 + 0.9**2) ** 2 / (9 * 0.1**4 + 0.9**4)
    assert introspect.LastLayer(unsure, h).effective_rows("ce", "each")[0, 5] == pytest.approx(want)
    assert introspect.LastLayer(unsure, h).effective_rows("mse", "ones")[0] == pytest.approx(10)
    assert introspect.LastLayer(torch.ones(1, 10), h).effective_rows("mse", "ones")[0] == 0


def test_a_convolution_that_scores_the_classes_by_its_name(pictures: Tensor) -> None:
    model = ConvScored().double().eval()
    got = introspect.features(model, pictures.double(), "bce", question="each", normalize=None, layer="score.1")
    assert_equal(got, slow.features(model, pictures.double(), "bce", "each", "score.1"))
