"""A map beside an object's place, and beside another map."""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from scipy.stats import rankdata
from skimage.metrics import structural_similarity
from torch import Tensor

from gradlab.core import InputError
from gradlab.core.checks import checked_tensor, flag, number, numbers, one_of, pair_of, readable
from gradlab.core.errors import shown
from gradlab.explain.display import LARGEST, upsample

__all__ = ["Measure", "checked_maps", "pointing_game", "similarity"]

SSIM_WINDOW = 7  # pixels

Measure = Literal["spearman", "pearson", "ssim"]
MEASURES = ("spearman", "pearson", "ssim")


def pointing_game(maps: Tensor, boxes: Tensor, size: int | tuple[int, int], tolerance: float = 15.0) -> Tensor:
    """Whether each map's maximum lies on the object, or at most ``tolerance`` pixels from it (N,).

    Zhang et al., Top-down Neural Attention by Excitation Backprop, ECCV 2016; 15 pixels there. Set the rate of hits
    beside that of the picture's centre, which is high where objects are large.

    Args:
        maps: raw (N, 1, h, w); made ``size`` large before the maximum is sought.
        boxes: (N, 4) of x0, y0, x1, y1 in pixels, the far edges outside; or boolean masks (N, H, W).
        size: of the pictures, (H, W).
        tolerance: pixels.

    Raises:
        InputError: shapes that do not fit, an empty box or mask, or a map that holds NaN.

    Examples:
        >>> maps = torch.eye(3)[None, None] * torch.tensor([1.0, 2.0, 3.0])  # the maximum is bottom right
        >>> gradlab.explain.faithfulness.pointing_game(maps, torch.tensor([[20, 20, 30, 30]]), 30, tolerance=0)
        tensor([True])
    """
    masks = isinstance(boxes, Tensor) and boxes.dtype == torch.bool and readable(boxes)
    boxes = boxes if masks else torch.from_numpy(numbers(boxes, "boxes"))
    if boxes.ndim != (3 if masks else 2) or not boxes.numel() or not bool(boxes.isfinite().all()):
        raise InputError(f"boxes is {shown(boxes)}: expected finite (N, 4), or boolean masks (N, H, W).")
    maps = checked_maps(maps, len(boxes))
    height, width = pair_of(size, "size", 1, LARGEST)
    tolerance = number(tolerance, "tolerance", 0)
    peak = upsample(maps, (height, width)).flatten(1).argmax(1).cpu()
    rows, columns = (peak // width).double(), (peak % width).double()
    if boxes.dtype == torch.bool:
        if boxes.shape[1:] != (height, width):
            raise InputError(f"boxes holds masks of {tuple(boxes.shape[1:])}: expected {(height, width)}.")
        return (
            torch.stack([_near(mask, float(r), float(c)) for mask, r, c in zip(boxes, rows, columns, strict=True)])
            <= tolerance
        )
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise InputError(f"boxes has shape {tuple(boxes.shape)}: expected (N, 4) or boolean masks (N, H, W).")
    x0, y0, x1, y1 = boxes.cpu().double().T
    if bool(((x1 <= x0) | (y1 <= y0)).any()):
        raise InputError("A box is empty: expected x0 < x1 and y0 < y1.")
    across = (x0 - columns).clamp_min(0) + (columns - (x1 - 1)).clamp_min(0)
    down = (y0 - rows).clamp_min(0) + (rows - (y1 - 1)).clamp_min(0)
    return torch.hypot(across, down) <= tolerance


def _near(mask: Tensor, row: float, column: float) -> Tensor:
    inside = mask.nonzero().double()
    if not len(inside):
        raise InputError("A mask is empty: the object must have at least one pixel.")
    return torch.hypot(inside[:, 0] - row, inside[:, 1] - column).min()


def similarity(maps: Tensor, others: Tensor, measure: Measure = "spearman", absolute: bool = False) -> Tensor:
    """How alike two maps of each picture are (N,), 1 for equal ones; NaN for a constant map, which has no pattern.

    Args:
        maps: (N, ...).
        others: of the same shape.
        measure: "spearman" (correlation of ranks), "pearson", or "ssim" (Wang et al. 2004, windows of 7 pixels, each
            map (N, 1, h, w) first stretched to 0..1).
        absolute: compare magnitudes, as Adebayo et al. 2018 do beside signed values.

    Raises:
        InputError: shapes that differ, NaN, an unknown measure, or maps smaller than SSIM's window.

    Examples:
        >>> maps = gradlab.explain.grad_cam(net, x)
        >>> gradlab.explain.faithfulness.similarity(maps, maps**3)  # the ranks are the same
        tensor([1.], dtype=torch.float64)
    """
    checked_tensor(maps, "maps", "N", "h", "...")
    checked_tensor(others, "others", *maps.shape)
    one_of(measure, "measure", MEASURES)
    absolute = flag(absolute, "absolute")
    if measure == "ssim" and (maps.ndim < 3 or min(maps.shape[-2:]) < SSIM_WINDOW):
        raise InputError(f"SSIM needs maps of at least {SSIM_WINDOW} x {SSIM_WINDOW}, not {tuple(maps.shape[1:])}.")
    pair = [t.detach().cpu().double() for t in (maps, others)]
    a, b = (t.abs() if absolute else t for t in pair)
    found = [_alike(one, other, measure) for one, other in zip(a, b, strict=True)]
    return torch.tensor(found, dtype=torch.float64, device="cpu")


def _alike(a: Tensor, b: Tensor, measure: str) -> float:
    if bool((a == a.flatten()[0]).all()) or bool((b == b.flatten()[0]).all()):
        return math.nan
    if measure == "ssim":
        one, other = ((t - t.min()) / (t.max() - t.min()) for t in (a, b))
        scores = [
            structural_similarity(  # type: ignore[no-untyped-call]
                p.numpy(), q.numpy(), win_size=SSIM_WINDOW, data_range=1.0
            )
            for p, q in zip(one.reshape(-1, *a.shape[-2:]), other.reshape(-1, *a.shape[-2:]), strict=True)
        ]
        return float(sum(scores) / len(scores))
    if measure == "spearman":
        a, b = (torch.from_numpy(rankdata(t.flatten().numpy())) for t in (a, b))
    return float(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1])


def checked_maps(maps: Any, n: int) -> Tensor:
    """Return ``maps`` detached if they are n finite ones (N, 1, h, w); refuse anything else."""
    return checked_tensor(maps, "maps", n, 1, "h", "w").detach()
