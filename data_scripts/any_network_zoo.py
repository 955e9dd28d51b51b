"""Networks that others publish: all of torchvision's classifiers, many of timm's, and odd ends on a few trunks.

Random weights, eleven classes, small pictures; everything else is as it is published.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

CLASSES = 11  # no width of a network and no number of heads
SIZES = ((64, 96), (96, 96), (64, 64), (70, 70), (224, 224), (240, 240), (256, 256))  # the first that the network takes
LARGE = 12_000_000  # weights; above, single precision, where its rounding stays small
WILD = 1e-4  # of the largest value, by which noise of 1e-6 may move the outputs or their slopes
HUGE = 60_000_000  # smaller pictures

TORCHVISION = tuple(torchvision.models.list_models(module=torchvision.models))

TIMM = tuple(
    """
    bat_resnext26ts beit_base_patch16_224 botnet26t_256 caformer_s18 cait_xxs24_224 coat_lite_tiny coatnet_pico_rw_224
    coatnext_nano_rw_224 convformer_s18 convit_tiny convmixer_768_32 convnext_atto convnextv2_atto cpubone_nano
    crossvit_tiny_240 csatv2 cspdarknet53 cspresnet50 davit_tiny deit3_small_patch16_224 deit_tiny_distilled_patch16_224
    deit_tiny_patch16_224 dla46_c dm_nfnet_f0 dpn48b ecaresnet26t edgenext_xx_small efficientformer_l1
    efficientformerv2_s0 efficientnet_lite0 efficientvim_m1 efficientvit_b0 efficientvit_m0 ese_vovnet19b_slim
    eva02_tiny_patch14_224 fasternet_t0 fastvit_t8 flexivit_small focalnet_tiny_srf gcvit_xxtiny ghostnet_100
    ghostnetv2_100 gmlp_ti16_224 halonet26t hardcorenas_a hgnet_tiny hgnetv2_b0 hiera_tiny_224 hrnet_w18_small iformer_t
    inception_next_atto inception_resnet_v2 inception_v4 lambda_resnet26t lcnet_050 legacy_seresnet18 legacy_xception
    levit_128s levit_conv_128s lowformer_b0 mambaout_femto maxvit_rmlp_pico_rw_256 mixer_s32_224 mobilenetv4_conv_small
    mobilenetv4_hybrid_medium mobilevit_xxs mobilevitv2_050 mvitv2_tiny naflexvit_base_patch16_gap nest_tiny
    nextvit_small nf_regnet_b0 nfnet_l0 pit_ti_224 pnasnet5large poolformer_s12 pvt_v2_b0 rdnet_tiny regnetx_002
    regnety_002 regnetz_005 repghostnet_050 repvgg_a0 repvit_m0_9 res2net50_14w_8s resmlp_12_224 resnest14d resnet10t
    resnetv2_50 rexnet_100 samvit_base_patch16_224 selecsls42 sequencer2d_s shvit_s1 skresnet18 starnet_s1
    swiftformer_xs swin_tiny_patch4_window7_224 swinv2_cr_tiny_224 swinv2_tiny_window8_256 tiny_vit_5m_224 tinynet_e
    tnt_s_legacy_patch16_224 tresnet_m twins_pcpvt_small twins_svt_small visformer_tiny vit_base_patch16_clip_224
    vit_base_patch16_siglip_224 vit_small_patch14_reg4_dinov2 vit_small_patch16_18x2_224 vit_srelpos_small_patch16_224
    vit_tiny_patch16_224 vit_tiny_r_s16_p8_224 vitamin_small_224 volo_d1_224 xception41 xcit_nano_12_p16_224
    """.split()  # noqa: SIM905
)

TRUNKS = ("resnet18", "mobilenet_v2", "convnext_tiny", "swin_t", "vit_b_32", "convnext_atto", "vit_tiny_patch16_224")
MAP_TRUNKS = ("resnet10t", "convnext_atto", "efficientnet_lite0", "swin_tiny_patch4_window7_224")


@dataclass(frozen=True)
class Case:
    """One network with pictures for it, and how it is judged.

    Attributes:
        make: the network; called again, an equal one.
        x: pictures (N, C, H, W).
        plain: the same function with the same weights, written plainly: what the definitions are asked of. None: the
            network itself.
        read: logits (N, classes) or values (N,) from what the network returns.
        whole: it returns the logits themselves, so that a class is asked by its number; else by a function.
        layer: the layer that must be found; "": whichever is found, is judged.
        undefined: methods that have no answer here, so that any answer is wrong.
        skipped: methods that are not asked.
        tolerance: of the largest value.
        own: its weights are not the plain network's; the Fisher information is about them.
        exact: the plain network's precision.
        window, stride: of occlusion, in pixels.
    """

    make: Callable[[], nn.Module]
    x: Tensor
    plain: Callable[[], nn.Module] | None = None
    read: Callable[[Any], Tensor] = lambda outputs: outputs
    whole: bool = True
    layer: str = ""
    undefined: frozenset[str] = field(default_factory=frozenset)
    skipped: frozenset[str] = field(default_factory=frozenset)
    tolerance: float = 1e-6
    own: bool = False
    exact: torch.dtype = torch.double
    window: int = 32
    stride: int = 32


class Cosine(nn.Module):
    """Sixteen times the cosines between the features and each class's vector."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(CLASSES, d))

    def forward(self, h: Tensor) -> Tensor:
        return 16 * F.linear(F.normalize(h, dim=-1), F.normalize(self.weight, dim=-1))


