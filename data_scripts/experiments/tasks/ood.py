"""Out-of-distribution detection: which pictures are of no kind that the network knows? Scores of f, of f with its
temperature, of H on h and of H on features, on several kinds of strange pictures."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from data_scripts.experiments.arms import ARMS, CONTROL, FEATURES, TEMPERATURE, F, tempered, weights_on_features
from data_scripts.experiments.runner import Run, Task
from data_scripts.experiments.table import Row
from data_scripts.train import small
from data_scripts.train.loop import fit
from gradlab import data, introspect, models
from gradlab.core.inputs import module_of
from gradlab.evaluate import ood
from gradlab.introspect import IntrospectiveNetwork, LastLayer
from gradlab.models import Classifier
from gradlab.models.small import DIGIT_SIZE, DIGITS, SmallNet

RAW = ", not normalised"
ARMS_OF = {"digits": (*ARMS, CONTROL + RAW, FEATURES + RAW), "signs": ARMS}
ODIN, TEMPERED = "odin", 1000.0
TUNING, STEP, ACCURACY = "tuning", "step", "validation accuracy"  # what was seen on validation pictures
STILL = "last quarter's gain"  # nats by which the last quarter of the passes lowered H's best validation loss
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
STRANGE = ("textures", "noise", "letters")  # of gradlab.data.strange
KNOWN = 8  # digits that the network without 8 and 9 has seen
SIGNS = 700  # drawn for each split
HELD_OUT = {"validation": 0, "test": 1, "train": 2}  # seeds of signs; H learns from ones that f has never seen


@dataclass(frozen=True)
class Config:
    """Sizes, seeds and choices.

    Attributes:
        seeds: of H.
        pictures: in each test set, as many out of distribution as in it.
        tuning: pictures of each kind that ODIN's step is chosen on.
        odin_steps: to choose from, in units of pixels in 0 to 1.
        train_steps: of the network for the digits 0 to 7.
        hidden: widths of H's layers; the control of equal capacity has wider ones.
        passes: of H over its training pictures; the one of the lowest validation loss is kept.
        rate: Adam's, of H.
    """

    seeds: int = 5
    pictures: int = 150
    tuning: int = 50
    odin_steps: tuple[float, ...] = (0.0, 0.0014, 0.01)
    train_steps: int = 300
    hidden: tuple[int, ...] = (300, 100)
    passes: int = 100
    rate: float = 2e-3


SMALL = Config(seeds=2, pictures=20, tuning=10, odin_steps=(0.0, 0.01), train_steps=4, hidden=(6,), passes=4)


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
    train: tuple[LastLayer, Tensor]
    validation: tuple[LastLayer, Tensor]
    known: Tensor
    strange: dict[str, Tensor]
    tuning: tuple[Tensor, Tensor]

    @functools.cached_property
    def last_layers(self) -> dict[str, LastLayer]:
        """z and h of the known pictures (named "") and of the strange ones."""
        return {name: introspect.last_layer(self.net, x) for name, x in {"": self.known, **self.strange}.items()}


def task(config: Config, cache: Path, quiet: bool) -> Task:
    """Return a run for each arm and seed; f has one seed."""
    setting = functools.lru_cache(1)(lambda world: SETTINGS[world](config, cache, quiet))
    runs = [
        Run(world, arm, seed)
        for world in SETTINGS
        for seed in range(config.seeds)  # seeds first: what an interruption leaves has each arm equally often
        for arm in (ARMS_OF[world] if seed == 0 else ARMS_OF[world][2:])
    ]
    return Task("ood", runs, lambda run: measured(run, setting(run.world), config))


def digits(config: Config, cache: Path, quiet: bool) -> Setting:
    """Scans; the network has never seen an 8 or a 9. H learns from the scans that f has learned from."""
    net = digits_without_two(config.train_steps, cache / "digits 0 to 7.pt", quiet)
    splits = {split: data.digits(split) for split in HELD_OUT}
    unseen = torch.cat([each.pictures[each.labels >= KNOWN] for each in splits.values()])
    known = {split: each.labels < KNOWN for split, each in splits.items()}
    labelled = {split: (each.pictures[known[split]], each.labels[known[split]]) for split, each in splits.items()}
    signs = resized(data.signs(config.pictures, HELD_OUT["test"]).pictures, net.size)
    grey = {name: x.mean(1, keepdim=True) for name, x in {**others(config, net), "signs": signs}.items()}
    return setting_of(net, labelled, {"digits 8 and 9": unseen, **grey}, config)


def signs(config: Config, cache: Path, quiet: bool) -> Setting:
    """Drawings, and the smallest network that ships; it knows all fourteen classes, so that none is held out."""
    net = models.signs(1)
    made = {split: data.signs(max(SIGNS, config.pictures), seed) for split, seed in HELD_OUT.items()}
    labelled = {split: (each.pictures, each.labels) for split, each in made.items()}
    scans = resized(data.digits("test").pictures.expand(-1, 3, -1, -1), net.size)
    return setting_of(net, labelled, {**others(config, net), "digits": scans}, config)


SETTINGS = {"digits": digits, "signs": signs}


def others(config: Config, net: Classifier) -> dict[str, Tensor]:
    """Return colour pictures in 0 to 1 that belong to no class of any network here."""
    return {name: data.strange(name, config.pictures, seed=3, size=net.size[0], channels=3) for name in STRANGE}


def digits_without_two(steps: int, checkpoint: Path, quiet: bool) -> Classifier:
    """Return a network for the digits 0 to 7, trained as the shipped one is on ten but for fewer steps."""

    def loss_of(model: nn.Module, step: int) -> Tensor:
        pictures, labels = small.digits_batch(step)
        return functional.cross_entropy(model(pictures[labels < KNOWN]), labels[labels < KNOWN])

    model, _ = fit("digits 0 to 7", lambda: SmallNet(1, KNOWN, width=16, depth=1), loss_of, steps, checkpoint, quiet)
    return Classifier(
        model.requires_grad_(False),
        DIGITS[:KNOWN],
        (DIGIT_SIZE, DIGIT_SIZE),
        mean=(0.0,),
        std=(1.0,),
        resize=None,
        layer="stages",
    )


def resized(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Return pictures (n, C, H, W) at another size, smoothed before they shrink."""
    return functional.interpolate(x, size, mode="bilinear", align_corners=False, antialias=True)


