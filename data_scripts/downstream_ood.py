"""Out-of-distribution detection: which pictures are of no kind that the network knows? Scores of f, of f with its
temperature, of H on h and of H on features, on several kinds of strange pictures."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from data_scripts import downstream_strange as strange
from data_scripts.downstream_config import Config
from data_scripts.downstream_networks import KNOWN, digits_without_two, warmed
from data_scripts.downstream_rows import CONTROL, FEATURES, PLACES, TEMPERATURE, F, Row, Run, Runs
from data_scripts.introspect_experiment import features_weights
from gradlab import data, introspect, models
from gradlab.core.inputs import module_of
from gradlab.evaluate import ood
from gradlab.introspect import Factors, IntrospectiveNetwork
from gradlab.models import Classifier

RAW = ", not normalised"
ARMS = (F, TEMPERATURE, CONTROL, FEATURES)
ARMS_OF = {"digits": (*ARMS, CONTROL + RAW, FEATURES + RAW), "signs": ARMS}
ODIN, TEMPERED = "odin", 1000.0
TUNING, STEP, ACCURACY = "tuning", "step", "validation accuracy"  # what was seen on validation pictures
SCORES: dict[str, Callable[[nn.Module, Tensor], Tensor]] = {  # from what the last layers read
    "msp": ood.msp,
    "max logit": ood.max_logit,
    "energy": ood.energy,
    "gradient norm": ood.gradient_norm,
}
MEASURES = {
    "auroc": ood.auroc,
    "aupr": ood.aupr,
    "fpr95": ood.fpr_at_95_tpr,
    "detection error": ood.detection_error,
}
SIGNS = 700  # drawn for each split
HELD_OUT = {"validation": 0, "test": 1, "train": 2}  # seeds of signs; H learns from ones that f has never seen


@dataclass(frozen=True)
class Setting:
    """A network and its pictures, normalised, of its own kind and of others.

    Attributes:
        net: f.
        train, validation: z and h of H's training pictures and of the validation pictures, with their labels.
        known: test pictures of its kind.
        strange: other pictures, by their name.
        tuning: validation pictures, and the same with their quarters in another order: ODIN's step is chosen on them.
    """

    net: Classifier
    train: tuple[Factors, Tensor]
    validation: tuple[Factors, Tensor]
    known: Tensor
    strange: dict[str, Tensor]
    tuning: tuple[Tensor, Tensor]

    @functools.cached_property
    def sensed(self) -> dict[str, Factors]:
        """z and h of the known pictures (named "") and of the strange ones."""
        return {name: introspect.factors(self.net, x) for name, x in {"": self.known, **self.strange}.items()}


def runs(config: Config, cache: Path, quiet: bool) -> Runs:
    """Return a run for each arm and seed; f has one seed."""
    found: Runs = {}
    for world, make in SETTINGS.items():
        setting = functools.cache(functools.partial(make, config, cache, quiet))
        for seed in range(config.seeds):  # seeds first: what an interruption leaves has each arm equally often
            for arm in ARMS_OF[world] if seed == 0 else ARMS_OF[world][2:]:
                found[Run(world, arm, seed)] = functools.partial(_measured, world, arm, seed, setting, config)
    return found


def digits(config: Config, cache: Path, quiet: bool) -> Setting:
    """Scans; the network has never seen an 8 or a 9. H learns from the scans that f has learned from."""
    net = digits_without_two(config.train_steps, cache / "digits 0 to 7.pt", quiet)
    splits = {split: data.digits(split) for split in HELD_OUT}
    unseen = torch.cat([each.pictures[each.labels >= KNOWN] for each in splits.values()])
    labelled = {name: (each.pictures[each.labels < KNOWN], each.labels[each.labels < KNOWN])
                for name, each in splits.items()}  # fmt: skip
    grey = {name: x.mean(1, keepdim=True) for name, x in strange.pictures(config.pictures, net.size).items()}
    signs = strange.resized(data.signs(config.pictures, HELD_OUT["test"]).pictures, net.size).mean(1, keepdim=True)
    return _setting(net, labelled, {"digits 8 and 9": unseen, **grey, "signs": signs}, config)


def signs(config: Config, cache: Path, quiet: bool) -> Setting:
    """Drawings, and the smallest network that ships; it knows all fourteen classes, so that none is held out."""
    net = models.signs(1)
    made = {split: data.signs(max(SIGNS, config.pictures), seed) for split, seed in HELD_OUT.items()}
    labelled = {split: (each.pictures, each.labels) for split, each in made.items()}
    scans = strange.resized(data.digits("test").pictures.expand(-1, 3, -1, -1), net.size)
    return _setting(net, labelled, {**strange.pictures(config.pictures, net.size), "digits": scans}, config)


SETTINGS = {"digits": digits, "signs": signs}


def _setting(
    net: Classifier, labelled: dict[str, tuple[Tensor, Tensor]], others: dict[str, Tensor], config: Config
) -> Setting:
    read = {split: (introspect.factors(net, net.normalize(x)), y) for split, (x, y) in labelled.items()}
    held = labelled["validation"][0][: config.tuning]
    return Setting(
        net,
        read["train"],
        read["validation"],
        net.normalize(labelled["test"][0][: config.pictures]),
        {name: net.normalize(x[: config.pictures]) for name, x in others.items()},
        (net.normalize(held), net.normalize(strange.shuffled(held))),
    )


def _measured(world: str, arm: str, seed: int, setting: Callable[[], Setting], config: Config) -> list[Row]:
    there = setting()
    network, head, reads = answering(arm, seed, there, config)
    step, found = scores(network, head, reads, there, config)
    rows = []
    for how, values in found.items():
        for what in there.strange:
            n = len(values[what])
            for name, figure in MEASURES.items():
                value = round(figure(values[""], values[what]), PLACES)
                rows.append(Row("ood", world, arm, seed, what, how, name, 0, n, value))
    held = replace(rows[0], what=TUNING, how=ODIN)
    accuracy = _accuracy(head, reads(there.validation[0]), there.validation[1])
    return [
        *rows,
        replace(held, measure=STEP, n=2 * len(there.tuning[0]), value=step),
        replace(held, measure=ACCURACY, n=len(there.validation[1]), value=round(accuracy, PLACES)),
    ]


def answering(
    arm: str, seed: int, there: Setting, config: Config
) -> tuple[Classifier | IntrospectiveNetwork, nn.Module, Callable[[Factors], Tensor]]:
    """Return the network of an arm; its part after f's last maps, as a network; and what that reads, (N, size, 1, 1).

    f is the same for all arms, so that all scores but ODIN ask it once.
    """
    kept, labels = there.train
    if arm in (F, TEMPERATURE):
        net = there.net
        if arm == TEMPERATURE:
            net = warmed(net, there.validation[0].logits, there.validation[1])
        last = module_of(net).head
        return net, nn.Sequential(nn.Flatten(), last), lambda kept: kept.hidden[..., None, None]
    options = {"normalize": None if arm.endswith(RAW) else "l2", "hidden": config.hidden}
    if arm.startswith(CONTROL):
        options |= {"on": "h", "capacity": features_weights(kept, config.hidden)}
    h = IntrospectiveNetwork(there.net, **options)
    schedule = {"epochs": config.passes, "rate": config.rate, "seed": seed, "progress": False}
    h.fit(kept, labels, validation=there.validation, **schedule)
    return h, nn.Sequential(nn.Flatten(), *h.reflection), lambda kept: h.features(kept)[..., None, None]


def scores(
    network: Classifier | IntrospectiveNetwork,
    head: nn.Module,
    reads: Callable[[Factors], Tensor],
    there: Setting,
    config: Config,
) -> tuple[float, dict[str, dict[str, Tensor]]]:
    """Return ODIN's step, chosen on validation pictures, and all scores by score and set of pictures."""

    def stepped(x: Tensor, step: float) -> Tensor:
        return ood.odin(network, x, TEMPERED, [step / std for std in there.net.std])

    step = max(config.odin_steps, key=lambda step: ood.auroc(*(stepped(x, step) for x in there.tuning)))
    found = {how: {name: score(head, reads(kept)) for name, kept in there.sensed.items()}
             for how, score in SCORES.items()}  # fmt: skip
    pictures = {"": there.known, **there.strange}
    return step, {**found, ODIN: {name: stepped(x, step) for name, x in pictures.items()}}


def _accuracy(head: nn.Module, read: Tensor, labels: Tensor) -> float:
    return (ood.logits_of(head, read).argmax(1) == labels).double().mean().item()
