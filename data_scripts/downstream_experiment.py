"""Out-of-distribution detection, active learning, image quality: does introspection help? Make docs/downstream.csv.

    OMP_NUM_THREADS=1 python data_scripts/downstream_experiment.py              all, into docs/downstream.csv and .md
    OMP_NUM_THREADS=1 python data_scripts/downstream_experiment.py --only ood   one part, or what is left of it
    python data_scripts/downstream_experiment.py --page-only                      the page from the CSV

Some minutes of one core. Interrupted, it goes on where it stopped: what each arm and seed gave is kept in the cache. A
part that is not measured now keeps the rows that the CSV holds of it.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch
from tqdm import tqdm

# run as a file, a script finds its own folder only
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from data_scripts import downstream_active, downstream_ood, downstream_quality, model_cards
from data_scripts.downstream_config import Config
from data_scripts.downstream_page import page
from data_scripts.downstream_rows import Row, Runs, read, write
from data_scripts.training import CACHE
from gradlab import models
from gradlab.core.checks import fingerprint

CSV, PAGE = model_cards.DOCS / "downstream.csv", model_cards.DOCS / "downstream.md"

# (config, folder of what can be resumed, show no bars) -> the runs of a part, not done yet
PARTS: dict[str, Callable[[Config, Path, bool], Runs]] = {
    "ood": downstream_ood.runs,
    "active": downstream_active.runs,
    "quality": downstream_quality.runs,
}


def measured(part: str, config: Config, cache: Path, quiet: bool = False) -> list[Row]:
    """Return all rows of a part; each run's are kept in the cache as soon as they are there."""
    folder = cache / digest(config)
    path = folder / f"{part}.csv"
    rows = read(path)
    done = {row.run for row in rows}
    runs = PARTS[part](config, folder, quiet)
    with tqdm([run for run in runs if run not in done], desc=part, disable=quiet) as todo:
        for run in todo:
            todo.set_postfix_str(f"{run.world}, {run.arm}, {run.seed}", refresh=False)
            rows += runs[run]()
            write(rows, path)
    order = {run: i for i, run in enumerate(runs)}
    return sorted(rows, key=lambda row: order[row.run])


def digest(config: Config) -> str:
    """Return what tells this config, and the networks that ship, from others."""
    told = [repr(asdict(config)), *(fingerprint(net.model) for net in (models.signs(), models.signs(1)))]
    return hashlib.sha256("".join(told).encode()).hexdigest()[:12]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, help="measure these parts")
    parser.add_argument("--cache", type=Path, default=CACHE / "downstream", help="folder of what can be resumed")
    parser.add_argument("--page-only", action="store_true", help="make the page from the CSV")
    options = parser.parse_args(arguments)
    if not options.page_only:
        torch.set_num_threads(1)
        for part in options.only or PARTS:
            new = measured(part, Config(), options.cache)
            held = {each: [row for row in read(CSV) if row.part == each] for each in PARTS}
            held[part] = new
            write([row for rows in held.values() for row in rows], CSV)
    PAGE.write_text(page(read(CSV)), encoding="utf-8")


if __name__ == "__main__":
    main()
