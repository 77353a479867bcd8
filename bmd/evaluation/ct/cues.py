"""What simulated hips tell of their T-score, before any picture: ``python -m bmd evaluate hip-cues``.

As ``evaluation.cues`` for the spine: no network, quantities as they were drawn, and what they tell together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bmd.evaluation.cues import summary
from bmd.simulator.case import draw_person
from bmd.simulator.person.anatomy import build_skeleton
from bmd.simulator.person.femur import Femur, areal_density, build_femora
from bmd.simulator.record import Array, Mask

SITES = ("femoral_neck", "total_hip")
STEP_MM = 2.0
"""Of the ideal scan: areal densities within 1 % of those at 0.8 mm."""

DRAWN: Mapping[str, Callable[[Femur], float]] = {
    "trabecular": lambda p: p.neck_factor * p.core_g_cm3,
    "cortex_of_neck": lambda p: p.neck_factor * p.cortical_g_cm3 * p.thickness,
    "cortex_of_shaft": lambda p: p.rest_factor * p.cortical_g_cm3 * p.thickness,
    "thickness": lambda p: p.thickness,
    "ward_filled": lambda p: -p.ward,
}
"""Quantities of a left femur, each so that more should go with a higher T-score."""

READ = ("mineral_of_neck", "mineral_of_hip")
"""What an ideal scan of that femur would read at ``SITES``, g/cm2."""

TOGETHER = {"bone_together": (*DRAWN, *READ), "everything_together": (*DRAWN, *READ, "youth", "body_mass_index")}


def draw_hip_cues(count: int, seed: int, cohort: str = "film") -> tuple[dict[str, Array], Array, Mask]:
    """Every quantity of ``count`` people, (count,) each; the lower T-score of their hip; whether each is a woman."""
    rows, t, women = [], [], []
    for i in range(count):
        rng = np.random.default_rng(seed + i)
        person = draw_person(rng, None, cohort)
        skeleton = build_skeleton(person, rng)
        left = build_femora(person, skeleton.hips, rng)[1]
        read = areal_density(left, float(skeleton.hips.scale), STEP_MM)[:2]
        rows.append([*(float(f(left)) for f in DRAWN.values()), *read, -person.body.age_y, person.body.bmi])
        t.append(min(person.t_scores[site] for site in SITES))
        women.append(person.body.sex == "F")
    names = (*DRAWN, *READ, "youth", "body_mass_index")
    return dict(zip(names, np.array(rows).T, strict=True)), np.array(t), np.array(women, bool)


def evaluate_hip_cues(count: int = 1000, seed: int = 720_000) -> dict[str, Any]:
    """Draw people from 50 years on and set what was drawn of their left hips against its T-score.

    Parameters
    ----------
    count : int
        People; person ``i`` has the seed ``seed + i``.
    seed : int

    Returns
    -------
    dict
        As ``cues.evaluate_cues``; T is the lower one of femoral neck and total hip.
    """
    return summary(*draw_hip_cues(count, seed), TOGETHER, seed)
