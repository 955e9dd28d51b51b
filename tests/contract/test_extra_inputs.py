"""What a model reads beside the picture: words as extra inputs are, to every method, the words built in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import gradlab
from gradlab import explain
from gradlab.data import digit_pairs
from gradlab.evaluate import active, ood, quality
from gradlab.explain import all_contrasts, class_maps, faithfulness, occlusion, occlusion_sweep
from gradlab.models.tasks import QUESTIONS, CaptionClassifier, VQAClassifier


def last_sweep(net: Any, x: Tensor, target: int, **options: Any) -> Tensor:
    *_, last = occlusion_sweep(net, x, target, window=12, stride=12, **options)
    return last.maps()


def curve(method: Callable[..., faithfulness.Curve]) -> Callable[..., Tensor]:
    def scores(net: Any, x: Tensor, target: int, **options: Any) -> Tensor:
        maps = torch.rand(len(x), 1, 4, 4, generator=torch.Generator().manual_seed(0))
        return method(net, x, maps[:1].expand(len(x), -1, -1, -1), target, steps=5, score="logit", **options).scores

    return scores


METHODS: dict[str, Callable[..., Tensor]] = {
    "grad_cam": explain.grad_cam,
    "counterfactual_cam": explain.counterfactual_cam,
    "contrast_cam": explain.contrast_cam,
    "all_contrasts": lambda net, x, target, **options: all_contrasts(net, x, **options),
    "class_maps": lambda net, x, target, **options: class_maps(net, x, **options).maps,
    "hires_cam": explain.hires_cam,
    "layer_cam": explain.layer_cam,
    "grad_cam contrast": lambda net, x, target, **options: explain.grad_cam(net, x, contrast=target, **options),
    "occlusion contrast": lambda net, x, target, **options: occlusion(
        net, x, contrast=target, window=12, stride=12, **options
    ),
    "gradient": explain.gradient,
    "deconvnet": explain.deconvnet,
    "guided_backprop": explain.guided_backprop,
    "occlusion": lambda net, x, target, **options: occlusion(net, x, target, window=12, stride=12, **options),
    "occlusion_sweep": last_sweep,
    "deletion": curve(faithfulness.deletion),
    "insertion": curve(faithfulness.insertion),
}


def asked(method: Callable[..., Tensor], *arguments: Any, **fixed: Any) -> Callable[..., Tensor]:
    """A method of ``evaluate``, which asks for no target."""
    return lambda net, x, target, **options: method(net, x, *arguments, **fixed, **options)


def norm_at_the_head(net: Any, x: Tensor, target: int, **options: Any) -> Tensor:
    return ood.gradient_norm(net, x, layer=(net.net if isinstance(net, Asking) else net.model).reader.head, **options)


def beside_another(method: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A measure of quality, with one reference for all pictures."""
    return lambda net, x, target, **options: method(net, x[:1].flip(3), x, suppress=0, **options)


EVALUATED: dict[str, Callable[..., Tensor]] = {
    "msp": asked(ood.msp, 5.0),
    "max_logit": asked(ood.max_logit),
    "energy": asked(ood.energy, 2.0),
    "odin": asked(ood.odin, 10.0, eps=0.01),
    "gradient_norm": asked(ood.gradient_norm),
    "gradient_norm of a layer": norm_at_the_head,
    "probabilities": asked(active.probabilities),
    "dropout_passes": lambda net, x, target, **options: active.dropout_passes(Dropping(net), x, 2, **options)[1],
    "feature_similarity": beside_another(quality.feature_similarity),
    "gradient_similarity": beside_another(quality.gradient_similarity),
}
METHODS |= EVALUATED


class Dropping(nn.Module):
    """The network with dropout before its answer."""

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.net = net if isinstance(net, nn.Module) else net.model

    def forward(self, picture: Tensor, *words: Tensor) -> Tensor:
        return nn.functional.dropout(self.net(picture, *words), 0.5, self.training)


class Asking(nn.Module):
    """The network with its question built in: to a method it is an ordinary classifier."""

    def __init__(self, net: VQAClassifier | CaptionClassifier, words: Tensor) -> None:
        super().__init__()
        self.net, self.words = net.model, words

    def forward(self, picture: Tensor) -> Tensor:
        logits: Tensor = self.net(picture, self.words)
        return logits


@pytest.mark.parametrize("task", ["vqa", "captioner"])
@pytest.mark.parametrize("name", METHODS)
def test_every_method_reads_the_words(name: str, task: str) -> None:
    """One sentence for all pictures, and one for each; and another sentence gives another map."""
    net = getattr(gradlab.models, task)()
    sentences = QUESTIONS[:3] if task == "vqa" else ("a three left", "a nine of", ". a a")
    x, each = digit_pairs(3, 11, "test").pictures, torch.cat([net.encode(sentence) for sentence in sentences])
    at = (
        {"layer": "net.reader.evidence"}
        if name.endswith(("_cam", "_cam contrast", "contrasts", "_maps", "feature_similarity"))
        else {}
    )
    one_by_one = []
    for i in range(3):
        want = METHODS[name](Asking(net, each[i : i + 1]).eval(), x, 3, **at)
        got = METHODS[name](net, x, 3, extra_inputs=(each[i : i + 1],))
        torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-5)
        one_by_one.append(got[i])
    batched = METHODS[name](net, x, 3, extra_inputs=(each,))
    torch.testing.assert_close(batched, torch.stack(one_by_one), rtol=1e-4, atol=1e-5)
    first = METHODS[name](net, x, 3, extra_inputs=(each[:1],))
    assert not torch.allclose(batched[1:], first[1:], rtol=1e-2)


@pytest.mark.parametrize("strategy", active.STRATEGIES)
def test_strategies_read_the_words(strategy: str) -> None:
    net, x = gradlab.models.vqa(), digit_pairs(6, 11, "test").pictures
    each = torch.cat([net.encode(QUESTIONS[i % 5]) for i in range(6)])
    asked = Dropping(net).eval() if strategy == "bald" else net
    batched = active.ask(strategy, asked, x, 6, extra_inputs=(each,))
    assert sorted(batched.tolist()) == list(range(6))
    if strategy in ("entropy", "least_confidence", "margin"):
        scores = [getattr(active, strategy)(net(x[i : i + 1], each[i : i + 1]).softmax(1)) for i in range(6)]
        assert torch.equal(batched, torch.cat(scores).argsort(descending=True))


def test_every_public_method_is_here() -> None:
    display = {"overlay", "upsample", "unit_scale", "runner_up", "ClassMaps", "Sweep", "faithfulness"}
    assert set(explain.__all__) - display == {name.split()[0] for name in METHODS.keys() - EVALUATED.keys()} - {
        "deletion",
        "insertion",
    }
