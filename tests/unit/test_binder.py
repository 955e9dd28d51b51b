"""The Binder image, as far as it can be checked without building it: its Dockerfile, pins and scripts."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BINDER = ROOT / "binder"
COPIED = ("binder", "gradlab", "notebooks", "pyproject.toml", "README.md", "LICENSE")

# These come with the image's own Jupyter: pinning them again could break it.
WITH_THE_IMAGE = {"ipywidgets", "jupyterlab", "ipykernel", "notebook"}


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins() -> dict[str, str]:
    """Return name -> the rest of the line, for each requirement of the image."""
    lines = (line.strip() for line in (BINDER / "requirements.txt").read_text(encoding="utf-8").splitlines())
    found = {}
    for line in lines:
        if line and not line.startswith(("#", "-")):
            name, rest = re.match(r"([A-Za-z0-9._-]+)(.*)", line).groups()  # type: ignore[union-attr]
            found[normalised(name)] = rest
    return found


def runtime_dependencies() -> dict[str, str]:
    """Return name -> version range, from pyproject.toml (read as text: Python 3.10 has no tomllib)."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = re.search(r"^dependencies = \[(.*?)^\]", text, re.DOTALL | re.MULTILINE)
    assert block, "pyproject.toml has no dependencies"
    found = re.findall(r'"([A-Za-z0-9._-]+)([^"]*)"', block.group(1))
    return {normalised(name): versions for name, versions in found}


@pytest.fixture(scope="module")
def dockerfile(tmp_path_factory: pytest.TempPathFactory) -> str:
    if importlib.util.find_spec("repo2docker") is None:
        pytest.skip("jupyter-repo2docker is not installed")
    copy = tmp_path_factory.mktemp("repository")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        elif source.exists():
            shutil.copy2(source, copy / name)
    command = [sys.executable, "-m", "repo2docker", "--no-build", "--debug"]
    command += ["--user-id", "1000", "--user-name", "jovyan", "."]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_python_is_the_one_asked_for(dockerfile: str) -> None:
    assert (BINDER / "runtime.txt").read_text(encoding="utf-8").strip() == "python-3.11"
    # file names are written with their signs escaped: environment.py-3.11-linux-64.lock
    assert "environment.py-3.11" in re.sub(r"-([0-9a-f]{2})", lambda m: chr(int(m[1], 16)), dockerfile)


def test_heavy_layer_comes_before_the_project(dockerfile: str) -> None:
    install = dockerfile.index('-r "binder/requirements.txt"')
    everything = re.search(r"^COPY .*\bsrc/ ", dockerfile, re.MULTILINE)
    assert everything, "the Dockerfile never copies the project"
    assert install < everything.start() < dockerfile.index("RUN ./binder/postBuild")


def test_start_and_post_build_are_used(dockerfile: str) -> None:
    assert "RUN ./binder/postBuild" in dockerfile
    assert re.search(r"^ENV R2D_ENTRYPOINT=.*binder/start", dockerfile, re.MULTILINE)


def test_every_runtime_dependency_is_pinned() -> None:
    wanted = set(runtime_dependencies()) - WITH_THE_IMAGE
    assert wanted, "no dependencies were read"
    assert set(pins()) == wanted
    assert all(re.fullmatch(r"==[0-9][0-9A-Za-z.+]*", version) for version in pins().values())


def test_pins_satisfy_pyproject() -> None:
    specifiers = pytest.importorskip("packaging.specifiers")
    for name, versions in runtime_dependencies().items():
        if name in pins():
            assert specifiers.SpecifierSet(versions).contains(pins()[name].removeprefix("==")), name


def test_torch_is_the_cpu_build() -> None:
    assert pins()["torch"].endswith("+cpu")
    assert pins()["torchvision"].endswith("+cpu")


@pytest.mark.parametrize("script", ["binder/postBuild", "binder/start", ".ci/run"])
def test_scripts_are_sound(script: str) -> None:
    path = ROOT / script
    assert os.access(path, os.X_OK), f"chmod +x {script}"
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash on this machine")
    done = subprocess.run([bash, "-n", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_start_hands_over_to_its_command() -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash on this machine")
    command = [bash, str(BINDER / "start"), "bash", "-c", "echo $OMP_NUM_THREADS$MKL_NUM_THREADS"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "11"
