"""The stored table of networks: complete, without a wrong answer of ours, and what the script would make today."""

from __future__ import annotations

import re

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

from data_scripts import any_network, any_network_page, any_network_rows, any_network_zoo
from data_scripts.any_network_judge import verdict
from data_scripts.any_network_kinds import KINDS
from gradlab.core import InputError
from tests.reference.any_network import RULES, bypassed, slow_cams, slow_gradient, slow_weight_gradients

TIMM_AT_LEAST = 80


@pytest.fixture(scope="module")
def rows() -> list[any_network_rows.Row]:
    return any_network_rows.read()


def test_all_of_torchvision_eighty_of_timm_the_ends_and_the_kinds(rows: list[any_network_rows.Row]) -> None:
    asked = {row.network for row in rows}
    assert asked == set(any_network.NAMES)
    assert asked >= set(torchvision.models.list_models(module=torchvision.models))
    assert sum(name.startswith("timm ") for name in asked) >= TIMM_AT_LEAST
    assert {row.family for row in rows if row.family.startswith("end")} == {
        "end: cosine", "end: distilled", "end: headless", "end: 1 x 1 convolution"
    }  # fmt: skip
    assert sum(row.family == "kind" for row in rows) == len(KINDS) * len(any_network_rows.METHODS)


def test_right_or_refused_with_a_reason(rows: list[any_network_rows.Row]) -> None:
    for row in rows:
        assert re.fullmatch("right|not asked|refused: .{20,}", row.gradlab), row


def test_an_answer_where_there_is_none_is_not_called_right(rows: list[any_network_rows.Row]) -> None:
    assert not [row for row in rows if row.defined == "no" and row.gradlab == "right"]


def test_each_network_is_asked_every_method(rows: list[any_network_rows.Row]) -> None:
    asked: dict[str, list[str]] = {}
    for row in rows:
        asked.setdefault(row.network, []).append(row.method)
    assert all(tuple(methods) == any_network_rows.METHODS for methods in asked.values())


def test_the_page_is_the_tables(rows: list[any_network_rows.Row]) -> None:
    stored = any_network_page.PAGE.read_text(encoding="utf-8")
    assert stored == any_network_page.page(rows, any_network_zoo.LARGE)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["timm resnet10t", "kind: plain"])
def test_one_network_again(name: str, rows: list[any_network_rows.Row]) -> None:
    pytest.importorskip("captum")
    stored = [(row.method, row.layer, row.defined, row.gradlab) for row in rows if row.network == name]
    again = [(row.method, row.layer, row.defined, row.gradlab) for row in any_network.judged(name)]
    assert stored == again


def refuse() -> Tensor:
    raise InputError("The pictures are none: give some. And more.")


WANT = torch.tensor([1.0, -2.0])


@pytest.mark.parametrize(
    ("answer", "want", "said"),
    [
        (lambda: WANT.clone(), WANT, "right"),
        (lambda: WANT + 1e-6, WANT, "right"),
        (lambda: WANT * 1.1, WANT, "wrong by 10%"),
        (lambda: WANT + 1e-5, WANT, "wrong by 5e-06"),
        (lambda: WANT[:1], WANT, "wrong shape (1,)"),
        (lambda: WANT * torch.nan, WANT, "wrong: not finite"),
        (lambda: WANT, None, "wrong: an answer where there is none"),
        (lambda: WANT, WANT * 0, "not judged: all zeros"),
        (lambda: 1 / 0, WANT, "failed: ZeroDivisionError"),
        (refuse, WANT, "refused: The pictures are none"),
        (refuse, None, "refused: The pictures are none"),
    ],
)
def test_the_judge_can_find_fault(answer, want: Tensor | None, said: str) -> None:
    assert verdict(answer, want, 1e-6) == said


class Net(nn.Module):
    """A convolution, a ReLU, and a block that the signal may go round; the ReLU may be of the weights alone."""

    def __init__(self, around: bool = False, of_weights: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.around, self.of_weights = around, of_weights
        self.stem, self.block, self.head = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 1), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = x * F.relu(self.head.bias.sum() + 2) if self.of_weights else F.relu(x)
        return self.head((self.block(x) + (x if self.around else 0)).mean((2, 3)))


X = torch.randn(2, 3, 6, 8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("around", [False, True])
def test_the_definition_sees_what_goes_round_a_layer(around: bool) -> None:
    assert bypassed(Net(around), "block", X, lambda z: z) is around
    assert bypassed(Net(around), "stem", X, lambda z: z) is False


def test_the_definition_sees_whether_a_relu_stands_between_picture_and_score() -> None:
    for kind, rule in RULES.items():
        found, met = slow_gradient(Net(), X, lambda z: z[:, 1], rule)
        plain, none = slow_gradient(Net(of_weights=True), X, lambda z: z[:, 1], rule)
        assert met and not none
        leaf = X.clone().requires_grad_()
        (want,) = torch.autograd.grad(Net(of_weights=True)(leaf)[:, 1].sum(), leaf)
        assert torch.allclose(plain, want), kind
        assert (kind == "gradient") == torch.allclose(
            found, slow_gradient(Net(), X, lambda z: z[:, 1], RULES["gradient"])[0]
        )


def test_the_definitions_by_hand() -> None:
    model = Net()
    w = model.head.weight.detach()
    maps = model.block(F.relu(model.stem(X))).detach()
    (found,) = slow_cams(model, "block", (4, 6), X, [lambda z: z[2]], lambda z: z)
    assert torch.allclose(found, torch.einsum("k,nkij->nij", w[2] / 24, maps), atol=1e-6)
    made = slow_weight_gradients(model, ["head.weight"], X, lambda z: [z[0]], lambda z: z)
    assert torch.allclose(made[1][0]["head.weight"][0], maps.mean((2, 3))[1], atol=1e-6)
    assert not made[1][0]["head.weight"][1:].any()
