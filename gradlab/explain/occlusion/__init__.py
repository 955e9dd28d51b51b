"""Occlusion: hide a patch, ask again; only what the patch can change is computed again."""

from gradlab.explain.occlusion.sweep import STRIDE, WINDOW, Sweep, occlusion, occlusion_sweep

__all__ = ["STRIDE", "WINDOW", "Sweep", "occlusion", "occlusion_sweep"]
