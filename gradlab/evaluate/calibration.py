"""Does a network that says 80 % turn out right in 80 % of such cases?

Of each picture: confidence = max_c p_c, and whether that class is right. A bin holds the confidences in (low, high], as
in Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks, ICML 2017. All are shares in
0..1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from gradlab.core.checks import checked_labels, checked_probabilities, checked_rows, number, one_of, whole_number
from gradlab.core.seeds import Seed, torch_generator

__all__ = [
    "Binning", "Norm", "Reliability", "brier", "calibration_error", "calibration_floor", "check_temperature",
    "nll", "reliability", "temperature",
]  # fmt: skip

Binning = Literal["width", "count"]
Norm = Literal["mean", "max"]

MOST_BINS, MOST_DRAWS = 100_000, 1_000_000
_COLDEST, _HOTTEST = 1e-2, 1e2  # temperatures that are looked through


@dataclass(frozen=True)
class Reliability:
    """A reliability diagram of M bins and n pictures.

    Attributes:
        edges: of the bins, (M + 1,).
        counts: pictures in each bin, (M,).
        confidence: their mean confidence, (M,); NaN for an empty bin.
        accuracy: the share of them that is right, (M,); NaN for an empty bin.
        bin_of: the bin of each picture, (n,).
    """

    edges: Tensor
    counts: Tensor
    confidence: Tensor
    accuracy: Tensor
    bin_of: Tensor

    @property
    def gaps(self) -> Tensor:
        """Confidence - accuracy (M,): above 0 where the network is too sure; NaN for an empty bin."""
        return self.confidence - self.accuracy

    def error(self, norm: Norm = "mean") -> float:
        """Return sum_m n_m / n |gap_m| (ECE), or max_m |gap_m| (MCE); empty bins do not count."""
        one_of(norm, "norm", ("mean", "max"))
        gaps = self.gaps.abs().nan_to_num(0.0)
        return float(gaps.max() if norm == "max" else (gaps * self.counts / self.counts.sum()).sum())


def reliability(probabilities: Tensor, labels: Tensor, bins: int = 15, *, binning: Binning = "width") -> Reliability:
    """Sort the pictures into bins of confidence and compare each bin's confidence with its accuracy.

    Args:
        probabilities: (n, classes).
        labels: the right classes, (n,).
        bins: M.
        binning: "width", M equal steps of 0..1; or "count", edges at the quantiles of the confidences, so that each bin
            holds about n / M pictures (equal confidences stay together, and a bin may then be empty).

    Raises:
        InputError: no probabilities, NaN, no bins.
        TargetError: labels that do not fit.

    Examples:
        >>> p = torch.tensor([[0.95, 0.05], [0.95, 0.05], [0.4, 0.6]])
        >>> found = gradlab.evaluate.reliability(p, torch.tensor([0, 1, 1]), bins=2)
        >>> found.counts.tolist(), found.accuracy.tolist()
        ([0, 3], [nan, 0.666...])
    """
    p = checked_probabilities(probabilities)
    y = checked_labels(labels, *p.shape).to(p.device)
    confidence, said = p.max(1)
    edges = _edges(confidence, bins, binning)
    return _reliability(confidence, (said == y).double(), edges)


def calibration_error(
    probabilities: Tensor, labels: Tensor, bins: int = 15, *, binning: Binning = "width", norm: Norm = "mean"
) -> float:
    """The expected calibration error (ECE): the mean gap between confidence and accuracy over bins.

    ``norm="max"`` gives the largest gap instead (MCE), ``binning="count"`` bins of equal counts (adaptive ECE). The
    value is above 0 for a perfectly calibrated network too, the more so the fewer pictures and the more bins: set
    :func:`calibration_floor` beside it. Arguments and errors are those of :func:`reliability`.

    Examples:
        >>> net, test = gradlab.models.digits(), gradlab.data.digits("test")
        >>> p = net(net.normalize(test.pictures)).softmax(1)
        >>> 0 < gradlab.evaluate.calibration_error(p, test.labels) < 0.05
        True
    """
    return reliability(probabilities, labels, bins, binning=binning).error(norm)


def calibration_floor(
    probabilities: Tensor,
    bins: int = 15,
    *,
    binning: Binning = "width",
    norm: Norm = "mean",
    draws: int = 200,
    seed: Seed = 0,
) -> Tensor:
    """The errors (draws,) that networks with these confidences have if each is right as often as it says.

    The correctness of each picture is drawn from its own confidence, so what is left is the bias of the bins and the
    luck of n pictures (Kumar, Liang and Ma, Verified Uncertainty Calibration, NeurIPS 2019, on that bias).

    Raises:
        InputError: as :func:`reliability`, or no draws.

    Examples:
        >>> few, many = (gradlab.evaluate.calibration_floor(torch.full((n, 2), 0.5)).mean() for n in (20, 2000))
        >>> bool(few > 5 * many)
        True
    """
    confidence = checked_probabilities(probabilities).amax(1).cpu()
    edges = _edges(confidence, bins, binning)
    one_of(norm, "norm", ("mean", "max"))
    generator = torch_generator(seed)
    found = []
    for _ in range(whole_number(draws, "draws", 1, MOST_DRAWS)):
        right = torch.rand(len(confidence), dtype=torch.float64, generator=generator, device="cpu") < confidence
        found.append(_reliability(confidence, right.double(), edges).error(norm))
    return torch.tensor(found, dtype=torch.float64, device="cpu")


def brier(probabilities: Tensor, labels: Tensor) -> float:
    """The Brier score: mean over pictures of sum_c (p_c - [c is right])^2, in 0..2; errors as :func:`reliability`.

    Examples:
        >>> gradlab.evaluate.brier(torch.tensor([[1.0, 0.0], [0.5, 0.5]]), torch.tensor([0, 0]))
        0.25
    """
    p = checked_probabilities(probabilities)
    right = torch.nn.functional.one_hot(checked_labels(labels, *p.shape).to(p.device), p.shape[1])
    return float((p - right).square().sum(1).mean())


def nll(logits: Tensor, labels: Tensor, temperature: float = 1.0) -> float:
    """The negative log-likelihood: mean over pictures of -log softmax(z / T) at the right class, in nats.

    Args:
        logits: z (n, classes); log p serves as well, for a network that returns probabilities.
        labels: the right classes, (n,).
        temperature: T.

    Raises:
        InputError: no logits, NaN, a temperature that is not above 0.
        TargetError: labels that do not fit.

    Examples:
        >>> gradlab.evaluate.nll(torch.zeros(3, 2), torch.tensor([0, 1, 1]))  # log 2
        0.693...
    """
    z = checked_rows(logits, "logits")
    y = checked_labels(labels, *z.shape).to(z.device)
    temperature = check_temperature(temperature)
    return float(torch.nn.functional.cross_entropy(z / temperature, y))


def temperature(logits: Tensor, labels: Tensor) -> float:
    """The temperature T whose softmax(z / T) makes the labels likeliest (Guo et al. 2017).

    Fit it on pictures held out from training and not those it is judged on. No prediction changes; the loss is convex
    in 1 / T, so there is one answer at most. It is sought from 0.01 to 100. Labels that are all predicted right have
    none (the lower T, the better) and get one below 0.1; labels that the logits speak against get 100. Errors as
    :func:`nll`.

    Examples:
        >>> logits = torch.tensor([[4.0, 0.0], [4.0, 0.0], [4.0, 0.0], [4.0, 0.0]])
        >>> t = gradlab.evaluate.temperature(logits, torch.tensor([0, 0, 0, 1]))
        >>> (logits / t).softmax(1)[0]  # as sure as it is right
        tensor([0.7500, 0.2500])
    """
    from scipy.optimize import minimize_scalar

    z = checked_rows(logits, "logits")
    y = checked_labels(labels, *z.shape).to(z.device)
    bounds = (math.log(_COLDEST), math.log(_HOTTEST))
    found = minimize_scalar(
        lambda t: float(torch.nn.functional.cross_entropy(z * math.exp(-t), y)),
        bounds=bounds,
        method="bounded",
        options={"xatol": 1e-8},
    )
    return math.exp(float(found.x))


def check_temperature(temperature: Any) -> float:
    """Return the temperature; raises ``InputError`` unless it is a finite number above 0."""
    return number(temperature, "temperature", above=0)


def _edges(confidence: Tensor, bins: int, binning: str) -> Tensor:
    bins = whole_number(bins, "bins", 1, MOST_BINS)
    one_of(binning, "binning", ("width", "count"))
    if binning == "width":
        return torch.linspace(0, 1, bins + 1, dtype=torch.float64, device=confidence.device)
    ends = torch.arange(1, bins + 1, device=confidence.device) * len(confidence) / bins
    highest = confidence.sort().values[(ends.ceil().long() - 1).clamp_min(0)]
    return torch.cat([highest.new_zeros(1), highest])


def _reliability(confidence: Tensor, right: Tensor, edges: Tensor) -> Reliability:
    bins = len(edges) - 1
    bin_of = (torch.bucketize(confidence, edges) - 1).clamp(0, bins - 1)  # (low, high]
    counts = torch.bincount(bin_of, minlength=bins)
    sure, correct = (torch.bincount(bin_of, weights, minlength=bins) / counts for weights in (confidence, right))
    return Reliability(edges, counts, sure, correct, bin_of)
