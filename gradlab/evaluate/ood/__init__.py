"""Out-of-distribution detection: scores of pictures, and how well scores tell two sets of pictures apart."""

from gradlab.evaluate.ood.figures import Roc, aupr, auroc, detection_error, fpr_at_95_tpr, roc
from gradlab.evaluate.ood.scores import ODIN_STEP, energy, gradient_norm, logits_of, max_logit, msp, odin

__all__ = [
    "ODIN_STEP", "Roc", "aupr", "auroc", "detection_error", "energy", "fpr_at_95_tpr", "gradient_norm", "logits_of",
    "max_logit", "msp", "odin", "roc",
]  # fmt: skip
