"""Private copies of the project, in which changes are made and the tests are run."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from data_scripts.files import ROOT
from data_scripts.mutants.relevant import commands
from data_scripts.mutants.sample import Mutant

__all__ = ["Copy", "listed"]

LEAST = 120.0  # seconds that every command has
TIMES = 4.0  # and as many times what it takes without a change


def listed() -> list[str]:
    """Return the files that git tracks or would track."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return [name for name in found if name and (ROOT / name).is_file()]


class Copy:
    """A copy of the files, with the answers that the front end's tests ask for written once."""

    taken: dict[tuple[str, ...], float] = {}  # noqa: RUF012 - how long each command takes without a change, of all

    def __init__(self, names: list[str]) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="gradlab-mutants-"))
        for name in names:
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, self.root / name)
        alone = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        self.environment = {
            **os.environ,
            **alone,
            "PYTHONPATH": str(self.root),
            "PYTHONDONTWRITEBYTECODE": "1",  # a compiled file could outlive the change
            "GRADLAB_VECTORS": str(self.root / "vectors.json"),
        }
        write = "from pathlib import Path; from tests.front.vectors import write; write(Path('vectors.json'))"
        self.run([sys.executable, "-c", write], LEAST)

    def run(self, command: list[str], limit: float) -> tuple[int | None, str]:
        """Run a command here; returns its exit status, None where it ran past its limit, and what it said last."""
        started = subprocess.Popen(
            [part.replace("{python}", sys.executable) for part in command],
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            said, _ = started.communicate(timeout=limit)
            return started.returncode, said
        except subprocess.TimeoutExpired:
            return None, ""
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)
            started.wait()

    def limit(self, command: list[str]) -> float:
        """Return the seconds a command has; stops where it fails without any change."""
        key = tuple(command)
        if key not in self.taken:
            began = time.monotonic()
            status, said = self.run(command, 30 * LEAST)
            if status != 0:
                raise SystemExit(f"This fails without any change:\n{' '.join(command)}\n{said[-2000:]}")
            self.taken[key] = time.monotonic() - began
        return LEAST + TIMES * self.taken[key]

    def ask(self, mutant: Mutant) -> tuple[str, str, float]:
        """Make a change and undo it; returns the verdict, what noticed it, and the seconds that took."""
        asked = commands(mutant.file, self.root)
        limits = [self.limit(command) for command in asked]
        path = self.root / mutant.file
        began = time.monotonic()
        path.write_bytes(mutant.made())
        try:
            for command, limit in zip(asked, limits, strict=True):
                status, said = self.run(command, limit)
                if status is None:
                    return "timed out", "", time.monotonic() - began
                if status != 0:
                    return "noticed", noticed_by(said), time.monotonic() - began
        finally:
            path.write_bytes(mutant.text)
        return "survived", "", time.monotonic() - began

    def remove(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)


def noticed_by(said: str) -> str:
    """Return the first test that failed, by what pytest or node say of it."""
    for line in said.splitlines():
        if line.startswith(("FAILED ", "ERROR ")):
            return line.split(" - ")[0].split(" ", 1)[1].split("[")[0]
        if line.lstrip().startswith("not ok ") and not line.rstrip().endswith(".js"):
            return line.strip().split(" - ", 1)[1]
    return "the tests cannot be collected"
