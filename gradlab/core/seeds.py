"""One kind of seed everywhere: a whole number, or a generator of torch or NumPy that is drawn from."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import torch

from gradlab.core.checks import whole_number

__all__ = [
    "SINGLE",
    "Seed",
    "check_seed",
    "int_seed",
    "normal_draws",
    "numpy_generator",
    "torch_generator",
    "unit_draws",
]

# What is made here is made so, whatever the caller's default device and dtype are.
SINGLE: dict[str, Any] = {"device": "cpu", "dtype": torch.float32}

Seed: TypeAlias = "int | np.integer[Any] | torch.Generator | np.random.Generator"


def torch_generator(seed: Seed) -> torch.Generator:
    """Return a generator of torch on the CPU: new from a number, the same one if it is one, or seeded by another kind.

    Another kind is NumPy's, or torch's of another device.

    Raises:
        InputError: anything else, a bool included, or a number that is not in 0 .. 2^64 - 1.
    """
    if isinstance(seed, torch.Generator) and seed.device.type == "cpu":
        return seed
    return torch.Generator("cpu").manual_seed(int_seed(seed))


def unit_draws(*shape: int, generator: torch.Generator) -> torch.Tensor:
    """Return numbers of this shape, uniform from 0 to 1, in single precision on the CPU."""
    return torch.rand(shape, generator=generator, **SINGLE)


def normal_draws(*shape: int, generator: torch.Generator) -> torch.Tensor:
    """Return numbers of this shape, normal with mean 0 and deviation 1, in single precision on the CPU."""
    return torch.randn(shape, generator=generator, **SINGLE)


def numpy_generator(seed: Seed) -> np.random.Generator:
    """Return a generator of NumPy: new from a number, the same one if it is one, or seeded by torch's.

    Raises:
        InputError: as :func:`torch_generator`.
    """
    return seed if isinstance(seed, np.random.Generator) else np.random.default_rng(int_seed(seed))


def check_seed(seed: Any) -> None:
    """Raise ``InputError`` for what is no seed; nothing is drawn."""
    if not isinstance(seed, (torch.Generator, np.random.Generator)):
        whole_number(seed, "seed", 0, 2**64 - 1)


def int_seed(seed: Seed, high: int = 2**64 - 1) -> int:
    """Return the number itself, or one below 2^32 that is drawn from the generator, which moves on by it.

    Args:
        seed: a whole number from 0 to ``high``, or a generator.
        high: the largest number; 2^32 - 1 where NumPy's legacy streams are asked.

    Raises:
        InputError: as :func:`torch_generator`.
    """
    if isinstance(seed, torch.Generator):
        return int(torch.randint(2**32, (), generator=seed, device=seed.device))
    if isinstance(seed, np.random.Generator):
        return int(seed.integers(2**32))
    return whole_number(seed, "seed", 0, high)
