"""What each operation does to a window of changed cells. An operation that is not here makes the whole map."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from gradlab.explain.occlusion.geometry import Axes, Pair, Table, shifted, slid
from gradlab.explain.occlusion.windows import OPERATIONS, Step, Windowed, aligned
from gradlab.explain.occlusion.winograd import convolve

__all__ = ["fold"]


def _pair(value: Any) -> Pair:
    return (int(value), int(value)) if isinstance(value, int) else (int(value[0]), int(value[-1]))


def _axes(kernel: Any, stride: Any, padding: Any, dilation: Any) -> Axes:
    return Axes(_pair(kernel), _pair(stride), _pair(padding), _pair(dilation))


def _slide(x: Windowed, step: Step, axes: Axes, fill: float, op: Callable[..., Tensor]) -> Windowed:
    """Run ``op(region, padding)`` on the changed windows with the clean cells around them."""
    assert x.window is not None and x.changed is not None
    if axes.pointwise:
        return Windowed.of(x.tape, step, x.window, op(x.changed, axes.pads))
    size = (step.clean.shape[2], step.clean.shape[3])
    out = slid(x.window, axes, size)
    if x.window.whole:
        return Windowed.of(x.tape, step, out, op(x.changed, axes.pads))
    table: Table = step.keep("padded", lambda: _padded_table(x.step.clean, axes, size, fill))
    region = table.cut(*axes.inputs(out.start, out.shape), x.window, x.changed)
    return Windowed.of(x.tape, step, out, op(region, (0, 0)))


def _padded_table(clean: Tensor, axes: Axes, size: Pair, fill: float) -> Table:
    """Return the clean input with all the padding that its outputs, a map of ``size``, read."""
    _, read = axes.inputs(axes.pad, size)
    after = [max(n - pad - have, 0) for n, pad, have in zip(read, axes.pads, clean.shape[2:], strict=True)]
    return Table(clean, axes.pads, (after[0], after[1]), fill)


def _conv(func: Any, input: Any, weight: Tensor, bias: Any = None, stride: Any = 1, padding: Any = 0,
         dilation: Any = 1, groups: int = 1) -> Any:  # fmt: skip
    if not isinstance(input, Windowed) or isinstance(weight, Windowed) or isinstance(padding, str):
        return NotImplemented
    pruned = input.tape.pruned
    if pruned is not None and weight is pruned[0]:
        weight, bias = weight[pruned[1]], None if bias is None else bias[pruned[1]]
    input.step.used += input.tape.recording
    step = input.tape.next(func, lambda: F.conv2d(input.step.clean, weight, bias, stride, padding, dilation, groups))
    if input.changed is None:
        step.kept["weight"] = weight
        step.kept["conv"] = (weight.detach().contiguous(memory_format=torch.channels_last), bias)
        return Windowed.of(input.tape, step, None, None)
    axes = step.keep("axes", lambda: _axes(weight.shape[2:], stride, padding, dilation))
    # The weight and bias may hold the batch norm that follows.
    w, b = step.kept["conv"]

    def op(x: Tensor, pads: Pair) -> Tensor:
        if groups == 1 and axes.plain3:
            return convolve(step.kept, x, w, b, pads)
        return F.conv2d(x, w, b, stride, pads, dilation, groups)

    return _slide(input, step, axes, 0.0, op)


def _batch_norm(func: Any, input: Any, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None,
               training: bool = False, momentum: float = 0.1, eps: float = 1e-5) -> Any:  # fmt: skip
    if not isinstance(input, Windowed) or training or running_mean is None:
        return NotImplemented
    before = input.step
    before.used += input.tape.recording
    step = input.tape.next(func, lambda: F.batch_norm(before.clean, running_mean, running_var, weight, bias, eps=eps))
    if input.changed is None:
        scale = (running_var + eps).rsqrt() * (1 if weight is None else weight)
        step.kept["affine"] = (before, scale, (0 if bias is None else bias) - running_mean * scale)
        return Windowed.of(input.tape, step, None, None)
    if "folded" in step.kept:  # nothing else reads the convolution's output
        return input.become(step, input.window, input.changed)
    _, scale, shift = step.kept["affine"]
    values = torch.addcmul(shift[:, None, None], input.changed, scale[:, None, None])
    return Windowed.of(input.tape, step, input.window, values)


def fold(steps: list[Step]) -> None:
    """Fold each batch norm into the convolution before it, where nothing else reads that convolution's output."""
    for step in steps:
        before, scale, shift = step.kept.get("affine", (None, None, None))
        if before is not None and "conv" in before.kept and before.used == 1:
            weight, bias = before.kept["conv"]
            folded = (weight * scale[:, None, None, None]).contiguous(memory_format=torch.channels_last)
            before.kept["conv"] = (folded, shift if bias is None else bias * scale + shift)
            step.kept["folded"] = True


