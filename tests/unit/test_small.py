"""The shipped networks for digits and signs: their files, their card, and the script that trains them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

import gradlab
from data_scripts.experiments import worlds
from data_scripts.experiments.pages import models as card
from data_scripts.experiments.runner import Run
from data_scripts.experiments.tasks import models as cards
from data_scripts.train import small
from gradlab.core import InputError, ModelError
from gradlab.course.results import read
from gradlab.data.signs import LABELS
from gradlab.models import shipped
from tests.training import learns_repeats_and_resumes

NAMES = list(small.LESSONS)


@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_file(name: str) -> None:
    path = shipped.FOLDER / f"{name}.safetensors"
    assert path.stat().st_size < 1_500_000
    with safe_open(path, framework="pt") as file:
        about = file.metadata()
    assert {"data", "command", "steps", "accuracy_validation", "accuracy_test", "sha256"} <= set(about)
    assert about["steps"] == str(small.LESSONS[name].steps)
    assert float(about["accuracy_test"]) >= (0.98 if name == "digits" else 0.99)


@pytest.mark.parametrize("name", NAMES)
def test_the_card_gives_what_the_weights_give(name: str) -> None:
    net = cards.NETWORKS[name]()
    written = read("models").where(world=name)
    classes = [each.removeprefix(cards.CLASS) for each in written.names("condition") if each.startswith(cards.CLASS)]
    assert classes == list(net.labels) and len(written.rows) == 2 * (1 + len(classes) + 12 * 5)
    pictures, labels = worlds.clean(name.rstrip("123"))
    # one command writes every network's card, so that the deeper ones need not be asked under every challenge
    for challenge, level in (("none", 0), ("haze", 3), ("noise", 5))[: 3 if name in ("digits", "signs1") else 1]:
        found = pictures if level == 0 else worlds.under(pictures, challenge, level)
        again = cards.scored(Run(name, "f", 0), challenge, level, cards.logits_of(net, found), labels)
        for row, within in zip(again, (3e-3, 5e-3), strict=True):
            assert written.where(condition=challenge, level=level).names("n") == [row.n]
            (value,) = written.by_seed("f", row.measure, condition=challenge, level=level)
            assert row.value == pytest.approx(value, abs=within)


def test_accuracy_falls_with_every_challenge() -> None:
    for name in NAMES:
        for challenge in gradlab.data.CHALLENGES:
            line = [right for right, _ in card.by_level(read("models").where(world=name), challenge)]
            assert len(line) == 6
            assert line[5] <= line[0], (name, challenge)
            # within the error of 400 to 1400 pictures, no level is easier than one before it
            assert all(later <= earlier + 0.02 for i, earlier in enumerate(line) for later in line[i:]), (name, line)


def test_the_package_stays_small() -> None:
    package = Path(gradlab.__file__).parent
    assert sum(path.stat().st_size for path in package.rglob("*") if path.suffix != ".pyc" and path.is_file()) < 8e6


@pytest.mark.parametrize("name", ["digits", "signs1"])
def test_training_repeats_and_resumes(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small, "BATCH", 28)
    small.drawn.cache_clear()  # it is keyed by the call alone
    learns_repeats_and_resumes(small.LESSONS[name], 0.9, tmp_path)
    small.drawn.cache_clear()


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_signs_are_read_from_pictures_and_batches(depth: int) -> None:
    state = torch.get_rng_state()
    net = gradlab.models.signs(depth)
    assert torch.equal(state, torch.get_rng_state())
    assert tuple(net.labels) == LABELS and not net.model.training
    drawn = gradlab.data.signs(28, seed=5)
    one = torch.stack([net.transform(drawn.image(i)) for i in range(28)])
    batch = net.normalize(drawn.pictures)
    assert float((one - batch).abs().max()) < 0.005  # a picture has 256 levels
    assert float((net(batch).argmax(1) == drawn.labels).float().mean()) > 0.9


@pytest.mark.parametrize(("name", "cells"), [("digits", 8), ("signs", 12)])
def test_a_classs_map_adds_up_to_its_logit(name: str, cells: int) -> None:
    net = getattr(gradlab.models, name)()
    x = torch.rand(2, *net.input_size, generator=torch.Generator().manual_seed(0))
    found = gradlab.explain.class_maps(net, x)
    assert found.maps.shape[-2:] == (cells, cells) and found.exact
    bias = net.model.head.bias
    assert torch.allclose(found.maps.sum((2, 3)), found.logits - bias, atol=1e-3)


def test_bad_input_is_named() -> None:
    with pytest.raises(ModelError, match="depth is 9: expected a whole number from 1 to 3"):
        gradlab.models.signs(9)
    net = gradlab.models.digits()
    with pytest.raises(InputError, match=r"reads \(N, 1, 32, 32\)"):
        gradlab.explain.grad_cam(net, torch.zeros(1, 3, 32, 32))
    with pytest.raises(ModelError, match="missing"):
        shipped.load_weights(dataclasses.replace(net).model, Path("nowhere.safetensors"))
