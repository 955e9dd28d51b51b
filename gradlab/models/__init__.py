"""Networks: model + transform + labels + layer."""

from gradlab.models.classifier import Classifier
from gradlab.models.imagenet import imagenet
from gradlab.models.pretrained import torchvision
from gradlab.models.tasks import captioner, vqa

__all__ = ["Classifier", "captioner", "imagenet", "torchvision", "vqa"]
