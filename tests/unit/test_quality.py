"""Quality from features and gradients, the comparators, the statistics beside scipy's, and folders of ratings."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy import stats
from scipy.io import savemat
from torch import Tensor, nn

from gradlab.core import GradlabError, InputError
from gradlab.evaluate import quality
from gradlab.evaluate.quality import similarity
from gradlab.introspect import features, last_layer
from tests.conftest import ConvScored, Small
from tests.contract.test_state import unchanged

MEASURES = {"features": quality.feature_similarity, "gradients": quality.gradient_similarity}


@pytest.fixture
def model() -> nn.Module:
    return Small().eval()


@pytest.fixture
def x() -> Tensor:
    return torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(2))


def noisy(x: Tensor, level: float) -> Tensor:
    return x + level * torch.randn(x.shape, generator=torch.Generator().manual_seed(5))


# --- likeness ------------------------------------------------------------------------------------------------------


def test_likeness_by_its_definition() -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(4, 3, 5, generator=generator), torch.randn(4, 3, 5, generator=generator)
    for suppress, power in ((0.0, 1.0), (0.7, 1.0), (0.7, 10.0)):
        want = []
        for one, other in zip(a.flatten(1).numpy(), b.flatten(1).numpy(), strict=True):
            least = suppress * np.abs(one).mean()
            pair = [np.where(np.abs(v) < least, 0, v) for v in (one, other)]
            want.append(abs(stats.spearmanr(*pair).statistic) ** power)
        np.testing.assert_allclose(quality.likeness(a, b, suppress=suppress, power=power), want, atol=1e-12)


@given(some.integers(0, 99), some.sampled_from([0.0, 0.3, 0.7, 0.95]), some.floats(0.1, 20))
@settings(deadline=None, max_examples=40)
def test_likeness_properties(seed: int, suppress: float, power: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    a, b = torch.randn(2, 5, 9, dtype=torch.float64, generator=generator)
    got = quality.likeness(a, b, suppress=suppress, power=power)
    # of the other's few features all may be below the threshold
    assert bool((((got >= 0) & (got <= 1)) | got.isnan()).all()) and (suppress > 0 or not got.isnan().any())
    torch.testing.assert_close(
        quality.likeness(a, a, suppress=suppress, power=power), torch.ones(5, dtype=torch.float64)
    )
    # one scale for both changes no rank and no suppression
    torch.testing.assert_close(quality.likeness(8 * a, 8 * b, suppress=suppress, power=power), got, equal_nan=True)
    if suppress == 0:
        torch.testing.assert_close(quality.likeness(a, b.exp(), suppress=0, power=power), got)


def test_features_without_ranks() -> None:
    flat, any_other = torch.ones(1, 6), torch.arange(6.0)[None]
    assert quality.likeness(flat, any_other).isnan().all() and quality.likeness(any_other, flat).isnan().all()


# --- of a network --------------------------------------------------------------------------------------------------


def test_feature_similarity_reads_the_layer(model: nn.Module, x: Tensor) -> None:
    worse = noisy(x, 0.5)
    with torch.no_grad():
        maps = [model.bn1(model.conv1(t)) for t in (x, worse)]  # type: ignore[operator]
    want = quality.likeness(*maps)
    torch.testing.assert_close(quality.feature_similarity(model, x, worse, layer="bn1"), want)


def test_gradient_similarity_reads_the_introspective_features(model: nn.Module, x: Tensor) -> None:
    worse = noisy(x, 0.5)
    for options in ({}, {"loss": "ce", "question": "each"}, {"loss": "bce", "layer": "conv2"}):
        asked: dict[str, Any] = {"normalize": None, **options}
        want = quality.likeness(features(model, x, **asked), features(model, worse, **asked))
        torch.testing.assert_close(quality.gradient_similarity(model, x, worse, **options), want)  # type: ignore[arg-type]
    control = quality.likeness(last_layer(model, x).hidden, last_layer(model, worse).hidden)
    assert control.shape == (3,)


@pytest.mark.parametrize("kind", MEASURES)
def test_no_change_is_1_and_noise_costs(model: nn.Module, x: Tensor, kind: str) -> None:
    measure = MEASURES[kind]
    torch.testing.assert_close(measure(model, x, x), torch.ones(3, dtype=torch.float64))
    means = [float(measure(model, x, noisy(x, level)).mean()) for level in (0.03, 0.5, 5.0)]
    assert 1 > means[0] > means[1] > means[2] >= 0


@pytest.mark.parametrize("kind", MEASURES)
def test_one_reference_for_all_and_batches(
    model: nn.Module, monkeypatch: pytest.MonkeyPatch, x: Tensor, kind: str
) -> None:
    levels = torch.cat([noisy(x[:1], level) for level in (0.1, 0.2, 0.3, 0.4, 0.5)])
    want = torch.cat([MEASURES[kind](model, x[:1], level[None]) for level in levels])
    torch.testing.assert_close(MEASURES[kind](model, x[:1], levels), want)
    monkeypatch.setattr(similarity, "BATCH", 2)
    torch.testing.assert_close(MEASURES[kind](model, x[:1], levels), want)
    torch.testing.assert_close(MEASURES[kind](model, x[:1].expand(5, -1, -1, -1), levels), want)


def test_a_network_scored_by_a_convolution(x: Tensor) -> None:
    model, other = ConvScored().eval(), x.flip(0)
    found = quality.gradient_similarity(model, x, other)
    torch.testing.assert_close(found, quality.gradient_similarity(model, x, other, layer="score.1"))
    assert found.min() < 0.999


BAD: dict[str, tuple[Callable[[nn.Module, Tensor], Any], str]] = {
    "two shapes": (lambda m, x: quality.feature_similarity(m, x[:, :, 1:], x), "expected one shape"),
    "two for three": (lambda m, x: quality.gradient_similarity(m, x[:2], x), "one reference for all"),
    "NaN": (lambda m, x: quality.feature_similarity(m, x, x * math.nan), "NaN or infinite"),
    "empty": (lambda m, x: quality.feature_similarity(m, x[:0], x[:0]), "empty"),
    "power 0": (lambda m, x: quality.feature_similarity(m, x, x, power=0), "power is 0"),
    "suppress NaN": (lambda m, x: quality.gradient_similarity(m, x, x, suppress=math.nan), "suppress is nan"),
    "features of two shapes": (
        lambda m, x: quality.likeness(x, x[:2]),
        r"distorted is .*expected a floating tensor \(3, 3, 16, 16\)",
    ),
    "no features": (lambda m, x: quality.likeness(x[0, 0, 0], x[0, 0, 0]), "not empty"),
    "features NaN": (lambda m, x: quality.likeness(x, x * math.nan), "distorted holds NaN"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_pictures(model: nn.Module, x: Tensor, name: str) -> None:
    ask, message = BAD[name]
    with unchanged(model, x), pytest.raises(InputError, match=message):
        ask(model, x)


# --- comparators ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def photograph() -> Tensor:
    data = pytest.importorskip("skimage.data")
    return torch.from_numpy(data.chelsea()[:180, :260]).movedim(-1, 0)[None].float() / 255


@pytest.mark.parametrize("name", quality.COMPARATORS)
def test_comparators_fall_as_noise_grows(photograph: Tensor, name: str) -> None:
    pytest.importorskip("psnr_hvsm.numpy" if name == "psnr_ha" else "piq")
    worse = torch.cat([noisy(photograph, level).clamp(0, 1) for level in (0.02, 0.08, 0.3)])
    several = photograph.expand(3, -1, -1, -1)
    got = quality.comparator(name, several, worse)
    assert got.shape == (3,) and got[0] > got[1] > got[2]
    torch.testing.assert_close(quality.comparator(name, photograph, worse[1:2]), got[1:2])
    grey = quality.comparator(name, several.mean(1, keepdim=True), worse.mean(1, keepdim=True))
    assert grey[0] > grey[1] > grey[2]
    best = float(quality.comparator(name, photograph, photograph))
    assert best > float(got[0]) and (name.startswith("psnr") or best == pytest.approx(1, abs=1e-4))


def test_comparators_by_other_libraries(photograph: Tensor) -> None:
    pytest.importorskip("piq")
    metrics = pytest.importorskip("skimage.metrics")
    worse = noisy(photograph, 0.1).clamp(0, 1)
    pair = [t[0].movedim(0, -1).double().numpy() for t in (photograph, worse)]
    want = metrics.peak_signal_noise_ratio(*pair, data_range=1)
    assert float(quality.comparator("psnr", photograph, worse)) == pytest.approx(want, abs=1e-3)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1}
    want = metrics.structural_similarity(*pair, channel_axis=-1, **options)
    assert float(quality.comparator("ssim", photograph, worse)) == pytest.approx(want, abs=0.01)


def test_psnr_ha_is_its_librarys(photograph: Tensor) -> None:
    pytest.importorskip("psnr_hvsm.numpy")
    metrics = pytest.importorskip("psnr_hvsm.compute_all_metrics")
    worse = noisy(photograph, 0.1).clamp(0, 1)
    pair = [(t[0, :, :176, :256] * 255).round().to(torch.uint8).movedim(0, -1).numpy() for t in (photograph, worse)]
    theirs = metrics.compute_all_metrics(*pair)
    assert float(quality.comparator("psnr_ha", photograph, worse)) == pytest.approx(
        float(theirs[2]), abs=1e-4
    )  # single precision


@pytest.mark.parametrize(("name", "module"), [("ssim", "piq"), ("psnr_ha", "psnr_hvsm.numpy")])
def test_a_library_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, photograph: Tensor, name: str, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(GradlabError, match=r"not installed: pip install 'gradlab\[quality\]'"):
        quality.comparator(name, photograph, photograph)


BAD_PAIRS: dict[str, tuple[Callable[[Tensor], Any], str]] = {
    "misspelt": (lambda p: quality.comparator("sssim", p, p), "Did you mean"),
    "unlike any": (lambda p: quality.comparator("zzz", p, p), "expected 'psnr', "),
    "normalised": (lambda p: quality.comparator("ssim", p, p - 0.5), "distorted holds values outside 0..1"),
    "NaN": (lambda p: quality.comparator("ssim", p * math.nan, p), "reference holds NaN"),
    "bytes": (
        lambda p: quality.comparator("ssim", (p * 255).byte(), p),
        "reference is Tensor .*expected a floating tensor",
    ),
    "two channels": (lambda p: quality.comparator("ssim", p[:, :2], p[:, :2]), "1 or 3"),
    "empty": (lambda p: quality.comparator("ssim", p[:0], p[:0]), "reference is Tensor .*expected a floating tensor"),
    "two shapes": (lambda p: quality.comparator("ssim", p[..., 1:], p), "expected one shape"),
    "small": (lambda p: quality.comparator("iw_ssim", p[..., :99], p[..., :99]), "iw_ssim cannot compare.*161"),
    "no block": (lambda p: quality.comparator("psnr_ha", p[..., :7], p[..., :7]), "less than 8 x 8"),
}


@pytest.mark.parametrize("name", BAD_PAIRS)
def test_bad_pairs(photograph: Tensor, name: str) -> None:
    pytest.importorskip("piq")
    pytest.importorskip("psnr_hvsm.numpy")
    ask, message = BAD_PAIRS[name]
    with pytest.raises(InputError, match=message):
        ask(photograph)


# --- agreement -----------------------------------------------------------------------------------------------------


def judged(n: int, noise: float, seed: int = 0, falling: bool = False) -> tuple[Any, Any]:
    """A measure in 0..1 and opinions in 0..9 that follow it by a curve that is not straight."""
    generator = np.random.default_rng(seed)
    x = generator.uniform(0, 1, n)
    y = 9 / (1 + np.exp(-8 * (x - 0.6))) + noise * generator.standard_normal(n)
    return (-x if falling else x), y


@pytest.mark.parametrize("falling", [False, True])
@pytest.mark.parametrize("parameters", [4, 5])
def test_the_statistics(parameters: Any, falling: bool) -> None:
    x, y = judged(200, 0.5, falling=falling)
    found = quality.agreement(x, torch.from_numpy(y), np.full(200, 0.4), parameters=parameters)
    assert found.srcc == pytest.approx(stats.spearmanr(x, y).statistic) and (found.srcc < 0) == falling
    assert found.krcc == pytest.approx(stats.kendalltau(x, y).statistic)
    assert found.plcc == pytest.approx(stats.pearsonr(found.fitted, y).statistic)
    assert found.rmse == pytest.approx(math.sqrt(np.mean((found.fitted - y) ** 2)))
    assert found.outlier_ratio == pytest.approx(np.mean(np.abs(found.fitted - y) > 0.8))
    assert found.rmse == pytest.approx(0.5, rel=0.15), "what is left is the noise that was put in"
    assert len(found.parameters) == parameters and found.n == 200
    assert abs(found.plcc) > abs(stats.pearsonr(x, y).statistic), "the curve brings them nearer to a straight line"


def test_the_curves_by_their_formulas() -> None:
    x, y = judged(60, 0.1)
    b1, b2, b3, b4, b5 = (found := quality.agreement(x, y)).parameters
    np.testing.assert_allclose(found.fitted, b1 * (0.5 - 1 / (1 + np.exp(b2 * (x - b3)))) + b4 * x + b5, atol=1e-9)
    b1, b2, b3, b4 = (found := quality.agreement(x, y, parameters=4)).parameters
    np.testing.assert_allclose(found.fitted, b2 + (b1 - b2) / (1 + np.exp(-(x - b3) / b4)), atol=1e-9)


@given(some.integers(0, 60), some.sampled_from([4, 5]), some.floats(0.01, 1e3), some.floats(-50, 50))
@settings(deadline=None, max_examples=25)
def test_units_of_the_measure_do_not_matter(seed: int, parameters: Any, scale: float, shift: float) -> None:
    x, y = judged(40, 0.4, seed)
    once, again = (quality.agreement(v, y, parameters=parameters) for v in (x, scale * x + shift))
    assert again.rmse == pytest.approx(once.rmse, rel=1e-2) and again.plcc == pytest.approx(once.plcc, abs=1e-2)
    assert again.krcc == pytest.approx(once.krcc, abs=1e-9) and again.outlier_ratio is None


def test_a_fit_is_no_worse_than_a_straight_line() -> None:
    """The curve of five parameters holds all lines; checked on measures that tell nothing and on some that jump."""
    for seed in range(3):
        generator = np.random.default_rng(seed)
        x, y = generator.standard_normal(30), generator.standard_normal(30)
        for v in (x, np.sign(x) + 1e-3 * x, x**3):
            line = np.polyval(np.polyfit(v, y, 1), v)
            assert quality.agreement(v, y).rmse <= math.sqrt(np.mean((line - y) ** 2)) * (1 + 1e-3)


def test_significance() -> None:
    good, poor = (quality.agreement(*judged(150, noise, 1), np.full(150, 0.5)) for noise in (0.3, 3.0))
    for measure in ("plcc", "srcc", "krcc", "rmse", "outlier_ratio"):
        assert good.significance(poor, measure) == 1 and poor.significance(good, measure) == -1, measure
        assert good.significance(good, measure) == 0, measure
    # the sign of a correlation says what is counted, not how well
    backwards = quality.agreement(*judged(150, 0.3, 1, falling=True))
    assert backwards.srcc < 0 and backwards.significance(poor, "srcc") == 1
    a, b = math.atanh(good.plcc), math.atanh(poor.plcc)
    z = (a - b) / math.sqrt(2 / 147)
    assert good.significance(poor, level=2 * float(stats.norm.sf(z)) * 1.01) == 1
    assert good.significance(poor, level=2 * float(stats.norm.sf(z)) * 0.99) == 0


def test_significance_of_what_chance_makes() -> None:
    """Of measures that are equally good on pictures of their own, about 5 % differ at a level of 5 %."""
    made = [quality.agreement(*judged(60, 2.0, seed), parameters=4) for seed in range(120)]
    pairs = list(zip(made[::2], made[1::2], strict=True))
    for measure in ("plcc", "srcc", "krcc", "rmse"):
        share = np.mean([one.significance(other, measure) != 0 for one, other in pairs])
        assert share <= 0.2, measure


X, Y = judged(20, 0.1)
BAD_VALUES: dict[str, tuple[Callable[[], Any], str]] = {
    "NaN": (lambda: quality.agreement(X * math.nan, Y), "objective has shape .* no NaN"),
    "empty": (lambda: quality.agreement([], []), "not empty"),
    "two axes": (lambda: quality.agreement(X[None], Y), r"shape \(1, 20\)"),
    "words": (lambda: quality.agreement(["good"], Y), "objective is .*: expected numbers"),
    "of other pictures": (lambda: quality.agreement(X, Y[1:]), "20 objective and 19 subjective"),
    "few": (lambda: quality.agreement(X[:6], Y[:6]), "more than 6 for a curve of 5"),
    "the same": (lambda: quality.agreement(X * 0, Y), "All objective values are the same"),
    "the same opinion": (lambda: quality.agreement(X, Y * 0), "All subjective values are the same"),
    "three parameters": (lambda: quality.agreement(X, Y, parameters=3), "expected 4 or 5"),  # type: ignore[arg-type]
    "spread below 0": (lambda: quality.agreement(X, Y, -(Y**2)), "none below 0"),
    "spread of others": (lambda: quality.agreement(X, Y, [1.0]), "spread holds 1 values: expected 20"),
    "level": (lambda: (a := quality.agreement(X, Y)).significance(a, level=1), "above 0 and below 1"),
    "measure": (lambda: (a := quality.agreement(X, Y)).significance(a, "mae"), "measure is 'mae'"),  # type: ignore[arg-type]
    "no outliers": (lambda: (a := quality.agreement(X, Y)).significance(a, "outlier_ratio"), "not known"),
}


@pytest.mark.parametrize("name", BAD_VALUES)
def test_bad_values(name: str) -> None:
    ask, message = BAD_VALUES[name]
    with pytest.raises(InputError, match=message):
        ask()


# --- folders of ratings --------------------------------------------------------------------------------------------


@pytest.fixture
def tid(tmp_path: Path) -> Path:
    """A made-up folder with the layout of TID2013, whose lists do not keep to the case of the files."""
    for name in ("reference_images/I01.BMP", "reference_images/i25.bmp", "distorted_images/i01_01_1.bmp"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    for name in ("I01_24_5.bmp", "i25_07_3.bmp"):
        (tmp_path / "distorted_images" / name).touch()
    lines = ["5.51429 I01_01_1.bmp", "0.24242 i01_24_5.bmp", "7.00000 i25_07_3.BMP"]
    (tmp_path / "mos_with_names.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_tid2013(tid: Path) -> None:
    found = quality.read_tid2013(str(tid))
    assert len(found) == 3 and found.higher_is_better and found.spread is None
    assert repr(found) == "Ratings(3 pictures of 2 references, 3 distortions, MOS)"
    assert [path.name for path in found.distorted] == ["i01_01_1.bmp", "I01_24_5.bmp", "i25_07_3.bmp"]
    assert [path.name for path in found.reference] == ["I01.BMP", "I01.BMP", "i25.bmp"]
    assert found.scores.tolist() == [5.51429, 0.24242, 7.0] and found.kinds == ("1", "24", "7")
    assert all(path.is_file() for path in (*found.reference, *found.distorted))
    (tid / "mos_std.txt").write_text("0.1\n0.2\n0.3\n")
    spread = quality.read_tid2013(tid).spread
    assert spread is not None and spread.tolist() == [0.1, 0.2, 0.3]


def cells(*texts: str) -> Any:
    """A Matlab cell array of text, one row each."""
    made = np.empty((len(texts), 1), dtype=object)
    made[:, 0] = texts
    return made


@pytest.fixture
def live(tmp_path: Path) -> Path:
    """A made-up folder with the layout of LIVE Multiply Distorted: the lists hold the faultless pictures too."""
    for part, kind in (("Part 1", "blurjpeg"), ("Part 2", "blurnoise")):
        folder = tmp_path / part / kind
        folder.mkdir(parents=True)
        names = ["baby.bmp", "iris.bmp", "baby_1_2.bmp", "iris_3_1.bmp"]
        for name in names:
            (folder / name).touch()
        lists = {"refimgs": cells("baby.bmp", "iris.bmp"), "distimgs": cells(*names)}
        savemat(tmp_path / part / "Imagelists.mat", lists | {"ref4dist": np.array([[1], [2], [1], [2]])})
        savemat(tmp_path / part / "Scores.mat", {"DMOSscores": np.array([[0.0, 1.0, 30.5, 60.25]])})
    return tmp_path


def test_multi_live(live: Path) -> None:
    found = quality.read_multi_live(live)
    assert len(found) == 4 and not found.higher_is_better and found.spread is None
    assert [path.name for path in found.distorted] == ["baby_1_2.bmp", "iris_3_1.bmp"] * 2
    assert [path.name for path in found.reference] == ["baby.bmp", "iris.bmp"] * 2
    assert found.scores.tolist() == [30.5, 60.25] * 2
    assert found.kinds == ("blurjpeg", "blurjpeg", "blurnoise", "blurnoise")
    assert all(path.is_file() for path in (*found.reference, *found.distorted))


def rewritten(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder


def without(folder: Path, name: str) -> Path:
    (folder / name).unlink()
    return folder


BAD_TID: dict[str, tuple[Callable[[Path], Path], str]] = {
    "no folder": (lambda f: f / "nowhere", "There is no folder"),
    "no list": (lambda f: without(f, "mos_with_names.txt"), "has no mos_with_names.txt: is it the folder"),
    "empty list": (lambda f: rewritten(f, "mos_with_names.txt", "\n"), "is empty"),
    "no name": (lambda f: rewritten(f, "mos_with_names.txt", "5.5\n"), "line 1: '5.5' is no score and name"),
    "no score": (lambda f: rewritten(f, "mos_with_names.txt", "high i01_01_1.bmp"), "line 1: 'high' is no number"),
    "no picture": (lambda f: without(f, "distorted_images/i25_07_3.bmp"), "distorted_images has no picture i25_07_3"),
    "no source": (lambda f: without(f, "reference_images/i25.bmp"), "reference_images has no picture i25.bmp"),
    "spread of others": (lambda f: rewritten(f, "mos_std.txt", "0.1\n"), "1 values for 3 pictures"),
}


@pytest.mark.parametrize("name", BAD_TID)
def test_bad_tid2013(tid: Path, name: str) -> None:
    spoil, message = BAD_TID[name]
    with pytest.raises(InputError, match=message):
        quality.read_tid2013(spoil(tid))


def test_bad_multi_live(live: Path) -> None:
    with pytest.raises(InputError, match=r"has no Part 1/Imagelists\.mat"):
        quality.read_multi_live(live / "Part 1")
    savemat(live / "Part 2" / "Scores.mat", {"DMOSscores": np.array([[0.0, 1.0, 30.5]])})
    with pytest.raises(InputError, match="4 pictures, 4 sources, 3 scores"):
        quality.read_multi_live(live)
    savemat(live / "Part 2" / "Scores.mat", {"scores": np.zeros(4)})
    with pytest.raises(InputError, match="has no list DMOSscores"):
        quality.read_multi_live(live)
    without(live, "Part 1/blurjpeg/iris_3_1.bmp")
    with pytest.raises(InputError, match="blurjpeg has no picture iris_3_1"):
        quality.read_multi_live(live)
