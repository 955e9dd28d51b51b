"""The front end under JavaScript's own tools: unit tests of its algebra, eslint, and tsc on its JSDoc types."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.front import packages, vectors

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TESTS = sorted(HERE.glob("*.test.js"))
pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node is not on the path")


def checked(*command: object, **environment: str) -> None:
    done = subprocess.run(
        [str(each) for each in command],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="module")
def tools() -> Path:
    """Return where the tools' programs are."""
    return packages.installed() / ".bin"


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("vectors") / "vectors.json"
    vectors.write(path)
    yield path


@pytest.mark.parametrize("file", TESTS, ids=lambda path: path.name.removesuffix(".test.js"))
def test_the_algebra_agrees_with_the_engine(file: Path, answers: Path) -> None:
    checked("node", "--test", file, GRADLAB_VECTORS=str(answers))


def test_eslint_finds_nothing(tools: Path) -> None:
    checked(tools / "eslint", "--config", HERE / "eslint.config.js", "gradlab/widgets/front", "tests/front")


def test_the_types_fit(tools: Path) -> None:
    checked(tools / "tsc", "--project", HERE / "tsconfig.json")
