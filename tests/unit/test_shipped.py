"""The weights that ship: what their files say is so, damage is refused, and the script that made them repeats."""

from __future__ import annotations

from pathlib import Path

import pytest
from safetensors import safe_open

import gradlab
from data_scripts.train import pairs
from gradlab.core import ModelError
from gradlab.models import shipped
from gradlab.models.tasks import VQA, Captioner
from tests.training import learns_repeats_and_resumes


@pytest.mark.parametrize("name", ["vqa", "captioner"])
def test_the_shipped_file(name: str) -> None:
    path = shipped.FOLDER / f"{name}.safetensors"
    assert path.stat().st_size < 1_000_000
    with safe_open(path, framework="pt") as file:
        about = file.metadata()
    assert {"data", "command", "steps", "accuracy_validation", "accuracy_test", "sha256"} <= set(about)
    net = getattr(gradlab.models, name)()
    measured = pairs.LESSONS[name].accuracy(net.model, "test")
    assert measured == pytest.approx(float(about["accuracy_test"]), abs=2e-3)
    assert about["steps"] == str(pairs.LESSONS[name].steps)


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    good = (shipped.FOLDER / "vqa.safetensors").read_bytes()
    path = tmp_path / "vqa.safetensors"
    with pytest.raises(ModelError, match="missing"):
        shipped.load_weights(VQA(), path)
    path.write_bytes(good[:-10])
    with pytest.raises(ModelError, match="cannot be read"):
        shipped.load_weights(VQA(), path)
    path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    with pytest.raises(ModelError, match="sha256"):
        shipped.load_weights(VQA(), path)
    path.write_bytes(good)
    with pytest.raises(ModelError, match="another architecture"):
        shipped.load_weights(Captioner(), path)
    assert "sha256" in shipped.load_weights(VQA(), path)


@pytest.mark.parametrize("name", ["vqa", "captioner"])
def test_training_repeats_and_resumes(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "BATCH", 8)
    learns_repeats_and_resumes(pairs.LESSONS[name], 0.95, tmp_path)
