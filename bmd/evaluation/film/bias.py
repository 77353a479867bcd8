"""Do T-scores of real films agree, on the mean, with those of people of that age and sex? No labels are needed.

``python -m bmd evaluate bias --data FOLDER``: films whose names hold sex and age ("0026-F-029Y1.jpg"). What is expected
is the mean lumbar T-score of Americans of that age and sex (``reference.age_curve``, NHANES 2005-2010). Measuring only:
nothing is fitted or chosen here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t as student

from bmd.errors import BmdError, InputError
from bmd.evaluation.record import record
from bmd.inference.engine import Engine
from bmd.inference.film.pipeline import analyse
from bmd.models._metadata import measurement
from bmd.models._registry import WEIGHTS, default
from bmd.readers import read_study
from bmd.reference import age_curve, category, reported_t, t_score
from bmd.types import Demographics, Prediction, Report, Study

NAME = re.compile(r"-(?P<sex>[FM])-0*(?P<age>\d{1,3})Y", re.IGNORECASE)
YOUNG_Y = 30
GIVEN = ("film", "aged")
"""What the network is told: nothing, or age and sex. Predictions are read before the under-50 rule takes the class."""


@dataclass(frozen=True)
class Row:
    """One film for one of ``GIVEN``.

    Attributes
    ----------
    expected : float
        Mean T-score of people of that age and sex.
    prediction : Prediction or None
        As for a patient of unknown age, so that T-score and class are there; None where there is none.
    reason : str
        Code of the first refusal or of the warning that density cannot be judged; "" where there is a number.
    """

    file: str
    given: str
    age_y: float
    sex: str
    expected: float
    prediction: Prediction | None
    reason: str


def person(name: str) -> Demographics | None:
    """Sex and age from a file name; None where it holds none.

    >>> person("0026-F-029Y1.jpg")
    Demographics(age_y=29.0, sex='F', height_cm=None, weight_kg=None)
    """
    found = NAME.search(name)
    if found is None:
        return None
    return Demographics(float(found["age"]), "F" if found["sex"].upper() == "F" else "M")


def expected_t(patient: Demographics) -> float:
    """Mean lumbar T-score of people of that age and sex; 20 to 90 years."""
    assert patient.age_y is not None
    assert patient.sex is not None
    mean, _ = age_curve(patient.age_y, patient.sex)
    return float(t_score(mean, "L1-L4"))


def rows_of(folder: Path, engine: Engine | None = None) -> Iterator[Row]:
    """Every film of a folder whose name holds age and sex, for each of ``GIVEN``.

    Raises
    ------
    InputError
        "network.no_ages": no such file.
    """
    known = [(path, person(path.name)) for path in sorted(folder.iterdir()) if path.is_file()]
    films = [(path, who) for path, who in known if who is not None]
    if not films:
        raise InputError("network.no_ages", folder=folder.name)
    for path, who in films:
        try:
            study = read_study(path.name, path.read_bytes())
        except BmdError as error:
            for given in GIVEN:
                yield Row(path.name, given, who.age_y or 0, who.sex or "", expected_t(who), None, error.finding.code)
            continue
        for given in GIVEN:
            yield _row(path.name, given, who, study, engine)


def _row(name: str, given: str, who: Demographics, study: Study, engine: Engine | None) -> Row:
    told = Demographics() if given == "film" else who
    report = analyse(replace(study, patient=told), name, engine=engine)
    age, sex = who.age_y or 0.0, who.sex or ""
    return Row(name, given, age, sex, expected_t(who), with_t(report.prediction), reason(report))


def with_t(found: Prediction | None) -> Prediction | None:
    """A prediction whose T-score the under-50 rule has taken away, with it again: from its density."""
    if found is None or found.t_score is not None or found.bmd_g_cm2 is None:
        return found
    t = reported_t(float(t_score(found.bmd_g_cm2, "L1-L4")))
    return replace(found, t_score=t, category=category(t))


def reason(report: Report) -> str:
    """Why a report holds no number, as a code; "" where it holds one."""
    if report.prediction is not None:
        return ""
    said = [*report.suitability.reasons, *report.warnings]
    codes = [one.code for one in said if one.severity == "refusal" or one.code in ("film.density_unjudged",)]
    return codes[0] if codes else "film.too_few"


def figures(rows: Sequence[Row]) -> dict[str, float]:
    """What the films of one kind of input say together.

    Returns
    -------
    dict
        ``films``; ``judged``, share with a number; ``unjudged``, share refused it for its look; ``bias``, the mean of T
        minus the expected T, with its 95 % interval by Student's t; ``mean_t``; ``young``, films of people under 30
        with a number; ``young_osteoporosis``, how many of them are called osteoporosis.
    """
    told = [(row, row.prediction) for row in rows if row.prediction is not None]
    gaps = np.array([p.t_score - row.expected for row, p in told if p.t_score is not None])
    young = [p for row, p in told if row.age_y < YOUNG_Y]
    half = float("nan")
    if len(gaps) > 1:
        half = float(student.ppf(0.975, len(gaps) - 1) * gaps.std(ddof=1) / np.sqrt(len(gaps)))
    bias = float(gaps.mean()) if len(gaps) else float("nan")
    return {
        "films": len(rows),
        "judged": len(gaps) / len(rows),
        "unjudged": sum(row.reason == "film.density_unjudged" for row in rows) / len(rows),
        "bias": round(bias, 3),
        "bias_low": round(bias - half, 3),
        "bias_high": round(bias + half, 3),
        "mean_t": round(float(np.mean([p.t_score for _, p in told])), 3) if told else float("nan"),
        "young": len(young),
        "young_osteoporosis": sum(p.category == "osteoporosis" for p in young),
    }


def evaluate_bias(folder: Path, engine: Engine | None = None, cohort: str | None = None) -> dict[str, dict[str, float]]:
    """``figures`` of the films of a folder for each of ``GIVEN``; see the module.

    With ``cohort``, a code, they are put into the metadata of the density network.
    """
    rows = list(rows_of(folder, engine))
    found = {given: figures([row for row in rows if row.given == given]) for given in GIVEN}
    if cohort is not None:
        record(WEIGHTS / default("density"), [_entry(values, given, cohort) for given, values in found.items()])
    return found


def _entry(found: dict[str, float], given: str, cohort: str) -> dict[str, Any]:
    films = int(found["films"])
    values = {"t_shift": found["bias"], "t_shift_low": found["bias_low"], "t_shift_high": found["bias_high"]}
    values |= {"judged": found["judged"], "judged_of": films}
    return measurement(cohort, films, "films", "real", values, inputs=given)
