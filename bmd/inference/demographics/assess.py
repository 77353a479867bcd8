"""From age, sex, height and weight to T-score, class and screening scores: ``assess_patient``.

Everything said of a site is read from one calibrated distribution of its T-score: the T-score is its median, the
interval its conformal ends, the probabilities its parts below the cut-offs. Another reference population moves the
cut-offs, not the density.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bmd import reference as clinical
from bmd.errors import OptionError
from bmd.findings import Finding, refusal, warning
from bmd.inference.demographics.scores import screening
from bmd.inference.demographics.terms import (
    BELOW,
    FIELDS,
    LOWEST,
    POPULATIONS,
    SITES,
    WITHIN,
    field_word,
    unit_word,
)
from bmd.inference.engine import Engine
from bmd.inference.run import Networks
from bmd.inputs.patient import patient_vector
from bmd.reference import HOLOGIC, REFERENCES, Reference
from bmd.types import Demographics, Prediction, Report, Suitability

ROLE = "demographics"
OLDEST_Y, CAPPED_Y = 120.0, 80
"""Oldest age that is taken for one; age from which the survey counts everyone as of this age."""
COMMON = 0.99
"""Share of the survey between the inner two of the four numbers of a range."""
_COLUMN = {"age_y": "age", "height_cm": "height_cm", "weight_kg": "weight_kg"}

Floats: TypeAlias = NDArray[np.float64]
Ranges: TypeAlias = dict[str, list[float]]
"""By column of the survey: lowest, lowest common, highest common, highest value the network was fitted on."""


@dataclass(frozen=True, eq=False)
class Distribution:
    """Calibrated distribution of one site's T-score against ``reference.HOLOGIC``.

    Attributes
    ----------
    grid, cdf : ndarray
        (k,) T-scores and the probability of a T-score up to each.
    tail : float
        Probability on each side of the median that the interval takes in.
    """

    grid: Floats
    cdf: Floats
    tail: float

    def below(self, t: float) -> float:
        """Probability of a T-score of ``t`` or lower."""
        return float(np.interp(t, self.grid, self.cdf))

    def quantile(self, share: float) -> float:
        """T-score that this share lies below."""
        rising = np.concatenate([[True], np.diff(self.cdf) > 1e-9])
        return float(np.interp(share, self.cdf[rising], self.grid[rising]))

    @property
    def median(self) -> float:
        """As many people above as below."""
        return self.quantile(0.5)

    @property
    def interval(self) -> tuple[float, float]:
        """Ends of the conformal interval."""
        return self.quantile(0.5 - self.tail), self.quantile(0.5 + self.tail)


def assess_patient(
    patient: Demographics,
    file: str = "",
    reference: str = "hologic",
    engine: Engine | None = None,
    models: Mapping[str, str] | None = None,
) -> Report:
    """What is known of bone density from age, sex, height and weight alone.

    Parameters
    ----------
    patient : Demographics
        Any of the four may be None: unknown, and not filled in.
    file : str
        Name for the report.
    reference : str
        One of ``POPULATIONS``: whom T-scores compare with. Z-scores compare with Americans of the same age and sex.
    engine : Engine, optional
        Runs the network; by default the best one here.
    models : mapping, optional
        The network of the role "demographics", where it is not the default.

    Returns
    -------
    Report
        ``answers`` one for each site and, with T-scores, one for the lowest; ``prediction`` the lowest; ``scores``.
        Under 50 answers have Z-scores and no WHO class. Not suitable when nothing is given or a value lies outside
        what the network was fitted on.

    Raises
    ------
    OptionError
        Unknown reference.
    """
    if reference not in POPULATIONS:
        raise OptionError("demographics.unknown_reference", name=reference, known=POPULATIONS)
    start = time.perf_counter()
    networks = Networks(engine, models or {})
    ranges = networks.metadata(ROLE)["range"]
    reasons = refusals(patient, ranges)
    if reasons:
        gate = Suitability(False, reasons)
        return Report(file, "demographics", gate, patient=patient, device=networks.engine.device)
    found = distributions([patient], networks)[0]
    model = networks.name(ROLE)
    young = patient.age_y is not None and patient.age_y < clinical.MINIMUM_AGE_FOR_T
    answers = _young(found, patient, model) if young else _grown(found, reference, model)
    return Report(
        file=file,
        modality="demographics",
        suitability=Suitability(True),
        prediction=_headline(answers),
        patient=patient,
        warnings=warnings(patient, ranges),
        models={"density": model},
        device=networks.engine.device,
        seconds=time.perf_counter() - start,
        answers=answers,
        reference=reference,
        scores=screening(patient),
    )


# --- the network's answers ---------------------------------------------------------------------------------------
def distributions(patients: Sequence[Demographics], networks: Networks) -> list[dict[str, Distribution]]:
    """Distribution at each site, at the lowest of three, and at the lowest against each other reference."""
    grid, cdf, tail = curves(np.stack([patient_vector(p) for p in patients]), networks)
    names = (*SITES, LOWEST, f"{LOWEST}_nhanes_2005_2010")
    return [
        {name: Distribution(grid, cdf[k, i], float(tail[k, i])) for i, name in enumerate(names)}
        for k in range(len(patients))
    ]


def curves(known: NDArray[np.float32], networks: Networks) -> tuple[Floats, Floats, NDArray[np.float32]]:
    """Grid (k,), cumulative probabilities (n, 5, k) and tails (n, 5) of input vectors (n, 8).

    The lowest of three sites is at least as likely to lie below a T-score as any one of them: where the network's own
    answer for it says less, the site's counts.
    """
    out = networks.run(ROLE, known)
    first, last, count = networks.metadata(ROLE)["grid"]
    grid, cdf = np.linspace(first, last, int(count)), out["cdf"].astype(float)
    for column, key in ((3, "hologic"), (4, "nhanes_2005_2010")):
        for i, site in enumerate(SITES.values()):
            at = rescale(grid, site, REFERENCES[key], HOLOGIC)
            moved = np.stack([np.interp(at, grid, row) for row in cdf[:, i]]) if key != "hologic" else cdf[:, i]
            cdf[:, column] = np.maximum(cdf[:, column], moved)
    return grid, cdf, out["tail"]


def rescale(t: Any, site: str, old: Reference, new: Reference) -> Any:
    """T-score of the same density against another reference."""
    return clinical.t_score(clinical.bmd(t, site, old), site, new)


def typical(
    patients: Sequence[Demographics],
    site: str,
    reference: str = "hologic",
    unit: str = "t_score",
    networks: Networks | None = None,
) -> Floats:
    """Median at one site for each patient: T-score against the reference, or g/cm2 with ``unit`` "bmd"."""
    of = f"{LOWEST}_{reference}" if site == LOWEST and reference != "hologic" else site
    medians = np.array([found[of].median for found in distributions(patients, networks or Networks())])
    if site == LOWEST:
        return medians
    if unit == "bmd":
        return np.asarray(clinical.bmd(medians, SITES[site]))
    return np.asarray(rescale(medians, SITES[site], HOLOGIC, REFERENCES[reference]))


# --- predictions -------------------------------------------------------------------------------------------------
def _grown(found: dict[str, Distribution], reference: str, model: str) -> tuple[Prediction, ...]:
    """T-scores and WHO classes at three sites, then at the lowest of them."""
    chosen = REFERENCES[reference]
    each = [_site(name, found[name], chosen, model) for name in SITES]
    lowest = found[LOWEST if reference == "hologic" else f"{LOWEST}_{reference}"]
    t = min([clinical.reported_t(lowest.median), *(p.t_score for p in each if p.t_score is not None)])
    cuts = [lowest.below(cut) for cut in (clinical.OSTEOPOROSIS_FROM_T, clinical.OSTEOPENIA_BELOW_T)]
    ends = clinical.reported_interval(*lowest.interval)
    each.append(Prediction(LOWEST, None, t, ends, _shares(*cuts), clinical.category(t), model))
    return tuple(each)


def _site(name: str, found: Distribution, chosen: Reference, model: str) -> Prediction:
    """One site's prediction; its density to 0.001 g/cm2 gives the T-score reported, so that both always agree."""
    key = SITES[name]
    density = round(float(clinical.bmd(found.median, key)), 3)
    t = clinical.reported_t(clinical.t_score(density, key, chosen))
    ends = clinical.reported_interval(*(rescale(end, key, HOLOGIC, chosen) for end in found.interval))
    cuts = [
        found.below(rescale(cut, key, chosen, HOLOGIC))
        for cut in (clinical.OSTEOPOROSIS_FROM_T, clinical.OSTEOPENIA_BELOW_T)
    ]
    return Prediction(name, density, t, ends, _shares(*cuts), clinical.category(t), model)


