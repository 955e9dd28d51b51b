"""What stands in for a widget where none runs: the pictures' titles, arrows and bars, in the right order."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

import matplotlib
import matplotlib.quiver
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image, ImageFont

from gradlab import widgets
from gradlab.core.errors import InputError
from gradlab.models.small import untrained_digits
from gradlab.widgets import fallback, manifold
from gradlab.widgets.factors import Factors
from gradlab.widgets.introspect import reads_digits
from gradlab.widgets.manifold import likelihoods, trained
from tests.arrays import values


def font(size: int = 12) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf", size)


def test_a_title_is_broken_between_words_into_two_lines() -> None:
    wide = int(font().getlength("Why tabby cat,")) + 2
    assert fallback._lines("Why tabby cat, rather than", font(), wide) == ["Why tabby cat,", "rather than"]
    assert fallback._lines("Why tabby cat, rather than lynx or fox", font(), wide) == [
        "Why tabby cat,",
        "rather than ...",
    ]
    assert fallback._lines("unbreakable", font(), 5) == ["unbreakable"]


def test_the_third_question_is_about_what_the_network_says(monkeypatch: pytest.MonkeyPatch) -> None:
    titles: list[str] = []
    monkeypatch.setattr(fallback, "side_by_side", lambda panels: titles.extend(title for title, _ in panels) or b"")
    logits, maps = np.array([0.0, 3.0, 1.0]), np.random.default_rng(0).random((3, 2, 2))
    factors = Factors("a", Image.new("RGB", (8, 8)), logits, maps, True, "layer")
    fallback.three_panels(factors, ["ant", "bee", "cat"], 2, 0)
    assert titles == ["Why cat?", "What if not cat?", "Why bee, rather than ant?"]


def drawn(monkeypatch: pytest.MonkeyPatch, widget: Any, module: Any, count: int) -> Any:
    """Return the axes that a widget's still picture is drawn into."""
    kept: list[Any] = []

    def chart(draw: Any, columns: int, **more: Any) -> bytes:
        kept.append(Figure().subplots(1, columns))
        draw(kept[-1])
        return b""

    monkeypatch.setattr(module, "chart_picture", chart)
    widget._picture()
    assert len(kept[0]) == count
    return kept[0]


def test_fishers_three_bars_are_the_three_values(monkeypatch: pytest.MonkeyPatch) -> None:
    from gradlab.widgets import fisher as made

    widget = made()
    axes = drawn(monkeypatch, widget, sys.modules["gradlab.widgets.fisher"], 2)
    found = [bar.get_width() for bar in axes[1].patches]
    assert found == pytest.approx([widget._found[key] for key in ("variance", "curvature", "book")])
    assert [text.get_text() for text in axes[1].get_yticklabels()] == ["variance of scores", "curvature", "textbook"]


def test_every_likelihood_has_its_arrow(monkeypatch: pytest.MonkeyPatch) -> None:
    widget = manifold()
    _, g = likelihoods(widget._weights, np.array(widget.point))
    for c, each in enumerate(drawn(monkeypatch, widget, sys.modules["gradlab.widgets.manifold"], 3)):
        (arrow,) = (part for part in each.collections if isinstance(part, matplotlib.quiver.Quiver))
        np.testing.assert_allclose((arrow.U[0], arrow.V[0]), -g[c])


def test_the_three_arms_are_a_third_of_a_turn_apart() -> None:
    _, points = trained(0)
    radius = np.hypot(points[..., 0], points[..., 1])
    along = np.exp(1j * (np.arctan2(points[..., 1], points[..., 0]) - 0.7 * radius)).mean(1)
    turns = np.angle(along / along[0]) % (2 * np.pi)
    np.testing.assert_allclose(turns, [0, 2 * np.pi / 3, 4 * np.pi / 3], atol=0.35)


def test_only_a_reader_of_grey_digits_reads_digits() -> None:
    net = untrained_digits()
    assert reads_digits(net)
    for other in (net.labels[::-1], [f"sign {i}" for i in range(10)]):
        assert not reads_digits(type(net)(net.model, list(other), (32, 32), mean=net.mean, std=net.std))


@pytest.mark.parametrize("validation", [[torch.zeros(1), [0]], (torch.zeros(1),), torch.zeros(2, 2), "held"])
def test_validation_is_pictures_with_labels(validation: Any) -> None:
    net = untrained_digits()
    with pytest.raises(InputError, match=r"validation is .*expected \(pictures, labels\)"):
        widgets.calibration(net, torch.rand(3, 1, 32, 32), [0, 1, 2], validation=validation)


@pytest.mark.parametrize("size", [1e-5, 1e9])
def test_maps_are_sent_by_their_own_scale(size: float) -> None:
    """In half precision, which holds neither."""
    pictures = torch.rand(2, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    panels = widgets.introspect(untrained_digits(), pictures)._panels
    panels = dataclasses.replace(panels, contrasts=size * panels.contrasts, ones=size * panels.ones)
    top = max(np.abs(panels.contrasts).max(), np.abs(panels.ones).max())
    for name in ("contrasts", "ones"):
        np.testing.assert_allclose(values(panels.answer()[name]), getattr(panels, name), atol=top / 1000)
