"""Image quality beside a faultless picture, from a network's features or its gradients, and what people say of it."""

from gradlab.evaluate.quality.agreement import Agreement, agreement
from gradlab.evaluate.quality.comparators import COMPARATORS, comparator
from gradlab.evaluate.quality.databases import Ratings, read_multi_live, read_tid2013
from gradlab.evaluate.quality.similarity import feature_similarity, gradient_similarity, likeness

__all__ = [
    "COMPARATORS",
    "Agreement",
    "Ratings",
    "agreement",
    "comparator",
    "feature_similarity",
    "gradient_similarity",
    "likeness",
    "read_multi_live",
    "read_tid2013",
]
