"""The limit on what a notebook's kernel may hold: it can fail, and names the cell that goes over it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests.notebooks.memory import peak_of

ROOT = Path(__file__).resolve().parents[2]
# the memory is touched, so that it is resident, and given back before the next cell
CELLS = ["held = 0", "held = bytearray(300_000_000); held[::1000] = b'x' * 300_000; del held", "held = 1"]


@pytest.mark.skipif(peak_of(os.getpid()) is None, reason="this system does not tell the peak")
@pytest.mark.parametrize("limit", [250, 1000])
def test_the_cell_that_goes_over_the_limit_fails(tmp_path: Path, limit: int) -> None:
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    nbformat.write(book, tmp_path / "large.ipynb")
    asked = ["-p", "tests.notebooks.memory", f"--peak-limit={limit}", "--nbval-lax", "--nbval-current-env"]
    asked += ["-n", "1"] if limit == 250 else []  # what workers measure reaches the summary
    command = [sys.executable, "-m", "pytest", "-c", os.devnull, "-rA", *asked, str(tmp_path / "large.ipynb")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    told = next(line for line in done.stdout.splitlines() if "MB  large.ipynb, reached in Cell 1" in line)
    assert 300 < float(told.split()[0]) < 500
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    if limit == 250:
        assert done.returncode == 1 and len(failed) == 1 and "Cell 1" in failed[0]
        assert "Cell 1 brings the kernel to" in done.stdout and "at most 250 MB" in done.stdout
    else:
        assert done.returncode == 0 and not failed
    assert peak_of(2**31 - 1) is None  # there is no such process
