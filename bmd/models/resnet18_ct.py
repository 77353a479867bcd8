"""ResNet-18 on one axial CT slice through one window: the first row of what the pair ensemble is compared with.

Choi S.-H. et al. Efficient osteoporosis prediction using a pair of ensemble models. J. Korea Soc. Comput. Inf. 2021,
table 5. The network: He K, Zhang X, Ren S, Sun J. Deep residual learning for image recognition. CVPR 2016.

What the paper says
    ResNet-18 on x^t (HU from -450 to 1024); trained as the pair: Adam, 1e-3, cosine annealing, batch 128, 60 epochs,
    pretrained on ImageNet. Accuracy 66.67 %.

Differences from the paper
    - Trained from random weights on simulated CT, not from weights of ImageNet, with time for few epochs instead of 60;
      batch 32 instead of 128.
    - The slice is cropped to 120 mm around the vertebra instead of shown whole, as for ``pair_acm``.
    - One grey channel; the crop's 120 x 120 pixels as they are (``side`` enlarges them). ``width`` 32 is half of
      ResNet-18, as a branch of the shipped pair is.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from bmd.models._registry import Spec, register
from bmd.models._slices import SliceNetwork, SliceRecipe, classifier
from bmd.models.pair_acm import AttendAndCompare, Branch

STAGE = 2
"""Blocks after the last one whose cells heat maps are read at: the fourth stage."""


@dataclass(frozen=True)
class ResNet18CtRecipe(SliceRecipe):
    """The paper's network."""

    width: int = 64  # channels of the first stage


@register(Spec("resnet18_ct", "ResNet-18 of a slice", "Choi et al. 2021", task="slice", role="slices", modality="ct"))
class ResNet18Ct(SliceNetwork):
    """The pair's branch without its attend-and-compare modules, pooling and a classifier."""

    Recipe = ResNet18CtRecipe

    def __init__(self, window: str, side: int, width: int) -> None:
        super().__init__(window, side)
        self.branch = nn.Sequential(*(m for m in Branch(width) if not isinstance(m, AttendAndCompare)))
        self.category = classifier(8 * width)

    @property
    def heat_layer(self) -> nn.Module:
        """The end of the third stage, a cell of 16 pixels."""
        return self.branch[-1 - STAGE]

    def classify(self, picture: Tensor) -> dict[str, Tensor]:
        """See ``SliceNetwork``."""
        return {"logits": self.category(self.branch(picture).mean((2, 3)))}
