"""The weights that ship: what their files say is so, damage is refused, and the script that made them repeats."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open

import gradlab
from data_scripts import train_tasks, training
from gradlab.core import ModelError
from gradlab.models import shipped
from gradlab.models.tasks import VQA, Captioner


@pytest.mark.parametrize("name", ["vqa", "captioner"])
def test_the_shipped_file(name: str) -> None:
    path = shipped.FOLDER / f"{name}.safetensors"
    assert path.stat().st_size < 1_000_000
    with safe_open(path, framework="pt") as file:
        about = file.metadata()
    assert {"data", "command", "steps", "accuracy_validation", "accuracy_test", "sha256"} <= set(about)
    net = getattr(gradlab.models, name)()
    measured = train_tasks.accuracy(name, net.model, "test")
    assert measured == pytest.approx(float(about["accuracy_test"]), abs=2e-3)
    assert about["steps"] == str(train_tasks.STEPS[name])


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
    monkeypatch.setattr(train_tasks, "BATCH", 8)
    monkeypatch.setattr(training, "SAVE_EVERY", 5)
    state = torch.get_rng_state()
    whole, losses = train_tasks.train(name, 60, quiet=True)
    assert sum(losses[-10:]) < 0.95 * sum(losses[:10])
    assert torch.equal(state, torch.get_rng_state())

    class Interrupted(Exception):
        pass

    def stop_at_20(checkpoint: Path, parts: dict[str, object], step: int, steps: int) -> None:
        keep(checkpoint, parts, step, steps)
        if step == 20:
            raise Interrupted

    keep = training.keep
    monkeypatch.setattr(training, "keep", stop_at_20)
    with pytest.raises(Interrupted):
        train_tasks.train(name, 60, tmp_path / "run.pt", quiet=True)
    monkeypatch.setattr(training, "keep", keep)
    resumed, rest = train_tasks.train(name, 60, tmp_path / "run.pt", quiet=True)
    assert rest == losses[20:]
    assert all(map(torch.equal, whole.state_dict().values(), resumed.state_dict().values()))
