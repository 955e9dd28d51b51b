"""What every stored notebook, and every lesson, owes its reader. Nothing is executed here: nbval does that."""

from __future__ import annotations

import base64
import html
import importlib.util
import re
from pathlib import Path

import nbformat
import pytest
from nbconvert import HTMLExporter

ROOT = Path(__file__).parents[2]
NOTEBOOKS = [*sorted((ROOT / "notebooks").glob("*.ipynb")), ROOT / "docs" / "lesson_template.ipynb"]
LESSONS = [path for path in NOTEBOOKS if not path.name.startswith("00_")]
HEADINGS = [
    "What you will be able to do",
    "Predict first",
    "Theory",
    "Negative control",
    "Live lab",
    "Take-aways",
    "Limits",
    "Read on",
]
HOME = re.compile(r"/home/|/root/|/Users/|/tmp/|[A-Z]:\\\\Users|site-packages")


def by_name(paths):
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.stem)


def read(path):
    return nbformat.read(path, as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook):
    return [output for cell in code(notebook) for output in cell.outputs]


def sections(notebook):
    """Headings with the cells' text below each, code included as a mark."""
    text = "\n".join(c.source if c.cell_type == "markdown" else "<code>" for c in notebook.cells)
    pieces = re.split(r"^(#{1,4} .+)$", text, flags=re.MULTILINE)
    return list(zip(pieces[1::2], pieces[2::2], strict=True))


def section(notebook, title):
    return next(body for heading, body in sections(notebook) if heading.lstrip("# ").startswith(title))


def numbered(body):
    return re.findall(r"^\d+\. .+", body, flags=re.MULTILINE)


def test_there_are_notebooks():
    assert NOTEBOOKS
    assert LESSONS


@by_name(NOTEBOOKS)
def test_valid_and_run_in_order(path):
    notebook = read(path)
    nbformat.validate(notebook)
    assert [cell.execution_count for cell in code(notebook)] == list(range(1, len(code(notebook)) + 1))


@by_name(NOTEBOOKS)
def test_no_error_no_warning(path):
    kinds = [(o.output_type, o.get("name"), o.get("text", "")) for o in outputs(read(path))]
    assert not [kind for kind in kinds if kind[0] == "error" or kind[1] == "stderr"]


@by_name(NOTEBOOKS)
def test_small_and_free_of_paths(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.encode()) < 1_000_000
    without_images = re.sub(r"base64,[A-Za-z0-9+/=]*", "", text)
    assert not HOME.search(without_images)


@by_name(NOTEBOOKS)
def test_figures_are_small_and_have_words(path):
    for cell in code(read(path)):
        for output in cell.outputs:
            data = output.get("data", {})
            assert "image/png" not in data, "such a figure has no words for those who do not see it: course.show"
            figures = re.findall(r'<img alt="([^"]*)"[^>]*;base64,([^"]*)">', data.get("text/html", ""))
            for alt, content in figures:
                assert len(base64.b64decode(content)) <= 120_000
                assert len(alt.split()) > 3
                assert data["text/plain"] == html.unescape(alt), "for those who read the file without pictures"


@by_name(NOTEBOOKS)
def test_every_picture_of_an_exported_lesson_has_its_words(path):
    page, _ = HTMLExporter().from_notebook_node(read(path))
    silent = "No description has been provided for this image"  # what nbconvert says of a picture without words
    pictures = re.findall(r"<img[^>]*>", page)
    assert len(pictures) == sum("<img" in str(output.get("data")) for output in outputs(read(path)))
    assert not [each[:80] for each in pictures if 'alt="' not in each or 'alt=""' in each or silent in each]


def test_a_picture_without_words_is_noticed():
    notebook = nbformat.v4.new_notebook()
    output = nbformat.v4.new_output("display_data", {"image/png": "iVBORw0KGgo="}, metadata={"image/png": {"alt": "A"}})
    notebook.cells = [nbformat.v4.new_code_cell("1", outputs=[output])]
    page, _ = HTMLExporter().from_notebook_node(notebook)
    assert 'alt="No description has been provided for this image"' in page


@by_name(NOTEBOOKS)
def test_widgets_leave_a_picture_and_a_sentence(path):
    notebook = read(path)
    assert "widgets" not in notebook.metadata
    for output in outputs(notebook):
        assert "application/vnd.jupyter.widget-view+json" not in output.get("data", {})
    for cell in code(notebook):
        if "gradlab.widgets." in cell.source:
            assert any({"text/html", "text/plain"} <= set(o.get("data", {})) for o in cell.outputs)


@by_name(NOTEBOOKS)
def test_no_empty_heading(path):
    found = sections(read(path))
    for (heading, body), following in zip(found, [*found[1:], ("# ", "")], strict=True):
        deeper = following[0].split(" ")[0].startswith(heading.split(" ")[0] + "#")
        assert body.strip() or deeper, heading


@by_name(NOTEBOOKS)
def test_links_to_other_notebooks_exist(path):
    text = "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), target


@by_name(LESSONS)
def test_lesson_has_every_part_in_order(path):
    headings = [heading.lstrip("# ") for heading, _ in sections(read(path))]
    places = [next((i for i, h in enumerate(headings) if h.startswith(want)), None) for want in HEADINGS]
    assert None not in places, dict(zip(HEADINGS, places, strict=True))
    assert places == sorted(places)


@by_name(LESSONS)
def test_lesson_opens_with_claim_time_and_prior_knowledge(path):
    first = read(path).cells[0].source
    assert first.startswith("# ")
    for needed in ("**Claim:", "minutes", "**You need:**"):
        assert needed in first


@by_name(LESSONS)
def test_every_objective_has_its_take_away(path):
    notebook = read(path)
    objectives = numbered(section(notebook, "What you will be able to do"))
    lessons = section(notebook, "Take-aways")
    assert 3 <= len(objectives) <= 5
    assert len(numbered(lessons)) == len(objectives)
    mapped = sorted(int(n) for n in re.findall(r"\*\(objective (\d)\)\*", lessons))
    assert mapped == list(range(1, len(objectives) + 1))


@by_name(LESSONS)
def test_lesson_names_papers(path):
    assert 3 <= len(re.findall(r"\]\(https?://", section(read(path), "Read on"))) <= 6


@by_name(LESSONS)
def test_claimed_numbers_are_checked(path):
    checked = [c for c in code(read(path)) if "nbval-check-output" in c.metadata.get("tags", [])]
    assert len(checked) >= 3
    for cell in checked:
        assert any(o.output_type == "stream" for o in cell.outputs), cell.source
        assert not re.search("timeit|perf_counter|seconds", cell.source)


@by_name(LESSONS)
def test_cells_are_short(path):
    for cell in code(read(path)):
        assert len(cell.source.splitlines()) <= 16, cell.source
        assert max(map(len, cell.source.splitlines())) <= 110, cell.source


@by_name(NOTEBOOKS)
def test_stored_form_is_canonical(path):
    script = ROOT / "data_scripts" / "normalise_notebooks.py"
    spec = importlib.util.spec_from_file_location("normalise_notebooks", script)
    normalise = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(normalise)
    assert normalise.main(["--check", str(path)]) == 0, "run data_scripts/normalise_notebooks.py notebooks"
