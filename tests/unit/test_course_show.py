"""The lessons' figures: what is drawn where, sharp and small enough, and never without words."""

from __future__ import annotations

import base64
import html
import io
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import gradlab
from gradlab.core import InputError
from gradlab.course import chart, heat, show, signed

Shown = list[tuple[str, int, bytes]]  # words, width, PNG or WebP


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    found: Shown = []

    def display(data: dict[str, str], raw: bool) -> None:
        assert raw and set(data) == {"text/html", "text/plain"}
        parts = re.fullmatch(
            r'<img alt="(.*)" width="(\d+)" src="data:image/(?:png|webp);base64,(.*)">', data["text/html"]
        )
        assert parts is not None and html.unescape(parts[1]) == data["text/plain"]
        found.append((data["text/plain"], int(parts[2]), base64.b64decode(parts[3])))

    monkeypatch.setattr("IPython.display.display", display)
    monkeypatch.setattr("IPython.get_ipython", object)
    return found


def picture_of(shown: Shown) -> tuple[Image.Image, int]:
    content = shown[-1][2]
    return on("white", content), len(content)


def on(ground: str, content: bytes) -> Image.Image:
    """Return the figure as it is seen on a page of this colour."""
    figure = Image.open(io.BytesIO(content)).convert("RGBA")
    page = Image.new("RGBA", figure.size, ground)
    page.alpha_composite(figure)
    return page.convert("RGB")


def square(colour: tuple[int, int, int]) -> Image.Image:
    return Image.new("RGB", (20, 20), colour)


