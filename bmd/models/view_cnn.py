"""View CNN: what a picture shows, so that nothing but a lateral lumbar film is read as one. A network of our own.

What it is for
    The localisers know only lateral lumbar films and find vertebrae in anything that has blocks in a row: in MR and CT
    slices, in frontal films, in a rose. This small residual network says what a picture is before they look at it.

How it is trained
    On simulated pictures of every kind only (``bmd/simulator/views``): lateral films of the spine by two independent
    simulators, frontal films, chests, other parts, DXA scans, CT slices, MR slices by the idea of SynthSeg (random
    contrast for each tissue; Billot et al., Medical Image Analysis 2023), photographs, drawings, documents.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bmd.models._recipe import Recipe
from bmd.models._registry import Spec, register

KINDS = 11
WIDTHS = (24, 48, 96, 160)


@dataclass(frozen=True)
class ViewCnnRecipe(Recipe):
    """Defaults for the shipped weights."""

    data: str = "runs/views"  # shards of ``simulate --others``
    size: int = 160  # side of the input
    batch: int = 48  # pictures per step
    lr: float = 2e-3  # peak of AdamW
    weight_decay: float = 0.02  # AdamW
    warmup: int = 100  # steps
    ema: float = 0.995  # decay of the running mean of the weights
    minutes: float = 30.0  # wall clock budget
    holdout: int = 300  # pictures of the first shards that are never trained on
    dropout: float = 0.2  # on the pooled features


class Residual(nn.Module):
    """Two 3 x 3 convolutions around a shortcut (He et al. 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.last_norm = nn.BatchNorm2d(outputs)
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        inner = self.second(F.relu(self.norm(self.first(x))))
        return F.relu(self.shortcut(x) + self.last_norm(inner))


@register(Spec("view_cnn", "View CNN", task="view", role="view", modality="radiograph", paper="our own"))
class ViewCnn(nn.Module):
    """Seventeen convolutions in four stages, then the mean over the picture."""

    Recipe = ViewCnnRecipe

    def __init__(self, dropout: float) -> None:
        super().__init__()
        first = WIDTHS[0]
        self.stem = nn.Sequential(nn.Conv2d(2, first, 5, 2, 2, bias=False), nn.BatchNorm2d(first), nn.ReLU())
        inputs = (first, *WIDTHS[:-1])
        pairs = [
            nn.Sequential(Residual(a, b, 1 if k == 0 else 2), Residual(b, b, 1))
            for k, (a, b) in enumerate(zip(inputs, WIDTHS, strict=True))
        ]
        self.body = nn.Sequential(*pairs)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(WIDTHS[-1], KINDS)

    @staticmethod
    def example() -> tuple[Tensor]:
        """A fixed input for golden outputs and contract tests."""
        return (torch.rand(2, 2, 160, 160, generator=torch.Generator().manual_seed(0)),)

    def forward(self, x: Tensor, targets: dict[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Logits in eval mode, the loss when targets are given.

        Parameters
        ----------
        x : Tensor
            (N, 2, 160, 160) from ``inputs.view.view_input``.
        targets : dict of Tensor, optional
            ``kind`` (N,), index into ``types.SHOWN``.

        Returns
        -------
        dict of Tensor
            ``logits`` (N, 11) and ``features`` (N, 160); or the loss ``kind``.
        """
        maps = self.body(self.stem(x))  # (N, 24, 80, 80) ... (N, 160, 10, 10)
        features = maps.mean((2, 3)).float()
        with torch.autocast(x.device.type, enabled=False):
            logits = self.head(self.dropout(features))
            if targets is None:
                return {"logits": logits, "features": features}
            return {"kind": F.cross_entropy(logits, targets["kind"], label_smoothing=0.03)}
