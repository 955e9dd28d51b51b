"""What others make of quality: comparators of the table, from the libraries that keep them.

They are the optional extra ``quality``: piq for all but PSNR-HA, which comes from psnr-hvsm. PerSIM, CSV and SUMMER,
the table's other columns, exist in their authors' Matlab alone and are not here.
"""

from __future__ import annotations

import contextlib
import importlib
import io
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gradlab.core import GradlabError, InputError
from gradlab.core.checks import checked_tensor, one_of
from gradlab.core.errors import shown

__all__ = ["COMPARATORS", "comparator"]

# name -> function of piq, its options
_PIQ: dict[str, tuple[str, dict[str, Any]]] = {
    "psnr": ("psnr", {}),
    "ssim": ("ssim", {}),
    "ms_ssim": ("multi_scale_ssim", {}),
    "iw_ssim": ("information_weighted_ssim", {}),
    "sr_sim": ("srsim", {}),
    "fsim_c": ("fsim", {"chromatic": True}),
}
COMPARATORS = (*_PIQ, "psnr_ha")
_BLOCK = 8  # pixels; PSNR-HA reads whole blocks


def comparator(name: str, reference: Tensor, distorted: Tensor) -> Tensor:
    """A known full-reference measure of each pair of pictures; higher is better in all of them.

    Args:
        name: one of ``COMPARATORS``. "psnr" and "psnr_ha" are in decibels, the others 1 for no change. MS-SSIM and
            IW-SSIM need 161 pixels each way; PSNR-HA drops what does not fill a block of 8 at the right and the bottom.
        reference: faultless pictures (N, C, H, W) in 0..1, not normalised, with C = 1 or 3 (FSIMc of grey is FSIM).
        distorted: (N, C, H, W).

    Returns:
        (N,).

    Raises:
        InputError: an unknown name, no such pictures, or pictures that are too small.
        GradlabError: the library is not installed.

    Examples:
        >>> photo = torch.full((1, 3, 32, 32), 0.5)
        >>> gradlab.evaluate.quality.comparator("psnr", photo, photo + 0.1).round().tolist()  # 20 decibels: 1 / 0.1^2
        [20.0]
    """
    one_of(name, "name", COMPARATORS)
    pair = [_pictures(t, what) for t, what in ((reference, "reference"), (distorted, "distorted"))]
    if pair[0].shape != pair[1].shape:
        raise InputError(f"reference is {tuple(pair[0].shape)}, distorted {tuple(pair[1].shape)}: expected one shape.")
    if name == "psnr_ha":
        return _psnr_ha(*pair)
    function, options = _PIQ[name]
    measure = getattr(_library("piq"), function)
    if "chromatic" in options:
        options = {"chromatic": pair[0].shape[1] == 3}
    try:
        # One pair at a time: piq's SR-SIM stretches its saliency by the extremes of the whole batch.
        found = [
            measure(other[None], one[None], data_range=1.0, reduction="none", **options).reshape(1)
            for one, other in zip(*pair, strict=True)
        ]
    except (AssertionError, RuntimeError, ValueError) as error:
        size = "x".join(map(str, pair[0].shape[-2:]))
        raise InputError(f"{name} cannot compare these pictures of {size} pixels: {error}") from error
    return torch.cat(found)


def _psnr_ha(reference: Tensor, distorted: Tensor) -> Tensor:
    measures = _library("psnr_hvsm.numpy", "psnr-hvsm")
    height, width = (side // _BLOCK * _BLOCK for side in reference.shape[-2:])
    if not height or not width:
        raise InputError(f"psnr_ha cannot compare pictures of less than {_BLOCK} x {_BLOCK} pixels.")
    found = []
    for one, other in zip(reference, distorted, strict=True):
        # 8 bits, as the measure's authors read pictures
        pair = [(t[:, :height, :width].double() * 255).round().movedim(0, -1).cpu().numpy() for t in (one, other)]
        with np.errstate(divide="ignore", invalid="ignore"):  # it divides by 0 and then takes another value
            if len(one) == 3:
                planes = [plane for picture in pair for plane in measures.bt601ycbcr(picture)]
                found.append(float(measures.psnr_ha_hma_color(*planes)[0]))
            else:
                found.append(float(measures.psnr_ha_hma(*(picture[..., 0] / 255 for picture in pair))[0]))
    return torch.tensor(found, dtype=torch.float64, device="cpu")


def _library(module: str, package: str | None = None) -> Any:
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # psnr-hvsm advertises its other backends
            return importlib.import_module(module)
    except ImportError as error:
        raise GradlabError(
            f"This comparator needs {package or module}, which is not installed: pip install 'gradlab[quality]'."
        ) from error


def _pictures(values: Any, what: str) -> Tensor:
    checked_tensor(values, what, "N", "1 or 3", "H", "W")
    if values.shape[1] not in (1, 3):
        raise InputError(f"{what} is {shown(values)}: expected pictures of 1 or 3 channels, (N, 1 or 3, H, W).")
    if not bool(((values >= 0) & (values <= 1)).all()):  # NaN is neither
        raise InputError(f"{what} holds values outside 0..1, or NaN: pass pictures that are not normalised.")
    pictures: Tensor = values.detach()
    return pictures
