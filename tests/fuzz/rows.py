"""One row for each public callable: arguments that fit, small enough for milliseconds."""

from __future__ import annotations

from tests.fuzz import rows_beside, rows_engine, rows_screen
from tests.fuzz.world import Row, World

MAKERS = (
    rows_engine.core_rows,
    rows_engine.explain_rows,
    rows_engine.information_rows,
    rows_engine.introspect_rows,
    rows_beside.evaluate_rows,
    rows_beside.data_rows,
    rows_beside.models_rows,
    rows_beside.course_rows,
    rows_screen.widgets_rows,
)


def rows(world: World) -> dict[str, Row]:
    """Return every row, by the dotted name of the callable without ``gradlab``."""
    return {name: row for make in MAKERS for name, row in make(world).items()}
