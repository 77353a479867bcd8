"""Measure and calibrate the DXA networks on simulated people none of them has seen.

``python -m bmd.evaluation.dxa.networks CALIBRATION_SHARDS TEST_SHARDS`` fits interval and class shares of ``dxa_cnn``
on the first, measures both networks on the second, and writes the figures into their model cards.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bmd import reference
from bmd.metrics import auc
from bmd.models._registry import load
from bmd.models._weights import read_metadata
from bmd.reference import category, reported_interval, reported_t
from bmd.training.checkpoint import write_card
from bmd.training.films import Film, Films
from bmd.training.task import Items
from bmd.training.tasks.dxa import dxa_metrics, estimates, validate_regions

COVERAGE = 0.9
SITE = "L1-L4"
log = logging.getLogger(__name__)


def calibrate(raw: NDArray, truth: NDArray, coverage: float = COVERAGE) -> dict[str, float]:
    """Line from the network's density to the true one, split-conformal half width and spread of T, on one cohort.

    Parameters
    ----------
    raw, truth : ndarray
        (n,) g/cm2.

    Returns
    -------
    dict
        ``offset`` and ``slope`` of the line, ``half_width`` of the interval of T-scores, ``sigma_t`` of their errors,
        ``coverage`` and ``people``.
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
        "people": float(len(raw)),
    }


def measure(raw: NDArray, truth: NDArray, numbers: dict[str, float]) -> dict[str, float]:
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


def densities(films: Items[Film]) -> NDArray:
    """True densities (n,) of L1-L4, g/cm2."""
    return np.array([films[k].bmd_l1l4 for k in range(len(films))])


def main(words: list[str], weights: Path = Path("weights")) -> int:
    """Fit on the first folder of shards, measure on the second, write the cards."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    fit, test = Films(words[0]), Films(words[1])
    network = load("dxa_cnn", weights)
    numbers = calibrate(estimates(network, fit), densities(fit))
    found = measure(estimates(network, test), densities(test), numbers)
    place = f"{len(test)} simulated people of the film cohort (50-90 years), scans as clinics show them"
    write(weights / "dxa_cnn", {"calibration": numbers, "metrics": [{"measured_on": place, "values": found}]})
    regions = validate_regions(load("dxa_regions", weights), test, 256)
    regions.pop("others_empty")
    place = f"{len(test)} simulated scans of the film cohort"
    write(weights / "dxa_regions", {"metrics": [{"measured_on": place, "values": regions}]})
    log.info("%s", json.dumps({"calibration": numbers, "dxa_cnn": found, "dxa_regions": regions}, indent=1))
    return 0


def write(folder: Path, changes: dict[str, Any]) -> None:
    """Put figures into a card; those of the training's own held-out images stay below them."""
    metadata = read_metadata(folder)
    mine = changes.get("metrics", [])
    held = [entry for entry in metadata["metrics"] if "held out" in entry["measured_on"]]
    metadata |= changes | {"metrics": [*mine, *held]}
    text = json.dumps(metadata, indent=2, ensure_ascii=False)
    (folder / "metadata.json").write_text(text + "\n", encoding="utf-8")
    write_card(folder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
