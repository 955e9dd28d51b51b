"""Active learning: which picture's label is worth buying next."""

from gradlab.evaluate.active.query import STRATEGIES, ask, dropout_passes, probabilities
from gradlab.evaluate.active.simulation import Fit, Round, introspective, run
from gradlab.evaluate.active.strategies import badge, bald, entropy, least_confidence, margin, random, top

__all__ = [
    "STRATEGIES",
    "Fit",
    "Round",
    "ask",
    "badge",
    "bald",
    "dropout_passes",
    "entropy",
    "introspective",
    "least_confidence",
    "margin",
    "probabilities",
    "random",
    "run",
    "top",
]
