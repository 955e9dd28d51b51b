"""Which methods are right on which networks? Make docs/any_network.csv, and docs/any_network.md from it.

Every torchvision family and some of timm's, with random weights and batch norms that have seen pictures, in double
precision. Each answer is judged against the slow definition (tests/reference); what peers say stands beside it.

    OMP_NUM_THREADS=1 python -m data_scripts.any_network     every network that is not in the CSV yet
    python -m data_scripts.any_network --only vgg11          these again
    python -m data_scripts.any_network --table-only          the page from the CSV

captum and grad-cam come with the extra "test"; torchcam is asked if it can be imported.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import csv
import importlib.metadata
import multiprocessing
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from data_scripts import any_network_peers as peers
from data_scripts.experiments.page import filled, table
from data_scripts.files import ROOT, replacing
from gradlab import explain
from gradlab.core import GradlabError
from tests.reference.any_network import RULES, relu_rule, slow_cam, slow_occlusion

CSV, PAGE = ROOT / "docs" / "any_network.csv", ROOT / "docs" / "any_network.md"
LIBRARIES = ("gradlab", "captum", "pytorch_grad_cam", "torchcam")
EXACT = 1e-6  # of the largest value: what double precision leaves of rounding
WINDOW, STRIDE = 80, 72
CONTRAST = 5  # Q

# One small member of each family of torchvision.models, and input sizes where they are fixed.
TORCHVISION = (
    "alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "efficientnet_v2_s", "googlenet", "inception_v3",
    "maxvit_t", "mnasnet0_5", "mobilenet_v2", "mobilenet_v3_small", "regnet_x_400mf", "regnet_y_400mf", "resnet18",
    "resnext50_32x4d", "wide_resnet50_2", "shufflenet_v2_x0_5", "squeezenet1_1", "swin_t", "swin_v2_t", "vgg11",
    "vgg11_bn", "vit_b_32",
)  # fmt: skip
TIMM = (
    "convnext_atto", "deit_tiny_distilled_patch16_224", "edgenext_xx_small", "efficientnet_lite0", "ghostnet_100",
    "maxvit_rmlp_pico_rw_256", "mixer_s32_224", "mobilenetv4_conv_small", "poolformer_s12", "repvgg_a0", "resnet10t",
    "resnetv2_50", "swin_tiny_patch4_window7_224", "vit_tiny_patch16_224",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One method on one network: what each library's answer was."""

    network: str
    source: str
    method: str
    layer: str
    gradlab: str
    captum: str = ""
    pytorch_grad_cam: str = ""
    torchcam: str = ""
    versions: str = ""


