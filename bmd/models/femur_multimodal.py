"""Multimodal network: the WHO class of the hip from the CT picture and the patient's data together.

Ha T. J. et al. 2024 (as femur_image.py), multimodal network.

What the paper says
    The feature vectors of the image and of the demographics network concatenated, then fully connected 64, 16, three
    classes, with batch normalisation and ReLU. On 593 scans: accuracy .802, AUC .939 (image .933, demographics .859).

Differences from the paper
    - Those of femur_image.py and femur_demographics.py, whose layers it shares (weights are its own).
    - Trained from random weights on the shards, seed and number of steps of the image and the demographics network, so
      that the three can be set beside each other.
    - In 20 % of the examples nothing, in others single fields are unknown of the patient; the flags say so.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bmd.models import femur_demographics as patients
from bmd.models import femur_image as images
from bmd.models._registry import Spec, register
from bmd.reference import CATEGORIES


@dataclass(frozen=True)
class FemurMultimodalRecipe(images.FemurImageRecipe):
    """Defaults for the shipped weights."""

    drop_patient: float = 0.2  # share of examples of which nothing is known about the patient
    drop_field: float = 0.15  # share of single fields hidden in the others


@register(
    Spec(
        "femur_multimodal",
        "Multimodal network of hip and patient",
        "Ha et al. 2024 (both)",
        task="hip_and_patient",
        role="femur_multimodal",
        modality="ct",
    )
)
class FemurMultimodal(nn.Module):
    """Features of the picture and of the patient's data, joined."""

    Recipe = FemurMultimodalRecipe

    def __init__(self, hidden: int, dropout: float, drop_patient: float, drop_field: float) -> None:
        super().__init__()
        self.image = images.ImageFeatures(hidden, dropout)
        self.patient = patients.PatientFeatures(drop_patient, drop_field)
        self.joint = nn.Sequential(images.dense(images.FEATURES + patients.FEATURES, 64), images.dense(64, 16))
        self.category = nn.Linear(16, len(CATEGORIES))

    @staticmethod
    def example() -> tuple[Tensor, Tensor]:
        """A fixed input for golden outputs and contract tests."""
        return images.FemurImage.example() + patients.FemurDemographics.example()

    def forward(self, crops: Tensor, known: Tensor, targets: dict[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Logits (N, 3) of crops (N, 1, 250, 250) and what is known (N, 10); or, with targets in training, losses."""
        seen = self.image(crops).float()
        with torch.autocast(crops.device.type, enabled=False):
            logits = self.category(self.joint(torch.cat([seen, self.patient(known.float())], 1)))
            return (
                images.cross_entropy(logits, targets) if targets is not None and self.training else {"logits": logits}
            )
