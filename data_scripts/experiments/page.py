"""How a number, a difference and a table stand on a page; the prose around them is a Markdown file with $names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from string import Template

from gradlab.evaluate.statistics import mean_interval


def points(values: Sequence[float]) -> str:
    """Return mean ± half the interval in points, without the latter where all seeds are the same (f)."""
    mean, half = mean_interval(values)
    return f"{100 * mean:.1f}" if len(set(values)) == 1 else f"{100 * mean:.1f} ± {100 * half:.1f}"


def signed(differences: Sequence[float]) -> str:
    """Return a difference in points with its sign, in bold if the interval leaves out 0."""
    found = mean_interval(differences)
    text = f"{100 * found.mean:+.1f} ± {100 * found.half:.1f}"
    return f"**{text}**" if found.sign else text


def sign(differences: Sequence[float]) -> int:
    """Return the sign of the mean difference, or 0 if the interval holds 0."""
    return mean_interval(differences).sign


def verdict(differences: Sequence[float]) -> str:
    """Return what differences say, above 0 being good: the interval decides."""
    return {1: "**better** than", -1: "**worse** than", 0: "**not told apart** from"}[sign(differences)]


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in rows) + "\n"


def filled(prose: Path, **parts: str) -> str:
    """Return a Markdown file with each $name in the place of its part."""
    return Template(prose.read_text(encoding="utf-8")).substitute(parts).rstrip("\n") + "\n"
