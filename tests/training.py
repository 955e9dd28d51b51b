"""What every training script owes: its loss falls, its seed repeats, an interruption changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from data_scripts.train import loop

STEPS, STOP = 60, 20


def learns_repeats_and_resumes(lesson: loop.Lesson, fall: float, folder: Path) -> None:
    """Train a network for a few steps, in one go and interrupted; ``fall``: how far the loss must fall."""

    class Interrupted(Exception):
        pass

    def stop(path: Path, parts: dict[str, object], step: int, steps: int) -> None:
        keep(path, parts, step, steps)
        if step == STOP:
            raise Interrupted

    keep, state = loop.keep, torch.get_rng_state()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "SAVE_EVERY", 10)
        whole, losses = loop.fit("", lesson.build, lesson.loss, STEPS, quiet=True)
        assert sum(losses[-10:]) < fall * sum(losses[:10])
        assert torch.equal(state, torch.get_rng_state())
        patch.setattr(loop, "keep", stop)
        with pytest.raises(Interrupted):
            loop.fit("", lesson.build, lesson.loss, STEPS, folder / "run.pt", True)
        patch.setattr(loop, "keep", keep)
        resumed, rest = loop.fit("", lesson.build, lesson.loss, STEPS, folder / "run.pt", True)
    assert rest == losses[STOP:]
    assert all(map(torch.equal, whole.state_dict().values(), resumed.state_dict().values()))
