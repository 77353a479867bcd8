"""RetinaNet with AP-loss on ResNet-101: boxes of L1-L5 on a lateral film.

Jung J. Bone mineral density prediction from spine lateral X-ray images. Yonsei University 2020, table 1, first row:
AP 73.1, AP50 96.8, AP75 92.0. What it shares with, and where it differs from, the paper: see ``retinanet``.
"""

from __future__ import annotations

from dataclasses import dataclass

from bmd.models._registry import Spec, register
from bmd.models.retinanet import RetinaNetAPLoss, RetinaNetRecipe


@dataclass(frozen=True)
class RetinaNetR101Recipe(RetinaNetRecipe):
    """The paper's network."""

    depth: int = 101  # layers of the ResNet


@register(
    Spec(
        "retinanet_r101",
        "RetinaNet with AP-loss, ResNet-101",
        "Jung 2020 (step 1); Chen et al. 2019, CVPR",
        task="boxes",
        role="localiser",
        modality="radiograph",
    )
)
class RetinaNetR101(RetinaNetAPLoss):
    """See ``RetinaNetAPLoss``."""

    Recipe = RetinaNetR101Recipe
