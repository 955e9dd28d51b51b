"""docs/results/models.md and models.png: the card of the networks that ship."""

from __future__ import annotations

from pathlib import Path

from safetensors import safe_open

from data_scripts.experiments.arms import F
from data_scripts.experiments.page import filled, table
from data_scripts.experiments.table import Results
from data_scripts.experiments.tasks.models import CLASS, NETWORKS
from data_scripts.experiments.worlds import CLEAN
from gradlab import data
from gradlab.models.shipped import FOLDER

COLOURS = dict(zip(NETWORKS, ("#555555", "#88ccee", "#4477aa", "#223366"), strict=True))


def page(rows: Results) -> str:
    sections = [section(network, rows.where(world=network)) for network in NETWORKS]
    return filled(Path(__file__).with_suffix(".md"), networks="\n".join(sections).rstrip("\n"))


def section(network: str, each: Results) -> str:
    """Return a network's part of the card."""
    path = FOLDER / f"{network}.safetensors"
    with safe_open(path, framework="pt") as file:
        about = file.metadata()
    clean = each.where(condition=CLEAN)
    (right, ece), (n,) = (clean.by_seed(F, name)[0] for name in ("accuracy", "ece")), clean.names("n")
    classes = [name for name in each.names("condition") if name.startswith(CLASS)]
    lines = [
        [challenge, *(f"{a:.3f} / {e:.3f}" for a, e in by_level(each, challenge)[1:])] for challenge in data.CHALLENGES
    ]
    return (
        f"## {network}\n\nTrained on {about['data']}: {about['steps']} steps, `{about['command']}`, "
        f"{path.stat().st_size // 1000} kB. Test accuracy **{right:.2%}**, ECE {ece:.3f} ({n} pictures).\n\nPer class: "
        + ", ".join(f"{name[len(CLASS) :]} {each.by_seed(F, 'accuracy', condition=name)[0]:.1%}" for name in classes)
        + ".\n\nAccuracy / ECE:\n\n"
        + table(["challenge", *(f"level {level}" for level in range(1, 6))], lines)
    )


def by_level(each: Results, challenge: str) -> list[tuple[float, float]]:
    """Return accuracy and ECE of a network under a challenge, from level 0."""
    sets = [{"condition": CLEAN}, *({"condition": challenge, "level": level} for level in range(1, 6))]
    right, ece = ([each.by_seed(F, name, **which)[0] for which in sets] for name in ("accuracy", "ece"))
    return list(zip(right, ece, strict=True))


def plot(rows: Results, path: Path) -> None:
    """Draw accuracy over the level, one panel per challenge, one line per network; dashed: ECE."""
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(3, 4, figsize=(11, 7), dpi=80, sharex=True, sharey=True, layout="constrained")
    for axis, challenge in zip(axes.flat, data.CHALLENGES, strict=True):
        for network, colour in COLOURS.items():
            right, ece = zip(*by_level(rows.where(world=network), challenge), strict=True)
            axis.plot(range(6), right, color=colour, label=f"{network}, accuracy")
            axis.plot(range(6), ece, color=colour, ls="--", label=f"{network}, ECE")
        axis.set_title(challenge, fontsize=10)
        axis.set_ylim(0, 1)
        axis.grid(alpha=0.3)
    for axis in axes[-1]:
        axis.set_xlabel("level (0: none)", fontsize=9)
    handles, names = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, names, loc="outside lower center", ncols=4, fontsize=8)
    fig.savefig(path, format="png")
    plt.close(fig)
