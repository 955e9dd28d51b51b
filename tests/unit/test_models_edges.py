"""A classifier's pictures in its weights' precision, and a file in a folder that is not there yet."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from gradlab.models import Classifier
from gradlab.models.shipped import save_weights


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_pictures_come_in_the_weights_precision(dtype: torch.dtype) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(48, 2)).to(dtype)
    net = Classifier(model, ["a", "b"], (4, 4), mean=(0.5,) * 3, std=(0.5,) * 3)
    assert net.normalize(torch.rand(2, 3, 4, 4)).dtype == dtype


def test_without_weights_pictures_come_in_single_precision() -> None:
    net = Classifier(nn.Flatten(), [str(i) for i in range(48)], (4, 4), mean=(0.5,) * 3, std=(0.5,) * 3)
    assert net.normalize(torch.rand(2, 3, 4, 4)).dtype == torch.float32


def test_a_file_is_written_into_folders_that_are_made_for_it(tmp_path: Path) -> None:
    path = tmp_path / "one" / "two" / "weights.safetensors"
    save_weights(nn.Linear(2, 2), path, {})
    assert path.is_file()
