"""Demographics: the distribution of the T-score at each site from age, sex, height and weight, of real people.

Ha et al. 2024 feed a two-layer network with demographics beside their CT network. The public survey NHANES lets such
a network be fitted and tested on real people; this one stands on its own and is no copy of theirs.

What it does
    Age, sex, height and weight, each with a flag that says whether it is known, and the body mass index where height
    and weight are, go through two hidden layers. For each site comes a mixture of three logistic distributions of the
    T-score. Class probabilities, T-score and interval are all read from this one distribution, so that they cannot
    contradict each other. Five such networks, started from different random numbers, are averaged.

Missing fields
    An unknown value is multiplied by its flag 0 before anything else is done with it, and some of the examples
    lose fields in training: the network answers from what is there.

Calibration
    The logit of the cumulative probability is multiplied by a slope (a temperature), one for each set of known fields
    and each site, fitted on people who were not trained on (training/demographics.py). ``tail`` is the probability on
    each side of the median that the conformal interval takes in.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bmd.models._recipe import Recipe
from bmd.models._registry import Spec, register

FIELDS = ("age_y", "sex", "height_cm", "weight_kg")
"""Order of the values, and then of the flags, in the input vector (``inputs.patient``)."""

SITES = ("lumbar", "femoral_neck", "total_hip", "lowest", "lowest_nhanes_2005_2010")
"""Outputs: T-scores against ``reference.HOLOGIC``; the last is the lowest of three against the other reference."""

OLDEST_Y = 80.0
"""The survey records everyone of 80 and over as 80; so does the network."""

COMPONENTS = 3
GRID = (-8.0, 8.0, 321)
"""T-scores at which the cumulative probability is given: first, last, count (steps of 0.05)."""
CUTS = (-2.5, -1.0)  # WHO


@dataclass(frozen=True)
class DemographicsRecipe(Recipe):
    """Defaults for the shipped weights. Trained by epochs, so that a seed gives the same weights again."""

    data: str = "nhanes_bmd.csv"  # table of the survey, one row a person
    batch: int = 512  # people per step
    lr: float = 4e-3  # peak of AdamW, falls along a cosine
    weight_decay: float = 0.02  # AdamW
    size: int = 8  # length of the input vector
    epochs: int = 40  # passes over the people
    members: int = 5  # networks averaged
    width: int = 48  # of both hidden layers
    drop_some: float = 0.3  # share of examples that lose fields
    drop_field: float = 0.4  # share of fields these lose


@register(
    Spec(
        "demographics",
        "Demographics (age, sex, height, weight)",
        "Own network on NHANES (CDC); demographics branch after Ha et al. 2024",
        task="survey",
        role="demographics",
        modality="demographics",
    )
)
class DemographicsNetwork(nn.Module):
    """An ensemble of small networks with a mixture of logistic distributions for each site."""

    Recipe = DemographicsRecipe

    def __init__(self, members: int, width: int, drop_some: float, drop_field: float) -> None:
        super().__init__()
        self.drop_some, self.drop_field = drop_some, drop_field
        sizes = (10, width, width, len(SITES) * COMPONENTS * 3)
        self.matrices = nn.ParameterList(
            nn.Parameter(torch.randn(members, a, b) * (2 / a) ** 0.5 * (0.3 if b == sizes[-1] else 1))
            for a, b in pairwise(sizes)
        )
        self.biases = nn.ParameterList(nn.Parameter(torch.zeros(members, 1, b)) for b in sizes[1:])
        self.slope: Tensor
        self.tail: Tensor
        self.register_buffer("slope", torch.zeros(2 ** len(FIELDS), len(SITES)))  # logarithm
        self.register_buffer("tail", torch.full((2 ** len(FIELDS), len(SITES)), 0.45))

    @staticmethod
    def example() -> tuple[Tensor]:
        """A fixed input for golden outputs and contract tests: all, some and nothing known."""
        known = torch.randn(3, len(FIELDS), generator=torch.Generator().manual_seed(0))
        flags = torch.tensor([[1.0, 1, 1, 1], [1, 0, 0, 1], [0, 0, 0, 0]])
        return (torch.cat([known * flags, flags], 1),)

    def forward(self, known: Tensor, targets: dict[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Calibrated distributions in eval mode, losses when targets are given.

        Parameters
        ----------
        known : Tensor
            (N, 8) from ``inputs.patient.patient_vector``.
        targets : dict of Tensor, optional
            ``t_score`` (N, 5), NaN where not measured, and ``weight`` (N,) of each person.

        Returns
        -------
        dict of Tensor
            ``cdf`` (N, 5, 321): probability of a T-score up to each point of ``GRID``; ``tail`` (N, 5). Or the losses.
        """
        with torch.autocast(known.device.type, enabled=False):
            if targets is None:
                code = coalition(known)
                at = torch.linspace(*GRID, device=known.device)
                raw = self.log_odds(known, at.expand(len(known), len(SITES), -1))
                cdf = torch.sigmoid(self.slope[code].exp()[..., None] * raw)
                return {"cdf": cdf, "tail": self.tail[code]}
            return self.losses(self.hide(known) if self.training else known, targets)

    def mixture(self, known: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Weights, centres and scales of the logistic components: three of (N, 5, members * 3)."""
        x = features(known).expand(len(self.matrices[0]), -1, -1)  # (members, N, 10)
        for k, (matrix, bias) in enumerate(zip(self.matrices, self.biases, strict=True)):
            x = torch.baddbmm(bias, F.silu(x) if k else x, matrix)
        members, n, _ = x.shape
        weight, centre, scale = x.view(members, n, len(SITES), COMPONENTS, 3).permute(1, 2, 0, 3, 4).unbind(-1)
        start = torch.tensor([-2.0, -1.0, 0.0], device=x.device)
        weight = weight.softmax(-1) / members
        centre = centre + start
        return weight.flatten(2), centre.flatten(2), (F.softplus(scale - 0.3) + 0.05).flatten(2)

    def log_odds(self, known: Tensor, t_score: Tensor) -> Tensor:
        """Logit of the uncalibrated probability of a T-score up to ``t_score`` (N, 5, k), same shape."""
        weight, centre, scale = (v[..., None, :] for v in self.mixture(known))
        z = (t_score[..., None] - centre) / scale
        below = torch.logsumexp(weight.log() + F.logsigmoid(z), -1)
        above = torch.logsumexp(weight.log() + F.logsigmoid(-z), -1)
        return below - above

    def hide(self, known: Tensor) -> Tensor:
        """Drop fields of some examples at random, value and flag together."""
        n, k = len(known), len(FIELDS)
        keep = torch.rand(n, k, device=known.device) >= self.drop_field
        keep = keep | (torch.rand(n, 1, device=known.device) >= self.drop_some)
        return known * keep.repeat(1, 2)

    def losses(self, known: Tensor, targets: dict[str, Tensor]) -> dict[str, Tensor]:
        """Negative log density of the T-score and cross entropy of the WHO class, means over sites measured.

        Each network of the ensemble is judged on its own: averaging is for the answer.
        """
        truth, there = targets["t_score"].nan_to_num(), targets["t_score"].isfinite().float()
        there = there * targets["weight"][:, None]
        weight, centre, scale = (torch.unflatten(v, -1, (-1, COMPONENTS)) for v in self.mixture(known))
        weight = weight.log() + torch.log(torch.tensor(float(weight.shape[-2])))
        z = (truth[..., None, None] - centre) / scale
        density = torch.logsumexp(weight + F.logsigmoid(z) + F.logsigmoid(-z) - scale.log(), -1)  # (N, 5, members)
        low, high = (torch.logsumexp(weight + F.logsigmoid((cut - centre) / scale), -1).exp() for cut in CUTS)
        chance = torch.stack([1 - high, high - low, low], -1).clamp(min=1e-6)
        category = (truth < CUTS[1]).long() + (truth <= CUTS[0]).long()
        picked = chance.gather(-1, category[..., None, None].expand(*chance.shape[:-1], 1))[..., 0].log()
        total = there.sum().clamp(min=1e-6)
        return {
            "density": -(density.mean(-1) * there).sum() / total,
            "category": -(picked.mean(-1) * there).sum() / total,
        }


def coalition(known: Tensor) -> Tensor:
    """Which fields are known, as a number 0..15: age 1, sex 2, height 4, weight 8; (N, 8) -> (N,)."""
    flags = known[:, len(FIELDS) :] > 0.5
    return (flags.long() * torch.tensor([1, 2, 4, 8], device=known.device)).sum(1)


def features(known: Tensor) -> Tensor:
    """What the hidden layers see: five values, zero where unknown, and their flags; (N, 8) -> (N, 10)."""
    values, flags = torch.split(known, len(FIELDS), 1)
    age, male, height, weight = (values * flags).unbind(1)
    both = flags[:, 2] * flags[:, 3]
    bmi = (70 + 15 * weight) / (1.65 + 0.1 * height).clamp(min=1.0) ** 2  # scale of inputs.patient.DEMOGRAPHIC_SCALE
    age = age.clamp(max=(OLDEST_Y - 60) / 15) * flags[:, 0]
    seen = torch.stack([age, male, height, weight, (bmi - 27) / 5 * both], 1)
    return torch.cat([seen / torch.tensor([1.0, 1, 1, 1.5, 1], device=known.device), flags, both[:, None]], 1)
