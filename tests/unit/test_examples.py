"""Every example in a docstring runs and shows what it says, and every public function has one."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest
import torch

import gradlab
from data_scripts.reference import ROOMS, public

FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def examples() -> Iterator[doctest.DocTest]:
    for info in pkgutil.walk_packages(gradlab.__path__, "gradlab."):
        module = importlib.import_module(info.name)
        yield from (found for found in doctest.DocTestFinder().find(module, info.name) if found.examples)


@pytest.fixture(scope="module")
def given() -> dict[str, Any]:
    """What every example is given: the package, torch, a small network and one picture for it."""
    net = gradlab.models.digits()
    x = net.normalize(gradlab.data.digits("test").pictures[:1])
    return {"gradlab": gradlab, "torch": torch, "net": net, "x": x}


@pytest.mark.parametrize("example", list(examples()), ids=lambda example: example.name)
def test_the_example_shows_what_it_says(
    example: doctest.DocTest, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # as a terminal does with a figure
    monkeypatch.setattr("IPython.display.display", lambda data, **_: print(data["text/plain"]))
    example.globs = dict(given)
    told: list[str] = []
    doctest.DocTestRunner(optionflags=FLAGS).run(example, out=told.append)
    assert not told, "".join(told)


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_function_has_an_example(room: str) -> None:
    functions = {name: value for name, value in public(room) if inspect.isfunction(value)}
    assert functions
    assert not [name for name, value in functions.items() if "Examples:\n    >>> " not in (inspect.getdoc(value) or "")]
