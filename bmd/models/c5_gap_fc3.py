"""C5-GAP-FC3: T-score of one vertebra from its crop, with what is known of the patient, as a distribution.

Jung J. Bone mineral density prediction from spine lateral X-ray images. Yonsei University 2020, step 2 ("Basic
CNN").

What the paper says
    Five convolutions, global average pooling, then three fully connected heads side by side: T-score class, spine
    level, T-score. Cross entropy on the classes, mean squared error on the T-score. Crops resized to 64 x 64 (best
    of four), no augmentation (best of four), Adam (best of three). L1-L4. Three classes: accuracy 53.19 %, level
    70.12 %.

Differences from the paper
    - Widths are not given there: 32, 64, 96, 128, 192, each with group norm and max pooling in between. The paper's
      heads stand on the pooled features; here a layer of 128 stands between (``hidden``; 0 is the paper's).
    - AdamW and a running mean of the weights instead of plain Adam, SGD or SWA (``optimiser``, ``ema``). The losses of
      class and level weigh 0.5 and 0.3 beside that of the T-score; the paper gives no weights.
    - Crops have mean 0 and standard deviation 1. Convolutions without bias before group norm would divide the scale
      out in any case; so it is said at the entrance. What is left to read are ratios (body to disc, to end plate, to
      what lies around), texture, the thickness of cortex and the shape (decision 19).
    - Crops are upright with a border of 35 %, so that end plates, discs and soft tissue are in view, and they are
      cut with the small errors a localiser makes. Rotation hurt the paper's level head; here crops are turned
      upright first.
    - Crops are augmented (``training.tasks.density``). Each is seen twice, through other processing, and the
      difference of both answers is a loss: how a console shows a film must not move the T-score. The paper's four
      are ``augment`` "none", "rotation", "horizontal" and "vertical".
    - Age, sex, height and weight may be given: a small network turns them (zero where missing, with presence flags)
      into features that are joined to the pooled ones (``joined``). The film's features have a gate of their own. In
      training each field and now and then the film are dropped, so that one network answers from the film, from the
      patient's data or from both.
    - The T-score is a normal distribution, mean and spread, instead of a number (``regression`` "mse" is the paper's).
      Class and level are the paper's heads and training signals only: what is shown of classes is the distribution's
      mass between the WHO cut-offs.

As in the paper
    ``hidden=0 joined=no regression=mse augment=none steady=0 drop_film=0 optimiser=adam ema=0``, with any ``scheme``,
    ``size`` 64 or 128 and ``crop`` "resize" or "centre".
    - No head for areal density: it follows from T by the reference.
    - L1-L4 only. The truth at L5 is extrapolated (``reference.HOLOGIC``) and densitometry does not use that level.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from bmd.models._blocks import ConvNorm
from bmd.models._density import DensityNetwork, DensityRecipe
from bmd.models._registry import Spec, register


@dataclass(frozen=True)
class C5GapFc3Recipe(DensityRecipe):
    """Defaults for the shipped weights."""

    lr: float = 1.5e-3  # peak of AdamW
    weight_decay: float = 0.03  # AdamW
    minutes: float = 20.0  # wall clock budget


@register(
    Spec(
        "c5_gap_fc3",
        "C5-GAP-FC3",
        "Jung 2020 (step 2)",
        task="measure",
        role="density",
        default=True,
        modality="radiograph",
    )
)
class C5GapFc3(DensityNetwork):
    """Five convolutions, global average pooling, fully connected heads side by side; options as ``DensityNetwork``."""

    Recipe = C5GapFc3Recipe
    added = ("t_score.", "level.", "bmd.")
    """Heads that weights of before decision 19 lack or have otherwise: a training may start from them."""

    features = 192

    def body(self) -> nn.Module:
        """The five convolutions."""
        return nn.Sequential(
            ConvNorm(1, 32),
            nn.MaxPool2d(2),
            ConvNorm(32, 64),
            nn.MaxPool2d(2),
            ConvNorm(64, 96),
            nn.MaxPool2d(2),
            ConvNorm(96, 128),
            nn.MaxPool2d(2),
            ConvNorm(128, 192),
        )
