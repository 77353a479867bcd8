"""The density network as it is shipped, through the whole chain, on simulated films that nothing was fitted on.

``python -m bmd evaluate density --data FOLDER [--write]``: every film counts, since none sets a number here
(``calibrate`` is what fits). The same for women and men, by age, body mass, fracture, metal and exposure.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bmd.evaluation import groups
from bmd.evaluation.film.answers import DISTURBED, Answers, answer_films
from bmd.evaluation.film.calibration import measured
from bmd.evaluation.record import record
from bmd.inference.engine import Engine, default_engine
from bmd.models._metadata import measurement, read
from bmd.models._registry import WEIGHTS, default
from bmd.reference import OSTEOPOROSIS_FROM_T
from bmd.simulator.shards.film import read_shards

COHORT = "simulated_films"
SPLIT = ("film", "both")
"""What is given where parts of the cohort are stated."""
OF_PARTS = ("patients", "osteoporosis_share", "auc", "auc_low", "auc_high", "mean_error", "bias", "coverage")
"""Figures that are stated of a part."""


def evaluate_density(
    data: str,
    count: int | None = None,
    weights: Path = WEIGHTS,
    engine: Engine | None = None,
    write: bool = False,
) -> list[dict[str, Any]]:
    """Measure the shipped density network and its calibration.

    Parameters
    ----------
    data : str
        Shards of films that neither training nor calibration has seen.
    count : int, optional
        Films at most.
    weights : Path
        Folder with the networks' weights.
    engine : Engine, optional
        Runs the networks; by default the best one here.
    write : bool
        Put the figures into the network's metadata.

    Returns
    -------
    list of dict
        Measurements (``bmd.models._metadata``) of all films for each kind of input, then of the parts of the cohort.

    Raises
    ------
    InputError
        The folder holds no films, or nothing was found on them.
    """
    folder = weights / default("density")
    calibration, shards = read(folder)["calibration"], read_shards(data, count)
    answers = answer_films(shards, engine or default_engine())
    parts = groups.large(groups.of_films(shards))
    entries = [_entry(given, known, numbers_of(calibration, known)) for known, given in answers.items()]
    for known in SPLIT:
        numbers = numbers_of(calibration, known)
        entries += [_entry(answers[known].part(rows), known, numbers, code) for code, rows in parts.items()]
    if write:
        record(folder, entries)
    return entries


def numbers_of(calibration: dict[str, Any], known: str) -> dict[str, float]:
    """The shipped numbers for one kind of input; disturbed films are answered as films are."""
    prefix = "film_" if known == DISTURBED else f"{known}_"
    return {key.removeprefix(prefix): value for key, value in calibration.items() if key.startswith(prefix)}


def _entry(answers: Answers, known: str, numbers: dict[str, float], group: str | None = None) -> dict[str, Any]:
    t, _, truth = answers.patients()
    said = numbers["patient_offset"] + numbers["patient_slope"] * t
    values = measured(answers, numbers) | {"bias": float((said - truth).mean())}
    if group is not None:
        values = {key: values[key] for key in OF_PARTS}
    if not enough(truth <= OSTEOPOROSIS_FROM_T):
        values = {key: value for key, value in values.items() if not key.startswith("auc")}
    rounded = {key: round(value, 4) for key, value in values.items() if np.isfinite(value)}
    films = len(answers.patient_t)
    return measurement(COHORT, films, "films", "pipeline", rounded, inputs=known, group=group)


def enough(ill: NDArray[np.bool_]) -> bool:
    """Whether an AUC means something: enough ill and enough well people."""
    return min(int(ill.sum()), int((~ill).sum())) >= groups.FEWEST_OF_A_KIND