def network(name: str) -> tuple[nn.Module, Tensor]:
    """Return the network with random weights, ready to be asked, and a picture for it; both in double precision."""
    torch.manual_seed(0)
    side = 224
    if name in TORCHVISION:
        import torchvision

        # their own initialisation lets the signal fade to 1e-13; PyTorch's does not
        options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
        side = 299 if name == "inception_v3" else side
        model = torchvision.models.get_model(name, weights=None, **options)
    else:
        import timm

        model = timm.create_model(name, pretrained=False)
        side = model.default_cfg["input_size"][-1]
    for parameter in model.parameters():
        if parameter.ndim > 1 and not parameter.any():  # heads that start at zero would make every map zero
            nn.init.normal_(parameter, std=0.05)
    norms = [part for part in model.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.momentum = 1.0  # what these pictures give, or the signal fades from layer to layer
    with torch.no_grad():
        model.train()(torch.randn(4, 3, side, side))
    return model.double().eval(), torch.randn(1, 3, side, side, dtype=torch.double)


def verdict(answer: Callable[[], Tensor], want: Tensor | None, tolerance: float) -> str:
    """Return right, wrong with the error as a share of the largest value, refused or failed."""
    try:
        got = answer().detach().double()
    except GradlabError as error:
        return f"refused: {str(error).split(': ')[0].split('. ')[0]}"
    except Exception as error:
        return f"failed: {type(error).__name__}"
    if want is None:
        return "no definition here"
    if got.shape != want.shape:
        return f"wrong shape {tuple(got.shape)}"
    error = float((got - want).abs().max() / want.abs().max())
    return "right" if error <= tolerance else f"wrong by {error:.0e}" if error < 0.01 else f"wrong by {error:.0%}"


def judged(name: str) -> list[Row]:
    """Ask every method of one network."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    model, x = network(name)
    source = "torchvision" if name in TORCHVISION else "timm"
    answers = [*_cams(model, x), _occlusion(model, x), *_gradients(model, x)]
    return [Row(name, source, *answer, versions=versions()) for answer in answers]


def versions() -> str:
    """Return what is installed of the libraries that the verdicts depend on."""
    found = []
    for name in ("torch", "torchvision", "timm", "captum", "grad-cam", "torchcam"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found.append(f"{name} {importlib.metadata.version(name)}")
    return ", ".join(found)


def _cams(model: nn.Module, x: Tensor) -> list[tuple[str, ...]]:
    try:
        maps = explain.class_maps(model, x)
    except GradlabError as error:
        said = f"refused: {str(error).split(': ')[0].split('. ')[0]}"
        return [("grad_cam", "", said), ("contrast_cam", "", said)]
    layer, size = maps.layer, tuple(maps.maps.shape[2:])
    target, want = _with_positive_part(model, layer, size, x)
    against = slow_cam(model, layer, size, x, lambda z: -z.log_softmax(0)[CONTRAST])
    ways = peers.cams(copy.deepcopy(model), layer, x)
    rows = []
    for method, reference, ours, score in (
        ("grad_cam", want, lambda: explain.grad_cam(model, x, target)[0, 0], target),
        ("contrast_cam", against, lambda: explain.contrast_cam(model, x, contrast=CONTRAST)[0, 0], None),
    ):
        theirs = [
            verdict(partial(way, score, CONTRAST), shown(reference), 1e-4) if way else ""
            for way, shown in (ways[library][method] for library in LIBRARIES[1:])
        ]
        rows.append((method, layer, verdict(ours, reference, EXACT), *theirs))
    return rows


def _with_positive_part(model: nn.Module, layer: str, size: tuple[int, ...], x: Tensor) -> tuple[int, Tensor]:
    """Return a class whose map is not empty after the ReLU that peers apply, or all would agree on zeros."""
    best: tuple[float, int, Tensor] | None = None
    for target in range(8):
        want = slow_cam(model, layer, size, x, lambda z, c=target: z[c])
        share = float(want.max() / want.abs().max())
        if best is None or share > best[0]:
            best = (share, target, want)
    assert best is not None and best[0] > 0
    return best[1], best[2]


def _occlusion(model: nn.Module, x: Tensor) -> tuple[str, ...]:
    want = slow_occlusion(model, x, WINDOW, STRIDE)
    if float(want.abs().max()) < 1e-6 * float(model(x).abs().max()):
        return "occlusion", "", "not judged: the scores do not move", ""
    ours = verdict(lambda: explain.occlusion(model, x, CONTRAST, window=WINDOW, stride=STRIDE), want, EXACT)
    return "occlusion", "", ours, verdict(lambda: peers.occlusion(model, x, WINDOW, STRIDE, CONTRAST), want, 1e-6)


def _gradients(model: nn.Module, x: Tensor) -> list[tuple[str, ...]]:
    rows = []
    plain = None
    for method, rule in RULES.items():
        leaf = x.clone().requires_grad_()
        with relu_rule(rule) as used:
            (want,) = torch.autograd.grad(model(leaf)[0, CONTRAST], leaf)
        plain = want if plain is None else plain
        defined = want if method == "gradient" or used else None
        ours = verdict(lambda m=method: getattr(explain, m)(model, x, CONTRAST), defined, EXACT)
        theirs = []
        for way in peers.gradients(copy.deepcopy(model), x, CONTRAST)[method]:
            said = verdict(way, want if defined is not None else plain, 1e-4) if way else ""
            theirs.append("silent: the plain gradient" if defined is None and said == "right" else said)
        rows.append((method, "", ours, *theirs))
    return rows


def read() -> list[Row]:
    """Return the rows kept so far."""
    if not CSV.exists():
        return []
    with CSV.open(encoding="utf-8", newline="") as file:
        return [Row(**row) for row in csv.DictReader(file)]


def write(rows: list[Row]) -> None:
    """Keep the rows, in the order of the networks."""
    order = {name: i for i, name in enumerate((*TORCHVISION, *TIMM))}
    rows = sorted(rows, key=lambda row: order[row.network])  # stable: methods stay in their order
    with replacing(CSV) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(asdict(rows[0])), lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def page(rows: list[Row]) -> str:
    """Return the table as Markdown."""
    mine = [row.gradlab for row in rows]
    right, refused = mine.count("right"), sum(each.startswith("refused") for each in mine)
    text = filled(
        Path(__file__).with_suffix(".md"),
        networks=str(len({row.network for row in rows})),
        counts=f"{right} right, {refused} refused with a reason, {len(mine) - right - refused} otherwise",
        versions="; ".join(sorted({row.versions for row in rows})),
        exact=f"{EXACT:.0e}",
    )
    for method in dict.fromkeys(row.method for row in rows):
        asked = [row for row in rows if row.method == method]
        shown = [name for name in LIBRARIES if any(getattr(row, name) for row in asked)]
        places = [f" (`{row.layer}`)" if row.layer else "" for row in asked]
        lines = [
            [row.network + at, *(getattr(row, name) for name in shown)] for row, at in zip(asked, places, strict=True)
        ]
        text += f"\n## {method}\n\n{table(['network', *shown], lines)}"
    return text


def main(arguments: list[str] | None = None) -> int:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=(*TORCHVISION, *TIMM), metavar="NETWORK")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--table-only", action="store_true")
    options = parser.parse_args(arguments)
    rows = read()
    if not options.table_only:
        have = {row.network for row in rows}
        todo = options.only or [name for name in (*TORCHVISION, *TIMM) if name not in have]
        rows = [row for row in rows if row.network not in todo]
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(options.workers, spawn, max_tasks_per_child=1) as pool:
            jobs = {pool.submit(judged, name): name for name in todo}
            for job in tqdm(as_completed(jobs), total=len(jobs), unit="network"):
                try:
                    rows += job.result()
                except Exception as error:  # the others' answers are not to be lost
                    tqdm.write(f"{jobs[job]}: {type(error).__name__}: {error}")
                write(rows)
    PAGE.write_text(page(read()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
