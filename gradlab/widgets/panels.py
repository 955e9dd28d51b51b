"""The panels "why P, rather than Q?" of some pictures as noise rises: what the introspection widget draws from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from gradlab.core.checks import checked_tensor
from gradlab.core.errors import InputError, LayerError, PictureError
from gradlab.core.seeds import SINGLE, normal_draws
from gradlab.explain import class_maps, contrast_cam
from gradlab.introspect import LastLayer, last_layer
from gradlab.widgets.wire import packed, scaled

if TYPE_CHECKING:
    from gradlab.models import Classifier

__all__ = [
    "NOISE",
    "ONES",
    "Panels",
    "as_scanned",
    "checked_pictures",
    "held_rows",
    "names_of",
    "rival_maps",
    "shown",
]

NOISE = tuple(k / 10 for k in range(11))  # standard deviations, of values in 0 to 1
ALL_PANELS, PANELS = 14, 12  # networks of more classes than the first show so many, one for each level at least
SIDE = 96  # pixels: the longer side of a picture on the screen
HELD = 0.99  # the share of a gradient's squared length for which its rows are counted
OnesLoss = Literal["ce", "mse", "bce"]
ONES: tuple[OnesLoss, ...] = get_args(OnesLoss)

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Panels:
    """What n pictures give at each of the ``NOISE`` levels.

    Attributes:
        names: of the pictures.
        truth: their classes, or None where not known.
        seen: (n, levels, h, w, 1 or 3) uint8, as large as they are shown.
        logits: z (n, levels, classes).
        hidden: h (n, levels, d): the panel of Q is (p - e_Q) h^T.
        asked: the classes that have a panel, (n, panels).
        contrasts: sum_c p_c L^c - L^Q of those, (n, levels, panels, rows, columns), in nats.
        ones: the same of the label of all ones, for each of ``ONES``, (n, levels, 3, rows, columns).
    """

    names: list[str]
    truth: list[int | None]
    seen: NDArray[np.uint8]
    logits: Values
    hidden: Values
    asked: NDArray[np.int64]
    contrasts: Values
    ones: Values

    @classmethod
    def of(
        cls, net: Classifier, pictures: Tensor, names: list[str], truth: list[int | None], *, seed: int, **options: Any
    ) -> Panels:
        """Run the network on every picture at every level.

        Args:
            net: a ``Classifier`` whose logits come from a linear layer.
            pictures: (n, C, H, W) in 0 to 1.
            names: what to call them.
            truth: their classes, None where not known.
            seed: of the noise, one pattern for all.
            options: ``layer`` of the maps, and ``extra_inputs``: what the network reads beside every picture.

        Raises:
            LayerError, ModelError: as :func:`gradlab.introspect.factors` and :func:`gradlab.explain.class_maps`.
        """
        noise = normal_draws(*pictures.shape[1:], generator=torch.Generator().manual_seed(seed))
        strength = torch.tensor(NOISE, **SINGLE).view(-1, 1, 1, 1)
        found = [_one(net, (each + strength * noise).clamp(0, 1), **options) for each in pictures]
        seen, logits, hidden, asked, contrasts, ones = (np.stack(each) for each in zip(*found, strict=True))
        return cls(names, truth, seen, logits, hidden, asked, contrasts, ones)

    def last_layer(self, picture: int) -> LastLayer:
        """Return z and h of one picture at each level."""
        return LastLayer(torch.from_numpy(self.logits[picture]), torch.from_numpy(self.hidden[picture]))

    def answer(self) -> dict[str, Any]:
        """Return what is sent to the browser; the maps have one scale."""
        scale = float(max(np.abs(self.contrasts).max(), np.abs(self.ones).max())) or 1.0
        return {
            "names": self.names,
            "truth": self.truth,
            "seen": packed(self.seen, "uint8"),
            "logits": packed(self.logits, "float32"),
            "hidden": packed(self.hidden, "float32"),
            "asked": self.asked.tolist(),
            "contrasts": scaled(self.contrasts, scale),
            "ones": scaled(self.ones, scale),
        }


def _one(
    net: Classifier, seen: Tensor, *, layer: Any = None, extra_inputs: Sequence[Any] = ()
) -> tuple[NDArray[Any], ...]:
    x = net.normalize(seen)
    kept = last_layer(net, x, extra_inputs=extra_inputs)
    if kept.hidden.ndim == 3:
        raise LayerError(
            f"Layer {kept.layer!r} has a rectifier between it and its pooling, so that every class reads other cells: "
            "this widget draws one h for all. Features are to be had from gradlab.introspect.features."
        )
    z, h = (each.detach().cpu().double() for each in (kept.logits, kept.hidden))
    maps = class_maps(net, x, layer=layer, extra_inputs=extra_inputs).maps.detach().cpu().double()
    asked = torch.arange(z.shape[1], device=z.device) if z.shape[1] <= ALL_PANELS else _asked(z)
    # as sum_c p_c (L^c - L^q): nothing cancels when the network is sure of q
    contrasts = [torch.einsum("nc,nchw->nhw", z.softmax(1), maps - maps[:, q, None]) for q in asked.tolist()]
    ones = [torch.einsum("nc,nchw->nhw", LastLayer(z, h).rows(loss, "ones"), maps) for loss in ONES]
    found = (shown(seen, SIDE), z, h, asked, torch.stack(contrasts, 1), torch.stack(ones, 1))
    return tuple(each.numpy() for each in found)


def _asked(logits: Tensor) -> Tensor:
    """Return ``PANELS`` classes: those said at any level, then the likeliest; sorted as on the clean picture."""
    likely = logits.softmax(1).amax(0)
    likely[logits.argmax(1)] += 1
    found = likely.topk(PANELS).indices
    return found[logits[0, found].argsort(descending=True)]


def shown(seen: Tensor, side: int) -> Tensor:
    """Return pictures (n, C, H, W) in 0 to 1 as they are shown, (n, h, w, C) uint8, no side above ``side`` pixels."""
    height, width = seen.shape[2:]
    part = min(1.0, side / max(height, width))
    small = F.interpolate(seen, size=(max(1, round(height * part)), max(1, round(width * part))), mode="area")
    return (small * 255).round().byte().movedim(1, -1).contiguous()


def rival_maps(model: Any, batches: Iterable[Tensor], layer: Any) -> Tensor | None:
    """Return why P, rather than the runner-up? of batches of inputs, (n, h, w).

    None: the network has no spatial map, and no layer was named, so that it can be shown without maps all the same.

    Raises:
        LayerError: of a layer that was named.
    """
    try:
        maps = [contrast_cam(model, x, layer=layer)[:, 0].detach().cpu().double() for x in batches]
    except LayerError:
        if layer is not None:
            raise
        return None
    return torch.cat(maps)


def held_rows(kept: LastLayer, share: float = HELD) -> Tensor:
    """Return how many rows of each contrast, longest first, hold ``share`` of its squared length, (N, classes)."""
    energy = kept.rows("ce", "each").square().sort(-1, descending=True).values
    enough = energy.cumsum(-1) >= share * energy.sum(-1, keepdim=True)
    return enough.int().argmax(-1) + 1


def as_scanned(picture: Any) -> Tensor:
    """Return a drawing as scikit-learn's digits were made, (1, 1, 32, 32) in 0 to 1.

    The ink is cropped, made as high as the picture, averaged over 8 x 8 cells of 17 grey levels up to the brightest,
    and enlarged again.

    Raises:
        PictureError: nothing is drawn.
    """
    ink = torch.from_numpy(np.asarray(picture.convert("L"), dtype=np.float32) / 255)
    places = (ink > 0.2).nonzero()
    if not len(places):
        raise PictureError("Nothing is drawn yet: draw a digit, bright on dark.")
    (top, left), (bottom, right) = (places.amin(0).tolist(), places.amax(0).tolist())
    cut = ink[top : bottom + 1, left : right + 1]
    tall, wide = cut.shape
    around = max(tall, wide)
    before = ((around - wide) // 2, (around - tall) // 2)
    square = F.pad(cut, (before[0], around - wide - before[0], before[1], around - tall - before[1]))[None, None]
    cells = F.interpolate(square, (8, 8), mode="area")
    cells = (16 * cells / cells.max()).round() / 16  # a thin line is as bright as a thick one
    return F.interpolate(cells, (32, 32), mode="bicubic", align_corners=False).clamp(0, 1)


def checked_pictures(net: Classifier, pictures: Any, most: int | None = None, name: str = "pictures") -> Tensor:
    """Return pictures (n, C, H, W) in 0 to 1 as float32, of the size that the network reads; raises ``InputError``."""
    seen = checked_tensor(pictures, name, "n", *net.input_size).detach().cpu().float()
    if most is not None and len(seen) > most:
        raise InputError(f"{name} holds {len(seen)} pictures: expected 1 to {most}.")
    if not bool(((seen >= 0) & (seen <= 1)).all()):
        raise InputError(f"{name} hold values that are not from 0 to 1: pass them before they are normalised.")
    return seen


def names_of(labels: Sequence[str], truth: Sequence[int | None]) -> list[str]:
    """Return a name for each picture: its class and the how many-th of it, or its number."""
    return [
        f"picture {i + 1}" if c is None else f"{labels[c]}, no. {list(truth[: i + 1]).count(c)}"
        for i, c in enumerate(truth)
    ]
