"""docs/downstream.md: every number in it is worked out from the rows of downstream_experiment.py."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import fmean

from data_scripts.downstream_active import NOISY
from data_scripts.downstream_ood import ACCURACY, ODIN, RAW, STEP, TUNING
from data_scripts.downstream_quality import GRADIENTS, OWN, H
from data_scripts.downstream_rows import CONTROL, FEATURES, TEMPERATURE, F, Row, Table, less
from data_scripts.introspect_page import beyond, plain, signed, table
from data_scripts.introspect_rows import interval

CHANCE = {"auroc": "AUROC", "aupr": "AUPR", "fpr95": "FPR at 95 % TPR", "detection error": "detection error"}
BETTER = {"auroc": 1, "aupr": 1, "fpr95": -1, "detection error": -1}


def page(rows: list[Row]) -> str:
    """Return the page."""
    parts = [HEAD]
    for part, about, section in (
        ("ood", OOD, ood_section),
        ("active", ACTIVE, active_section),
        ("quality", QUALITY, quality_section),
    ):
        worlds = dict.fromkeys(row.world for row in rows if row.part == part)
        parts += [about] + [section(world, Table(rows, part, world)) for world in worlds]
    return "\n".join(parts)


def verdict(apart: list[float], sign: int = 1) -> str:
    """Return what a difference by seed says: the interval decides."""
    return {1: "better", -1: "worse", 0: "not told apart"}[sign * beyond(apart)]


def ood_section(world: str, each: Table) -> str:
    """Return the tables of a world: means over strange pictures, then AUROC by kind, then what it comes to."""
    whats, hows = [what for what in each.whats if what != TUNING], each.hows
    means = [
        [arm, how, *(plain(each.mean(arm, whats, [how], measure)) for measure in CHANCE)]
        for how in hows
        for arm in each.arms
    ]
    split = [
        [arm, how, *(plain(each.values(arm, what, how, "auroc")) for what in whats)]
        for how in hows
        for arm in each.arms
    ]
    (n,) = {row.n for row in each.rows if row.what != TUNING}
    right = ", ".join(f"{arm} {plain(each.values(arm, TUNING, ODIN, ACCURACY))}" for arm in each.arms)
    sure = SATURATED if set(each.values(F, TUNING, ODIN, ACCURACY)) == {1.0} else ""
    steps = "; ".join(f"{arm} {steps_of(each, arm)}" for arm in each.arms)
    return (
        f"### {world}\n\n{n} pictures of each kind. Accuracy on validation pictures in points: {right}. "
        f"*{ODIN}*'s steps, in units of pixels in 0 to 1, by seed: {steps}.{sure}\n\n"
        "Means over the kinds of strange pictures, in points:\n\n"
        + table(["arm", "score", *CHANCE.values()], means)
        + "\nAUROC by kind, in points:\n\n"
        + table(["arm", "score", *whats], split)
        + "\nDifferences in AUROC, in points, mean over kinds:\n\n"
        + table(
            ["arm", "less", *hows],
            [[*pair, *(signed(gain(each, *pair, [how])) for how in hows)] for pair in pairs(each)],
        )
        + "\n"
        + "\n".join(ood_sentence(world, each, whats, *pair) for pair in pairs(each))
        + "\n"
    )


def steps_of(each: Table, arm: str) -> str:
    """Return the steps that were chosen, one for each seed there is."""
    return ", ".join(f"{row.value:g}" for row in each.rows if (row.arm, row.measure) == (arm, STEP))


def pairs(each: Table) -> list[tuple[str, str]]:
    """Return each H on features, and what it is to be compared with."""
    raws = [raw for raw in ("", RAW) if FEATURES + raw in each.arms]
    return [(FEATURES + raw, other) for raw in raws for other in (F, TEMPERATURE, CONTROL + raw)]


def gain(each: Table, mine: str, other: str, hows: list[str], measure: str = "auroc") -> list[float]:
    """Return by seed what the mean over kinds of strange pictures gains."""
    whats = [what for what in each.whats if what != TUNING]
    return less(each.mean(mine, whats, hows, measure), each.mean(other, whats, hows, measure))


def ood_sentence(world: str, each: Table, whats: list[str], mine: str, other: str) -> str:
    """Return one sentence on H on features and another arm: over all scores, and cell by cell."""
    cells = [
        BETTER[measure] * beyond(less(*(each.values(arm, what, how, measure) for arm in (mine, other))))
        for what in whats
        for how in each.hows
        for measure in BETTER
    ]
    apart = gain(each, mine, other, each.hows)
    return (
        f"- {world}: *{mine}* is **{verdict(apart)}** than *{other}* by AUROC over all scores and kinds "
        f"({signed(apart)}); of {len(cells)} cells {cells.count(1)} are better, {cells.count(-1)} worse and "
        f"{cells.count(0)} not told apart."
    ).replace("**not told apart** than", "**not told apart** from")


def active_section(world: str, each: Table) -> str:
    """Return areas under the learning curves, what strategies gain on random, and what arms gain on each other."""
    strategies = each.whats
    budgets = sorted({row.labels for row in each.rows})
    parts = [f"### {world}\n\n{each.seeds} repetitions, labels bought: {', '.join(map(str, budgets))}.\n"]
    for how in each.hows:
        areas = [[arm, *(plain(each.values(arm, what, how, "accuracy")) for what in strategies)] for arm in each.arms]
        over = [
            [arm, *(signed(active_gain(each, (arm, what), (arm, "random"), how)) for what in strategies[1:])]
            for arm in each.arms
        ]
        apart = [
            [other, *(signed(active_gain(each, (FEATURES, what), (other, what), how)) for what in strategies)]
            for other in (F, TEMPERATURE, CONTROL)
        ]
        parts.append(
            f"Mean accuracy along the learning curve (its area), {how} test pictures, in points:\n\n"
            + table(["arm", *strategies], areas)
            + "\nLess *random* of the same arm:\n\n"
            + table(["arm", *strategies[1:]], over)
            + "\n*H on features* less the others:\n\n"
            + table(["less", *strategies], apart)
        )
        parts += [active_sentence(each, other, how) for other in (F, TEMPERATURE, CONTROL)]
        parts.append(strategy_sentence(each, how))
    return "\n".join(parts)


def active_gain(each: Table, mine: tuple[str, str], other: tuple[str, str], how: str) -> list[float]:
    """Return by seed the difference in area of two arms and strategies."""
    return less(*(each.values(arm, what, how, "accuracy") for arm, what in (mine, other)))


def active_sentence(each: Table, other: str, how: str) -> str:
    """Return one sentence on H on features and another arm, over strategies but random."""
    asked = each.whats[1:]
    apart = less(*(each.mean(arm, asked, [how], "accuracy") for arm in (FEATURES, other)))
    return (
        f"- {how}: over the {len(asked)} strategies that look at the network, *{FEATURES}* is **{verdict(apart)}** "
        f"than *{other}* ({signed(apart)})."
    ).replace("**not told apart** than", "**not told apart** from")


def strategy_sentence(each: Table, how: str) -> str:
    """Return one sentence on strategies and random."""
    cells = [
        beyond(active_gain(each, (arm, what), (arm, "random"), how)) for arm in each.arms for what in each.whats[1:]
    ]
    return (
        f"- {how}: of {len(cells)} arms and strategies {cells.count(1)} are better than *random* of their arm, "
        f"{cells.count(-1)} worse and {cells.count(0)} not told apart.\n"
    )


def quality_section(world: str, each: Table) -> str:
    """Return each judge's correlations with the level, and what the gradients gain."""
    measures = list(dict.fromkeys(row.measure for row in each.rows))
    (n,) = {row.n for row in each.rows}

    def values(arm: str, measure: str) -> list[float]:
        return each.values(arm, each.whats[0], each.hows[0], measure)

    lines = [[arm, *(number(values(arm, measure)) for measure in measures)] for arm in each.arms]
    apart = {arm: less(values(GRADIENTS, "srcc"), values(arm, "srcc")) for arm in each.arms if arm != GRADIENTS}
    told = {arm: verdict(differences) for arm, differences in apart.items()}
    return (
        f"### {world}\n\n{each.seeds} pictures, {n} distorted ones of each.\n\n"
        + table(["judge", *(name.upper().replace("WITHIN", "within a distortion") for name in measures)], lines)
        + "\n"
        + "\n".join(quality_sentence(world, arm, apart[arm]) for arm in apart if arm in OWN)
        + f"\n- {world}: of the comparators, *{GRADIENTS}* are "
        + "; ".join(f"{named(told, end)}" for end in ("better", "worse", "not told apart") if named(told, end))
        + ", by SRCC.\n"
    )


