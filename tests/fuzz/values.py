"""Bad and odd values: some that fit nowhere, and variants of a value that does fit."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

Makers = dict[str, Callable[[], Any]]


class CallerError(Exception):
    """What a callable of the caller's own raises: it comes out as it is."""


class NoBool:
    def __bool__(self) -> bool:
        raise RuntimeError("no truth")


class NoRepr:
    def __repr__(self) -> str:
        raise RuntimeError("no words")


def _raises(*_: Any, **__: Any) -> Any:
    raise CallerError


def _weightless() -> nn.Module:
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())


def _net(last: int = 3, fill: float | None = None) -> nn.Module:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, last)).eval()
    if fill is not None:
        nn.init.constant_(net[0].weight, fill)
    return net


def _frozen(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    values.flags.writeable = False
    return values


ANYTHING: Makers = {
    "None": lambda: None,
    "True": lambda: True,
    "False": lambda: False,
    "0": lambda: 0,
    "-1": lambda: -1,
    "1": lambda: 1,
    "7": lambda: 7,
    "10**9": lambda: 10**9,
    "10**30": lambda: 10**30,
    "0.0": lambda: 0.0,
    "0.5": lambda: 0.5,
    "-2.5": lambda: -2.5,
    "1e308": lambda: 1e308,
    "nan": lambda: math.nan,
    "inf": lambda: math.inf,
    "1j": lambda: 1j,
    "np.int64(2)": lambda: np.int64(2),
    "np.float32(0.5)": lambda: np.float32(0.5),
    "np.bool_": lambda: np.bool_(True),
    "np.array(1)": lambda: np.array(1),
    "np.str_": lambda: np.str_("a"),
    "'': empty": lambda: "",
    "'no such'": lambda: "no such thing",
    "NUL": lambda: "a\0b",
    "overlong": lambda: "x" * 5000,
    "digits as text": lambda: "2",
    "bytes": lambda: b"bytes",
    "long bytes": lambda: b"\x00" * 4000,
    "Path": lambda: Path("nowhere/at/all"),
    "[]": list,
    "()": tuple,
    "{}": dict,
    "set": lambda: {1, 2},
    "[None]": lambda: [None],
    "['a', 'b']": lambda: ["a", "b"],
    "[1, 'a']": lambda: [1, "a"],
    "[0.5, nan]": lambda: [0.5, math.nan],
    "[[1], [2, 3]]": lambda: [[1], [2, 3]],
    "[[1.0, 2.0]]": lambda: [[1.0, 2.0]],
    "(1, 2, 3)": lambda: (1, 2, 3),
    "a pair": lambda: (4, 4),
    "long list": lambda: list(range(3000)),
    "{'a': 1}": lambda: {"a": 1},
    "{1: None}": lambda: {1: None},
    "range": lambda: range(3),
    "iterator": lambda: iter([1, 2]),
    "object": object,
    "a type": lambda: int,
    "no bool": NoBool,
    "no repr": NoRepr,
    "callable that raises": lambda: _raises,
    "callable of one number": lambda: lambda *a, **k: 1.0,
    "callable of wrong length": lambda: lambda *a, **k: torch.zeros(7),
    "callable of None": lambda: lambda *a, **k: None,
    "torch.Generator": lambda: torch.Generator().manual_seed(0),
    "np Generator": lambda: np.random.default_rng(0),
    "RandomState": lambda: np.random.RandomState(0),
    "image": lambda: Image.new("RGB", (20, 12), (9, 90, 30)),
    "image of one pixel": lambda: Image.new("L", (1, 1)),
    "uint8 picture": lambda: np.zeros((12, 20, 3), np.uint8),
    "float picture": lambda: np.zeros((12, 20, 3)),
    "zeros (2, 3)": lambda: torch.zeros(2, 3),
    "empty tensor": lambda: torch.zeros(0),
    "scalar tensor": lambda: torch.tensor(1.0),
    "nan tensor": lambda: torch.full((2, 3), math.nan),
    "int tensor": lambda: torch.tensor([0, 1]),
    "bool tensor": lambda: torch.tensor([True, False]),
    "int pictures": lambda: torch.zeros(2, 3, 16, 16, dtype=torch.int64),
    "pictures": lambda: torch.full((2, 3, 16, 16), 0.5),
    "one picture": lambda: torch.full((1, 3, 16, 16), 0.5),
    "no pictures": lambda: torch.zeros(0, 3, 16, 16),
    "other pictures": lambda: torch.full((2, 1, 9, 9), 0.25),
    "tiny pictures": lambda: torch.full((2, 3, 1, 1), 0.25),
    "meta": lambda: torch.zeros(2, 3, 16, 16, device="meta"),
    "sparse": lambda: torch.eye(3).to_sparse(),
    "numpy (2, 3)": lambda: np.full((2, 3), 1 / 3),
    "numpy of objects": lambda: np.array([None, "a"], dtype=object),
    "read-only numpy": lambda: _frozen(np.array([0, 1])),
    "module": lambda: _net(),
    "weightless module": _weightless,
    "one logit": lambda: _net(1),
    "nan weights": lambda: _net(fill=math.nan),
    "identity": nn.Identity,
    "a layer of another network": lambda: nn.Conv2d(3, 4, 3),
    "lazy": lambda: nn.Sequential(nn.Flatten(), nn.LazyLinear(3)),
    "device": lambda: torch.device("cpu"),
    "dtype": lambda: torch.float32,
}


def variants(value: Any) -> Makers:
    """Return odd relatives of a value that fits, by name."""
    if isinstance(value, Tensor):
        return _tensors(value)
    if isinstance(value, np.ndarray):
        return {
            "as tensor": lambda: torch.from_numpy(value.copy()),
            "as list": value.tolist,
            "a row less": lambda: value[1:],
        }
    if isinstance(value, bool):
        return {"as int": lambda: int(value), "as text": lambda: str(value), "numpy's": lambda: np.bool_(value)}
    if isinstance(value, (int, float)):
        return {
            "as float": lambda: float(value),
            "as text": lambda: str(value),
            "numpy's int": lambda: np.int32(value),
            "numpy's float": lambda: np.float64(value),
            "negative": lambda: -value,
            "a tenth more": lambda: value + 0.1,
            "tensor": lambda: torch.tensor(value),
            "in a list": lambda: [value],
            "a hundred times": lambda: value * 100,
        }
    if isinstance(value, str):
        return {
            "upper case": value.upper,
            "with a space": lambda: f" {value} ",
            "as bytes": value.encode,
            "as Path": lambda: Path(value),
            "cut": lambda: value[:-1],
            "in a list": lambda: [value],
            "numpy's": lambda: np.str_(value),
        }
    if isinstance(value, (list, tuple)):
        return {
            "reversed": lambda: type(value)(value[::-1]),
            "one more": lambda: [*value, *value[-1:]],
            "one less": lambda: value[:-1],
            "other kind": lambda: tuple(value) if isinstance(value, list) else list(value),
            "iterator": lambda: iter(value),
            "nested": lambda: [value],
            "with None": lambda: [*value[1:], None],
        }
    if isinstance(value, dict):
        return {"one less": lambda: dict(list(value.items())[1:]), "values": lambda: list(value.values())}
    return {}


def _tensors(value: Tensor) -> Makers:
    float_value = value.float() if not value.is_complex() else value.real.float()
    return {
        "float16": value.half,
        "bfloat16": value.bfloat16,
        "float64": value.double,
        "int64": value.long,
        "int32": value.int,
        "uint8": value.byte,
        "bool": value.bool,
        "complex": lambda: float_value.to(torch.complex64),
        "requires grad": lambda: float_value.clone().requires_grad_(),
        "meta": lambda: value.to("meta"),
        "sparse": value.to_sparse,
        "numpy": lambda: value.numpy().copy(),
        "read-only numpy": lambda: _frozen(value.numpy().copy()),
        "list": value.tolist,
        "empty": lambda: value[:0],
        "first row": lambda: value[:1],
        "one row more": lambda: torch.cat([value, value[:1]]),
        "without batch axis": lambda: value[0],
        "one axis more": lambda: value[None],
        "last axis cut": lambda: value[..., :-1],
        "not contiguous": lambda: value.transpose(0, -1).contiguous().transpose(0, -1),
        "turned": lambda: value.transpose(0, -1),
        "with nan": lambda: torch.where(torch.arange(value.numel()).view(value.shape) == 0, math.nan, float_value),
        "with inf": lambda: torch.where(torch.arange(value.numel()).view(value.shape) == 0, math.inf, float_value),
        "times -1": lambda: -float_value,
        "times 1e30": lambda: float_value * 1e30,
        "times 0": lambda: float_value * 0,
        "plus 5": lambda: value.long() + 5 if not value.is_floating_point() else value + 5,
        "parameter": lambda: nn.Parameter(float_value.clone()),
        "inference": lambda: _inference(value),
    }  # fmt: skip


def _inference(value: Tensor) -> Tensor:
    with torch.inference_mode():
        return value.clone()
