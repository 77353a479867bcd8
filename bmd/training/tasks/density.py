"""Lateral films: the T-score of vertebra crops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import norm
from torch import Tensor, nn

from bmd.inputs.film import crop_tensor
from bmd.inputs.patient import demographics_vector
from bmd.metrics import auc
from bmd.reference import DENSITY_LEVELS, LEVELS, OSTEOPOROSIS_FROM_T
from bmd.training.examples import collate_concatenate
from bmd.training.films import FIRST_LUMBAR, Film, Films, View, plain_view
from bmd.training.processing import process
from bmd.training.surround import redraw
from bmd.training.task import Example, Items, Metrics, Task

CROP_FILM = 384
"""Side of the films that crops are cut from, pixels: the working resolution of inference."""
CROP_STRIDE = 4
"""Film pixels per label pixel there; labels only tell what is in view."""
UNPROCESSED = 0.1
"""Share of first looks that are left as the simulated console shows them."""

Looks: TypeAlias = tuple[View, View]
"""A film processed in two ways; everything else is the same."""


@dataclass(frozen=True)
class CropAugment:
    """Draws a film for the measuring network: other surroundings of the bodies, then processing, twice."""

    size: int = CROP_FILM
    stride: int = CROP_STRIDE

    def __call__(self, film: Film, rng: np.random.Generator) -> Looks:
        """Draw both looks; all randomness comes from ``rng``."""
        view = plain_view(film, self.size, self.stride)
        known = (np.arange(len(LEVELS)) >= FIRST_LUMBAR - 1) & np.isfinite(view.corners).all((1, 2))
        image = redraw(view.image, view.corners[known], rng)
        first = image if rng.random() < UNPROCESSED else process(image, rng)
        return _with(view, first), _with(view, process(image, rng))


def _with(view: View, image: NDArray[np.float32]) -> View:
    return View(image, view.labels, view.corners)


def plain_looks(film: Film, size: int = CROP_FILM) -> Looks:
    """The film as it is, twice: for validation."""
    view = plain_view(film, CROP_FILM, CROP_STRIDE)
    return view, view


def jitter_corners(corners: NDArray[np.floating], rng: np.random.Generator) -> NDArray[np.float64]:
    """Move corners (n, 4, 2) as a localiser would: shift 4 %, scale 6 %, turn 3 degrees, each corner 2 % (SD)."""
    n = len(corners)
    centre = corners.mean(1, keepdims=True)
    extent = np.linalg.norm(corners[:, 1] - corners[:, 0], axis=-1)[:, None, None]
    turn = np.deg2rad(rng.normal(0, 3, n))
    rotation = np.stack([np.cos(turn), np.sin(turn), -np.sin(turn), np.cos(turn)], -1).reshape(n, 2, 2)
    moved = (corners - centre) @ rotation * np.exp(rng.normal(0, 0.06, (n, 1, 1)))
    moved = moved + rng.normal(0, 0.04, (n, 1, 2)) * extent + rng.normal(0, 0.02, (n, 4, 2)) * extent
    return np.asarray(moved + centre, np.float64)


def encode_crops(film: Film, looks: Looks, rng: np.random.Generator, jitter: bool = True) -> Example:
    """Example for C5-GAP-FC3: the bodies of L1-L4 of one film that are in view.

    Returns
    -------
    crops : Tensor
        float32 (n, 1, 64, 64) of the first look.
    demographics : Tensor
        float32 (n, 8), the same row for every crop of the film.
    targets : dict of Tensor
        ``again`` (n, 1, 64, 64) of the second look, ``level`` int64 (n,) 0..3, ``t_score`` (n,) of the level.
    """
    rows = slice(FIRST_LUMBAR, FIRST_LUMBAR + len(DENSITY_LEVELS))
    good = film.visible[rows] & (looks[0].share_in_view()[rows] > 0.7) & np.isfinite(film.t_score[rows])
    corners: NDArray[np.floating] = looks[0].corners[rows][good]
    crops = [crop_tensor(look.image, _moved(corners, rng, jitter)) for look in looks]
    age, male, height, weight = film.patient
    known = torch.from_numpy(demographics_vector(age, male, height, weight))
    targets = {
        "again": crops[1],
        "level": torch.from_numpy(np.flatnonzero(good)),
        "t_score": torch.from_numpy(film.t_score[rows][good].astype(np.float32)),
    }
    return crops[0], known.expand(int(good.sum()), -1), targets


def _moved(corners: NDArray[np.floating], rng: np.random.Generator, jitter: bool) -> NDArray[np.floating]:
    return jitter_corners(corners, rng) if jitter and len(corners) else corners


# --- validation ---------------------------------------------------------------------------------------------------
@dataclass
class Answers:
    """The network's answers for one kind of input: means of the patients' bodies, and every body's distribution."""

    patients: list[float]
    means: list[float]
    spreads: list[float]