class Two(nn.Module):
    """Two linear heads, as of a distilled network, and the mean of their logits."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.head, self.distilled = nn.Linear(d, CLASSES), nn.Linear(d, CLASSES)

    def forward(self, h: Tensor) -> Tensor:
        return (self.head(h) + self.distilled(h)) / 2


class Convolution(nn.Module):
    """A 1 x 1 convolution scores each cell of the trunk's map, and the scores are averaged."""

    def __init__(self, trunk: nn.Module, d: int) -> None:
        super().__init__()
        self.trunk, self.score = trunk, nn.Conv2d(d, CLASSES, 1)

    def forward(self, x: Tensor) -> Tensor:
        maps = self.trunk(x)
        return self.score(maps if maps.shape[1] == self.score.in_channels else maps.movedim(-1, 1)).mean((2, 3))


ENDS: dict[str, Callable[[int], nn.Module]] = {"cosine": Cosine, "distilled": Two, "headless": lambda _: nn.Identity()}
ENDED = (
    *(f"{trunk} + {end}" for trunk in TRUNKS for end in ENDS),
    *(f"{trunk} + 1 x 1 convolution" for trunk in MAP_TRUNKS),
)


def case(name: str, timm: bool) -> Case:
    """Return a network by its name, or by "trunk + end"."""
    trunk, _, end = name.partition(" + ")
    build = _timm if timm or trunk not in TORCHVISION else _torchvision
    huge = build is _torchvision and torchvision.models.get_model_weights(trunk)["DEFAULT"].meta["num_params"] > HUGE
    for size in SIZES[2:] if huge else SIZES:
        torch.manual_seed(0)
        try:
            model = build(trunk, size) if end != "1 x 1 convolution" else _convolution(trunk, size)
            if end in ENDS:
                _replace_head(model, ENDS[end])
            alive(model, torch.randn(4, 3, *size))
        except Exception as error:  # this size is none for it
            refused = error
            continue
        break
    else:
        raise refused
    x = torch.randn(1, 3, *size)
    weights = sum(p.numel() for p in model.parameters())
    single = (weights > LARGE or size[0] > 96) and not _wild(model, x)
    model, x = (model, x) if single else (model.double(), x.double())
    fresh = [model] if weights > HUGE else []  # not copied: some fill gigabytes

    def make() -> nn.Module:
        return fresh.pop() if fresh else copy.deepcopy(model)

    # Headless: no layer of its own makes the outputs, and there are as many classes as channels.
    undefined, skipped = (frozenset({name} if end == "headless" else ()) for name in ("features", "fisher"))
    about = {"tolerance": 1e-3 if single else 1e-6, "window": size[0] // 2, "stride": size[0] // 2}
    return Case(make, x, undefined=undefined, skipped=skipped, **about)  # type: ignore[arg-type]


def _wild(model: nn.Module, x: Tensor) -> bool:
    """Tell whether rounding in single precision grows, on its way through the network or back, until it shows."""
    found = []
    for each in (x, x + 1e-6 * torch.randn_like(x)):
        leaf = each.clone().requires_grad_()
        z = model(leaf * 1)
        found.append((z.detach() - z.detach().mean(), *torch.autograd.grad(z[:, 5].sum(), leaf)))
    pairs = list(zip(*found, strict=True))
    return any(bool((moved - own).abs().max() > WILD * own.abs().max()) for own, moved in pairs)


def _torchvision(name: str, size: tuple[int, int]) -> nn.Module:
    # their own initialisation lets the signal fade to 1e-13; PyTorch's does not
    options: dict[str, Any] = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    if name.startswith("vit"):
        options["image_size"] = size[0]
    return torchvision.models.get_model(name, weights=None, num_classes=CLASSES, **options)


def _timm(name: str, size: tuple[int, int], **options: Any) -> nn.Module:
    import timm

    options = {"num_classes": CLASSES, "pretrained": False, **options}
    try:
        return timm.create_model(name, img_size=size, **options)
    except TypeError:  # an architecture that takes pictures of any size, or of one
        return timm.create_model(name, **options)


def _convolution(trunk: str, size: tuple[int, int]) -> nn.Module:
    model = _timm(trunk, size, num_classes=0, global_pool="")
    return Convolution(model, int(model.num_features))  # type: ignore[arg-type]


def _replace_head(model: nn.Module, end: Callable[[int], nn.Module]) -> None:
    linear = [(name, part) for name, part in model.named_modules() if isinstance(part, nn.Linear)]
    name, last = linear[-1]
    assert last.out_features == CLASSES
    model.set_submodule(name, end(last.in_features))


def alive(model: nn.Module, pictures: Tensor) -> None:
    """Make the signal reach the end: scales that start at nothing, statistics of batch norms, the head's size."""
    for name, parameter in model.named_parameters():
        if parameter.abs().max() > 1e-3:
            continue
        if parameter.numel() != max(parameter.shape, default=1):
            nn.init.normal_(parameter, std=0.05)
        elif not name.endswith("bias"):
            nn.init.uniform_(parameter, 0.5, 1.0)  # the scale of a residual branch
    model.eval()
    for part in model.modules():
        norms = [inner for inner in part.modules() if isinstance(inner, nn.modules.batchnorm._BatchNorm)]
        if norms and norms[0] is part:
            norms[0].momentum = 1.0
            norms[0].train()
        elif norms and getattr(part, "use_res_connect", False):  # deep sums of branches of one size make rounding grow
            norms[-1].weight.data *= 0.2
    with torch.no_grad():
        model(pictures)
        spread = float(model(pictures).std())
        for parameter in model.parameters():  # of the head: or one class has all probability, and nothing else any
            if spread > 1 and parameter.shape[:1] == (CLASSES,):
                parameter /= spread
        silent = (model(pictures) == 0).all(0)
        for parameter in model.parameters():  # of a ReLU behind the scores: or a class that is never above 0 has no map
            if silent.any() and parameter.shape == (CLASSES,):
                parameter[silent] += 1
    model.train()  # some forget here what they cached
    model.eval()
