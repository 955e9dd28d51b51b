"""The experiments downstream: a small one from end to end, and the committed tables, whole and up to date."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from data_scripts import downstream_active, downstream_ood, downstream_quality, downstream_strange
from data_scripts.downstream_config import Config
from data_scripts.downstream_experiment import CSV, PAGE, PARTS, measured
from data_scripts.downstream_networks import learned_few, warmed
from data_scripts.downstream_page import page, verdict
from data_scripts.downstream_rows import CONTROL, FEATURES, TEMPERATURE, F, Row, Run, Table, area, read, write
from gradlab import data, evaluate
from gradlab.evaluate import ood
from gradlab.evaluate.active import STRATEGIES
from gradlab.introspect import IntrospectiveNetwork

TINY = Config(
    seeds=2,
    pictures=20,
    tuning=10,
    odin_steps=(0.0, 0.01),
    train_steps=4,
    hidden=(6,),
    passes=1,
    active_seeds=2,
    budgets=(10, 15),
    width=8,
    active_steps=5,
    active_hidden=(6,),
    active_passes=2,
    photographs=1,
    drawings=2,
    distortions=("noise", "contrast"),
)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """One world of each part: the others take a large network, or many drawings."""
    monkeypatch.setattr(downstream_ood, "SETTINGS", {"digits": downstream_ood.digits})
    monkeypatch.setattr(downstream_quality, "SCENES", {"drawings": downstream_quality.drawings})
    monkeypatch.setattr(downstream_quality, "_warm_signs", lambda: downstream_quality.models.signs())


def test_a_small_one_repeats_and_makes_a_page(tmp_path: Path, quick: None) -> None:
    rows = [row for part in PARTS for row in measured(part, TINY, tmp_path / "one", quiet=True)]
    torch.rand(5)  # the global random state plays no part
    assert rows == [row for part in PARTS for row in measured(part, TINY, tmp_path / "other", quiet=True)]
    assert {row.run for row in rows} == {run for make in PARTS.values() for run in make(TINY, tmp_path, True)}
    text = page(rows)
    assert text.count("\n## ") == text.count("\n### ") == len(PARTS)
    assert "nan" not in text
    write(rows, tmp_path / "rows.csv")
    assert page(read(tmp_path / "rows.csv")) == text


def test_it_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = measured("active", TINY, tmp_path / "whole", quiet=True)
    made, plain = [], downstream_active._measured

    def some(arm: str, seed: int, config: Config) -> list[Row]:
        if len(made) == 5:
            raise KeyboardInterrupt
        made.append((arm, seed))
        return plain(arm, seed, config)

    monkeypatch.setattr(downstream_active, "_measured", some)
    with pytest.raises(KeyboardInterrupt):
        measured("active", TINY, tmp_path / "parts", quiet=True)
    made.clear()
    assert measured("active", TINY, tmp_path / "parts", quiet=True) == whole
    assert made == [(TEMPERATURE, 1), (CONTROL, 1), (FEATURES, 1)]


def test_the_committed_table_is_whole() -> None:
    config, rows = Config(), read(CSV)
    assert config.seeds >= 5 and config.active_seeds >= 10
    arms = downstream_ood.ARMS_OF
    expected = {Run(world, arm, 0) for world in arms for arm in arms[world][:2]}
    expected |= {Run(world, arm, seed) for world in arms for arm in arms[world][2:] for seed in range(config.seeds)}
    assert {row.run for row in rows if row.part == "ood"} == expected
    kinds = {"textures", "noise", "letters"}
    for world, more in {"digits": {"digits 8 and 9", "signs"}, "signs": {"digits"}}.items():
        found = [row for row in rows if (row.part, row.world) == ("ood", world) and row.what != downstream_ood.TUNING]
        cells = len(kinds | more) * (len(downstream_ood.SCORES) + 1) * len(downstream_ood.MEASURES)
        assert {row.what for row in found} == kinds | more
        assert len(found) == cells * (2 + (len(arms[world]) - 2) * config.seeds)
    bought = [row for row in rows if row.part == "active"]
    keys = {(row.arm, row.seed, row.what, row.how, row.labels) for row in bought}
    count = len(downstream_active.ARMS) * config.active_seeds * len(STRATEGIES) * 2 * len(config.budgets)
    assert len(bought) == len(keys) == count
    for world in ("photographs", "drawings"):
        judged = {(row.arm, row.seed) for row in rows if (row.part, row.world) == ("quality", world)}
        assert judged == {(a, s) for a in downstream_quality.arms_of(world) for s in range(getattr(config, world))}


def test_the_page_is_the_table() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(read(CSV))


def test_what_the_last_layers_read_gives_the_scores_of_the_whole(tmp_path: Path) -> None:
    there = downstream_ood.digits(TINY, tmp_path, True)
    assert there.net.labels == [str(k) for k in range(8)] and int(there.train[1].max()) == 7
    assert {len(x) for x in (there.known, *there.strange.values())} == {TINY.pictures}
    for arm in downstream_ood.ARMS_OF["digits"]:
        network, head, reads = downstream_ood.answering(arm, 0, there, TINY)
        for score in downstream_ood.SCORES.values():
            mine = score(head, reads(there.sensed["letters"]))
            assert torch.allclose(mine, score(network, there.strange["letters"]), rtol=1e-4, atol=1e-6)
    small, large = (downstream_ood.answering(arm, 0, there, TINY)[0] for arm in (FEATURES, CONTROL))
    assert isinstance(small, IntrospectiveNetwork) and (small.on, large.on) == ("gradient", "h")
    assert large.weights == pytest.approx(small.weights, rel=0.05)


def test_a_temperature_divides_the_logits() -> None:
    x, y = downstream_active.pictures("validation")
    torch.manual_seed(0)
    model = learned_few(x, y, 16, 30)
    z = ood.logits_of(model, x)
    by = evaluate.temperature(z, y)
    assert by != pytest.approx(1, abs=0.02)
    assert torch.allclose(ood.logits_of(warmed(model, z, y), x), z / by, rtol=1e-4, atol=1e-5)
    assert torch.equal(ood.logits_of(model, x), z)  # a copy was changed


def test_strange_pictures_are_those_of_the_course() -> None:
    made = downstream_strange.pictures(12, (48, 48))
    for name, x in made.items():
        assert torch.equal(x, data.strange(name, 12, seed=downstream_strange.SEED, size=48, channels=3))
    x = torch.arange(16.0).view(1, 1, 4, 4)
    assert sorted(downstream_strange.shuffled(x).flatten().tolist()) == x.flatten().tolist()
    assert downstream_strange.shuffled(x)[0, 0, 0, 2:].tolist() == [0, 1]  # the upper left is at the upper right


def test_areas_and_verdicts() -> None:
    def rows(arm: str, *values: float) -> list[Row]:
        return [Row("active", "w", arm, s, "random", "clean", "accuracy", 10, 9, v) for s, v in enumerate(values)]

    first = rows(F, 0.5)[0]
    curve = [dataclasses.replace(first, labels=n, value=v) for n, v in ((30, 0.9), (10, 0.5), (20, 0.7))]
    assert area(curve) == pytest.approx(0.7)  # out of order
    each = Table([*rows(F, 0.5), *rows(FEATURES, 0.6, 0.7, 0.65)], "active", "w")
    assert each.values(F, "random", "clean", "accuracy") == [0.5] * 3
    # 4.303 is the 97.5 % point of Student's t with 2 degrees of freedom: 4.303 * 0.05 / sqrt(3) = 0.124
    assert verdict([0.10, 0.20, 0.15]) == "better" and verdict([0.10, 0.20, 0.15], -1) == "worse"
    assert verdict([0.05, 0.15, 0.10]) == "not told apart"
