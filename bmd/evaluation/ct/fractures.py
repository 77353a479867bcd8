"""How often a fracture is said of simulated vertebrae on CT, by the grade that the simulator gave them.

Run ``python -m bmd evaluate ct-fractures --count N``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bmd.inference.ct.attenuation import measure_attenuation
from bmd.inference.ct.bodies import Floats
from bmd.inference.ct.fracture import fracture, shape
from bmd.inference.ct.levels import FoundCt, localise_ct
from bmd.inference.engine import Engine
from bmd.inference.run import Networks
from bmd.reference import LEVELS
from bmd.simulator.case import simulate_ct
from bmd.truth import CtTruth
from bmd.types import Volume, volume_of

SEED = 930_000
THICKNESSES_MM = (1.5, 3.0, 5.0)
"""Of the slices, in turn."""
PIXEL_MM = 1.6
NEAR_MM = 12.0
"""A found body is the true one whose centre lies within this distance."""
SAID = ("ct.wedged", "ct.crushed")
GRADES = ("none", "mild", "moderate", "severe")


def evaluate_fractures(count: int = 30, engine: Engine | None = None) -> dict[str, Any]:
    """Simulate people with a fracture each, and count bodies by what is said of them.

    Parameters
    ----------
    count : int
        People, all with at least one fracture from T10 to L5; at least 1.
    engine : Engine, optional
        Runs the localiser.

    Returns
    -------
    dict
        ``people, bodies``, and for each grade ``bodies`` (found whole), ``said`` (a fracture), ``unjudged`` (low, but
        its shape cannot be judged) and ``measured`` (has HU).
    """
    networks = Networks(engine, {})
    rows: list[tuple[int, str, bool]] = []
    for k in range(count):
        spacing = (THICKNESSES_MM[k % len(THICKNESSES_MM)], PIXEL_MM, PIXEL_MM)
        case = simulate_ct(SEED + k, finding="fracture", spacing=spacing, field="abdomen_pelvis")
        assert isinstance(case.truth, CtTruth)
        volume = volume_of(case.study)
        rows += judged(localise_ct(volume, networks), volume, case.truth)
    return {"people": count, "bodies": len(rows), **summed(rows)}


def judged(found: FoundCt, volume: Volume, truth: CtTruth) -> list[tuple[int, str, bool]]:
    """Grade, code of what is said of the shape ("" for nothing) and whether it was measured, of every whole body."""
    measured = {a.vertebra for a in measure_attenuation(volume, found).attenuation}
    centres: Floats = np.asarray(truth.centres_zyx, float)[: len(LEVELS) - 1] * volume.spacing_mm
    rows = []
    for k, body in enumerate(found.bodies):
        away = np.linalg.norm(centres - body.frame.origin, axis=1)
        if k in found.cut or away.min() > NEAR_MM:
            continue
        said = fracture(volume, shape(volume, found.bodies, k, found.cut))
        rows.append((int(truth.fracture_grade[int(away.argmin())]), "" if said is None else said.code, k in measured))
    return rows


def summed(rows: list[tuple[int, str, bool]]) -> dict[str, dict[str, int]]:
    """Counts by grade; see `evaluate_fractures`."""
    out = {}
    for grade, name in enumerate(GRADES):
        these = [(code, measured) for found, code, measured in rows if found == grade]
        out[name] = {
            "bodies": len(these),
            "said": sum(code in SAID for code, _ in these),
            "unjudged": sum(code == "ct.shape_unjudged" for code, _ in these),
            "measured": sum(measured for _, measured in these),
        }
    return out
