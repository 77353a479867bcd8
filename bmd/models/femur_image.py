"""Six-layer CNN: the WHO class of the hip from a coronal CT picture of one proximal femur.

Ha T. J. et al. Multi-classification of osteoporosis grading stages using abdominal computed tomography with clinical
variables. 2024, image network.

What the paper says
    Coronal picture through femoral head, neck and shaft, chosen by a radiologist, HU shown with the values 500 and 2000
    (centre and width), cropped to 250 x 250. Six 3 x 3 "same" convolutions (16, 32, 64, 128, 256, 512) with ReLU and
    2 x 2 max pooling, dropout 0.2 on the last hidden layer, fully connected 4096, 1024, 128, batch normalisation.
    Rotation, zoom and shift within -10..10, flips, each with p = 0.5. Adam, batch 32, 1e-3 with decay 0.96, x 0.7 after
    30 epochs without gain, stop after 50. Classes by DXA T-score (site not named). 2,419 scans to train, 593 to test:
    accuracy .794, AUC .933.

Differences from the paper
    - Centre 500 and width 2000 is one reading of a sentence that lost which is which; the other shows no bone.
    - The picture is found automatically and cut obliquely along the neck (bmd/inputs/ct.py), at 0.875 mm a pixel; left
      hips are mirrored, so that all look alike. Both hips of a person are examples of their own.
    - The class is that of the lower T-score of femoral neck and total hip, as WHO and ISCD read a hip.
    - The fully connected layers are 512, 128, 128 (``hidden``): 4096 and 1024 are 23 million weights for 4,608
      features. The paper's are ``hidden=4096``.
    - No vertical flip (a hip is never upside down) and no horizontal one (left is mirrored already). Brightness varies
      by what the simulator varies: tube voltage, contrast, kernel.
    - AdamW and a cosine over the time budget instead of stepwise decay and early stopping.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from bmd.models._blocks import fixed
from bmd.models._recipe import CtRecipe
from bmd.models._registry import Spec, register
from bmd.reference import CATEGORIES

CHANNELS = (16, 32, 64, 128, 256, 512)
SIDE = 250
CELLS = SIDE // 2 ** len(CHANNELS)  # cells a side after the last pooling: 3
FEATURES = 128


@dataclass(frozen=True)
class FemurImageRecipe(CtRecipe):
    """Defaults for the shipped weights; 32 hips per step as in the paper."""

    size: int = SIDE  # side of the crop
    minutes: float = 12.0  # wall clock budget
    hidden: int = 512  # first fully connected layer; the paper's is 4096
    dropout: float = 0.2  # on the last hidden layer


def dense(inputs: int, outputs: int) -> nn.Sequential:
    """Fully connected layer, batch norm, ReLU."""
    return nn.Sequential(nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), nn.ReLU(inplace=True))


class ImageFeatures(nn.Module):
    """The six convolutions and three fully connected layers: (N, 1, 250, 250) -> (N, 128)."""

    def __init__(self, hidden: int, dropout: float) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in zip((1, *CHANNELS), CHANNELS, strict=False):
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs)]
            layers += [nn.ReLU(inplace=True), nn.MaxPool2d(2)]
        self.convolutions = nn.Sequential(*layers)
        second = max(FEATURES, hidden // 4)
        self.dense = nn.Sequential(
            dense(CHANNELS[-1] * CELLS**2, hidden), dense(hidden, second), dense(second, FEATURES), nn.Dropout(dropout)
        )

    def forward(self, crops: Tensor) -> Tensor:
        """Features of crops."""
        features: Tensor = self.dense(self.convolutions(crops).flatten(1))
        return features


def cross_entropy(logits: Tensor, targets: dict[str, Tensor]) -> dict[str, Tensor]:
    """The only loss of the three hip networks."""
    return {"category": F.cross_entropy(logits.float(), targets["category"])}


@register(
    Spec(
        "femur_image",
        "Six-layer CNN of the hip",
        "Ha et al. 2024 (image)",
        task="hip",
        role="femur_image",
        modality="ct",
    )
)
class FemurImage(nn.Module):
    """Features of the picture and a classifier."""

    Recipe = FemurImageRecipe

    def __init__(self, hidden: int, dropout: float) -> None:
        super().__init__()
        self.image = ImageFeatures(hidden, dropout)
        self.category = nn.Linear(FEATURES, len(CATEGORIES))

    @staticmethod
    def example() -> tuple[Tensor]:
        """A fixed input for golden outputs and contract tests."""
        return (fixed(3, 1, SIDE, SIDE),)

    def forward(self, crops: Tensor, targets: dict[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Logits (N, 3) of crops (N, 1, 250, 250) from ``inputs.ct.hip_input``; with targets in training, losses."""
        logits = self.category(self.image(crops))
        return cross_entropy(logits, targets) if targets is not None and self.training else {"logits": logits}