def validate_density(network: nn.Module, films: Items[Film], size: int) -> Metrics:
    """Patient T-score (mean of L1-L4 in view) by what is given: error, correlation, AUC for T <= -2.5, coverage.

    ``moved`` is the mean change of that mean when a film is processed (``training.processing``), in T-scores.
    """
    rng = np.random.default_rng(0)
    answers = {case: Answers([], [], []) for case in ("film", "known", "both")}
    patients: list[float] = []
    bodies: list[float] = []
    level_right: list[bool] = []
    moved: list[float] = []
    for i in range(len(films)):
        plain = plain_looks(films[i])
        shown = plain[0], _with(plain[1], process(plain[1].image, rng))
        crops, known, targets = encode_crops(films[i], shown, rng, jitter=False)
        if not len(crops):
            continue
        for case, answer in answers.items():
            out = network(*_inputs(crops, known, case, network))  # type: ignore[arg-type]
            answer.patients.append(float(out["t_score"].float().mean()))
            answer.means += out["t_score"].float().tolist()
            answer.spreads += out["t_spread"].float().tolist()
            if case == "film":
                level_right += (out["level_logits"].argmax(1).cpu() == targets["level"]).tolist()  # type: ignore[index]
                other = network(*_inputs(targets["again"], known, case, network))  # type: ignore[index,arg-type]
                moved.append(abs(float(other["t_score"].float().mean()) - answer.patients[-1]))
        patients.append(films[i].t_l1l4)
        bodies += targets["t_score"].tolist()  # type: ignore[index]
    metrics = {"level": float(np.mean(level_right or [0])), "moved": float(np.mean(moved or [0]))}
    for case, answer in answers.items():
        metrics |= {f"{case}_{key}": value for key, value in _figures(answer, patients, bodies).items()}
    return metrics


def _figures(answer: Answers, patients: Sequence[float], bodies: Sequence[float]) -> Metrics:
    t, p = np.array(patients), np.array(answer.patients)
    within = np.abs(np.array(answer.means) - np.array(bodies)) < norm.ppf(0.95) * np.array(answer.spreads)
    return {
        "mae": float(np.abs(p - t).mean()),
        "r": float(np.corrcoef(p, t)[0, 1]) if len(t) > 2 else float("nan"),
        "auc": auc(t <= OSTEOPOROSIS_FROM_T, -p),
        "coverage": float(within.mean()),
    }


def _inputs(crops: Tensor, known: Tensor, case: str, network: nn.Module) -> tuple[Tensor, Tensor, Tensor]:
    device = next(network.parameters()).device
    present = torch.full((len(crops), 1), 0.0 if case == "known" else 1.0)
    given = torch.zeros_like(known) if case == "film" else known
    return crops.to(device), given.to(device), present.to(device)


MEASURE = Task[Film, Looks](
    name="measure",
    inputs="letterbox to 384, upright 64 x 64 crop, mean 0, standard deviation 1 (bmd/inputs/film.py: crop_tensor)",
    cohort="simulated_films",
    unit="films",
    headline="film_auc",
    read=Films,
    plain=plain_looks,
    augment=lambda recipe: CropAugment(),
    encode=encode_crops,
    validate=validate_density,
    collate=collate_concatenate,
)
