"""Mask R-CNN on VoVNet-19 in nine classes: L1-L4, each called osteoporotic or not, and L5.

Jung J. Bone mineral density prediction from spine lateral X-ray images. Yonsei University 2020, tables 3 and 4, second
rows: boxes AP 22.0, AP50 29.2, AP75 27.8, masks 23.0, 29.3, 27.8. What it shares with, and where it differs from, the
paper: see ``mask_rcnn_vovnet``. Bodies without a T-score, which the paper left out, count as not osteoporotic.
"""

from __future__ import annotations

from dataclasses import dataclass

from bmd.models._registry import Spec, register
from bmd.models.mask_rcnn_vovnet import MaskRcnnRecipe, MaskRcnnVoVNet


@dataclass(frozen=True)
class MaskRcnnNineRecipe(MaskRcnnRecipe):
    """The paper's network."""

    classes: str = "nine"  # L1-L4 each osteoporotic (T <= -2.5) or not, and L5


@register(
    Spec(
        "mask_rcnn_nine",
        "Mask R-CNN on VoVNet-19, nine classes",
        "Jung 2020 (step 1); Lee et al. 2019",
        task="instances",
        role="localiser",
        modality="radiograph",
    )
)
class MaskRcnnNine(MaskRcnnVoVNet):
    """See ``MaskRcnnVoVNet``."""

    Recipe = MaskRcnnNineRecipe
