"""How captum, pytorch-grad-cam and torchcam are asked, each as its own documentation shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Way = Callable[[int | None, int], Tensor]  # (target, or None for the contrast; Q) -> map
Shown = Callable[[Tensor], Tensor]  # what the library shows of a raw map


def cams(model: nn.Module, layer: str, x: Tensor) -> dict[str, dict[str, tuple[Way | None, Shown]]]:
    """Return for each library and method how it is asked, and what its answer should be of the raw map (h, w)."""
    part = model.get_submodule(layer)

    def captum(target: int | None, q: int) -> Tensor:
        from captum.attr import LayerGradCam

        if target is None:
            score = lambda z: F.cross_entropy(model(z), torch.tensor([q]), reduction="none")  # noqa: E731
            found = LayerGradCam(score, part).attribute(x)
        else:
            found = LayerGradCam(model, part).attribute(x, target)
        return found[0, 0] if found.ndim == 4 else found

    def pytorch_grad_cam(target: int | None, q: int) -> Tensor:
        from pytorch_grad_cam import GradCAM

        score: Callable[[Tensor], Tensor] = lambda z: -z.log_softmax(-1)[q] if target is None else z[target]  # noqa: E731
        with GradCAM(model=model, target_layers=[part]) as cam:
            return torch.from_numpy(cam(input_tensor=x.clone(), targets=[score]))[0]

    def torchcam(target: int | None, _: int) -> Tensor:
        from torchcam.methods import GradCAM

        with GradCAM(model, layer) as cam:
            scores = model(x.clone().requires_grad_())
            found = cam(target, scores, normalized=False)[0]
            return found[0] if found.ndim == 3 else found

    def unit(maps: Tensor) -> Tensor:
        return (maps - maps.min()) / (maps.max() - maps.min() + 1e-7)

    def enlarged(raw: Tensor) -> Tensor:
        small = unit(raw.relu())[None, None].float()
        size = (int(x.shape[2]), int(x.shape[3]))
        return unit(F.interpolate(small, size, mode="bilinear", align_corners=False))[0, 0].double()

    def same(raw: Tensor) -> Tensor:
        return raw

    return {
        "captum": {"grad_cam": (captum, same), "contrast_cam": (captum, same)},
        "pytorch_grad_cam": {"grad_cam": (pytorch_grad_cam, enlarged), "contrast_cam": (pytorch_grad_cam, enlarged)},
        "torchcam": {"grad_cam": (torchcam, torch.relu), "contrast_cam": (None, same)},
    }


def occlusion(model: nn.Module, x: Tensor, window: int, stride: int, target: int) -> Tensor:
    """Return captum's occlusion, (1, 1, H, W)."""
    from captum.attr import Occlusion

    return Occlusion(model).attribute(x, (3, window, window), (3, stride, stride), 0.0, target)[:, :1]


def gradients(model: nn.Module, x: Tensor, target: int) -> dict[str, dict[str, Callable[[], Tensor]]]:
    """Return for each method how captum and pytorch-grad-cam are asked."""

    def captum(name: str, **options: Any) -> Callable[[], Tensor]:
        import captum.attr

        return lambda: getattr(captum.attr, name)(model).attribute(x.clone().requires_grad_(), target, **options)

    def guided() -> Tensor:
        from pytorch_grad_cam import GuidedBackpropReLUModel

        found = GuidedBackpropReLUModel(model=model, device=torch.device("cpu"))(x.clone(), target_category=target)
        return torch.from_numpy(found).movedim(-1, 0)[None]

    return {
        "gradient": {"captum": captum("Saliency", abs=False)},
        "deconvnet": {"captum": captum("Deconvolution")},
        "guided_backprop": {"captum": captum("GuidedBackprop"), "pytorch_grad_cam": guided},
    }


class Reading(nn.Module):
    """A network that returns more than scores, for libraries that need them alone: as pytorch-grad-cam's page does."""

    def __init__(self, model: nn.Module, read: Callable[[Any], Tensor]) -> None:
        super().__init__()
        self.model, self.read = model, read

    def forward(self, x: Tensor) -> Tensor:
        scores = self.read(self.model(x))
        return scores[:, None] if scores.ndim == 1 else scores
