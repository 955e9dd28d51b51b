"""What a seed draws stays: later lessons quote numbers that hang on these pictures."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gradlab.data import CHALLENGES, CORRUPTIONS, challenged, corrupted, signs


def told(pictures: Tensor) -> tuple[float, float, float, float]:
    """Mean, spread, and how much goes on along the rows and along the columns."""
    across, down = (pictures.diff(dim=axis).abs().mean() for axis in (3, 2))
    return tuple(round(float(each), 4) for each in (pictures.mean(), pictures.std(), across, down))  # type: ignore[return-value]


def scene() -> Tensor:
    """Two smooth pictures (2, 3, 48, 64)."""
    y, x = torch.meshgrid(torch.linspace(0, 1, 48), torch.linspace(0, 1, 64), indexing="ij")
    one = torch.stack([0.5 + 0.4 * torch.sin(9 * x + 4 * y), 0.5 + 0.4 * torch.cos(7 * y), x * y])
    return torch.stack([one, one.flip(0, 2)])


# of levels 2 and 4, by seed 3
MADE = {
    "corrupted gaussian noise": ((0.4305, 0.301, 0.068, 0.069), (0.4335, 0.3101, 0.1334, 0.1339)),
    "corrupted shot noise": ((0.4277, 0.3003, 0.0537, 0.0545), (0.4246, 0.3061, 0.0975, 0.0979)),
    "corrupted impulse noise": ((0.4309, 0.3046, 0.039, 0.0464), (0.4347, 0.3221, 0.1013, 0.1069)),
    "corrupted defocus blur": ((0.4286, 0.2958, 0.0145, 0.0224), (0.4286, 0.2929, 0.0141, 0.022)),
    "corrupted glass blur": ((0.4289, 0.2958, 0.0209, 0.0245), (0.4288, 0.2936, 0.0312, 0.0333)),
    "corrupted motion blur": ((0.4286, 0.2955, 0.0142, 0.0226), (0.4285, 0.2921, 0.0135, 0.0222)),
    "corrupted zoom blur": ((0.4194, 0.2867, 0.0134, 0.0213), (0.4102, 0.275, 0.0123, 0.0199)),
    "corrupted snow": ((0.5235, 0.2269, 0.0153, 0.0201), (0.5926, 0.1805, 0.0186, 0.0198)),
    "corrupted frost": ((0.4843, 0.2746, 0.024, 0.0327), (0.5227, 0.2682, 0.0326, 0.0428)),
    "corrupted fog": ((0.5497, 0.2124, 0.0108, 0.0165), (0.6601, 0.1394, 0.0075, 0.0116)),
    "corrupted brightness": ((0.5104, 0.3346, 0.0173, 0.0247), (0.565, 0.3451, 0.0193, 0.0248)),
    "corrupted contrast": ((0.4286, 0.1994, 0.0084, 0.013), (0.4286, 0.1471, 0.004, 0.0062)),
    "corrupted elastic transform": ((0.4294, 0.2955, 0.0163, 0.0225), (0.43, 0.2936, 0.0187, 0.0227)),
    "corrupted pixelate": ((0.4287, 0.295, 0.014, 0.0217), (0.4276, 0.2937, 0.013, 0.0205)),
    "corrupted jpeg compression": ((0.4292, 0.2953, 0.0161, 0.0231), (0.4284, 0.2972, 0.0184, 0.0259)),
    "corrupted speckle noise": ((0.4284, 0.3009, 0.0515, 0.0529), (0.4222, 0.3076, 0.1058, 0.1064)),
    "corrupted gaussian blur": ((0.4286, 0.2947, 0.0143, 0.0223), (0.4286, 0.2891, 0.0137, 0.0214)),
    "corrupted spatter": ((0.4586, 0.2902, 0.021, 0.0323), (0.358, 0.276, 0.0244, 0.036)),
    "corrupted saturate": ((0.3577, 0.3409, 0.0174, 0.025), (0.3487, 0.3459, 0.0173, 0.0252)),
    "challenged decolorisation": ((0.4462, 0.2237, 0.0111, 0.0187), (0.4637, 0.1883, 0.0085, 0.0197)),
    "challenged lens blur": ((0.4286, 0.2958, 0.0145, 0.0224), (0.4286, 0.2919, 0.014, 0.0218)),
    "challenged codec error": ((0.4228, 0.299, 0.0222, 0.032), (0.4205, 0.3036, 0.0296, 0.0345)),
    "challenged darkening": ((0.2143, 0.1485, 0.0073, 0.0114), (0.0857, 0.0594, 0.0029, 0.0046)),
    "challenged dirty lens": ((0.4479, 0.2557, 0.017, 0.023), (0.465, 0.2281, 0.0206, 0.0261)),
    "challenged exposure": ((0.6265, 0.3566, 0.0163, 0.0242), (0.7612, 0.3208, 0.0151, 0.022)),
    "challenged Gaussian blur": ((0.4286, 0.2929, 0.0141, 0.022), (0.4286, 0.2795, 0.0128, 0.0201)),
    "challenged noise": ((0.4331, 0.3087, 0.1246, 0.1252), (0.4438, 0.3404, 0.2584, 0.2593)),
    "challenged rain": ((0.4681, 0.2513, 0.0328, 0.0279), (0.5202, 0.2059, 0.0597, 0.0373)),
    "challenged shadow": ((0.3404, 0.265, 0.0184, 0.0184), (0.2835, 0.277, 0.0222, 0.0163)),
    "challenged snow": ((0.5266, 0.2604, 0.0397, 0.0448), (0.6437, 0.2187, 0.0673, 0.0692)),
    "challenged haze": ((0.5762, 0.1723, 0.0085, 0.0132), (0.6851, 0.0802, 0.004, 0.0062)),
}
SIGNS = (0.3677, 0.2009, 0.0343, 0.032)


@pytest.mark.parametrize("name", MADE)
def test_a_changed_picture_stays_what_it_was(name: str) -> None:
    kind, _, change = name.partition(" ")
    make = corrupted if kind == "corrupted" else challenged
    found = [told(make(scene(), change, level, seed=3)) for level in (2, 4)]
    assert found == [pytest.approx(each, abs=3e-4, rel=1e-3) for each in MADE[name]]


def test_every_change_is_in_the_table() -> None:
    assert set(MADE) == {f"corrupted {each}" for each in CORRUPTIONS} | {f"challenged {each}" for each in CHALLENGES}


def test_signs_stay_what_they_were() -> None:
    drawn = signs(56, seed=3)
    assert told(drawn.pictures) == pytest.approx(SIGNS, abs=3e-4, rel=1e-3)
