"""Who the simulated patients are: bodies, bone density, vertebral shape and fractures of adults aged 20-90.

The joint distribution is that of NHANES (``population.json``, written by ``population.fit``; only fitted numbers, no
rows). ``python -m bmd evaluate population`` shows how well 20,000 simulated people match the survey.

Not measured in the survey and extrapolated here: everything at L5 but its density profile follows L4 and its wedge a
CT study; discs L4-L5 and L5-S1; widths of T10-T12, L4 and L5.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from bmd import reference
from bmd.errors import OptionError
from bmd.findings import Finding, note
from bmd.simulator.person import spine
from bmd.simulator.person.spine import Disc, VertebraShape
from bmd.types import Demographics, Sex

SITES = ("L1", "L2", "L3", "L4", "L5", "femoral_neck", "total_hip")
FITTED = ("L1", "L2", "L3", "L4", "femoral_neck", "total_hip")
COHORTS = {"adult": (40, 90), "film": (50, 90), "young": (20, 49), "even": (40, 90)}
"""``adult``: NHANES age and sex, 40-90. ``film``: the same, 50-90, the age range of the lateral-film papers.
``young``: 20-49. ``even``: every age 40-90 and both sexes alike."""

L5_TO_L4 = 0.91
"""Correlation of L5 with L4 (normal scores), extrapolated from L3-L4 (.91 in NHANES)."""

TRIES = 200_000

Range = tuple[float, float]
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Body:
    """Age (whole years), sex, stature and weight of a simulated person: unlike a patient's, always known."""

    age_y: float
    sex: Sex
    height_cm: float
    weight_kg: float

    @property
    def bmi(self) -> float:
        """Body mass index in kg/m2."""
        return self.weight_kg / (self.height_cm / 100) ** 2

    @property
    def demographics(self) -> Demographics:
        """The same as a patient's data, for the study."""
        return Demographics(self.age_y, self.sex, self.height_cm, self.weight_kg)


@dataclass(frozen=True)
class Person:
    """One simulated person.

    Attributes
    ----------
    body : Body
        Age, sex, stature, weight.
    bmd : dict
        Areal density, g/cm2, as a Hologic AP spine and hip scan read it, with the error of a reading (``density.held``
        says what the bones hold): L1..L5, L1-L4, femoral_neck, total_hip.
    t_scores : dict
        The same keys, by ``reference.t_score``.
    vertebrae : tuple of VertebraShape
        T10..L5, cranial to caudal, heights after fracture.
    discs : tuple of Disc
        The disc below each of them; the last is L5-S1.
    """

    body: Body
    bmd: dict[str, float]
    t_scores: dict[str, float]
    vertebrae: tuple[VertebraShape, ...]
    discs: tuple[Disc, ...]

    @property
    def fractured(self) -> bool:
        """True when any vertebra T10-L5 has grade >= 1."""
        return any(v.fracture_grade > 0 for v in self.vertebrae)


@cache
def numbers() -> dict[str, Any]:
    """Contents of ``population.json``, lists as arrays."""
    text = Path(__file__).with_name("population.json").read_text(encoding="utf-8")
    return dict(_arrays(json.loads(text)))


def _arrays(value: Any) -> Any:
    """Lists of numbers as arrays; a list of rows that grow by one as a lower triangle."""
    if isinstance(value, dict):
        return {key: _arrays(item) for key, item in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], list) and len(value[0]) != len(value[-1]):
        triangle = np.zeros((len(value), len(value)))
        triangle[np.tril_indices(len(value))] = np.concatenate(value)
        return triangle
    if isinstance(value, list) and not (value and isinstance(value[0], str)):
        return np.asarray(value, float)
    return value


