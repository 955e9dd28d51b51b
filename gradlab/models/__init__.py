"""Networks: model + transform + labels + layer."""

from gradlab.models.classifier import Classifier
from gradlab.models.imagenet import imagenet
from gradlab.models.pretrained import torchvision

__all__ = ["Classifier", "imagenet", "torchvision"]
