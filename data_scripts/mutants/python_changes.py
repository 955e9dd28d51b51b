"""The single changes that can be made to a Python file."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Change", "changes"]

EDGES = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
ARITHMETIC = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Pow: ("**", "*"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
}
OPPOSITES = [
    ("min", "max"), ("amin", "amax"), ("minimum", "maximum"), ("argmin", "argmax"), ("mean", "sum"), ("any", "all"),
    ("floor", "ceil"), ("zeros", "ones"), ("zeros_like", "ones_like"), ("nanmean", "nansum"), ("cos", "sin"),
]  # fmt: skip
OPPOSITE = {**dict(OPPOSITES), **{b: a for a, b in OPPOSITES}}
DROPPED = {"abs", "sqrt", "square", "clamp", "clip", "clone", "copy", "double", "flip", "relu", "exp", "log", "round"}
FOR_FAULTS = {"strict", "exist_ok", "missing_ok"}  # of zip and of paths: for what the code around it rules out
TALK = re.compile(r"\b(logg(er|ing)|warnings?|print)\b")  # words for people are left alone
LEAVES = (ast.Raise, ast.Return, ast.Continue, ast.Break)


@dataclass(frozen=True)
class Change:
    """One change: the bytes from ``start`` to ``end`` of the file become ``after``."""

    kind: str
    line: int
    start: int
    end: int
    before: str
    after: str


def changes(source: bytes) -> list[Change]:
    """Return every change of a Python file, in its order."""
    found = list(_Finder(source).of(ast.parse(source)))
    return sorted(found, key=lambda each: (each.start, each.end, each.after))


class _Finder:
    def __init__(self, source: bytes) -> None:
        self.source, self.begins = source, [0]
        for line in source.splitlines(keepends=True):
            self.begins.append(self.begins[-1] + len(line))

    def place(self, node: ast.AST) -> tuple[int, int]:
        start = self.begins[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]
        return start, self.begins[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]

    def text(self, node: ast.AST) -> str:
        start, end = self.place(node)
        return self.source[start:end].decode()

    def change(self, kind: str, node: ast.AST, after: str) -> Change:
        return self.between(kind, *self.place(node), after)

    def between(self, kind: str, start: int, end: int, after: str) -> Change:
        line = self.source.count(b"\n", 0, start) + 1
        return Change(kind, line, start, end, self.source[start:end].decode(), after)

    def of(self, node: ast.AST) -> Iterator[Change]:
        """Yield the changes of a node and of all below it that is neither words nor annotations."""
        if isinstance(node, (ast.Import, ast.ImportFrom, ast.Raise, ast.Assert, ast.JoinedStr, ast.Global)):
            return
        if isinstance(node, ast.Call) and TALK.search(self.text(node.func)):
            return
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and "__all__" in self.text(node):
            return
        if isinstance(node, ast.If) and "TYPE_CHECKING" in self.text(node.test):
            return
        make = getattr(self, f"on_{type(node).__name__}", None)
        if make:
            yield from make(node)
        skipped = {"annotation", "returns", "decorator_list"}
        for name, value in ast.iter_fields(node):
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, ast.keyword) and each.arg in FOR_FAULTS:
                    continue
                if isinstance(each, ast.AST) and name not in skipped:
                    yield from self.of(each)

    def operator(self, kind: str, left: ast.AST, right: ast.AST, way: tuple[str, str]) -> Iterator[Change]:
        old, new = way
        start, end = self.place(left)[1], self.place(right)[0]
        found = re.search(rb"\s+".join(re.escape(word.encode()) for word in old.split()), self.source[start:end])
        if found:
            yield self.between(kind, start + found.start(), start + found.end(), new)

    def on_Compare(self, node: ast.Compare) -> Iterator[Change]:
        sides = [node.left, *node.comparators]
        for left, operator, right in zip(sides, node.ops, sides[1:], strict=False):
            yield from self.operator("comparison", left, right, EDGES[type(operator)])

    def on_BinOp(self, node: ast.BinOp) -> Iterator[Change]:
        words = (ast.List, ast.Tuple, ast.JoinedStr)
        sides = (node.left, node.right)
        text = any(isinstance(each, ast.Constant) and isinstance(each.value, str) for each in sides)
        if type(node.op) in ARITHMETIC and not text and not any(isinstance(each, words) for each in sides):
            yield from self.operator("arithmetic", node.left, node.right, ARITHMETIC[type(node.op)])

    def on_AugAssign(self, node: ast.AugAssign) -> Iterator[Change]:
        if type(node.op) in ARITHMETIC:
            old, new = ARITHMETIC[type(node.op)]
            yield from self.operator("arithmetic", node.target, node.value, (f"{old}=", f"{new}="))
        yield self.change("statement dropped", node, "pass")

    def on_UnaryOp(self, node: ast.UnaryOp) -> Iterator[Change]:
        if isinstance(node.op, (ast.USub, ast.Not, ast.Invert)):
            kind = "sign" if isinstance(node.op, ast.USub) else "negation"
            yield self.change(kind, node, self.text(node.operand))

    def on_BoolOp(self, node: ast.BoolOp) -> Iterator[Change]:
        way = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in zip(node.values, node.values[1:], strict=False):
            yield from self.operator("and, or", left, right, way)

    def on_IfExp(self, node: ast.IfExp) -> Iterator[Change]:
        if not all(self.text(each).lstrip("frb").startswith(('"', "'")) for each in (node.body, node.orelse)):
            yield self.change("branches exchanged", node.test, f"not ({self.text(node.test)})")

    def on_If(self, node: ast.If) -> Iterator[Change]:
        if len(node.body) == 1 and isinstance(node.body[0], LEAVES) and not node.orelse:
            yield self.change("guard dropped", node.test, "False")

    def on_Constant(self, node: ast.Constant) -> Iterator[Change]:
        value = node.value
        if isinstance(value, bool):
            yield self.change("true, false", node, str(not value))
        elif isinstance(value, int) and value < 1000:
            yield self.change("constant", node, str(value + 1))
        elif isinstance(value, float):
            yield self.change("constant", node, repr(2 * value if value else 1.0))

    def on_Name(self, node: ast.Name) -> Iterator[Change]:
        if node.id in OPPOSITE and isinstance(node.ctx, ast.Load):
            yield self.change("opposite", node, OPPOSITE[node.id])

    def on_Attribute(self, node: ast.Attribute) -> Iterator[Change]:
        if node.attr in OPPOSITE and isinstance(node.ctx, ast.Load):
            end = self.place(node)[1]
            yield self.between("opposite", end - len(node.attr), end, OPPOSITE[node.attr])

    def on_Call(self, node: ast.Call) -> Iterator[Change]:
        method = node.func.attr if isinstance(node.func, ast.Attribute) else None
        library = isinstance(node.func, ast.Attribute) and self.text(node.func.value) in {"torch", "np", "math", "F"}
        if method in DROPPED and not library:
            yield self.change("call dropped", node, f"({self.text(node.func.value)})")  # type: ignore[attr-defined]
        name = method or self.text(node.func)
        if name in DROPPED and (library or not method) and node.args:
            yield self.change("call dropped", node, f"({self.text(node.args[0])})")
        plain = [each for each in node.args[:2] if isinstance(each, (ast.Name, ast.Attribute))]
        if len(plain) == 2 and name not in {"isinstance", "getattr", "setattr", "hasattr", "issubclass", "max", "min"}:
            first, second = plain
            both = self.source[self.place(first)[1] : self.place(second)[0]].decode()
            after = f"{self.text(second)}{both}{self.text(first)}"
            if self.text(first) != self.text(second):
                yield self.between("arguments exchanged", self.place(first)[0], self.place(second)[1], after)
        if not name[0].isupper():
            yield from self.keywords(node)

    def keywords(self, node: ast.Call) -> Iterator[Change]:
        parts = sorted([*node.args, *node.keywords], key=self.place)
        for i, part in enumerate(parts):
            if not isinstance(part, ast.keyword) or part.arg is None or part.arg in FOR_FAULTS:
                continue
            start, end = self.place(part)
            if i:
                start = self.place(parts[i - 1])[1]
                if self.source[start : start + 1] == b")":  # the argument before it stands in brackets of its own
                    continue
            elif len(parts) > 1:
                end = self.place(parts[1])[0]
            yield self.between("keyword dropped", start, end, "")

    def on_Expr(self, node: ast.Expr) -> Iterator[Change]:
        if isinstance(node.value, ast.Call) and not TALK.search(self.text(node.value.func)):
            yield self.change("statement dropped", node, "pass")

    def on_Assign(self, node: ast.Assign) -> Iterator[Change]:
        target = node.targets[0]
        read = {each.id for each in ast.walk(node.value) if isinstance(each, ast.Name)}
        if isinstance(target, ast.Name) and target.id in read:
            yield self.change("statement dropped", node, "pass")

    def on_FunctionDef(self, node: ast.FunctionDef) -> Iterator[Change]:
        if node.returns is None or self.text(node.returns) not in {"Tensor", "float", "int", "bool", "Array"}:
            return
        for each in ast.walk(node):
            if isinstance(each, ast.Return) and each.value is not None:
                sign = "not" if self.text(node.returns) == "bool" else "-"
                yield self.change("returned the other way", each.value, f"{sign} ({self.text(each.value)})")
