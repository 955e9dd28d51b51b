"""What downstream_experiment.py measures, in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """Sizes, seeds and choices; the defaults are those of the committed tables.

    Attributes:
        seeds: of H in out-of-distribution detection.
        pictures: in each test set there, as many out of distribution as in it.
        tuning: pictures of each kind that ODIN's step is chosen on.
        odin_steps: to choose from, in units of pixels in 0 to 1.
        train_steps: of the network for the digits 0 to 7.
        hidden: widths of H's layers there; the control of equal capacity has wider ones.
        passes: of H over its training pictures; the one of the lowest validation loss is kept.
        rate: Adam's, of H.
        active_seeds: repetitions of active learning.
        budgets: labels bought in all, at each round.
        width: of the perceptron that learns from them.
        active_steps: of the perceptron.
        active_hidden: widths of its H's layers.
        active_passes: of its H, all of which are used: there are no labels to choose one by.
        noise: level of the challenge ``noise`` on the noisy test pictures.
        photographs: in image quality, of those that gradlab.data names.
        drawings: of signs, likewise.
        distortions: names of challenges and corruptions.
        levels: of them.
    """

    seeds: int = 5
    pictures: int = 150
    tuning: int = 50
    odin_steps: tuple[float, ...] = (0.0, 0.0014, 0.01)
    train_steps: int = 300
    hidden: tuple[int, ...] = (300, 100)
    passes: int = 25
    rate: float = 2e-3
    active_seeds: int = 10
    budgets: tuple[int, ...] = (20, 40, 60, 80, 100)
    width: int = 64
    active_steps: int = 40
    active_hidden: tuple[int, ...] = (60, 20)
    active_passes: int = 25
    noise: int = 3
    photographs: int = 3
    drawings: int = 6
    distortions: tuple[str, ...] = ("Gaussian blur", "noise", "jpeg compression")
    levels: tuple[int, ...] = (1, 2, 3, 4, 5)
