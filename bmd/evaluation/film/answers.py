"""What the density network says of simulated films whose vertebrae the localiser found, before any calibration."""

from __future__ import annotations

import logging
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bmd.errors import InputError
from bmd.inference.engine import Engine
from bmd.inference.film import region
from bmd.inference.film.measure import FEWEST, Raw, run
from bmd.inference.run import Networks
from bmd.inference.spine.localise import localise
from bmd.reference import DENSITY_LEVELS, LEVELS
from bmd.training.processing import process
from bmd.training.surround import redraw
from bmd.types import Demographics, Vertebra

log = logging.getLogger(__name__)

KNOWN = ("film", "aged", "both", "patient")
"""What is given: the film alone, with age and sex, with height and weight too, and all of these without a film."""
DISTURBED = "disturbed"
"""The film alone with surroundings and processing drawn as in training."""
BELOW_L5 = LEVELS.index("T12")

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Answers:
    """The network's answers and the truth: n vertebrae of m films, for one kind of input.

    Attributes
    ----------
    film : ndarray
        int (n,) the film of each vertebra, 0..m - 1.
    level : ndarray
        int (n,) 0..3 for L1-L4.
    t_score, spread : ndarray
        (n,) mean and standard deviation that the network says.
    true_t : ndarray
        (n,) true T-score of the vertebra.
    patient_t : ndarray
        (m,) true T-score of L1-L4.
    features : ndarray
        (m, k) of each film, NaN where nothing was found; k may be 0.
    """

    film: NDArray[np.int64]
    level: NDArray[np.int64]
    t_score: Floats
    spread: Floats
    true_t: Floats
    patient_t: Floats
    features: Floats

    def part(self, films: NDArray[np.integer]) -> Answers:
        """Only the given films (sorted indices), renumbered."""
        keep = np.isin(self.film, films)
        of_films = ("patient_t", "features")
        rows = {f.name: getattr(self, f.name)[keep] for f in fields(self) if f.name not in of_films}
        rows["film"] = np.searchsorted(films, rows["film"])
        return Answers(**rows, **{name: getattr(self, name)[films] for name in of_films})

    def patients(self) -> tuple[Floats, Floats, Floats]:
        """Mean T-scores and pooled spreads (k,) of every film with two or more vertebrae; true T (k,)."""
        films, inverse, count = np.unique(self.film, return_inverse=True, return_counts=True)
        t, square = np.zeros(len(films)), np.zeros(len(films))
        np.add.at(t, inverse, self.t_score)
        np.add.at(square, inverse, self.spread**2)
        enough = count >= FEWEST
        return (t / count)[enough], np.sqrt(square / count)[enough], self.patient_t[films[enough]]

    def each_film(self) -> list[tuple[NDArray[np.int64], Raw]]:
        """Rows of every film, and its answers as ``inference.film.measure.joint`` takes them."""
        found = []
        for film in np.unique(self.film):
            rows = np.flatnonzero(self.film == film)
            found.append((rows, Raw(self.t_score[rows], self.spread[rows], np.zeros((len(rows), 0)))))
        return found


def joined(one: Answers, other: Answers) -> Answers:
    """Both, the films of ``other`` counted after those of ``one``."""
    pairs = {f.name: (getattr(one, f.name), getattr(other, f.name)) for f in fields(Answers)}
    pairs["film"] = (one.film, other.film + len(one.patient_t))
    return Answers(**{name: np.concatenate(pair) for name, pair in pairs.items()})


@dataclass
class _Rows:
    """Answers in the making."""

    vertebrae: list[tuple[Any, ...]]
    features: dict[int, Floats]


def answer_films(shards: dict[str, NDArray[Any]], engine: Engine) -> dict[str, Answers]:
    """Localise and measure every film; a vertebra counts where the found body is the true one of its name.

    Parameters
    ----------
    shards : dict
        From ``simulator.shards.read_shards``.
    engine : Engine
        Runs the networks.

    Returns
    -------
    dict of str to Answers
        One for each of ``KNOWN``, and ``DISTURBED``.
    """
    rows = {known: _Rows([], {}) for known in (*KNOWN, DISTURBED)}
    networks = Networks(engine)
    for k in range(len(shards["image"])):
        film = shards["image"][k].astype(np.float32) / np.float32(255)
        matched = matches(localise(film, engine).vertebrae, shards["corners"][k])
        if not matched:
            continue
        corners = np.stack([np.asarray(v.corners_px) for v, _ in matched])
        truth = [shards["t_score"][k][LEVELS.index(DENSITY_LEVELS[level])] for _, level in matched]
        for known, found in rows.items():
            shown = disturbed(film, shards["corners"][k], k) if known == DISTURBED else film
            raw = run(shown, corners, given(shards["patient"][k], known), networks, with_film=known != "patient")
            levels = [level for _, level in matched]
            found.vertebrae += zip([k] * len(levels), levels, raw.t_score, raw.spread, truth, strict=True)
            found.features[k] = region.pooled(raw.features)
        if k % 200 == 199:
            log.info("%d films measured", k + 1)
    return {known: _answers(found, shards["t_l1l4"]) for known, found in rows.items()}


def given(row: NDArray[np.floating], known: str) -> Demographics:
    """What the network is told of a simulated patient (age, male, height, weight)."""
    age, male, height, weight = (float(v) for v in row)
    sex = "M" if male else "F"
    if known in ("film", DISTURBED):
        return Demographics()
    return Demographics(age, sex) if known == "aged" else Demographics(age, sex, height, weight)  # type: ignore[arg-type]


def disturbed(film: NDArray[np.float32], corners: NDArray[np.floating], seed: int) -> NDArray[np.float32]:
    """A film (H, W) with true corners (9, 4, 2) as training draws it, without marks."""
    rng = np.random.default_rng((seed, 19))
    return process(redraw(film, corners[BELOW_L5:], rng), rng)


def matches(vertebrae: tuple[Vertebra, ...], corners: NDArray[np.floating]) -> list[tuple[Vertebra, int]]:
    """Found L1-L4 whose centre lies in the middle of the true body of that name, with the index of the level."""
    found = []
    for v in vertebrae:
        if v.level not in DENSITY_LEVELS or v.corners_px is None:
            continue
        truth = corners[LEVELS.index(v.level)]
        size = float(np.linalg.norm(truth[0] - truth[2]))
        if np.linalg.norm(np.asarray(v.corners_px).mean(0) - truth.mean(0)) < 0.25 * size:
            found.append((v, DENSITY_LEVELS.index(v.level)))
    return found


def _answers(rows: _Rows, patient_t: Floats) -> Answers:
    if not rows.vertebrae:
        raise InputError("network.nothing_found")
    film, level, t, spread, truth = (np.array(column) for column in zip(*rows.vertebrae, strict=True))
    width = len(next(iter(rows.features.values())))
    features = np.full((len(patient_t), width), np.nan)
    for k, value in rows.features.items():
        features[k] = value
    return Answers(film, level, t, spread, truth, np.asarray(patient_t, float), features)
