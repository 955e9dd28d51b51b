"""The reader's copy of the lessons: what is new arrives, and no work is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradlab.core import InputError
from gradlab.course import working_copy


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    lessons = tmp_path / "lessons"
    lessons.mkdir()
    for name in ("01_a.ipynb", "02_b.ipynb", "notes.txt"):
        (lessons / name).write_text(f"{name}, first")
    return lessons, tmp_path / "mine" / "course"


def texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.glob("*.ipynb"))}


def test_lessons_arrive_and_work_is_never_overwritten(folders: tuple[Path, Path]) -> None:
    lessons, mine = folders
    assert working_copy(lessons, mine) == {"01_a.ipynb": "copied", "02_b.ipynb": "copied"}
    assert working_copy(lessons, mine) == {"01_a.ipynb": "kept", "02_b.ipynb": "kept"}
    (mine / "02_b.ipynb").write_text("my work")
    assert working_copy(lessons, mine) == {"01_a.ipynb": "kept", "02_b.ipynb": "kept"}
    for name in ("01_a.ipynb", "02_b.ipynb"):
        (lessons / name).write_text(f"{name}, second")
    assert working_copy(lessons, mine) == {"01_a.ipynb": "replaced", "02_b.ipynb": "put beside"}
    assert texts(mine) == {
        "01_a.ipynb": "01_a.ipynb, second", "02_b (new).ipynb": "02_b.ipynb, second", "02_b.ipynb": "my work",
    }  # fmt: skip
    (mine / "02_b (new).ipynb").write_text("more work")
    (lessons / "02_b.ipynb").write_text("third")
    assert working_copy(lessons, mine)["02_b.ipynb"] == "kept"
    assert texts(mine)["02_b (new).ipynb"] == "more work" and texts(mine)["02_b.ipynb"] == "my work"


def test_a_lesson_that_was_thrown_away_comes_back_and_a_lost_record_costs_nothing(folders: tuple[Path, Path]) -> None:
    lessons, mine = folders
    working_copy(lessons, mine)
    (mine / "01_a.ipynb").unlink()
    (mine / ".gradlab-lessons.json").write_text("[1, 2")
    (mine / "02_b.ipynb").write_text("my work")
    assert working_copy(lessons, mine) == {"01_a.ipynb": "copied", "02_b.ipynb": "put beside"}
    assert texts(mine)["02_b.ipynb"] == "my work"


def test_what_cannot_be_copied(folders: tuple[Path, Path], tmp_path: Path) -> None:
    lessons, _ = folders
    with pytest.raises(InputError, match=r"lessons is .*nowhere.*: there are no notebooks in it\."):
        working_copy(tmp_path / "nowhere", tmp_path / "mine")
    assert not (tmp_path / "mine").exists()
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(InputError, match=r"folder is .*: it cannot be written"):
        working_copy(lessons, tmp_path / "file")
    with pytest.raises(InputError, match="folder is 3"):
        working_copy(lessons, 3)  # type: ignore[arg-type]