def _shares(osteoporosis: float, below_normal: float) -> dict[str, float]:
    values = (1 - below_normal, below_normal - osteoporosis, osteoporosis)
    return dict(zip(clinical.CATEGORIES, values, strict=True))


def _young(found: dict[str, Distribution], patient: Demographics, model: str) -> tuple[Prediction, ...]:
    """Densities at three sites with Z-scores where the sex is known; no T-score and no WHO class."""
    return tuple(_z_site(name, found[name], patient, model) for name in SITES)


def _z_site(name: str, found: Distribution, patient: Demographics, model: str) -> Prediction:
    key = SITES[name]
    density = round(float(clinical.bmd(found.median, key)), 3)
    if patient.sex is None or patient.age_y is None:
        return Prediction(name, density, None, None, {}, None, model)
    mean, sd = clinical.age_curve(patient.age_y, patient.sex, key)
    low, high = ((float(clinical.bmd(end, key)) - mean) / sd for end in found.interval)
    cut = found.below(float(clinical.t_score(mean + clinical.LOW_FOR_AGE_FROM_Z * sd, key)))
    z = clinical.reported_t((density - mean) / sd)
    ends = clinical.reported_interval(low, high)
    return Prediction(name, density, None, None, {WITHIN: 1 - cut, BELOW: cut}, None, model, z, ends)


