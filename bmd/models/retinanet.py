"""RetinaNet with AP-loss: boxes of L1-L5 on a lateral film.

Jung J. Bone mineral density prediction from spine lateral X-ray images. Yonsei University 2020, step 1
("RetinaNet-500 with AP-loss"), tables 1 and 3. Lin T-Y et al. Focal loss for dense object detection. ICCV 2017.
AP-loss: see ``ap_loss.py``.

What the paper says
    One-stage RetinaNet, ResNet-50 or 101 with FPN, input 500 (512 in Chen et al.), classification by AP-loss, boxes by
    smooth L1; 1,000 films, 7:3. Five classes, L1-L5: AP 72.2, AP50 97.1, AP75 91.4 with ResNet-50, AP 73.1, 96.8, 92.0
    with ResNet-101. Nine classes, L1-L4 each osteoporotic (T <= -2.5) or not, and L5: AP 41.2, 56.6, 52.4 with
    ResNet-101. Rate and schedule are not given.

Differences from the paper
    - Starts from random weights (nothing is downloaded), so batch norm, frozen or over 2-4 films, is no option:
      group norm in backbone, pyramid and head (Wu & He 2018).
    - Anchors of 24-152 px at 512 (98 % of bodies in the training views measure 36-167) and only pyramid levels P3-P5:
      the anchors of P6 and P7 are larger than a body. Anchor sizes follow the input size, so a training may begin at
      256 and end at 512 with the same weights.
    - Pyramid and head are 128 wide instead of 256: a quarter of the head's cost, five classes of similar objects.
    - Boxes by generalised IoU (Rezatofighi et al. 2019), recipe key ``box_loss``; "smooth_l1" is the paper's.
    - One grey channel, local log normalisation. AdamW, cosine over the time budget.
    - The shipped weights are of ResNet-50 with five classes, trained at 384 x 384 with a peak rate of 0.01, not at the
      recipe's 512 and 5e-4. ``retinanet_r101`` and ``retinanet_nine`` are the paper's others (``depth``, ``classes``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import resnet50, resnet101
from torchvision.models.detection import RetinaNet
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.retinanet import RetinaNetClassificationHead, RetinaNetHead
from torchvision.ops.feature_pyramid_network import ExtraFPNBlock

from bmd.models._blocks import fixed, group_norm
from bmd.models._recipe import Recipe, check_choice
from bmd.models._registry import Spec, register
from bmd.models.ap_loss import APLoss
from bmd.reference import DETECTED

DEPTHS = {50: resnet50, 101: resnet101}
ANCHOR_SIZES = (24, 48, 96)  # px at 512 for P3, P4, P5; each also times 2^(1/3) and 2^(2/3)
ASPECTS = (0.5, 0.75, 1.0)  # height / width: bodies are wider than tall, more so on films stretched to a square


@dataclass(frozen=True)
class RetinaNetRecipe(Recipe):
    """Defaults for the shipped weights."""

    size: int = 512  # input side; 256 first and 512 at the end (init=weights) is several times cheaper
    batch: int = 4  # paper: not stated
    lr: float = 5e-4  # peak of AdamW
    weight_decay: float = 0.05  # AdamW
    width: int = 128  # channels of pyramid and head; RetinaNet has 256
    box_loss: str = "giou"  # "smooth_l1" is the paper's
    box_weight: float = 1.0  # of the box loss beside AP-loss
    depth: int = 50  # layers of the ResNet, 50 or 101
    classes: str = "five"  # L1-L5; "nine": L1-L4 each osteoporotic or not, and L5
    tight: float = 0.2  # share of examples that show only part of the spine


class NoExtraLevels(ExtraFPNBlock):
    """Pyramid of P3-P5 only."""

    def forward(self, results: Any, x: Any, names: Any) -> Any:
        """Add nothing."""
        return results, names


class Pyramid(BackboneWithFPN):
    """ResNet and FPN for one grey channel; features leave in float32, so that boxes are decoded in float32."""

    def __init__(self, width: int, depth: int) -> None:
        body = DEPTHS[depth](weights=None, norm_layer=group_norm)
        body.conv1 = nn.Conv2d(1, 64, 7, 2, 3, bias=False)
        nn.init.kaiming_normal_(body.conv1.weight, mode="fan_out", nonlinearity="relu")
        layers = {"layer2": "p3", "layer3": "p4", "layer4": "p5"}
        super().__init__(body, layers, [512, 1024, 2048], width, NoExtraLevels(), group_norm)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Features (N, width, S / 8, S / 8) "p3", then 1/16 "p4" and 1/32 "p5"."""
        return {key: value.float() for key, value in super().forward(x).items()}


