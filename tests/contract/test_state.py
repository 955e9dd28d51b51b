"""The state contract: every method leaves everything as it was, on success and on any exception.

Every method runs on two networks in every state, and on all networks in the state where most can go wrong. A new method
adds one row to METHODS.
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gradlab import evaluate, explain, information, introspect
from gradlab.core import ModelError
from tests.conftest import NETWORKS, Small, Tokens
from tests.contract.unchanged import unchanged


def first_convolution(model: nn.Module) -> nn.Module:
    return next(part for part in model.modules() if isinstance(part, nn.Conv2d))


def streamed(model: nn.Module, x: Tensor) -> Tensor:
    with tempfile.TemporaryDirectory() as folder:
        store = introspect.stream(model, [x], folder, progress=False)
        return next(store.features(introspect.Recipe()))[0]


def fitted(model: nn.Module, x: Tensor) -> introspect.IntrospectiveNetwork:
    return introspect.IntrospectiveNetwork(model).fit(x, [0, 1], epochs=1, progress=False)


def flat(by_name: dict[str, Tensor]) -> Tensor:
    return torch.cat([values.flatten() for values in by_name.values()])


METHODS: dict[str, Callable[[nn.Module, Tensor], Tensor]] = {
    "grad_cam": lambda model, x: explain.grad_cam(model, x, target=1),
    "grad_cam callable": lambda model, x: explain.grad_cam(model, x, target=lambda z: z[:, 0] - z[:, 1]),
    "counterfactual_cam": lambda model, x: explain.counterfactual_cam(model, x, target=1),
    "contrast_cam": lambda model, x: explain.contrast_cam(model, x, contrast=2),
    "hires_cam": lambda model, x: explain.hires_cam(model, x, target=1),
    "layer_cam contrast": lambda model, x: explain.layer_cam(model, x, contrast=2),
    "gradient contrast": lambda model, x: explain.gradient(model, x, contrast=2),
    "occlusion contrast": lambda model, x: explain.occlusion(model, x, contrast=2, window=4, stride=3),
    "all_contrasts": explain.all_contrasts,
    "class_maps": lambda model, x: explain.class_maps(model, x).maps,
    "gradient": lambda model, x: explain.gradient(model, x, target=1),
    "deconvnet": lambda model, x: explain.deconvnet(model, x, target=1),
    "guided_backprop": lambda model, x: explain.guided_backprop(model, x, target=1),
    "occlusion": lambda model, x: explain.occlusion(model, x, target=1, window=4, stride=3),
    "occlusion_sweep": lambda model, x: [
        *explain.occlusion_sweep(model, x, "all", window=4, stride=3, score="probability")
    ][-1].maps(),
    "deletion": lambda model, x: explain.faithfulness.deletion(model, x, x[:, :1], 1, steps=3).scores,
    "insertion": lambda model, x: explain.faithfulness.insertion(model, x, x[:, :1], 1, steps=3).scores,
    "randomisation": lambda model, x: (
        explain.faithfulness.randomisation(model, lambda net, x: explain.gradient(net, x, 1), x).similarity
    ),
    "last_layer of introspect": lambda model, x: introspect.last_layer(model, x).hidden,
    "features": lambda model, x: introspect.features(model, x, "ce", question="each"),
    "features of a layer": lambda model, x: introspect.features(
        model, x, "ce", question="each", layer=first_convolution(model)
    ),
    "stream": streamed,
    "IntrospectiveNetwork": lambda model, x: fitted(model, x).predict_proba(x),
    "IntrospectiveNetwork forward": lambda model, x: fitted(model, x)(x).detach(),
    "msp": evaluate.ood.msp,
    "odin": evaluate.ood.odin,
    "odin of H": lambda model, x: evaluate.ood.odin(fitted(model, x), x),
    "energy": evaluate.ood.energy,
    "max_logit": evaluate.ood.max_logit,
    "gradient_norm": evaluate.ood.gradient_norm,
    "dropout_passes": lambda model, x: evaluate.active.dropout_passes(model, x, passes=3),
    "dropout_passes of H": lambda model, x: evaluate.active.dropout_passes(fitted(model, x), x, passes=3),
    "ask badge": lambda model, x: evaluate.active.ask("badge", model, x, 2),
    "feature_similarity": lambda model, x: evaluate.quality.feature_similarity(model, x, x.flip(3)),
    "gradient_similarity": lambda model, x: evaluate.quality.gradient_similarity(model, x, x.flip(3)),
    "fisher": lambda model, x: flat(information.fisher(model, x)),
    "fisher monte carlo": lambda model, x: flat(information.fisher(model, x, "monte carlo", samples=3, seed=0)),
    "fisher empirical": lambda model, x: information.fisher(model, x, "empirical", labels=1, what="trace"),
    "scores": lambda model, x: flat(information.scores(model, x)),
    "last_layer": lambda model, x: information.last_layer(model, x).scores(),
    "bridge": lambda model, x: information.bridge(model, x).contrasts,
    "fisher_map": information.fisher_map,
    "fisher_map input": lambda model, x: information.fisher_map(model, x, layer="input", of="values"),
}


# refused, with nothing left behind, by a network of GELUs
WITHOUT_RELU = {"deconvnet", "guided_backprop"}


def refused(model: nn.Module, method: str, x: Tensor) -> bool:
    if isinstance(model, Tokens) and method in WITHOUT_RELU:
        refusal = pytest.raises(ModelError, match="No ReLU")
    elif method.startswith("dropout_passes") and not any(isinstance(part, nn.Dropout) for part in model.modules()):
        refusal = pytest.raises(ModelError, match="No dropout ran")
    else:
        return False
    with unchanged(model, x), refusal:
        METHODS[method](model, x)
    return True


def frozen(model: nn.Module) -> contextlib.AbstractContextManager[None]:
    model.requires_grad_(False)
    return contextlib.nullcontext()


def training(model: nn.Module) -> contextlib.AbstractContextManager[None]:
    model.train()
    next(iter(model.children())).eval()  # mixed flags: each must come back as its own
    return contextlib.nullcontext()


def with_grads(model: nn.Module) -> contextlib.AbstractContextManager[None]:
    for p in model.parameters():
        p.grad = torch.full_like(p, 3.0)
    return contextlib.nullcontext()


STATES: dict[str, Callable[[nn.Module], contextlib.AbstractContextManager[Any]]] = {
    "eval": lambda model: contextlib.nullcontext(),
    "train": training,
    "frozen": frozen,
    "accumulated grads": with_grads,
    "no_grad": lambda model: torch.no_grad(),
    "inference_mode": lambda model: torch.inference_mode(),
}


# Convolutions with batch norm, dropout, a buffer that counts and layers in place; and attention over tokens.
IN_EVERY_STATE = ("in-place", "tokens")
CASES = [(name, state) for name in NETWORKS for state in STATES if name in IN_EVERY_STATE or state == "train"]


@pytest.mark.parametrize(("small", "state"), CASES, indirect=["small"])
@pytest.mark.parametrize("method", METHODS)
def test_nothing_changes_and_the_answer_is_the_same(
    small: nn.Module, method: str, state: str, pictures: Tensor
) -> None:
    if refused(small, method, pictures):
        return
    want = METHODS[method](small, pictures)
    assert bool(want.isfinite().all()) and want.max() > want.min(), "one number everywhere would tell nothing"
    context = STATES[state](small)
    with context:
        x = pictures.clone()  # inside, so that inference_mode hands over an inference tensor
        with unchanged(small, x):
            got = METHODS[method](small, x)
    # A difference of scores carries the scores' own rounding, however small it is; a correlation that of small slopes.
    near = 1e-4 if method == "randomisation" else 1e-6
    assert torch.allclose(got, want, rtol=1e-5, atol=near * max(float(want.abs().max()), 0.1))
    assert not got.requires_grad


class Boom(Exception):
    pass


@pytest.mark.parametrize("small", IN_EVERY_STATE, indirect=True)
@pytest.mark.parametrize("method", METHODS)
def test_an_exception_in_any_module_leaves_nothing_behind(small: nn.Module, method: str, pictures: Tensor) -> None:
    small.train()
    x = pictures.clone().requires_grad_()
    if refused(small, method, x):
        return
    raised = 0
    for module in list(small.modules()):

        def forward(*_: Any, **__: Any) -> Any:
            raise Boom

        module.forward = forward  # type: ignore[method-assign]
        try:
            with unchanged(small, x), contextlib.suppress(Boom):
                METHODS[method](small, x)
                raised -= 1
            raised += 1
        finally:
            del module.forward
    assert raised > 0, "no module raised, so this test would show nothing"


@pytest.mark.parametrize("method", METHODS)
def test_weights_made_in_inference_mode(method: str, pictures: Tensor) -> None:
    torch.manual_seed(0)
    want = METHODS[method](Small().eval(), pictures)
    torch.manual_seed(0)
    with torch.inference_mode():
        model = Small().eval()
    torch.testing.assert_close(METHODS[method](model, pictures), want)


class Noisy(Small):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x + 0.1 * torch.randn_like(x))


class Dropping(Small):
    """Drops in eval mode too."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.dropout(x, 0.5))


