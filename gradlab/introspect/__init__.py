"""Introspection: the network asked how it would have to change, and a second network that reads the answers."""

from gradlab.core import LastLayer, last_layer
from gradlab.introspect.network import IntrospectiveNetwork
from gradlab.introspect.recipe import Recipe
from gradlab.introspect.standardize import Standardizer
from gradlab.introspect.stream import Store, stream
from gradlab.introspect.weight_gradients import dense_features, features

__all__ = [
    "IntrospectiveNetwork",
    "LastLayer",
    "Recipe",
    "Standardizer",
    "Store",
    "dense_features",
    "features",
    "last_layer",
    "stream",
]
