"""docs/any_network.md from the rows: counts first, then what is refused, families, kinds, and what peers answer."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

from data_scripts.any_network_rows import LIBRARIES, METHODS, Row
from data_scripts.experiments.page import filled, table
from data_scripts.files import ROOT

PAGE = ROOT / "docs" / "any_network.md"
NAMED = 6  # networks that are named beside a reason


def outcome(said: str) -> str:
    """Return a verdict in one word: right, refused, wrong, failed, silent, or "" where none was asked for."""
    return "" if said == "not asked" else re.split(r"[ :]", said)[0] if not said.startswith("not judged") else "zeros"


def page(rows: list[Row], large: int) -> str:
    """Return the page; ``large``: weights up to which a network is judged in double precision."""
    networks = {row.network: row.family for row in rows}
    of = Counter(family.partition(" ")[0].rstrip(":") for family in networks.values())
    text = filled(
        Path(__file__).with_name("any_network.md"),
        networks=str(len(networks)),
        methods=str(len(METHODS)),
        counts=_counts(outcome(row.gradlab) for row in rows),
        timm=str(of["timm"]),
        ends=str(of["end"]),
        kinds=str(of["kind"]),
        large=str(large // 1_000_000),
        versions="; ".join(sorted({row.versions for row in rows})),
    )
    sections = {
        "In numbers": _numbers(rows),
        "Otherwise": _otherwise(rows),
        "Refused": _refused(rows),
        "Layers that a path goes round": _round(rows),
        "Families": _families([row for row in rows if row.family != "kind"]),
        "Odd kinds": _kinds([row for row in rows if row.family == "kind"]),
        "Peers, by family": _peers(rows),
    }
    return text + "".join(f"\n## {title}\n\n{body}" for title, body in sections.items() if body)


def _counts(outcomes: Iterable[str]) -> str:
    counted = Counter(each for each in outcomes if each)
    return ", ".join(
        f"{counted[each]} {each}"
        for each in ("right", "refused", *sorted(set(counted) - {"right", "refused"}))
        if counted[each]
    )


def _short(outcomes: Iterable[str]) -> str:
    """Return one word where all are alike, else the counts."""
    made = [each for each in outcomes if each]
    return (made[0] if len(set(made)) == 1 else _counts(made)) if made else ""


def _numbers(rows: list[Row]) -> str:
    lines = []
    for method in METHODS:
        asked = [row for row in rows if row.method == method]
        ours = Counter((outcome(row.gradlab), row.defined) for row in asked)
        bad = sum(n for (said, _), n in ours.items() if said not in ("right", "refused", ""))
        lines.append(
            [
                method, *(str(n) for n in (ours["right", "yes"], ours["refused", "no"], ours["refused", "yes"], bad)),
                *(_counts(outcome(getattr(row, library)) for row in asked) for library in LIBRARIES[1:]),
            ]
        )  # fmt: skip
    head = ["method", "right", "refused: there is no answer", "refused though there is one", "wrong or failed"]
    return table([*head, *LIBRARIES[1:]], lines)


def _otherwise(rows: list[Row]) -> str:
    bad = [row for row in rows if outcome(row.gradlab) not in ("right", "refused", "")]
    return table(["network", "method", "gradlab"], [[r.network, r.method, r.gradlab] for r in bad]) if bad else ""


def _refused(rows: list[Row]) -> str:
    reasons: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        if outcome(row.gradlab) == "refused":
            reason = re.sub(r" \([^)]*\)", "", row.gradlab.removeprefix("refused: "))
            reasons[re.sub(r"'[^']*'", "…", reason), row.defined].append(row)
    lines = []
    for (reason, defined), same in sorted(reasons.items(), key=lambda each: -len(each[1])):
        names = list(dict.fromkeys(row.network for row in same))
        shown = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
        methods = ", ".join(dict.fromkeys(row.method for row in same))
        lines.append([reason, "no" if defined == "no" else "yes", methods, str(len(same)), shown])
    return table(["reason", "is there an answer?", "methods", "answers", "networks"], lines)


def _round(rows: list[Row]) -> str:
    layers: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row.method == "grad_cam" and row.round == "yes":
            layers[re.sub(r"\d+", "n", row.layer)].append(row.network)
    return (
        table(["layer", "networks"], [[f"`{layer}`", ", ".join(names)] for layer, names in layers.items()])
        if layers
        else ""
    )


def _families(rows: list[Row]) -> str:
    families: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        families[row.family].append(row)
    lines = [
        [
            family, str(len({row.network for row in own})),
            *(_short(outcome(row.gradlab) for row in own if row.method == method) for method in METHODS),
        ]
        for family, own in families.items()
    ]  # fmt: skip
    return table(["family", "networks", *METHODS], lines)


def _kinds(rows: list[Row]) -> str:
    networks: dict[str, dict[str, str]] = defaultdict(dict)
    for row in rows:
        networks[row.network.removeprefix("kind: ")][row.method] = outcome(row.gradlab)
    lines = [[name, *(own.get(method, "") for method in METHODS)] for name, own in networks.items()]
    return table(["network", *METHODS], lines)


def _peers(rows: list[Row]) -> str:
    asked = [
        (library, method) for library in LIBRARIES[1:] for method in METHODS
        if any(getattr(row, library) for row in rows if row.method == method)
    ]  # fmt: skip
    families: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        families[row.family].append(row)
    lines = [
        [
            family,
            *(_short(outcome(getattr(row, lib)) for row in own if row.method == method) for lib, method in asked),
        ]
        for family, own in families.items()
    ]
    return table(["family", *(f"{library} {method}" for library, method in asked)], lines)