def test_a_row_is_as_wide_as_the_column_and_twice_as_sharp(shown: Shown) -> None:
    colours = [(200, 0, 0), (0, 200, 0), (0, 0, 200), (200, 200, 0)]
    show(*map(square, colours), titles=["a", "b", "c", "d"], alt="Four squares.")
    words, width, _ = shown[0]
    assert words == "Four squares."
    image, size = picture_of(shown)
    assert width == 760 and image.width == 1520 and size < 120_000
    for k, colour in enumerate(colours):  # left to right, each in its quarter
        assert image.getpixel((1520 * k // 4 + 190, image.height - 190)) == colour


def test_rows_and_columns(shown: Shown) -> None:
    panels = [torch.full((1, 8, 8), level) for level in (0.0, 0.25, 0.5, 0.75, 1.0)]
    show(*panels, columns=3, alt="Five greys.", title="all")
    image, _ = picture_of(shown)
    assert shown[0][1] == 759
    across, down = (image.width // 6, image.width // 2), (image.height // 3, image.height - 150)
    greys = [image.getpixel((x, y))[0] for y in down for x in across]
    assert greys == pytest.approx([0, 64, 191, 255], abs=2)  # a palette rounds


def test_photographs_are_sharp_and_small(shown: Shown) -> None:
    photos = [gradlab.data.picture(name) for name in ("chelsea", "coffee", "rocket")]
    show(*photos, alt="Three photographs.")
    image, size = picture_of(shown)
    assert size <= 100_000 and image.width == 2 * shown[0][1] == 1518


def test_noise_is_kept_small(shown: Shown) -> None:
    noise = torch.rand(8, 3, 400, 400, generator=torch.Generator().manual_seed(0))
    show(*noise, columns=4, alt="Noise.")
    image, size = picture_of(shown)
    assert size <= 100_000 and image.width >= 760
    assert image.getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("ground", ["white", "#111111"])
def test_words_and_axes_are_seen_on_a_light_and_on_a_dark_page(shown: Shown, ground: str) -> None:
    show(square((0, 0, 0)), titles=["A title"], alt="A black square.")
    with chart(alt="A line that rises.") as axis:
        axis.plot([1, 2], [1, 2])
    page = np.array(Image.new("RGB", (1, 1), ground))[0, 0].astype(int)
    apart = []
    for _, _, content in shown:
        seen = np.asarray(on(ground, content)).astype(int)
        assert (seen[0, 0] == page).all() and (seen[-1, -1] == page).all()  # no ground of its own
        apart.append(np.abs(seen - page).min(2))
    assert (apart[0][:36] > 200).sum() > 100  # the title: black on white, and edged white on dark
    assert (apart[1][:, :50] > 200).sum() > 100  # the numbers of the upright axis
    assert ((apart[1] > 100) & (apart[1] < 140)).sum(1).max() > 400  # a grey line, all along the chart


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, shown: Shown) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {"titles": [], "words": [], "images": []}
    monkeypatch.setattr("matplotlib.axes.Axes.set_title", lambda _, word, **how: found["titles"].append(word))
    monkeypatch.setattr("matplotlib.axes.Axes.imshow", lambda _, image, **how: found["images"].append(image))
    monkeypatch.setattr("matplotlib.axes.Axes.text", lambda _, x, y, word, **how: found["words"].append(word))
    return found


def test_no_evidence_leaves_the_picture_as_it_is(told: dict[str, list[Any]]) -> None:
    face, raw = square((10, 120, 40)), torch.tensor([[[[-1.0, 0.25], [2.5, 0.0]]]])
    show((face, raw), face, titles=["Why a cat with whiskers, rather than a dog without any at all?", "b"], alt="Two.")
    grey = np.asarray(face.convert("L").convert("RGB")).astype(float)
    level = gradlab.explain.upsample(gradlab.explain.unit_scale(raw), (20, 20))[0, 0, :, :, None].numpy()
    colours = np.asarray(gradlab.explain.overlay(face.convert("L"), raw, opacity=1.0)).astype(float)
    over = np.asarray(told["images"][0]).astype(float)
    assert np.abs(over - (grey + 0.9 * level * (colours - grey))).max() <= 2
    assert (over[:5, :5] == grey[:5, :5]).all() and np.abs(over[-5:, :5] - grey[-5:, :5]).max() > 100
    assert told["titles"] == ["Why a cat with whiskers, rather than a dog without\nany at all?", "b"]
    assert told["words"] == ["0", "+2.5"]


def test_every_map_tells_its_ends_and_its_largest_value(told: dict[str, list[Any]]) -> None:
    raw, hot = torch.tensor([[-2.0, 0.0, 1.0]]), torch.linspace(0, 1, 1000).view(10, 100)
    hot[0, 0] = 50.0
    maps = [signed(raw), signed(raw, top=4.0), heat(raw.clamp(min=0), top=1.0), heat(hot), signed(0 * raw)]
    show(*maps, (square((0, 0, 0)), raw - 2), titles=list("abcdef"), columns=3, alt="Six maps of numbers.")
    ends = ["-2", "+2", "-4", "+4", "0", "+1", "0", "+1"]
    assert told["words"] == ends  # and no bar where no colour means anything
    largest = ["a", "b\nlargest -2", "c", "d\nlargest +50", "e\nzero everywhere", "f\nlargest -1"]
    assert told["titles"] == largest


@pytest.mark.parametrize(
    "panel",
    [np.full((6, 6), 0.2), torch.full((6, 6), 0.2), torch.full((1, 3, 6, 6), 0.2), torch.full((1, 1, 6, 6), 0.2)],
)
def test_any_picture_is_a_panel(shown: Shown, panel: Any) -> None:
    show(panel, alt="A grey.")
    image, _ = picture_of(shown)
    assert image.getpixel((image.width // 2, image.height // 2)) == (51, 51, 51)


def test_signed_maps_have_one_scale_and_white_is_zero() -> None:
    values = torch.tensor([[-2.0, 0.0, 1.0]])
    low, zero, high = (np.asarray(signed(values))[0, k].astype(int) for k in range(3))
    assert low[2] > low[0] and high[0] > high[2] and zero.min() >= 245
    assert np.array_equal(np.asarray(signed(2 * values[None, None])), np.asarray(signed(values)))
    assert np.abs(np.asarray(signed(values, top=100.0)).astype(int) - zero).max() < 8
    assert np.array_equal(np.asarray(signed(torch.zeros(2, 2)))[0, 0], zero)


def test_heat_ends_at_a_percentile() -> None:
    values = torch.linspace(0, 1, 1000).view(10, 100)
    values[0, 0] = 1000.0
    levels = np.asarray(heat(values, cmap="gray"))[..., 0]
    assert levels[0, 0] == levels[-1, -1] == 255 and abs(int(levels[5, 0]) - 127) < 3
    assert np.asarray(heat(values, top=2000.0, cmap="gray"))[0, 0, 0] in (127, 128)
    assert np.asarray(heat(torch.zeros(3, 3), cmap="gray")).max() == 0


def test_charts(shown: Shown) -> None:
    with chart(alt="A line that rises.") as axis:
        axis.plot([1, 2], [1, 2])
    with chart(1, 2, size=(3.8, 2.0), alt="Two.") as (left, right):
        left.bar([0], [1])
        right.plot([1, 2])
    assert [width for _, width, _ in shown] == [340, 760]
    with pytest.raises(ZeroDivisionError), chart(alt="Never shown."):
        1 / 0  # noqa: B018
    assert len(shown) == 2


@pytest.mark.parametrize(
    ("panels", "options", "message"),
    [
        ((), {}, "0 panels"),
        ((square((0, 0, 0)),), {"titles": ["a", "b"]}, "1 panels and 2 titles"),
        ((torch.full((1, 4, 4), 1.5),), {}, "0 to 1"),
        ((torch.zeros(2, 4, 4),), {}, "expected a picture"),
        ((square((0, 0, 0)),), {"alt": " "}, "alt is ' '"),
    ],
)
def test_refused(shown: Shown, panels: tuple[Any, ...], options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        show(*panels, **{"alt": "Words.", **options})
    assert not shown


@pytest.mark.parametrize("values", [torch.zeros(2, 3, 3), torch.full((2, 2), torch.nan), torch.zeros(3)])
def test_refused_maps(values: Tensor) -> None:
    for colour in (signed, heat):
        with pytest.raises(InputError, match="expected one map of finite values"):
            colour(values)


def test_words_where_there_is_no_page(capsys: pytest.CaptureFixture[str]) -> None:
    show(square((0, 0, 0)), alt="A black square.")
    assert capsys.readouterr().out == "A black square.\n"


def test_pyplot_stays_unloaded() -> None:
    code = "import sys; from gradlab.course import show; assert 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