@pytest.mark.parametrize("make", [Noisy, Dropping])
@pytest.mark.parametrize("method", [name for name in METHODS if name != "dropout_passes"])
def test_answers_by_chance_are_refused_and_the_random_state_stays(
    make: type[Small], method: str, pictures: Tensor
) -> None:
    model = make().eval()
    with unchanged(model, pictures), pytest.raises(ModelError, match="answers by chance even in eval mode"):
        METHODS[method](model, pictures)


def test_dropout_passes_may_drop_by_chance(pictures: Tensor) -> None:
    model = Dropping().eval()
    with unchanged(model, pictures):
        assert evaluate.active.dropout_passes(model, pictures, passes=3, seed=0).std(0).max() > 0


def test_who_draws_without_its_answer_depending_on_it_is_answered(pictures: Tensor) -> None:
    class Idle(Small):
        def forward(self, x: Tensor) -> Tensor:
            torch.rand(3)
            return super().forward(x)

    model = Idle().eval()
    plain = Small().eval()
    plain.load_state_dict(model.state_dict())
    with unchanged(model, pictures):
        torch.testing.assert_close(explain.grad_cam(model, pictures, 0), explain.grad_cam(plain, pictures, 0))


def test_the_callers_tensor_survives_an_in_place_first_layer(pictures: Tensor) -> None:
    model = nn.Sequential(nn.ReLU(inplace=True), Small()).eval()
    with unchanged(model, pictures):
        explain.all_contrasts(model, pictures)


