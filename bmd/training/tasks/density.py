"""Lateral films: the T-score of vertebra crops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import norm
from torch import Tensor, nn

from bmd.inputs.film import WHOLE_BODY, Cut, cut_out
from bmd.inputs.patient import demographics_vector
from bmd.metrics import auc
from bmd.models._density import DensityNetwork, class_of
from bmd.models._recipe import check_choice
from bmd.reference import DENSITY_LEVELS, OSTEOPOROSIS_FROM_T
from bmd.training.examples import collate_concatenate
from bmd.training.films import FIRST_LUMBAR, Film, Films, View, plain_view
from bmd.training.processing import MARKED, mark, process
from bmd.training.surround import redraw
from bmd.training.task import Example, Items, Metrics, Task

CROP_FILM = 384
"""Side of the films that crops are cut from, pixels: the working resolution of inference."""
CROP_STRIDE = 4
"""Film pixels per label pixel there; labels only tell what is in view."""
UNPROCESSED = 0.1
"""Share of first looks that are left as the simulated console shows them."""

TURNS = ("simulated", "none", "rotation", "horizontal", "vertical")
"""What a training makes of a crop: other surroundings, processing and a localiser's errors; or, as in Jung 2020,
nothing, a turn of up to ``ROTATION_DEG``, or a flip in half of all cases."""
ROTATION_DEG = 5.0
FLIPS: Mapping[str, int] = MappingProxyType({"horizontal": -1, "vertical": -2})
"""Axis of a crop that a flip turns round."""

ROOM = 1.0
"""Widths of a body kept around the bodies: what their crops, moved by a localiser's errors, reach."""


@dataclass(frozen=True, eq=False)
class Looks:
    """The part of a film around its measured bodies, processed in two ways; everything else is the same.

    Attributes
    ----------
    images : tuple of ndarray
        Two of float32 (h, w) in 0..1 at the resolution of a film of ``CROP_FILM``.
    levels : ndarray
        int64 (n,) of the bodies in view, 0..3.
    corners : ndarray
        float32 (n, 4, 2) in pixels of the images.
    cut : Cut
        How the crops are cut.
    turn : str
        One of ``TURNS``: what happens to each crop.
    """

    images: tuple[NDArray[np.float32], NDArray[np.float32]]
    levels: NDArray[np.int64]
    corners: NDArray[np.float32]
    cut: Cut = WHOLE_BODY
    turn: str = "simulated"


def in_view(film: Film, view: View) -> NDArray[np.int64]:
    """Which of L1-L4 (0..3) are in view and of a known T-score."""
    rows = slice(FIRST_LUMBAR, FIRST_LUMBAR + len(DENSITY_LEVELS))
    return np.flatnonzero(film.visible[rows] & (view.share_in_view()[rows] > 0.7) & np.isfinite(film.t_score[rows]))


def window(shape: tuple[int, ...], corners: NDArray[np.float32]) -> tuple[slice, slice]:
    """Rows and columns of a film of this shape that hold the crops of bodies with corners (n, 4, 2)."""
    points = corners.reshape(-1, 2)
    room = ROOM * float(np.linalg.norm(corners[:, 1] - corners[:, 0], axis=1).max())
    low = np.maximum(np.floor(points.min(0) - room), 0).astype(int)
    high = np.minimum(np.ceil(points.max(0) + room) + 1, shape[::-1]).astype(int)
    return slice(low[1], high[1]), slice(low[0], high[0])


@dataclass(frozen=True)
class CropAugment:
    """Draws a film for the measuring network: marks, other surroundings of the bodies, then processing, twice.

    With another of ``TURNS`` than "simulated" the film stays as it is.
    """

    cut: Cut = WHOLE_BODY
    turn: str = "simulated"

    def __call__(self, film: Film, rng: np.random.Generator) -> Looks:
        """Draw both looks; all randomness comes from ``rng``."""
        if self.turn != "simulated":
            return replace(plain_looks(film), cut=self.cut, turn=self.turn)
        view = plain_view(film, CROP_FILM, CROP_STRIDE)
        levels = in_view(film, view)
        if not len(levels):
            return Looks((view.image, view.image), levels, view.corners[:0], self.cut)
        around = window(view.image.shape, view.corners[FIRST_LUMBAR + levels])
        corners = view.corners - np.array([around[1].start, around[0].start], np.float32)
        bodies, seed = corners[FIRST_LUMBAR - 1 :], int(rng.integers(2**32))  # T12 to S1
        images = []
        for plain in (rng.random() < UNPROCESSED, False):
            image = mark(view.image, rng) if rng.random() < MARKED else view.image
            image = redraw(np.ascontiguousarray(image[around]), bodies, np.random.default_rng(seed))
            images.append(image if plain else process(image, rng))
        return Looks((images[0], images[1]), levels, corners[FIRST_LUMBAR + levels], self.cut)


