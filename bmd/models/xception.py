"""Xception on one axial CT slice through one window, one of the networks the pair ensemble is compared with.

Choi S.-H. et al. Efficient osteoporosis prediction using a pair of ensemble models. J. Korea Soc. Comput. Inf. 2021,
table 5. The network: Chollet F. Xception: deep learning with depthwise separable convolutions. CVPR 2017, fig. 5.

What the papers say
    Chollet: 36 convolutions in 14 modules, all but the first and last with shortcuts: an entry of two convolutions (32,
    64) and three modules (128, 256, 728), eight middle modules of three separable convolutions (728), an exit (1024,
    then 1536 and 2048); batch norm after every convolution, no non-linearity between depthwise and pointwise; 22.9
    million weights; 299 x 299 pixels.
    Choi et al.: on x^t; trained as the pair: Adam, 1e-3, cosine annealing, batch 128, 60 epochs, pretrained on
    ImageNet. Accuracy 69.22 %.

Differences from the paper
    - Trained from random weights on simulated CT, not from weights of ImageNet, with time for few epochs instead of 60;
      batch 32 instead of 128.
    - The slice is cropped to 120 mm around the vertebra instead of shown whole, as for ``pair_acm``.
    - One grey channel, enlarged to 299 pixels (``side``; fewer are cheaper).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn

from bmd.models._registry import Spec, register
from bmd.models._slices import SliceNetwork, SliceRecipe, classifier

MIDDLE = 8
WIDE = 728


@dataclass(frozen=True)
class XceptionRecipe(SliceRecipe):
    """The paper's network."""

    side: int = 299  # pixels a side


def plain(inputs: int, outputs: int, stride: int) -> list[nn.Module]:
    """3 x 3 convolution without a border, batch norm, ReLU."""
    return [nn.Conv2d(inputs, outputs, 3, stride, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]


def separable(inputs: int, outputs: int) -> list[nn.Module]:
    """Depthwise 3 x 3, pointwise 1 x 1, batch norm."""
    depthwise = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False)
    return [depthwise, nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs)]


class Module(nn.Module):
    """Separable convolutions, each after a ReLU, beside a shortcut; all but the middle modules halve the picture."""

    def __init__(self, widths: tuple[int, ...], halve: bool = True, starts_with_relu: bool = True) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            layers += [nn.ReLU(), *separable(inputs, outputs)]
        layers += [nn.MaxPool2d(3, 2, 1)] if halve else []
        self.body = nn.Sequential(*layers[0 if starts_with_relu else 1 :])
        self.shortcut: nn.Module = nn.Identity()
        if halve:
            ends = widths[0], widths[-1]
            self.shortcut = nn.Sequential(nn.Conv2d(*ends, 1, 2, bias=False), nn.BatchNorm2d(ends[1]))

    def forward(self, x: Tensor) -> Tensor:
        """(N, widths[0], H, W) -> (N, widths[-1], H, W), or half as high and wide."""
        y: Tensor = self.body(x) + self.shortcut(x)
        return y


@register(Spec("xception", "Xception of a slice", "Choi et al. 2021", task="slice", role="slices", modality="ct"))
class Xception(SliceNetwork):
    """Entry, middle and exit flow, pooling and a classifier."""

    Recipe = XceptionRecipe

    def __init__(self, window: str, side: int) -> None:
        super().__init__(window, side)
        self.entry = nn.Sequential(
            *plain(1, 32, 2),
            *plain(32, 64, 1),
            Module((64, 128, 128), starts_with_relu=False),
            Module((128, 256, 256)),
            Module((256, WIDE, WIDE)),
        )
        self.middle = nn.Sequential(*(Module((WIDE,) * 4, halve=False) for _ in range(MIDDLE)))
        self.exit = nn.Sequential(
            Module((WIDE, WIDE, 1024)),
            *separable(1024, 1536),
            nn.ReLU(inplace=True),
            *separable(1536, 2048),
            nn.ReLU(inplace=True),
        )
        self.category = classifier(2048)

    @property
    def heat_layer(self) -> nn.Module:
        """The end of the middle flow, a cell of 16 pixels."""
        return self.middle

    def classify(self, picture: Tensor) -> dict[str, Tensor]:
        """See ``SliceNetwork``."""
        return {"logits": self.category(self.exit(self.middle(self.entry(picture))).mean((2, 3)))}