def sample_person(
    rng: Generator,
    age_range: Range | None = None,
    sex: Sex | None = None,
    t_range: Range | None = None,
    fracture: bool | None = None,
    bmi_range: Range | None = None,
    cohort: str = "adult",
) -> Person:
    """Draw one person; the same generator state gives the same person.

    Parameters
    ----------
    rng : numpy Generator
    age_range, t_range, bmi_range : (low, high), optional
        Both ends included: years (replaces the cohort's own), T-score of L1-L4, kg/m2.
    sex : "F" or "M", optional
    fracture : bool, optional
        True: at least one vertebra T10-L5 of grade >= 1; False: none.
    cohort : str
        One of ``COHORTS``.

    Raises
    ------
    OptionError
        Unknown cohort, or nobody such in ``TRIES`` draws.
    """
    size, tried = (1 if t_range is None and fracture is None and bmi_range is None else 64), 0
    while tried < TRIES:
        crowd = sample_crowd(rng, size, cohort, age_range, sex)
        keep = _inside(crowd["t"]["L1-L4"], t_range) & _inside(crowd["bmi"], bmi_range)
        if fracture is not None:
            keep &= (crowd["fracture_grade"] > 0).any(1) == fracture
        if keep.any():
            return _person(rng, crowd, int(np.argmax(keep)))
        tried, size = tried + size, min(size * 4, 8192)
    raise OptionError(
        "simulator.nobody", tries=tried, wishes=tuple(_wishes(age_range, sex, t_range, bmi_range, fracture))
    )


def _wishes(
    age_range: Range | None, sex: Sex | None, t_range: Range | None, bmi_range: Range | None, fracture: bool | None
) -> Iterator[Finding]:
    """What was asked of a person, in words."""
    if age_range is not None:
        yield note("simulator.wish.age", low_y=age_range[0], high_y=age_range[1])
    if sex is not None:
        yield note("simulator.wish.sex", sex=sex)
    if t_range is not None:
        yield note("simulator.wish.t", low=t_range[0], high=t_range[1])
    if bmi_range is not None:
        yield note("simulator.wish.bmi", low=bmi_range[0], high=bmi_range[1])
    if fracture is not None:
        yield note("simulator.wish.fracture" if fracture else "simulator.wish.no_fracture")


def _inside(values: Array, limits: Range | None) -> NDArray[np.bool_]:
    if limits is None:
        return np.ones(len(values), bool)
    return np.asarray((values >= limits[0]) & (values <= limits[1]))


def sample_crowd(
    rng: Generator, count: int, cohort: str = "adult", age_range: Range | None = None, sex: Sex | None = None
) -> dict[str, Any]:
    """Draw many people at once, without vertebral shapes.

    Returns
    -------
    dict
        ``age``, ``male``, ``height_cm``, ``weight_kg``, ``bmi`` (count,); ``bmd`` and ``t``: site to (count,);
        ``fracture_grade`` int (count, 8) for T10..L5.
    """
    age, male = _ages(rng, count, cohort, age_range, sex)
    z = rng.standard_normal((count, 9))
    values = np.empty((count, 2 + len(SITES)))
    for flag, name in ((False, "F"), (True, "M")):
        rows = male == flag
        if rows.any():
            values[rows] = _bodies(numbers()[name], age[rows], z[rows])
    height, weight = values[:, 0], values[:, 1]
    bmd = {site: values[:, 2 + i] for i, site in enumerate(SITES)}
    fraction = np.where(male[:, None], numbers()["M"]["area_fraction"], numbers()["F"]["area_fraction"])
    bmd["L1-L4"] = (values[:, 2:6] * fraction).sum(1)
    t = {site: reference.t_score(value, site) for site, value in bmd.items()}
    fit = numbers()["spine"]["fracture"]
    grade = spine.sample_grades(rng, fit, age, male, np.asarray(t["L1-L4"]), np.asarray(t["femoral_neck"]))
    return {
        "age": age,
        "male": male,
        "height_cm": height,
        "weight_kg": weight,
        "bmi": weight / (height / 100) ** 2,
        "bmd": bmd,
        "t": t,
        "fracture_grade": grade,
    }


