"""Every public callable of gradlab: what stands in the ``__all__`` of a package, and the public methods of classes."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import gradlab
from gradlab.core import GradlabError


def rooms() -> Iterator[ModuleType]:
    """Yield gradlab's packages, and the modules that a package's ``__all__`` names."""
    found = [gradlab, *(importlib.import_module(each.name) for each in _packages())]
    found += [value for room in list(found) for value in _named(room).values() if inspect.ismodule(value)]
    yield from dict.fromkeys(found)


def public() -> dict[str, Callable[..., Any]]:
    """Return every public function, class and method by its dotted name, each once, by the first name that it has."""
    found: dict[str, Callable[..., Any]] = {}
    for room in rooms():
        for name, value in _named(room).items():
            if inspect.isclass(value) and issubclass(value, GradlabError):
                continue
            if inspect.isclass(value) and value.__module__.startswith("gradlab"):
                found |= {f"{room.__name__}.{name}": value}
                found |= {f"{room.__name__}.{name}.{own}": method for own, method in _methods(value)}
            elif inspect.isfunction(value):
                found[f"{room.__name__}.{name}"] = value
    seen: dict[int, str] = {}
    return {name: value for name, value in found.items() if seen.setdefault(id(value), name) == name}


def _named(room: ModuleType) -> dict[str, Any]:
    return {name: getattr(room, name) for name in getattr(room, "__all__", ())}


def _packages() -> Iterator[pkgutil.ModuleInfo]:
    return (each for each in pkgutil.walk_packages(gradlab.__path__, "gradlab.") if each.ispkg)


def _methods(owner: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    for base in owner.__mro__:
        if base.__module__.startswith("gradlab"):
            for name, value in vars(base).items():
                function = getattr(value, "__func__", value)
                if not name.startswith("_") and inspect.isfunction(function):
                    yield name, function
