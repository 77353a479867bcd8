"""U-Net: masks of the vertebrae on a lateral film, the plain one that CM-Net is compared with.

Lim S, Kim H. Deep Learning-based Spine Segmentation Technique Using the Center Point of the Spine and Modified
U-Net. J Biomed Eng Res 44 (2023), table 1, first row. The network: Ronneberger O, Fischer P, Brox T. U-Net:
convolutional networks for biomedical image segmentation. MICCAI 2015, fig. 1.

What the papers say
    Ronneberger: five levels of two 3 x 3 convolutions with ReLU (64, 128, 256, 512, 1024), 2 x 2 max pooling between
    them; on the way back 2 x 2 up-convolutions that halve the channels, joined with the cropped features of the same
    level; a last 1 x 1 convolution; dropout at the bottom; weights drawn with deviation sqrt(2 / inputs).
    Lim & Kim: trained as CM-Net (``cmnet``), on one class; DSC .945, accuracy .996, precision .854, recall .892, AUPRC
    .873 on 67 films.

Differences from the papers
    - Convolutions are padded, so nothing is cropped and masks have the film's size.
    - Nine levels T10-L5 and S1 as classes instead of one foreground, so that names come with the masks; table 1 reads
      their union.
    - Dice plus cross entropy (``entropy=0``: Dice alone, as Lim & Kim); Dice as in ``cmnet``. Adam with a cosine over
      the time budget; 384 x 384; local log normalisation (``inputs.film``) instead of histogram equalisation.
    - ``width`` makes all levels narrower, for a CPU: the paper's is 64.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bmd.models._masks import CLASSES, OutlineNetwork
from bmd.models._recipe import Recipe
from bmd.models._registry import Spec, register

LEVELS_DOWN = 4


@dataclass(frozen=True)
class UNetRecipe(Recipe):
    """The paper's network at this project's input size."""

    optimiser: str = "adam"  # paper: Adam
    lr: float = 3e-4  # paper: 2e-5 and 100 epochs of 556 films
    weight_decay: float = 0.0  # of Adam
    batch: int = 4  # paper: 10
    width: int = 64  # channels of the first level
    dropout: float = 0.5  # share of features dropped at the bottom
    entropy: float = 1.0  # weight of the cross entropy beside Dice; the paper has none
    tight: float = 0.2  # share of examples that show only part of the spine


def pair(inputs: int, outputs: int) -> nn.Sequential:
    """Two 3 x 3 convolutions, each with ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, 3, padding=1),
        nn.ReLU(inplace=True),
    )


@register(
    Spec(
        "unet",
        "U-Net",
        "Lim & Kim 2023, J Biomed Eng Res 44; Ronneberger et al. 2015",
        task="outlines",
        role="localiser",
        modality="radiograph",
    )
)
class UNet(OutlineNetwork):
    """Contracting and expanding path joined at every level."""

    Recipe = UNetRecipe

    def __init__(self, width: int, dropout: float, entropy: float) -> None:
        super().__init__(entropy)
        w = [width * 2**level for level in range(LEVELS_DOWN + 1)]
        self.down = nn.ModuleList(pair(a, b) for a, b in zip((1, *w), w, strict=False))
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(dropout)
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * c, c, 2, 2) for c in reversed(w[:-1]))
        self.join = nn.ModuleList(pair(2 * c, c) for c in reversed(w[:-1]))
        self.head = nn.Conv2d(width, CLASSES, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and module is not self.head:
                nn.init.kaiming_normal_(module.weight)
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]

    def scales(self, x: Tensor) -> list[Tensor]:
        """Logits (N, 10, H, W) of films (N, 1, H, W); H and W divisible by 16."""
        skips = [self.down[0](x)]  # (N, width, H, W)
        for level in self.down[1:]:
            skips.append(level(self.pool(skips[-1])))  # (N, 2 * width, H/2, W/2) ... (N, 16 * width, H/16, W/16)
        y = self.dropout(skips.pop())
        for up, join in zip(self.up, self.join, strict=True):
            y = join(torch.cat([skips.pop(), up(y)], 1))
        return [self.head(y)]
