"""DXA CNN: bone density of the lumbar spine from a picture of its DXA scan.

Kirilov N, Kirilova E, Krastev E. Using Machine Learning to Predict Bone Mineral Density from Dual-energy X-ray
Absorptiometry Images of the Lumbar Spine. 2022.

What the paper says
    4,894 pictures of lumbar scans as 800 x 800 PNG, resized to 256 x 256 x 3, three quarters to train. Three
    convolutions of 32, 64 and 128 filters, 5 x 5, ReLU, then regression of BMD. Mean absolute error as loss, Adam, 15
    epochs (overfitting from the 10th). On 1,224 pictures: MAE 8.19 %, SD of the absolute error 6.75 %, r = .818.

Differences from the paper
    - How the maps shrink and what follows the last convolution are not given: here stride 2 and 2 x 2 max pooling, then
      the mean over a 4 x 4 grid and one fully connected layer with dropout.
    - One grey channel (a densitometer's picture has no colour), letterboxed, so that its proportions are kept.
    - Batch normalisation after each convolution; AdamW, a cosine over the time budget; mirrored, shifted by a few
      pixels and slightly noisy copies against overfitting. Grey values are not changed: they are the measurement.
    - The loss is the error of the density over the spread of one T-score (0.12 g/cm2), the same up to a factor.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bmd.models._recipe import Recipe
from bmd.models._registry import Spec, register

BMD_MEAN, BMD_SPREAD = 0.92, 0.12  # g/cm2: starting point, and about one T-score
GRID = 4


@dataclass(frozen=True)
class DxaCnnRecipe(Recipe):
    """Defaults for the shipped weights."""

    data: str = "runs/dxa/train"  # shards of simulated DXA images
    size: int = 256  # side of the input
    batch: int = 16  # images per step
    weight_decay: float = 0.05  # AdamW
    warmup: int = 100  # steps
    ema: float = 0.995  # decay of the running mean of the weights
    minutes: float = 10.0  # wall clock budget
    holdout: int = 200  # images of the first shards that are never trained on
    dropout: float = 0.3  # on the pooled features


def block(inputs: int, outputs: int) -> nn.Sequential:
    """5 x 5 convolution with stride 2, batch norm, ReLU: a quarter of the pixels."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 5, 2, 2, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


@register(Spec("dxa_cnn", "DXA CNN", "Kirilov et al. 2022", task="dxa", role="dxa_density", modality="dxa"))
class DxaCnn(nn.Module):
    """Three convolutions and a regression."""

    Recipe = DxaCnnRecipe

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(block(1, 32), block(32, 64), nn.MaxPool2d(2), block(64, 128))
        self.pool = nn.AdaptiveAvgPool2d(GRID)
        self.bmd = nn.Sequential(nn.Dropout(dropout), nn.Linear(128 * GRID * GRID, 1))

    @staticmethod
    def example() -> tuple[Tensor]:
        """A fixed input for golden outputs and contract tests."""
        return (torch.rand(2, 1, 256, 256, generator=torch.Generator().manual_seed(0)),)

    def forward(self, x: Tensor, targets: dict[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Density in eval mode, losses when targets are given.

        Parameters
        ----------
        x : Tensor
            (N, 1, 256, 256) in 0..1 from ``dxa_examples.dxa_input``.
        targets : dict of Tensor, optional
            ``bmd`` (N,) of L1-L4 in g/cm2 and ``weight`` (N,), 0 for pictures of something else.

        Returns
        -------
        dict of Tensor
            ``bmd`` (N,) in g/cm2; or the loss ``bmd``.
        """
        maps = self.convolutions(x - 0.25)  # (N, 32, 128, 128), (N, 64, 64, 64), (N, 64, 32, 32), (N, 128, 16, 16)
        pooled = self.pool(maps).flatten(1).float()  # (N, 2048)
        with torch.autocast(x.device.type, enabled=False):
            bmd = BMD_MEAN + BMD_SPREAD * self.bmd(pooled)[:, 0]
            if targets is None:
                return {"bmd": bmd}
            weight = targets["weight"]
            error = (bmd - targets["bmd"]).abs() / BMD_SPREAD
            return {"bmd": (error * weight).sum() / weight.sum().clamp(min=1)}
