"""Measure the shipped networks for digits and signs, clean and under every challenge, and write their card.

    OMP_NUM_THREADS=1 python data_scripts/model_cards.py       docs/models.csv, docs/models.png, docs/models.md

Ten minutes on one core. The pictures are the test split's, drawn or scanned; nothing here was seen in training.
"""

from __future__ import annotations

import csv
import functools
import sys
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor
from tqdm import tqdm

# run as a file, a script finds its own folder only
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from gradlab import data, evaluate, models
from gradlab.models import Classifier
from gradlab.models.shipped import FOLDER

DOCS = Path(__file__).resolve().parents[1] / "docs"
NETWORKS = {
    "digits": models.digits,
    **{f"signs{depth}": functools.partial(models.signs, depth) for depth in (1, 2, 3)},
}
COUNT, SEED = 1400, 1  # signs of the test split (the seed of train_small.HELD_OUT)


@dataclass(frozen=True)
class Row:
    """Accuracy and expected calibration error of a network on n test pictures; a class alone has no challenge."""

    network: str
    challenge: str
    level: int
    label: str
    n: int
    accuracy: float
    ece: float


@functools.lru_cache(maxsize=2)
def clean(world: str) -> tuple[Tensor, Tensor]:
    """Return the test pictures of a world and their labels."""
    if world == "digits":
        test = data.digits("test")
        return test.pictures, test.labels
    drawn = data.signs(COUNT, SEED)
    return drawn.pictures, drawn.labels


def under(pictures: Tensor, challenge: str, level: int) -> Tensor:
    """Return the pictures under a challenge; grey ones are challenged as colour pictures and made grey again."""
    found = data.challenged(pictures.expand(-1, 3, -1, -1), challenge, level, seed=SEED)
    return found if pictures.shape[1] == 3 else found.mean(1, keepdim=True)


def logits_of(net: Classifier, pictures: Tensor) -> Tensor:
    """Return the logits of pictures in 0 to 1."""
    with torch.no_grad():
        return torch.cat([net(net.normalize(some)) for some in pictures.split(200)])


def row(network: str, challenge: str, level: int, label: str, logits: Tensor, labels: Tensor) -> Row:
    """Return one measurement."""
    right = (logits.argmax(1) == labels).double().mean().item()
    ece = float(evaluate.calibration_error(logits.softmax(1), labels))
    return Row(network, challenge, level, label, len(labels), round(right, 4), round(ece, 4))


def measured(network: str) -> list[Row]:
    """Return all rows of a network."""
    net = NETWORKS[network]()
    pictures, labels = clean(network.rstrip("123"))
    logits = logits_of(net, pictures)
    rows = [row(network, "none", 0, "all", logits, labels)]
    for k, label in enumerate(net.labels):
        rows.append(row(network, "none", 0, label, logits[labels == k], labels[labels == k]))
    for challenge in tqdm(data.CHALLENGES, desc=network):
        for level in range(1, 6):
            found = logits_of(net, under(pictures, challenge, level))
            rows.append(row(network, challenge, level, "all", found, labels))
    return rows


def read(path: Path = DOCS / "models.csv") -> list[Row]:
    """Return the rows of a written table."""
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Row(r["network"], r["challenge"], int(r["level"]), r["label"], int(r["n"]), float(r["accuracy"]),
                float(r["ece"]))
            for r in csv.DictReader(file)
        ]  # fmt: skip


