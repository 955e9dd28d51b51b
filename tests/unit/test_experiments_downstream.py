"""The experiments downstream: small ones from end to end, and the committed tables, whole."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from data_scripts.experiments import __main__ as command
from data_scripts.experiments.arms import CONTROL, FEATURES, TEMPERATURE, tempered
from data_scripts.experiments.page import verdict
from data_scripts.experiments.runner import Run, complete
from data_scripts.experiments.table import Row
from data_scripts.experiments.tasks import active, ood, quality
from gradlab import evaluate
from gradlab.course.results import read
from gradlab.evaluate import ood as scores
from gradlab.evaluate.active import STRATEGIES
from gradlab.introspect import IntrospectiveNetwork

TASKS = {"ood": ood, "active": active, "quality": quality}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """One world of each task: the others take a large network, or many drawings."""
    monkeypatch.setattr(ood, "SETTINGS", {"digits": ood.digits})
    monkeypatch.setattr(quality, "SCENES", {"drawings": quality.drawings})
    monkeypatch.setattr(quality, "tempered_signs", lambda: quality.models.signs())


def test_small_ones_repeat_and_make_a_page(tmp_path: Path, quick: None) -> None:
    def small(name: str, folder: str) -> tuple[Row, ...]:
        task = TASKS[name].task(TASKS[name].SMALL, tmp_path / f"cache {folder}", True)
        found = complete(task, tmp_path / folder, quiet=True)
        assert not task.left(found)
        return found.rows

    rows = [small(name, "one") for name in TASKS]
    torch.rand(5)  # the global random state plays no part
    assert rows == [small(name, "other") for name in TASKS]
    text = command.page_of("downstream", tmp_path / "one")
    assert text.count("\n## ") == text.count("\n### ") == len(TASKS)
    assert "nan" not in text


def test_it_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def small(folder: str) -> tuple[Row, ...]:
        return complete(active.task(active.SMALL, tmp_path, True), tmp_path / folder, quiet=True).rows

    whole = small("whole")
    made, plain = [], active.measured

    def some(run: Run, config: active.Config) -> list[Row]:
        if len(made) == 5:
            raise KeyboardInterrupt
        made.append(run[1:])
        return plain(run, config)

    monkeypatch.setattr(active, "measured", some)
    with pytest.raises(KeyboardInterrupt):
        small("parts")
    made.clear()
    assert small("parts") == whole
    assert made == [(TEMPERATURE, 1), (CONTROL, 1), (FEATURES, 1)]


def test_the_committed_tables_are_whole() -> None:
    assert ood.Config().seeds >= 5 and active.Config().seeds >= 10
    kinds = {"textures", "noise", "letters"}
    for world, more in {"digits": {"digits 8 and 9", "signs"}, "signs": {"digits"}}.items():
        found = read("ood").where(world=world)
        assert set(found.names("condition")) == kinds | more | {ood.TUNING}
        cells = len(kinds | more) * (len(ood.SCORES) + 1) * len(ood.MEASURES)
        count = cells * (2 + (len(ood.ARMS_OF[world]) - 2) * ood.Config().seeds)
        assert len(found.where(condition=kinds | more).rows) == count
    bought = [row for row in read("active").rows if row.measure == "accuracy"]
    keys = {(row.arm, row.seed, row.method, row.condition, row.level) for row in bought}
    count = len(active.ARMS) * active.Config().seeds * len(STRATEGIES) * 2 * len(active.Config().budgets)
    assert len(bought) == len(keys) == count
    assert read("quality").names("measure") == ["srcc", "krcc", "plcc", "srcc within"]


def test_what_the_last_layers_read_gives_the_scores_of_the_whole(tmp_path: Path) -> None:
    there = ood.digits(ood.SMALL, tmp_path, True)
    assert there.net.labels == [str(k) for k in range(8)] and int(there.train[1].max()) == 7
    assert {len(x) for x in (there.known, *there.strange.values())} == {ood.SMALL.pictures}
    for arm in ood.ARMS_OF["digits"]:
        network, head, reads = ood.answering(arm, 0, there, ood.SMALL)
        for score in ood.SCORES.values():
            mine = score(head, reads(there.last_layers["letters"]))
            assert torch.allclose(mine, score(network, there.strange["letters"]), rtol=1e-4, atol=1e-6)
    small, large = (ood.answering(arm, 0, there, ood.SMALL)[0] for arm in (FEATURES, CONTROL))
    assert isinstance(small, IntrospectiveNetwork) and (small.on, large.on) == ("gradient", "h")
    assert large.weights == pytest.approx(small.weights, rel=0.05)


def test_a_temperature_divides_the_logits() -> None:
    x, y = active.pictures("validation")
    torch.manual_seed(0)
    model = active.learned_few(x, y, 16, 30)
    z = scores.logits_of(model, x)
    by = evaluate.temperature(z, y)
    assert by != pytest.approx(1, abs=0.02)
    assert torch.allclose(scores.logits_of(tempered(model, z, y), x), z / by, rtol=1e-4, atol=1e-5)
    assert torch.equal(scores.logits_of(model, x), z)  # a copy was changed


def test_quarters_are_moved_on_by_one() -> None:
    x = torch.arange(16.0).view(1, 1, 4, 4)
    assert sorted(ood.shuffled(x).flatten().tolist()) == x.flatten().tolist()
    assert ood.shuffled(x)[0, 0, 0, 2:].tolist() == [0, 1]  # the upper left is at the upper right


def test_verdicts() -> None:
    # 4.303 is the 97.5 % point of Student's t with 2 degrees of freedom: 4.303 * 0.05 / sqrt(3) = 0.124
    assert verdict([0.10, 0.20, 0.15]) == "**better** than" and verdict([-0.10, -0.20, -0.15]) == "**worse** than"
    assert verdict([0.05, 0.15, 0.10]) == "**not told apart** from"


def test_no_arm_of_active_learning_was_stopped_while_its_loss_fell() -> None:
    """f and every H, at every budget: from the third quarter of the training to the last."""
    rows = read("active").rows
    for name, most, arms in zip(active.STILL, (0.05, 0.01), (active.ARMS, (CONTROL, FEATURES)), strict=True):
        found = [row for row in rows if row.measure == name]
        assert {(row.arm, row.seed) for row in found} == {(a, s) for a in arms for s in range(active.Config().seeds)}
        assert max(row.value for row in found) < most
    falling = [1 / (1 + k) for k in range(25)]  # nats, as long as H once was trained
    assert active.still_falling(falling) > 0.01 > active.still_falling([0.3] * 20), "this can fail"


def test_no_h_of_the_strange_pictures_was_stopped_while_its_validation_loss_fell() -> None:
    rows = [row for row in read("ood").rows if row.measure == ood.STILL]
    arms = {(world, arm) for world, all_arms in ood.ARMS_OF.items() for arm in all_arms[2:]}
    assert {(row.world, row.arm) for row in rows} == arms and len(rows) == len(arms) * ood.Config().seeds
    assert max(row.value for row in rows) < 0.01
