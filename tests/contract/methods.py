"""Every public method that asks a network, and what it needs of it: the rows of the contract tables."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gradlab import core, evaluate, explain, information, introspect
from gradlab.evaluate import active, ood, quality
from gradlab.explain import faithfulness


@dataclass(frozen=True)
class Question:
    """How a method is asked: the class, the score where outputs are no logits, the type of whole numbers."""

    target: int = 1
    score: Callable[[Any], Tensor] = lambda z: z[:, 1]
    whole: Callable[[int], Any] = int


@dataclass(frozen=True)
class Method:
    """``ask(model, x, question)``.

    Attributes: needs: what of the network, for the reason of a refusal. slow: the definition again, for networks whose
    weights are others than those of the ordinary network that computes the same.
    """

    needs: frozenset[str]
    ask: Callable[[nn.Module, Tensor, Question], Tensor]
    slow: Callable[[nn.Module, Tensor, Question], Tensor] | None = None


class NotAsked(Exception):
    """The network has no part to ask this of."""


def first_convolution(model: Any) -> nn.Module:
    kinds = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
    found = next((part for part in model.modules() if isinstance(part, kinds)), None)
    if found is None:
        raise NotAsked
    return found


def streamed(model: nn.Module, x: Tensor, q: Question) -> Tensor:
    with tempfile.TemporaryDirectory() as folder:
        store = introspect.stream(model, [x], folder, shard_rows=q.whole(4), progress=False)
        return next(store.features(introspect.Recipe()))[0]


def fitted(model: nn.Module, x: Tensor, q: Question) -> introspect.IntrospectiveNetwork:
    second = introspect.IntrospectiveNetwork(model, hidden=(q.whole(5),))
    return second.fit(x, [0, 1], epochs=q.whole(1), seed=q.whole(3), progress=False)


def curve(of: Callable[..., faithfulness.Curve]) -> Callable[[nn.Module, Tensor, Question], Tensor]:
    def scores(model: nn.Module, x: Tensor, q: Question) -> Tensor:
        order = torch.arange(16.0, device="cpu").view(1, 1, 4, 4).expand(len(x), -1, -1, -1)
        return of(model, x, order, q.whole(q.target), steps=q.whole(3), score="logit").scores

    return scores


def swept(model: nn.Module, x: Tensor, q: Question) -> Tensor:
    sides = {"window": q.whole(4), "stride": q.whole(3)}
    *_, last = explain.occlusion_sweep(model, x, q.whole(q.target), score="probability", **sides)
    return last.maps()


def redrawn(model: nn.Module, x: Tensor, q: Question) -> Tensor:
    made = faithfulness.randomisation(
        model, lambda net, x: explain.gradient(net, x, q.whole(q.target)), x, seed=q.whole(0), measure="spearman"
    )
    return made.similarity[-1:]


def asked(strategy: str, model: nn.Module, x: Tensor, q: Question) -> Tensor:
    """Of BALD on a network that drops nothing the warning is the refusal: what is picked then is drawn."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        picked = active.ask(strategy, model, x, q.whole(2), seed=q.whole(0))
    if told := [str(warning.message) for warning in said if "at random" in str(warning.message)]:
        raise core.ModelError(told[0])
    return picked


def flat(by_name: dict[str, Tensor]) -> Tensor:
    """Return everything, in an order that dotted names do not decide."""
    with torch.autocast("cpu", enabled=False):  # which cannot put half precision together
        return torch.cat(sorted((v.flatten() for v in by_name.values()), key=lambda v: (len(v), v.sum().item())))


def slow_scores(model: nn.Module, x: Tensor, of: nn.Module | None = None) -> tuple[Tensor, list[list[list[Tensor]]]]:
    """Return p, and d log p_c / d theta of each sample, label and parameter: one call of autograd for each."""
    own = [p for p in (of or model).parameters() if p.is_floating_point()]
    frozen = [p.requires_grad for p in own]
    try:
        for p in own:
            p.requires_grad_()
        found, all_p = [], []
        for row in x:
            logits = model(row[None])[0]
            all_p.append(logits.detach().softmax(0))
            graded = [torch.autograd.grad(z, own, retain_graph=True, allow_unused=True) for z in logits.log_softmax(0)]
            found.append(
                [[torch.zeros_like(p) if g is None else g for p, g in zip(own, gs, strict=True)] for gs in graded]
            )
    finally:
        for p, flag in zip(own, frozen, strict=True):
            p.requires_grad_(flag)
    return torch.stack(all_p), found


