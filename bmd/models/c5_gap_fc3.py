"""C5-GAP-FC3: bone density of one vertebra from its crop, with what is known of the patient.

Jung J. Bone mineral density prediction from spine lateral X-ray images. Yonsei University 2020, step 2 ("Basic
CNN").

What the paper says
    Five convolutions, global average pooling, then three fully connected heads side by side: T-score class, spine
    level, T-score. Cross entropy on the classes, mean squared error on the T-score. Crops resized to 64 x 64 (best
    of four), no augmentation (best of four), Adam (best of three). Three classes: accuracy 53.19 %, level 70.12 %.

Differences from the paper
    - Widths are not given there: 32, 64, 96, 128, 192, each with group norm and max pooling in between.
    - Crops have mean 0 and keep their contrast: consoles are set so that bone looks alike (simulator/display.py), so
      contrast carries density. A console that is set differently misleads the network; nothing in the film says so.
    - Crops are upright with a border of 35 %, so that end plates, discs and soft tissue are in view, and they are
      cut with the small errors a localiser makes. Rotation hurt the paper's level head; here crops are turned
      upright first.
    - Age, sex, height and weight may be given: a small network turns them (zero where missing, with presence flags)
      into features that are added to the pooled ones. The film's features have a gate of their own. In training
      each field and now and then the film are dropped, so that one network answers from the film, from the
      patient's data or from both.
    - A fourth head gives areal density in g/cm2, the future work the paper names. The density's error is divided by
      the spread of one T-score (0.12 g/cm2), so that both errors weigh alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bmd.models._blocks import ConvNorm
from bmd.models._recipe import Recipe
from bmd.models._registry import Spec, register
from bmd.reference import CATEGORIES, LUMBAR

FIELDS = 4  # age, sex, height, weight; the vector holds their values, then their presence flags
T_SCORE_MEAN, T_SCORE_SPREAD = -1.2, 1.4  # starting point of the T-score head
BMD_MEAN, BMD_SPREAD = 0.92, 0.12  # g/cm2; the spread is about one T-score


@dataclass(frozen=True)
class C5GapFc3Recipe(Recipe):
    """Defaults for the shipped weights."""

    size: int = 64  # side of the crop
    batch: int = 16  # films per step, about five crops each
    lr: float = 2e-3  # peak of AdamW
    weight_decay: float = 0.03  # AdamW
    minutes: float = 20.0  # wall clock budget
    drop_film: float = 0.15  # share of examples whose film is hidden
    drop_patient: float = 0.4  # share of examples of which nothing is known about the patient
    drop_field: float = 0.2  # share of single fields hidden in the others
    dropout: float = 0.2  # on the joined features


@register(Spec("c5_gap_fc3", "C5-GAP-FC3", "Jung 2020 (step 2)", task="measure", role="density", modality="radiograph"))
class C5GapFc3(nn.Module):
    """Five convolutions, global average pooling, parallel fully connected heads."""

    Recipe = C5GapFc3Recipe

    def __init__(self, drop_film: float, drop_patient: float, drop_field: float, dropout: float) -> None:
        super().__init__()
        self.drop_film, self.drop_patient, self.drop_field = drop_film, drop_patient, drop_field
        self.convolutions = nn.Sequential(
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
        self.patient = nn.Sequential(nn.Linear(2 * FIELDS, 64), nn.GELU(), nn.Linear(64, 192))
        self.mix = nn.Sequential(nn.Linear(192 + 192 + 1, 128), nn.GELU(), nn.Dropout(dropout))
        self.category = nn.Linear(128, len(CATEGORIES))
        self.level = nn.Linear(128, len(LUMBAR))
        self.t_score = nn.Linear(128, 1)
        self.bmd = nn.Linear(128, 1)

    @staticmethod
    def example() -> tuple[Tensor, Tensor, Tensor]:
        """A fixed input for golden outputs and contract tests."""
        source = torch.Generator().manual_seed(0)
        known = torch.cat([torch.randn(3, FIELDS, generator=source), torch.ones(3, FIELDS)], 1)
        known[1] = 0
        present = torch.tensor([[1.0], [1.0], [0.0]])
        return torch.randn(3, 1, 64, 64, generator=source), known, present

    def features(self, crops: Tensor) -> Tensor:
        """Pooled features of crops: (N, 1, 64, 64) -> (N, 192)."""
        pooled: Tensor = self.convolutions(crops).mean((2, 3))
        return pooled

    def forward(
        self,
        crops: Tensor,
        demographics: Tensor,
        film_present: Tensor | dict[str, Tensor],
        targets: dict[str, Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """Estimates in eval mode, losses when targets are given.

        Parameters
        ----------
        crops : Tensor
            (N, 1, 64, 64) from ``inputs.film.crop_tensor``; any values where the film is absent.
        demographics : Tensor
            (N, 8) from ``inputs.patient.patient_vector``.
        film_present : Tensor
            (N, 1), 1 where a crop is given, else 0. In training the targets may take this place.
        targets : dict of Tensor, optional
            ``level`` (N,) 0..4, ``t_score`` (N,), ``bmd`` (N,).

        Returns
        -------
        dict of Tensor
            ``category_logits`` (N, 3), ``level_logits`` (N, 5), ``t_score`` (N,), ``bmd`` (N,) in g/cm2; or the losses.
        """
        if isinstance(film_present, dict):
            targets, film_present = film_present, crops.new_ones(len(crops), 1)
        if targets is not None and self.training:
            demographics, film_present = self.hide(demographics, film_present)
        if targets is None:  # float32: bfloat16 would move the T-score by up to 0.05, and the network is small
            with torch.autocast(crops.device.type, enabled=False):
                return self.estimate(crops, demographics, film_present)
        out = self.estimate(crops, demographics, film_present)
        with torch.autocast(crops.device.type, enabled=False):
            return self.losses(out, film_present, targets)

    def estimate(self, crops: Tensor, demographics: Tensor, film_present: Tensor) -> dict[str, Tensor]:
        """Category and level logits, T-score and density of crops whose film may be absent."""
        seen = self.features(crops).float() * film_present  # (N, 192)
        with torch.autocast(crops.device.type, enabled=False):
            known = self.patient(demographics)  # (N, 192)
            joined = self.mix(torch.cat([seen, known, film_present], 1))  # (N, 128)
            return {
                "category_logits": self.category(joined),
                "level_logits": self.level(joined),
                "t_score": T_SCORE_MEAN + T_SCORE_SPREAD * self.t_score(joined)[:, 0],
                "bmd": BMD_MEAN + BMD_SPREAD * self.bmd(joined)[:, 0],
            }

    def hide(self, demographics: Tensor, film_present: Tensor) -> tuple[Tensor, Tensor]:
        """Drop the film, all that is known of the patient, or single fields, at random, each row for itself."""
        n = len(demographics)
        values, flags = torch.split(demographics, FIELDS, 1)
        keep = (torch.rand(n, FIELDS, device=values.device) >= self.drop_field).float()
        keep = keep * (torch.rand(n, 1, device=values.device) >= self.drop_patient)
        film = film_present * (torch.rand(n, 1, device=values.device) >= self.drop_film)
        return torch.cat([values * keep, flags * keep], 1), film

    @staticmethod
    def losses(out: dict[str, Tensor], film_present: Tensor, targets: dict[str, Tensor]) -> dict[str, Tensor]:
        """Cross entropy of category and level, mean squared error of T-score and of density in T-score units.

        The level is judged only where the film is seen: nothing else tells it.
        """
        t = targets["t_score"]
        category = (t < -1.0).long() + (t <= -2.5).long()  # WHO: 0 normal, 1 osteopenia, 2 osteoporosis
        level = F.cross_entropy(out["level_logits"], targets["level"], reduction="none")
        return {
            "category": F.cross_entropy(out["category_logits"], category),
            "level": 0.3 * (level * film_present[:, 0]).sum() / film_present.sum().clamp(min=1),
            "t_score": F.mse_loss(out["t_score"], t),
            "bmd": F.mse_loss(out["bmd"] / BMD_SPREAD, targets["bmd"] / BMD_SPREAD),
        }