def shuffled(x: Tensor) -> Tensor:
    """Return pictures with their quarters moved on by one: what was at the upper left is at the upper right."""
    upper, lower = x.chunk(2, 2)
    (a, b), (c, d) = upper.chunk(2, 3), lower.chunk(2, 3)
    return torch.cat([torch.cat([c, a], 3), torch.cat([d, b], 3)], 2)


def setting_of(
    net: Classifier, labelled: dict[str, tuple[Tensor, Tensor]], others: dict[str, Tensor], config: Config
) -> Setting:
    read = {split: (introspect.last_layer(net, net.normalize(x)), y) for split, (x, y) in labelled.items()}
    held = labelled["validation"][0][: config.tuning]
    return Setting(
        net,
        read["train"],
        read["validation"],
        net.normalize(labelled["test"][0][: config.pictures]),
        {name: net.normalize(x[: config.pictures]) for name, x in others.items()},
        (net.normalize(held), net.normalize(shuffled(held))),
    )


def measured(run: Run, there: Setting, config: Config) -> list[Row]:
    network, head, reads = answering(run.arm, run.seed, there, config)
    step, found = scores(network, head, reads, there, config)
    rows = [
        Row(*run, how, what, 0, name, len(values[what]), figure(values[""], values[what]))
        for how, values in found.items()
        for what in there.strange
        for name, figure in MEASURES.items()
    ]
    kept, labels = there.validation
    right = (ood.logits_of(head, reads(kept)).argmax(1) == labels).double().mean().item()
    seen = [(STEP, 2 * len(there.tuning[0]), step), (ACCURACY, len(labels), right)]
    if isinstance(network, IntrospectiveNetwork):
        losses = [epoch.validation_loss for epoch in network.history]
        seen.append((STILL, len(labels), min(losses[: 3 * len(losses) // 4]) - min(losses)))
    return rows + [Row(*run, ODIN, TUNING, 0, *each) for each in seen]


def answering(
    arm: str, seed: int, there: Setting, config: Config
) -> tuple[Classifier | IntrospectiveNetwork, nn.Module, Callable[[LastLayer], Tensor]]:
    """Return the network of an arm; its part after f's last maps, as a network; and what that reads, (N, size, 1, 1).

    f is the same for all arms, so that all scores but ODIN ask it once.
    """
    kept, labels = there.train
    if arm in (F, TEMPERATURE):
        net = there.net
        if arm == TEMPERATURE:
            net = tempered(net, there.validation[0].logits, there.validation[1])
        last = module_of(net).head
        return net, nn.Sequential(nn.Flatten(), last), lambda kept: kept.hidden[..., None, None]
    options = {"normalize": None if arm.endswith(RAW) else "l2", "hidden": config.hidden}
    if arm.startswith(CONTROL):
        equal = weights_on_features(kept.logits.shape[1], kept.hidden.shape[1], config.hidden)
        options |= {"on": "h", "capacity": equal}
    h = IntrospectiveNetwork(there.net, **options)
    schedule = {"epochs": config.passes, "rate": config.rate, "seed": seed, "progress": False}
    h.fit(kept, labels, validation=there.validation, **schedule)
    return h, nn.Sequential(nn.Flatten(), *h.reflection), lambda kept: h.features(kept)[..., None, None]


def scores(
    network: Classifier | IntrospectiveNetwork,
    head: nn.Module,
    reads: Callable[[LastLayer], Tensor],
    there: Setting,
    config: Config,
) -> tuple[float, dict[str, dict[str, Tensor]]]:
    """Return ODIN's step, chosen on validation pictures, and all scores by score and set of pictures."""

    def stepped(x: Tensor, step: float) -> Tensor:
        return ood.odin(network, x, TEMPERED, eps=[step / std for std in there.net.std])

    step = max(config.odin_steps, key=lambda step: ood.auroc(*(stepped(x, step) for x in there.tuning)))
    read = {name: reads(kept) for name, kept in there.last_layers.items()}
    found = {how: {name: score(head, each) for name, each in read.items()} for how, score in SCORES.items()}
    pictures = {"": there.known, **there.strange}
    return step, {**found, ODIN: {name: stepped(x, step) for name, x in pictures.items()}}
