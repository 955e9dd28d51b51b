"""How often is a network right that says 80 %? A reliability diagram with the pictures behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import traitlets
from torch import Tensor

from gradlab.core import outputs_of
from gradlab.core.checks import (
    checked_labels,
    checked_rows,
    flag,
    instance,
    instances,
    names_of,
    number,
    one_of,
    whole_number,
)
from gradlab.core.errors import InputError, ModelError, shown
from gradlab.core.inputs import module_of
from gradlab.core.targets import logits_in
from gradlab.evaluate import Reliability, calibration_floor, reliability, temperature
from gradlab.introspect import IntrospectiveNetwork
from gradlab.widgets.chart_widget import BLUE, GREEN, ORANGE, ChartWidget, chart_picture
from gradlab.widgets.choices import Choices, choice
from gradlab.widgets.panels import checked_pictures, rival_maps
from gradlab.widgets.panels import shown as tiles_of
from gradlab.widgets.picture_widget import check_classifier
from gradlab.widgets.wire import packed, scaled

if TYPE_CHECKING:
    from gradlab.models import Classifier

__all__ = ["Calibration", "calibration"]

SHOWN, SIDE = 400, 48  # pictures that can be looked at, and the longer side of each, pixels
MOST_NUMBERS = 4_000_000  # logits that the browser can turn over while a slider moves
MOST_BINS = 50
BATCH = 64
HOTTEST = 1000.0
DRAWS = 100  # of the error that a calibrated network has by luck


@dataclass(frozen=True)
class Arm:
    """One network under comparison.

    Attributes:
        name: on the buttons.
        logits: z (n, classes), double precision but rounded as they are sent.
        fitted: the temperature of the smallest NLL.
        held_out: it was fitted on other pictures than those shown.
        maps: Why P, rather than the runner-up? of the pictures that are shown, (shown, h, w), or None: no map there.
    """

    name: str
    logits: Tensor
    fitted: float
    held_out: bool
    maps: Tensor | None

    def diagram(self, labels: Tensor, bins: int, t: float = 1.0) -> Reliability:
        """Return the reliability diagram at a temperature."""
        return reliability((self.logits / t).softmax(1), labels, bins)

    def answer(self, bins: int) -> dict[str, Any]:
        """Return what is sent to the browser."""
        luck = [
            float(calibration_floor((self.logits / t).softmax(1), bins, draws=DRAWS).mean()) for t in (1.0, self.fitted)
        ]
        return {
            "name": self.name,
            "logits": packed(self.logits, "float32"),
            "fitted": self.fitted,
            "heldOut": self.held_out,
            "luck": luck,
            "maps": None if self.maps is None else scaled(self.maps),
        }


class Calibration(ChartWidget, Choices, front="calibration"):
    """The widget that :func:`calibration` returns.

    Attributes:
        network: which of them is looked at, its name.
        temperature: T of softmax(z / T), above 0.
        bin: of the diagram, from 0; None: the one whose gap weighs most.
        picture: which one is looked at, its place among all; None, or one of another bin: the bin's first.
        map: whether the contrast map lies over it.
    """

    _chosen = ("network", "temperature", "bin", "picture", "map")
    network = choice("")
    temperature = choice(1.0)
    bin = traitlets.Any(None).tag(sync=True)
    picture = traitlets.Any(None).tag(sync=True)
    map = choice(True)

    def __init__(self, arms: list[Arm], truth: Tensor, bins: int, **start: Any) -> None:
        self._arms = instances(arms, "arms", Arm, "a list of Arms")
        n, classes = self._arms[0].logits.shape
        self._truth, self._bins = checked_labels(truth, n, classes, "truth"), whole_number(bins, "bins", 2, MOST_BINS)
        sent = [arm.answer(self._bins) for arm in self._arms]
        super().__init__(start={"arms": sent, "bins": self._bins, "truth": packed(self._truth, "int32"), **start})
        self._settle(network=self._arms[0].name)

    @traitlets.validate("network")
    def _check_network(self, proposal: Any) -> str:
        return str(one_of(proposal["value"], "network", [arm.name for arm in self._arms]))

    @traitlets.validate("temperature")
    def _check_temperature(self, proposal: Any) -> float:
        return number(proposal["value"], "temperature", above=0, most=HOTTEST)

    @traitlets.validate("bin", "picture")
    def _check_place(self, proposal: Any) -> int | None:
        name, value = proposal["trait"].name, proposal["value"]
        count = {"bin": self._bins, "picture": len(self._truth)}[name]
        return None if value is None else whole_number(value, name, 0, count - 1)

    @traitlets.validate("map")
    def _check_map(self, proposal: Any) -> bool:
        return flag(proposal["value"], "map")

    @property
    def _arm(self) -> Arm:
        return next(arm for arm in self._arms if arm.name == self.network)

    def _short(self) -> str:
        arm, t = self._arm, self.temperature
        found = arm.diagram(self._truth, self._bins, t)
        right = float((arm.logits.argmax(1) == self._truth).double().mean())
        sure = float((arm.logits / t).softmax(1).amax(1).mean())
        warm = "" if t == 1 else f" at T = {t:.2f}"
        return (
            f"{arm.name}{warm} is right in {right:.3f} and {sure:.3f} sure: ECE {found.error():.3f} in {self._bins} "
            "bins."
        )

    def _sentence(self) -> str:
        told = []
        for arm in self._arms:
            one, fitted = (arm.diagram(self._truth, self._bins, t).error() for t in (1.0, arm.fitted))
            on = "held-out pictures" if arm.held_out else "the pictures shown"
            told.append(f"{arm.name}: ECE {one:.3f}, and {fitted:.3f} at T = {arm.fitted:.2f}, fitted on {on}")
        return f"{self._short()} {'; '.join(told)}. {len(self._truth)} pictures."

    def _picture(self) -> bytes:
        def draw(axes: Any) -> None:
            arm = self._arm
            for axis, t in zip(axes[:2], (self.temperature, arm.fitted), strict=True):
                found = arm.diagram(self._truth, self._bins, t)
                width = 1 / self._bins
                left = found.edges[:-1].numpy()
                low = torch.minimum(found.accuracy, found.confidence).nan_to_num().numpy()
                axis.bar(left, low, width, align="edge", color=BLUE, edgecolor="white")
                colours = [ORANGE if gap > 0 else GREEN for gap in found.gaps]
                axis.bar(
                    left, found.gaps.abs().nan_to_num().numpy(), width, low, align="edge", color=colours, alpha=0.4
                )
                axis.plot([0, 1], [0, 1], "--", color="grey", linewidth=1)
                axis.set(title=f"{arm.name}, T = {t:.2f}: ECE {found.error():.3f}", xlabel="confidence", ylim=(0, 1))
            axes[0].set(ylabel="accuracy")
            for arm in self._arms:
                right = float((arm.logits.argmax(1) == self._truth).double().mean())
                at = [arm.diagram(self._truth, self._bins, t).error() for t in (1.0, arm.fitted)]
                axes[2].plot(at, [right, right], "-", color="grey", linewidth=1)
                axes[2].plot(at[:1], [right], "o", color=BLUE)
                axes[2].plot(at[1:], [right], "o", color=BLUE, markerfacecolor="white")
                axes[2].annotate(f" {arm.name}", (at[0], right), fontsize=8)
            axes[2].set(title="hollow: temperature fitted", xlabel="ECE", ylabel="accuracy", xlim=(0, None))

        return chart_picture(draw, 3)


def calibration(
    net: Classifier,
    pictures: Tensor,
    labels: Any,
    second: Any = None,
    *,
    validation: tuple[Tensor, Any] | None = None,
    name: str = "f",
    bins: int = 15,
    layer: Any = None,
) -> Calibration:
    """Compare what networks say of their certainty with how often they are right, and see the pictures of each bin.

    With confidence = max_c softmax(z / T)_c, ECE = sum_m n_m / n |confidence_m - accuracy_m| over bins (low, high]
    (Guo et al. 2017). Logits are sent once; T, bins, pictures and the choice of network ask the kernel nothing. Beside
    each ECE stands the one that a calibrated network with these confidences has by the luck of n pictures.

    Args:
        net: a ``Classifier``.
        pictures: (n, C, H, W) in 0 to 1; up to 400 of them can be looked at, every bin's share first.
        labels: their classes (n,).
        second: what is set beside ``net``: an ``IntrospectiveNetwork``, or a mapping of names to networks or to logits
            (n, classes) of these pictures. To an introspective network belongs its control, the same H with
            ``on="h"``.
        validation: pictures and labels on which the temperatures of networks are fitted; without it, and for logits,
            they are fitted on the pictures shown, and that is said.
        name: of ``net`` on the screen.
        bins: of equal width.
        layer: of the contrast maps of ``net``.

    Raises:
        ModelError: ``net`` is no classifier, or a network does not return logits of its classes.
        InputError: pictures, logits or bins that do not fit, too many logits, or a name twice.
        TargetError: labels that do not fit.

    Examples:
        >>> test = gradlab.data.digits("test")
        >>> gradlab.widgets.calibration(net, test.pictures, test.labels)
        Calibration: f is right in 0.988 and 0.987 sure: ECE 0.01... in 15 bins.
    """
    check_classifier(net, "calibration")
    bins = whole_number(bins, "bins", 2, MOST_BINS)
    classes = len(net.labels)
    seen = checked_pictures(net, pictures)
    truth = _labels(labels, len(seen), classes)
    name = instance(name, "name", str, "the name of net on the screen")
    compared = _compared(second, name)
    if len(seen) * classes * (1 + len(compared)) > MOST_NUMBERS:
        raise InputError(f"{len(seen)} pictures x {classes} classes x {1 + len(compared)} networks: too many to send.")
    for other, what in compared.items():
        if isinstance(what, Tensor) and tuple(checked_rows(what, other).shape) != (len(seen), classes):
            raise InputError(f"{other} has the shape {tuple(what.shape)}: expected logits ({len(seen)}, {classes}).")
    held_out = None
    if validation is not None:
        if not isinstance(validation, tuple) or len(validation) != 2:
            raise InputError(f"validation is {shown(validation)}: expected (pictures, labels).")
        before = checked_pictures(net, validation[0], name="validation")
        held_out = (before, _labels(validation[1], len(before), classes))

    logits = {each: _logits(net, what, seen) for each, what in {name: net, **compared}.items()}
    which = _spread(logits[name].softmax(1).amax(1), bins, SHOWN)
    arms = []
    for each, what in {name: net, **compared}.items():
        given = isinstance(what, Tensor)
        fit = (logits[each], truth) if given or not held_out else (_logits(net, what, held_out[0]), held_out[1])
        maps = None
        if not given:
            batches = (_normalised(net, what, some) for some in seen[which].split(BATCH))
            maps = rival_maps(what, batches, layer if what is net else None)
        arms.append(Arm(each, logits[each], temperature(*fit), not given and held_out is not None, maps))
    tiles = packed(tiles_of(seen[which], SIDE), "uint8")
    control = _lacks_control(compared)
    return Calibration(arms, truth, bins, labels=list(net.labels), shown=which.tolist(), tiles=tiles, control=control)


def _spread(confidence: Tensor, bins: int, most: int) -> Tensor:
    """Return the indices of at most ``most`` pictures, in order: turn by turn one of every bin."""
    bin_of = (confidence * bins).ceil().long().clamp(1, bins) - 1
    turn = torch.zeros(len(confidence), dtype=torch.long, device="cpu")
    for each in range(bins):
        mine = (bin_of == each).nonzero()[:, 0]
        turn[mine] = torch.arange(len(mine), device="cpu")
    return turn.argsort(stable=True)[:most].sort().values


def _labels(labels: Any, n: int, classes: int) -> Tensor:
    if labels is None:
        raise InputError(f"labels is None: without the {n} right classes nothing can be said about calibration.")
    return checked_labels(labels, n, classes).cpu()


def _compared(second: Any, name: str) -> dict[str, Any]:
    if second is None:
        return {}
    if not isinstance(second, Mapping):
        if not isinstance(second, IntrospectiveNetwork):
            raise InputError(
                f"second is {shown(second)}: expected an IntrospectiveNetwork, or a mapping of names to "
                "networks or logits."
            )
        second = {"H" if name != "H" else "H, second stage": second}
    compared = {each: second[each] for each in names_of(list(second), "second")}
    for what in compared.values():
        if not isinstance(what, Tensor):
            module_of(what)
    if name in compared:
        raise InputError(f"Two networks have the name {shown(name)}: pass another as name=.")
    return compared


def _normalised(net: Classifier, model: Any, seen: Tensor) -> Tensor:
    """Return pictures as this very model reads them; one without a way of its own reads them as ``net`` does."""
    found: Tensor = (model if hasattr(model, "normalize") else net).normalize(seen)
    return found


def _logits(net: Classifier, model: Any, seen: Tensor) -> Tensor:
    if isinstance(model, Tensor):
        return model.detach().cpu().float().double()
    parts = []
    for some in seen.split(BATCH):
        found = logits_in(outputs_of(model, _normalised(net, model, some)))
        if not isinstance(found, Tensor) or found.shape != (len(some), len(net.labels)):
            what = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise ModelError(f"A network returns {what}: expected logits ({len(some)}, {len(net.labels)}).")
        if not bool(torch.isfinite(found).all()):
            raise ModelError("A network's logits hold NaN or infinite values.")
        parts.append(found.cpu().float().double())
    return torch.cat(parts)


def _lacks_control(compared: Mapping[str, Any]) -> bool:
    on = {what.on for what in compared.values() if isinstance(what, IntrospectiveNetwork)}
    return "gradient" in on and "h" not in on
