"""A model that others use meanwhile: a thread that trains it, a user who interrupts, a child that is forked."""

from __future__ import annotations

import copy
import functools
import gc
import os
import random
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gradlab import evaluate, explain, information, introspect
from gradlab.core import ModelError, outputs_of, run
from gradlab.core import network as networks
from gradlab.core.network import Network
from tests.conftest import Small

STEPS = 500
INTERRUPTS = int(os.environ.get("GRADLAB_INTERRUPTS", "300"))  # 10000 before a release


class Trained(nn.Module):
    """Batch norm and dropout: what a training run changes and draws in each step."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.conv2, self.bn2 = nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16)
        self.drop, self.fc = nn.Dropout(0.3), nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        logits: Tensor = self.fc(self.drop(F.relu(self.bn2(self.conv2(x))).mean((2, 3))))
        return logits


QUESTIONS: list[Callable[[nn.Module, Tensor], Any]] = [
    lambda m, x: explain.grad_cam(m, x, 1),
    explain.gradient,
    explain.all_contrasts,
    lambda m, x: explain.guided_backprop(m, x, 1),
    lambda m, x: explain.occlusion(m, x, window=8, stride=8),
    lambda m, x: information.fisher(m, x, what="trace"),
    lambda m, x: information.fisher_map(m, x),
    lambda m, x: information.bridge(m, x),
    introspect.features,
    lambda m, x: introspect.features(m, x, layer="conv1"),
    lambda m, x: evaluate.active.dropout_passes(m, x, passes=2),
]


def trained(model: nn.Module, steps: int, until: threading.Event | None = None) -> dict[str, Tensor]:
    """Train and return the weights and buffers; then the next random numbers, as one of them."""
    generator = torch.Generator().manual_seed(1)
    x, y = torch.randn(16, 3, 16, 16, generator=generator), torch.randint(5, (16,), generator=generator)
    torch.manual_seed(0)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(model.train()(x), y).backward()
        optimizer.step()
    return {**{name: values.clone() for name, values in model.state_dict().items()}, "drawn": torch.rand(4)}


def test_training_is_bit_for_bit_what_it_is_alone() -> None:
    torch.manual_seed(0)
    alone, beside = Trained(), Trained()
    beside.load_state_dict(alone.state_dict())
    want = trained(alone, STEPS)
    stop, asked, wrong = threading.Event(), [0], []
    x = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(2))

    def explaining() -> None:
        while not stop.is_set():
            try:
                QUESTIONS[asked[0] % len(QUESTIONS)](beside, x)
            except Exception as error:
                wrong.append(repr(error))
            asked[0] += 1

    thread = threading.Thread(target=explaining)
    thread.start()
    got = trained(beside, STEPS)
    stop.set()
    thread.join()
    assert asked[0] > len(QUESTIONS) and wrong == []
    assert [name for name in want if not torch.equal(want[name], got[name])] == []


def test_an_answer_met_by_an_update_is_asked_again_and_at_last_of_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x = Small().eval(), torch.randn(2, 3, 16, 16)
    torch.manual_seed(0)
    start, updates = Network.__call__, [0]

    def updated(self: Network, *args: Any, **kwargs: Any) -> Any:
        outputs = start(self, *args, **kwargs)
        with torch.no_grad():
            model.fc.weight.add_(0.5)  # half-way: after the run, before the pull-back
        updates[0] += 1
        return outputs

    explain.grad_cam(model, x, 1)  # the layer is found
    monkeypatch.setattr(Network, "__call__", updated)
    got = explain.grad_cam(model, x, 1)
    assert updates[0] == networks.ATTEMPTS + 1
    monkeypatch.undo()
    with torch.no_grad():
        model.fc.weight.sub_(0.5)  # what the copy was taken of
    torch.testing.assert_close(got, explain.grad_cam(model, x, 1))


def test_a_run_is_not_asked_after_an_update() -> None:
    model, x = Small().eval(), torch.randn(2, 3, 16, 16)
    kept = run(model, x)
    with torch.no_grad():
        model.fc.weight.mul_(2)
    with pytest.raises(ModelError, match="updated"):
        kept.pull_back(kept.logits[:, 0])


def acting_modes() -> int:
    """Count function modes on the stack, but for ours that are off: torch may put one back when it was left."""
    stack = range(torch._C._len_torch_function_stack())
    return sum(getattr(torch._C._get_function_stack_at(i), "on", True) for i in stack)


def left(model: nn.Module, x: Tensor) -> Any:
    """Everything that an explanation could leave behind."""
    parts = [
        (name, id(part), part.training, *(tuple(getattr(part, f"_{kind}_hooks")) for kind in ("forward", "backward")))
        for name, part in model.named_modules()
    ]
    buffers = [(name, id(b), b._version) for name, b in model.named_buffers()]
    weights = [(name, id(p), p._version, p.requires_grad, p.grad) for name, p in model.named_parameters()]
    modes = (torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.get_rng_state().tolist())
    stacks = (
        acting_modes(),
        torch._C._len_torch_dispatch_stack(),
        torch._C._functorch.get_dynamic_layer_stack_depth(),
    )
    return parts, buffers, weights, modes, stacks, x._version


class Counting(Trained):
    """Assigns a buffer anew in each forward pass, so that its shadow is made anew for each question."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.seen = self.seen + 1
        return super().forward(x)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timer on this system")
