"""A real JupyterLab on a free port of this machine, with a home of its own, and what drives it."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KERNEL = "window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel"
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_LIMIT = 120  # seconds


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Lab:
    """A running server: its root folder, address and token."""

    root: Path
    port: int
    token: str

    def url(self, notebook: str) -> str:
        # ?reset forgets the workspace, which would reopen what was open before
        return f"http://127.0.0.1:{self.port}/lab/tree/{notebook}?token={self.token}&reset"


def _environment(home: Path, subshells: bool) -> dict[str, str]:
    """Folders under ``home`` for everything Jupyter keeps, and a kernel that is this very Python."""
    spec = home / "data" / "kernels" / "python3"
    spec.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "Python 3", "language": "python"}))
    overrides = home / "overrides"
    overrides.mkdir()
    quiet = {
        "@jupyterlab/apputils-extension:notification": {"checkForUpdates": False, "fetchNews": "false"},
        # cells far below would otherwise not be in the page
        "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
        "@jupyterlab/apputils-extension:kernels-settings": {
            "commsOverSubshells": "perCommTarget" if subshells else "disabled"
        },
    }
    (overrides / "overrides.json").write_text(json.dumps(quiet))
    own = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
        "MPLCONFIGDIR": "matplotlib",
    }
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return {**os.environ, **{name: str(home / folder) for name, folder in own.items()}, **one_thread}


@contextmanager
def running_lab(root: Path, home: Path, subshells: bool = True) -> Iterator[Lab]:
    """Start JupyterLab over ``root`` and end its whole process group afterwards.

    With ``subshells``, which are its own choice, the kernel may answer widgets on another thread.
    """
    home.mkdir(parents=True, exist_ok=True)
    lab = Lab(root, free_port(), secrets.token_hex(16))
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={lab.port}"),
        *(f"--IdentityProvider.token={lab.token}", f"--ServerApp.root_dir={root}", "--ServerApp.port_retries=0"),
        *("--LabApp.expose_app_in_browser=True", "--LabApp.extension_manager=readonly", "--LabApp.news_url="),
        f"--LabApp.app_settings_dir={home / 'overrides'}",
        *(["--allow-root"] if os.geteuid() == 0 else []),
    ]
    environment = _environment(home, subshells)
    with (home / "lab.log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait_for(lab, process, home / "lab.log")
        yield lab
    finally:
        _end(process)


def _wait_for(lab: Lab, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_LIMIT
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{lab.port}/api?token={lab.token}", timeout=2).close()
            return
        except OSError:
            time.sleep(0.3)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
            process.wait(15)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def write_notebook(path: Path, sources: list[str]) -> Path:
    cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    cells = [{**cell, "id": f"c{i}", "source": source} for i, source in enumerate(sources)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path.write_text(
        json.dumps({"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5})
    )
    return path


def run_notebook(page: Any, lab: Lab, notebook: str, limit: float = 180) -> None:
    """Open a notebook and run all its cells; returns when the kernel is idle again."""
    page.goto(lab.url(notebook), wait_until="domcontentloaded")
    idle = f"() => window.jupyterapp?.shell?.currentWidget?.context && {KERNEL}?.status === 'idle'"
    page.wait_for_function(
        idle.replace("sessionContext.session.kernel", "sessionContext?.session?.kernel"), timeout=limit * 1e3
    )
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    wait_idle(page, limit)


def wait_idle(page: Any, limit: float = 60) -> None:
    page.wait_for_function(f"() => {KERNEL}.status === 'idle'", timeout=limit * 1e3)


def count_messages(page: Any) -> None:
    """Count what the page asks of the kernel from now on; what the reader chose is told, and asks nothing."""
    page.evaluate(
        f"""() => {{ window.sentToKernel = [];
        {KERNEL}.anyMessage.connect((_, each) => {{
            if (each.direction === 'send' && each.msg.content?.data?.method !== 'update')
                window.sentToKernel.push(each.msg.header.msg_type); }}); }}"""
    )


def messages(page: Any) -> list[str]:
    """Return the kinds of the messages sent since :func:`count_messages`."""
    return list(page.evaluate("() => window.sentToKernel"))
