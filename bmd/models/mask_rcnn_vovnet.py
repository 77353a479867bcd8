"""Mask R-CNN on VoVNet-19: boxes and masks of L1-L5 on a lateral film.

Jung J. Bone mineral density prediction from spine lateral X-ray images. Yonsei University 2020, step 1, the two-stage
detector ("Mask R-CNN, VoVNet V-19 FPN 3x"), tables 1 and 2. He K, Gkioxari G, Dollár P, Girshick R. Mask R-CNN. ICCV
2017. Lee Y. et al. An energy and GPU-computation efficient backbone network for real-time object detection. CVPR
Workshops 2019 (VoVNet, one-shot aggregation, fig. 1b, table 1).

What the papers say
    Lee et al.: a stem of three 3 x 3 convolutions to 1/4 of the input, then four stages; a stage is a max pooling and a
    module of 3 x 3 convolutions one after the other whose outputs are all joined once, at the end, by a 1 x 1
    convolution. V-19 has three convolutions a module, one module a stage, 128, 160, 192, 224 channels inside and 256,
    512, 768, 1024 outside (their code; the paper's table has V-27-slim, V-39 and V-57).
    Jung: five classes, boxes AP 59.3, AP50 76.6, AP75 74.6, masks AP 60.8, 74.9, 74.9; nine classes, boxes 22.0, 29.2,
    27.8, masks 23.0, 29.3, 27.8. "3x" is a schedule of 270,000 steps of 16 pictures, from weights of ImageNet.

Differences from the papers
    - Plain V-19 as in VoVNet's first paper, without the squeeze and excitation and the shortcuts of its second version.
    - Starts from random weights, so batch norm, frozen or over few films, is no option: group norm in backbone and
      pyramid (Wu & He 2018). One grey channel, local log normalisation. AdamW, cosine over the time budget.
    - Square input of 512; Detectron's default, which Jung's words point to, is 800 on the shorter side.
    - Anchors of 16-256 px at 512 on P2-P6, no wider than tall bodies need (0.5, 0.75, 1): bodies measure 36-167 px.
      500 proposals and 128 regions a film instead of 1,000 and 512: five bodies are all there is to find.
    - Nine classes are ``mask_rcnn_nine``.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor

from bmd.models._blocks import fixed, group_norm
from bmd.models._recipe import Recipe, check_choice
from bmd.models._registry import Spec, register
from bmd.reference import DETECTED

STEM = (64, 64, 128)
INSIDE, OUTSIDE = (128, 160, 192, 224), (256, 512, 768, 1024)
LAYERS = 3
ANCHOR_SIZES = (16, 32, 64, 128, 256)  # px at 512 for P2 ... P6
ASPECTS = (0.5, 0.75, 1.0)  # height / width


@dataclass(frozen=True)
class MaskRcnnRecipe(Recipe):
    """The paper's network at this project's input."""

    size: int = 512  # input side
    batch: int = 2  # "3x": 16
    lr: float = 5e-4  # peak of AdamW
    weight_decay: float = 0.05  # AdamW
    width: int = 256  # channels of the pyramid and of the mask head; the box head has four times as many
    classes: str = "five"  # L1-L5; "nine": L1-L4 each osteoporotic or not, and L5
    tight: float = 0.2  # share of examples that show only part of the spine


def convolution(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, group norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), group_norm(outputs), nn.ReLU(inplace=True)
    )


class OneShotAggregation(nn.Module):
    """Convolutions in a row, all their outputs and the input joined once (Lee et al. 2019, fig. 1b)."""

    def __init__(self, inputs: int, inside: int, outputs: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(convolution(inputs if k == 0 else inside, inside) for k in range(LAYERS))
        self.join = convolution(inputs + LAYERS * inside, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H, W)."""
        seen = [x]
        for layer in self.layers:
            seen.append(layer(seen[-1]))
        joined: Tensor = self.join(torch.cat(seen, 1))
        return joined