def write(rows: list[Row], folder: Path) -> None:
    """Write the table, the plot and the card."""
    with (folder / "models.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(field.name for field in fields(Row))
        table.writerows(astuple(each) for each in rows)
    plot(rows, folder / "models.png")
    (folder / "models.md").write_text(card(rows), encoding="utf-8")


def plot(rows: list[Row], path: Path) -> None:
    """Draw accuracy over the level, one panel per challenge, one line per network; dashed: ECE."""
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(3, 4, figsize=(11, 7), dpi=80, sharex=True, sharey=True, layout="constrained")
    colours = dict(zip(NETWORKS, ("#555555", "#88ccee", "#4477aa", "#223366"), strict=True))
    for axis, challenge in zip(axes.flat, data.CHALLENGES, strict=True):
        for network, colour in colours.items():
            line = by_level(rows, network, challenge)
            axis.plot(range(6), [r.accuracy for r in line], color=colour, label=f"{network}, accuracy")
            axis.plot(range(6), [r.ece for r in line], color=colour, ls="--", label=f"{network}, ECE")
        axis.set_title(challenge, fontsize=10)
        axis.set_ylim(0, 1)
        axis.grid(alpha=0.3)
    for axis in axes[-1]:
        axis.set_xlabel("level (0: none)", fontsize=9)
    handles, names = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, names, loc="outside lower center", ncols=4, fontsize=8)
    fig.savefig(path)
    plt.close(fig)


def by_level(rows: list[Row], network: str, challenge: str) -> list[Row]:
    """Return a network's rows under a challenge, from level 0."""
    return [r for r in rows if r.network == network and r.label == "all" and (r.level == 0 or r.challenge == challenge)]


def card(rows: list[Row]) -> str:
    """Return the model card as Markdown."""
    parts = [HEAD]
    for network in NETWORKS:
        path = FOLDER / f"{network}.safetensors"
        with safe_open(path, framework="pt") as file:
            about = file.metadata()
        (overall,) = (r for r in rows if r.network == network and r.label == "all" and r.level == 0)
        classes = [r for r in rows if r.network == network and r.label != "all"]
        parts.append(
            f"## {network}\n\nTrained on {about['data']}: {about['steps']} steps, `{about['command']}`, "
            f"{path.stat().st_size // 1000} kB. Test accuracy **{overall.accuracy:.2%}**, ECE {overall.ece:.3f} "
            f"({overall.n} pictures).\n\nPer class: "
            + ", ".join(f"{r.label} {r.accuracy:.1%}" for r in classes)
            + ".\n\n"
            + levels(rows, network)
        )
    return "\n".join(parts)


def levels(rows: list[Row], network: str) -> str:
    """Return accuracy / ECE by challenge and level as a Markdown table."""
    lines = ["| challenge | " + " | ".join(f"level {k}" for k in range(1, 6)) + " |", "|---" * 6 + "|"]
    for challenge in data.CHALLENGES:
        cells = [f"{r.accuracy:.3f} / {r.ece:.3f}" for r in by_level(rows, network, challenge)[1:]]
        lines.append(f"| {challenge} | " + " | ".join(cells) + " |")
    return "Accuracy / ECE:\n\n" + "\n".join(lines) + "\n"


HEAD = """# The networks that ship

Made by `data_scripts/model_cards.py`; the numbers are in [models.csv](models.csv).

`gradlab.models.digits()` and `gradlab.models.signs(depth)` are residual networks whose last maps are 8 x 8 and 12 x 12
cells, and which end in average pooling and one linear layer: a class's map, summed over its cells, is its logit less
its bias.

- **For:** teaching. Small, quick, made only of data that we may pass on, with ground truth for every pixel.
- **Not for:** reading signs on a road. They were trained on drawings, and nothing here says how they read photographs.
- **Training:** from scratch, AdamW, one cycle of the learning rate, one core, at most a quarter of an hour each. Signs
  are seen in other light, contrast and resolution at each step; no network has seen a challenge. ECE is over 15 bins of
  equal width.
- **Data:** scikit-learn's scans of handwritten digits (1197 train, 200 validation, 400 test; images, not writers, are
  divided); signs from our renderer, with other seeds for training, validation and test.

![Accuracy (solid) falls and calibration error (dashed) rises with the level of each of twelve challenges, for the
digits network and three sizes of the signs network.](models.png)
"""


def main() -> None:
    write([r for network in NETWORKS for r in measured(network)], DOCS)


if __name__ == "__main__":
    main()
