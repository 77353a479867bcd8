"""Records of patients to figures: refusals, T-scores against those measured, parts of the cohort, CT against DXA.

T-scores are compared in people known to be of 50 years and over, for whom WHO classes are made. Every interval is a
95 % bootstrap over patients (Student's t for a mean, Wilson's for a share); a figure that too few people carry is left
out, never guessed.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from scipy.stats import t as student

from bmd import metrics
from bmd.evaluation.groups import FEWEST, FEWEST_OF_A_KIND, of_people
from bmd.evaluation.record import with_interval
from bmd.evaluation.validation.patient import INPUTS, OUTCOMES, Record, view_of
from bmd.reference import MINIMUM_AGE_FOR_T, OSTEOPENIA_BELOW_T, OSTEOPOROSIS_FROM_T, ost

Figures = dict[str, Any]
Floats = NDArray[np.float64]
CLASSES = {"osteoporosis": OSTEOPOROSIS_FROM_T, "at_risk": OSTEOPENIA_BELOW_T}
DRAWS = 1000
"""Bootstrap draws of every interval."""
BINS = 5
"""Bins of equally many people, by the chance of osteoporosis they were told."""


def _drawn(statistic: Callable[..., float], *columns: Any) -> tuple[float, float, float]:
    """A figure and its interval by bootstrap; each row is one patient."""
    return metrics.bootstrap(statistic, *columns, count=DRAWS)


# --- films -------------------------------------------------------------------------------------------------------
def of_films(records: Sequence[Record]) -> Figures:
    """What became of patients and of their films, by the side from which they were taken; refusals by reason."""
    found: Figures = {"outcomes": {name: sum(r["outcome"] == name for r in records) for name in OUTCOMES}}
    films = [film for record in records for film in record["films"]]
    for view in ("lateral", "ap", "unknown"):
        some = [film for film in films if (view_of(film) or "unknown") == view]
        read = [film for film in some if film["state"] in ("analysed", "refused")]
        refused = [film for film in read if film["state"] == "refused"]
        values: Figures = {"films": len(some), "read": len(read), "refused": len(refused)}
        if read:
            values |= share("share_refused", len(refused), len(read))
        values["frontal_looks"] = sum((film["lateral"] or 0.0) < 0.5 for film in read)
        values["reasons"] = dict(Counter(film["code"] for film in refused).most_common())
        values["unread"] = dict(Counter(film["code"] for film in some if film["state"] in ("unread", "not_film")))
        found[view] = values
    found["said_otherwise"] = sum({film["said"], film["tag"]} == {"lateral", "ap"} for film in films)
    used = [record for record in records if record["outcome"] in ("judged", "no_density")]
    found["named"] = {"films": len(used), "certain": sum(record["certain"] for record in used)}
    found["named"]["all_of_l1_l4"] = sum(record["levels"] == 4 for record in used)
    found["without_t"] = dict(Counter(r["film_why"] for r in used if r["film"] is None).most_common())
    return found


def share(name: str, count: int, whole: int) -> Figures:
    """A share with its 95 % interval (Wilson 1927), which is not empty where all or none are counted."""
    ends = binomtest(count, whole).proportion_ci(method="wilson")
    return {name: round(count / whole, 4), f"{name}_low": round(ends.low, 4), f"{name}_high": round(ends.high, 4)}


# --- T-scores ----------------------------------------------------------------------------------------------------
def eligible(records: Sequence[Record], truth: Mapping[int, float | None]) -> tuple[list[Record], Counter[str]]:
    """Whose T-scores are compared, and how many are left out and why, each person once."""
    left: Counter[str] = Counter()
    kept = []
    for record in records:
        if truth.get(record["row"]) is None:
            left["no_truth"] += 1
        elif record["age"] is None:
            left["age_unknown"] += 1
        elif record["age"] < MINIMUM_AGE_FOR_T:
            left["young"] += 1
        else:
            kept.append(record)
    return kept, left


def of_answers(records: Sequence[Record], truth: Mapping[int, float | None]) -> Figures:
    """Each of ``INPUTS`` against the truth: of all who have it, of parts, and of those who have all three alike."""
    found: Figures = {}
    for name in INPUTS:
        told = [record for record in records if record[name] is not None]
        found[name] = {"all": compare(told, name, truth)}
        parts = {code: [r for r, there in zip(told, rows, strict=True) if there] for code, rows in _parts(told).items()}
        found[name] |= {code: compare(some, name, truth) for code, some in parts.items() if len(some) >= FEWEST}
        whys = Counter(record[f"{name}_why"] or record["outcome"] for record in records if record[name] is None)
        found[name]["without"] = dict(whys.most_common())
    alike = [record for record in records if all(record[name] is not None for name in INPUTS)]
    found["alike"] = {name: compare(alike, name, truth) for name in INPUTS}
    found["gains"] = {
        f"both_over_{other}": {code: gain(alike, "both", other, cut, truth) for code, cut in CLASSES.items()}
        for other in ("demographics", "film")
    }
    found["ost"] = _screening(alike, truth)
    return found


def _parts(records: Sequence[Record]) -> dict[str, NDArray[np.bool_]]:
    columns = [
        np.array([np.nan if r[key] is None else r[key] for r in records], float) for key in ("age", "height", "weight")
    ]
    male = np.array([{"M": 1.0, "F": 0.0}.get(r["sex"], np.nan) for r in records])
    return of_people(columns[0], male, columns[1], columns[2]) if len(records) else {}


def compare(records: Sequence[Record], name: str, truth: Mapping[int, float | None]) -> Figures:
    """One kind of answer of some patients against their measured T-scores.

    Returns
    -------
    dict
        ``n``, ``mix`` (shares of the WHO classes by DXA), ``r``, ``mean_absolute_error``, ``bias`` (told minus
        measured), ``agreement_low`` and ``_high`` (bias +- 1.96 SD, Bland and Altman 1986), ``coverage`` of the 90 %
        interval, ``auc_osteoporosis``, ``auc_at_risk``, ``ece`` with ``ece_floor`` (what exact probabilities would
        show by chance) and ``ece_excess`` over it, ``reliability`` (rows of n, chance told, share measured); ``_low``
        and ``_high`` of each.
    """
    n = len(records)
    if n < FEWEST:
        return {"n": n}
    true = np.array([truth[record["row"]] for record in records], float)
    told = np.array([record[name]["t"] for record in records], float)
    labels = metrics.classes_of(true)
    values: Figures = {"n": n, "mix": [round(float(share), 3) for share in metrics.class_mix(labels)]}
    if true.std() and told.std():
        with_interval(values, "r", _drawn(lambda a, b: metrics.regression(a, b)["r"], true, told))
    values["mean_absolute_error"] = round(metrics.regression(true, told)["mean_absolute_error"], 3)
    values |= agreement(told - true) | _covered(records, name, true) | _classes(records, name, true)
    return {key: value for key, value in values.items() if not isinstance(value, float) or math.isfinite(value)}


def agreement(gaps: Floats) -> Figures:
    """Mean of differences with its interval, and the limits of agreement."""
    spread = float(gaps.std(ddof=1))
    half = float(student.ppf(0.975, len(gaps) - 1)) * spread / math.sqrt(len(gaps))
    bias = float(gaps.mean())
    names = ("bias", "bias_low", "bias_high", "agreement_low", "agreement_high")
    ends = (bias, bias - half, bias + half, bias - 1.96 * spread, bias + 1.96 * spread)
    return {name: round(end, 3) for name, end in zip(names, ends, strict=True)}


def _covered(records: Sequence[Record], name: str, true: Floats) -> Figures:
    some = [
        (r[name]["low"], r[name]["high"], t) for r, t in zip(records, true, strict=True) if r[name]["low"] is not None
    ]
    if len(some) < FEWEST:
        return {}
    low, high, t = np.array(some, float).T
    return share("coverage", int(((low <= t) & (t <= high)).sum()), len(t))


def _classes(records: Sequence[Record], name: str, true: Floats) -> Figures:
    """What the probabilities of the classes are worth."""
    told = [k for k, record in enumerate(records) if record[name]["p"] is not None]
    if len(told) < FEWEST:
        return {}
    shares = np.array([records[k][name]["p"] for k in told], float)
    labels = metrics.classes_of(true[told])
    values: Figures = {}
    for code, column in (("osteoporosis", shares[:, 2]), ("at_risk", 1 - shares[:, 0])):
        ill = true[told] <= CLASSES[code] if code == "osteoporosis" else labels > 0
        if _enough(ill):
            with_interval(values, f"auc_{code}", _drawn(metrics.auc, ill, column))
    values["ece"] = round(metrics.expected_calibration_error(labels, shares), 3)
    values["ece_floor"] = round(_floor(shares), 3)
    values["ece_excess"] = round(max(0.0, values["ece"] - values["ece_floor"]), 3)
    values["reliability"] = reliability(shares[:, 2], labels == 2)
    return values


def _enough(ill: NDArray[np.bool_]) -> bool:
    return min(int(ill.sum()), int((~ill).sum())) >= FEWEST_OF_A_KIND


def _floor(shares: Floats) -> float:
    from bmd.evaluation.demographics.survey import floor

    return floor(shares / shares.sum(1, keepdims=True))


def reliability(chance: Floats, ill: NDArray[np.bool_]) -> list[tuple[int, float, float]]:
    """People in bins of the chance they were told: how many, that chance on the mean, and the share that are ill."""
    bins = np.array_split(np.argsort(chance, kind="stable"), BINS)
    return [(len(b), round(float(chance[b].mean()), 3), round(float(ill[b].mean()), 3)) for b in bins if len(b)]


def gain(records: Sequence[Record], one: str, other: str, cut: float, truth: Mapping[int, float | None]) -> Figures:
    """AUC of one kind of answer minus that of another in the same people; below ``cut`` counts as ill."""
    able = [r for r in records if r[one]["p"] is not None and r[other]["p"] is not None]
    true = np.array([truth[record["row"]] for record in able], float)
    ill = true <= cut if cut == OSTEOPOROSIS_FROM_T else true < cut
    if not len(able) or not _enough(ill):
        return {"n": len(able)}
    ours, theirs = (
        np.array([r[name]["p"][2] if cut == OSTEOPOROSIS_FROM_T else 1 - r[name]["p"][0] for r in able])
        for name in (one, other)
    )
    values: Figures = {"n": len(able)}
    difference: Callable[..., float] = lambda y, a, b: metrics.auc(y, a) - metrics.auc(y, b)  # noqa: E731
    with_interval(values, "difference", _drawn(difference, ill, ours, theirs))
    return values


def _screening(records: Sequence[Record], truth: Mapping[int, float | None]) -> Figures:
    """OST, from age and weight alone: what costs nothing, beside it."""
    able = [record for record in records if record["weight"] is not None]
    ill = np.array([truth[record["row"]] for record in able], float) <= OSTEOPOROSIS_FROM_T
    values: Figures = {"n": len(able)}
    if len(able) and _enough(ill):
        score = np.array([-ost(record["age"], record["weight"]) for record in able], float)
        with_interval(values, "auc_osteoporosis", _drawn(metrics.auc, ill, score))
    return values


# --- CT ----------------------------------------------------------------------------------------------------------
def of_scans(records: Sequence[Record], truth: Mapping[int, float | None]) -> Figures:
    """What became of the CTs, and trabecular HU against the measured T-score; low HU speak for osteoporosis."""
    scans = [record for record in records if record["ct"] is not None]
    states = Counter(record["ct"]["state"] for record in scans)
    found: Figures = {"scans": len(scans), "states": dict(states)}
    found["reasons"] = dict(Counter(r["ct"]["code"] for r in scans if r["ct"]["code"]).most_common())
    found["certain"] = sum(record["ct"]["certain"] for record in scans)
    able = [r for r in scans if r["ct"]["hu"] is not None and truth.get(r["row"]) is not None]
    able, left = eligible(able, truth)
    found |= {"n": len(able), "left_out": dict(left)}
    if len(able) < FEWEST:
        return found
    true = np.array([truth[record["row"]] for record in able], float)
    hu = np.array([record["ct"]["hu"] for record in able], float)
    with_interval(found, "r", _drawn(lambda a, b: metrics.regression(a, b)["r"], true, hu))
    for code, ill in (("osteoporosis", true <= OSTEOPOROSIS_FROM_T), ("at_risk", metrics.classes_of(true) > 0)):
        if _enough(ill):
            with_interval(found, f"auc_{code}", _drawn(metrics.auc, ill, -hu))
    told = [k for k, record in enumerate(able) if record["ct"]["chance"] is not None]
    if len(told) >= FEWEST:
        chance = np.array([able[k]["ct"]["chance"] for k in told], float)
        found["reliability"] = reliability(chance, true[told] <= OSTEOPOROSIS_FROM_T)
    return found
