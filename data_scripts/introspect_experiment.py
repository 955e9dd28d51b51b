"""Does introspection make a network more robust? Make docs/introspection.csv, and docs/introspection.md from it.

    OMP_NUM_THREADS=1 python data_scripts/introspect_experiment.py                  digits and signs
    OMP_NUM_THREADS=1 python data_scripts/introspect_experiment.py --cifar FOLDER   and CIFAR-10, which is read there
    python data_scripts/introspect_experiment.py --page-only                        the page from the CSV

Some minutes of one core for each world. Interrupted, it goes on where it stopped: the network's answers, and each H's
rows, are kept in the cache, by the network's weights and the configuration: after a change to how pictures are drawn or
challenged, empty it. A world that is not measured now keeps the rows that the CSV holds of it.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

# run as a file, a script finds its own folder only
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from data_scripts import introspect_worlds, model_cards
from data_scripts.introspect_page import page
from data_scripts.introspect_rows import CONTROLS, TEMPERATURE, VALIDATION, Arm, F, Row, read, write
from data_scripts.introspect_worlds import Sensed, World, sensed
from data_scripts.training import CACHE
from gradlab import evaluate
from gradlab.core.checks import fingerprint
from gradlab.introspect import IntrospectiveNetwork, LastLayer

CSV, PAGE = model_cards.DOCS / "introspection.csv", model_cards.DOCS / "introspection.md"
LOSSES, NORMALIZES = ("mse", "bce", "ce"), ("none", "l2", "minmax")

# Features are standardised for the sigmoids' sake; normalised and no more is how the definition can be read.
TREATMENTS = [*((normalize, "yes") for normalize in NORMALIZES), ("l2", "no")]


LEAST = 1e-30  # a probability that has rounded to 0


def arms() -> list[Arm]:
    """Return every H: both controls, then the features of each loss, each treated in every way."""
    controls = [Arm(name, "", *treated) for name in CONTROLS for treated in TREATMENTS]
    return controls + [Arm("features", loss, *treated) for loss in LOSSES for treated in TREATMENTS]


@dataclass(frozen=True)
class Config:
    """What is measured, and how H learns.

    Attributes:
        seeds: of H: its first weights, and the order of its pictures.
        steps: of H, rounded up to whole passes; the pass of the lowest validation loss is kept.
        batch: pictures in a step.
        rate: Adam's.
        hidden: widths of H's layers; the control of equal capacity has wider ones.
        pictures: in each test set, at most.
        levels: of the challenges.
        arms: the H's.
    """

    seeds: int = 5
    steps: int = 400
    batch: int = 128
    rate: float = 2e-3
    hidden: tuple[int, ...] = (300, 100)
    pictures: int = 1000
    levels: tuple[int, ...] = (1, 2, 3, 4, 5)
    arms: list[Arm] = field(default_factory=arms)


def measured(name: str, world: World, config: Config, cache: Path, quiet: bool = False) -> list[Row]:
    """Return all rows of a world; each H's are kept in the cache as soon as they are there."""
    folder = cache / f"{name}-{fingerprint(world.net.model)[:12]}-{config.pictures}"
    answers = sensed(world, folder, config.pictures, config.levels, quiet)
    path = folder / f"{hashlib.sha256(repr(config).encode()).hexdigest()[:12]}.csv"
    rows = read(path) or plain(name, answers)
    done = {(row.arm, row.seed) for row in rows}
    # seeds first: what an interruption leaves has each arm equally often
    todo = [(arm, seed) for seed in range(config.seeds) for arm in config.arms if (arm, seed) not in done]
    for arm, seed in tqdm(todo, desc=f"{name}, H", disable=quiet):
        rows += second_stage(name, world, answers, arm, seed, config)
        write(rows, path)
    return rows


