"""Introspection: the network asked how it would have to change, and a second network that reads the answers."""

from gradlab.introspect import active, ood, quality
from gradlab.introspect.calibration import (
    Reliability,
    brier,
    calibration_error,
    calibration_floor,
    nll,
    reliability,
    temperature,
)
from gradlab.introspect.factored import Factors, factors
from gradlab.introspect.features import features
from gradlab.introspect.network import IntrospectiveNetwork
from gradlab.introspect.recipe import Recipe
from gradlab.introspect.standardise import Standardiser
from gradlab.introspect.stream import Store, stream

__all__ = [
    "Factors",
    "IntrospectiveNetwork",
    "Recipe",
    "Reliability",
    "Standardiser",
    "Store",
    "active",
    "brier",
    "calibration_error",
    "calibration_floor",
    "factors",
    "features",
    "nll",
    "ood",
    "quality",
    "reliability",
    "stream",
    "temperature",
]