def crop_augment(recipe: Any) -> CropAugment:
    """What a recipe says of crops and their augmentation; raises OptionError "network.unknown_choice"."""
    check_choice("augment", recipe.augment, TURNS)
    return CropAugment(Cut.of(recipe.size, recipe.crop), recipe.augment)


def plain_looks(film: Film, size: int = CROP_FILM) -> Looks:
    """The film as it is, twice: for validation."""
    view = plain_view(film, CROP_FILM, CROP_STRIDE)
    levels = in_view(film, view)
    return Looks((view.image, view.image), levels, view.corners[FIRST_LUMBAR + levels])


def jitter_corners(corners: NDArray[np.floating], rng: np.random.Generator) -> NDArray[np.float64]:
    """Move corners (n, 4, 2) as a localiser would: shift 4 %, scale 6 %, turn 3 degrees, each corner 2 % (SD)."""
    n = len(corners)
    centre = corners.mean(1, keepdims=True)
    extent = np.linalg.norm(corners[:, 1] - corners[:, 0], axis=-1)[:, None, None]
    moved = (turned(corners, np.deg2rad(rng.normal(0, 3, n))) - centre) * np.exp(rng.normal(0, 0.06, (n, 1, 1)))
    moved = moved + rng.normal(0, 0.04, (n, 1, 2)) * extent + rng.normal(0, 0.02, (n, 4, 2)) * extent
    return np.asarray(moved + centre, np.float64)


def turned(corners: NDArray[np.floating], turn: NDArray[np.float64]) -> NDArray[np.float64]:
    """Corners (n, 4, 2) turned about their centres by radians (n,)."""
    centre = corners.mean(1, keepdims=True)
    rotation = np.stack([np.cos(turn), np.sin(turn), -np.sin(turn), np.cos(turn)], -1).reshape(len(turn), 2, 2)
    return np.asarray((corners - centre) @ rotation + centre, np.float64)


def encode_crops(film: Film, looks: Looks, rng: np.random.Generator, jitter: bool = True) -> Example:
    """Example for C5-GAP-FC3: the bodies of L1-L4 of one film that are in view.

    Returns
    -------
    crops : Tensor
        float32 (n, 1, S, S) of the first look, S as ``looks.cut`` says.
    demographics : Tensor
        float32 (n, 8), the same row for every crop of the film.
    targets : dict of Tensor
        ``again`` (n, 1, S, S) of the second look, ``level`` int64 (n,) 0..3, ``t_score`` (n,) of the level.
    """
    crops = [_crops(image, looks, rng, jitter) for image in looks.images]
    age, male, height, weight = film.patient
    known = torch.from_numpy(demographics_vector(age, male, height, weight))
    targets = {
        "again": crops[1],
        "level": torch.from_numpy(looks.levels),
        "t_score": torch.from_numpy(film.t_score[FIRST_LUMBAR + looks.levels].astype(np.float32)),
    }
    return crops[0], known.expand(len(looks.levels), -1), targets