def test_an_interrupt_at_any_moment_leaves_nothing_behind() -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    torch.manual_seed(0)
    lots = random.Random(0)
    x = torch.randn(2, 3, 16, 16)
    models = [Trained().train(), Counting().train()]
    lengths = {}
    for model in models:
        for ask in QUESTIONS:
            ask(model, x)
            start = time.perf_counter()
            ask(model, x)
            lengths[model, ask] = time.perf_counter() - start
    before = {model: left(model, x) for model in models}
    previous = signal.signal(signal.SIGALRM, interrupt)
    met = 0
    try:
        while met < INTERRUPTS:
            model, ask = lots.choice(list(lengths))
            try:
                signal.setitimer(signal.ITIMER_REAL, lots.uniform(2e-5, 1.1 * lengths[model, ask]))
                ask(model, x)
                signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                met += 1
            assert left(model, x) == before[model]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


@pytest.mark.parametrize("ask", [explain.all_contrasts, lambda m, x: information.fisher(m, x, what="trace")])
def test_an_interrupt_between_a_mode_of_torch_and_its_way_back_leaves_it(ask: Callable[..., Any]) -> None:
    """It comes on the line after a batch of cotangents, or of samples, has been entered."""
    model, x, met = Trained().eval(), torch.randn(2, 3, 16, 16), []

    def on_the_way(frame: Any, event: str, _: Any) -> Any:
        inside = "vmap" in frame.f_code.co_filename and event == "line" and not met
        if inside and torch._C._functorch.get_dynamic_layer_stack_depth() + legacy_depth():
            met.append(frame.f_lineno)
            raise KeyboardInterrupt
        return on_the_way

    sys.settrace(on_the_way)
    try:
        with pytest.raises(KeyboardInterrupt):
            ask(model, x)
    finally:
        sys.settrace(None)
    assert met and torch._C._functorch.get_dynamic_layer_stack_depth() == legacy_depth() == 0
    torch.ones(1, requires_grad=True).sum().backward()


def legacy_depth() -> int:
    torch._C._vmapmode_increment_nesting()
    return int(torch._C._vmapmode_decrement_nesting())


class Scaling(nn.Module):
    """Its forward pass writes into its input: what runs next must not read that."""

    def __init__(self, net: nn.Module, inplace: bool) -> None:
        super().__init__()
        self.net, self.inplace = net, inplace

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.net(x.mul_(3) if self.inplace else x * 3)
        return logits


@pytest.mark.parametrize("ask", QUESTIONS[:-2])
def test_each_run_gets_its_own_input(ask: Callable[[nn.Module, Tensor], Any]) -> None:
    torch.manual_seed(0)
    net, x = Trained().eval(), torch.randn(2, 3, 16, 16)
    kept = x.clone()
    plain, inplace = (Scaling(net, each).eval() for each in (False, True))
    want, got = ask(plain, x), ask(inplace, x)
    if isinstance(want, information.Bridge):
        want, got = want.contrasts, got.contrasts
    torch.testing.assert_close(got, want)
    assert torch.equal(x, kept)


class Idle(Small):
    """Draws, and answers without it."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x + 0 * torch.randn_like(x))


@pytest.mark.parametrize("make", [Small, Idle])
def test_the_random_state_is_rewound_by_a_run_that_draws_and_by_no_other(make: type[Small]) -> None:
    model, x = make().eval(), torch.randn(1, 3, 16, 16)

    class Drawing(nn.Module):
        """Draws as another thread would: while the model runs, and not by an operation of its own thread."""

        def forward(self, x: Tensor) -> Tensor:
            thread = threading.Thread(target=lambda: torch.rand(1))
            thread.start()
            thread.join()
            return x

    whole = nn.Sequential(Drawing(), model).eval()
    before = torch.get_rng_state()
    outputs_of(whole, x)
    assert torch.equal(torch.get_rng_state(), before) == (make is Idle)


def patched(model: Small) -> Small:
    """A forward that is a closure over the original: a copy of the tree would run the original's layers."""
    inner = model.forward
    model.forward = lambda x: inner(x)  # type: ignore[method-assign]
    return model