def number(values: Iterable[float]) -> str:
    """Return mean ± half the interval of correlations."""
    mean, half = interval(list(values))
    return f"{mean:.3f} ± {half:.3f}"


def quality_sentence(world: str, arm: str, apart: list[float]) -> str:
    """Return one sentence on the gradients and what else a network says."""
    own = f"{fmean(apart):+.3f} ± {interval(apart)[1]:.3f} in SRCC"
    note = ", its control" if arm == H else ""
    return (f"- {world}: *{GRADIENTS}* are **{verdict(apart)}** than *{arm}*{note} ({own}).").replace(
        "**not told apart** than", "**not told apart** from"
    )


def named(told: dict[str, str], end: str) -> str:
    """Return the comparators of a verdict, with it."""
    names = [arm for arm, found in told.items() if found == end and arm not in OWN]
    joint = "from" if end == "not told apart" else "than"
    return f"{end} {joint} {', '.join(names)}" if names else ""


HEAD = f"""# Downstream: strange pictures, labels worth buying, pictures worse than others

Made by `data_scripts/downstream_experiment.py`; the rows are in [downstream.csv](downstream.csv), and everything below
is worked out from them.

The introspective arm, *{FEATURES}*, is a perceptron that reads the gradients of f's last layer for a label of all ones
(squared error, length 1, standardised). These are worked out from h, what f's last layer reads, and hold nothing that h
does not. So *{CONTROL}* stands beside it: as many weights, the same training, on h itself; and *{TEMPERATURE}*, one
number. H's layers and training are ours: the authors' settings are not public.

± is half a 95 % confidence interval over seeds (over pictures, in image quality; Student's t), differences are taken
seed by seed, and *better* and *worse* are said only where the interval leaves out 0, which **bold** numbers show too.
Many are shown, and of twenty with nothing behind them about one would be bold. One f and one set of test pictures stand
behind each figure of the first part: they are not in the intervals, and f, which has no seeds there, has none.
"""

