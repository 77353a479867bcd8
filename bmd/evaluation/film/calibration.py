"""Calibration of the density network: probabilities that mean what they say, intervals with a stated coverage.

Fitted on one part of simulated films that no network has seen, measured on another, both through the whole pipeline:
the vertebrae are where the localiser finds them. Run ``python -m bmd evaluate calibrate --data FOLDER``.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from bmd.errors import InputError
from bmd.inference.engine import Engine, default_engine
from bmd.inference.film.measure import PATIENT_LEVELS, Raw, joint, run
from bmd.inference.run import Networks
from bmd.inference.spine.localise import localise
from bmd.metrics import auc, bootstrap, classes_of, coverage, expected_calibration_error
from bmd.models._metadata import measurement, update
from bmd.models._registry import WEIGHTS, default
from bmd.reference import LEVELS, LUMBAR, OSTEOPOROSIS_FROM_T, reported_t
from bmd.simulator.shards.film import read_shards
from bmd.types import Demographics, Vertebra

log = logging.getLogger(__name__)

COVERAGE = 0.90
ALIKE = 0.02
"""Vertebrae whose T-scores differ by less (SD) are not told apart by the network."""
KNOWN = ("film", "both", "patient")
"""What is given: the film alone, film and patient data, patient data alone."""


@dataclass(frozen=True, eq=False)
class Answers:
    """The network's uncalibrated answers and the truth: n vertebrae of m films, for one kind of input.

    Attributes
    ----------
    film : ndarray
        int (n,) the film of each vertebra, 0..m - 1.
    level : ndarray
        int (n,) 0..4 for L1-L5.
    logits, t_score : ndarray
        (n, 3) and (n,): what the network says.
    true_t : ndarray
        (n,) true T-score of the vertebra.
    patient_t : ndarray
        (m,) true T-score of L1-L4.
    """

    film: NDArray[np.int64]
    level: NDArray[np.int64]
    logits: NDArray[np.float64]
    t_score: NDArray[np.float64]
    true_t: NDArray[np.float64]
    patient_t: NDArray[np.float64]

    def part(self, films: NDArray[np.integer]) -> Answers:
        """Only the given films (sorted indices), renumbered."""
        keep = np.isin(self.film, films)
        rows = {f.name: getattr(self, f.name)[keep] for f in fields(self) if f.name != "patient_t"}
        rows["film"] = np.searchsorted(films, rows["film"])
        return Answers(**rows, patient_t=self.patient_t[films])

    def patients(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Mean logits (k, 3) and mean T-scores (k,) of L1-L4 of every film with two or more of them; true T (k,)."""
        use = self.level < len(PATIENT_LEVELS)
        films, inverse, count = np.unique(self.film[use], return_inverse=True, return_counts=True)
        logits, t = np.zeros((len(films), 3)), np.zeros(len(films))
        np.add.at(logits, inverse, self.logits[use])
        np.add.at(t, inverse, self.t_score[use])
        enough = count >= 2
        return (logits / count[:, None])[enough], (t / count)[enough], self.patient_t[films[enough]]


