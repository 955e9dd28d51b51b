"""docs/introspection.md: every number in it is worked out from the rows of introspect_experiment.py."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import fmean

# run as a file, a script finds its own folder only
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from data_scripts import model_cards
from data_scripts.introspect_rows import (
    CONTROLS,
    MEASURES,
    TEMPERATURE,
    Arm,
    F,
    Row,
    Table,
    clean,
    interval,
    shifted,
    validation,
)


def plain(values: list[float]) -> str:
    """Return mean ± half the interval in points, without the latter where all seeds are the same (f)."""
    mean, half = interval(values)
    return f"{100 * mean:.1f}" if len(set(values)) == 1 else f"{100 * mean:.1f} ± {100 * half:.1f}"


def signed(values: list[float]) -> str:
    """Return a difference as :func:`plain` does, with its sign, in bold if the interval leaves out 0."""
    mean, half = interval(values)
    text = f"{100 * mean:+.1f} ± {100 * half:.1f}"
    return f"**{text}**" if beyond(values) else text


def beyond(values: list[float]) -> int:
    """Return the sign of the mean, or 0 if the interval holds 0."""
    mean, half = interval(values)
    return (mean > half) - (mean < -half)


def table(head: list[str], lines: Iterable[list[str]]) -> str:
    """Return a Markdown table."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in rows) + "\n"


def page(rows: list[Row], sizes: list[model_cards.Row]) -> str:
    """Return the page: what was found, and the tables of each world."""
    worlds = {world: Table(rows, world) for world in dict.fromkeys(row.world for row in rows)}
    parts = [HEAD, "## In short\n\n" + "\n".join(found(world, each) for world, each in worlds.items()), NOTES]
    parts += [section(world, each) for world, each in worlds.items()]
    return "\n".join([*parts, larger(sizes)])


def found(world: str, each: Table) -> str:
    """Return what a world says for or against the features."""
    best, control = each.chosen("features"), each.chosen(*CONTROLS)

    two = {"f": lambda _: F, "their control of equal capacity": each.control_of}
    three = {**two, "f with its temperature": lambda _: TEMPERATURE}

    def less(other: Arm) -> str:
        parts = [signed(each.differences(best, other, measure, shifted)) for measure in MEASURES]
        return f"{parts[0]} and {parts[1]} less *{other}*"

    return (
        f"- **{world}**, over all challenges and levels, of {len(each.named('features'))} ways to make features:\n"
        f"  - accuracy: {verdict(each, 'accuracy', two)}.\n"
        f"  - ECE: {verdict(each, 'ece', three)}.\n"
        f"  - the way that was chosen, *{best}*, in points of accuracy and of ECE: {less(F)}; {less(TEMPERATURE)}; "
        f"{less(control)}, the control that was chosen."
    )


def verdict(each: Table, measure: str, others: dict[str, Callable[[Arm], Arm]]) -> str:
    """Return how many ways to make features are better and worse than others, and than all, beyond the interval."""
    sign = 1 if measure == "accuracy" else -1
    arms = each.named("features")
    told, best = [], set(arms)
    for name, other in others.items():
        sure = {arm: sign * beyond(each.differences(arm, other(arm), measure, shifted)) for arm in arms}
        best -= {arm for arm in arms if sure[arm] < 1}
        counts = list(sure.values())
        told.append(f"{counts.count(1)} better and {counts.count(-1)} worse than {name}")
    return f"{'; '.join(told)}; {len(best)} better than {'both' if len(others) == 2 else 'all of these'}"


def section(world: str, each: Table) -> str:
    """Return the tables of a world."""
    (n,) = {row.n for row in each.rows if not validation(row)}
    best, control = each.chosen("features"), each.chosen(*CONTROLS)
    shown = [F, TEMPERATURE, control, best]
    (warmth,) = {row.temperature for row in each.rows if row.temperature}
    (checked,) = [row for row in each.rows if row.arm == F and validation(row)]
    surer = "surer" if float(warmth) < 1 else "less sure"
    return (
        f"\n## {world}\n\n{ABOUT[world]} {n} test pictures in each set, {each.seeds} seeds of H. f names "
        f"{checked.accuracy:.1%} of {checked.n} validation pictures rightly; the temperature fitted to them, {warmth}, "
        f"makes it {surer}.\n\nAccuracy and ECE in points; *shifted* is the mean over challenges and levels:\n\n"
        + every(each)
        + "\nDifferences of the features to f, and to the control of the same capacity and treatment:\n\n"
        + paired(each)
        + f"\nChosen: *{best}* and *{control}*. Accuracy / ECE by level (mean over challenges), then by challenge "
        "(mean over levels); the last columns are the features less the control:\n\n"
        + split(each, shown, "level", sorted({row.level for row in each.rows if not validation(row)}))
        + "\n"
        + split(each, shown, "challenge", dict.fromkeys(row.challenge for row in each.rows if shifted(row)))
    )


def every(each: Table) -> str:
    """Return a line per arm."""
    lines = []
    for arm in each.arms:
        weights = {row.weights for row in each.rows if row.arm == arm}.pop()
        loss = fmean(each.values(arm, "nll", validation))
        cells = [plain(each.values(arm, measure, which)) for which in (clean, shifted) for measure in MEASURES]
        lines.append([str(arm), f"{weights:,}", f"{loss:.3f}", *cells])
    head = ["arm", "weights of H", "validation loss", "clean accuracy", "clean ECE", "shifted accuracy", "shifted ECE"]
    return table(head, lines)