def _max_pool(func: Any, input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
             ceil_mode: bool = False, return_indices: bool = False) -> Any:  # fmt: skip
    if not isinstance(input, Windowed) or return_indices:
        return NotImplemented

    def whole(x: Tensor) -> Tensor:
        return F.max_pool2d(x, kernel_size, stride, padding, dilation, ceil_mode)

    def region(x: Tensor, _: tuple[int, int]) -> Tensor:
        # The table's padding is -inf already, also what ceil mode reads beyond it.
        return F.max_pool2d(x, kernel_size, stride, 0, dilation)

    step = _pool_step(func, input, whole)
    if input.changed is None or input.window is None:
        return Windowed.of(input.tape, step, None, None)
    axes = step.keep("axes", lambda: _axes(kernel_size, stride or kernel_size, padding, dilation))
    return _slide(input, step, axes, -torch.inf, (lambda x, _: whole(x)) if input.window.whole else region)


def _avg_pool(func: Any, input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
             count_include_pad: bool = True, divisor_override: Any = None) -> Any:  # fmt: skip
    padded = any(_pair(padding))
    if not isinstance(input, Windowed) or ceil_mode or divisor_override or (padded and not count_include_pad):
        return NotImplemented
    step = _pool_step(func, input, lambda x: F.avg_pool2d(x, kernel_size, stride, padding))
    if input.changed is None:
        return Windowed.of(input.tape, step, None, None)
    axes = step.keep("axes", lambda: _axes(kernel_size, stride or kernel_size, padding, 1))
    return _slide(input, step, axes, 0.0, lambda x, pads: F.avg_pool2d(x, kernel_size, stride, pads))


def _pool_step(func: Any, input: Windowed, run: Callable[[Tensor], Tensor]) -> Step:
    input.step.used += input.tape.recording
    return input.tape.next(func, lambda: run(input.step.clean))


def _pad(func: Any, input: Any, pad: Any, mode: str = "constant", value: Any = None) -> Any:
    if not isinstance(input, Windowed) or mode != "constant" or len(pad) != 4 or min(pad) < 0:
        return NotImplemented
    step = _pool_step(func, input, lambda x: F.pad(x, tuple(pad), value=value))
    source, values = input.window, input.changed
    if source is None or values is None:
        return Windowed.of(input.tape, step, None, None)
    size = (step.clean.shape[2], step.clean.shape[3])
    return Windowed.of(input.tape, step, shifted(source, (pad[2], pad[0]), size), values)


def _pointwise(func: Any, input: Any, *args: Any, **kwargs: Any) -> Any:
    if not isinstance(input, Windowed) or any(isinstance(a, Tensor) for a in (*args, *kwargs.values())):
        return NotImplemented
    window_, (values,) = aligned([input])
    # The clean map is kept as it was: steps before this one read it again.
    ours = values.clone() if window_ is None else values
    out = func(ours, *args, **kwargs)
    step = input.tape.next(func, lambda: out)
    changed = None if window_ is None else out
    return input.become(step, window_, changed) if out is ours else Windowed.of(input.tape, step, window_, changed)


def _combine(func: Any, input: Any, other: Any, *args: Any, **kwargs: Any) -> Any:
    """Sum, difference or product: of two maps, or of a map and a number or one number per channel."""
    pair = [input, other]
    maps = [p for p in pair if isinstance(p, Windowed)]
    if args or kwargs:
        return NotImplemented
    if len(maps) == 2 and input.shape[1:] == other.shape[1:]:
        window_, values = aligned(maps)
    else:
        rest = next(p for p in pair if not isinstance(p, Windowed)) if len(maps) == 1 else None
        if len(maps) != 1 or not _constant(rest):
            return NotImplemented
        window_, (found,) = aligned(maps)
        values = [found if isinstance(p, Windowed) else p for p in pair]
    plain = _OUT_OF_PLACE.get(func, func)
    out = plain(*values)
    step = maps[0].tape.next(func, lambda: out)
    changed = None if window_ is None else out
    if plain is not func and isinstance(input, Windowed):
        return input.become(step, window_, changed)
    return Windowed.of(maps[0].tape, step, window_, changed)


