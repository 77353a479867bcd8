"""FNN: the WHO class of the hip from sex, age, height, weight and body mass index.

Ha T. J. et al. 2024 (as femur_image.py), demographics network.

What the paper says
    Two fully connected layers on sex, age, height, weight and BMI; batch normalisation, ReLU. On 593 scans: accuracy
    .689, AUC .859. Its normal patients are 36.6 +- 15.6 years old, the osteoporotic 76.5 +- 9.6: age says much.

Differences from the paper
    - Widths are not given: 64 and 64.
    - Any field may be missing: it is zero with a presence flag of zero, and in training fields are hidden at random, so
      that the network answers from what is known and never from an invented value. BMI is known with height and weight.
    - Trained on simulated people with the paper's ages and class mix.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bmd.models._blocks import fixed
from bmd.models._recipe import Recipe
from bmd.models._registry import Spec, register
from bmd.models.femur_image import cross_entropy, dense
from bmd.reference import CATEGORIES

FIELDS = 5  # age, sex, height, weight, BMI; the vector holds their values, then their presence flags
HEIGHT, WEIGHT, BMI = 2, 3, 4
FEATURES = 64


@dataclass(frozen=True)
class FemurDemographicsRecipe(Recipe):
    """Defaults for the shipped weights."""

    data: str = "runs/ct"  # folder with shards of simulated CT
    size: int = 2 * FIELDS  # length of the input vector
    batch: int = 128  # people per step
    lr: float = 3e-3  # peak of AdamW
    warmup: int = 50  # steps
    minutes: float = 2.0  # wall clock budget
    holdout: int = 200  # people of the first shards that are never trained on
    drop_patient: float = 0.0  # share of examples of which nothing is known about the patient
    drop_field: float = 0.15  # share of single fields hidden


class PatientFeatures(nn.Module):
    """Two fully connected layers on values and presence flags, (N, 10) -> (N, 64); hides fields in training."""

    def __init__(self, drop_patient: float, drop_field: float) -> None:
        super().__init__()
        self.drop_patient, self.drop_field = drop_patient, drop_field
        self.layers = nn.Sequential(dense(2 * FIELDS, FEATURES), dense(FEATURES, FEATURES))

    def forward(self, known: Tensor) -> Tensor:
        """Features of what is known."""
        features: Tensor = self.layers(self.hide(known) if self.training else known)
        return features

    def hide(self, known: Tensor) -> Tensor:
        """Drop single fields, and now and then all of them, at random; BMI goes with height or weight."""
        values, flags = torch.split(known, FIELDS, 1)
        keep = (torch.rand_like(values) >= self.drop_field).to(values.dtype)
        keep[:, BMI] = keep[:, HEIGHT] * keep[:, WEIGHT]
        keep = keep * (torch.rand_like(values[:, :1]) >= self.drop_patient)
        return torch.cat([values * keep, flags * keep], 1)


@register(
    Spec(
        "femur_demographics",
        "FNN of the patient's data",
        "Ha et al. 2024 (demographics)",
        task="hip_patient",
        role="femur_demographics",
        modality="ct",
    )
)
class FemurDemographics(nn.Module):
    """Features of the patient's data and a classifier."""

    Recipe = FemurDemographicsRecipe

    def __init__(self, drop_patient: float, drop_field: float) -> None:
        super().__init__()
        self.patient = PatientFeatures(drop_patient, drop_field)
        self.category = nn.Linear(FEATURES, len(CATEGORIES))

    @staticmethod
    def example() -> tuple[Tensor]:
        """A fixed input for golden outputs and contract tests: all known, nothing known, all known."""
        known = torch.cat([fixed(3, FIELDS), torch.ones(3, FIELDS)], 1)
        known[1] = 0
        return (known,)

    def forward(self, known: Tensor, targets: dict[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Logits (N, 3) of what is known (N, 10), ``patient_vector_with_bmi``; with targets in training, losses."""
        with torch.autocast(known.device.type, enabled=False):
            logits = self.category(self.patient(known.float()))
            return cross_entropy(logits, targets) if targets is not None and self.training else {"logits": logits}
