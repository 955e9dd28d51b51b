"""What the methods say about their memory: every one says something, and what is to stay small stays small."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from gradlab import core, explain, information, introspect
from gradlab.evaluate import active, ood, quality

MODULES = (core, explain, explain.faithfulness, information, introspect, ood, quality, active)

PEAKS = """
import sys, torch
from pathlib import Path
from gradlab import explain, information
from gradlab.evaluate import active, ood, quality
torch.set_num_threads(1)
layers = [torch.nn.Conv2d(3, 32, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(32, 32, 3, 2, 1), torch.nn.ReLU()]
net = torch.nn.Sequential(*layers, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(32, 5)).eval()
METHODS = {
    "grad_cam": lambda x: explain.grad_cam(net, x),
    "fisher": lambda x: information.fisher(net, x),
    "msp": lambda x: ood.msp(net, x),
    "odin": lambda x: ood.odin(net, x),
    "gradient_norm": lambda x: ood.gradient_norm(net, x),
    "feature_similarity": lambda x: quality.feature_similarity(net, x, x),
    "ask": lambda x: active.ask("entropy", net, x, 2),
}
def held(what):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) / 1024
def peak(method, n):
    x = torch.rand(n, 3, 32, 32)
    Path("/proc/self/clear_refs").write_text("5")
    before = held("VmRSS")
    method(x)
    return held("VmHWM") - before
for name, method in METHODS.items():
    method(torch.rand(2, 3, 32, 32))
    print(name, peak(method, 256), peak(method, 1024))
"""


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_method_of_a_network_says_how_its_memory_grows(module: object) -> None:
    methods = [getattr(module, name) for name in module.__all__]  # type: ignore[attr-defined]
    asked = [each for each in methods if inspect.isfunction(each) and "model" in inspect.signature(each).parameters]
    assert asked and [each.__name__ for each in asked if "Memory:" not in str(each.__doc__)] == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peak memory is read from Linux")
def test_what_is_said_to_run_in_parts_does_not_grow_with_the_pictures() -> None:
    given_back = {"MALLOC_MMAP_THRESHOLD_": "262144", "MALLOC_TRIM_THRESHOLD_": "1000000", "OMP_NUM_THREADS": "1"}
    command = ["env", *(f"{name}={value}" for name, value in given_back.items()), sys.executable, "-c", PEAKS]
    made = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout
    peaks = {name: (float(few), float(many)) for name, few, many in map(str.split, made.splitlines())}
    few, many = peaks.pop("grad_cam")
    assert many > 3 * few > 75, "the measure itself: four times the pictures take four times the memory"
    private = 768 * 3 * 32 * 32 * 4 / 2**20  # one copy of what is more of the input
    assert {name: pair for name, pair in peaks.items() if pair[1] > pair[0] + 4 * private} == {}