def slow_fisher(model: nn.Module, x: Tensor, q: Question) -> Tensor:
    p, found = slow_scores(model, x)
    total = [torch.zeros_like(g) for g in found[0][0]]
    for weights, labels in zip(p, found, strict=True):
        for weight, gradients in zip(weights, labels, strict=True):
            for i, g in enumerate(gradients):
                total[i] += weight * g.square() / len(x)
    return flat(dict(enumerate(total)))  # type: ignore[arg-type]


def slow_trace(model: nn.Module, x: Tensor, q: Question) -> Tensor:
    _, found = slow_scores(model, x)
    return torch.stack([sum(g.square().sum() for g in labels[q.target]) for labels in found])  # type: ignore[misc]


def slow_layer(model: nn.Module, x: Tensor, q: Question) -> Tensor:
    p, found = slow_scores(model, x, first_convolution(model))
    return torch.stack(
        [
            sum(w * g.square().sum() for w, gs in zip(ws, each, strict=True) for g in gs)
            for ws, each in zip(p, found, strict=True)
        ]  # type: ignore[misc]
    )


def slow_own_scores(model: nn.Module, x: Tensor, q: Question) -> Tensor:
    _, found = slow_scores(model, x)
    return flat({str(i): torch.stack([labels[q.target][i] for labels in found]) for i in range(len(found[0][0]))})


def _(needs: str, ask: Callable[[nn.Module, Tensor, Question], Tensor], slow: Any = None) -> Method:
    return Method(frozenset(needs.split()) | (set() if "raw" in needs else {"answer"}), ask, slow)


_CAMS = {
    "grad_cam": explain.grad_cam,
    "counterfactual_cam": explain.counterfactual_cam,
    "hires_cam": explain.hires_cam,
    "layer_cam": explain.layer_cam,
}
_SLOPES = {"gradient": "", "deconvnet": "relu", "guided_backprop": "relu"}

