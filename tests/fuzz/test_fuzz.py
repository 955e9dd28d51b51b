"""Any argument of any public callable: a result, or one short GradlabError that names it, and nothing changed."""

from __future__ import annotations

import functools
import inspect

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz.trial import Fault, Trials

COUNT = 1500  # inputs in `make test`; `make fuzz` tries 10,000


@functools.cache
def trials() -> Trials:
    return Trials()


def searched(count: int, room: str = "") -> tuple[Trials, list[Fault]]:
    """Try so many inputs of one room or of all, the same ones each time, and return all that went wrong."""
    made, found = trials(), list[Fault]()
    names = [name for name in made.asked if name.startswith(room)]

    @st.composite
    def inputs(draw: st.DrawFn) -> tuple[str, tuple[tuple[str, str], ...]]:
        name = draw(st.sampled_from(names))
        arguments = list(made.rows[name].given)
        some = draw(st.lists(st.sampled_from(arguments), min_size=1, max_size=min(3, len(arguments)), unique=True))
        return name, tuple((each, draw(st.sampled_from(list(made.values(name, each))))) for each in some)

    @settings(
        max_examples=count, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(inputs())
    def search(drawn: tuple[str, tuple[tuple[str, str], ...]]) -> None:
        fault = made.fault(*drawn)
        if fault is not None:
            found.append(fault)

    search()
    return made, found


def test_any_argument_is_taken_or_refused() -> None:
    _, found = searched(COUNT)
    assert not found, "\n".join(map(str, found))


def test_every_public_name_has_a_row_with_all_its_arguments() -> None:
    made = trials()
    assert set(made.rows) == set(made.public)
    for name, value in made.public.items():
        parameters = inspect.signature(value).parameters.values()
        named = {each.name for each in parameters if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)}
        assert named - {"self", "cls"} <= set(made.rows[name].given), name


def test_every_row_is_taken() -> None:
    """A row that is refused would make every try of its callable pass."""
    made = trials()
    before = made.counts["refused"]  # by the tries of the other test, where that ran first
    faults = [made.fault(name, ()) for name in made.rows]
    assert made.counts["refused"] == before
    assert not [fault for fault in faults if fault]