def answer_films(shards: dict[str, NDArray[np.float64]], engine: Engine) -> dict[str, Answers]:
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
        One for each of ``KNOWN``.
    """
    rows: dict[str, list[tuple[Any, ...]]] = {known: [] for known in KNOWN}
    for k in range(len(shards["image"])):
        film = shards["image"][k].astype(np.float32) / 255
        matched = _matched(localise(film, engine).vertebrae, shards["corners"][k])
        if not matched:
            continue
        corners = np.stack([np.asarray(v.corners_px) for v, _ in matched])
        age, male, height, weight = (float(v) for v in shards["patient"][k])
        person = Demographics(age, "M" if male else "F", height, weight)
        for known in KNOWN:
            given = Demographics() if known == "film" else person
            raw: Raw = run(film, corners, given, Networks(engine), with_film=known != "patient")
            for j, (_, level) in enumerate(matched):
                truth = shards["t_score"][k][LEVELS.index(LUMBAR[level])]
                rows[known].append((k, level, raw.logits[j], raw.t_score[j], truth))
        if k % 200 == 199:
            log.info("%d films measured", k + 1)
    return {known: _answers(found, shards["t_l1l4"]) for known, found in rows.items()}


def _matched(vertebrae: tuple[Vertebra, ...], corners: NDArray[np.float64]) -> list[tuple[Vertebra, int]]:
    """Found L1-L5 whose centre lies in the middle of the true body of that name, with the index of the level."""
    found = []
    for v in vertebrae:
        if v.level not in LUMBAR or v.corners_px is None:
            continue
        truth = corners[LEVELS.index(v.level)]
        size = float(np.linalg.norm(truth[0] - truth[2]))
        if np.linalg.norm(np.asarray(v.corners_px).mean(0) - truth.mean(0)) < 0.25 * size:
            found.append((v, LUMBAR.index(v.level)))
    return found


def _answers(rows: list[tuple[Any, ...]], patient_t: NDArray[np.float64]) -> Answers:
    if not rows:
        raise InputError("network.nothing_found")
    film, level, logits, t, truth = zip(*rows, strict=True)
    return Answers(np.array(film), np.array(level), np.stack(logits), np.array(t), np.array(truth), patient_t)


def log_loss(logits: NDArray[np.floating], truth: NDArray[np.int64], temperature: float) -> float:
    """Mean negative log likelihood of classes (n,) under logits (n, 3) divided by a temperature."""
    return float(-log_softmax(logits / temperature, axis=1)[np.arange(len(logits)), truth].mean())


def fit_temperature(logits: NDArray[np.floating], truth: NDArray[np.int64]) -> float:
    """Temperature with the smallest log loss (Guo et al. 2017, On calibration of modern neural networks)."""
    best = minimize_scalar(lambda s: log_loss(logits, truth, float(np.exp(s))), bounds=(-2.5, 2.5), method="bounded")
    return float(np.exp(best.x))


def half_width(error: NDArray[np.float64], coverage: float = COVERAGE) -> float:
    """Split-conformal half width: covers a new case with at least this probability if it is drawn alike.

    The ceil((n + 1) * coverage)-th smallest absolute error (Vovk et al. 2005); infinite when n is too small.
    """
    errors, rank = np.sort(np.abs(error)), int(np.ceil((len(error) + 1) * coverage))
    return float(errors[rank - 1]) if rank <= len(errors) else float("inf")


def fit(answers: Answers) -> dict[str, float]:
    """Calibration numbers for one kind of input, keys as ``inference.measure`` reads them without prefix."""
    logits, t, truth = answers.patients()
    slope, offset = np.polyfit(t, truth, 1)
    numbers = {
        "vertebra_temperature": fit_temperature(answers.logits, classes_of(answers.true_t)),
        "alone_half_width": half_width(answers.t_score - answers.true_t),
        "patient_temperature": fit_temperature(logits, classes_of(truth)),
        "patient_slope": float(slope),
        "patient_offset": float(offset),
        "patient_half_width": half_width(offset + slope * t - truth),
    }
    numbers |= _fit_levels(answers, numbers)
    together, error = joint_errors(answers, numbers)
    return numbers | {"vertebra_half_width": half_width(error[together])}


def _fit_levels(answers: Answers, numbers: dict[str, float]) -> dict[str, float]:
    """Least squares of what sets a vertebra apart from its patient: a share of the network's view, and a level's step.

    The steps of L1-L4 are shifted to sum to zero, so that these vertebrae lie around the patient's value.
    """
    left = numbers | {"vertebra_share": 0.0}
    right = numbers | {"vertebra_share": 1.0}
    together, base = joint_errors(answers, left)
    apart = joint_errors(answers, right)[1] - base
    level = answers.level[together]
    columns = np.c_[apart[together], np.eye(len(LUMBAR))[level]]
    if apart[together].std() < ALIKE:  # nothing sets the vertebrae apart, as with the patient's data alone
        columns[:, 0] = 0
    found = np.linalg.lstsq(columns, -base[together], rcond=None)[0]
    steps = found[1:] - found[1 : 1 + len(PATIENT_LEVELS)].mean()
    share = {"vertebra_share": float(np.clip(found[0], 0, None))}
    return share | {f"vertebra_step_{name}": float(step) for name, step in zip(LUMBAR, steps, strict=True)}


def joint_errors(answers: Answers, numbers: dict[str, float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Error (n,) of each vertebra as it is reported, and where (n,) it was estimated together with others."""
    together, error = np.zeros(len(answers.film), bool), np.zeros(len(answers.film))
    for film in np.unique(answers.film):
        rows = answers.film == film
        t, patient = joint([LUMBAR[k] for k in answers.level[rows]], answers.t_score[rows], numbers)
        together[rows], error[rows] = patient is not None, t - answers.true_t[rows]
    return together, error


