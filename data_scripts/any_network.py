"""Which methods are right on which networks? Make docs/any_network.csv, and docs/any_network.md from it.

All of torchvision's classifiers and many of timm's with random weights, odd ends on a few trunks, and small networks
of every odd kind. Each answer is judged against the slow definition (tests/reference); what peers say stands beside it.

    OMP_NUM_THREADS=1 python -m data_scripts.any_network     every network that is not in the CSV yet
    python -m data_scripts.any_network --all                 every network again, in about half an hour
    python -m data_scripts.any_network --only vgg11          these again
    python -m data_scripts.any_network --kinds               the small ones of odd kinds again
    python -m data_scripts.any_network --table-only          the page from the CSV

One network after another, each kept as soon as it is done: an interrupted run is taken up by the next. captum and
grad-cam come with the extra "test"; torchcam is asked if it can be imported.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib.metadata
import time
import warnings
from functools import cache

import torch
import torchvision

from data_scripts import any_network_kinds as kinds
from data_scripts import any_network_page as page
from data_scripts import any_network_zoo as zoo
from data_scripts.any_network_judge import Judge
from data_scripts.any_network_rows import Row, read, write

NAMES = (
    *zoo.TORCHVISION,
    *(f"timm {name}" for name in zoo.TIMM),
    *zoo.ENDED,
    *(f"kind: {name}" for name in kinds.KINDS),
)
ORDER = {name: i for i, name in enumerate(NAMES)}


def case(name: str) -> zoo.Case:
    """Return a network by its name in the table."""
    if name.startswith("kind: "):
        return kinds.case(name.removeprefix("kind: "))
    return zoo.case(name.removeprefix("timm "), timm=name.startswith("timm "))


def family(name: str) -> str:
    """Return the family that the page counts a network among."""
    if name.startswith("kind: "):
        return "kind"
    if " + " in name:
        return f"end: {name.partition(' + ')[2]}"
    if not name.startswith("timm "):
        return f"torchvision {torchvision.models.get_model_builder(name).__module__.rpartition('.')[2]}"
    import timm

    return f"timm {timm.model_entrypoint(name.removeprefix('timm ')).__module__.rpartition('.')[2]}"


def judged(name: str) -> list[Row]:
    """Ask every method of one network."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(Judge(case(name)).rows(name, family(name), versions()))


@cache
def versions() -> str:
    """Return what is installed of the libraries that the verdicts depend on."""
    found = []
    for name in ("torch", "torchvision", "timm", "captum", "grad-cam", "torchcam"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found.append(f"{name} {importlib.metadata.version(name)}")
    return ", ".join(found)


def main(arguments: list[str] | None = None) -> int:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=NAMES, metavar="NETWORK", default=[])
    parser.add_argument("--kinds", action="store_true")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--table-only", action="store_true")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rows = [] if options.all else [row for row in read() if row.network in ORDER]
    have = {row.network for row in rows}
    asked = [name for name in NAMES if name.startswith("kind: ")] if options.kinds else options.only
    todo = asked or [name for name in NAMES if name not in have]
    for i, name in enumerate([] if options.table_only else todo, 1):
        since, used = time.perf_counter(), time.process_time()
        try:
            made = judged(name)
        except Exception as error:  # the others' answers are not to be lost
            print(f"{name}: {type(error).__name__}: {error}", flush=True)
            continue
        rows = [row for row in rows if row.network != name] + made
        write(rows, ORDER)
        gc.collect()
        worst = [f"{row.method} {row.gradlab}" for row in made if not row.gradlab.startswith(("right", "refused"))]
        took = f"{time.perf_counter() - since:.1f} s, {time.process_time() - used:.1f} s of CPU"
        print(f"{i}/{len(todo)} {name}: {took}{'; ' if worst else ''}{', '.join(worst)}", flush=True)
    page.PAGE.write_text(page.page(read(), zoo.LARGE), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
