"""The only room that touches a network: run it once, keep what the question needs, pull back from its outputs."""

from gradlab.core.alphas import Alphas, all_alphas
from gradlab.core.contrasts import contrasts, logit_gradients, runner_up
from gradlab.core.copies import copy_of
from gradlab.core.errors import (
    GradlabError,
    InputError,
    LayerError,
    ModelError,
    PictureError,
    TargetError,
)
from gradlab.core.inputs import Model
from gradlab.core.kept import Run
from gradlab.core.last_layer import LastLayer
from gradlab.core.outputs import last_layer, outputs_of
from gradlab.core.run import INPUT, LAST, answer, run
from gradlab.core.targets import Target, check_logits, class_indices, scores_of

__all__ = [
    "INPUT",
    "LAST",
    "Alphas",
    "GradlabError",
    "InputError",
    "LastLayer",
    "LayerError",
    "Model",
    "ModelError",
    "PictureError",
    "Run",
    "Target",
    "TargetError",
    "all_alphas",
    "answer",
    "check_logits",
    "class_indices",
    "contrasts",
    "copy_of",
    "last_layer",
    "logit_gradients",
    "outputs_of",
    "run",
    "runner_up",
    "scores_of",
]