def measured(answers: Answers, numbers: dict[str, float], seed: int = 0) -> dict[str, float]:
    """Figures of calibrated answers on films that were not used to fit: error, AUC with its interval, coverage, ECE."""
    logits, t, truth = answers.patients()
    t = numbers["patient_offset"] + numbers["patient_slope"] * t
    mid, low, high = bootstrap(auc, truth <= OSTEOPOROSIS_FROM_T, -t, count=500, seed=seed)
    share = softmax(logits / numbers["patient_temperature"], axis=1)
    half, (together, error) = numbers["patient_half_width"], joint_errors(answers, numbers)
    vertebra = np.abs(error[together])
    return {
        "patients": float(len(t)),
        "osteoporosis_share": float((truth <= OSTEOPOROSIS_FROM_T).mean()),
        "auc": mid,
        "auc_low": low,
        "auc_high": high,
        "mean_error": float(np.abs(t - truth).mean()),
        "correlation": float(np.corrcoef(t, truth)[0, 1]),
        "accuracy": float((classes_of(np.array([reported_t(v) for v in t])) == classes_of(truth)).mean()),
        "coverage": coverage(truth, t - half, t + half),
        "vertebra_coverage": float((vertebra <= numbers["vertebra_half_width"]).mean()),
        "vertebra_mean_error": float(vertebra.mean()),
        "calibration_error": expected_calibration_error(classes_of(truth), share),
    }


def calibrate(data: str, films: int = 2000, weights: Path = WEIGHTS, engine: Engine | None = None) -> dict[str, Any]:
    """Fit on the even films of a folder, measure on the odd ones, and write both into the weights' metadata.

    Parameters
    ----------
    data : str
        Shards of films that were not trained on.
    films : int
        How many films to use at most, half for each purpose.
    weights : Path
        Folder with the networks' weights.
    engine : Engine, optional
        Runs the networks; by default the best one here.

    Returns
    -------
    dict
        ``calibration`` (flat numbers) and ``metrics`` (for each of ``KNOWN``).
    """
    shards = read_shards(data, films)
    count = len(shards["image"])
    even, odd = np.arange(0, count, 2), np.arange(1, count, 2)
    numbers: dict[str, Any] = {"coverage": COVERAGE, "fitted_on": {"cohort": "simulated_films", "n": len(even)}}
    metrics: dict[str, dict[str, float]] = {}
    for known, answers in answer_films(shards, engine or default_engine()).items():
        fitted = fit(answers.part(even))
        numbers |= {f"{known}_{key}": round(value, 4) for key, value in fitted.items()}
        metrics[known] = {k: round(v, 4) for k, v in measured(answers.part(odd), fitted).items()}
    entries = [
        measurement("simulated_films", len(odd), "films", "pipeline", values, inputs=known)
        for known, values in metrics.items()
    ]
    update(weights / default("density"), entries, calibration=numbers)
    return {"calibration": numbers, "metrics": metrics}
