"""One try: a callable, some of its arguments exchanged; what it did, in a word, and what it should not have done."""

from __future__ import annotations

import contextlib
import inspect
import io
import os
import re
import resource
import shutil
import signal
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from gradlab.core import GradlabError
from tests.fuzz.names import public
from tests.fuzz.rows import rows
from tests.fuzz.state import changed, taken
from tests.fuzz.values import ANYTHING, CallerError, Makers, variants
from tests.fuzz.world import Row, World

# Where a module is called as a function: what it then raises, or does to itself, is its own.
CALLED = {"target", "contrast", "loss", "question", "method", "fit", "predict", "strategy", "baseline", "progress"}
SECONDS = 5  # that no call may take, on a busy machine
MEMORY = 4 * 2**30  # bytes beside what the process has already
LONGEST = 300  # characters of a message


class TooLong(BaseException):
    """Raised inside a call that does not end."""


@dataclass(frozen=True)
class Fault:
    """What a call should not have done.

    Attributes:
        name: of the callable.
        given: the arguments exchanged, and by what.
        what: an exception, a change, or a message that is no help.
        detail: its text.
    """

    name: str
    given: tuple[tuple[str, str], ...]
    what: str
    detail: str


class Trials:
    """All rows, and how one of them is tried."""

    def __init__(self) -> None:
        self.world = World()
        self.rows = rows(self.world)
        self.public = {name.removeprefix("gradlab."): value for name, value in public().items()}
        self.asked = [name for name, row in self.rows.items() if row.given]
        self.counts = {"result": 0, "refused": 0, "the caller's own": 0}

    def values(self, name: str, argument: str) -> Makers:
        """Return all that an argument may be exchanged for."""
        return {**ANYTHING, **{f"own: {key}": make for key, make in variants(self.rows[name].given[argument]).items()}}

    def fault(self, name: str, exchanged: tuple[tuple[str, str], ...]) -> Fault | None:
        """Try it, and return what was wrong with what it did."""
        row, given = self.rows[name], dict(self.rows[name].given)
        for argument, value in exchanged:
            try:
                given[argument] = self.values(name, argument)[value]()
            except (RuntimeError, TypeError, ValueError, OverflowError, NotImplementedError, IndexError):
                return None  # this value has no such variant
            if argument in CALLED and isinstance(given[argument], (nn.Module, type)):
                return None
        with _quiet_folder() as folder:
            held = {**given, "world": [self.world.net, self.world.x, self.world.seen]}
            before = taken(held, folder)
            wrong = self._outcome(row, given, name)
            moved = changed(before, taken(held, folder))
            if wrong is None and "files" in moved:  # a result may be a file
                moved.remove("files")
        if wrong is None and moved:
            wrong = ("changed", ", ".join(moved))
        return None if wrong is None else Fault(name, exchanged, *wrong)

    def _outcome(self, row: Row, given: dict[str, Any], name: str) -> tuple[str, str] | None:
        try:
            with _limits():
                row.call(**given)
            self.counts["result"] += 1
            return None
        except GradlabError as error:
            self.counts["refused"] += 1
            return _unhelpful(str(error), self._parameters(name))
        except CallerError:
            self.counts["the caller's own"] += 1
            return None
        except TooLong:
            return "too long", f"more than {SECONDS} s"
        except Exception as error:
            return type(error).__name__, " ".join(str(error).split())[:160]

    def _parameters(self, name: str) -> set[str]:
        return set(inspect.signature(self.public.get(name, self.rows[name].call)).parameters) | set(
            self.rows[name].given
        )


# What a message may say of before "is", "has" or "holds", beside a function's arguments.
THINGS = {"it", "this", "there", "that", "what", "class", "classes", "everything", "model"}


def _unhelpful(message: str, parameters: set[str]) -> tuple[str, str] | None:
    if len(message) >= LONGEST:
        return "long message", f"{len(message)} characters: {message[:80]}"
    if len(message) < 15:
        return "short message", message
    named = re.match(r"([a-z_]+)(?:'s [a-z]+)?(?:\[[^\]]*\])? (?:is|has|holds|are|hold|cannot|must|asks)\b", message)
    if named and named[1] not in parameters | THINGS:
        return "names no argument", message[:160]
    return None


@contextlib.contextmanager
def _quiet_folder() -> Iterator[Path]:
    """Work in an empty folder; what is printed or warned of is not seen."""
    before, folder = os.getcwd(), Path(tempfile.mkdtemp(prefix="gradlab-fuzz-"))
    try:
        os.chdir(folder)
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield folder
    finally:
        os.chdir(before)
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _limits() -> Iterator[None]:
    """Stop a call that takes too long, and let one that asks for too much memory fail."""

    def stop(*_: Any) -> None:
        raise TooLong

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limits = resource.getrlimit(resource.RLIMIT_AS)
    handler = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, limits[1]))
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        resource.setrlimit(resource.RLIMIT_AS, limits)
