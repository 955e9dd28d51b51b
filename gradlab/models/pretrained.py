"""Any torchvision classifier with its published weights, which torchvision downloads once and keeps."""

from __future__ import annotations

from http.client import HTTPException
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from urllib.error import URLError

import torch
from PIL import Image
from torch import nn

from gradlab.core.errors import ModelError, brief, did_you_mean, shown
from gradlab.models.classifier import Classifier
from gradlab.models.shipped import building

__all__ = ["reading", "torchvision"]


def torchvision(name: str, weights: Any = "DEFAULT") -> Classifier:
    """Return a torchvision classifier by name, such as ``"resnet50"``, on the CPU, in single precision.

    Its ``transform`` is that of the weights, to the pixel.

    Args:
        name: a classification model of torchvision.
        weights: name of its weights, ``"DEFAULT"`` the best, or a member of torchvision's enumeration; None for random
            ones, which need no network.

    Raises:
        ModelError: no such model or weights, no network, or a download that does not match its checksum.

    Examples:
        >>> gradlab.models.torchvision("squeezenet1_1", weights=None)
        Classifier(squeezenet1_1 (random weights), 1000 classes, inputs 3 x 224 x 224, 1,235,496 parameters)
    """
    import torchvision as tv

    names = tv.models.list_models(module=tv.models)
    if not isinstance(name, str) or name not in names:
        raise ModelError(f"There is no classifier {shown(name)} in torchvision.{did_you_mean(name, names)}")
    kinds = tv.models.get_model_weights(name)
    chosen = kinds.__members__.get(weights) if isinstance(weights, str) else weights
    if weights is not None and not isinstance(chosen, kinds):
        raise ModelError(f"{name} has no weights {brief(weights)!r}: choose one of {', '.join(kinds.__members__)}.")
    about = chosen or kinds.DEFAULT
    return Classifier(
        model=_build(tv, name, chosen).eval().requires_grad_(False),
        labels=about.meta["categories"],
        **reading(about.transforms()),
        name=name if chosen else f"{name} (random weights)",
    )


def reading(recipe: Any) -> dict[str, Any]:
    """Return a ``torchvision.transforms._presets.ImageClassification`` as a ``Classifier``'s arguments."""
    return {
        "size": (recipe.crop_size[0], recipe.crop_size[0]),
        "mean": tuple(recipe.mean),
        "std": tuple(recipe.std),
        "resize": recipe.resize_size[0],
        "resample": Image.Resampling[recipe.interpolation.name],
    }


def _build(tv: Any, name: str, weights: Any) -> nn.Module:
    try:
        with building():
            model: nn.Module = tv.models.get_model(name, weights=weights).float()
        return model
    except (URLError, TimeoutError, ConnectionError) as error:
        raise ModelError(
            f"The weights of {name} could not be downloaded ({brief(error)}). They need a network once; "
            "gradlab.models.imagenet() needs none."
        ) from error
    except (RuntimeError, EOFError, OSError, UnpicklingError, HTTPException, KeyError, TypeError) as error:
        kept = Path(torch.hub.get_dir()) / "checkpoints" / Path(weights.url).name if weights else ""
        raise ModelError(
            f"The weights of {name} could not be read, perhaps a truncated download: {brief(error)}. Delete "
            f"{brief(kept, 100)} and try again."
        ) from error
