"""Explanations of one decision: pure functions, tensors in, tensors out."""

from gradlab.core import runner_up
from gradlab.explain import faithfulness
from gradlab.explain.cam import (
    ClassMaps,
    all_contrasts,
    class_maps,
    contrast_cam,
    counterfactual_cam,
    grad_cam,
    hires_cam,
    layer_cam,
)
from gradlab.explain.display import overlay, unit_scale, upsample
from gradlab.explain.gradients import deconvnet, gradient, guided_backprop
from gradlab.explain.occlusion import Sweep, occlusion, occlusion_sweep

__all__ = [
    "ClassMaps",
    "Sweep",
    "all_contrasts",
    "class_maps",
    "contrast_cam",
    "counterfactual_cam",
    "deconvnet",
    "faithfulness",
    "grad_cam",
    "gradient",
    "guided_backprop",
    "hires_cam",
    "layer_cam",
    "occlusion",
    "occlusion_sweep",
    "overlay",
    "runner_up",
    "unit_scale",
    "upsample",
]
