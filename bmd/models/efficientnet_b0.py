"""EfficientNet-B0 on one axial CT slice through one window, the strongest single network of the pair's comparison.

Choi S.-H. et al. Efficient osteoporosis prediction using a pair of ensemble models. J. Korea Soc. Comput. Inf. 2021,
table 5. The network: Tan M, Le Q. EfficientNet: rethinking model scaling for convolutional neural networks. ICML 2019.

What the papers say
    Tan & Le: table 1, seven stages of inverted bottlenecks with squeeze and excitation, SiLU, dropout 0.2, stochastic
    depth 0.2; 5.3 million weights; 224 x 224 pixels.
    Choi et al.: on x^t; trained as the pair: Adam, 1e-3, cosine annealing, batch 128, 60 epochs, pretrained on
    ImageNet. Accuracy 72.11 %.

Differences from the paper
    - Trained from random weights on simulated CT, not from weights of ImageNet, with time for few epochs instead of 60;
      batch 32 instead of 128.
    - The slice is cropped to 120 mm around the vertebra instead of shown whole, as for ``pair_acm``.
    - One grey channel, enlarged to 224 pixels (``side``; fewer are cheaper).
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torchvision.models import efficientnet_b0

from bmd.models._registry import Spec, register
from bmd.models._slices import SliceNetwork, SliceRecipe, grey
from bmd.reference import CATEGORIES


@dataclass(frozen=True)
class EfficientNetB0Recipe(SliceRecipe):
    """The paper's network."""

    side: int = 224  # pixels a side


@register(
    Spec(
        "efficientnet_b0", "EfficientNet-B0 of a slice", "Choi et al. 2021", task="slice", role="slices", modality="ct"
    )
)
class EfficientNetB0(SliceNetwork):
    """The network as torchvision has it."""

    Recipe = EfficientNetB0Recipe

    def __init__(self, window: str, side: int) -> None:
        super().__init__(window, side)
        self.whole = efficientnet_b0(weights=None, num_classes=len(CATEGORIES))
        self.whole.features[0][0] = grey(self.whole.features[0][0])

    @property
    def heat_layer(self) -> nn.Module:
        """The fifth stage of bottlenecks, a cell of 16 pixels."""
        layer: nn.Module = self.whole.features[5]
        return layer

    def classify(self, picture: Tensor) -> dict[str, Tensor]:
        """See ``SliceNetwork``."""
        return {"logits": self.whole(picture)}