def test_two_threads_ask_one_model(pictures: Tensor) -> None:
    model = Small(inplace=True).train()
    want = {name: method(model, pictures) for name, method in METHODS.items()}
    wrong: list[str] = []

    def ask() -> None:
        for _ in range(4):
            for name, method in METHODS.items():
                if not torch.allclose(method(model, pictures), want[name], rtol=1e-5):
                    wrong.append(name)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    with unchanged(model, pictures):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_another_threads_plain_forward_is_left_alone(pictures: Tensor) -> None:
    """A training loop may run the model while a widget asks it: its graph and outputs stay its own."""
    model = Small(functional=True).eval()
    model.calls.requires_grad_(False)
    stop, bad = threading.Event(), []

    def train() -> None:
        while not stop.is_set():
            out = model(pictures).sum()
            grads = torch.autograd.grad(out, list(model.parameters()), allow_unused=True)
            bad.extend(g for g in grads if g is None)

    thread = threading.Thread(target=train)
    thread.start()
    for _ in range(30):
        explain.all_contrasts(model, pictures)
    stop.set()
    thread.join()
    assert bad == []


def test_names_cover_every_public_method() -> None:
    """A method that is missing from the table is not tested: say so."""
    asked = {name.split()[0] for name in METHODS}
    display = {"overlay", "upsample", "unit_scale", "runner_up", "ClassMaps", "Sweep"}
    measured = {"deletion", "insertion", "randomisation"}  # of faithfulness
    introspective = {"features", "stream", "IntrospectiveNetwork"}
    downstream = {"msp", "odin", "energy", "max_logit", "gradient_norm", "dropout_passes", "ask"}
    downstream |= {"feature_similarity", "gradient_similarity"}
    informed = {"fisher", "fisher_map", "scores", "last_layer", "bridge"}
    assert set(explain.__all__) - display - {"faithfulness"} == asked - measured - introspective - downstream - informed
    assert informed == information._WITH_TORCH.keys() - {"Bridge", "LastLayer"}
    assert introspective < set(introspect.__all__)
    assert set(NETWORKS) >= {"plain", "in-place", "functional", "residual", "flattened", "conv-scored", "tokens"}
