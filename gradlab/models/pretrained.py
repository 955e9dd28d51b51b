"""Any torchvision classifier with its published weights, which torchvision downloads once and keeps."""

from __future__ import annotations

from typing import Any
from urllib.error import URLError

from PIL import Image

from gradlab.core.errors import ModelError, did_you_mean
from gradlab.models.classifier import Classifier

__all__ = ["torchvision"]


def torchvision(name: str, weights: str | None = "DEFAULT") -> Classifier:
    """Return a torchvision classifier by name, such as ``"resnet50"``.

    Args:
        name: a classification model of torchvision.
        weights: name of its weights, ``"DEFAULT"`` the best; None for random ones, which need no network.

    Raises:
        ModelError: no such model or weights, no network, or a download that does not match its checksum.

    Examples:
        >>> gradlab.models.torchvision("squeezenet1_1", weights=None)
        Classifier(squeezenet1_1 (random weights), 1000 classes, inputs 3 x 224 x 224, 1,235,496 parameters)
    """
    import torchvision as tv

    names = tv.models.list_models(module=tv.models)
    if name not in names:
        raise ModelError(f"torchvision has no classifier {name!r}.{did_you_mean(name, names)}")
    kinds = tv.models.get_model_weights(name)
    try:
        chosen = kinds[weights] if weights is not None else None
    except KeyError:
        raise ModelError(f"{name} has no weights {weights!r}: choose one of {', '.join(kinds.__members__)}.") from None
    model = _build(tv, name, chosen)
    about = chosen or kinds.DEFAULT
    recipe: Any = about.transforms()
    crop = recipe.crop_size[0]
    return Classifier(
        model=model.eval().requires_grad_(False),
        labels=about.meta["categories"],
        size=(crop, crop),
        mean=tuple(recipe.mean),
        std=tuple(recipe.std),
        resize=recipe.resize_size[0],
        resample=getattr(Image.Resampling, recipe.interpolation.name, Image.Resampling.BILINEAR),
        name=name if chosen else f"{name} (random weights)",
    )


def _build(tv: Any, name: str, weights: Any) -> Any:
    try:
        return tv.models.get_model(name, weights=weights)
    except (URLError, TimeoutError, ConnectionError) as error:
        raise ModelError(
            f"The weights of {name} could not be downloaded ({error}). They need a network once; "
            "gradlab.models.imagenet() needs none."
        ) from error
    except (RuntimeError, EOFError, OSError) as error:
        raise ModelError(f"The weights of {name} could not be read, perhaps a truncated download: {error}") from error
