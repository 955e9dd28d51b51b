"""Run the experiments: fill the tables of gradlab/course/results, and make the pages of docs/results from them.

    python -m data_scripts.experiments                            what there is, and how much of it is done
    OMP_NUM_THREADS=1 python -m data_scripts.experiments all      do what is left of every task
    python -m data_scripts.experiments ood --only signs --again   measure one world of one task anew
    python -m data_scripts.experiments all --small                a trial of a minute, into the cache
    python -m data_scripts.experiments all --pages                the pages alone, from the tables

Interrupted, it goes on where it stopped. A table does not know how it was made: after a change to what is measured, or
to a network, use --again, and empty the cache of the networks' features if it is pictures that have changed. CIFAR-10
is measured where GRADLAB_CIFAR names its folder; if not, the table keeps what it has.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence
from pathlib import Path

from data_scripts.experiments.runner import Task, complete
from data_scripts.experiments.table import NAMES, held
from data_scripts.files import CACHE, ROOT, replacing
from gradlab.course import results

PAGES = {
    "introspection": ("introspection", "models"),
    "downstream": ("ood", "active", "quality"),
    "models": ("models",),
}


def task_of(name: str, small: bool = False, cache: Path = CACHE / "experiments", quiet: bool = False) -> Task:
    """Return a task, or a small one that shows that it works."""
    module = importlib.import_module(f"data_scripts.experiments.tasks.{name}")
    return module.task(module.SMALL if small else module.Config(), cache, quiet)


def page_of(name: str, tables: Path = results.FOLDER) -> str:
    """Return a page as Markdown."""
    module = importlib.import_module(f"data_scripts.experiments.pages.{name}")
    return module.page(*(held(table, tables) for table in PAGES[name]))


def write_page(name: str, tables: Path, folder: Path) -> None:
    """Write a page, and its figure if it has one."""
    with replacing(folder / f"{name}.md") as part:
        part.write_text(page_of(name, tables), encoding="utf-8")
    plot = getattr(importlib.import_module(f"data_scripts.experiments.pages.{name}"), "plot", None)
    if plot:
        with replacing(folder / f"{name}.png") as part:
            plot(held(name, tables), part)
    print(folder / f"{name}.md")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[[], "all", *NAMES], default=[], metavar="NAME")
    parser.add_argument("--only", nargs="+", default=(), metavar="WORLD", help="measure these worlds")
    parser.add_argument("--again", action="store_true", help="forget what the table has of them")
    parser.add_argument("--small", action="store_true", help="few pictures, seeds and steps, into the cache")
    parser.add_argument("--pages", action="store_true", help="measure nothing, make the pages")
    parser.add_argument("--cache", type=Path, default=CACHE / "experiments", help="folder of what can be resumed")
    options = parser.parse_args(arguments)
    tables, pages = (options.cache / "small",) * 2 if options.small else (results.FOLDER, ROOT / "docs" / "results")
    tasks = {name: task_of(name, options.small, options.cache) for name in NAMES}
    chosen = NAMES if "all" in options.names else options.names
    for name in chosen if not options.pages else ():
        if wrong := set(options.only) - set(tasks[name].worlds):
            parser.error(f"{name} has no world {', '.join(wrong)}: choose from {', '.join(tasks[name].worlds)}")
        if needs := [tasks[name].lacking[world] for world in options.only if world in tasks[name].lacking]:
            parser.error("; ".join(needs))
        complete(tasks[name], tables, options.only, options.again)
    left = {name: len(task.left(held(name, tables))) for name, task in tasks.items()}
    for name, task in tasks.items() if not chosen else ():
        print(f"{name:14s} {left[name]:4d} of {len(task.runs):4d} runs left; worlds: {', '.join(task.worlds)}")
    for name, needed in PAGES.items():
        if set(needed) & set(chosen) and not any(left[each] for each in needed):
            write_page(name, tables, pages)


if __name__ == "__main__":
    main()