def paired(each: Table) -> str:
    """Return a line per way to make features: what they add to f, and to the control."""
    lines = [
        [str(arm)]
        + [
            signed(each.differences(arm, other, measure, which))
            for other in (F, each.control_of(arm))
            for which in (clean, shifted)
            for measure in MEASURES
        ]
        for arm in each.named("features")
    ]
    what = [f"{which} {measure}" for which in ("clean", "shifted") for measure in ("accuracy", "ECE")]
    head = [f"{measure}, less {other}" for other in ("f", "control") for measure in what]
    return table(["arm", *head], lines)


def split(each: Table, arms: list[Arm], by: str, values: Iterable[object]) -> str:
    """Return a line per level or challenge: the arms' means, and the last two arms' difference."""
    lines = []
    for value in values:

        def which(row: Row, value: object = value) -> bool:
            return not validation(row) and getattr(row, by) == value

        means = [[fmean(each.values(arm, measure, which)) for measure in MEASURES] for arm in arms]
        apart = [signed(each.differences(arms[-1], arms[-2], measure, which)) for measure in MEASURES]
        lines.append([str(value), *(f"{100 * right:.1f} / {100 * ece:.1f}" for right, ece in means), *apart])
    return table([by, *map(str, arms), "accuracy, difference", "ECE, difference"], lines)


def larger(sizes: list[model_cards.Row]) -> str:
    """Return what the sizes of the signs network say about over-confidence."""
    lines = []
    for network in dict.fromkeys(row.network for row in sizes if row.network.startswith("signs")):
        own = [row for row in sizes if row.network == network and row.label == "all"]
        ends = [[row for row in own if (row.level > 0) == changed] for changed in (False, True)]
        cells = [f"{100 * fmean(getattr(row, measure) for row in end):.1f}" for end in ends for measure in MEASURES]
        lines.append([network, *cells])
    head = ["network", "clean accuracy", "clean ECE", "shifted accuracy", "shifted ECE"]
    small, large = float(lines[0][-1]), float(lines[-1][-1])
    answer = f"From the smallest to the largest, shifted ECE goes from {small} to {large}: here the answer is "
    return SIZES + table(head, lines) + f"\n{answer}{'yes' if large > small else 'no'}.\n"


HEAD = """# Does introspection make a network more robust?

Made by `data_scripts/introspect_experiment.py`; the rows are in [introspection.csv](introspection.csv), and everything
below is worked out from them.

f is a trained network, and stays as it is. H is a perceptron that reads the gradients of f's last layer for a label of
all ones, and decides again (Prabhushankar and AlRegib, *Introspective Learning*, NeurIPS 2022, who report more accuracy
and less calibration error under corruption). These features are worked out from h, what the last layer of f reads, and
hold nothing that h does not. So each gain needs a control: the same H on h itself, with as many weights and as long a
training. For calibration the control is one number, f's temperature.
"""

NOTES = """
How to read it:

- ± is half a 95 % confidence interval over seeds of H (Student's t); differences are taken seed by seed. **Bold**: the
  interval leaves out 0. Many are shown, and of twenty with nothing behind them about one would be bold. f is
  one network and the test pictures are one set: neither is in the intervals.
- What was chosen (H's epoch, the temperature, the way of making features, the control) was chosen on clean validation
  pictures, by the lowest loss. No changed picture had a part in it.
- We use H with layers of 300 and 100 sigmoid units and Adam; the authors' settings are not public.
- *Standardised* means by the statistics of H's training pictures, and is so where nothing else is said. ECE has 15 bins
  of equal width; it is above 0 for a perfectly calibrated network too, the more so the fewer pictures.
- Where all seeds agree to the last picture, the interval is ± 0.0 and says nothing about other pictures.
"""

ABOUT = {
    "digits": "`gradlab.models.digits()` under the twelve challenges. H learns from the scans that f has learned from, "
    "as they were scanned; f has seen them moved and turned, which may be a part of what an H loses to f. The "
    "validation pictures are few. Decolorisation leaves grey pictures as they are.",
    "signs": "`gradlab.models.signs()` under the twelve challenges. H learns from drawings that f has never seen, as "
    "they are; f has learned from drawings in other light and resolution, which may be a part of what an H loses to f.",
    "cifar10": "A slim ResNet-18 (a quarter of the width, at half the resolution), trained briefly by "
    "`data_scripts/cifar.py`, under nineteen corruptions of our own in the style of CIFAR-10-C. The pictures are a "
    "JPEG copy of CIFAR-10, a shift of its own: no figure compares with published ones. H learns from pictures that f "
    "has learned from, as they are; f has seen them mirrored and moved.",
}

SIZES = """
## Is a larger network more over-confident?

Guo et al. (ICML 2017) saw it in deep networks. Ours, from the [networks' card](models.md), in points; *shifted* is the
mean over twelve challenges and five levels. There is one network of each size, and they have not all trained for as
many steps, so that a small difference means nothing:

"""