def vovnet19() -> nn.Sequential:
    """The backbone on one grey channel: ``stem``, then ``stage2`` ... ``stage5`` at 1/4 ... 1/32 of the input."""
    a, b, c = STEM
    parts: dict[str, nn.Module] = {
        "stem": nn.Sequential(convolution(1, a, stride=2), convolution(a, b), convolution(b, c, stride=2))
    }
    for k, (inputs, inside, outputs) in enumerate(zip((c, *OUTSIDE), INSIDE, OUTSIDE, strict=False)):
        module = OneShotAggregation(inputs, inside, outputs)
        parts[f"stage{k + 2}"] = module if k == 0 else nn.Sequential(nn.MaxPool2d(3, 2, ceil_mode=True), module)
    return nn.Sequential(OrderedDict(parts))


class Pyramid(BackboneWithFPN):
    """VoVNet-19 and FPN; in bfloat16 where its caller was, its features leave in float32."""

    bf16 = False

    def __init__(self, width: int) -> None:
        layers = {f"stage{k + 2}": str(k) for k in range(len(OUTSIDE))}
        super().__init__(vovnet19(), layers, list(OUTSIDE), width, norm_layer=group_norm)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Features (N, width, S / 4, S / 4) "0", then 1/8 "1", 1/16 "2", 1/32 "3" and 1/64 "pool"."""
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.bf16):
            found = super().forward(x)
        return {key: value.float() for key, value in found.items()}


@register(
    Spec(
        "mask_rcnn_vovnet",
        "Mask R-CNN on VoVNet-19",
        "Jung 2020 (step 1); Lee et al. 2019",
        task="instances",
        role="localiser",
        modality="radiograph",
    )
)
class MaskRcnnVoVNet(MaskRCNN):
    """Mask R-CNN for L1-L5 under torchvision's detection contract.

    In: normalised films as a list of (1, S, S) or a batch (N, 1, S, S); in training also targets with ``boxes`` (n, 4),
    ``masks`` uint8 (n, S, S), ``labels`` (n,) 1..5 and, for nine classes, ``nine`` (n,) 1..9. Out: in training
    torchvision's five losses; in eval a list of dicts, one a film, with ``boxes`` (n, 4) x1, y1, x2, y2 in pixels of
    the input (pixel i covers i..i + 1), ``labels``, ``scores`` (shares, sorted downwards) and ``masks`` (n, 1, S, S).

    Raises
    ------
    OptionError
        "network.unknown_choice": no such classes.
    """

    Recipe = MaskRcnnRecipe

    def __init__(self, size: int, width: int, classes: str) -> None:
        check_choice("classes", classes, DETECTED)
        count = len(DETECTED[classes]) + 1  # and background
        sizes = tuple((s * size / 512,) for s in ANCHOR_SIZES)
        super().__init__(
            Pyramid(width),
            min_size=size,
            max_size=size,
            image_mean=[0.0],
            image_std=[1.0],
            rpn_anchor_generator=AnchorGenerator(sizes, (ASPECTS,) * len(sizes)),
            rpn_post_nms_top_n_train=500,
            rpn_post_nms_top_n_test=200,
            box_batch_size_per_image=128,
            box_detections_per_img=50,
            box_head=TwoMLPHead(width * 7**2, 4 * width),
            box_predictor=FastRCNNPredictor(4 * width, count),
            mask_head=MaskRCNNHeads(width, (width,) * 4, 1),
            mask_predictor=MaskRCNNPredictor(width, width, count),
        )
        self.classes = classes

    def example(self) -> tuple[list[Tensor]]:
        """A fixed input for golden outputs and contract tests."""
        return ([fixed(1, 128, 128)],)

    def forward(self, images: Any, targets: list[dict[str, Tensor]] | None = None) -> Any:
        """See the class; boxes and losses are computed in float32 under autocast."""
        if targets is not None and self.classes == "nine":
            targets = [{**target, "labels": target["nine"]} for target in targets]
        kind = images[0].device.type
        self.backbone.bf16 = torch.is_autocast_enabled(kind)
        with torch.autocast(kind, enabled=False):
            return super().forward(list(images), targets)
