"""The experiments' runner and its tables: killed at any moment, nothing is half and nothing is twice."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from data_scripts.experiments import __main__ as command
from data_scripts.experiments import table
from data_scripts.experiments.runner import Run, Task, complete, run_of
from data_scripts.experiments.table import Row, held, write
from data_scripts.files import replacing
from gradlab.core import InputError
from gradlab.course import results
from gradlab.course.results import NAMES, Results, read

ROOT = Path(__file__).resolve().parents[2]
RUNS = [Run(world, arm, seed) for world in ("a", "b") for seed in range(3) for arm in ("f", "H")]

# a task that notes what it does, for a process that is killed
TOY = """
import sys, time
from pathlib import Path
from data_scripts.experiments.runner import Run, Task, complete
from data_scripts.experiments.table import Row
folder = Path(sys.argv[1])
runs = [Run("a", "f", seed) for seed in range(12)]
def measure(run):
    with (folder / "begun").open("a") as file:
        print(run.seed, file=file)
    time.sleep(0.03)
    return [Row(*run, "", "none", 0, f"measure {k}", 1, run.seed + k / 7) for k in range(400)]
complete(Task("toy", runs, measure), folder, quiet=True)
"""


def rows_of(run: Run) -> list[Row]:
    return [Row(*run, "", "none", level, "accuracy", 10, ord(run.world) + run.seed / 7) for level in range(3)]


def test_the_runs_that_are_left_are_done_in_order(tmp_path: Path) -> None:
    made: list[Run] = []

    def measure(run: Run) -> list[Row]:
        if len(made) == 5:
            raise KeyboardInterrupt
        made.append(run)
        return rows_of(run)

    task = Task("toy", RUNS, measure)
    with pytest.raises(KeyboardInterrupt):
        complete(task, tmp_path, quiet=True)
    assert list(dict.fromkeys(map(run_of, held("toy", tmp_path).rows))) == made == RUNS[:5]
    made[:] = []
    whole = Task("toy", RUNS, lambda run: made.append(run) or rows_of(run))
    complete(whole, tmp_path, only=["b"], quiet=True)
    assert made == [run for run in RUNS if run.world == "b"]
    complete(whole, tmp_path, quiet=True)
    assert sorted(made) == sorted(RUNS[5:]) and not whole.left(held("toy", tmp_path))
    complete(whole, tmp_path / "at once", quiet=True)
    assert (tmp_path / "toy.csv.gz").read_bytes() == (tmp_path / "at once" / "toy.csv.gz").read_bytes()


def test_again_forgets_what_is_measured_again_and_no_more(tmp_path: Path) -> None:
    complete(Task("toy", RUNS, rows_of), tmp_path, quiet=True)
    made: list[Run] = []

    def other(run: Run) -> list[Row]:
        made.append(run)
        return [row._replace(value=9.0) for row in rows_of(run)]

    found = complete(Task("toy", RUNS, other), tmp_path, only=["b"], again=True, quiet=True)
    assert made == [run for run in RUNS if run.world == "b"]
    assert {row.world for row in found.rows if row.value == 9.0} == {"b"}
    assert list(map(run_of, found.rows)) == [run for run in RUNS for _ in range(3)]


def test_a_world_that_cannot_be_measured_keeps_its_rows(tmp_path: Path) -> None:
    complete(Task("toy", RUNS, rows_of), tmp_path, quiet=True)
    lacking = Task("toy", RUNS, lambda run: pytest.fail(str(run)), {"b": "needs a folder"})
    assert len(complete(lacking, tmp_path, quiet=True).rows) == 3 * len(RUNS)
    assert not lacking.left(Results([row for row in held("toy", tmp_path).rows if row.world == "a"]))


@pytest.mark.parametrize("broken", ["lines", "place"])
def test_a_table_that_is_broken_off_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    write("toy", rows_of(RUNS[0]), tmp_path)
    before = (tmp_path / "toy.csv.gz").read_bytes()

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    def half() -> object:
        yield rows_of(RUNS[1])[0]
        raise KeyboardInterrupt

    if broken == "place":
        monkeypatch.setattr(Path, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        write("toy", half() if broken == "lines" else rows_of(RUNS[1]), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["toy.csv.gz"]
    assert (tmp_path / "toy.csv.gz").read_bytes() == before


@pytest.mark.slow
def test_killed_again_and_again_it_ends_as_it_would_have(tmp_path: Path) -> None:
    def begin(folder: Path) -> subprocess.Popen[bytes]:
        folder.mkdir(exist_ok=True)
        return subprocess.Popen([sys.executable, "-c", TOY, str(folder)], cwd=ROOT)

    assert begin(tmp_path / "whole").wait(60) == 0
    killed, parts = 0, tmp_path / "parts"
    parts.mkdir()
    for wait in (0.01, 0.02, 0.035, 0.05, 0.06):  # between runs, during one, during a write
        process, start = begin(parts), len(noted(parts))
        while len(noted(parts)) == start and process.poll() is None:
            time.sleep(0.005)
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        killed += process.wait(60) == -signal.SIGKILL
        counts = [sum(row.seed == seed for row in held("toy", parts).rows) for seed in range(12)]
        assert set(counts) <= {0, 400}
    assert killed == 5
    assert begin(parts).wait(60) == 0
    assert (parts / "toy.csv.gz").read_bytes() == (tmp_path / "whole" / "toy.csv.gz").read_bytes()
    assert len(noted(parts)) <= 12 + killed  # a kill costs the run it met, and no other


def noted(folder: Path) -> list[str]:
    path = folder / "begun"
    return path.read_text().split() if path.is_file() else []


def test_rows_survive_a_file_to_four_places(tmp_path: Path) -> None:
    rows = [Row("w", 'an arm, with "quotes"', 3, "msp", "lens blur", 2, "nll", 40, v) for v in (0.25, 127410, 1 / 3)]
    write("toy", rows, tmp_path)
    assert [row.value for row in held("toy", tmp_path).rows] == [0.25, 127410, 0.3333]
    assert [row[:-1] for row in held("toy", tmp_path).rows] == [row[:-1] for row in rows]
    assert held("nothing", tmp_path).rows == ()
    assert table.PLACES == 4


def test_a_file_of_any_kind_is_whole_or_not_there(tmp_path: Path) -> None:
    with replacing(tmp_path / "new" / "page.md") as part:
        part.write_text("whole")
        assert not (tmp_path / "new" / "page.md").exists()
    assert (tmp_path / "new" / "page.md").read_text() == "whole"


def test_results_are_found_by_what_they_tell_of() -> None:
    def row(seed: int, value: float, **other: object) -> Row:
        return Row("w", "f", seed, "msp", "none", 0, "auroc", 5, value)._replace(**other)

    some = [row(1, 0.4), row(0, 0.2), row(0, 0.6, condition="rain", level=1), row(0, 0.9, method="odin")]
    found = Results([*some, row(0, 0.7, arm="H"), row(1, 0.6, arm="H")])
    assert found.by_seed("f", "auroc", method="msp", condition="none") == [0.2, 0.4]
    assert found.by_seed("f", "auroc", method={"msp"}, level=range(1, 6)) == [0.6]
    assert found.gain("H", "f", "auroc", method="msp", condition="none") == [0.5, 0.2]
    assert found.names("condition") == ["none", "rain"]
    assert len(found.where(arm="f", seed=0).rows) == 3 and repr(found) == "Results(6 rows; worlds: w)"
    with pytest.raises(InputError, match="no row"):
        found.by_seed("f", "aupr")
    with pytest.raises(InputError, match="columns are world, arm"):
        found.where(what="none")


def test_the_area_of_a_curve_is_its_mean_height() -> None:
    points = ((30, 0.9, 0.5), (10, 0.5, 0.1), (20, 0.7, 0.5))  # out of order
    rows = [
        Row("w", "f", seed, "random", how, level, "accuracy", 9, value[seed] + (how == "noisy"))
        for level, *value in points
        for how in ("clean", "noisy")
        for seed in range(2)
    ]
    assert Results(rows).areas("f", "accuracy", condition="clean") == pytest.approx([0.7, 0.4])
    assert Results(rows).areas("f", "accuracy") == pytest.approx([1.2, 0.9])
    with pytest.raises(InputError, match="no curve"):
        Results(rows[:1]).areas("f", "accuracy")


def test_reading_a_table_loads_no_torch() -> None:
    code = "import sys; from gradlab.course.results import read; print(len(read('ood').rows), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == [str(len(read("ood").rows)), "False"]


def test_a_table_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match=r"no table 'downstream'.*introspection, ood"):
        read("downstream")


@pytest.mark.parametrize("name", NAMES)
def test_the_committed_tables_are_whole_and_in_order(name: str) -> None:
    task, rows = command.task_of(name), read(name).rows
    assert list(dict.fromkeys(map(run_of, rows))) == list(task.runs)
    keys = [row[:-2] for row in rows]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("name", command.PAGES)
def test_the_committed_pages_are_the_tables(name: str) -> None:
    assert (ROOT / "docs" / "results" / f"{name}.md").read_text(encoding="utf-8") == command.page_of(name)


def test_the_command_lists_what_is_left_and_names_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    command.main([])
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()] == [[name, "0"] for name in NAMES]
    for wrong in (["ood", "--only", "cats"], ["nothing"]):
        with pytest.raises(SystemExit):
            command.main(wrong)
    assert "has no world cats: choose from digits, signs" in capsys.readouterr().err


def test_the_command_goes_on_and_makes_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    toys = {name: Task(name, RUNS, rows_of) for name in NAMES}
    monkeypatch.setattr(command, "task_of", lambda name, *_: toys[name])
    monkeypatch.setattr(command, "page_of", lambda name, tables: json.dumps([name, len(held("ood", tables).rows)]))
    monkeypatch.setattr(command.importlib, "import_module", lambda _: object())
    command.main(["ood", "--small", "--cache", str(tmp_path)])
    small = tmp_path / "small"
    assert [path.name for path in small.iterdir()] == ["ood.csv.gz"]  # its page needs other tables too
    command.main(["active", "quality", "--small", "--cache", str(tmp_path)])
    assert json.loads((small / "downstream.md").read_text()) == ["downstream", 3 * len(RUNS)]
    assert not (results.FOLDER / "toy.csv.gz").exists()
