"""Introspection: the network asked how it would have to change, and a second network that reads the answers."""

from gradlab.introspect.factored import Factors, factors
from gradlab.introspect.features import features
from gradlab.introspect.network import IntrospectiveNetwork
from gradlab.introspect.recipe import Recipe
from gradlab.introspect.standardize import Standardizer
from gradlab.introspect.stream import Store, stream

__all__ = [
    "Factors",
    "IntrospectiveNetwork",
    "Recipe",
    "Standardizer",
    "Store",
    "factors",
    "features",
    "stream",
]
