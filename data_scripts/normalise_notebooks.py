"""Make stored notebooks canonical, so that a commit shows what changed in the lesson and nothing else.

Kept: source, tags, outputs. Removed: execution times, widget state, the machine's paths. Counts run 1, 2, 3...; cell
ids follow from the position; pieces of one output stream are joined.

    python -m data_scripts.normalise_notebooks notebooks             rewrite in place
    python -m data_scripts.normalise_notebooks --check notebooks     change nothing, exit 1 if something would change
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Any

import nbformat

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
VIEW = "application/vnd.jupyter.widget-view+json"  # of a model that ended with its kernel: picture and sentence stay
HOME = re.compile(r"(?:/home/|/root/|/Users/|/tmp/|[A-Z]:\\Users\\)[^\s'\":]*")


def canonical(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return the notebook in canonical form; it is changed in place. Twice is the same as once."""
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    count = 0
    for position, cell in enumerate(notebook.cells):
        cell.id = f"cell-{position:02d}"
        tags = cell.metadata.get("tags", [])
        cell.metadata = nbformat.from_dict({"tags": sorted(tags)} if tags else {})
        cell.source = "\n".join(line.rstrip() for line in cell.source.strip("\n").split("\n"))
        if cell.cell_type == "code":
            count += 1
            cell.execution_count = count
            cell.outputs = _joined([each for each in cell.outputs if VIEW not in each.get("data", {})])
            for output in cell.outputs:
                _clean(output, count)
    return notebook


def _joined(outputs: list[Any]) -> list[Any]:
    """Join the pieces of each stream: where the kernel cuts them is chance."""
    kept: list[Any] = []
    for output in outputs:
        if kept and output.output_type == "stream" == kept[-1].output_type and output.name == kept[-1].name:
            kept[-1].text += output.text
        else:
            kept.append(output)
    return kept


def _clean(output: Any, count: int) -> None:
    if "execution_count" in output:
        output.execution_count = count
    if output.output_type == "stream":
        output.text = HOME.sub("...", output.text)
    for kind, value in list(output.get("data", {}).items()):
        if isinstance(value, str):
            output.data[kind] = value if kind == "text/html" else HOME.sub("...", value)


def written(notebook: nbformat.NotebookNode) -> str:
    """Return the text of the file."""
    return nbformat.writes(notebook, version=4).rstrip("\n") + "\n"


def notebooks_in(paths: list[Path]) -> list[Path]:
    """Return the notebooks among files and folders, sorted, without editors' checkpoints."""
    found = [nb for path in paths for nb in (path.rglob("*.ipynb") if path.is_dir() else [path])]
    return sorted(nb for nb in found if ".ipynb_checkpoints" not in nb.parts)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("paths", nargs="+", type=Path, help="notebooks, or folders of them")
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if a file is not canonical")
    options = parser.parse_args(arguments)
    stale = []
    for path in notebooks_in(options.paths):
        before = path.read_text(encoding="utf-8")
        after = written(canonical(nbformat.reads(before, as_version=4)))
        if after != before:
            stale.append(path)
            if not options.check:
                path.write_text(after, encoding="utf-8")
    for path in stale:
        print(f"{'not canonical' if options.check else 'rewritten'}: {path}")
    return 1 if stale and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
