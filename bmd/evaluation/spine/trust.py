"""How far names, outlines and the map of metal can be trusted: fitted on simulated films, measured on others.

Run ``python -m bmd evaluate trust --data FOLDER`` with films that the localiser was not trained on. They are shown in
part, tilted, stretched and faint, with everything printed on them that films suffer, so that what is learned here of
doubt is learned where there is reason for it. Nothing here may see a patient's film.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bmd.errors import InputError
from bmd.evaluation.logistic import ridge_logistic
from bmd.evaluation.record import record
from bmd.evaluation.spine.decoder import names_at, spacing
from bmd.evaluation.spine.films import Case, read_disturbed
from bmd.geometry import filled
from bmd.inference.engine import Engine, TorchEngine
from bmd.inference.spine.localise import Localised, localise
from bmd.inference.spine.looks import LOCALISER
from bmd.inference.spine.terms import TERMS
from bmd.inference.spine.trust import CLUES, probability
from bmd.metrics import dice
from bmd.models._metadata import measurement
from bmd.models._registry import WEIGHTS
from bmd.reference import LEVELS

log = logging.getLogger(__name__)

Floats = NDArray[np.float64]
RIDGE = 1.0
WRONG = 0.005
"""Share of all films called certain and named wrong at which the probability that counts as certain is set: half of
what may be measured on other films."""
FALSE = 0.01
"""Share of films, or bodies, without metal that may be taken for some with it when the limits are set: half as well."""
NOISE = 0.1
"""A limit is this high at least, or half of what a typical case with metal reaches."""
UNDER = 0.05
"""A body is under metal when a silhouette covers this share of its outline, clear of it when none does."""
EDGES = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0)
"""Bins of the reliability curve."""
ALIKE = 0.5
"""An outline is right whose overlap (Dice) with the true body is more."""


@dataclass(frozen=True, eq=False)
class Seen:
    """What was found on n films with b named outlines.

    Attributes
    ----------
    clues : ndarray
        (n, k) in the order of ``CLUES``.
    right, sound : ndarray
        bool (n,): all names are right; nothing in the chain speaks against them (``Named.certain``).
    metal, shows : ndarray
        (n,) how clearly metal is seen; what is true: 1 there is some, 0 there is none, NaN a speck.
    scores, fits : ndarray
        (b,) score of each outline; its Dice with the true body it lies on.
    covered, under : ndarray
        (b,) predicted share of metal in it; the true one.
    """

    clues: Floats
    right: NDArray[np.bool_]
    sound: NDArray[np.bool_]
    metal: Floats
    shows: Floats
    scores: Floats
    fits: Floats
    covered: Floats
    under: Floats


def look_at(cases: Sequence[Case], engine: Engine) -> Seen:
    """Localise every film; those on which nothing is found say nothing of names."""
    films, bodies = [], []
    for k, case in enumerate(cases):
        found = localise(case.pixels, engine)
        metal = np.zeros(case.labels.shape, bool) if case.metal is None else case.metal
        if found.decoded.clues:
            known = [found.decoded.clues[key] for key in CLUES]
            films.append((known, names_right(case, found), sound(found), found.decoded.metal, shows(case, metal)))
        for vertebra, body in zip(found.vertebrae, found.decoded.bodies, strict=True):
            if vertebra.level is not None:
                inside = filled(np.asarray(vertebra.contour_px), metal.shape)
                under = float(metal[inside].mean()) if inside.any() else 0.0
                bodies.append((vertebra.score, fit_of(case, inside), body.metal, under))
        if k % 200 == 199:
            log.info("%d films looked at", k + 1)
    if not bodies:
        raise InputError("network.nothing_found")
    rows, right, holds, seen, true = zip(*films, strict=True)
    columns = np.array(bodies, float).T
    return Seen(np.array(rows, float), np.array(right), np.array(holds), np.array(seen), np.array(true), *columns)


def names_right(case: Case, found: Localised) -> bool:
    """Whether at least one true body was found, and every one that was under its own name."""
    bodies = [(v.level, np.mean(np.asarray(v.corners_px), 0)) for v in found.vertebrae]
    hits = {level: names_at(xy, bodies, spacing(case)) for level, xy in case.centres.items()}
    return any(name is not None for name in hits.values()) and all(n in (None, level) for level, n in hits.items())


def sound(found: Localised) -> bool:
    """Whether nothing in the chain speaks against its names; see ``Named.certain``."""
    clues = found.decoded.clues
    return clues["sacrum"] >= TERMS.name.seen and clues["bodies"] >= 2 and clues["below"] <= 1


def shows(case: Case, metal: NDArray[np.bool_]) -> float:
    """1 where metal is as large as the spot it is judged by, 0 where there is none, NaN between."""
    unit = spacing(case)
    enough = TERMS.outline.area * unit**2 if np.isfinite(unit) else 1.0
    return float("nan") if 0 < metal.sum() < enough else float(metal.any())


def fit_of(case: Case, inside: NDArray[np.bool_]) -> float:
    """Dice of an outline's pixels with the true body that most of them lie on; 0 off every body."""
    on = np.bincount(case.labels[inside], minlength=len(LEVELS))[1 : len(LEVELS)]
    return dice(inside, case.labels == int(on.argmax()) + 1) if on.sum() else 0.0


