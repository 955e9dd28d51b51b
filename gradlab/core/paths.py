"""Which steps of a recorded run every path from the outputs to the picture crosses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor

__all__ = ["crossed_by_all"]

_Node = Any  # a step of autograd's graph


def crossed_by_all(outputs: Tensor, picture: Tensor) -> set[_Node] | None:
    """Return the steps that every path crosses, from the outputs to ``picture``, a leaf; None if no path is recorded.

    Steps are taken from the outputs on, each after all those that read it. A step is crossed by all paths if, when its
    turn comes, every edge that leaves the steps before leads to it.
    """
    root = outputs.grad_fn
    if root is None:
        return None
    after = _steps([root])
    source = next((node for node in after if getattr(node, "variable", None) is picture), None)
    if source is None:
        return None
    between = _upstream_of(source, after)
    waiting = dict.fromkeys(between, 0)
    for node in between:
        for before in after[node]:
            if before in waiting:
                waiting[before] += 1
    edges, into, ready, crossed = 0, dict(waiting), [root], set()
    while ready:
        node = ready.pop()
        if edges == into[node]:
            crossed.add(node)
        edges -= into[node]
        for before in after[node]:
            if before in waiting:
                edges += 1
                waiting[before] -= 1
                if waiting[before] == 0:
                    ready.append(before)
    return crossed


def _steps(roots: Iterable[_Node]) -> dict[_Node, list[_Node]]:
    """Return every step that leads to the roots, with the steps before it."""
    after: dict[_Node, list[_Node]] = {}
    stack = list(roots)
    while stack:
        node = stack.pop()
        if node not in after:
            after[node] = [before for before, _ in node.next_functions if before is not None]
            stack += after[node]
    return after


def _upstream_of(source: _Node, after: dict[_Node, list[_Node]]) -> list[_Node]:
    """Return the steps that ``source`` leads to, itself included."""
    readers: dict[_Node, list[_Node]] = {node: [] for node in after}
    for node, befores in after.items():
        for before in befores:
            readers[before].append(node)
    found, stack = {source: None}, [source]
    while stack:
        for node in readers[stack.pop()]:
            if node not in found:
                found[node] = None
                stack.append(node)
    return list(found)
