"""C5-GAP-FC3: T-score of one vertebra from its crop, with what is known of the patient, as a distribution.

Jung J. Bone mineral density prediction from spine lateral X-ray images. Yonsei University 2020, step 2 ("Basic
CNN").

What the paper says
    Five convolutions, global average pooling, then three fully connected heads side by side: T-score class, spine
    level, T-score. Cross entropy on the classes, mean squared error on the T-score. Crops resized to 64 x 64 (best
    of four), no augmentation (best of four), Adam (best of three). L1-L4. Three classes: accuracy 53.19 %, level
    70.12 %.

Differences from the paper
    - Widths are not given there: 32, 64, 96, 128, 192, each with group norm and max pooling in between; a layer of
      128 joins film and patient before the heads; AdamW and a running mean of the weights.
    - Crops have mean 0 and standard deviation 1. Convolutions without bias before group norm would divide the scale
      out in any case; so it is said at the entrance. What is left to read are ratios (body to disc, to end plate, to
      what lies around), texture, the thickness of cortex and the shape (decision 19).
    - Crops are upright with a border of 35 %, so that end plates, discs and soft tissue are in view, and they are
      cut with the small errors a localiser makes. Rotation hurt the paper's level head; here crops are turned
      upright first.
    - Crops are augmented (``training.tasks.density``). Each is seen twice, through other processing, and the
      difference of both answers is a loss: how a console shows a film must not move the T-score.
    - Age, sex, height and weight may be given: a small network turns them (zero where missing, with presence flags)
      into features that are joined to the pooled ones. The film's features have a gate of their own. In training
      each field and now and then the film are dropped, so that one network answers from the film, from the
      patient's data or from both.
    - The T-score is a normal distribution, mean and spread, instead of a number. Class and level are the paper's heads
      and training signals only: what is shown of classes is the distribution's mass between the WHO cut-offs.
    - No head for areal density: it follows from T by the reference.
    - L1-L4 only. The truth at L5 is extrapolated (``reference.HOLOGIC``) and densitometry does not use that level.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bmd.models._blocks import ConvNorm
from bmd.models._recipe import Recipe
from bmd.models._registry import Spec, register
from bmd.reference import CATEGORIES, DENSITY_LEVELS

FIELDS = 4  # age, sex, height, weight; the vector holds their values, then their presence flags
T_SCORE_MEAN, T_SCORE_SPREAD = -1.2, 1.4  # starting point of the T-score head
LEAST_SPREAD = 0.2
"""T-scores; about the error of a densitometer, and no vertebra's T-score is known better than that."""
BETA = 0.5
"""Between squared error (1) and plain likelihood (0); Seitzer et al. 2022, arXiv 2203.09168: .5 was best overall."""


@dataclass(frozen=True)
class C5GapFc3Recipe(Recipe):
    """Defaults for the shipped weights."""

    size: int = 64  # side of the crop
    batch: int = 8  # films per step, about four bodies each, each body seen twice
    lr: float = 1.5e-3  # peak of AdamW
    weight_decay: float = 0.03  # AdamW
    minutes: float = 20.0  # wall clock budget
    drop_film: float = 0.15  # share of examples whose film is hidden
    drop_patient: float = 0.4  # share of examples of which nothing is known about the patient
    drop_field: float = 0.2  # share of single fields hidden in the others
    dropout: float = 0.2  # on the joined features
    steady: float = 2.0  # weight of the difference between both looks at a body, in squared T-scores


