"""docs/results/downstream.md: every number in it is worked out from the tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from data_scripts.experiments.arms import CONTROL, FEATURES, TEMPERATURE, F
from data_scripts.experiments.page import filled, points, sign, signed, table, verdict
from data_scripts.experiments.table import Results
from data_scripts.experiments.tasks.active import STILL
from data_scripts.experiments.tasks.ood import ACCURACY, ODIN, RAW, STEP, TUNING
from data_scripts.experiments.tasks.quality import GRADIENTS, HIDDEN, OWN
from gradlab.evaluate.statistics import mean_interval, paired_differences

MEASURES = {"auroc": "AUROC", "aupr": "AUPR", "fpr95": "FPR at 95 % TPR", "detection error": "detection error"}
BETTER = {"auroc": 1, "aupr": 1, "fpr95": -1, "detection error": -1}
OTHERS = (F, TEMPERATURE, CONTROL)


def page(ood: Results, active: Results, quality: Results) -> str:
    def sections(rows: Results, section: Callable[[str, Results], str]) -> str:
        return "\n".join(section(world, rows.where(world=world)) for world in rows.names("world"))

    return filled(
        Path(__file__).with_suffix(".md"),
        ood=sections(ood, ood_section),
        active=sections(active, active_section),
        quality=sections(quality, quality_section),
    )


def counts(signs: list[int], end: str = "") -> str:
    """Return how many cells are above, below and near 0."""
    return f"{signs.count(1)} are better{end}, {signs.count(-1)} worse and {signs.count(0)} not told apart"


def ood_section(world: str, each: Results) -> str:
    """Return the tables of a world: means over strange pictures, then AUROC by kind, then what it comes to."""
    arms, kinds = each.names("arm"), [kind for kind in each.names("condition") if kind != TUNING]
    hows, seen = each.names("method"), each.where(condition=TUNING)
    (n,) = each.where(condition=kinds).names("n")
    right = {arm: seen.by_seed(arm, ACCURACY) for arm in arms}
    steps = (f"{arm} {', '.join(f'{step:g}' for step in seen.by_seed(arm, STEP))}" for arm in arms)
    raws = [raw for raw in ("", RAW) if FEATURES + raw in arms]
    pairs = [(FEATURES + raw, other) for raw in raws for other in (F, TEMPERATURE, CONTROL + raw)]

    def lines(cells: dict[str, dict[str, Any]]) -> list[list[str]]:
        """Return a line for each score and arm, of AUROC or what a cell says instead."""
        cell = {name: {"measure": "auroc", "condition": kinds} | asked for name, asked in cells.items()}
        return [[arm, how, *(points(each.by_seed(arm, method=how, **asked)) for asked in cell.values())]
                for how in hows for arm in arms]  # fmt: skip

    def sentence(mine: str, other: str) -> str:
        """Return one sentence on H on features and another arm: over all scores, and cell by cell."""
        cells = [
            BETTER[measure] * sign(each.gain(mine, other, measure, condition=kind, method=how))
            for kind in kinds
            for how in hows
            for measure in MEASURES
        ]
        apart = each.gain(mine, other, "auroc", condition=kinds)
        return (
            f"- {world}: *{mine}* is {verdict(apart)} *{other}* by AUROC over all scores and kinds "
            f"({signed(apart)}); of {len(cells)} cells {counts(cells)}."
        )

    return (
        f"### {world}\n\n{n} pictures of each kind. Accuracy on validation pictures in points: "
        f"{', '.join(f'{arm} {points(values)}' for arm, values in right.items())}. *{ODIN}*'s steps, in units of "
        f"pixels in 0 to 1, by seed: {'; '.join(steps)}.{SATURATED if set(right[F]) == {1.0} else ''}\n\n"
        "Means over the kinds of strange pictures, in points:\n\n"
        + table(["arm", "score", *MEASURES.values()], lines({name: {"measure": name} for name in MEASURES}))
        + "\nAUROC by kind, in points:\n\n"
        + table(["arm", "score", *kinds], lines({kind: {"condition": kind} for kind in kinds}))
        + "\nDifferences in AUROC, in points, mean over kinds:\n\n"
        + table(
            ["arm", "less", *hows],
            [
                [*pair, *(signed(each.gain(*pair, "auroc", condition=kinds, method=how)) for how in hows)]
                for pair in pairs
            ],
        )
        + "\n"
        + "\n".join(sentence(*pair) for pair in pairs)
        + "\n"
    )


def active_section(world: str, each: Results) -> str:
    """Return areas under the learning curves, what strategies gain on random, and what arms gain on each other."""
    falls = [max(row.value for row in each.rows if row.measure == name) for name in STILL]
    each = each.where(measure="accuracy")
    arms, (random, *asking) = each.names("arm"), each.names("method")
    budgets = ", ".join(map(str, sorted(each.names("level"))))
    parts = [
        f"### {world}\n\n{len(each.names('seed'))} repetitions, labels bought: {budgets}. From the third quarter of "
        f"the training to the last, no f's loss fell by more than {falls[0]:.3f} nats (dropout makes noise of it), no "
        f"H's by more than {falls[1]:.4f}.\n"
    ]
    for how in each.names("condition"):

        def area(arm: str, strategy: str | list[str], how: str = how) -> list[float]:
            return each.areas(arm, "accuracy", method=strategy, condition=how)

        def on_random(arm: str, strategy: str, area: Callable[..., list[float]] = area) -> list[float]:
            return paired_differences(area(arm, strategy), area(arm, random))

        def on_other(other: str, strategy: str | list[str], area: Callable[..., list[float]] = area) -> list[float]:
            return paired_differences(area(FEATURES, strategy), area(other, strategy))

        cells = [sign(on_random(arm, strategy)) for arm in arms for strategy in asking]
        parts.append(
            f"Mean accuracy along the learning curve (its area), {how} test pictures, in points:\n\n"
            + table(
                ["arm", random, *asking], [[arm, *(points(area(arm, s)) for s in (random, *asking))] for arm in arms]
            )
            + "\nLess *random* of the same arm:\n\n"
            + table(["arm", *asking], [[arm, *(signed(on_random(arm, s)) for s in asking)] for arm in arms])
            + "\n*H on features* less the others:\n\n"
            + table(
                ["less", random, *asking],
                [[other, *(signed(on_other(other, s)) for s in (random, *asking))] for other in OTHERS],
            )
        )
        parts += [
            f"- {how}: over the {len(asking)} strategies that look at the network, *{FEATURES}* is {verdict(apart)} "
            f"*{other}* ({signed(apart)})."
            for other in OTHERS
            for apart in [on_other(other, asking)]
        ]
        parts.append(f"- {how}: of {len(cells)} arms and strategies {counts(cells, ' than *random* of their arm')}.\n")
    return "\n".join(parts)


def quality_section(world: str, each: Results) -> str:
    """Return each judge's correlations with the level, and what the gradients gain."""
    measures, arms, (n,) = each.names("measure"), each.names("arm"), each.names("n")
    apart = {arm: each.gain(GRADIENTS, arm, "srcc") for arm in arms if arm != GRADIENTS}

    def number(values: list[float], form: str = ".3f") -> str:
        found = mean_interval(values)
        return f"{found.mean:{form}} ± {found.half:.3f}"

    told = [
        f"- {world}: *{GRADIENTS}* are {verdict(apart[arm])} *{arm}*{', its control' if arm == HIDDEN else ''} "
        f"({number(apart[arm], '+.3f')} in SRCC)."
        for arm in apart
        if arm in OWN
    ]
    ends: dict[str, list[str]] = {}
    for arm in sorted(apart, key=lambda arm: (1, -1, 0).index(sign(apart[arm]))):
        if arm not in OWN:
            ends.setdefault(verdict(apart[arm]).replace("**", ""), []).append(arm)
    return (
        f"### {world}\n\n{len(each.names('seed'))} pictures, {n} distorted ones of each.\n\n"
        + table(
            ["judge", *(name.upper().replace("WITHIN", "within a distortion") for name in measures)],
            [[arm, *(number(each.by_seed(arm, measure)) for measure in measures)] for arm in arms],
        )
        + "\n"
        + "\n".join(told)
        + f"\n- {world}: of the comparators, *{GRADIENTS}* are "
        + "; ".join(f"{end} {', '.join(names)}" for end, names in ends.items())
        + ", by SRCC.\n"
    )


SATURATED = (
    " f names every validation picture rightly, so that no temperature makes the labels likeliest: the lower, the "
    "better, and the one that was taken makes nearly every picture as sure as can be. *f, temperature* is a degenerate "
    "control here, and to be better than it says little."
)
