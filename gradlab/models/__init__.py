"""Networks: model + transform + labels + layer."""

from gradlab.models.classifier import Classifier
from gradlab.models.imagenet import imagenet
from gradlab.models.pretrained import torchvision
from gradlab.models.small import digits, signs
from gradlab.models.tasks import captioner, vqa

__all__ = ["Classifier", "captioner", "digits", "imagenet", "signs", "torchvision", "vqa"]
