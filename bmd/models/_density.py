"""What the networks of Jung's step 2 share: heads side by side on pooled features of a crop, and their losses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bmd.inputs.film import Cut
from bmd.models._recipe import Recipe, check_choice
from bmd.reference import DENSITY_LEVELS, OSTEOPENIA_BELOW_T, OSTEOPOROSIS_FROM_T

FIELDS = 4  # age, sex, height, weight; the vector holds their values, then their presence flags
KNOWN_FEATURES = 192
T_SCORE_MEAN, T_SCORE_SPREAD = -1.2, 1.4  # starting point of the T-score head
LEAST_SPREAD = 0.2
"""T-scores; about the error of a densitometer, and no vertebra's T-score is known better than that."""
BETA = 0.5
"""Between squared error (1) and plain likelihood (0); Seitzer et al. 2022, arXiv 2203.09168: .5 was best overall."""

SCHEMES: Mapping[str, tuple[bool, bool]] = MappingProxyType(
    {"three": (True, True), "osteoporosis": (False, True), "at_risk": (True, False)}
)
"""Jung's three labellings: whether the border below normal, and that to osteoporosis, part two classes."""
REGRESSIONS = ("normal", "mse")
"""T-score as a normal distribution by its likelihood, or its mean by the paper's squared error."""


@dataclass(frozen=True)
class DensityRecipe(Recipe):
    """What networks of the role "density" have in common; the table of Jung's step 2 varies these."""

    size: int = 64  # side of the crop
    batch: int = 8  # films per step, about four bodies each, each body seen twice where ``steady`` is not 0
    crop: str = "resize"  # "resize": the whole crop; "centre": its middle ``size`` pixels of ``inputs.film.CROP_FULL``
    augment: str = "simulated"  # or "none", "rotation", "horizontal", "vertical" as in the paper (``tasks.density``)
    scheme: str = "three"  # classes of the class head: "three", "osteoporosis" (or not), "at_risk" (or normal)
    regression: str = "normal"  # T-score as a distribution by its likelihood; "mse" is the paper's squared error
    hidden: int = 128  # layer between pooling and heads; 0 puts the heads on the pooled features, as the paper does
    joined: bool = True  # what is known of the patient joins the film; the paper has the film alone
    drop_film: float = 0.15  # share of examples whose film is hidden
    drop_patient: float = 0.4  # share of examples of which nothing is known about the patient
    drop_field: float = 0.2  # share of single fields hidden in the others
    dropout: float = 0.2  # on the joined features
    steady: float = 2.0  # weight of the difference between both looks at a body, in squared T-scores


