"""Active learning: which picture's label is worth buying next."""

from gradlab.introspect.active.asking import STRATEGIES, ask, dropout_passes, probabilities
from gradlab.introspect.active.pool import Round, introspective, run
from gradlab.introspect.active.strategies import badge, bald, entropy, least_confidence, margin, random, top

__all__ = [
    "STRATEGIES",
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
