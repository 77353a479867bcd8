"""ResNet-18 with attend-and-compare modules on one axial CT slice through one window: half of the pair ensemble.

Choi S.-H. et al. Efficient osteoporosis prediction using a pair of ensemble models. J. Korea Soc. Comput. Inf. 2021,
tables 2 and 5. The module: Kim M. et al. Learning visual context by comparison. ECCV 2020.

What the paper says
    ResNet-18 + ACM on x^s (HU from -128 to 1024) 64.00 %, on x^t (from -450) 68.44 % accuracy; trained as the pair:
    Adam, 1e-3, cosine annealing, batch 128, 60 epochs, pretrained on ImageNet.

Differences from the paper
    - Trained from random weights on simulated CT, not from weights of ImageNet, with time for few epochs instead of 60;
      batch 32 instead of 128.
    - The slice is cropped to 120 mm around the vertebra instead of shown whole, as for ``pair_acm``.
    - Where the modules stand is not said there. ``place`` "stage": one after each of the four stages, as in the shipped
      pair. "block": one in every block before the shortcut is added, its convolutions in groups of one attention map
      each, as in Kim et al.'s code. One map for every 16 channels in both; Kim et al. have 32. No orthogonality loss.
    - One grey channel; the crop's 120 x 120 pixels as they are (``side`` enlarges them). ``width`` 32 is half of
      ResNet-18, as a branch of the shipped pair is.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from bmd.models._recipe import check_choice
from bmd.models._registry import Spec, register
from bmd.models._slices import SliceNetwork, SliceRecipe, classifier
from bmd.models.pair_acm import AttendAndCompare, BasicBlock, Branch

PLACES = ("stage", "block")


@dataclass(frozen=True)
class ResNet18AcmRecipe(SliceRecipe):
    """The paper's network."""

    width: int = 64  # channels of the first stage
    place: str = "stage"  # of the modules: after every stage, or in every "block" and grouped


class GroupedCompare(AttendAndCompare):
    """The module with every attention map made from, and every gate moved by, its own channels only."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.key = nn.Conv2d(channels, self.maps, 1, bias=False, groups=self.maps)
        self.query = nn.Conv2d(channels, self.maps, 1, bias=False, groups=self.maps)
        self.gate = nn.Sequential(
            nn.Conv2d(channels, channels // 2, 1, groups=self.maps),
            nn.ReLU(),
            nn.Conv2d(channels // 2, channels, 1, groups=self.maps),
        )


class ComparingBlock(BasicBlock):
    """ResNet's basic block with the module on its residual."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__(inputs, outputs, stride)
        self.compare = GroupedCompare(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H / stride, W / stride)."""
        return F.relu(self.compare(self.body(x)) + self.shortcut(x))


def comparing(width: int) -> nn.Sequential:
    """ResNet-18 on one grey picture, a module in every block."""
    layers: list[nn.Module] = list(Branch(width))[:4]
    inputs = width
    for stage in range(4):
        outputs = width * 2**stage
        layers += [ComparingBlock(inputs, outputs, 1 if stage == 0 else 2), ComparingBlock(outputs, outputs, 1)]
        inputs = outputs
    return nn.Sequential(*layers)


@register(
    Spec("resnet18_acm", "ResNet-18 + ACM of a slice", "Choi et al. 2021", task="slice", role="slices", modality="ct")
)
class ResNet18Acm(SliceNetwork):
    """One branch of the pair, pooling and a classifier."""

    Recipe = ResNet18AcmRecipe

    def __init__(self, window: str, side: int, width: int, place: str) -> None:
        super().__init__(window, side)
        check_choice("place", place, PLACES)
        self.branch: nn.Sequential = Branch(width) if place == "stage" else comparing(width)
        self.category = classifier(8 * width)
        self.last = len(self.branch) // 4 - 1 if place == "stage" else 2  # modules of the fourth stage

    @property
    def heat_layer(self) -> nn.Module:
        """The end of the third stage, a cell of 16 pixels."""
        return self.branch[-1 - self.last]

    def classify(self, picture: Tensor) -> dict[str, Tensor]:
        """See ``SliceNetwork``."""
        return {"logits": self.category(self.branch(picture).mean((2, 3)))}