class RankingHead(RetinaNetClassificationHead):
    """torchvision's classification head with AP-loss in place of focal loss."""

    def compute_loss(
        self, targets: list[dict[str, Tensor]], head_outputs: dict[str, Tensor], matched_idxs: list[Tensor]
    ) -> Tensor:
        """Rank all anchors and classes of the batch together; anchors between the IoU thresholds are ignored."""
        logits = head_outputs["cls_logits"]  # (N, anchors, classes)
        truth = torch.zeros_like(logits)
        for row, target, matched in zip(truth, targets, matched_idxs, strict=True):
            objects = matched >= 0
            row[objects, target["labels"][matched[objects]]] = 1
            row[matched == self.BETWEEN_THRESHOLDS] = -1
        loss: Tensor = APLoss.apply(logits, truth)
        return loss


class FloatHead(RetinaNetHead):
    """Head whose outputs are float32 under autocast, so that scores and boxes are computed in float32."""

    def forward(self, x: list[Tensor]) -> dict[str, Tensor]:
        """Logits (N, anchors, classes) and box offsets (N, anchors, 4)."""
        return {key: value.float() for key, value in super().forward(x).items()}


@register(
    Spec(
        "retinanet_aploss",
        "RetinaNet with AP-loss",
        "Jung 2020 (step 1); Chen et al. 2019, CVPR",
        task="boxes",
        role="localiser",
        modality="radiograph",
    )
)
class RetinaNetAPLoss(RetinaNet):
    """RetinaNet ResNet FPN for L1-L5 under torchvision's detection contract.

    In: normalised films as a list of (1, S, S) or a batch (N, 1, S, S); in training also targets with ``boxes`` (n, 4),
    ``labels`` (n,) 1..5 and, for nine classes, ``nine`` (n,) 1..9. Out: in training the losses ``classification``
    (AP-loss) and ``bbox_regression``; in eval a list of dicts, one a film, with ``boxes`` (n, 4) x1, y1, x2, y2 in
    pixels of the input (pixel i covers i..i + 1), ``labels`` 1..5 = L1..L5 (1..9: ``reference.DETECTED``) and
    ``scores``, sorted by score, after NMS in each class. Several boxes may carry one level. Scores only rank (see
    ``__init__``): most lie near 0.5, so compare them, and do not read them as probabilities. An engine that returns
    arrays stacks the list with ``_detections.stacked``.
    Inputs are resized to ``size``, and anchor sizes scale with it.

    Raises
    ------
    OptionError
        "network.unknown_choice": no such depth or classes.
    """

    Recipe = RetinaNetRecipe

    def __init__(self, size: int, width: int, box_loss: str, box_weight: float, depth: int, classes: str) -> None:
        check_choice("depth", depth, DEPTHS)
        check_choice("classes", classes, DETECTED)
        count = len(DETECTED[classes])
        sizes = [s * size / 512 for s in ANCHOR_SIZES]
        octaves = tuple(tuple(s * 2 ** (i / 3) for i in range(3)) for s in sizes)
        anchors = AnchorGenerator(octaves, (ASPECTS,) * len(sizes))
        per_place = anchors.num_anchors_per_location()[0]
        head = FloatHead(width, per_place, count, norm_layer=group_norm)
        # AP-loss only ranks and its updates sum to zero, so scores stay around the starting bias: 0 is a score of 0.5
        head.classification_head = RankingHead(width, per_place, count, 0.5, norm_layer=group_norm)
        head.regression_head._loss_type = box_loss
        super().__init__(
            Pyramid(width, depth),
            num_classes=count,
            min_size=size,
            max_size=size,
            image_mean=[0.0],
            image_std=[1.0],
            anchor_generator=anchors,
            head=head,
            score_thresh=0.05,
            nms_thresh=0.5,
            detections_per_img=50,
            topk_candidates=300,
        )
        self.box_weight, self.classes = box_weight, classes

    def example(self) -> tuple[list[Tensor]]:
        """A fixed input for golden outputs and contract tests."""
        return ([fixed(1, 128, 128)],)

    def compute_loss(
        self, targets: list[dict[str, Tensor]], head_outputs: dict[str, Tensor], anchors: list[Tensor]
    ) -> dict[str, Tensor]:
        """Torchvision's matching and losses; classes count from 0 inside, there being no background class."""
        key = "nine" if self.classes == "nine" else "labels"
        shifted = [{**target, "labels": target[key] - 1} for target in targets]
        losses: dict[str, Tensor] = super().compute_loss(shifted, head_outputs, anchors)
        losses["bbox_regression"] = self.box_weight * losses["bbox_regression"]
        return losses

    def postprocess_detections(self, *args: Any) -> list[dict[str, Tensor]]:
        """Torchvision's score threshold, class-wise NMS; classes count from 1 outside."""
        return [{**d, "labels": d["labels"] + 1} for d in super().postprocess_detections(*args)]
