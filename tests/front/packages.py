"""JavaScript packages of the tests, installed by name, once, into ``tests/front/node_modules``, which git ignores."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PACKAGES = ["eslint@9", "@eslint/js@9", "globals@16", "typescript@5", "axe-core@4"]


def installed() -> Path:
    """Return where the packages are; installs them where they are not yet, or skips the test with the reason."""
    modules = HERE / "node_modules"
    stamp = modules / ".installed"
    if not stamp.is_file() or stamp.read_text() != " ".join(PACKAGES):
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("npm is not on the path")
        quiet = ["--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"]
        command = [npm, "install", *quiet, "--prefix", str(HERE), *PACKAGES]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            pytest.skip(f"npm cannot install {', '.join(PACKAGES)}: {done.stderr.strip()[-300:]}")
        stamp.write_text(" ".join(PACKAGES))
    return modules