def _constant(value: Any) -> bool:
    """Tell whether this is a number or (C, 1, 1): not four axes, which may differ by patch."""
    if not isinstance(value, Tensor):
        return True
    return value.numel() == 1 if value.ndim != 3 else value.shape[1:].numel() == 1


def _cat(func: Any, tensors: Any, dim: int = 0) -> Any:
    if dim not in (1, -3) or not all(isinstance(t, Windowed) for t in tensors):
        return NotImplemented
    window_, values = aligned(list(tensors))
    out = torch.cat(values, 1)
    step = tensors[0].tape.next(func, lambda: out)
    return Windowed.of(tensors[0].tape, step, window_, None if window_ is None else out)


def _dropout(func: Any, input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    return NotImplemented if training else input


def _adaptive_average(func: Any, input: Any, output_size: Any) -> Any:
    wanted = (output_size, output_size) if isinstance(output_size, int) else tuple(output_size)
    if isinstance(input, Windowed) and all(n in (None, have) for n, have in zip(wanted, input.shape[2:], strict=True)):
        return input  # one output per cell: the map itself
    if not isinstance(input, Windowed) or wanted != (1, 1):
        return NotImplemented
    return _global_mean(func, input, keepdim=True)


def _mean(func: Any, input: Any, dim: Any = None, keepdim: bool = False, **kwargs: Any) -> Any:
    dims = sorted(d % 4 for d in dim) if isinstance(dim, (tuple, list)) else []
    if not isinstance(input, Windowed) or dims != [2, 3] or kwargs:
        return NotImplemented
    return _global_mean(func, input, keepdim)


def _global_mean(func: Any, input: Windowed, keepdim: bool) -> Tensor:
    """Return the mean over all cells as an ordinary batch: the clean mean and the window's change of it."""
    source, clean = input.window, input.step.clean
    if source is None or input.changed is None or source.whole:
        return input.whole().mean((2, 3), keepdim=keepdim)
    before = input.step.keep("mean", lambda: clean.mean((2, 3), keepdim=True))
    sums = input.step.table().cells(source.start, source.shape).sum((1, 2))
    change = (input.changed.sum((2, 3)) - sums) / (source.size[0] * source.size[1])
    out: Tensor = before + change[:, :, None, None]
    return out if keepdim else out.flatten(1)


_OUT_OF_PLACE = {
    Tensor.add_: torch.add, Tensor.__iadd__: torch.add, Tensor.mul_: torch.mul, Tensor.__imul__: torch.mul,
    Tensor.sub_: torch.sub, Tensor.__isub__: torch.sub,
}  # fmt: skip
OPERATIONS |= {
    torch.conv2d: _conv, F.batch_norm: _batch_norm, torch.max_pool2d: _max_pool, F.max_pool2d: _max_pool,
    F.avg_pool2d: _avg_pool, F.pad: _pad, torch.cat: _cat, torch.concat: _cat, F.dropout: _dropout,
    F.adaptive_avg_pool2d: _adaptive_average, torch.mean: _mean, Tensor.mean: _mean,
    **dict.fromkeys(
        (F.relu, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_, F.relu6, F.hardtanh, F.hardswish, F.silu, F.gelu,
         F.elu, F.leaky_relu, torch.sigmoid, Tensor.sigmoid, torch.tanh, Tensor.tanh, F.hardsigmoid, F.softplus, F.mish,
         Tensor.clamp, torch.clamp), _pointwise),
    **dict.fromkeys(
        (torch.add, Tensor.add, Tensor.__add__, Tensor.__radd__, torch.mul, Tensor.mul, Tensor.__mul__, Tensor.__rmul__,
         torch.sub, Tensor.sub, Tensor.__sub__, *_OUT_OF_PLACE), _combine),
}  # fmt: skip
