"""Widgets: the questions as live controls in a notebook, or in one saved page without a kernel."""

from gradlab.widgets.active import Active, active
from gradlab.widgets.calibration import Calibration, calibration
from gradlab.widgets.challenges import Challenges, challenges
from gradlab.widgets.entropy import Entropy, entropy
from gradlab.widgets.fisher import Fisher, fisher
from gradlab.widgets.gradients import Gradients, gradients
from gradlab.widgets.introspect import Introspect, introspect
from gradlab.widgets.linker import front_end
from gradlab.widgets.manifold import Manifold, manifold
from gradlab.widgets.mutual import Mutual, mutual
from gradlab.widgets.occlusion import Occlusion, occlusion
from gradlab.widgets.ood import Ood, ood
from gradlab.widgets.paradigms import Paradigms, paradigms
from gradlab.widgets.widget import Widget

__all__ = [
    "Active",
    "Calibration",
    "Challenges",
    "Entropy",
    "Fisher",
    "Gradients",
    "Introspect",
    "Manifold",
    "Mutual",
    "Occlusion",
    "Ood",
    "Paradigms",
    "Widget",
    "active",
    "calibration",
    "challenges",
    "entropy",
    "fisher",
    "front_end",
    "gradients",
    "introspect",
    "manifold",
    "mutual",
    "occlusion",
    "ood",
    "paradigms",
]
