"""The rows of docs/any_network.csv."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass, fields

from data_scripts.files import ROOT, replacing

CSV = ROOT / "docs" / "any_network.csv"
LIBRARIES = ("gradlab", "captum", "pytorch_grad_cam", "torchcam")
METHODS = (
    "grad_cam", "contrast_cam", "all_contrasts", "occlusion", "gradient", "deconvnet", "guided_backprop", "features",
    "fisher",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One method on one network: what each library's answer was.

    Attributes:
        network: its name.
        family: "torchvision resnet", "timm levit", "end: cosine", or "kind".
        method: of gradlab; the libraries have the same under other names.
        picture: height x width, in pixels.
        layer: whose map was asked.
        round: "yes" if a path from the picture to the score goes round that layer.
        defined: "no" if there is no right answer: it is to be refused.
        gradlab, captum, pytorch_grad_cam, torchcam: verdicts; empty: the library has no such method.
        versions: of what the verdicts depend on.
    """

    network: str
    family: str
    method: str
    picture: str = ""
    layer: str = ""
    round: str = ""
    defined: str = ""
    gradlab: str = ""
    captum: str = ""
    pytorch_grad_cam: str = ""
    torchcam: str = ""
    versions: str = ""


def read() -> list[Row]:
    """Return the rows kept so far."""
    if not CSV.exists():
        return []
    with CSV.open(encoding="utf-8", newline="") as file:
        return [Row(**row) for row in csv.DictReader(file)]


def write(rows: list[Row], order: dict[str, int]) -> None:
    """Keep the rows of the networks in ``order``; methods stay in theirs."""
    rows = sorted((row for row in rows if row.network in order), key=lambda row: order[row.network])
    with replacing(CSV) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [f.name for f in fields(Row)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
