"""Widgets: the questions as live controls in a notebook, or in one saved page without a kernel."""

from gradlab.widgets.base import Front, front_end
from gradlab.widgets.gradients import Gradients, gradients
from gradlab.widgets.occlusion import Occlusion, occlusion
from gradlab.widgets.paradigms import Paradigms, paradigms

__all__ = ["Front", "Gradients", "Occlusion", "Paradigms", "front_end", "gradients", "occlusion", "paradigms"]