def fit_names(seen: Seen) -> dict[str, Any]:
    """Numbers of ``inference.spine.trust.probability``, and the probability from which names are certain."""
    mean, sd = seen.clues.mean(0), seen.clues.std(0)
    scaled = (seen.clues - mean) / np.where(sd > 0, sd, 1)
    model = ridge_logistic(scaled, seen.right.astype(int), RIDGE)
    weights = np.where(sd > 0, model.coef_[0] / np.where(sd > 0, sd, 1), 0.0)
    offset = float(model.intercept_[0] - (weights * mean).sum())
    rounded = {key: round(float(w), 4) for key, w in zip(CLUES, weights, strict=True)}
    numbers: dict[str, Any] = {"weights": rounded, "offset": round(offset, 4)}
    return numbers | {"certain_from": certain_from(shares(seen, numbers), seen)}


def shares(seen: Seen, numbers: dict[str, Any]) -> Floats:
    """Probability (n,) of each film's names."""
    return np.array([probability(dict(zip(CLUES, row, strict=True)), numbers) for row in seen.clues])


def certain_from(p: Floats, seen: Seen) -> float:
    """The least probability, to 0.001, from which at most ``WRONG`` of all films are certain and wrong."""
    wrong = np.sort(p[seen.sound & ~seen.right])[::-1]
    most = int(WRONG * len(p))
    above = float(wrong[most]) if len(wrong) > most else 0.5
    return min(0.999, float(np.ceil(max(above, 0.5) * 1000 + 1) / 1000))


def limit(values: Floats, positive: NDArray[np.bool_], negative: NDArray[np.bool_]) -> float:
    """The least value that at most ``FALSE`` of the negatives reach, and not in the ``NOISE`` of a map of nothing."""
    reached = float(np.quantile(values[negative], 1 - FALSE, method="higher")) if negative.any() else 0.0
    typical = float(np.median(values[positive])) / 2 if positive.any() else NOISE
    return float(np.ceil(1000 * max(reached, min(typical, NOISE)) + 1) / 1000)


def fit_metal(seen: Seen) -> dict[str, float]:
    """From where a film shows metal, and a body lies under it."""
    return {
        "film_from": limit(seen.metal, seen.shows == 1, seen.shows == 0),
        "body_from": limit(seen.covered, seen.under >= UNDER, seen.under == 0),
    }


def measured(seen: Seen, names: dict[str, Any], metal: dict[str, float]) -> dict[str, float]:
    """Figures on films that were not used to fit; NaN where there are none of a kind."""
    p = shares(seen, names)
    certain = seen.sound & (p >= names["certain_from"])
    films, bodies = seen.metal >= metal["film_from"], seen.covered >= metal["body_from"]
    doubted = seen.scores < TERMS.outline.believed
    values = {
        "names_right": _mean(seen.right),
        "certain": _mean(certain),
        "certain_and_wrong": _mean(certain & ~seen.right),
        "calibration_error": sum(abs(mid - share) * n for mid, share, n in curve(p, seen.right)) / len(p),
        "metal_found": _mean(films[seen.shows == 1]),
        "metal_false": _mean(films[seen.shows == 0]),
        "under_metal_found": _mean(bodies[seen.under >= UNDER]),
        "under_metal_false": _mean(bodies[seen.under == 0]),
        "doubted": _mean(doubted),
        "doubted_right": _mean(seen.fits[doubted] > ALIKE),
        "believed_right": _mean(seen.fits[~doubted] > ALIKE),
    }
    return {key: round(value, 4) for key, value in values.items() if np.isfinite(value)}


def _mean(values: NDArray[Any]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


def curve(p: Floats, right: NDArray[np.bool_]) -> list[tuple[float, float, int]]:
    """Reliability: mean probability, share of names that are right and number of films, for each bin with any."""
    bins = np.digitize(p, EDGES[1:-1])
    rows = [bins == k for k in range(len(EDGES) - 1)]
    return [(float(p[row].mean()), float(right[row].mean()), int(row.sum())) for row in rows if row.any()]


def evaluate_trust(
    data: str, count: int | None = None, weights: Path = WEIGHTS, engine: Engine | None = None
) -> dict[str, Any]:
    """Fit on the even films of a folder, measure on the odd ones, and write both into the localiser's metadata.

    Parameters
    ----------
    data : str
        Shards of films that the localiser was not trained on.
    count : int, optional
        Films at most, half for each purpose.
    weights : Path
        Folder with the networks' weights.
    engine : Engine, optional
        Runs the localiser; by default that of these weights.

    Returns
    -------
    dict
        ``names`` and ``metal`` (what is stored), ``metrics`` and the reliability ``curve``.

    Raises
    ------
    InputError
        The folder holds no films, or nothing was found on them.
    """
    runs, cases = engine or TorchEngine("cpu", weights), read_disturbed(data, count)
    fitted, other = look_at(cases[::2], runs), look_at(cases[1::2], runs)
    names, metal = fit_names(fitted), dict[str, dict[str, float]]()
    if (fitted.shows == 1).any() and fitted.metal.any():
        metal = {"metal": fit_metal(fitted)}
    cohort = {"fitted_on": {"cohort": "simulated_films", "n": len(fitted.right)}}
    limits = metal.get("metal", {"film_from": np.inf, "body_from": np.inf})
    values = measured(other, names, limits)
    entry = measurement("simulated_films_disturbed", len(other.right), "films", "pipeline", values)
    folder = weights / LOCALISER
    record(folder, [entry], calibration={"names": names} | metal | cohort)
    points = [[round(mid, 3), round(share, 3), n] for mid, share, n in curve(shares(other, names), other.right)]
    return {"names": names} | metal | {"metrics": values, "curve": points}
