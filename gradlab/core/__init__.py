"""The only rooms that touch a network: run it once, keep one layer, pull back from its outputs."""

from gradlab.core.alphas import Alphas, all_alphas
from gradlab.core.errors import (
    GradlabError,
    InputError,
    LayerError,
    ModelError,
    PictureError,
    TargetError,
)
from gradlab.core.run import Run, outputs_of, run
from gradlab.core.targets import Target, class_indices, scores_of

__all__ = [
    "Alphas",
    "GradlabError",
    "InputError",
    "LayerError",
    "ModelError",
    "PictureError",
    "Run",
    "Target",
    "TargetError",
    "all_alphas",
    "class_indices",
    "outputs_of",
    "run",
    "scores_of",
]