SATURATED = (
    " f names every validation picture rightly, so that no temperature makes the labels likeliest: the lower, the "
    "better, and the one that was taken makes nearly every picture as sure as can be. *f, temperature* is a degenerate "
    "control here, and to be better than it says little."
)

OOD = f"""
## Out of distribution

In-distribution is positive. A high AUROC and AUPR are good, a low FPR and detection error. AUPR has as many positives
as negatives. *{ODIN}* is at T = 1000, with the step that tells validation pictures best from themselves with their
quarters in another order: no test picture had a part in it. *digits*: f is trained anew on the digits 0 to 7, and 8 and
9 are strange to it. *signs*: f is `gradlab.models.signs(1)`, which knows all fourteen classes, so that none is held
out. Textures are parts of scikit-image's brick, grass and gravel; noise is uniform (the mean of three where it is
grey); letters are capitals of matplotlib's fonts without those that look like digits. *{RAW[2:]}*: neither the features
nor h are brought to length 1.

The paper's table, as reported, has 17 of 24 cells improve; worse are MSP on LSUN-C (detection error, AUROC), ODIN on
Places365 (FPR, AUROC) and ODIN on LSUN-C (all three).
"""

ACTIVE = f"""
## Active learning

f is a perceptron of one hidden layer with dropout on digits of 8 x 8 cells, trained anew at each round, and so is H.
The same random pictures start all arms and strategies of a repetition. The temperature is fitted to 200 validation
labels that are not counted as bought, which favours it; it changes which pictures are asked for, not what is answered.
BALD drops units of f at each of its passes; BADGE reads the last layer of H where there is one. *{NOISY}* is the
challenge *noise* on the same test pictures. With *random* the arms buy the same labels, so that there the difference is
H alone. H has the same few steps in both of its arms, chosen for speed: with so few labels, how long it trains may
matter as much as what it reads.

The paper reports mean gains of 0.0016 and 0.0030 on clean pictures, 0.0136 and 0.0098 on noisy ones, in accuracy.
"""

QUALITY = """
## Image quality

**There are no people's scores here.** What is ranked is how far a picture was distorted, over all distortions together;
level 3 of one need not look as bad as level 3 of another, so that to be near 1 is not to see as people do. *Within a
distortion* is the mean SRCC over its five levels. PLCC is taken after a logistic curve of five parameters has been
fitted to each picture's values, which flatters all alike. *Maps* are UNIQUE-like comparisons of f's last maps,
*gradients* the same of introspective features, *h* the control. Nothing here is trained but f, so that no H has seeds;
pictures stand in their place. Temperature changes neither maps nor h, and is fitted where there are labelled pictures
(drawings).
"""
