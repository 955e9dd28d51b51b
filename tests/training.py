"""What every training script owes: its loss falls, its seed repeats, an interruption changes nothing."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
import torch

from data_scripts import training

STEPS, STOP = 60, 20


def learns_repeats_and_resumes(script: ModuleType, name: str, fall: float, folder: Path) -> None:
    """Train ``name`` for a few steps, in one go and interrupted; ``fall``: how far the loss must fall."""

    class Interrupted(Exception):
        pass

    def stop(path: Path, parts: dict[str, object], step: int, steps: int) -> None:
        keep(path, parts, step, steps)
        if step == STOP:
            raise Interrupted

    keep, state = training.keep, torch.get_rng_state()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "SAVE_EVERY", 10)
        whole, losses = script.train(name, STEPS, quiet=True)
        assert sum(losses[-10:]) < fall * sum(losses[:10])
        assert torch.equal(state, torch.get_rng_state())
        patch.setattr(training, "keep", stop)
        with pytest.raises(Interrupted):
            script.train(name, STEPS, folder / "run.pt", quiet=True)
        patch.setattr(training, "keep", keep)
        resumed, rest = script.train(name, STEPS, folder / "run.pt", quiet=True)
    assert rest == losses[STOP:]
    assert all(map(torch.equal, whole.state_dict().values(), resumed.state_dict().values()))
