"""Calibration of the density network: distributions that mean what they say, and where films may be judged.

Fitted on one part of simulated films that no network has seen, measured on another, both through the whole pipeline:
the vertebrae are where the localiser finds them. Run ``python -m bmd evaluate calibrate --data FOLDER``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bmd.evaluation.film.answers import DISTURBED, KNOWN, Answers, answer_films, joined
from bmd.evaluation.record import record
from bmd.inference.engine import Engine, default_engine
from bmd.inference.film import region
from bmd.inference.film.measure import INTERVAL, INTERVAL_SDS, joint
from bmd.metrics import auc, bootstrap, classes_of, coverage, expected_calibration_error
from bmd.models._metadata import attach, measurement
from bmd.models._registry import WEIGHTS, default
from bmd.reference import CATEGORIES, DENSITY_LEVELS, OSTEOPOROSIS_FROM_T, class_shares, reported_t
from bmd.simulator.shards.film import read_shards

ALIKE = 0.02
"""Vertebrae whose T-scores differ by less (SD) are not told apart by the network."""

Floats = NDArray[np.float64]
Numbers = dict[str, float]


def half_width(error: Floats, share: float = INTERVAL) -> float:
    """Split-conformal half width: covers a new case with at least this probability if it is drawn alike.

    The ceil((n + 1) * share)-th smallest absolute error (Vovk et al. 2005); infinite when n is too small.
    """
    errors, rank = np.sort(np.abs(error)), int(np.ceil((len(error) + 1) * share))
    return float(errors[rank - 1]) if rank <= len(errors) else float("inf")


def scale(error: Floats, spread: Floats) -> float:
    """What spreads (n,) are multiplied with so that 90 % of errors lie in the middle 90 % of their distributions."""
    return half_width(error / spread) / INTERVAL_SDS


def fit(answers: Answers) -> Numbers:
    """Calibration numbers for one kind of input, keys as ``inference.film.measure`` reads them without prefix."""
    t, spread, truth = answers.patients()
    slope, offset = np.polyfit(t, truth, 1)
    alone_slope, alone_offset = np.polyfit(answers.t_score, answers.true_t, 1)
    alone = alone_offset + alone_slope * answers.t_score - answers.true_t
    numbers = {
        "alone_slope": float(alone_slope),
        "alone_offset": float(alone_offset),
        "alone_scale": scale(alone, answers.spread),
        "patient_slope": float(slope),
        "patient_offset": float(offset),
        "patient_scale": scale(offset + slope * t - truth, spread),
    }
    numbers |= _fit_levels(answers, numbers)
    together, error = joint_errors(answers, numbers)
    return numbers | {"vertebra_scale": scale(error[together], answers.spread[together])}


def _fit_levels(answers: Answers, numbers: Numbers) -> Numbers:
    """Least squares of what sets a vertebra apart from its patient: a share of the network's view, and a level's step.

    The steps are shifted to sum to zero, so that the vertebrae lie around the patient's value.
    """
    together, base = joint_errors(answers, numbers | {"vertebra_share": 0.0})
    apart = joint_errors(answers, numbers | {"vertebra_share": 1.0})[1] - base
    level = answers.level[together]
    columns = np.c_[apart[together], np.eye(len(DENSITY_LEVELS))[level]]
    if apart[together].std() < ALIKE:  # nothing sets the vertebrae apart, as with the patient's data alone
        columns[:, 0] = 0
    found = np.linalg.lstsq(columns, -base[together], rcond=None)[0]
    steps = found[1:] - found[1:].mean()
    share = {"vertebra_share": float(np.clip(found[0], 0, None))}
    return share | {f"vertebra_step_{name}": float(step) for name, step in zip(DENSITY_LEVELS, steps, strict=True)}


def joint_errors(answers: Answers, numbers: Numbers) -> tuple[NDArray[np.bool_], Floats]:
    """Where (n,) a vertebra was estimated together with others, and its error (n,) as it is reported."""
    together, error = np.zeros(len(answers.film), bool), np.zeros(len(answers.film))
    for rows, raw in answers.each_film():
        bodies, whole = joint([DENSITY_LEVELS[k] for k in answers.level[rows]], raw, numbers)
        together[rows] = whole is not None
        error[rows] = np.array([body.t for body in bodies]) - answers.true_t[rows]
    return together, error


def measured(answers: Answers, numbers: Numbers, seed: int = 0) -> Numbers:
    """Figures of calibrated answers on films that were not used to fit: error, AUC with its interval, coverage, ECE."""
    t, spread, truth = answers.patients()
    t, spread = numbers["patient_offset"] + numbers["patient_slope"] * t, numbers["patient_scale"] * spread
    mid, low, high = bootstrap(auc, truth <= OSTEOPOROSIS_FROM_T, -t, count=500, seed=seed)
    shares = np.array([list(class_shares(a, b).values()) for a, b in zip(t, spread, strict=True)])
    half, (together, error) = INTERVAL_SDS * spread, joint_errors(answers, numbers)
    vertebra = np.abs(error[together])
    within = vertebra <= INTERVAL_SDS * numbers["vertebra_scale"] * answers.spread[together]
    said = classes_of(np.array([reported_t(v) for v in t]))
    return {
        "patients": float(len(t)),
        "osteoporosis_share": float((truth <= OSTEOPOROSIS_FROM_T).mean()),
        "auc": mid,
        "auc_low": low,
        "auc_high": high,
        "mean_error": float(np.abs(t - truth).mean()),
        "correlation": float(np.corrcoef(t, truth)[0, 1]) if t.std() > 0 else 0.0,
        "accuracy": float((said == classes_of(truth)).mean()),
        "coverage": coverage(truth, t - half, t + half),
        "spread": float(spread.mean()),
        "vertebra_coverage": float(within.mean()),
        "vertebra_mean_error": float(vertebra.mean()),
        "calibration_error": expected_calibration_error(
            classes_of(np.array([reported_t(v) for v in truth])), shares[:, : len(CATEGORIES)]
        ),
        "class_agrees": float((shares.argmax(1) == said).mean()),
    }


def fit_region(answers: dict[str, Answers], films: NDArray[np.integer]) -> region.Region:
    """The region of these films as they are and disturbed: two of three fit it, the third give its limit."""
    both = [answers[name].features[films] for name in ("film", DISTURBED)]
    part = np.arange(len(films)) % 3 < 2
    inner, others = (np.concatenate([f[rows] for f in both]) for rows in (part, ~part))
    return region.fit(*(f[np.isfinite(f).all(1)] for f in (inner, others)))


def inside(known: region.Region, features: Floats) -> float:
    """Share of films with features (n, k) that lie inside, of those on which something was found."""
    seen = features[np.isfinite(features).all(1)]
    return float((known.distance(seen) <= 1).mean())


def calibrate(data: str, films: int = 2000, weights: Path = WEIGHTS, engine: Engine | None = None) -> dict[str, Any]:
    """Fit on the even films of a folder, measure on the odd ones, and write both beside the weights.

    Films that were disturbed as in training are fitted together with those as they are, since real films are no
    cleaner; they are measured apart.

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
        ``calibration`` (flat numbers), ``metrics`` (for each of ``KNOWN`` and ``DISTURBED``) and ``inside``, the shares
        of films inside the region.
    """
    shards = read_shards(data, films)
    count = len(shards["image"])
    even, odd = np.arange(0, count, 2), np.arange(1, count, 2)
    answers = answer_films(shards, engine or default_engine())
    fitted = {known: fit(_fitted_on(answers, known, even)) for known in KNOWN}
    numbers: dict[str, Any] = {"coverage": INTERVAL, "fitted_on": {"cohort": "simulated_films", "n": len(even)}}
    for known, values in fitted.items():
        numbers |= {f"{known}_{key}": round(value, 4) for key, value in values.items()}
    metrics = {
        known: _rounded(measured(given.part(odd), fitted["film" if known == DISTURBED else known]))
        for known, given in answers.items()
    }
    known_region = fit_region(answers, even)
    shares = {name: round(inside(known_region, answers[name].features[odd]), 4) for name in ("film", DISTURBED)}
    entries = [
        measurement("simulated_films", len(odd), "films", "pipeline", values, inputs=known)
        for known, values in metrics.items()
    ]
    folder = weights / default("density")
    record(folder, entries, calibration=numbers)
    fitted_on = {"cohort": "simulated_films", "n": len(even)}
    attach(folder, region.NAME, known_region.arrays(), share=region.SHARE, inside=shares, fitted_on=fitted_on)
    return {"calibration": numbers, "metrics": metrics, "inside": shares}


def _fitted_on(answers: dict[str, Answers], known: str, films: NDArray[np.integer]) -> Answers:
    own = answers[known].part(films)
    return joined(own, answers[DISTURBED].part(films)) if known == "film" else own


def _rounded(values: Numbers) -> Numbers:
    return {key: round(value, 4) for key, value in values.items()}
