"""The second stage: end to end, seeded, interruptible, kept without pickle, and f left as it is."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from gradlab import evaluate, explain, introspect
from gradlab.core import GradlabError, InputError, LayerError, ModelError, TargetError
from gradlab.introspect import IntrospectiveNetwork
from gradlab.introspect.training import Rows
from tests.conftest import ConvScored, Small

ARMS: dict[str, dict[str, Any]] = {
    "default": {},
    "raw": {"normalize": None},
    "min-max": {"normalize": "minmax", "loss": "bce"},
    "each": {"question": "each", "loss": "ce"},
    "not standardised": {"standardize": False},
    "control": {"on": "h"},
    "control, raw": {"on": "h", "normalize": None},
    "control, wide": {"on": "h", "normalize": "minmax", "capacity": 9000},
    "own": {"reflection": nn.Sequential(nn.Linear(40, 20), nn.Dropout(0.5), nn.ReLU(), nn.Linear(20, 5))},
}


def data(n: int = 120) -> tuple[Tensor, Tensor]:
    """Five bright places to tell apart."""
    generator = torch.Generator().manual_seed(5)
    y = torch.randint(5, (n,), generator=generator)
    x = 0.3 * torch.randn(n, 3, 16, 16, generator=generator)
    for i, label in enumerate(y.tolist()):
        x[i, label % 3, 3 * label : 3 * label + 3] += 2
    return x, y


@pytest.fixture
def f() -> Small:
    torch.manual_seed(1)
    return Small()  # in train mode: it is asked as in eval


def fitted(f: nn.Module, **arm: Any) -> IntrospectiveNetwork:
    return IntrospectiveNetwork(f, **arm).fit(*data(), epochs=3, progress=False)


@pytest.mark.parametrize("arm", ARMS)
def test_each_arm_is_the_pipeline_it_says(f: Small, arm: str) -> None:
    x, _ = data()
    intro = fitted(f, **ARMS[arm]).eval()
    options = ARMS[arm]
    h = introspect.last_layer(f, x).hidden
    normalize = options.get("normalize", "l2")
    if options.get("on") == "h":
        low, high = h.amin(1, keepdim=True), h.amax(1, keepdim=True)
        made = {"l2": F.normalize(h), "minmax": (h - low) / (high - low), None: h}[normalize]
    else:
        loss, question = options.get("loss", "mse"), options.get("question", "ones")
        made = introspect.features(f, x, loss, question=question, normalize=normalize).flatten(1)
    assert intro.reflection is not None
    if options.get("standardize", True):
        std = made.std(0, correction=0)
        made = (made - made.mean(0)) / torch.where(std > 1e-5 * made.mean(0).abs(), std, 1)
        assert isinstance(intro.reflection[0], introspect.Standardizer)
    want = intro.reflection[-1](made)
    torch.testing.assert_close(intro(x), want, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(intro.predict_proba(x), want.softmax(1).detach(), atol=1e-5, rtol=1e-4)
    assert torch.equal(intro.predict(x), intro.predict_proba(x).argmax(1))


def test_it_learns(f: Small) -> None:
    x, y = data()
    intro = IntrospectiveNetwork(f).fit(x, y, epochs=30, rate=1e-2, progress=False)
    untrained = (introspect.last_layer(f, x).logits.argmax(1) == y).float().mean()
    assert float((intro.predict(x) == y).float().mean()) > max(0.8, float(untrained))
    assert intro.history[-1].loss < 0.5 < intro.history[0].loss


def test_the_same_seed_gives_the_same_network_and_no_random_state_moves(f: Small) -> None:
    x, y = data()
    for arm in ("default", "own"):
        state = torch.get_rng_state()
        one, two, other = (
            IntrospectiveNetwork(f, **ARMS[arm]).fit(x, y, epochs=2, seed=seed, progress=False) for seed in (3, 3, 4)
        )
        assert torch.equal(state, torch.get_rng_state())
        assert torch.equal(one.predict_proba(x), two.predict_proba(x))
        assert not torch.equal(one.predict_proba(x), other.predict_proba(x))
        again = one.fit(x, y, epochs=2, seed=3, progress=False)
        assert torch.equal(again.predict_proba(x), two.predict_proba(x)), "a second fit starts anew"


def test_equal_capacity_is_one_argument_away(f: Small) -> None:
    intro = fitted(f)
    control = fitted(f, on="h", capacity=intro.weights)
    assert fitted(f, on="h").weights < 0.9 * intro.weights
    assert control.weights == pytest.approx(intro.weights, rel=0.01)
    assert fitted(f, capacity=20).weights < 200
    tiny = fitted(f, hidden=(2, 3))
    assert tiny.weights == 41 * 2 + 3 * 3 + 4 * 5


def test_all_forms_of_data_are_the_same_data(f: Small, tmp_path: Path) -> None:
    x, y = data()
    want = fitted(f).predict_proba(x)
    kept = introspect.last_layer(f, x)
    loader = DataLoader(TensorDataset(x, y), 30)
    store = introspect.stream(f, loader, tmp_path, progress=False)
    for given in ((kept, y), (kept, y.tolist()), (loader, None), (store, None)):
        intro = IntrospectiveNetwork(f).fit(*given, epochs=3, progress=False)
        for asked in (x, kept, loader, store, [x[:50], x[50:]]):
            torch.testing.assert_close(intro.predict_proba(asked), want, atol=1e-4, rtol=1e-3)


def test_a_store_of_many_shards_is_shuffled_across_and_within(f: Small, tmp_path: Path) -> None:
    x, y = data()
    store = introspect.stream(f, DataLoader(TensorDataset(x, y), 30), tmp_path, shard_rows=25, progress=False)
    rows = Rows(f, store, None)
    assert rows.chunks == 5
    in_order = torch.cat([kept.logits for kept, _ in rows.batches(7)])
    torch.testing.assert_close(in_order, introspect.last_layer(f, x).logits)
    orders = []
    for seed in (0, 1):
        parts = list(rows.batches(7, torch.Generator().manual_seed(seed)))
        orders.append(torch.cat([kept.logits for kept, _ in parts]))
        assert not torch.equal(orders[-1], in_order)
        assert torch.equal(orders[-1].sum(1).sort().values, in_order.sum(1).sort().values)
    assert not torch.equal(*orders)


def test_gradients_reach_the_picture_and_never_the_weights_of_f(f: Small) -> None:
    intro = fitted(f)
    x = data()[0][:3].clone().requires_grad_()
    intro(x).logsumexp(1).sum().backward()
    assert x.grad is not None and float(x.grad.abs().amax((1, 2, 3)).min()) > 0
    assert all(p.grad is None for p in f.parameters())
    assert any(p.grad is not None for p in intro.reflection.parameters())  # type: ignore[union-attr]
    double = copy.deepcopy(intro).double()
    one = x[:1].detach().double().requires_grad_()
    assert torch.autograd.gradcheck(double, one, eps=1e-6, atol=1e-5)


def test_the_engine_explains_it_like_any_network(f: Small) -> None:
    """Its map at a layer of f equals the gradient of the whole pipeline, written out."""
    intro, x = fitted(f).eval(), data()[0][:2]
    body = copy.deepcopy(f).eval()
    maps = body.relu(body.bn2(body.conv2(body.relu(body.bn1(body.conv1(x)))))).detach().requires_grad_()
    h = maps.mean((2, 3))
    u = (2 / 5) * (body.fc(h) - 1)
    features = F.normalize((u[:, :, None] * h[:, None]).flatten(1))
    score = intro.reflection(features)[:, 1]  # type: ignore[misc]
    (slope,) = torch.autograd.grad(score.sum(), maps)
    want = (slope.mean((2, 3), keepdim=True) * maps).sum(1, keepdim=True)
    torch.testing.assert_close(explain.grad_cam(intro, x, 1, layer="model.relu"), want.detach())
    leaf = x.clone().requires_grad_()
    (by_hand,) = torch.autograd.grad(intro(leaf)[:, 1].sum(), leaf)
    torch.testing.assert_close(explain.gradient(intro, x, 1), by_hand)
    assert float(by_hand.abs().max()) > 0


def test_f_is_left_alone(f: Small) -> None:
    f.fc.eval()
    flags = [part.training for part in f.modules()]
    values = copy.deepcopy(f.state_dict())
    intro = fitted(f)
    intro.train(), intro(data()[0][:2]), intro.eval(), intro.predict(data()[0])
    assert [part.training for part in f.modules()] == flags
    assert all(torch.equal(values[name], now) for name, now in f.state_dict().items())
    assert intro.model is f


def test_kept_without_pickle_and_the_same_again(f: Small, tmp_path: Path) -> None:
    x = data()[0]
    for name, arm in ARMS.items():
        intro, path = fitted(f, **arm), tmp_path / f"{name}.safetensors"
        intro.save(path)
        again = IntrospectiveNetwork.load(path, f, reflection=arm.get("reflection"))
        assert torch.equal(again.predict_proba(x), intro.predict_proba(x))
        assert (again.recipe, again.on, again.hidden) == (intro.recipe, intro.on, intro.hidden)
        with safe_open(path, framework="pt") as file:
            noted = json.loads(file.metadata()["gradlab.introspect"])
            names = list(file.keys())
        assert noted["settings"]["on"] == intro.on
        assert not any("conv" in name for name in names), "f is not written"


def test_interrupted_it_keeps_the_last_whole_epoch(f: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = data()
    kept = introspect.last_layer(f, x)
    want = IntrospectiveNetwork(f).fit(kept, y, epochs=2, progress=False)
    intro = IntrospectiveNetwork(f)
    steps, whole = 0, torch.optim.Adam.step

    def step(self: Any, *args: Any) -> Any:
        nonlocal steps
        steps += 1
        if steps == 7:  # 40 pictures a step: the first of the third epoch
            raise KeyboardInterrupt
        return whole(self, *args)

    want = IntrospectiveNetwork(f).fit(kept, y, epochs=2, batch_size=40, progress=False)
    monkeypatch.setattr(torch.optim.Adam, "step", step)
    with pytest.raises(KeyboardInterrupt):
        intro.fit(kept, y, epochs=5, batch_size=40, progress=False)
    assert torch.equal(intro.predict_proba(kept), want.predict_proba(kept))
    assert intro.history == want.history


def test_with_validation_the_best_epoch_is_kept(f: Small) -> None:
    x, y = data()
    wrong = (y + 1) % 5  # the better it learns, the worse it does here
    intro = IntrospectiveNetwork(f).fit(x, y, epochs=6, rate=1e-2, validation=(x, wrong), progress=False)
    losses = [epoch.validation_loss for epoch in intro.history]
    best = min(losses)
    assert len(losses) == 6 and best < losses[-1]
    assert evaluate.nll(intro.predict_proba(x).log(), wrong) == pytest.approx(best, rel=1e-4)
    accuracy = float((intro.predict(x) == wrong).float().mean())
    assert intro.history[losses.index(best)].validation_accuracy == pytest.approx(accuracy)
    loader = DataLoader(TensorDataset(x, wrong), 50)
    same = IntrospectiveNetwork(f).fit(x, y, epochs=6, rate=1e-2, validation=loader, progress=False)
    torch.testing.assert_close(same.predict_proba(x), intro.predict_proba(x))


def test_under_inference_mode(f: Small) -> None:
    x, _ = data()
    want = fitted(f).predict_proba(x)
    with torch.inference_mode():
        intro = fitted(f)
        torch.testing.assert_close(intro.predict_proba(x), want)
        torch.testing.assert_close(intro(x).softmax(1), want)
    assert intro(x[:2].requires_grad_()).requires_grad


def test_dead_features_and_a_picture_of_nothing(f: Small) -> None:
    with torch.no_grad():
        f.bn2.weight[3], f.bn2.bias[3] = 0, -1  # h_3 is 0 always
    intro = fitted(f)
    assert bool(torch.isfinite(intro.predict_proba(torch.zeros(2, 3, 16, 16))).all())
    with torch.no_grad():
        f.bn2.weight.zero_(), f.bn2.bias.fill_(-1)  # h is 0
    assert bool(torch.isfinite(fitted(f).predict_proba(data()[0])).all())


def test_a_bar_shows_the_epochs(f: Small, capsys: pytest.CaptureFixture[str]) -> None:
    IntrospectiveNetwork(f).fit(*data(), epochs=2)
    shown = capsys.readouterr().err
    assert "introspection" in shown and "2/2" in shown


class Squashed(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(ConvScored(), nn.Tanh())


class Cubic(nn.Linear):
    """An H whose logits leave the range of float32 after a step of the right size."""

    def __init__(self) -> None:
        super().__init__(40, 5)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) ** 5


X, Y = data(10)
REFUSED: dict[str, tuple[type[GradlabError], str, Callable[[nn.Module], Any]]] = {
    "on": (InputError, "on is 'z'", lambda f: IntrospectiveNetwork(f, on="z")),  # type: ignore[arg-type]
    "loss": (InputError, "loss is 'l1'", lambda f: IntrospectiveNetwork(f, loss="l1")),  # type: ignore[arg-type]
    "hidden": (InputError, "hidden is 0", lambda f: IntrospectiveNetwork(f, hidden=(0,))),
    "capacity": (InputError, "capacity is -1", lambda f: IntrospectiveNetwork(f, capacity=-1)),
    "no model": (ModelError, "torch.nn.Module", lambda f: IntrospectiveNetwork("f")),
    "not fitted": (ModelError, "call fit first", lambda f: IntrospectiveNetwork(f)(X)),
    "not fitted, predict": (ModelError, "call fit first", lambda f: IntrospectiveNetwork(f).predict(X)),
    "not fitted, save": (ModelError, "call fit first", lambda f: IntrospectiveNetwork(f).save("x")),
    "no labels": (TargetError, "labels are missing", lambda f: IntrospectiveNetwork(f).fit(X)),
    "too few labels": (TargetError, "expected 10 integers", lambda f: IntrospectiveNetwork(f).fit(X, Y[:3])),
    "label range": (TargetError, "expected 0 to 4", lambda f: IntrospectiveNetwork(f).fit(X, Y + 5)),
    "labels twice": (InputError, "of its own", lambda f: IntrospectiveNetwork(f).fit([(X, Y)], Y)),
    "nan": (InputError, "NaN", lambda f: IntrospectiveNetwork(f).fit(X * torch.nan, Y)),
    "nothing": (InputError, "no pictures", lambda f: IntrospectiveNetwork(f).fit([], Y)),
    "empty": (InputError, "empty", lambda f: IntrospectiveNetwork(f).fit(X[:0], Y[:0])),
    "number": (InputError, "data is 3", lambda f: IntrospectiveNetwork(f).fit(3, Y)),  # type: ignore[arg-type]
    "epochs": (InputError, "epochs", lambda f: IntrospectiveNetwork(f).fit(X, Y, epochs=0)),
    "rate": (
        InputError,
        "rate is 0: expected a finite number above 0",
        lambda f: IntrospectiveNetwork(f).fit(X, Y, rate=0),
    ),
    "diverged": (ModelError, "lower rate", lambda f: IntrospectiveNetwork(f, reflection=Cubic()).fit(X, Y, rate=1e9)),
    "no head": (
        LayerError,
        "closed form",
        lambda f: IntrospectiveNetwork(nn.Sequential(ConvScored(), nn.Tanh())).fit(X, Y),
    ),
    "own H": (
        InputError,
        r"reflection gives \(1, 3\)",
        lambda f: IntrospectiveNetwork(f, reflection=nn.Linear(40, 3)).fit(X, Y),
    ),
    "forward": (InputError, "no batch axis", lambda f: fitted(f)(X[0])),
    "predict nothing": (InputError, "no pictures", lambda f: fitted(f).predict([])),
    "no file": (ModelError, "no file", lambda f: IntrospectiveNetwork.load("nowhere", f)),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_say_what_would_be_right(f: Small, case: str) -> None:
    error, words, ask = REFUSED[case]
    with pytest.raises(error, match=words):
        ask(f)


def test_files_that_do_not_fit_are_refused(f: Small, tmp_path: Path) -> None:
    path = tmp_path / "h.safetensors"
    fitted(f).save(path)
    with pytest.raises(ModelError, match="other weights"):
        IntrospectiveNetwork.load(path, Small())
    with pytest.raises(ModelError, match="another H"):
        IntrospectiveNetwork.load(path, f, reflection=nn.Linear(40, 5))
    path.write_bytes(b"no file of ours")
    with pytest.raises(ModelError, match="holds no introspective network"):
        IntrospectiveNetwork.load(path, f)
    own = IntrospectiveNetwork(f, loss=lambda z, y: F.mse_loss(z, y)).fit(X, Y, epochs=1, progress=False)
    with pytest.raises(InputError, match="of your own"):
        own.save(path)


def test_a_store_of_features_is_no_store_of_factors(f: Small, tmp_path: Path) -> None:
    store = introspect.stream(f, [(X, Y)], tmp_path, recipe=introspect.Recipe(), progress=False)
    with pytest.raises(InputError, match="streamed without a recipe"):
        IntrospectiveNetwork(f).fit(store)
    unlabelled = introspect.stream(f, [X], tmp_path / "b", progress=False)
    with pytest.raises(TargetError, match="labels are missing"):
        IntrospectiveNetwork(f).fit(unlabelled)
    with pytest.raises(InputError, match="holds its own labels"):
        IntrospectiveNetwork(f).fit(unlabelled, Y)
