"""Density from a DXA picture (Kirilov et al. 2022): error in percent, its SD, correlation."""

from __future__ import annotations

from typing import Any

import numpy as np

from bmd.metrics import class_mix, classes_of, percentage_error
from bmd.reference import t_score
from bmd.reproduction.plan import Columns, Figure, Measure, Outcome


def pictures(network: Any, folder: str, size: int) -> Outcome:
    """True density of L1-L4 and what the network says, g/cm2, with the line its weights were calibrated by."""
    from bmd.training.tasks.dxa import Scans, estimates

    scans = Scans(folder)
    truth = np.array([scans[k].bmd_l1l4 for k in range(len(scans))])
    line = getattr(network, "metadata", {}).get("calibration", {})
    said = line.get("offset", 0.0) + line.get("slope", 1.0) * estimates(network, scans, size)
    mix = class_mix(classes_of([t_score(value, "L1-L4") for value in truth]))
    columns = {"truth": truth, "said": said}
    return Outcome(np.arange(len(truth)), columns, "people", tuple(np.round(mix, 4).tolist()))


def _r(columns: Columns) -> float:
    return float(np.corrcoef(columns["truth"], columns["said"])[0, 1])


FIGURES: dict[str, Figure] = {
    "percent_error": lambda columns: percentage_error(columns["truth"], columns["said"])[0],
    "percent_error_sd": lambda columns: percentage_error(columns["truth"], columns["said"])[1],
    "r": _r,
}
PICTURES = Measure(pictures, FIGURES)
