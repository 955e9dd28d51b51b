"""One picture under every challenge at every level: what the network says of each, and where it finds that."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.special import softmax
from torch import Tensor

from gradlab.core.targets import check_logits
from gradlab.data import CHALLENGES, challenged
from gradlab.data.levels import LEVELS
from gradlab.explain import grad_cam
from gradlab.widgets.panels import shown
from gradlab.widgets.picture_widget import picture_answer
from gradlab.widgets.wire import scaled

if TYPE_CHECKING:
    from gradlab.models import Classifier

__all__ = ["SIDE", "TILES", "Strip", "tile_of"]

# The clean picture first, then each challenge from the weakest level to the strongest.
TILES: list[tuple[str | None, int]] = [(None, 0), *((name, level) for name in CHALLENGES for level in LEVELS)]
SIDE = 96  # pixels: the longer side of a tile at most; all tiles of a photograph stay below a megabyte
CHUNK = 8  # pictures that the network sees at once: more do not fit a processor's cache, and are slower


def tile_of(challenge: str | None, level: int) -> int:
    """Return the place in ``TILES``: at level 0 every challenge is the clean picture."""
    return TILES.index((challenge, level) if challenge and level else (None, 0))


@dataclass(frozen=True)
class Strip:
    """What one picture gives, by the order of ``TILES``.

    Attributes:
        name: of the picture.
        view: what the network sees of it, RGB.
        label: its true class, or None: not known.
        tiles: (tiles, h, w, 3) uint8, as large as they are shown.
        logits: z (tiles, classes).
        maps: Grad-CAM of the class that the network says of each tile, (tiles, h, w), raw, in logits.
    """

    name: str
    view: Image.Image
    label: int | None
    tiles: NDArray[np.uint8]
    logits: NDArray[np.float64]
    maps: NDArray[np.float64]

    @classmethod
    def of(
        cls, net: Classifier, picture: Image.Image, name: str, label: int | None, *, seed: int, **options: Any
    ) -> Strip:
        """Run the network on every tile; options and errors are those of :func:`gradlab.explain.grad_cam`."""
        view = net.view(picture).convert("RGB")
        grey = net.input_size[0] == 1
        pixels = np.atleast_3d(np.asarray(view.convert("L" if grey else "RGB"), dtype=np.float32) / 255)
        clean = torch.from_numpy(pixels).movedim(-1, 0)[None].expand(-1, 3, -1, -1)
        seen = torch.cat([challenged(clean, *tile, seed=seed) for tile in TILES])
        if grey:
            seen = seen.mean(1, keepdim=True)
        logits, maps = (each.cpu().double().numpy() for each in _said(net, seen, options))
        return cls(name, view, label, shown(seen.expand(-1, 3, -1, -1), SIDE).numpy(), logits, maps)

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """Softmax of the logits, (tiles, classes)."""
        return np.asarray(softmax(self.logits, axis=1))

    @property
    def reference(self) -> int:
        """The class that the others are held against: the true one, or what is said of the clean picture."""
        return int(self.logits[0].argmax()) if self.label is None else self.label

    def kept(self, level: int) -> list[str]:
        """Return the challenges under which the network says the reference class."""
        return [name for name in CHALLENGES if self.logits[tile_of(name, level)].argmax() == self.reference]

    def answer(self, serial: int) -> dict[str, Any]:
        """Return what is sent to the browser; the tiles below each other as one PNG."""
        return {
            **picture_answer(serial, self.name, self.view, self.logits),
            "sheet": _png(Image.fromarray(self.tiles.reshape(-1, *self.tiles.shape[2:]))),
            "maps": scaled(self.maps),
            "label": self.label,
            "challenges": list(CHALLENGES),
        }

    def panels(self, labels: Sequence[str], level: int) -> list[tuple[str, Image.Image]]:
        """Return the tiles of one level, the clean one first, each with what is said of it."""
        found = []
        for name in (None, *CHALLENGES):
            i = tile_of(name, level)
            said, chance = int(self.logits[i].argmax()), self.probabilities[i].max()
            mark = "✓" if said == self.reference else "✗"
            found.append((f"{name or 'clean'}: {mark} {labels[said]} {chance:.2f}", Image.fromarray(self.tiles[i])))
        return found


def _said(net: Classifier, seen: Tensor, options: dict[str, Any]) -> tuple[Tensor, Tensor]:
    """Return logits (N, classes) and the maps of the likeliest classes (N, h, w), from one run of the network."""
    logits: list[Tensor] = []

    def likeliest(outputs: Any) -> Tensor:
        found = check_logits(outputs)
        logits.append(found.detach())
        return found.max(1).values

    chunks = (net.normalize(some) for some in seen.split(CHUNK))
    maps = [grad_cam(net, x, target=likeliest, **options)[:, 0].detach() for x in chunks]
    return torch.cat(logits), torch.cat(maps)


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
