"""Measure and calibrate the DXA networks on simulated people none of them has seen.

``python -m bmd evaluate dxa --calibration FOLDER --data FOLDER`` fits interval and class shares of the density network
on the first, measures it and the networks of regions on the second, and writes the figures into their model cards.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bmd import reference
from bmd.evaluation.record import record
from bmd.metrics import auc
from bmd.models._metadata import measurement
from bmd.models._registry import WEIGHTS, default, load
from bmd.reference import category, reported_interval, reported_t
from bmd.training.films import Film
from bmd.training.task import Items
from bmd.training.tasks.dxa import Scans, dxa_metrics, estimates, validate_regions

COVERAGE = 0.9
SITE = "L1-L4"


def calibrate(raw: NDArray[np.float64], truth: NDArray[np.float64], coverage: float = COVERAGE) -> dict[str, float]:
    """Line from the network's density to the true one, split-conformal half width and spread of T, on one cohort.

    Parameters
    ----------
    raw, truth : ndarray
        (n,) g/cm2.

    Returns
    -------
    dict
        ``offset`` and ``slope`` of the line, ``half_width`` of the interval of T-scores, ``sigma_t`` of their errors,
        and ``coverage``.
    """
    order = np.arange(len(raw))
    fit, rest = order % 2 == 0, order % 2 == 1  # the line and its errors are from different people
    slope, offset = np.polyfit(raw[fit], truth[fit], 1)
    spread = reference.HOLOGIC.sd[SITE]
    errors = np.abs(offset + slope * raw[rest] - truth[rest]) / spread
    rank = min(1.0, np.ceil((len(errors) + 1) * coverage) / len(errors))
    return {
        "offset": round(float(offset), 5),
        "slope": round(float(slope), 5),
        "half_width": round(float(np.quantile(errors, rank, method="higher")), 4),
        "sigma_t": round(float(np.sqrt(np.mean(errors**2))), 4),
        "coverage": coverage,
    }


def measure(raw: NDArray[np.float64], truth: NDArray[np.float64], numbers: dict[str, float]) -> dict[str, float]:
    """The paper's three figures, then those of the other networks, for the calibrated density."""
    density = np.round(numbers["offset"] + numbers["slope"] * raw, 3)
    t, true_t = (reference.t_score(v, SITE) for v in (density, truth))
    half = numbers["half_width"]
    ends = [reported_interval(value - half, value + half) for value in t]
    inside = [low <= value <= high for (low, high), value in zip(ends, true_t, strict=True)]
    right = [category(reported_t(a)) == category(reported_t(b)) for a, b in zip(t, true_t, strict=True)]
    low = true_t <= reference.OSTEOPOROSIS_FROM_T
    return {
        "patients": float(len(truth)),
        "osteoporosis_share": float(low.mean()),
        **dxa_metrics(density, truth),
        "auc": auc(low, -t),
        "accuracy": float(np.mean(right)),
        "coverage": float(np.mean(inside)),
    }


def densities(films: Items[Film]) -> NDArray[np.float64]:
    """True densities (n,) of L1-L4, g/cm2."""
    return np.array([films[k].bmd_l1l4 for k in range(len(films))])


def evaluate_dxa(calibration: str, data: str, weights: Path = WEIGHTS) -> dict[str, Any]:
    """Fit on the first folder of shards, measure on the second, write the cards.

    Returns
    -------
    dict
        ``calibration`` and the figures of both networks by name.
    """
    fit, test = Scans(calibration), Scans(data)
    cnn, finder, turner = (default(role) for role in ("dxa_density", "dxa_regions", "dxa_way"))
    network = load(cnn, weights)
    numbers = calibrate(estimates(network, fit), densities(fit))
    found = measure(estimates(network, test), densities(test), numbers)
    entry = measurement("simulated_dxa_50_90", len(test), "people", "test", found)
    fitted_on = {"cohort": "simulated_dxa", "n": len(fit)}
    record(weights / cnn, [entry], calibration=numbers | {"fitted_on": fitted_on})
    answers: dict[str, Any] = {"calibration": numbers, cnn: found}
    for name in (finder, turner):
        regions = validate_regions(load(name, weights), test, 256)
        regions.pop("others_empty")
        record(weights / name, [measurement("simulated_dxa_50_90", len(test), "people", "test", regions)])
        answers[name] = regions
    return answers
