"""Why 5, rather than 0, 1, 2 ... 9? All of a digit's introspective panels at once, and what noise makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
import traitlets
from PIL import Image
from torch import Tensor

from gradlab.core.checks import checked_labels, flag, instance, number, one_of, whole_number
from gradlab.core.errors import InputError
from gradlab.core.seeds import Seed
from gradlab.explain.drawing import SIGNED
from gradlab.introspect import LastLayer, last_layer
from gradlab.widgets.chart_widget import BLUE, ORANGE, chart_picture, check_seed
from gradlab.widgets.choices import Choices, choice
from gradlab.widgets.panels import NOISE, ONES, Panels, as_scanned, checked_pictures, held_rows, names_of
from gradlab.widgets.picture_widget import PictureWidget, check_classifier, check_named, class_of

if TYPE_CHECKING:
    from gradlab.models import Classifier

__all__ = ["Introspect", "introspect", "reads_digits"]

MOST = 24  # pictures that are sent at the start
HARD = 6  # of the default ones: those that the network is least sure of


class Introspect(PictureWidget, Choices, front="introspect"):
    """The widget that :func:`introspect` returns.

    Attributes:
        start: what is sent once: the pictures to choose from at every level of noise.
        draws: the network reads our digits, so that one can be drawn.
        picture: which of them is shown, from 0; -1: the one that was drawn last.
        noise: one of ``NOISE``, a standard deviation.
        contrast: Q, a class or its label; None: the likeliest that the network does not say; "ones": all ones.
        show: the panels as "rows" of the gradient or over the "picture".
        each: every panel to its own scale.
        loss: of the label of all ones, one of ``ONES``.
        mean: the curves over the noise are the mean of all pictures.
    """

    _chosen = ("picture", "noise", "contrast", "show", "each", "loss", "mean")
    start = traitlets.Dict().tag(sync=True)
    draws = traitlets.Bool().tag(sync=True)
    picture = choice(0)
    noise = choice(0.0)
    contrast = traitlets.Any(None).tag(sync=True)
    show = choice("rows")
    each = choice(False)
    loss = choice(ONES[0])
    mean = choice(False)

    def __init__(self, net: Classifier, panels: Panels, options: dict[str, Any]) -> None:
        check_named(net, "introspect")
        self._panels = instance(panels, "panels", Panels, "Panels")
        self._options = instance(options, "options", dict, "those of Panels.of")
        self._drawn: Panels | None = None
        start = {**panels.answer(), "noise": list(NOISE), "losses": list(ONES)}
        super().__init__(net, [], start=start, draws=reads_digits(net))
        self._settle()

    @traitlets.validate("picture")
    def _check_picture(self, proposal: Any) -> int:
        least = 0 if self._drawn is None else -1
        return whole_number(proposal["value"], "picture", least, len(self._panels.names) - 1)

    @traitlets.validate("noise")
    def _check_noise(self, proposal: Any) -> float:
        value = number(proposal["value"], "noise", NOISE[0], NOISE[-1])
        return min(NOISE, key=lambda level: abs(level - value))

    @traitlets.validate("contrast")
    def _check_contrast(self, proposal: Any) -> int | str | None:
        value = proposal["value"]
        return "ones" if value == "ones" else class_of(self._net, value, len(self.labels), "contrast")

    @traitlets.validate("show", "loss")
    def _check_choice(self, proposal: Any) -> str:
        name = proposal["trait"].name
        return str(one_of(proposal["value"], name, {"show": ("rows", "picture"), "loss": ONES}[name]))

    @traitlets.validate("each", "mean")
    def _check_flag(self, proposal: Any) -> bool:
        return flag(proposal["value"], proposal["trait"].name)

    def _show(self, picture: Image.Image, name: str) -> None:
        """Answer a drawing: one message of the front end when a stroke ends."""
        drawn = Panels.of(self._net, as_scanned(picture), [name], [None], **self._options)
        self._drawn = drawn
        self.answer = {"serial": self._serial, **drawn.answer()}

    @property
    def _kept(self) -> LastLayer:
        """Z and h of the picture that is shown, at every level."""
        if self.picture < 0 and self._drawn is not None:
            return self._drawn.last_layer(0)
        return self._panels.last_layer(self.picture)

    def _short(self) -> str:
        kept, k = self._kept, NOISE.index(self.noise)
        unsaid = _unsaid(kept.logits[k])
        rows = kept.effective_rows()[k][unsaid].mean()
        name = self.labels[int(kept.logits[k].argmax())]
        noisy = f" Noise {self.noise:g}:" if self.noise else ""
        return f"Why {name}, rather than any other class?{noisy} {rows:.2f} effective rows of {len(unsaid)} on average."

    def _sentence(self) -> str:
        kept, k = self._kept, NOISE.index(self.noise)
        said = int(kept.logits[k].argmax())
        lengths = kept.norms("ce", "each")[k]
        unsaid = _unsaid(kept.logits[k])
        unsure = int(held_rows(kept).double().mean(1).argmax())
        return (
            f"{self._short()} Rather than {self.labels[said]} itself: {lengths[said] / lengths[unsaid].mean():.2g} "
            f"times as long as the others. Most rows are needed at noise {NOISE[unsure]:g}."
        )

    def _picture(self) -> bytes:
        kept, k = self._kept, NOISE.index(self.noise)
        said, other = kept.logits[k].topk(2).indices.tolist()
        if self.contrast not in (None, "ones", said):
            other = self.contrast
        u, unsaid = kept.rows("ce", "each")[k], _unsaid(kept.logits[k])
        grids = [(u[q][:, None] * kept.hidden[k]).numpy() for q in (other, said)]
        of, i = (self._drawn, 0) if self.picture < 0 and self._drawn is not None else (self._panels, self.picture)
        top = max(abs(grid).max() for grid in grids)

        def draw(axes: Any) -> None:
            axes[0].imshow(of.seen[i, k].squeeze(), cmap="gray")
            axes[0].set(title=f"it says {self.labels[said]}", xticks=[], yticks=[])
            for axis, grid, q in zip(axes[1:3], grids, (other, said), strict=True):
                axis.imshow(grid, cmap=SIGNED, vmin=-top, vmax=top, aspect="auto")
                axis.set(title=f"rather than {self.labels[q]}: (p - e_Q) h", xlabel="unit of h", ylabel="class")
            for values, name, colour in (
                (kept.effective_rows()[:, unsaid].mean(1), "effective", BLUE),
                (held_rows(kept)[:, unsaid].double().mean(1), "hold 99 %", ORANGE),
            ):
                axes[3].plot(NOISE, values, "o-", color=colour, markersize=3, label=name)
            axes[3].set(title="rows of a panel", xlabel="noise", ylim=(0, None))
            axes[3].legend(fontsize=8)

        return chart_picture(draw, 4)


def introspect(
    net: Classifier | None = None,
    pictures: Tensor | None = None,
    labels: Any = None,
    *,
    layer: Any = None,
    extra_inputs: Sequence[Any] = (),
    seed: Seed = 0,
) -> Introspect:
    """Ask a digit all its contrastive questions at once, draw one, and turn up the noise.

    The panel of Q is the gradient by the last layer's weights if Q were the label, (p - e_Q) h^T, one row per class;
    or, on the picture, the contrast map sum_c p_c L^c - L^Q. Beside them the label of all ones. Two measures of
    sparsity are drawn over the noise: the effective rows of :class:`gradlab.introspect.LastLayer`, and how many rows
    hold 99 % of the squared length. The first cannot tell doubt: with e_k the elementary symmetric polynomials of
    p_c / (1 - p_Q) over c other than Q, (1 + sum p^2)^2 - 2 (1 + sum p^4) = -8 (e_3 - e_4) <= 0, so that no contrast
    has more than 2 effective rows. The kernel sends p, h and the maps at 11 levels of one pattern of noise once: only
    a new drawing asks it again. A network of more than 14 classes shows the panels of 12 of them.

    Args:
        net: a ``Classifier`` whose logits come from a linear layer; None: ``gradlab.models.digits()``.
        pictures: (n, C, H, W) in 0 to 1, at most 24; None: the first test digit of each class and the six that the
            network is least sure of, if it reads digits.
        labels: their classes (n,), or None: not known.
        layer: of the maps, as in :func:`gradlab.explain.class_maps`.
        extra_inputs: what the network reads beside every picture, the same for each.
        seed: of the noise.

    Raises:
        InputError: pictures of another shape or not in 0 to 1, none where the network reads no digits, or a bad seed.
        TargetError: labels that do not fit.
        ModelError, LayerError: as in the engine, before anything is shown.

    Examples:
        >>> gradlab.widgets.introspect()
        Introspect: Why 0, rather than any other class? 2.00 effective rows of 10 on average.
    """
    from gradlab.models import digits

    net = digits() if net is None else net
    check_classifier(net, "introspect", extra_inputs)
    options = {"layer": layer, "extra_inputs": extra_inputs, "seed": check_seed(seed)}
    if pictures is None:
        if labels is not None:
            raise InputError("labels are given without pictures: pass both.")
        if not reads_digits(net):
            raise InputError("pictures is None, and this network reads no digits: pass pictures (n, C, H, W).")
        pictures, labels = _examples(net)
    seen = checked_pictures(net, pictures, MOST)
    truth: list[int | None] = [None] * len(seen)
    if labels is not None:
        truth = [*checked_labels(labels, len(seen), len(net.labels)).tolist()]
    return Introspect(net, Panels.of(net, seen, names_of(net.labels, truth), truth, **options), options)


def reads_digits(net: Classifier) -> bool:
    """Return whether the network reads one grey digit of 32 x 32 pixels."""
    return tuple(net.input_size) == (1, 32, 32) and list(net.labels) == [str(digit) for digit in range(10)]


def _examples(net: Classifier) -> tuple[Tensor, Tensor]:
    """Return the first test digit of each class, and the ``HARD`` ones whose two likeliest classes are nearest."""
    from gradlab.data import digits

    test = digits("test")
    p = last_layer(net, net.normalize(test.pictures)).logits.detach().softmax(1).topk(2).values
    first = [int((test.labels == c).nonzero()[0]) for c in range(len(net.labels))]
    nearest = (p[:, 0] - p[:, 1]).argsort().tolist()
    which = first + [i for i in nearest if i not in first][:HARD]
    return test.pictures[which], test.labels[which]


def _unsaid(logits: Tensor) -> Tensor:
    """Return which classes the network does not say, (classes,) bool."""
    return torch.arange(len(logits), device=logits.device) != logits.argmax()
