"""One network's answers, each beside the slow definition's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from data_scripts import any_network_peers as peers
from data_scripts.any_network_rows import LIBRARIES, METHODS, Row
from data_scripts.any_network_zoo import CLASSES, Case
from gradlab import explain, information, introspect
from gradlab.core import GradlabError, run
from tests.reference.any_network import (
    RULES,
    Read,
    bypassed,
    slow_cams,
    slow_gradient,
    slow_occlusion,
    slow_weight_gradients,
)

PEERS = 1e-4  # of the largest value; they work in float32 here and there
CONTRAST = 5  # Q
NONE, SKIPPED = "refused", "not asked"
Answer = Callable[[], Tensor]


def verdict(answer: Answer, want: Tensor | None, tolerance: float) -> str:
    """Return right, wrong with the error as a share of the largest value, refused with the reason, or failed.

    Args:
        answer: asks.
        want: what is right; None: nothing is, and any answer is wrong.
        tolerance: of the largest value.
    """
    try:
        got = answer().detach().double()
    except GradlabError as error:
        return f"refused: {_sentence(str(error))}"
    except Exception as error:
        return f"failed: {type(error).__name__}"
    if want is None:
        return "wrong: an answer where there is none"
    if got.shape != want.shape:
        return f"wrong shape {tuple(got.shape)}"
    if not bool(torch.isfinite(got).all()):
        return "wrong: not finite"
    largest = want.abs().max()
    if not largest > 0:
        return "not judged: all zeros"
    error = float((got - want.double()).abs().max() / largest)
    return "right" if error <= tolerance else f"wrong by {error:.0e}" if error < 0.01 else f"wrong by {error:.0%}"


def _sentence(text: str) -> str:
    """Return the first sentence; a stop inside a name or a number ends none."""
    return re.split(r"[.:;] ", text)[0].rstrip(".")


class Judge:
    """Ask every method of one network."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.model = case.make()
        self.plain = case.plain() if case.plain else self.model
        self.exact = case.x.to(case.exact, copy=True) if case.plain else case.x.clone()  # what the plain network reads
        self.lent: Any = None  # a copy for the peers
        z = None if case.undefined >= {"occlusion", "gradient"} else self._outputs()
        self.classes = 1 if z is None or z.ndim == 1 else z.shape[1]
        self.q = min(CONTRAST, self.classes - 1)
        self.asked = list(range(min(CLASSES, self.classes)))

    @property
    def x(self) -> Tensor:
        """The pictures, for who may write into them: a network in place, asked by a peer."""
        return self.case.x.clone()

    def rows(self, name: str, family: str, versions: str) -> Iterator[Row]:
        """Yield one row for each method."""
        picture = " x ".join(str(side) for side in self.x.shape[2:])
        for method, ways in (
            (METHODS[:3], self._maps), (METHODS[3:4], self._occlusion), (METHODS[4:7], self._slopes),
            (METHODS[7:8], self._features), (METHODS[8:], self._fisher),
        ):  # fmt: skip
            for each, about in zip(method, ways(), strict=True):
                yield Row(name, family, each, picture, **about, versions=versions)

    def _outputs(self) -> Tensor:
        with torch.no_grad():
            return self._read_plain(self.plain(self.exact[:1].clone()))

    def _read_plain(self, outputs: Any) -> Tensor:
        """Return the scores from what the plain network returns: itself logits, unless it is the odd one."""
        return outputs if self.case.plain else self.case.read(outputs)

    # What is asked, of the network as it is.

    def target(self, c: int) -> Any:
        """Return class c, by a function where the network returns more than logits."""
        if self.case.whole:
            return c
        return lambda out: _class(self.case.read(out), c)

    def contrast(self) -> Any:
        """Return Q."""
        return (
            self.q
            if self.case.whole or self.classes == 1
            else lambda out: -self.case.read(out).log_softmax(-1)[:, self.q]
        )

    def _judged(
        self, method: str, answer: Answer, want: Tensor | None, theirs: dict[str, str] | None = None
    ) -> dict[str, str]:
        if method in self.case.skipped:
            return {"gradlab": SKIPPED}
        if method in self.case.undefined or (want is not None and not bool(torch.isfinite(want).all())):
            want = None
        said = verdict(answer, want, self.case.tolerance)
        return {"gradlab": said, "defined": "no" if want is None else "yes", **(theirs or {})}

    def _maps(self) -> Iterator[dict[str, str]]:
        layer, size = self._layer()
        wants: list[Tensor | None] = [None] * 3
        target, around = 0, ""
        if layer and "grad_cam" not in self.case.undefined:
            scores = [*(partial(_one, c) for c in self.asked), *(partial(_against, q) for q in self.asked)]
            made = slow_cams(self.plain, layer, size, self.exact, scores, self._read_plain)
            of_class, against = made[: len(self.asked)], made[len(self.asked) :]
            # a class whose map is not empty after the ReLU that peers apply, or all would agree on zeros
            target = max(self.asked, key=lambda c: float(of_class[c][0].max() / of_class[c][0].abs().max()))
            wants = [of_class[target][:, None], against[self.q][:, None], torch.stack(against, 1)]
            around = "yes" if bypassed(self.plain, layer, self.exact, self._read_plain) else "no"
        model, x = self.model, self.x
        ours: list[Answer] = [
            lambda: explain.grad_cam(model, x, self.target(target)),
            lambda: explain.contrast_cam(model, x, self.contrast()),
            lambda: explain.all_contrasts(model, x)[:, self.asked],
        ]
        self.lent = self._for_peers()
        for method, answer, want in zip(METHODS[:3], ours, wants, strict=True):
            theirs = self._peers_maps(method, layer, target, want) if want is not None else {}
            yield self._judged(method, answer, want, theirs) | {"layer": layer, "round": around}

    def _layer(self) -> tuple[str, tuple[int, ...]]:
        """Return the layer that is judged and its map's size: the one that is found, unless it is known."""
        try:
            kept = run(self.model, self.x, keep=self.case.layer or None) if not self.case.plain else None
            if kept is None:
                return self.case.layer, tuple(self._map_of(self.case.layer).shape[2:]) if self.case.layer else ()
            return kept.layer, tuple(kept.activations.shape[2:])
        except GradlabError:
            return "", ()

    def _map_of(self, layer: str) -> Tensor:
        kept: list[Tensor] = []
        handle = self.plain.get_submodule(layer).register_forward_hook(lambda part, args, out: kept.append(out))
        try:
            with torch.no_grad():
                self.plain(self.exact.clone())
        except Exception:
            return torch.zeros(1, 1, 1, 1)
        finally:
            handle.remove()
        return kept[-1]

    def _peers_maps(self, method: str, layer: str, target: int, want: Tensor) -> dict[str, str]:
        if method == "all_contrasts" or method in self.case.skipped | self.case.undefined:
            return {}
        model, x = self.lent, self.x[:1]
        places = [name for name, _ in model.named_modules() if f".{name}".endswith(f".{layer}")]
        ways = peers.cams(model, places[0] if places else layer, x)
        asked = target if method == "grad_cam" else None
        return {
            library: verdict(partial(way, asked, self.q), shown(want[0, 0]), max(PEERS, self.case.tolerance))
            for library in LIBRARIES[1:]
            for way, shown in [ways[library][method]]
            if way
        }

    def _for_peers(self) -> nn.Module:
        made = self.case.make()
        return made if self.case.whole else peers.Reading(made, self.case.read)

    def _occlusion(self) -> Iterator[dict[str, str]]:
        window, stride = self.case.window, self.case.stride
        score: Read = lambda out: _class(self._read_plain(out), self.q)  # noqa: E731
        want = None
        theirs = {}
        if "occlusion" not in self.case.undefined:
            want = slow_occlusion(self.plain, self.exact, window, stride, score)
            self.lent = self._for_peers()
            found = partial(peers.occlusion, self.lent, self.x[:1], window, stride, self.q)
            theirs = {"captum": verdict(found, want[:1], max(1e-6, self.case.tolerance))}
        ask = lambda: explain.occlusion(self.model, self.x, self.target(self.q), window=window, stride=stride)  # noqa: E731
        yield self._judged("occlusion", ask, want, theirs)

    def _slopes(self) -> Iterator[dict[str, str]]:
        score: Read = lambda out: _class(self._read_plain(out), self.q)  # noqa: E731
        plain, want, met = None, None, True
        for method, rule in RULES.items():
            if method not in self.case.undefined:
                if plain is None or met:  # without a ReLU every rule is the plain gradient
                    want, met = slow_gradient(self.plain, self.exact, score, rule)
                plain = want if plain is None else plain
            defined = want if method == "gradient" or met else None
            theirs = {}
            if want is not None:
                ways = peers.gradients(self.lent, self.x[:1], self.q)[method]
                for library, way in ways.items():
                    said = verdict(way, want[:1], max(PEERS, self.case.tolerance))
                    theirs[library] = "silent: the plain gradient" if defined is None and said == "right" else said
            ask = partial(getattr(explain, method), self.model, self.x, self.target(self.q))
            yield self._judged(method, ask, defined, theirs)

    def _features(self) -> Iterator[dict[str, str]]:
        want, heads = None, self._heads()
        if "features" not in self.case.undefined | self.case.skipped and heads:
            mse = lambda z: [(z - 1).square().mean()]  # noqa: E731
            made = slow_weight_gradients(self.plain, heads, self.exact, mse, self._read_plain)
            used = [name for name in heads if made[0][0][name].any()]  # not an auxiliary head's
            if len(used) == 1:
                want = torch.stack([each[0][used[0]].flatten() for each in made])
        yield self._judged("features", lambda: introspect.features(self.model, self.x, normalize=None), want)

    def _heads(self) -> list[str]:
        """Return the weights that make the logits: one row for each class."""
        rows = [(name, p) for name, p in self.plain.named_parameters() if p.ndim > 1 and len(p) == self.classes]
        rows = [(name, p) for name, p in rows if name.endswith("weight")]  # a table of relative places has as many rows
        return [name for name, p in rows if p.numel() == p.shape[0] * p.shape[1]] if self.classes != 1 else []

    def _fisher(self) -> Iterator[dict[str, str]]:
        want, layer = None, None
        if "fisher" not in self.case.undefined | self.case.skipped:
            model, read = (self.case.make(), self.case.read) if self.case.own else (self.plain, self._read_plain)
            names = [name for name, _ in model.named_parameters()]
            if not self.case.plain:  # all weights of a small network, the head's of a large one
                layer = (self._heads() or names)[-1].rpartition(".")[0]
                names = [name for name in names if name.startswith(f"{layer}.")]
            every = lambda z: list(z.log_softmax(0))  # noqa: E731
            made = slow_weight_gradients(model, names, self.exact, every, read)
            with torch.no_grad():
                p = torch.cat([read(model(one.clone())) for one in self.exact.split(1)]).softmax(1)
            want = torch.stack(
                [
                    sum(w * sum(g.square().sum() for g in each.values()) for w, each in zip(row, own, strict=True))
                    for row, own in zip(p, made, strict=True)
                ]
            )
        yield self._judged("fisher", lambda: information.fisher(self.model, self.x, what="trace", layer=layer), want)


def _class(scores: Tensor, c: int) -> Tensor:
    return scores if scores.ndim == 1 else scores[:, c]


def _one(c: int, z: Tensor) -> Tensor:
    return z if z.ndim == 0 else z[c]


def _against(q: int, z: Tensor) -> Tensor:
    return z * 0 if z.ndim == 0 else -z.log_softmax(0)[q]
