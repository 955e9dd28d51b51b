"""Is this picture of the kind that the network knows? Scores with a threshold under the hand, and the mistakes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
import traitlets
from torch import Tensor

from gradlab.core.checks import callable_of, flag, instances, names_of, number, one_of, whole_number
from gradlab.core.errors import InputError, shown
from gradlab.evaluate import ood as engine
from gradlab.explain.drawing import GREY
from gradlab.widgets.chart_widget import BLUE, ORANGE, ChartWidget, chart_picture
from gradlab.widgets.choices import Choices, choice
from gradlab.widgets.introspect import reads_digits
from gradlab.widgets.panels import checked_pictures, rival_maps
from gradlab.widgets.panels import shown as tiles_of
from gradlab.widgets.picture_widget import check_classifier
from gradlab.widgets.wire import packed, scaled

if TYPE_CHECKING:
    from gradlab.models import Classifier

__all__ = ["Ood", "ood"]

Score: TypeAlias = Callable[[Any, Tensor], Tensor]  # (network, normalised pictures) -> (n,), higher in distribution

SCORES: dict[str, Score] = {
    "msp": engine.msp,
    "max-logit": engine.max_logit,
    "energy": engine.energy,
    "odin": engine.odin,
    "gradient norm": engine.gradient_norm,
}
MOST = 5000  # pictures in all
STRANGE = {"letters": "letters", "signs in grey": "signs", "noise": "noise"}  # the names shown, and the sets
DRAWN = 96  # pictures of each
TILES, SIDE = 300, 48  # pictures that can be looked at, and the longer side of each, pixels
TOP = 4  # classes named for each of those
BATCH = 64


@dataclass(frozen=True)
class Scored:
    """One score of all pictures.

    Attributes:
        name: on the buttons.
        inside: of in-distribution pictures, (n,).
        outside: of each other set, by its name.
        odds: the score is a probability that crowds at 1, and is drawn by its odds.
    """

    name: str
    inside: Tensor
    outside: dict[str, Tensor]
    odds: bool

    def figures(self, group: str) -> tuple[float, float, float]:
        """Return AUROC, FPR at 95 % TPR and the least detection error against one set."""
        of = (self.inside, self.outside[group])
        return engine.auroc(*of), engine.fpr_at_95_tpr(*of), engine.detection_error(*of)

    def answer(self) -> dict[str, Any]:
        """Return what is sent to the browser, in-distribution first."""
        values = torch.cat([self.inside, *self.outside.values()])
        return {"name": self.name, "odds": self.odds, "values": packed(values, "float64")}


class Ood(ChartWidget, Choices, front="ood"):
    """The widget that :func:`ood` returns.

    Attributes:
        score: which one is looked at, its name.
        against: which set outside the distribution.
        threshold: what has this score or more passes; None: where 95 % of the in-distribution pictures do.
        picture: the mistake that is looked at, its place among all pictures; None, or no mistake: the gravest.
        map: whether the contrast map lies over it.
    """

    _chosen = ("score", "against", "threshold", "picture", "map")
    score = choice("")
    against = choice("")
    threshold = traitlets.Any(None).tag(sync=True)
    picture = traitlets.Any(None).tag(sync=True)
    map = choice(True)

    def __init__(self, scored: list[Scored], **start: Any) -> None:
        self._scored = instances(scored, "scored", Scored, "a list of Scored")
        first = self._scored[0]
        groups = [{"name": name, "count": len(values)} for name, values in first.outside.items()]
        sent = {"scores": [each.answer() for each in scored], "inside": len(first.inside), "groups": groups}
        super().__init__(start={**sent, **start})
        self._settle(score=first.name, against=groups[0]["name"])

    @traitlets.validate("score", "against")
    def _check_name(self, proposal: Any) -> str:
        name = proposal["trait"].name
        names = [each.name for each in self._scored] if name == "score" else list(self._scored[0].outside)
        return str(one_of(proposal["value"], name, names))

    @traitlets.validate("threshold")
    def _check_threshold(self, proposal: Any) -> float | None:
        return None if proposal["value"] is None else number(proposal["value"], "threshold")

    @traitlets.observe("score", "against")
    def _other(self, _change: Any) -> None:
        self.threshold = None  # it was one of another score

    @traitlets.validate("picture")
    def _check_picture(self, proposal: Any) -> int | None:
        first, value = self._scored[0], proposal["value"]
        count = len(first.inside) + sum(len(values) for values in first.outside.values())
        return None if value is None else whole_number(value, "picture", 0, count - 1)

    @traitlets.validate("map")
    def _check_map(self, proposal: Any) -> bool:
        return flag(proposal["value"], "map")

    @property
    def _shown(self) -> Scored:
        return next(each for each in self._scored if each.name == self.score)

    def _short(self) -> str:
        shown, values = self._shown, self._shown.outside[self.against]
        area, passed, _ = shown.figures(self.against)
        now = f"FPR {passed:.3f} at 95 % TPR"
        if self.threshold is not None:
            tpr, fpr = (float((each >= self.threshold).double().mean()) for each in (shown.inside, values))
            now = f"at {self.threshold:.4g} TPR {tpr:.3f} and FPR {fpr:.3f}"
        return (
            f"{shown.name} tells {len(shown.inside)} in-distribution pictures from {len(values)} of {self.against} "
            f"with AUROC {area:.3f}; {now}."
        )

    def _sentence(self) -> str:
        told = [
            f"{each.name} " + ", ".join(f"{each.figures(group)[0]:.3f} against {group}" for group in each.outside)
            for each in self._scored
        ]
        return f"{self._short()} AUROC, 0.5 is chance: {'; '.join(told)}."

    def _picture(self) -> bytes:
        first, group = self._shown, self.against
        outside = first.outside[group]
        placed = [_placed(values, first.odds) for values in (first.inside, outside)]
        low, high = (float(edge) for edge in torch.cat(placed).aminmax())

        def draw(axes: Any) -> None:
            for values, name, colour in zip(placed, ("in-distribution", group), (BLUE, ORANGE), strict=True):
                weights = np.full(len(values), 1 / len(values))
                axes[0].hist(
                    values.numpy(), 30, range=(low, high), weights=weights, color=colour, alpha=0.6, label=name
                )
            if self.threshold is not None:
                axes[0].axvline(
                    float(_placed(torch.full_like(first.inside[:1], self.threshold), first.odds)), color=GREY
                )
            axes[0].set(title=f"share of pictures over {first.name}{', log odds' if first.odds else ''}")
            axes[0].legend(fontsize=8)
            for each in self._scored:
                curve = engine.roc(each.inside, each.outside[group])
                axes[1].plot(curve.fpr, curve.tpr, label=f"{each.name} {each.figures(group)[0]:.3f}")
            axes[1].plot([0, 1], [0, 1], "--", color="grey", linewidth=1)
            axes[1].set(title=f"ROC and AUROC against {group}", xlabel="FPR", ylabel="TPR")
            axes[1].legend(fontsize=8)

        return chart_picture(draw, 2)


def ood(
    net: Classifier | None = None,
    inside: Tensor | None = None,
    outside: Tensor | Mapping[str, Tensor] | None = None,
    *,
    scores: Sequence[str] | Mapping[str, Score] = tuple(SCORES),
    layer: Any = None,
) -> Ood:
    """Drag the threshold of an out-of-distribution score, and see whom it lets through.

    What scores t or more passes: TPR is the share of ``inside`` that passes, FPR that of ``outside``, and the detection
    error (1 - TPR) / 2 + FPR / 2, as in :mod:`gradlab.evaluate.ood`. Scores are computed once and sent as float64:
    the threshold, the score, the set and the pictures ask the kernel nothing. Of the pictures the 300 nearest to being
    mistaken can be looked at, half of them of each kind, with P, the runner-up Q and the map of "why P, rather than
    Q?". A probability crowds at 1, so that msp is drawn by its log odds: the order, and so each figure, is the same.

    Args:
        net: a ``Classifier``; None: ``gradlab.models.digits()``.
        inside: in-distribution pictures (n, C, H, W) in 0 to 1; None: the test digits, if the network reads digits.
        outside: pictures of another kind, or a mapping of names to such; None, for a network that reads digits: 96
            each of the letters, signs (in grey) and noise of :func:`gradlab.data.strange`.
        scores: names of ``SCORES``, or a mapping of names to ``(net, normalised pictures) -> (n,)``, higher in
            distribution; as ``lambda _, x: gradlab.evaluate.ood.msp(H, x)`` for an introspective network.
        layer: of the contrast maps.

    Raises:
        InputError: pictures of another shape or not in 0 to 1, none, too many, an unknown score, or one that is not a
            finite number per picture.
        ModelError, LayerError: as in the engine, before anything is shown.

    Examples:
        >>> gradlab.widgets.ood(scores=["msp"])
        Ood: msp tells 400 in-distribution pictures from 96 of letters with AUROC 0.92...; FPR 0.2... at 95 % TPR.
    """
    from gradlab.models import digits

    net = digits() if net is None else net
    check_classifier(net, "ood")
    asked = _asked(scores)
    known, sets = _pictures(net, inside, outside)
    scored = []
    for name, score in asked.items():
        values = [_scores(name, score(net, net.normalize(some)), len(some)) for some in (known, *sets.values())]
        odds = score is engine.msp
        scored.append(Scored(name, values[0], dict(zip(sets, values[1:], strict=True)), odds))
    which = nearest_mistakes(scored, TILES)
    seen = torch.cat([known, *sets.values()])[which]
    tiles = packed(tiles_of(seen, SIDE), "uint8")
    return Ood(scored, labels=list(net.labels), shown=which.tolist(), tiles=tiles, **_looked(net, seen, layer))


def nearest_mistakes(scored: Sequence[Scored], most: int) -> Tensor:
    """Return the indices of at most ``most`` pictures that some score ranks worst, half of them in-distribution.

    The other half is shared by the sets outside; indices run over all pictures, in-distribution first.
    """
    first = scored[0]
    sizes = [len(first.inside), *(len(values) for values in first.outside.values())]
    quotas = [most // 2, *[most // 2 // len(first.outside)] * len(first.outside)]
    wrong = [[each.inside, *(-values for values in each.outside.values())] for each in scored]  # low is mistaken
    found, before = [], 0
    for k, (size, quota) in enumerate(zip(sizes, quotas, strict=True)):
        ranks = torch.stack([each[k].argsort(stable=True).argsort() for each in wrong])
        found.append(before + ranks.amin(0).argsort(stable=True)[:quota].sort().values)
        before += size
    return torch.cat(found)


def _asked(scores: Any) -> dict[str, Score]:
    if isinstance(scores, (str, bytes)) or not isinstance(scores, (Mapping, Sequence)) or not scores:
        raise InputError(f"scores is {shown(scores)}: expected names among {', '.join(SCORES)}, or names to functions.")
    if isinstance(scores, Mapping):
        names = names_of(list(scores), "scores")
        return {
            name: callable_of(scores[name], f"scores[{shown(name)}]", "of (network, normalised pictures)")
            for name in names
        }
    return {name: SCORES[one_of(name, "a score", SCORES)] for name in scores}


def _pictures(net: Classifier, inside: Any, outside: Any) -> tuple[Tensor, dict[str, Tensor]]:
    from gradlab.data import digits, strange

    if (inside is None or outside is None) and not reads_digits(net):
        raise InputError("inside or outside is None, and this network reads no digits: pass pictures (n, C, H, W).")
    known = digits("test").pictures if inside is None else inside
    if outside is None:
        outside = {name: strange(kind, DRAWN, size=net.size[0]) for name, kind in STRANGE.items()}
    sets = dict(outside) if isinstance(outside, Mapping) else {"out-of-distribution": outside}
    if not sets:
        raise InputError("outside is empty: without pictures of another kind there is nothing to tell apart.")
    known = checked_pictures(net, known, name="inside")
    found = {name: checked_pictures(net, sets[name], name="outside") for name in names_of(list(sets), "outside")}
    total = len(known) + sum(map(len, found.values()))
    if total > MOST:
        raise InputError(f"There are {total} pictures: expected at most {MOST} in all.")
    return known, found


def _scores(name: str, values: Any, n: int) -> Tensor:
    if not isinstance(values, Tensor) or values.shape != (n,) or not bool(torch.isfinite(values).all()):
        what = tuple(values.shape) if isinstance(values, Tensor) else type(values).__name__
        raise InputError(f"The score {shown(name)} returned {what}: expected a finite number for each of {n} pictures.")
    return values.detach().cpu().double()


def _looked(net: Classifier, seen: Tensor, layer: Any) -> dict[str, Any]:
    """Return the likeliest classes of pictures, and why P, rather than Q."""
    batches = [net.normalize(some) for some in seen.split(BATCH)]
    best = [engine.logits_of(net, x).softmax(1).topk(min(TOP, len(net.labels)), dim=1) for x in batches]
    p, classes = (torch.cat([each[k] for each in best]) for k in (0, 1))
    maps = rival_maps(net, batches, layer)
    sent = {"classes": packed(classes, "int32"), "p": packed(p, "float32")}
    return {**sent, "maps": None if maps is None else scaled(maps)}


def _placed(values: Tensor, odds: bool) -> Tensor:
    """Return where scores are drawn: log10 of p / (1 - p), not beyond 1e9 to 1, for a probability."""
    if not odds:
        return values
    p = values.clamp(1e-9, 1 - 1e-9)
    return (p / (1 - p)).log10()
