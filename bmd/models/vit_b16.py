"""ViT-B/16 on one axial CT slice through one window, the weakest network of the pair's comparison.

Choi S.-H. et al. Efficient osteoporosis prediction using a pair of ensemble models. J. Korea Soc. Comput. Inf. 2021,
table 5 ("ViT-16x16"). The network: Dosovitskiy A. et al. An image is worth 16x16 words: transformers for image
recognition at scale. ICLR 2021, table 1.

What the papers say
    Dosovitskiy et al.: patches of 16 x 16 pixels, 12 layers, 768 wide, MLP 3072, 12 heads, a class token, learned
    positions; 86 million weights; poor from scratch on small data.
    Choi et al.: on x^t; as the pair, but for 500 epochs, since embeddings learn slowly. Accuracy 55.67 %. Which size of
    network they do not say; "16 x 16" are the patches.

Differences from the paper
    - Trained from random weights on simulated CT, not from weights of ImageNet, with time for few epochs instead of 60;
      batch 32 instead of 128.
    - The slice is cropped to 120 mm around the vertebra instead of shown whole, as for ``pair_acm``.
    - The base size, 224 pixels (``side``, a multiple of 16), one grey channel.
    - No dropout, as Dosovitskiy et al. fine-tune; the classifier begins at random weights, not at 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torchvision.models import VisionTransformer

from bmd.models._registry import Spec, register
from bmd.models._slices import SliceNetwork, SliceRecipe, classifier, grey

PATCH = 16
HEAD = 64
"""Width of an attention head."""


@dataclass(frozen=True)
class VitB16Recipe(SliceRecipe):
    """The base size."""

    side: int = 224  # pixels a side, a multiple of 16
    layers: int = 12  # of the encoder
    hidden: int = 768  # width, a multiple of 64; the MLP has four times as many
    warmup: int = 300  # steps; transformers start slowly


@register(Spec("vit_b16", "ViT-B/16 of a slice", "Choi et al. 2021", task="slice", role="slices", modality="ct"))
class VitB16(SliceNetwork):
    """The vision transformer of torchvision, its last layer fed through a map of patches that heat maps are read at."""

    Recipe = VitB16Recipe

    def __init__(self, window: str, side: int, layers: int, hidden: int) -> None:
        super().__init__(window, side)
        self.whole = VisionTransformer(side, PATCH, layers, hidden // HEAD, hidden, 4 * hidden)
        self.whole.conv_proj = grey(self.whole.conv_proj)
        self.whole.heads = classifier(hidden)
        self.map = nn.Identity()

    @property
    def heat_layer(self) -> nn.Module:
        """The patches before the last layer, which reads them for the class token."""
        return self.map

    def classify(self, picture: Tensor) -> dict[str, Tensor]:
        """See ``SliceNetwork``."""
        patches = self.whole.conv_proj(picture)  # (N, hidden, side / 16, side / 16)
        shape = patches.shape
        tokens = torch.cat([self.whole.class_token.expand(len(patches), -1, -1), patches.flatten(2).mT], 1)
        encoder = self.whole.encoder
        tokens = encoder.dropout(tokens + encoder.pos_embedding)  # (N, 1 + patches, hidden)
        *first, last = encoder.layers
        for layer in first:
            tokens = layer(tokens)
        grid = self.map(tokens[:, 1:].mT.reshape(shape))
        tokens = encoder.ln(last(torch.cat([tokens[:, :1], grid.flatten(2).mT], 1)))
        return {"logits": self.whole.heads(tokens[:, 0])}