def plain(name: str, answers: Sensed) -> list[Row]:
    """Return the rows of f as it is, and with the temperature that suits the validation pictures."""
    warmth = evaluate.temperature(answers.validation[0].logits, answers.validation[1])
    rows = []
    for arm, by, told in ((F, 1.0, ""), (TEMPERATURE, warmth, f"{warmth:.3f}")):
        head = Row(**asdict(arm), world=name, temperature=told)
        rows += scored(head, answers, lambda kept, by=by: (kept.logits.double() / by).softmax(1))
    return rows


def second_stage(name: str, world: World, answers: Sensed, arm: Arm, seed: int, config: Config) -> list[Row]:
    """Return the rows of one H."""
    kept, labels = answers.train
    options = {
        "normalize": None if arm.normalize == "none" else arm.normalize,
        "standardize": arm.standardize == "yes",
        "hidden": config.hidden,
    }
    if arm.name == "features":
        h = IntrospectiveNetwork(world.net, arm.loss, **options)
    else:
        capacity = None if arm.name == "control" else features_weights(kept, config.hidden)
        h = IntrospectiveNetwork(world.net, on="h", capacity=capacity, **options)
    passes = -(-config.steps // -(-len(labels) // config.batch))
    schedule = {"seed": seed, "epochs": passes, "batch_size": config.batch, "rate": config.rate}
    h.fit(kept, labels, validation=answers.validation, progress=False, **schedule)
    head = Row(**asdict(arm), world=name, seed=seed, weights=h.weights)
    return scored(head, answers, h.predict_proba)


def features_weights(kept: LastLayer, hidden: tuple[int, ...]) -> int:
    """Return how many weights the H on features has."""
    classes = kept.logits.shape[1]
    sizes = (kept.hidden.shape[1] * classes, *hidden, classes)
    return sum((inputs + 1) * outputs for inputs, outputs in itertools.pairwise(sizes))


def scored(head: Row, answers: Sensed, probabilities: Callable[[LastLayer], Tensor]) -> list[Row]:
    """Return a row for the validation pictures and for each test set: ``head`` with what was measured there."""
    sets = {(VALIDATION, 0): answers.validation}
    sets |= {condition: (kept, answers.labels) for condition, kept in answers.test.items()}
    rows = []
    for (challenge, level), (kept, labels) in sets.items():
        p = probabilities(kept).double()
        p = p / p.sum(1, keepdim=True)
        rows.append(
            replace(
                head,
                challenge=challenge,
                level=level,
                n=len(labels),
                accuracy=round((p.argmax(1) == labels).double().mean().item(), 4),
                ece=round(evaluate.calibration_error(p, labels), 4),
                nll=round(evaluate.nll(p.clamp_min(LEAST).log(), labels), 4),
            )
        )
    return rows


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--cifar", type=Path, default=os.environ.get("GRADLAB_CIFAR"), help="its folder; else $GRADLAB_CIFAR"
    )
    parser.add_argument("--only", nargs="+", choices=WORLDS, help="measure these worlds")
    parser.add_argument("--cache", type=Path, default=CACHE / "introspect", help="folder of what can be resumed")
    parser.add_argument("--page-only", action="store_true", help="make the page from the CSV")
    options = parser.parse_args(arguments)
    if "cifar10" in (options.only or []) and not options.cifar:
        parser.error("cifar10 needs --cifar FOLDER, or the folder in GRADLAB_CIFAR")
    if not options.page_only:
        torch.set_num_threads(1)
        for name in options.only or [name for name in WORLDS if name != "cifar10" or options.cifar]:
            world = WORLDS[name](options)
            new = measured(name, world, Config(), options.cache)
            held = {each: [row for row in read(CSV) if row.world == each] for each in WORLDS}
            held[name] = new
            write([row for rows in held.values() for row in rows], CSV)
    PAGE.write_text(page(read(CSV), model_cards.read()), encoding="utf-8")


WORLDS: dict[str, Callable[[argparse.Namespace], World]] = {
    "digits": lambda _: introspect_worlds.digits(),
    "signs": lambda _: introspect_worlds.signs(),
    "cifar10": lambda options: introspect_worlds.cifar10(options.cifar, options.cache / "cifar10.pt"),
}


if __name__ == "__main__":
    main()