@register(Spec("c5_gap_fc3", "C5-GAP-FC3", "Jung 2020 (step 2)", task="measure", role="density", modality="radiograph"))
class C5GapFc3(nn.Module):
    """Five convolutions, global average pooling, fully connected heads side by side."""

    Recipe = C5GapFc3Recipe
    added = ("t_score.", "level.", "bmd.")
    """Heads that weights of before decision 19 lack or have otherwise: a training may start from them."""

    def __init__(self, drop_film: float, drop_patient: float, drop_field: float, dropout: float, steady: float) -> None:
        super().__init__()
        self.steady = steady
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
        self.level = nn.Linear(128, len(DENSITY_LEVELS))
        self.t_score = nn.Linear(128, 2)

    @staticmethod
    def example() -> tuple[Tensor, Tensor, Tensor]:
        """A fixed input for golden outputs and contract tests."""
        source = torch.Generator().manual_seed(0)
        known = torch.cat([torch.randn(3, FIELDS, generator=source), torch.ones(3, FIELDS)], 1)
        known[1] = 0
        present = torch.tensor([[1.0], [1.0], [0.0]])
        return torch.randn(3, 1, 64, 64, generator=source), known, present

    def pool(self, crops: Tensor) -> Tensor:
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
            ``level`` (N,) 0..3, ``t_score`` (N,), and ``again`` (N, 1, 64, 64): the same bodies, processed otherwise.

        Returns
        -------
        dict of Tensor
            ``t_score`` (N,) mean and ``t_spread`` (N,) standard deviation of the T-score, ``category_logits`` (N, 3),
            ``level_logits`` (N, 4), ``features`` (N, 192) of the film, 0 where it is absent; or the losses.
        """
        if isinstance(film_present, dict):
            targets, film_present = film_present, crops.new_ones(len(crops), 1)
        if targets is None:  # float32: bfloat16 would move the T-score by up to 0.05, and the network is small
            with torch.autocast(crops.device.type, enabled=False):
                return self.estimate(crops, demographics, film_present)
        if self.training:
            demographics, film_present = self.hide(demographics, film_present)
        both, twice = torch.cat([crops, targets["again"]]), (2, 1)
        out = self.estimate(both, demographics.repeat(twice), film_present.repeat(twice))
        with torch.autocast(crops.device.type, enabled=False):
            return self.losses(out, film_present, targets)

    def estimate(self, crops: Tensor, demographics: Tensor, film_present: Tensor) -> dict[str, Tensor]:
        """Distribution of the T-score, category and level logits, of crops whose film may be absent."""
        seen = self.pool(crops).float() * film_present  # (N, 192)
        with torch.autocast(crops.device.type, enabled=False):
            known = self.patient(demographics)  # (N, 192)
            joined = self.mix(torch.cat([seen, known, film_present], 1))  # (N, 128)
            mean, spread = self.t_score(joined).unbind(1)
            return {
                "t_score": T_SCORE_MEAN + T_SCORE_SPREAD * mean,
                "t_spread": LEAST_SPREAD + T_SCORE_SPREAD * F.softplus(spread),
                "category_logits": self.category(joined),
                "level_logits": self.level(joined),
                "features": seen,
            }

    def hide(self, demographics: Tensor, film_present: Tensor) -> tuple[Tensor, Tensor]:
        """Drop the film, all that is known of the patient, or single fields, at random, each row for itself."""
        n = len(demographics)
        values, flags = torch.split(demographics, FIELDS, 1)
        keep = (torch.rand(n, FIELDS, device=values.device) >= self.drop_field).float()
        keep = keep * (torch.rand(n, 1, device=values.device) >= self.drop_patient)
        film = film_present * (torch.rand(n, 1, device=values.device) >= self.drop_film)
        return torch.cat([values * keep, flags * keep], 1), film

    def losses(self, out: dict[str, Tensor], film_present: Tensor, targets: dict[str, Tensor]) -> dict[str, Tensor]:
        """Likelihood of the T-score, cross entropy of category and level, and what sets both looks at a body apart.

        ``out`` has two rows for every body. The level is judged only where the film is seen: nothing else tells it.
        """
        t, level = targets["t_score"].repeat(2), targets["level"].repeat(2)
        category = (t < -1.0).long() + (t <= -2.5).long()  # WHO: 0 normal, 1 osteopenia, 2 osteoporosis
        told = F.cross_entropy(out["level_logits"], level, reduction="none")
        first, second = out["t_score"].chunk(2)
        return {
            "t_score": beta_likelihood(out["t_score"], out["t_spread"], t),
            "category": 0.5 * F.cross_entropy(out["category_logits"], category),
            "level": 0.3 * (told * film_present.repeat(2, 1)[:, 0]).sum() / (2 * film_present.sum()).clamp(min=1),
            "steady": self.steady * F.mse_loss(first, second),
        }


def beta_likelihood(mean: Tensor, spread: Tensor, truth: Tensor) -> Tensor:
    """Negative log likelihood of normal distributions, each weighted by its variance to the power ``BETA`` (detached).

    The plain likelihood learns poorly where it has once called itself unsure, because the mean's gradient is divided
    by the variance (Seitzer et al. 2022). ``spread`` has a floor, so neither term can grow without bound.
    """
    variance = spread**2
    loss = 0.5 * (variance.log() + (truth - mean) ** 2 / variance)
    return (loss * variance.detach() ** BETA).mean()
