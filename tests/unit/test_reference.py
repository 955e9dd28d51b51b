"""docs/reference says what the docstrings say."""

from __future__ import annotations

import re

import pytest

from data_scripts import reference


@pytest.mark.parametrize("room", reference.ROOMS)
def test_the_page_is_up_to_date(room: str) -> None:
    page = reference.page(room)
    assert (reference.FOLDER / f"{room}.md").read_text(encoding="utf-8") == page, "run python -m data_scripts.reference"
    assert not re.search(r"\bat 0x|:func:|:class:|(?<!`)``(?!`)", page), (
        "an address, or a docstring's own markup, is left"
    )


def test_there_is_one_page_a_room() -> None:
    assert {path.name for path in reference.FOLDER.iterdir()} == {f"{room}.md" for room in reference.ROOMS}


def test_sections_signatures_and_homes() -> None:
    page = reference.page("introspect")
    assert "features(model: Model, inputs: Tensor, loss: Loss = 'mse', *," in page
    assert "- **loss**: " in page and "**Returns**" in page and "```python\n>>> gradlab.introspect.features" in page
    assert "The same as [gradlab.core.last_layer](core.md)." in page
    assert "### gradlab.evaluate.ood.auroc" in reference.page("evaluate"), "the modules of a room are part of it"
