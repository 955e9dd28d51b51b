"""Dropout switched on while all else of a network stays in eval mode, whichever way the network asks for it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from gradlab.core.errors import ModelError
from gradlab.core.inputs import Model, check_inputs, module_of
from gradlab.core.interrupts import and_back
from gradlab.core.network import Network, ask
from gradlab.core.targets import check_logits

__all__ = ["NoDropout", "dropped"]

# Functions that drop units of each picture, or whole channels; a channel has these first axes.
_UNITS = {
    F.dropout: None,
    torch.dropout: None,
    F.dropout1d: 2,
    F.dropout2d: 2,
    F.dropout3d: 2,
    torch.feature_dropout: 2,
}
# Those that have more to do. They draw from the global state, which is seeded for them and put back.
_OTHERS = (F.alpha_dropout, F.feature_alpha_dropout, F.multi_head_attention_forward)
_NAMES = inspect.signature(lambda input, p=0.5, training=True, inplace=False: None)


def dropped(
    model: Model, batches: Sequence[tuple[Tensor, Sequence[Any]]], passes: int, generator: torch.Generator
) -> Iterator[Tensor]:
    """Yield the logits (N, classes) of all batches with their extra inputs, with units dropped, pass after pass.

    Raises:
        ModelError: no logits, or no dropout ran, so that all passes would be the same.
    """
    mode = _Dropping(generator)

    def run(x: Tensor, extra: Sequence[Any]) -> Tensor:
        x = check_inputs(model, x, extra)

        def work(network: Network) -> Tensor:
            network.sees_others(x, extra)  # found out before answers differ for another reason
            network.drops = True
            return mode.around(lambda: check_logits(network(network.prepared(x), *extra), 2))

        found = ask(module_of(model), work)
        if not mode.ran:
            raise NoDropout(
                "No dropout ran in this network, so all passes would be the same and nothing but rounding would tell "
                "pictures apart. Give it nn.Dropout(p) with p above 0, or ask by 'entropy' or 'margin'."
            )
        return found

    for _ in range(passes):
        yield torch.cat([run(x, extra) for x, extra in batches])


class NoDropout(ModelError):
    """The network drops nothing."""


class _Dropping(TorchFunctionMode):
    """Lets dropout drop though the network is in eval mode: ``F.dropout(x, p, training=self.training)`` too."""

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self._generator, self.ran, self.on = generator, False, False

    def around(self, run: Callable[[], Tensor]) -> Tensor:
        """Run, and leave the mode whenever an interrupt comes; ``with`` has moments at which one finds it entered.

        Inside a mode torch's own Python takes it off and puts it back; cut short there by an interrupt, it puts it back
        when the frame is collected, after we left. Such a one does nothing (``on``) and goes with the next.
        """
        while (depth := torch._C._len_torch_function_stack()) and not getattr(
            torch._C._get_function_stack_at(depth - 1), "on", True
        ):
            torch._C._pop_torch_function_stack()

        def leave() -> None:
            self.on = False
            while torch._C._len_torch_function_stack() > depth:
                torch._C._pop_torch_function_stack()

        def entered() -> Tensor:
            self.on = True
            torch._C._push_on_torch_function_stack(self)
            return run()

        return and_back(entered, leave)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if not self.on:
            return func(*args, **kwargs)
        if func in _UNITS:
            given = _bound(_NAMES, args, {"training" if name == "train" else name: v for name, v in kwargs.items()})
            if given["p"] > 0:
                self.ran = True
                return self._drop(given["input"], given["p"], _UNITS[func], given["inplace"])
        elif func in _OTHERS:
            given = _bound(inspect.signature(func), args, kwargs)
            if given.get("p", given.get("dropout_p", 0)) > 0:
                self.ran = True
                return self._seeded(func, {**given, "training": True})
        return func(*args, **kwargs)

    def _drop(self, x: Tensor, p: float, axes: int | None, inplace: bool) -> Tensor:
        """Drop units of each picture, or whole channels; the others grow by 1 / (1 - p)."""
        shape = x.shape if axes is None else (*x.shape[:axes], *[1] * (x.ndim - axes))
        keep, drawn = 1 - p, self._generator
        # Whatever the default dtype and device are, a seed drops the same units.
        kept = torch.rand(shape, generator=drawn, dtype=torch.float32, device=drawn.device) < keep
        found = x * (kept.to(x) / max(keep, torch.finfo(x.dtype).tiny))
        return x.copy_(found) if inplace else found

    def _seeded(self, func: Callable[..., Any], given: dict[str, Any]) -> Any:
        seed = int(torch.randint(2**31, (), generator=self._generator, device=self._generator.device))
        devices = {each.device for each in given.values() if isinstance(each, Tensor) and each.is_cuda}
        generators = [torch.default_generator, *(torch.cuda.default_generators[device.index] for device in devices)]
        before = [(generator, generator.get_state()) for generator in generators]

        def put_back() -> None:
            for generator, state in before:
                generator.set_state(state)

        def drawn() -> Any:
            for generator in generators:
                generator.manual_seed(seed)
            return func(**given)

        return and_back(drawn, put_back)


def _bound(signature: inspect.Signature, args: Any, kwargs: Any) -> dict[str, Any]:
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.arguments