def _crops(image: NDArray[np.float32], looks: Looks, rng: np.random.Generator, jitter: bool) -> Tensor:
    """Crops float32 (n, 1, S, S) of a film at the working resolution, or of a part of it, as ``looks`` has them."""
    corners: NDArray[np.floating] = looks.corners
    if jitter and len(corners) and looks.turn == "simulated":
        corners = jitter_corners(corners, rng)
    if jitter and looks.turn == "rotation":
        corners = turned(corners, np.deg2rad(rng.uniform(-ROTATION_DEG, ROTATION_DEG, len(corners))))
    crops = cut_out(image, corners, looks.cut)
    if jitter and looks.turn in FLIPS:
        chosen = torch.from_numpy(rng.random(len(crops)) < 0.5)[:, None, None, None]
        crops = torch.where(chosen, crops.flip(FLIPS[looks.turn]), crops)
    return crops


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
    ``category`` and ``level`` are shares of bodies whose class and level are named right by the film alone,
    ``squared_error`` is that of their T-scores.
    """
    rng = np.random.default_rng(0)
    kind = cast(DensityNetwork, network)
    answers = {case: Answers([], [], []) for case in (("film", "known", "both") if kind.joined else ("film",))}
    patients: list[float] = []
    bodies: list[float] = []
    right: dict[str, list[int]] = {"category": [], "level": []}
    moved: list[float] = []
    for i in range(len(films)):
        plain = plain_looks(films[i])
        shown = replace(plain, images=(plain.images[0], process(plain.images[0], rng)), cut=kind.cut)
        crops, known, targets = encode_crops(films[i], shown, rng, jitter=False)
        if not len(crops):
            continue
        for case, answer in answers.items():
            out = network(*_inputs(crops, known, case, network))  # type: ignore[arg-type]
            answer.patients.append(float(out["t_score"].float().mean()))
            answer.means += out["t_score"].float().tolist()
            answer.spreads += out["t_spread"].float().tolist()
            if case == "film":
                named = {"category": class_of(targets["t_score"], kind.scheme), "level": targets["level"]}  # type: ignore[index]
                for key, truth in named.items():
                    right[key] += (out[f"{key}_logits"].argmax(1).cpu() == truth).int().tolist()
                other = network(*_inputs(targets["again"], known, case, network))  # type: ignore[index,arg-type]
                moved.append(abs(float(other["t_score"].float().mean()) - answer.patients[-1]))
        patients.append(films[i].t_l1l4)
        bodies += targets["t_score"].tolist()  # type: ignore[index]
    metrics = {key: float(np.mean(rows or [0])) for key, rows in right.items()} | {
        "moved": float(np.mean(moved or [0]))
    }
    error = np.array(answers["film"].means) - np.array(bodies)
    metrics["squared_error"] = float(np.mean(error**2)) if len(error) else float("nan")
    for case, answer in answers.items():
        metrics |= {f"{case}_{key}": value for key, value in _figures(answer, patients, bodies).items()}
    return metrics


@torch.inference_mode()
def body_answers(
    network: nn.Module, films: Items[Film], count: int = 32
) -> tuple[NDArray[np.int64], dict[str, NDArray[Any]]]:
    """What a network says of every body of L1-L4 in view from the film alone, ``count`` films at a time.

    Returns
    -------
    film : ndarray
        int64 (n,) of each body.
    columns : dict of ndarray
        (n,) each: ``level`` 0..3 and ``t`` as they are, ``class`` in the network's labelling; ``level_said``,
        ``class_said``, ``t_said`` and ``t_spread`` as the network has them.
    """
    kind, rng, parts = cast(DensityNetwork, network), np.random.default_rng(0), []
    for start in range(0, len(films), count):
        numbers = range(start, min(start + count, len(films)))
        looks = [replace(plain_looks(films[i]), cut=kind.cut) for i in numbers]
        drawn = [encode_crops(films[i], look, rng, jitter=False) for i, look in zip(numbers, looks, strict=True)]
        crops, known, targets = collate_concatenate(drawn)
        if not len(crops):
            continue
        out = network(*_inputs(crops, known, "film", network))
        columns = {"level": targets["level"], "t": targets["t_score"]}
        columns |= {"class": class_of(targets["t_score"], kind.scheme)}
        columns |= {f"{key}_said": out[f"{name}_logits"].argmax(1) for key, name in NAMED}
        columns |= {"t_said": out["t_score"].float(), "t_spread": out["t_spread"].float()}
        counts = [len(look.levels) for look in looks]
        columns |= {"film": torch.from_numpy(np.repeat(numbers, counts))}
        parts.append({key: value.cpu().numpy() for key, value in columns.items()})
    joined = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    return joined.pop("film"), joined


NAMED = (("level", "level"), ("class", "category"))
"""Columns of ``body_answers`` and the heads that name them."""


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
    augment=crop_augment,
    encode=encode_crops,
    validate=validate_density,
    collate=collate_concatenate,
)
