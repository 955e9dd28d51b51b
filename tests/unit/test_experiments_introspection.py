"""The experiment on introspection: a small one from end to end, its committed table, and the page's sums."""

from __future__ import annotations

import dataclasses
import io
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from data_scripts.experiments import __main__ as command
from data_scripts.experiments import worlds
from data_scripts.experiments.arms import TEMPERATURE, F
from data_scripts.experiments.page import signed
from data_scripts.experiments.pages.introspection import chosen, control_of, counted
from data_scripts.experiments.runner import Run, complete
from data_scripts.experiments.table import Results, Row
from data_scripts.experiments.tasks import introspection
from data_scripts.experiments.tasks import models as cards
from data_scripts.experiments.tasks.introspection import CONTROL, EQUAL, FEATURES, SMALL, Config
from data_scripts.experiments.worlds import CLEAN, VALIDATION
from data_scripts.train import cifar
from gradlab.core import InputError
from gradlab.course.results import read
from gradlab.data import CHALLENGES, CORRUPTIONS
from gradlab.introspect import IntrospectiveNetwork

CHANGES = {"digits": CHALLENGES, "signs": CHALLENGES, "cifar10": CORRUPTIONS}


@pytest.fixture
def digits_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(introspection, "WORLDS", {"digits": introspection.WORLDS["digits"]})


def test_a_small_one_repeats_and_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digits_alone: None) -> None:
    def small(folder: Path, config: Config = SMALL) -> tuple[Row, ...]:
        return complete(introspection.task(config, tmp_path / "cache", True), folder, quiet=True).rows

    state = torch.get_rng_state()
    whole = small(tmp_path / "whole")
    assert torch.equal(state, torch.get_rng_state())
    each = Results(whole)
    assert len(whole) == (2 + 3 * 2) * (3 * (1 + 1 + 12) + 1) + 1  # weights, and one temperature
    assert set(each.where(measure="nll").names("n")) == {40, 200}  # test, validation
    few, matched, many = (each.by_seed(str(arm), "weights")[0] for arm in SMALL.arms)
    assert few < 0.5 * many and matched == pytest.approx(many, rel=0.02)

    class Interrupted(Exception):
        pass

    fitted = []
    fit = IntrospectiveNetwork.fit

    def some_fits(self: IntrospectiveNetwork, *args: object, **options: object) -> IntrospectiveNetwork:
        if len(fitted) == 4:
            raise Interrupted
        fitted.append(options["seed"])
        return fit(self, *args, **options)

    monkeypatch.setattr(IntrospectiveNetwork, "fit", some_fits)
    with pytest.raises(Interrupted):
        small(tmp_path / "parts")
    fitted[:] = [None]  # three more are allowed; two are left
    assert small(tmp_path / "parts") == whole
    assert fitted == [None, 1, 1]
    other = small(tmp_path / "other", dataclasses.replace(SMALL, pictures=30, seeds=1, arms=SMALL.arms[2:]))
    assert set(Results(other).where(measure="nll").names("n")) == {30, 200}


def test_the_network_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = worlds.digits()
    first = worlds.answers(world, tmp_path, 20, (5,), True)
    monkeypatch.setattr(worlds.introspect, "stream", lambda *_, **__: pytest.fail("asked again"))
    again = worlds.answers(world, tmp_path, 20, (5,), True)
    assert first.keys() == again.keys() == {("train", 0), (VALIDATION, 0), (CLEAN, 0), *product(CHALLENGES, [5])}
    pictures, labels = (each[:20] for each in world.pictures("test"))
    for condition, (kept, own) in again.items():
        assert torch.equal(kept.hidden, first[condition][0].hidden)
        if condition[1]:
            assert torch.equal(own, labels)
    x = world.net.normalize(world.under(pictures, "noise", 5))
    assert torch.allclose(again["noise", 5][0].logits, world.net(x), atol=1e-4)


def test_the_committed_table_is_whole() -> None:
    rows = read("introspection")
    assert Config().seeds >= 5 and rows.names("world") == list(CHANGES)
    for world in CHANGES:
        sets = [(VALIDATION, 0), (CLEAN, 0), *product(CHANGES[world], Config().levels)]
        runs = [(F, 0), (TEMPERATURE, 0), *product(map(str, Config().arms), range(Config().seeds))]
        for measure in ("accuracy", "ece", "nll"):
            here = rows.where(world=world, measure=measure).rows
            found = [(row.arm, row.seed, row.condition, row.level) for row in here]
            assert sorted(found) == sorted((*run, *each) for run, each in product(runs, sets))
            assert all(row.n >= 200 and row.value >= 0 for row in here)
        assert all(row.value <= 1 for row in rows.where(world=world, measure=("accuracy", "ece")).rows)


@pytest.mark.parametrize("name", ["digits", "signs"])
def test_f_is_the_network_that_ships(name: str) -> None:
    world = introspection.WORLDS[name](Path())
    pictures, labels = (each[: Config().pictures] for each in world.pictures("test"))
    written = read("introspection").where(world=name)
    for challenge, level in ((CLEAN, 0), ("noise", 3)):
        seen = pictures if level == 0 else world.under(pictures, challenge, level)
        found = cards.scored(Run(name, F, 0), challenge, level, cards.logits_of(world.net, seen), labels)
        for row, within in zip(found, (3e-3, 5e-3), strict=True):
            assert written.where(condition=challenge, level=level).names("n") == [row.n]
            (value,) = written.by_seed(F, row.measure, condition=challenge, level=level)
            assert row.value == pytest.approx(value, abs=within)


