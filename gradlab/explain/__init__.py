"""Explanations of one decision: pure functions, tensors in, tensors out."""

from gradlab.explain.cam import (
    ClassMaps,
    all_contrasts,
    class_maps,
    contrast_cam,
    counterfactual_cam,
    grad_cam,
    runner_up,
)
from gradlab.explain.display import overlay, unit_scale, upsample

__all__ = [
    "ClassMaps",
    "all_contrasts",
    "class_maps",
    "contrast_cam",
    "counterfactual_cam",
    "grad_cam",
    "overlay",
    "runner_up",
    "unit_scale",
    "upsample",
]