class DensityNetwork(nn.Module):
    """Heads for T-score class, spine level and T-score on what the convolutions of ``body`` see in a crop.

    Parameters
    ----------
    drop_film, drop_patient, drop_field, dropout, steady, hidden, joined, scheme, regression, size, crop
        See ``DensityRecipe``.

    Attributes
    ----------
    features : int
        Channels of ``body``.
    cut : inputs.film.Cut
        How the crops it takes are cut.

    Raises
    ------
    OptionError
        "network.unknown_choice": no such scheme, regression or crop.
    """

    features: int

    def __init__(
        self,
        drop_film: float,
        drop_patient: float,
        drop_field: float,
        dropout: float,
        steady: float,
        hidden: int,
        joined: bool,
        scheme: str,
        regression: str,
        size: int,
        crop: str,
    ) -> None:
        super().__init__()
        self.convolutions = self.body()
        check_choice("scheme", scheme, SCHEMES)
        check_choice("regression", regression, REGRESSIONS)
        self.scheme, self.regression, self.cut = scheme, regression, Cut.of(size, crop)
        self.steady, self.joined = steady, joined
        self.drop_film, self.drop_patient, self.drop_field = drop_film, drop_patient, drop_field
        width = self.features + (KNOWN_FEATURES + 1 if joined else 0)
        if joined:
            self.patient = nn.Sequential(nn.Linear(2 * FIELDS, 64), nn.GELU(), nn.Linear(64, KNOWN_FEATURES))
        if hidden:
            self.mix = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Dropout(dropout))
        self.category = nn.Linear(hidden or width, 1 + sum(SCHEMES[scheme]))
        self.level = nn.Linear(hidden or width, len(DENSITY_LEVELS))
        self.t_score = nn.Linear(hidden or width, 2)

    @staticmethod
    def example() -> tuple[Tensor, Tensor, Tensor]:
        """A fixed input for golden outputs and contract tests."""
        source = torch.Generator().manual_seed(0)
        known = torch.cat([torch.randn(3, FIELDS, generator=source), torch.ones(3, FIELDS)], 1)
        known[1] = 0
        present = torch.tensor([[1.0], [1.0], [0.0]])
        return torch.randn(3, 1, 64, 64, generator=source), known, present

    def body(self) -> nn.Module:
        """Convolutions with random weights: (N, 1, S, S) -> (N, features, h, w)."""
        raise NotImplementedError

    def pool(self, crops: Tensor) -> Tensor:
        """Pooled features of crops: (N, 1, S, S) -> (N, features)."""
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
            (N, 1, S, S) from ``inputs.film.crop_tensor``; any values where the film is absent.
        demographics : Tensor
            (N, 8) from ``inputs.patient.patient_vector``.
        film_present : Tensor
            (N, 1), 1 where a crop is given, else 0. In training the targets may take this place.
        targets : dict of Tensor, optional
            ``level`` (N,) 0..3, ``t_score`` (N,), and ``again`` (N, 1, S, S): the same bodies, processed otherwise.

        Returns
        -------
        dict of Tensor
            ``t_score`` (N,) mean and ``t_spread`` (N,) standard deviation of the T-score, ``category_logits`` (N, 3),
            or (N, 2) with a scheme of two classes, ``level_logits`` (N, 4), ``features`` (N, features) of the film, 0
            where it is absent; or the losses.
        """
        if isinstance(film_present, dict):
            targets, film_present = film_present, crops.new_ones(len(crops), 1)
        if targets is None:  # float32: bfloat16 would move the T-score by up to 0.05, and the network is small
            with torch.autocast(crops.device.type, enabled=False):
                return self.estimate(crops, demographics, film_present)
        if self.training:
            demographics, film_present = self.hide(demographics, film_present)
        looks = 2 if self.steady else 1
        both = torch.cat([crops, targets["again"]]) if self.steady else crops
        out = self.estimate(both, demographics.repeat(looks, 1), film_present.repeat(looks, 1))
        with torch.autocast(crops.device.type, enabled=False):
            return self.losses(out, film_present, targets)

    def estimate(self, crops: Tensor, demographics: Tensor, film_present: Tensor) -> dict[str, Tensor]:
        """Distribution of the T-score, category and level logits, of crops whose film may be absent."""
        seen = self.pool(crops).float() * film_present  # (N, features)
        with torch.autocast(crops.device.type, enabled=False):
            joined = seen
            if self.joined:
                joined = torch.cat([seen, self.patient(demographics), film_present], 1)
            if hasattr(self, "mix"):
                joined = self.mix(joined)  # (N, hidden)
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
        """Loss of the T-score, cross entropy of class and level, and what sets both looks at a body apart.

        ``out`` has a row for every look at a body, first looks first. The level is judged only where the film is seen:
        nothing else tells it.
        """
        looks = len(out["t_score"]) // len(targets["t_score"])
        t, level, present = (x.repeat(looks) for x in (targets["t_score"], targets["level"], film_present[:, 0]))
        told = F.cross_entropy(out["level_logits"], level, reduction="none")
        losses = {
            "t_score": self.t_loss(out["t_score"], out["t_spread"], t),
            "category": 0.5 * F.cross_entropy(out["category_logits"], class_of(t, self.scheme)),
            "level": 0.3 * (told * present).sum() / present.sum().clamp(min=1),
        }
        if looks > 1:
            first, second = out["t_score"].chunk(looks)
            losses["steady"] = self.steady * F.mse_loss(first, second)
        return losses

    def t_loss(self, mean: Tensor, spread: Tensor, truth: Tensor) -> Tensor:
        """Likelihood of the truth; or squared error of the mean, with the spread learned beside it."""
        if self.regression == "normal":
            return beta_likelihood(mean, spread, truth)
        error = (truth - mean) ** 2
        return (error + 0.5 * (spread.log() * 2 + error.detach() / spread**2)).mean()


def class_of(t: Tensor, scheme: str) -> Tensor:
    """Class of T-scores (n,) in one of ``SCHEMES``, counted from normal: 0, 1 and, of three, 2."""
    below, osteoporosis = SCHEMES[scheme]
    return below * (t < OSTEOPENIA_BELOW_T).long() + osteoporosis * (t <= OSTEOPOROSIS_FROM_T).long()


def beta_likelihood(mean: Tensor, spread: Tensor, truth: Tensor) -> Tensor:
    """Negative log likelihood of normal distributions, each weighted by its variance to the power ``BETA`` (detached).

    The plain likelihood learns poorly where it has once called itself unsure, because the mean's gradient is divided
    by the variance (Seitzer et al. 2022). ``spread`` has a floor, so neither term can grow without bound.
    """
    variance = spread**2
    loss = 0.5 * (variance.log() + (truth - mean) ** 2 / variance)
    return (loss * variance.detach() ** BETA).mean()
