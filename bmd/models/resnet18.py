"""ResNet-18 on the crop of one vertebra: T-score class, spine level and T-score.

Jung J. Bone mineral density prediction from spine lateral X-ray images. Yonsei University 2020, step 2 ("ResNet-18").
The network: He K, Zhang X, Ren S, Sun J. Deep residual learning for image recognition. CVPR 2016.

What the paper says
    ResNet-18 on the crops of L1-L4, with the same three tasks as the Basic CNN (``c5_gap_fc3``): T-score class (three
    labellings), spine level, T-score; cross entropy and mean squared error. Resize or centre crop to 64 or 128, no
    augmentation, rotation of +-5 degrees or flips, Adam, SGD or SWA. "The Basic CNN outperformed the ResNet-18"; no
    figures of its own.

Differences from the paper
    - One grey channel, so the first convolution has one input channel instead of three (6,272 weights less than the
      11.69 million of He et al., whose 1,000 classes also give way to the three heads). Random weights at the start;
      the paper does not say.
    - Crops are upright with a border of 35 % (``inputs.film.vertebra_crop``), mean 0 and standard deviation 1, as for
      ``c5_gap_fc3``. "Centre crop" is the middle of a crop of 224 pixels; the paper's are of the film's own pixels.
    - The losses of class and level weigh 0.5 and 0.3 beside that of the T-score; the paper gives no weights. The spread
      of the T-score's error is learned beside the mean, which feels nothing of it.
    - L1-L4 only; the paper has no T-score of L5 either.
    - Adam's rate falls along a cosine after a warm-up; the paper gives no rate and no schedule.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn
from torchvision.models import resnet18

from bmd.models._density import DensityNetwork, DensityRecipe
from bmd.models._registry import Spec, register


@dataclass(frozen=True)
class ResNet18Recipe(DensityRecipe):
    """The paper's best: resize 64, no augmentation, Adam."""

    lr: float = 1e-3  # peak of Adam
    weight_decay: float = 0.0  # of Adam
    optimiser: str = "adam"  # "sgd" and "swa" are the paper's others
    minutes: float = 20.0  # wall clock budget
    augment: str = "none"  # the paper's best; "simulated" is what C5-GAP-FC3 ships with
    regression: str = "mse"  # squared error of the T-score
    hidden: int = 0  # heads on the pooled features
    joined: bool = False  # the film alone
    drop_film: float = 0.0  # share of examples whose film is hidden
    steady: float = 0.0  # one look at every body


@register(
    Spec(
        "resnet18",
        "ResNet-18 of one vertebra",
        "Jung 2020 (step 2)",
        task="measure",
        role="density",
        modality="radiograph",
    )
)
class ResNet18(DensityNetwork):
    """ResNet-18 up to its pooling, then the heads side by side; options as ``DensityNetwork``."""

    Recipe = ResNet18Recipe
    features = 512

    def body(self) -> nn.Module:
        """Torchvision's ResNet-18 for one grey channel, without pooling and classifier."""
        whole = resnet18(weights=None)
        whole.conv1 = nn.Conv2d(1, 64, 7, 2, 3, bias=False)
        nn.init.kaiming_normal_(whole.conv1.weight, mode="fan_out", nonlinearity="relu")
        return nn.Sequential(*list(whole.children())[:-2])

    @property
    def heat_layer(self) -> nn.Module:
        """Where heat maps are read: the third stage, a cell of 16 pixels; the last has 2 x 2 cells only."""
        layer: nn.Module = self.convolutions[-2]  # type: ignore[index]
        return layer