def hidden(model: Small) -> nn.Module:
    """A model that the registry does not know."""

    class Holder:
        def __init__(self) -> None:
            self.model = model

    class Outside(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.holder = nn.Identity(), Holder()

        def forward(self, x: Tensor) -> Tensor:
            logits: Tensor = self.holder.model(self.first(x))
            return logits

    return Outside()


def wrapped(model: Small) -> Small:
    inner = model.forward
    model.forward = functools.partial(lambda inner, x: inner(x), inner)  # type: ignore[method-assign]
    return model


class Uncopied(Small):
    """Its attribute refuses to be copied."""

    def __init__(self) -> None:
        super().__init__()

        class Stubborn(dict):  # type: ignore[type-arg]
            def copy(self) -> Any:
                raise TypeError("not me")

        self.stubborn = Stubborn()


def stubborn(model: Small) -> Small:
    other = Uncopied().eval()
    other.load_state_dict(model.state_dict())
    return other


@pytest.mark.parametrize("make", [patched, wrapped, stubborn])
def test_what_no_shadow_can_stand_in_for_is_borrowed(make: Callable[[Small], nn.Module]) -> None:
    torch.manual_seed(0)
    plain = Small().eval()
    torch.manual_seed(0)
    model, x = make(Small()), torch.randn(2, 3, 16, 16)
    model.train()
    before, values = left(model, x), [b.clone() for b in model.buffers()]
    torch.testing.assert_close(explain.grad_cam(model, x, 1), explain.grad_cam(plain, x, 1))
    torch.testing.assert_close(explain.gradient(model, x, 1), explain.gradient(plain, x, 1))
    after = left(model, x)
    assert (after[0], *after[2:]) == (before[0], *before[2:])  # buffers were written and put back: their values stay
    assert all(torch.equal(a, b) for a, b in zip(model.buffers(), values, strict=True))
    assert model in networks._borrowed


def test_a_module_that_the_registry_does_not_know_is_not_changed_either() -> None:
    torch.manual_seed(0)
    inner, x = Small().eval(), torch.randn(2, 3, 16, 16)
    want = copy.deepcopy(inner)(x).detach()
    model, values = hidden(inner.train()), [b.clone() for b in inner.buffers()]
    torch.testing.assert_close(outputs_of(model, x), want)
    assert inner.training and all(torch.equal(a, b) for a, b in zip(inner.buffers(), values, strict=True))


def test_a_closure_that_only_running_shows_is_found_by_the_watch() -> None:
    class Late(Small):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) + ORIGINAL[0].fc.bias

    torch.manual_seed(0)
    model, x = Late().eval(), torch.randn(2, 3, 16, 16)
    ORIGINAL[:] = [model]
    explain.gradient(model, x, 1)
    assert "reads the original's weights" in networks._borrowed[model]["reason"]
    ORIGINAL.clear()


ORIGINAL: list[Any] = []


def test_memory_of_a_layer_goes_when_the_model_changes() -> None:
    model, x = nn.Sequential(nn.Conv2d(3, 3, 3), nn.ReLU(), Small()).eval(), torch.randn(1, 3, 18, 18)
    assert run(model, x).layer == "2.relu"
    model[2] = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 5))
    assert run(model, x).layer == "1"


def test_a_shadow_follows_the_model() -> None:
    """Weights updated, given anew, moved to another precision; buffers written; attributes and hooks changed."""
    torch.manual_seed(0)
    model, x = Small().eval(), torch.randn(2, 3, 16, 16)

    def check(dtype: torch.dtype = torch.float32) -> None:
        torch.testing.assert_close(outputs_of(model, x.to(dtype)), model.eval()(x.to(dtype)).detach())

    check()
    with torch.no_grad():
        model.fc.weight.add_(1)
    check()
    model.fc.weight = nn.Parameter(torch.randn_like(model.fc.weight))
    check()
    model.train()(x)  # batch norm's statistics
    check()
    model.double()
    check(torch.float64)
    model.float()
    hook = model.fc.register_forward_hook(lambda *given: given[2] * 2)
    check()
    hook.remove()
    check()
    model.bn1.eps = 1.0
    check()


def test_shadows_do_not_keep_a_model_alive() -> None:
    model = Small().eval()
    explain.grad_cam(model, torch.randn(1, 3, 16, 16))
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


def test_a_model_that_was_explained_can_be_copied_and_saved(tmp_path: Any) -> None:
    model, x = Small().eval(), torch.randn(1, 3, 16, 16)
    want = explain.grad_cam(model, x, 1)
    torch.save(model, tmp_path / "model.pt")
    again = torch.load(tmp_path / "model.pt", weights_only=False)
    for other in (copy.deepcopy(model), again):
        torch.testing.assert_close(explain.grad_cam(other, x, 1), want)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_child_forked_while_a_thread_explains_can_explain() -> None:
    model, x = patched(Small().eval()), torch.randn(1, 3, 16, 16)  # borrowed: the way with a lock
    explain.grad_cam(model, x, 1)
    inside, leave = threading.Event(), threading.Event()

    def held(*_: Any) -> None:
        if threading.current_thread() is not threading.main_thread():
            inside.set()
            leave.wait(20)

    model.relu.register_forward_hook(held)
    thread = threading.Thread(target=lambda: explain.grad_cam(model, x, 1))
    thread.start()
    assert inside.wait(20)
    child = os.fork()
    if child == 0:
        signal.alarm(15)
        try:
            explain.grad_cam(model, x, 1)
            os._exit(0)
        except BaseException:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    leave.set()
    thread.join()
    assert status == 0
