"""Pictures with people's scores, where a user has them on disk: TID2013, LIVE Multiply Distorted. None is fetched."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.io import loadmat
from torch import Tensor

from gradlab.core import InputError
from gradlab.core.checks import checked_path

__all__ = ["Ratings", "read_multi_live", "read_tid2013"]

_TID_NAME = re.compile(r"i(\d+)_(\d+)_(\d+)\.bmp", re.IGNORECASE)
_LIVE_PARTS = {"Part 1": "blurjpeg", "Part 2": "blurnoise"}


@dataclass(frozen=True, repr=False)
class Ratings:
    """Distorted pictures, their faultless ones, and what people said; one entry per distorted picture.

    Attributes:
        reference, distorted: files.
        scores: means of people's scores, (n,).
        spread: standard deviation of each picture's scores, (n,), or None where the database gives none.
        kinds: of distortion, as the database numbers or names them.
        higher_is_better: whether the scores count quality (MOS), or faults (DMOS).
    """

    reference: tuple[Path, ...]
    distorted: tuple[Path, ...]
    scores: Tensor
    spread: Tensor | None
    kinds: tuple[str, ...]
    higher_is_better: bool

    def __len__(self) -> int:
        return len(self.distorted)

    def __repr__(self) -> str:
        sources, scale = len(set(self.reference)), "MOS" if self.higher_is_better else "DMOS"
        return f"Ratings({len(self)} pictures of {sources} references, {len(set(self.kinds))} distortions, {scale})"


def read_tid2013(folder: str | Path) -> Ratings:
    """Read the lists of a TID2013 folder (Ponomarenko et al., Signal Processing: Image Communication 2015).

    Args:
        folder: holds mos_with_names.txt, reference_images and distorted_images, and mos_std.txt for the spread.

    Returns:
        The pictures in the order of the list; scores are MOS in 0..9; ``kinds`` are "1" to "24".

    Raises:
        InputError: a file or picture is missing, or a line is not a score and the name of a picture.

    Examples:
        >>> gradlab.evaluate.quality.read_tid2013("tid2013")  # doctest: +SKIP
        Ratings(3000 pictures of 25 references, 24 distortions, MOS)
    """
    folder = _folder(folder)
    lines = _lines(_file(folder, "mos_with_names.txt"))
    sources, results = (_names(_file(folder, name)) for name in ("reference_images", "distorted_images"))
    reference, distorted, scores, kinds = [], [], [], []
    for number, line in enumerate(lines, 1):
        score, _, name = line.partition(" ")
        match = _TID_NAME.fullmatch(name.strip())
        if match is None:
            raise InputError(f"mos_with_names.txt, line {number}: {line!r} is no score and name such as i01_01_1.bmp.")
        scores.append(_number(score, f"mos_with_names.txt, line {number}"))
        reference.append(_picture(sources, f"i{match[1]}.bmp", "reference_images"))
        distorted.append(_picture(results, match[0], "distorted_images"))
        kinds.append(str(int(match[2])))
    spread = None
    if (folder / "mos_std.txt").is_file():
        values = [_number(line, "mos_std.txt") for line in _lines(folder / "mos_std.txt")]
        if len(values) != len(scores):
            raise InputError(f"mos_std.txt holds {len(values)} values for {len(scores)} pictures.")
        spread = _doubles(values)
    return Ratings(tuple(reference), tuple(distorted), _doubles(scores), spread, tuple(kinds), True)


def read_multi_live(folder: str | Path) -> Ratings:
    """Read the lists of a LIVE Multiply Distorted folder (Jayaraman, Mittal, Moorthy and Bovik, Asilomar 2012).

    Args:
        folder: holds "Part 1" with blurjpeg and "Part 2" with blurnoise, and in each Imagelists.mat and Scores.mat.

    Returns:
        Both parts, one after the other, without the faultless pictures that the lists hold too; scores are DMOS, high
        for faults; ``kinds`` are "blurjpeg" and "blurnoise". No spread is read.

    Raises:
        InputError: a file, a list or a picture is missing.

    Examples:
        >>> gradlab.evaluate.quality.read_multi_live("LIVEmultidistort")  # doctest: +SKIP
        Ratings(450 pictures of 15 references, 2 distortions, DMOS)
    """
    folder = _folder(folder)
    reference, distorted, scores, kinds = [], [], [], []
    for part, kind in _LIVE_PARTS.items():
        lists, given = (loadmat(_file(folder, f"{part}/{name}")) for name in ("Imagelists.mat", "Scores.mat"))
        missing = {"distimgs", "refimgs", "ref4dist"} - {*lists} | {"DMOSscores"} - {*given}
        if missing:
            raise InputError(f"{folder / part} has no list {', '.join(sorted(missing))} in its .mat files.")
        files = _names(_file(folder, f"{part}/{kind}"))
        sources = [_text(cell) for cell in lists["refimgs"].ravel()]
        results = [_text(cell) for cell in lists["distimgs"].ravel()]
        which, values = lists["ref4dist"].ravel(), given["DMOSscores"].ravel()
        if not len(results) == len(which) == len(values):
            raise InputError(f"{folder / part}: {len(results)} pictures, {len(which)} sources, {len(values)} scores.")
        for name, source, value in zip(results, which, values, strict=True):
            if name == sources[int(source) - 1]:  # counted from 1
                continue
            reference.append(_picture(files, sources[int(source) - 1], kind))
            distorted.append(_picture(files, name, kind))
            scores.append(float(value))
            kinds.append(kind)
    return Ratings(tuple(reference), tuple(distorted), _doubles(scores), None, tuple(kinds), False)


def _folder(folder: str | Path) -> Path:
    path = checked_path(folder, "folder")
    if not path.is_dir():
        raise InputError(f"There is no folder {path}.")
    return path


def _file(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.exists():
        raise InputError(f"{folder} has no {name}: is it the folder of this database?")
    return path


def _lines(path: Path) -> list[str]:
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    if not lines:
        raise InputError(f"{path} is empty.")
    return lines


def _names(folder: Path) -> dict[str, Path]:
    """Return the files of a folder by their names in lower case: the lists do not keep to the case of the files."""
    return {path.name.lower(): path for path in sorted(folder.iterdir())}


def _picture(files: dict[str, Path], name: str, folder: str) -> Path:
    if name.lower() not in files:
        raise InputError(f"{folder} has no picture {name}, which the list names.")
    return files[name.lower()]


def _number(text: str, where: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise InputError(f"{where}: {text!r} is no number.") from error


def _text(cell: Any) -> str:
    """Return the text in a Matlab cell, which is an array in an array."""
    while not isinstance(cell, str) and isinstance(cell, (np.ndarray, np.void, Iterable)):
        cell = next(iter(cell))
    return str(cell)


def _doubles(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64, device="cpu")
