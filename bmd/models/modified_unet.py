"""Modified U-Net: masks of the vertebrae on a lateral film, CM-Net without its centre channels.

Lim S, Kim H. Deep Learning-based Spine Segmentation Technique Using the Center Point of the Spine and Modified
U-Net. J Biomed Eng Res 44 (2023), table 1, second row. It cites: Abraham N, Khan NM. A novel focal Tversky loss
function with improved attention U-Net for lesion segmentation. ISBI 2019. Its words for the two paths, and residual
modules with dropout, are those of: Isensee F et al. Brain tumor segmentation and radiomics survival prediction. 2017.

What the papers say
    Lim & Kim: six levels of a context and a localisation pathway, which halve and double the resolution; skip
    connections join both at every level; more layers than U-Net; group normalisation, leaky ReLU, dropout. Trained as
    CM-Net (``cmnet``), on one class; DSC .965, accuracy .996, precision .895, recall .867, AUPRC .892 on 67 films.
    Isensee: a context module is two 3 x 3 convolutions beside a shortcut with dropout 0.3 between them; a localisation
    module is a 3 x 3 convolution and a 1 x 1 convolution that halves the channels; 16 channels first, doubled a level.
    Abraham & Khan: attention gates on the skips (Oktay et al. 2018), smaller copies of the picture joined at every
    level, a loss at every scale.

Differences from the papers
    - Lim & Kim name none of Abraham & Khan's three additions, nor any width. The widths are Isensee's; the additions
      are options (``gates``, ``pyramid``, ``supervision``), all on, since that is the network cited.
    - Two-dimensional; group norm instead of Isensee's instance norm, as Lim & Kim say. Coarser scales are judged by the
      share of a cell that each class covers, down to 1/8, all weighing alike.
    - Nine levels T10-L5 and S1 as classes instead of one foreground, so that names come with the masks; table 1 reads
      their union.
    - Dice plus cross entropy (``entropy=0``: Dice alone, as Lim & Kim; Abraham & Khan have focal Tversky); Dice as in
      ``cmnet``. Adam with a cosine over the time budget; 384 x 384; local log normalisation (``inputs.film``).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bmd.models._blocks import ConvNorm, Residual, group_norm, upsample
from bmd.models._masks import CLASSES, OutlineNetwork
from bmd.models._recipe import Recipe
from bmd.models._registry import Spec, register

DEPTH = 6
JUDGED = 4
"""Scales with a loss: 1, 1/2, 1/4, 1/8."""


@dataclass(frozen=True)
class ModifiedUNetRecipe(Recipe):
    """The papers' network at this project's input size."""

    optimiser: str = "adam"  # paper: Adam
    lr: float = 1e-3  # paper: 2e-5 and 100 epochs of 556 films
    weight_decay: float = 0.0  # of Adam
    batch: int = 4  # paper: 10
    width: int = 16  # channels of the first level
    dropout: float = 0.3  # share of channels dropped in the context modules
    entropy: float = 1.0  # weight of the cross entropy beside Dice; the paper has none
    gates: bool = True  # attention gates on the skips
    pyramid: bool = True  # smaller copies of the picture at every level
    supervision: bool = True  # a loss at the scales 1/2, 1/4 and 1/8 too
    tight: float = 0.2  # share of examples that show only part of the spine


class Gate(nn.Module):
    """Attention gate (Oktay et al. 2018, fig. 2): the coarser features say where the finer ones are let through."""

    def __init__(self, fine: int, coarse: int) -> None:
        super().__init__()
        self.fine = nn.Conv2d(fine, fine, 2, 2, bias=False)
        self.coarse = nn.Conv2d(coarse, fine, 1)
        self.share = nn.Conv2d(fine, 1, 1)
        self.out = nn.Sequential(nn.Conv2d(fine, fine, 1, bias=False), group_norm(fine))

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """(N, fine, H, W) and (N, coarse, H/2, W/2) -> (N, fine, H, W)."""
        share = self.share(F.relu(self.fine(fine) + self.coarse(coarse))).sigmoid()  # (N, 1, H/2, W/2)
        passed: Tensor = self.out(fine * upsample(share, fine))
        return passed


class Localise(nn.Module):
    """Twice the resolution, the skip joined, a 3 x 3 convolution and a 1 x 1 that halves the channels."""

    def __init__(self, fine: int, coarse: int, gated: bool) -> None:
        super().__init__()
        self.gate = Gate(fine, coarse) if gated else None
        self.reduce = ConvNorm(coarse, fine)
        self.join = nn.Sequential(ConvNorm(2 * fine, 2 * fine), nn.Conv2d(2 * fine, fine, 1), nn.LeakyReLU(0.01))

    def forward(self, skip: Tensor, y: Tensor) -> Tensor:
        """(N, fine, H, W) and (N, coarse, H/2, W/2) -> (N, fine, H, W)."""
        passed = skip if self.gate is None else self.gate(skip, y)
        joined: Tensor = self.join(torch.cat([passed, self.reduce(upsample(y, skip))], 1))
        return joined


@register(
    Spec(
        "modified_unet",
        "Modified U-Net",
        "Lim & Kim 2023, J Biomed Eng Res 44; Abraham & Khan 2019, ISBI",
        task="outlines",
        role="localiser",
        modality="radiograph",
    )
)
class ModifiedUNet(OutlineNetwork):
    """Six levels of context and localisation."""

    Recipe = ModifiedUNetRecipe

    def __init__(
        self, width: int, dropout: float, entropy: float, gates: bool, pyramid: bool, supervision: bool
    ) -> None:
        super().__init__(entropy)
        w = [width * 2**level for level in range(DEPTH)]
        self.stem = ConvNorm(1, w[0])
        self.smaller = nn.ModuleList(ConvNorm(1, a) for a in w[:-1] if pyramid)  # the picture at 1/2 ... 1/32
        self.halve = nn.ModuleList(ConvNorm(a, b, 2) for a, b in pairwise(w))
        joined = [b + (a if pyramid else 0) for a, b in pairwise(w)]
        self.context = nn.ModuleList(Residual(a, b, 1, dropout) for a, b in zip((w[0], *joined), w, strict=True))
        pairs = list(pairwise(w))[::-1]
        self.localise = nn.ModuleList(Localise(fine, coarse, gates) for fine, coarse in pairs)
        self.heads = nn.ModuleList(nn.Conv2d(c, CLASSES, 1) for c in w[: JUDGED if supervision else 1])

    def scales(self, x: Tensor) -> list[Tensor]:
        """Logits (N, 10, H, W) of films (N, 1, H, W), and with ``supervision`` those at 1/2, 1/4 and 1/8."""
        skips = [self.context[0](self.stem(x))]  # (N, width, H, W)
        for level, halve in enumerate(self.halve):
            x = F.avg_pool2d(x, 2)
            y = halve(skips[-1])
            if len(self.smaller):
                y = torch.cat([y, self.smaller[level](x)], 1)
            skips.append(self.context[level + 1](y))  # (N, 2 * width, H/2, W/2) ... (N, 32 * width, H/32, W/32)
        y, found = skips.pop(), []
        for localise in self.localise:
            y = localise(skips.pop(), y)
            found.append(y)
        return [head(y) for head, y in zip(self.heads, found[::-1], strict=False)]
