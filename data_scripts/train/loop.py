"""What the training scripts share: a loop that shows progress, and goes on where it was interrupted.

Every step draws its own seeded pictures and nothing else is random, so that an interrupted run ends at the same
weights. (Another processor or number of threads rounds differently.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from data_scripts.files import replacing

RATE, DECAY, SAVE_EVERY = 2e-3, 1e-2, 100


@dataclass(frozen=True)
class Lesson:
    """How a network learns, and how what it has learned is measured.

    Attributes:
        build: makes the network.
        steps: of its training.
        loss: of the network at a step; it draws the step's pictures.
        accuracy: of the network on a split that it has never seen, in 0 to 1.
        data: where the pictures come from.
    """

    build: Callable[[], nn.Module]
    steps: int
    loss: Callable[[nn.Module, int], Tensor]
    accuracy: Callable[[nn.Module, str], float]
    data: str


def fit(
    name: str,
    build: Callable[[], nn.Module],
    loss_of: Callable[[nn.Module, int], Tensor],
    steps: int,
    checkpoint: Path | None = None,
    quiet: bool = False,
    rate: float = RATE,
) -> tuple[nn.Module, list[float]]:
    """Train from scratch, or go on from the checkpoint; return the network and the loss of each step taken now.

    Args:
        name: shown beside the progress bar.
        build: makes the network, from seed 0.
        loss_of: the loss of the network at a step; it draws the step's pictures.
        steps: of one cycle of the learning rate.
        checkpoint: file to keep, or None: none is kept.
        quiet: show no bar.
        rate: the largest learning rate.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build()
    optimizer = torch.optim.AdamW(model.parameters(), rate, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    parts = {"model": model, "optimizer": optimizer, "schedule": schedule}
    start = resume(checkpoint, parts, steps) if checkpoint else 0
    losses = []
    with tqdm(range(start, steps), initial=start, total=steps, desc=name, disable=quiet) as bar:
        for step in bar:
            loss = loss_of(model, step)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
            bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
            if checkpoint and (step + 1) % SAVE_EVERY == 0:
                keep(checkpoint, parts, step + 1, steps)
    return model.eval(), losses


def keep(checkpoint: Path, parts: dict[str, object], step: int, steps: int) -> None:
    """Write the checkpoint whole or not at all."""
    with replacing(checkpoint) as part:
        torch.save({"step": step, "steps": steps, **{name: each.state_dict() for name, each in parts.items()}}, part)


def resume(checkpoint: Path, parts: dict[str, object], steps: int) -> int:
    """Load the checkpoint of the same run, if there is one; return the steps already done."""
    if not checkpoint.is_file():
        return 0
    state = torch.load(checkpoint, weights_only=True)
    if state["steps"] != steps:
        return 0
    for name, part in parts.items():
        part.load_state_dict(state[name])
    return state["step"]
