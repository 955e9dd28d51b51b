"""Judging any network: calibration, out-of-distribution scores, active learning, image quality."""

from gradlab.evaluate import active, ood, quality, statistics
from gradlab.evaluate.calibration import (
    Reliability,
    brier,
    calibration_error,
    calibration_floor,
    nll,
    reliability,
    temperature,
)

__all__ = [
    "Reliability",
    "active",
    "brier",
    "calibration_error",
    "calibration_floor",
    "nll",
    "ood",
    "quality",
    "reliability",
    "statistics",
    "temperature",
]