def test_the_choice_looks_at_validation_alone_and_differences_are_paired() -> None:
    good, other, control = f"{FEATURES}: bce, l2", f"{FEATURES}: mse, l2", f"{EQUAL}: l2"

    def rows(arm: str, nll: float, accuracy: list[float]) -> list[Row]:
        return [
            Row("w", arm, seed, "", condition, level, measure, 9, value)
            for seed, right in enumerate(accuracy)
            for condition, level, measure, value in (
                (VALIDATION, 0, "nll", nll),
                ("noise", 1, "nll", 9 - nll),
                ("noise", 1, "accuracy", right),
                ("noise", 1, "ece", 0.0),
            )
        ]

    made = rows(F, 0.2, [0.5]) + rows(other, 0.3, [0.9, 0.9, 0.9]) + rows(good, 0.1, [0.51, 0.52, 0.53])
    each = Results(made + rows(control, 0.1, [0.50, 0.51, 0.52]))
    assert chosen(each, FEATURES) == good
    assert control_of(good) == control
    assert control_of(f"{FEATURES}: mse, l2, not standardised") == f"{EQUAL}: l2, not standardised"
    apart = each.gain(good, F, "accuracy", level=range(1, 6))
    assert apart == [0.01, 0.02, 0.03]
    # 4.303 is the 97.5 % point of Student's t with 2 degrees of freedom: 4.303 * 0.01 / sqrt(3) = 0.0248
    assert signed(apart) == "+2.0 ± 2.5"
    assert signed([0.01, 0.02, 0.01, 0.02]) == "**+1.5 ± 0.9**"
    assert each.gain(good, control, "accuracy", level=range(1, 6)) == [0.01] * 3
    told = counted(each, "accuracy", {"f": lambda _: F, "control": control_of})
    assert told == "1 better and 0 worse than f; 2 better and 0 worse than control; 1 better than both"
    assert counted(each, "ece", {"f": lambda _: F}).startswith("0 better and 0 worse than f")


def test_every_way_has_its_control() -> None:
    arms = [str(arm) for arm in Config().arms]
    assert len(set(arms)) == len(arms) == 20
    assert {control_of(arm) for arm in arms if arm.startswith(FEATURES)} == {a for a in arms if a.startswith(EQUAL)}
    assert sum(arm.startswith(f"{CONTROL}:") for arm in arms) == 4


def test_parts_of_cifar_hold_all_classes_though_the_file_is_sorted(tmp_path: Path) -> None:
    files = []
    for shade in range(0, 240, 12):
        out = io.BytesIO()
        Image.new("RGB", (32, 32), (shade, shade, shade)).save(out, "JPEG")
        files.append(np.frombuffer(out.getvalue(), np.uint8))
    np.savez(
        tmp_path / "cifar10_jpeg_train.npz",
        jpeg_bytes=np.concatenate(files),
        offsets=np.cumsum([0, *map(len, files)]),
        labels=np.repeat([0, 1], 10),
        classes=np.array(["dark", "bright"]),
    )
    found = cifar.cifar(tmp_path, "train")
    assert set(found.labels[:8].tolist()) == set(found.labels[-8:].tolist()) == {0, 1}
    brightness = found.pictures.float().mean((1, 2, 3))  # each picture has kept its own label
    assert float(brightness[found.labels == 0].max()) < float(brightness[found.labels == 1].min())


def test_cifar_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(introspection, "LACKING", {"cifar10": "needs GRADLAB_CIFAR"})
    with pytest.raises(SystemExit):
        command.main(["introspection", "--only", "cifar10", "--cache", str(tmp_path)])
    monkeypatch.setattr(introspection, "LACKING", {})
    monkeypatch.setattr(introspection, "CIFAR", str(tmp_path))
    with pytest.raises(InputError, match=r"no file .*cifar10_jpeg_train.npz"):
        introspection.task(SMALL, tmp_path, True).measure(Run("cifar10", F, 0))


def test_pictures_are_mirrored_and_moved() -> None:
    x = torch.zeros(64, 3, 32, 32)
    x[:, :, 10, 20] = 1.0
    found = cifar.varied(x, torch.Generator().manual_seed(0))
    _, _, rows, columns = (found == 1).nonzero().unbind(1)
    assert found.shape == x.shape and len(rows) == 64 * 3
    assert {abs(int(row) - 10) <= cifar.SHIFT for row in rows} == {True} and len(set(rows.tolist())) > 4
    mirrored = {abs(int(column) - 11) <= cifar.SHIFT for column in columns}
    assert mirrored == {True, False}


def test_the_slim_network_has_the_layout_of_resnet_18() -> None:
    from torchvision.models import resnet18

    slim, whole = cifar.SlimResNet18(10), resnet18()
    layout = [part.stride for part in whole.modules() if isinstance(part, torch.nn.Conv2d)]
    own = [part.stride for part in slim.modules() if isinstance(part, torch.nn.Conv2d)]
    assert own == layout and len(slim.stages) == 4
    assert slim(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