def _headline(answers: Sequence[Prediction]) -> Prediction:
    """The lowest site; without T-scores the site with the lowest Z-score, else the spine."""
    for answer in answers:
        if answer.level == LOWEST:
            return answer
    return min(answers, key=lambda p: 0.0 if p.z_score is None else p.z_score)


# --- what may be asked -------------------------------------------------------------------------------------------
def refusals(patient: Demographics, ranges: Ranges) -> tuple[Finding, ...]:
    """Why nothing can be said; empty when something can."""
    if patient == Demographics():
        return (refusal("demographics.nothing_given"),)
    reasons = []
    for name, column in _COLUMN.items():
        value, (low, *_, high) = getattr(patient, name), ranges[column]
        if value is None:
            continue
        most = OLDEST_Y if name == "age_y" else high  # the survey counts everyone of 80 and over as 80
        if not low <= value <= most:  # a value that is no number too
            reasons.append(refusal("demographics.out_of_range", **_named(name), least=low, most=most))
    return tuple(reasons)


def warnings(patient: Demographics, ranges: Ranges) -> tuple[Finding, ...]:
    """What limits the answer."""
    found = []
    missing = tuple(field_word(name) for name in FIELDS if getattr(patient, name) is None)
    if missing:
        given = tuple(field_word(name) for name in FIELDS if getattr(patient, name) is not None)
        found.append(warning("demographics.not_given", missing=missing, given=given))
    age = patient.age_y
    if age is None:
        found.append(warning("demographics.age_not_given", from_y=clinical.MINIMUM_AGE_FOR_T))
    elif age < clinical.MINIMUM_AGE_FOR_T:
        found.append(warning("demographics.z_instead", from_y=clinical.MINIMUM_AGE_FOR_T))
        if patient.sex is None:
            found.append(warning("demographics.z_needs_sex"))
    elif age > CAPPED_Y:
        found.append(warning("demographics.age_capped", from_y=CAPPED_Y))
    for name in ("height_cm", "weight_kg"):
        value, (_, low, high, _) = getattr(patient, name), ranges[name]
        if value is not None and not low <= value <= high:
            found.append(warning("demographics.rare", **_named(name), share=COMMON, least=low, most=high))
    return tuple(found)


def _named(name: str) -> dict[str, Finding]:
    return {"field": field_word(name), "unit": unit_word(name)}
