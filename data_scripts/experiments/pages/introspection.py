"""docs/results/introspection.md: every number in it is worked out from the tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import fmean

from data_scripts.experiments.arms import TEMPERATURE, F
from data_scripts.experiments.page import filled, points, sign, signed, table
from data_scripts.experiments.table import Results
from data_scripts.experiments.tasks.introspection import CONTROL, EQUAL, FEATURES
from data_scripts.experiments.worlds import CLEAN, VALIDATION

MEASURES = {"accuracy": "accuracy", "ece": "ECE"}
# which rows
SETS: dict[str, dict[str, object]] = {"clean": {"condition": CLEAN}, "shifted": {"level": range(1, 6)}}


def page(rows: Results, sizes: Results) -> str:
    worlds = {world: rows.where(world=world) for world in rows.names("world")}
    return filled(
        Path(__file__).with_suffix(".md"),
        short="\n".join(found(world, each) for world, each in worlds.items()),
        worlds="\n".join(section(world, each) for world, each in worlds.items()),
        sizes=larger(sizes),
    )


def of_kind(each: Results, *kinds: str) -> list[str]:
    return [arm for arm in each.names("arm") if arm.split(":")[0] in kinds]


def validation_loss(each: Results, arm: str) -> float:
    return fmean(each.by_seed(arm, "nll", condition=VALIDATION))


def chosen(each: Results, *kinds: str) -> str:
    """Return the arm of these kinds whose mean loss on the clean validation pictures is lowest."""
    return min(of_kind(each, *kinds), key=lambda arm: validation_loss(each, arm))


def control_of(arm: str) -> str:
    """Return the H on h that has as many weights as one on features and is treated in the same way."""
    return f"{EQUAL}: {arm.split(', ', 1)[1]}"


def found(world: str, each: Results) -> str:
    """Return what a world says for or against the features."""
    best, control = chosen(each, FEATURES), chosen(each, CONTROL, EQUAL)
    two = {"f": lambda _: F, "their control of equal capacity": control_of}
    three = {**two, "f with its temperature": lambda _: TEMPERATURE}

    def less(other: str) -> str:
        parts = [signed(each.gain(best, other, measure, **SETS["shifted"])) for measure in MEASURES]
        return f"{parts[0]} and {parts[1]} less *{other}*"

    return (
        f"- **{world}**, over all challenges and levels, of {len(of_kind(each, FEATURES))} ways to make features:\n"
        f"  - accuracy: {counted(each, 'accuracy', two)}.\n"
        f"  - ECE: {counted(each, 'ece', three)}.\n"
        f"  - the way that was chosen, *{best}*, in points of accuracy and of ECE: {less(F)}; {less(TEMPERATURE)}; "
        f"{less(control)}, the control that was chosen."
    )


def counted(each: Results, measure: str, others: dict[str, Callable[[str], str]]) -> str:
    """Return how many ways to make features are better and worse than others, and than all, beyond the interval."""
    good = 1 if measure == "accuracy" else -1
    arms = of_kind(each, FEATURES)
    told, best = [], set(arms)
    for name, other in others.items():
        sure = {arm: good * sign(each.gain(arm, other(arm), measure, **SETS["shifted"])) for arm in arms}
        best -= {arm for arm in arms if sure[arm] < 1}
        counts = list(sure.values())
        told.append(f"{counts.count(1)} better and {counts.count(-1)} worse than {name}")
    return f"{'; '.join(told)}; {len(best)} better than {'both' if len(others) == 2 else 'all of these'}"


def section(world: str, each: Results) -> str:
    """Return the tables of a world."""
    tested = [name for name in each.names("condition") if name not in ("", VALIDATION)]
    (n,) = each.where(condition=tested).names("n")
    (checked,) = each.where(condition=VALIDATION).names("n")
    best, control = chosen(each, FEATURES), chosen(each, CONTROL, EQUAL)
    shown = [F, TEMPERATURE, control, best]
    (right,) = each.by_seed(F, "accuracy", condition=VALIDATION)
    (by,) = each.by_seed(TEMPERATURE, "temperature")
    by_level = {str(level): {"condition": tested, "level": level} for level in sorted(each.names("level"))}
    by_challenge = {name: {"condition": name} for name in tested if name != CLEAN}
    return (
        f"\n## {world}\n\n{ABOUT[world]} {n} test pictures in each set, {len(each.names('seed'))} seeds of H. f names "
        f"{right:.1%} of {checked} validation pictures rightly; the temperature fitted to them, {by:.3f}, "
        f"makes it {'surer' if by < 1 else 'less sure'}.\n\nAccuracy and ECE in points; *shifted* is the mean over "
        "challenges and levels:\n\n"
        + every(each)
        + "\nDifferences of the features to f, and to the control of the same capacity and treatment:\n\n"
        + paired(each)
        + f"\nChosen: *{best}* and *{control}*. Accuracy / ECE by level (mean over challenges), then by challenge "
        "(mean over levels); the last columns are the features less the control:\n\n"
        + split(each, shown, "level", by_level)
        + "\n"
        + split(each, shown, "challenge", by_challenge)
    )


def every(each: Results) -> str:
    """Return a line per arm."""
    head = [f"{name} {shown}" for name in SETS for shown in MEASURES.values()]
    lines = [
        [arm, f"{each.by_seed(arm, 'weights')[0]:,.0f}", f"{validation_loss(each, arm):.3f}"]
        + [points(each.by_seed(arm, measure, **which)) for which in SETS.values() for measure in MEASURES]
        for arm in each.names("arm")
    ]
    return table(["arm", "weights of H", "validation loss", *head], lines)


def paired(each: Results) -> str:
    """Return a line per way to make features: what they add to f, and to the control."""
    lines = [
        [arm]
        + [
            signed(each.gain(arm, other, measure, **which))
            for other in (F, control_of(arm))
            for which in SETS.values()
            for measure in MEASURES
        ]
        for arm in of_kind(each, FEATURES)
    ]
    head = [
        f"{name} {shown}, less {other}" for other in ("f", "control") for name in SETS for shown in MEASURES.values()
    ]
    return table(["arm", *head], lines)


def split(each: Results, arms: list[str], by: str, parts: dict[str, dict[str, object]]) -> str:
    """Return a line per part of the rows: the arms' means, and the last two arms' difference."""
    lines = []
    for name, which in parts.items():
        means = [[100 * fmean(each.by_seed(arm, measure, **which)) for measure in MEASURES] for arm in arms]
        apart = [signed(each.gain(arms[-1], arms[-2], measure, **which)) for measure in MEASURES]
        lines.append([name, *(f"{right:.1f} / {ece:.1f}" for right, ece in means), *apart])
    return table([by, *arms, *(f"{shown}, difference" for shown in MEASURES.values())], lines)


def larger(sizes: Results) -> str:
    """Return what the sizes of the signs network say about over-confidence."""
    lines = []
    for network in (name for name in sizes.names("world") if name.startswith("signs")):
        own = sizes.where(world=network)
        values = [own.by_seed(F, measure, **which) for which in SETS.values() for measure in MEASURES]
        lines.append([network, *map(points, values)])
    small, large = float(lines[0][-1]), float(lines[-1][-1])
    return (
        table(["network", *(f"{name} {shown}" for name in SETS for shown in MEASURES.values())], lines)
        + f"\nFrom the smallest to the largest, shifted ECE goes from {small} to {large}: here the answer is "
        + f"{'yes' if large > small else 'no'}."
    )


ABOUT = {
    "digits": "`gradlab.models.digits()` under the twelve challenges. H learns from the scans that f has learned from, "
    "as they were scanned; f has seen them moved and turned, which may be a part of what an H loses to f. The "
    "validation pictures are few. Decolorisation leaves grey pictures as they are.",
    "signs": "`gradlab.models.signs()` under the twelve challenges. H learns from drawings that f has never seen, as "
    "they are; f has learned from drawings in other light and resolution, which may be a part of what an H loses to f.",
    "cifar10": "A slim ResNet-18 (a quarter of the width, at half the resolution), trained briefly by "
    "`data_scripts/train/cifar.py`, under nineteen corruptions of our own in the style of CIFAR-10-C. The pictures "
    "are a JPEG copy of CIFAR-10, a shift of its own: no figure compares with published ones. H learns from pictures "
    "that f has learned from, as they are; f has seen them mirrored and moved.",
}
