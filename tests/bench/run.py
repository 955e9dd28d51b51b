"""Time what a learner waits for, as ratios paired in one run: `make bench`.

Times are never asserted: machines differ. Each pair is run in turns, and the median of the per-turn ratios is printed
with its range.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
import torchvision
from captum.attr import LayerGradCam
from torch import nn
from torch.nn import functional as F

import gradlab
from gradlab import explain
from tests.bench.course import bench_browser, bench_notebooks
from tests.bench.information import bench_information
from tests.bench.introspect import bench_introspect
from tests.bench.occlusion import bench_guided, bench_occlusion

LOOPED = 5  # captum asks one Q at a time; this many are timed, and the time is multiplied


def seconds(call: Callable[[], Any]) -> float:
    """Return the call's time: with one thread the processor's own, which other programs beside it disturb less."""
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    start = clock()
    call()
    return clock() - start


def ratios(ours: Callable[[], Any], theirs: Callable[[], Any], turns: int) -> list[float]:
    """Time of ``ours`` over time of ``theirs``, one value per turn, after a warm-up of both."""
    ours(), theirs()
    return [seconds(ours) / seconds(theirs) for _ in range(turns)]


def line(what: str, values: list[float], inverse: bool = False) -> None:
    shown = sorted(1 / v for v in values) if inverse else sorted(values)
    middle = statistics.median(shown)
    kind = "times faster" if inverse else "of its time"
    print(f"  {what:58s} {middle:10.2f} {kind:13s} ({shown[0]:.2f} .. {shown[-1]:.2f})", flush=True)


def networks() -> dict[str, tuple[nn.Module, str]]:
    torch.manual_seed(0)
    return {
        "EfficientNet-Lite0": (gradlab.models.imagenet().model, "bn2"),
        "mobilenet_v2": (torchvision.models.mobilenet_v2(weights=None).eval(), "features"),
        "resnet18": (torchvision.models.resnet18(weights=None).eval(), "layer4"),
        "squeezenet1_1": (torchvision.models.squeezenet1_1(weights=None).eval(), "features"),
        "vgg16": (torchvision.models.vgg16(weights=None).eval(), "features.29"),
    }


def bench(name: str, model: nn.Module, layer: str, turns: int) -> None:
    x = torch.randn(1, 3, 224, 224)
    captum = LayerGradCam(model, model.get_submodule(layer))
    contrast = LayerGradCam(
        lambda z: F.cross_entropy(model(z), torch.tensor([7]), reduction="none"), model.get_submodule(layer)
    )

    def forward() -> None:
        with torch.no_grad():
            model(x)

    print(f"{name} ({layer})")
    line(
        "all 1000 contrasts, against one plain forward", ratios(lambda: explain.all_contrasts(model, x), forward, turns)
    )
    looped = ratios(
        lambda: explain.all_contrasts(model, x),
        lambda: [contrast.attribute(x) for _ in range(LOOPED)],
        max(2, turns // 2),
    )
    line("all 1000 contrasts, against captum looped", [r * LOOPED / 1000 for r in looped], inverse=True)
    line(
        "one Grad-CAM, against captum",
        ratios(lambda: explain.grad_cam(model, x, 7), lambda: captum.attribute(x, 7), turns),
    )


def bench_change(turns: int) -> None:
    net = gradlab.models.imagenet()
    x = net.transform(gradlab.data.picture("chelsea"))[None]
    kept = explain.class_maps(net, x)
    p = kept.logits.softmax(1)
    mean = torch.einsum("nc,nchw->nhw", p, kept.maps)
    print("EfficientNet-Lite0, a change of Q from what one run left (the browser does this without the kernel)")
    line(
        "new contrast, against a whole run",
        ratios(lambda: mean - kept.maps[:, 285], lambda: explain.contrast_cam(net, x, 285), turns),
        inverse=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", nargs="*", help="names of networks")
    parser.add_argument("--whole", action="store_true", help="run all of captum's windows (an hour)")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    print(f"torch {torch.__version__}, {args.threads} thread(s), {args.turns} turns; under 1 is faster\n")
    for name, (model, layer) in networks().items():
        if not args.only or name in args.only:
            bench(name, model, layer, args.turns)
            bench_occlusion(name, model, seconds, line, max(1, args.turns // 4), args.whole)
            if name in ("resnet18", "vgg16"):
                bench_guided(model, ratios, line, args.turns)
    bench_change(args.turns)
    bench_information(ratios, line, args.turns)
    bench_introspect(seconds, line, args.turns)
    if not args.only:
        bench_notebooks()
        bench_browser()


if __name__ == "__main__":
    main()