def _ages(
    rng: Generator, count: int, cohort: str, age_range: Range | None, sex: Sex | None
) -> tuple[Array, NDArray[np.bool_]]:
    """Ages (whole years) and sexes from the joint shares of the cohort."""
    if cohort not in COHORTS:
        raise OptionError("simulator.cohort", asked=cohort, known=tuple(COHORTS))
    low, high = age_range or COHORTS[cohort]
    years = np.arange(20, 91)
    share = np.stack([numbers()["F"]["age_share"], numbers()["M"]["age_share"]])
    if cohort == "even":
        share = np.ones_like(share)
    share = share * ((years >= low) & (years <= high))
    if sex is not None:
        share = share * (np.array(["F", "M"]) == sex)[:, None]
    if not share.any():
        raise OptionError("simulator.ages", low_y=low, high_y=high)
    cumulative = np.cumsum(share)
    pick = np.searchsorted(cumulative, rng.random(count) * cumulative[-1], side="right")
    return years[pick % len(years)].astype(float), pick >= len(years)


def hat(age: Array, knots: Array) -> Array:
    """Weights (n, k) of straight interpolation between ``knots``; constant beyond the ends."""
    position = np.interp(age, knots, np.arange(len(knots)))
    return np.asarray(np.maximum(0, 1 - np.abs(position[:, None] - np.arange(len(knots)))))


def _bodies(sex: dict[str, Any], age: Array, z: Array) -> Array:
    """(n, 9): stature, weight, then density at ``SITES``, for people of one sex; z (n, 9) standard normal."""
    knots, sd_knots, grid = numbers()["knots"], numbers()["sd_knots"], numbers()["z_grid"]
    mean_at, sd_at = hat(age, knots), hat(age, sd_knots)

    def value(entry: dict[str, Any], score: Array, covariates: Array) -> Array:
        shift = covariates @ entry["slope"] if len(entry["slope"]) else 0.0
        spread = np.interp(score, grid, entry["quantiles"]) * np.exp(entry["sd_slope"] * z[:, 1])
        return np.asarray(mean_at @ entry["mean"] + shift + (sd_at @ entry["sd"]) * spread)

    stature, weight = z[:, 0], z[:, 1]
    out = np.empty((len(age), 2 + len(SITES)))
    out[:, 0] = value(sex["height_cm"], stature, z[:, :0])
    out[:, 1] = np.exp(value(sex["ln_weight_kg"], weight, stature[:, None]))
    x = np.stack([stature, weight, weight**2 - 1, weight * (age - 60) / 20], 1)
    scores = _correlated(sex["correlation"], age, z[:, 2:8])
    l5 = L5_TO_L4 * scores[:, 3] + np.sqrt(1 - L5_TO_L4**2) * z[:, 8]
    for i, site in enumerate(SITES):
        if site == "L5":  # extrapolated: L4's distribution of T-scores
            as_l4 = value(sex["sites"]["L4"], l5, x)
            out[:, 2 + i] = reference.bmd(reference.t_score(as_l4, "L4"), "L5")
        else:
            out[:, 2 + i] = value(sex["sites"][site], scores[:, FITTED.index(site)], x)
    return np.maximum(out, 0.2)


def _correlated(matrices: Array, age: Array, z: Array) -> Array:
    """Give independent scores (n, 6) the correlation fitted at that age (straight between the fitted ages)."""
    at = hat(age, numbers()["correlation_ages"])
    factors = np.linalg.cholesky(np.einsum("nk,kij->nij", at, matrices))
    return np.asarray(np.einsum("nij,nj->ni", factors, z))


def _person(rng: Generator, crowd: dict[str, Any], i: int) -> Person:
    """Row ``i`` of a crowd as a person, with vertebral shapes."""
    age, male = float(crowd["age"][i]), bool(crowd["male"][i])
    height, weight = float(crowd["height_cm"][i]), float(crowd["weight_kg"][i])
    t = {site: float(values[i]) for site, values in crowd["t"].items()}
    vertebrae, discs = spine.sample_spine(
        rng, numbers()["spine"], male, age, height, weight, t["L1-L4"], t["femoral_neck"], crowd["fracture_grade"][i]
    )
    return Person(
        body=Body(age, "M" if male else "F", round(height, 1), round(weight, 1)),
        bmd={site: float(values[i]) for site, values in crowd["bmd"].items()},
        t_scores=t,
        vertebrae=vertebrae,
        discs=discs,
    )
