"""On a GPU every method gives what it gives on the CPU, and leaves both random states as they were."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from gradlab import explain
from gradlab.core import ModelError
from tests.conftest import NETWORKS, Small, Tokens
from tests.contract.test_state import METHODS, WITHOUT_RELU

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")

# Half a network's weights are drawn anew, or its second stage is trained, from numbers that a device draws for itself.
OWN_DRAWS = {"dropout_passes", "dropout_passes of H"}


@pytest.fixture(autouse=True)
def exact_attention() -> Iterator[None]:
    """On a GPU torch's fast path of attention is off by 5e-5 in double precision, whoever asks."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    yield
    torch.backends.mha.set_fastpath_enabled(before)


@pytest.fixture
def pictures() -> Tensor:
    return torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)).double()


@pytest.mark.parametrize("network", [Small, Tokens])
@pytest.mark.parametrize("method", METHODS)
def test_a_method_gives_on_a_gpu_what_it_gives_on_a_cpu(
    network: type[nn.Module], method: str, pictures: Tensor
) -> None:
    if network is Tokens and (method in WITHOUT_RELU or method.startswith("dropout_passes")):
        pytest.skip("refused")
    torch.manual_seed(0)
    model = network().double().eval()
    want = METHODS[method](model, pictures)
    states = torch.get_rng_state(), torch.cuda.get_rng_state()
    got = METHODS[method](model.cuda(), pictures.cuda()).cpu()
    assert torch.equal(states[0], torch.get_rng_state()) and torch.equal(states[1], torch.cuda.get_rng_state())
    if method in OWN_DRAWS:
        assert got.shape == want.shape and bool(got.isfinite().all())
    else:
        torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("network", NETWORKS)
def test_maps_of_every_network(network: str, pictures: Tensor) -> None:
    torch.manual_seed(0)
    model = NETWORKS[network]().double().eval()
    want = explain.all_contrasts(model, pictures)
    torch.testing.assert_close(explain.all_contrasts(model.cuda(), pictures.cuda()).cpu(), want, rtol=1e-6, atol=1e-9)


def test_answers_by_chance_are_refused_on_a_gpu_too(pictures: Tensor) -> None:
    class Noisy(Small):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x + 0.1 * torch.randn_like(x))

    before = torch.cuda.get_rng_state()
    with pytest.raises(ModelError, match="answers by chance"):
        explain.grad_cam(Noisy().double().eval().cuda(), pictures.cuda())
    assert torch.equal(before, torch.cuda.get_rng_state())
