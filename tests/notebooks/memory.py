"""A plugin of pytest beside nbval: the peak memory of each notebook's kernel is printed, and has a limit.

    python -m pytest -p tests.notebooks.memory --peak-limit=1150 --nbval-lax notebooks/*.ipynb

The cell that first goes over the limit of so many MB (10^6 bytes) fails. The peak is what Linux keeps for the kernel's
process (VmHWM: resident, shared libraries included), so that nothing has to be sampled; on other systems it is not
measured, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

PEAK = "peak memory of the kernel"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--peak-limit", type=float, default=float("inf"), help="MB that a notebook's kernel may take")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    yield
    kernel = getattr(item.parent, "kernel", None)  # nbval's, one for each notebook
    peak = None if kernel is None else peak_of(kernel.km.provisioner.pid)
    if peak is None:
        return
    before = getattr(item.parent, "peak", 0.0)
    item.parent.peak = peak
    item.user_properties.append((PEAK, (item.parent.name, item.name, peak, before)))
    limit = item.config.getoption("peak_limit")
    if before <= limit < peak:
        raise MemoryError(f"{item.name} brings the kernel to {peak:,.0f} MB: at most {limit:,.0f} MB.")


def peak_of(pid: int) -> float | None:
    """Return the most memory that a process has held so far in MB, or None where the system does not tell."""
    status = Path(f"/proc/{pid}/status")
    lines = status.read_text().splitlines() if status.is_file() else []
    return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM:")), None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    # the reports of all workers arrive here
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    grown: dict[str, list[tuple[float, float, str]]] = {}
    for name, value in (pair for report in reports for pair in report.user_properties):
        if name == PEAK:
            notebook, cell, peak, before = value
            grown.setdefault(notebook, []).append((peak, peak - before, cell))
    terminalreporter.section(f"{PEAK}: at most {config.getoption('peak_limit'):,.0f} MB")
    for notebook, cells in sorted(grown.items()):
        peak, cell = max(cells)[0], max(each for each in cells if each[1])[2]
        terminalreporter.line(f"{peak:7,.0f} MB  {notebook}, reached in {cell}")
    if not grown:
        terminalreporter.line("not measured: there is no /proc here, or no notebook was run")
