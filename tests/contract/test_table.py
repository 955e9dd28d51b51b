"""The contract table: every method, of every kind of network and for every caller, is right or refused with a reason.

Right is what an ordinary network that computes the same answers, or the definition again, slowly; and nothing is left
changed. Every method is asked of every network, and by every caller of two networks; of the rest a sample is drawn.
With GRADLAB_CONTRACT=all in the environment it is the whole product. A new method adds a row to METHODS.
"""

from __future__ import annotations

import os
import random

import pytest

from gradlab import explain, information, introspect
from gradlab.evaluate import active, ood, quality
from tests.contract.callers import CALLERS
from tests.contract.cells import fault
from tests.contract.methods import METHODS
from tests.contract.networks import KINDS

WHOLE = os.environ.get("GRADLAB_CONTRACT") == "all"
SAMPLE = 400
IN_EVERY_CALL = ("plain", "in training")


def faults(cells: list[tuple[str, str, str]]) -> list[str]:
    found = [(cell, fault(*cell)) for cell in cells]
    return [f"{' / '.join(cell)}: {wrong}" for cell, wrong in found if wrong]


@pytest.mark.parametrize("name", KINDS)
def test_every_method_of_every_network(name: str) -> None:
    assert faults([(name, method, "plain") for method in METHODS]) == []


@pytest.mark.parametrize("name", IN_EVERY_CALL)
@pytest.mark.parametrize("caller", CALLERS)
def test_every_method_by_every_caller(caller: str, name: str) -> None:
    assert faults([(name, method, caller) for method in METHODS]) == []


# Where a whole run of the table once found a fault.
MENDED = [
    ("float16", "IntrospectiveNetwork slope", "anomaly mode"),
    ("dynamically quantised", "introspect.stream", "default device meta"),
    ("trunk under no_grad", "grad_cam", "saved tensors packed"),
    ("trunk under no_grad", "information.fisher_map", "saved tensors packed"),
]


def rest() -> list[tuple[str, str, str]]:
    cells = [
        (name, method, caller)
        for name in KINDS
        if name not in IN_EVERY_CALL
        for method in METHODS
        for caller in CALLERS
        if caller != "plain"
    ]
    return cells if WHOLE else MENDED + random.Random(0).sample(cells, SAMPLE)


@pytest.mark.parametrize("part", range(len(KINDS)) if WHOLE else [0])
def test_networks_by_callers(part: int) -> None:
    cells = rest()
    assert faults(cells[part :: len(KINDS)] if WHOLE else cells) == []


def test_every_public_method_is_a_row() -> None:
    asked = {name.split()[0].rpartition(".")[2] for name in METHODS} | {
        name.split()[1] for name in METHODS if name.startswith("active.ask")
    }
    shown = {"overlay", "upsample", "unit_scale", "runner_up", "ClassMaps", "Sweep", "faithfulness"}
    assert set(explain.__all__) - shown <= asked
    assert set(explain.faithfulness.__all__) - asked == {
        "Curve", "Measure", "Randomisation", "blurred", "pointing_game", "randomised", "similarity",
    }  # fmt: skip
    of_numbers = {"conditional_entropy", "joint_entropy", "kl", "mutual_information", "surprise", "families"}
    assert set(information.__all__) - asked == of_numbers | {"Bridge", "LastLayer"}
    assert set(introspect.__all__) - asked == {"LastLayer", "Recipe", "Standardizer", "Store"}
    assert set(active.STRATEGIES) - asked == {"random"}
    assert {"msp", "odin", "energy", "max_logit", "gradient_norm"} <= asked & set(ood.__all__)
    assert {"feature_similarity", "gradient_similarity"} <= asked & set(quality.__all__)
