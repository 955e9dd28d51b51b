"""Train the networks that ship, from scratch, into gradlab/models/weights.

    OMP_NUM_THREADS=1 python -m data_scripts.train            all
    OMP_NUM_THREADS=1 python -m data_scripts.train signs2     one of them

Interrupted, it goes on where it stopped and ends at the same weights.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from data_scripts.files import CACHE
from data_scripts.train import pairs, small
from data_scripts.train.loop import fit
from gradlab.models.shipped import FOLDER, load_weights, save_weights

LESSONS = small.LESSONS | pairs.LESSONS


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[[], *LESSONS], default=[], metavar="NAME", help=", ".join(LESSONS))
    parser.add_argument("--cache", type=Path, default=CACHE / "train", help="folder of the checkpoints")
    parser.add_argument("--output", type=Path, default=FOLDER, help="folder of the weights")
    options = parser.parse_args(arguments)
    for name in options.names or LESSONS:
        lesson, checkpoint, path = LESSONS[name], options.cache / f"{name}.pt", options.output / f"{name}.safetensors"
        model, _ = fit(name, lesson.build, lesson.loss, lesson.steps, checkpoint)
        about = {"data": lesson.data, "command": f"python -m data_scripts.train {name}", "steps": str(lesson.steps)}
        save_weights(model, path, about)
        load_weights(model, path)  # what is measured is what is shipped: half precision
        measured = {f"accuracy_{split}": f"{lesson.accuracy(model, split):.4f}" for split in ("validation", "test")}
        save_weights(model, path, {**about, **measured})
        checkpoint.unlink(missing_ok=True)  # done: the next call trains anew
        print(f"{name}: {measured}, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
