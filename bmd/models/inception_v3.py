"""Inception-v3 on one axial CT slice through one window, one of the networks the pair ensemble is compared with.

Choi S.-H. et al. Efficient osteoporosis prediction using a pair of ensemble models. J. Korea Soc. Comput. Inf. 2021,
table 5. The network: Szegedy C. et al. Rethinking the Inception architecture for computer vision. CVPR 2016.

What the papers say
    Szegedy et al.: 42 layers, a side classifier with batch norm on the last 17 x 17 grid, 299 x 299 pixels.
    Choi et al.: on x^t; trained as the pair: Adam, 1e-3, cosine annealing, batch 128, 60 epochs, pretrained on
    ImageNet. Accuracy 68.77 %.

Differences from the paper
    - Trained from random weights on simulated CT, not from weights of ImageNet, with time for few epochs instead of 60;
      batch 32 instead of 128.
    - The slice is cropped to 120 mm around the vertebra instead of shown whole, as for ``pair_acm``.
    - One grey channel, enlarged to 299 pixels (``side``; 75 are the fewest, and the side classifier needs 299).
    - No label smoothing, which Choi et al. do not mention; the side classifier's loss weighs 0.3, as in GoogLeNet.
    - torchvision's network, which differs from the paper's in nothing that it documents.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torchvision.models import inception_v3

from bmd.models._registry import Spec, register
from bmd.models._slices import SliceNetwork, SliceRecipe, grey
from bmd.reference import CATEGORIES


@dataclass(frozen=True)
class InceptionV3Recipe(SliceRecipe):
    """The paper's network."""

    side: int = 299  # pixels a side
    auxiliary: bool = True  # the side classifier, in training


@register(
    Spec("inception_v3", "Inception-v3 of a slice", "Choi et al. 2021", task="slice", role="slices", modality="ct")
)
class InceptionV3(SliceNetwork):
    """The network as torchvision has it."""

    Recipe = InceptionV3Recipe

    def __init__(self, window: str, side: int, auxiliary: bool) -> None:
        super().__init__(window, side)
        classes = len(CATEGORIES)
        self.whole = inception_v3(weights=None, num_classes=classes, aux_logits=auxiliary, init_weights=True)
        self.whole.Conv2d_1a_3x3.conv = grey(self.whole.Conv2d_1a_3x3.conv)
        self.auxiliary = auxiliary

    @property
    def heat_layer(self) -> nn.Module:
        """The last 17 x 17 grid."""
        layer: nn.Module = self.whole.Mixed_6e
        return layer

    def classify(self, picture: Tensor) -> dict[str, Tensor]:
        """See ``SliceNetwork``."""
        out = self.whole(picture)
        if self.auxiliary and self.training:
            return {"logits": out.logits, "auxiliary": out.aux_logits}
        return {"logits": out}
