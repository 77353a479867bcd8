"""Fit the demographics network on the survey NHANES: ``python -m bmd train demographics data=TABLE.csv``.

Split by survey cycle. 2005-2008 and 2013-2014 are trained on, 2009-2010 calibrates (it has adults of all ages), and
2017-March 2020, the last, is only measured on (evaluation/demographics/survey.py). In training every person counts
once: that ranked people better on the cycles before the last than survey weights did, which leave half as many people
in effect.
In calibration people count with their examination weight (``population.survey.combined_weight``), so that the
probabilities speak of American adults and not of the groups the survey draws more often.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from bmd.models import _registry as registry
from bmd.models._recipe import override
from bmd.models.demographics import FIELDS, GRID, SITES, DemographicsNetwork, DemographicsRecipe
from bmd.training import checkpoint, tasks
from bmd.training.examples import Examples
from bmd.training.rehearsal import rehearse
from bmd.training.tasks.demographics import CALIBRATION, TRAINING, People, read_people

log = logging.getLogger(__name__)

COVERAGE = 0.90
LEVELS = np.arange(-4.0, 1.01, 0.5)
"""T-scores at which the calibration's log score is taken."""


def train(overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Train, calibrate, measure on the last cycle and export to ``weights/demographics``.

    Parameters
    ----------
    overrides : sequence of str
        ``key=value`` words for the recipe.

    Returns
    -------
    dict
        ``steps``, ``metrics`` and ``folder``.
    """
    recipe = override(DemographicsRecipe(), overrides)
    people = read_people(recipe.data)
    made = checkpoint.provenance("demographics", overrides, people)
    trained, calibrated = people.cycles(*TRAINING), people.cycles(CALIBRATION)
    task = tasks.find("survey")
    examples = Examples(trained, task.augment(recipe), task.encode, recipe.seed)
    rehearse(task, _build(recipe), recipe, examples, calibrated)
    network, steps = fit(trained, recipe)
    calibrate(network, calibrated)
    folder = Path(recipe.weights or recipe.out) / "demographics"
    checkpoint.export(network, folder, _describe(network, recipe, people, steps, made))
    return {"steps": steps, "folder": folder}


def _build(recipe: DemographicsRecipe) -> Any:
    return registry.build("demographics", **recipe.options(DemographicsNetwork))


def fit(people: People, recipe: DemographicsRecipe) -> tuple[DemographicsNetwork, int]:
    """A network trained on these people, in eval mode, and the number of steps."""
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    network = _build(recipe)
    weight = np.ones(len(people), np.float32)
    columns = [torch.from_numpy(v) for v in (people.known, people.t_score, weight)]
    optimizer = torch.optim.AdamW(network.parameters(), recipe.lr, weight_decay=recipe.weight_decay)
    per_epoch = math.ceil(len(people) / recipe.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.lr, recipe.epochs * per_epoch, pct_start=0.1)
    network.train()
    for epoch in range(recipe.epochs):
        total = 0.0
        for rows in torch.split(torch.randperm(len(people)), recipe.batch):
            known, t, w = (c[rows] for c in columns)
            losses = network(known, {"t_score": t, "weight": w})
            loss = torch.stack(list(losses.values())).sum()
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(rows)
        if epoch % 10 == 9:
            log.info("epoch %d: %s", epoch + 1, f"{total / len(people):.4f}")
    return network.eval(), recipe.epochs * per_epoch


@torch.no_grad()
def calibrate(network: DemographicsNetwork, people: People) -> None:
    """Fit the slopes of the cumulative probability's logit and the conformal tails, for every set of known fields."""
    known, t = torch.from_numpy(people.known), torch.from_numpy(people.t_score)
    at = torch.from_numpy(np.float32(LEVELS)).expand(len(known), len(SITES), -1)
    for code in range(2 ** len(FIELDS)):
        keep = torch.tensor([float(code >> k & 1) for k in range(len(FIELDS))]).repeat(2)
        raw = network.log_odds(known * keep, at).numpy()  # (n, 5, levels)
        own = network.log_odds(known * keep, t.nan_to_num()[..., None])[..., 0].numpy()
        for site in range(len(SITES)):
            rows = np.isfinite(people.t_score[:, site])
            weight = people.weight[rows] / people.weight[rows].sum()
            below = people.t_score[rows, site, None] <= LEVELS
            slope = fit_slope(raw[rows, site], below, weight)
            level = 1 / (1 + np.exp(-np.exp(slope) * own[rows, site]))
            network.slope[code, site] = slope
            network.tail[code, site] = conformal_tail(level, weight)


def fit_slope(raw: NDArray[np.float64], below: NDArray[np.bool_], weight: NDArray[np.float64]) -> float:
    """Log slope that gives logits (n, k) the best log score for events (n, k); weights (n,) sum to 1.

    One number, a temperature: an offset would pass the level of this one cycle on to others. On the cycles before the
    last, each held out in turn, both did equally well.
    """

    def loss(log_slope: float) -> float:
        z = np.exp(log_slope) * raw
        return float((weight[:, None] * np.logaddexp(0, np.where(below, -z, z))).sum())

    return float(minimize_scalar(loss, bounds=(-1, 1), method="bounded").x)


def conformal_tail(level: NDArray[np.float64], weight: NDArray[np.float64], coverage: float = COVERAGE) -> float:
    """Probability on each side of the median that covers: split conformal on the predicted distribution.

    ``level`` (n,) is the predicted probability of a T-score up to the measured one (Chernozhukov et al. 2021,
    Distributional conformal prediction); its distance from 1/2 is the score, and a new person counts as one more.
    """
    score = np.abs(level - 0.5)
    order = np.argsort(score)
    share = np.cumsum(weight[order]) / (weight.sum() + weight.mean())
    place = int(np.searchsorted(share, coverage))
    return float(score[order][place]) if place < len(score) else 0.5


def _describe(
    network: DemographicsNetwork, recipe: DemographicsRecipe, people: People, steps: int, made: dict[str, Any]
) -> dict[str, Any]:
    """Metadata of the weights; figures are added by ``evaluation.demographics.survey``."""
    trained, calibrated = people.cycles(*TRAINING), people.cycles(CALIBRATION)
    training = {"steps": steps, "people": len(trained), "device": "cpu", "metrics": {}, "held_out": None}
    metadata = checkpoint.describe(network, recipe, training, made)
    ends = {k: np.nanpercentile(trained.table[k], (0, 0.5, 99.5, 100)).round(1).tolist() for k in RANGES}
    return metadata | {
        "metrics": [],
        "calibration": {"coverage": COVERAGE, "fitted_on": {"cohort": "nhanes_2009_2010", "n": len(calibrated)}},
        "range": ends,
        "grid": list(GRID),
        "trained_on": {"cohort": "nhanes_training", "n": len(trained)},
    }


RANGES = ("age", "height_cm", "weight_kg")
"""Columns whose smallest, 0.5th and 99.5th percentile and largest trained-on values go into the metadata."""