METHODS: dict[str, Method] = {
    **{n: _("logits map graph", lambda m, x, q, f=f: f(m, x, q.whole(q.target))) for n, f in _CAMS.items()},
    "grad_cam callable": _("map graph", lambda m, x, q: explain.grad_cam(m, x, q.score)),
    "grad_cam contrast": _("logits two map graph", lambda m, x, q: explain.grad_cam(m, x, contrast=q.whole(2))),
    "contrast_cam": _("logits two map graph", lambda m, x, q: explain.contrast_cam(m, x, q.whole(2))),
    "all_contrasts": _("logits two map graph", lambda m, x, q: explain.all_contrasts(m, x)),
    "class_maps": _("logits map graph", lambda m, x, q: explain.class_maps(m, x).maps),
    "class_maps of a layer": _(
        "logits layer graph", lambda m, x, q: explain.class_maps(m, x, layer=first_convolution(m)).maps
    ),
    **{
        n: _(f"logits slope graph {needs}", lambda m, x, q, n=n: getattr(explain, n)(m, x, q.whole(q.target)))
        for n, needs in _SLOPES.items()
    },
    "gradient callable": _("slope graph", lambda m, x, q: explain.gradient(m, x, q.score)),
    "gradient contrast": _("logits two slope graph", lambda m, x, q: explain.gradient(m, x, contrast=q.whole(2))),
    "occlusion": _(
        "logits", lambda m, x, q: explain.occlusion(m, x, q.whole(q.target), window=q.whole(4), stride=q.whole(3))
    ),
    "occlusion callable": _("", lambda m, x, q: explain.occlusion(m, x, q.score, window=4, stride=4)),
    "occlusion contrast": _(
        "logits two", lambda m, x, q: explain.occlusion(m, x, contrast=q.whole(2), window=(q.whole(4), 12), stride=4)
    ),
    "occlusion_sweep": _("logits two slope graph", swept),
    "deletion": _("logits", curve(faithfulness.deletion)),
    "insertion": _("logits", curve(faithfulness.insertion)),
    "randomisation": _("logits slope graph copy own", redrawn),
    "outputs_of": _("raw", lambda m, x, q: q.score(core.outputs_of(m, x))),
    "run": _("map graph raw", lambda m, x, q: core.run(m, x).activations),
    "core.last_layer": _("logits two linear", lambda m, x, q: core.last_layer(m, x).hidden),
    "introspect.features": _("logits two linear", lambda m, x, q: introspect.features(m, x, "ce", question="each")),
    "introspect.features of a layer": _(
        "logits two layer graph weights weight trunk own",
        lambda m, x, q: introspect.features(m, x, "ce", question="each", layer=first_convolution(m)),
    ),
    "introspect.dense_features": _(
        "logits two linear", lambda m, x, q: introspect.dense_features(introspect.last_layer(m, x))
    ),
    "introspect.stream": _("logits two linear", streamed),
    "IntrospectiveNetwork": _("logits two linear", lambda m, x, q: fitted(m, x, q).predict_proba(x)),
    "IntrospectiveNetwork forward": _("logits two linear", lambda m, x, q: fitted(m, x, q)(x.detach()).detach()),
    "IntrospectiveNetwork slope": _(
        "logits two linear slope second_slope graph", lambda m, x, q: explain.gradient(fitted(m, x, q), x, q.whole(1))
    ),
    "ood.msp": _("logits two", lambda m, x, q: ood.msp(m, x, q.whole(2))),
    "ood.odin": _("logits two slope graph", lambda m, x, q: ood.odin(m, x, q.whole(2), eps=0.1)),
    "ood.energy": _("logits", lambda m, x, q: ood.energy(m, x, q.whole(2))),
    "ood.max_logit": _("logits", lambda m, x, q: ood.max_logit(m, x)),
    "ood.gradient_norm": _("logits two linear", lambda m, x, q: ood.gradient_norm(m, x)),
    "active.probabilities": _("logits two", lambda m, x, q: active.probabilities(m, x)),
    "active.dropout_passes": _(
        "logits two dropout", lambda m, x, q: active.dropout_passes(m, x, q.whole(3), seed=q.whole(1))
    ),
    **{
        f"active.ask {s}": _(
            "logits two" + {"badge": " linear", "bald": " dropout"}.get(s, ""),
            lambda m, x, q, s=s: asked(s, m, x, q),
        )
        for s in ("entropy", "least_confidence", "margin", "bald", "badge")
    },
    "quality.feature_similarity": _("map graph", lambda m, x, q: quality.feature_similarity(m, x, x.flip(-1))),
    "quality.gradient_similarity": _(
        "logits two linear", lambda m, x, q: quality.gradient_similarity(m, x, x.flip(-1))
    ),
    "information.fisher": _("logits two weights graph", lambda m, x, q: flat(information.fisher(m, x)), slow_fisher),
    "information.fisher of a layer": _(
        "logits two layer weights trunk graph",
        lambda m, x, q: information.fisher(m, x, layer=first_convolution(m), what="trace"),
        slow_layer,
    ),
    "information.fisher monte carlo": _(
        "logits two weights graph own",
        lambda m, x, q: information.fisher(m, x, "monte carlo", what="trace", samples=q.whole(3), seed=q.whole(0)),
    ),
    "information.fisher empirical": _(
        "logits two weights graph",
        lambda m, x, q: information.fisher(m, x, "empirical", labels=q.whole(q.target), what="trace"),
        slow_trace,
    ),
    "information.scores": _(
        "logits two weights graph", lambda m, x, q: flat(information.scores(m, x, q.whole(q.target))), slow_own_scores
    ),
    "information.last_layer": _("logits two linear", lambda m, x, q: information.last_layer(m, x).scores()),
    "information.bridge": _("logits two linear last_weight graph", lambda m, x, q: information.bridge(m, x).contrasts),
    "information.fisher_map": _("logits two map graph", lambda m, x, q: information.fisher_map(m, x)),
    "information.fisher_map input": _(
        "logits two slope graph", lambda m, x, q: information.fisher_map(m, x, layer="input", of="values")
    ),
    "information.entropy": _(
        "logits two", lambda m, x, q: torch.from_numpy(information.entropy(active.probabilities(m, x), base=q.whole(2)))
    ),
}
assert evaluate
