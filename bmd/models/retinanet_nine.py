"""RetinaNet with AP-loss in nine classes: boxes of L1-L4, each called osteoporotic or not, and of L5.

Jung J. Bone mineral density prediction from spine lateral X-ray images. Yonsei University 2020, table 3, first row:
AP 41.2, AP50 56.6, AP75 52.4 with ResNet-101. What it shares with, and where it differs from, the paper: see
``retinanet``. Bodies without a T-score, which the paper left out, count as not osteoporotic.
"""

from __future__ import annotations

from dataclasses import dataclass

from bmd.models._registry import Spec, register
from bmd.models.retinanet import RetinaNetAPLoss, RetinaNetRecipe


@dataclass(frozen=True)
class RetinaNetNineRecipe(RetinaNetRecipe):
    """The paper's network."""

    depth: int = 101  # layers of the ResNet
    classes: str = "nine"  # L1-L4 each osteoporotic (T <= -2.5) or not, and L5


@register(
    Spec(
        "retinanet_nine",
        "RetinaNet with AP-loss, nine classes",
        "Jung 2020 (step 1); Chen et al. 2019, CVPR",
        task="boxes",
        role="localiser",
        modality="radiograph",
    )
)
class RetinaNetNine(RetinaNetAPLoss):
    """See ``RetinaNetAPLoss``."""

    Recipe = RetinaNetNineRecipe
