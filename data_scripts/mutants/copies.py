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

LIMIT = 900.0  # seconds that a command has: for the longest, several times what it takes


def listed() -> list[str]:
    """Return the files that git tracks or would track."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return [name for name in found if name and (ROOT / name).is_file()]


class Copy:
    """A copy of the files, with the answers that the front end's tests ask for written once."""

    sound: set[str] = set()  # noqa: RUF012 - tests that were seen to pass without any change, in all copies

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
        self.run([sys.executable, "-c", write])

    def run(self, command: list[str]) -> tuple[int | None, str]:
        """Run a command here; returns its exit status, None where it ran past its limit, and what it said."""
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
            said, _ = started.communicate(timeout=LIMIT)
            return started.returncode, said
        except subprocess.TimeoutExpired:
            return None, ""
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)
            started.wait()

    def ask(self, mutant: Mutant) -> tuple[str, str, float]:
        """Make a change and undo it; returns the verdict, what noticed it, and the seconds that took."""
        path = self.root / mutant.file
        began = time.monotonic()
        for command in commands(mutant.file, self.root):
            path.write_bytes(mutant.made())
            try:
                status, said = self.run(command)
            finally:
                path.write_bytes(mutant.text)
            if status is None:
                return "timed out", "", time.monotonic() - began
            if status != 0:
                by = noticed_by(said)
                self.check(command, by)
                return "noticed", by, time.monotonic() - began
        return "survived", "", time.monotonic() - began

    def check(self, command: list[str], by: str) -> None:
        """Stop everything if what noticed a change fails without it too."""
        alone = [*command[:3], "-q", "-p", "no:cacheprovider", by] if "::" in by else command
        key = " ".join(alone)
        if key not in self.sound:
            status, said = self.run(alone)
            if status != 0:
                raise SystemExit(f"This fails without any change:\n{key}\n{said[-2000:]}")
            self.sound.add(key)

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
