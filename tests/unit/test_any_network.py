"""The stored table of networks: complete, without a wrong answer of ours, and what the script would make today."""

from __future__ import annotations

import re
from types import ModuleType

import pytest
import torchvision

TIMM_AT_LEAST = 12


@pytest.fixture(scope="module")
def script() -> ModuleType:
    pytest.importorskip("captum")
    from data_scripts import any_network

    return any_network


def family(name: str) -> str:
    """Return a torchvision model's family: its module."""
    return torchvision.models.get_model_builder(name).__module__


def test_every_torchvision_family_and_a_dozen_of_timm(script: ModuleType) -> None:
    families = {family(name) for name in torchvision.models.list_models(module=torchvision.models)}
    assert len(families) > 12
    rows = script.read()
    assert {family(row.network) for row in rows if row.source == "torchvision"} == families
    assert len({row.network for row in rows if row.source == "timm"}) >= TIMM_AT_LEAST


def test_right_or_refused_with_a_reason(script: ModuleType) -> None:
    for row in script.read():
        assert row.gradlab == "right" or re.fullmatch("refused: .{20,}", row.gradlab), row


def test_each_network_is_asked_every_method(script: ModuleType) -> None:
    rows = script.read()
    methods = {"grad_cam", "contrast_cam", "occlusion", *script.RULES}
    for name in (*script.TORCHVISION, *script.TIMM):
        assert {row.method for row in rows if row.network == name} == methods


def test_the_page_is_the_tables(script: ModuleType) -> None:
    assert script.PAGE.read_text(encoding="utf-8") == script.page(script.read())


@pytest.mark.slow
def test_one_network_again(script: ModuleType) -> None:
    stored = [(row.method, row.layer, row.gradlab) for row in script.read() if row.network == "resnet10t"]
    again = [(row.method, row.layer, row.gradlab) for row in script.judged("resnet10t")]
    assert stored == again


def test_the_judge_can_find_fault(script: ModuleType) -> None:
    import torch

    want = torch.tensor([1.0, -2.0])
    assert script.verdict(lambda: want.clone(), want, 1e-6) == "right"
    assert script.verdict(lambda: want * 1.1, want, 1e-6) == "wrong by 10%"
    assert script.verdict(lambda: want + 1e-5, want, 1e-6) == "wrong by 5e-06"
    assert script.verdict(lambda: want[:1], want, 1e-6) == "wrong shape (1,)"
    assert script.verdict(lambda: 1 / 0, want, 1e-6) == "failed: ZeroDivisionError"
