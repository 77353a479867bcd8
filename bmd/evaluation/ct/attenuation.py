"""How simulated CT attenuation goes with age and with DXA: ``python -m bmd evaluate attenuation``.

Published (docs/simulator.md gives the sources): mean L1 HU 226 - 2.5 (age - 28) with an SD of about 40 in the normal
population; 118, 143 and 178 HU in osteoporosis, osteopenia and normal density; AUC for osteoporosis .64-.79.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bmd.metrics import auc
from bmd.reference import CATEGORIES, OSTEOPOROSIS_FROM_T, category
from bmd.simulator.case import draw_person
from bmd.simulator.ct.reformat import axial_slice, trabecular_hu
from bmd.simulator.ct.scan import lie_down
from bmd.simulator.person.sample import Person


def l1_attenuation(seed: int, cohort: str) -> tuple[Person, float]:
    """A person and the mean HU of the trabecular region of a simulated slice through L1 (NaN when L1 is fractured)."""
    rng = np.random.default_rng(seed)
    person = draw_person(rng, None, cohort)
    scene = lie_down(person, rng)
    hu, body = axial_slice(scene, "L1", rng)
    spoiled = scene.skeleton.bone("L1").fracture_grade > 0 or bool(scene.tags & {"implant", "cement"})
    return person, float("nan") if spoiled else trabecular_hu(hu, body)


def evaluate_attenuation(count: int = 400, seed: int = 900_000) -> dict[str, Any]:
    """Simulate ``count`` people from 50 years on and half as many of 20-49, and set L1's HU against age and DXA.

    Returns
    -------
    dict
        ``auc`` for T <= -2.5 (L1-L4), mean ``hu_by_class``, ``r_women`` and ``r_men`` with T, all of the people from 50
        on; ``by_age``: decade to people, mean HU, its SD, and the published line at their mean age.
    """
    old = [l1_attenuation(seed + i, "film") for i in range(count)]
    young = [l1_attenuation(seed + count + i, "young") for i in range(count // 2)]
    hu, t, male = _columns(old)
    classes = np.array([category(x) for x in t])
    ages = np.array([person.body.age_y for person, _ in old + young], float)
    values = np.array([value for _, value in old + young])
    keep = np.isfinite(values)
    by_age = {}
    for low in range(20, 90, 10):
        rows = keep & (ages >= low) & (ages < low + 10)
        if rows.sum() > 1:
            mean = 226 - 2.5 * (float(ages[rows].mean()) - 28)
            by_age[f"{low}-{low + 9}"] = (
                int(rows.sum()),
                *(round(float(x)) for x in (values[rows].mean(), values[rows].std(), mean)),
            )
    return {
        "people": len(hu),
        "osteoporosis": int((t <= OSTEOPOROSIS_FROM_T).sum()),
        "auc": round(auc(t <= OSTEOPOROSIS_FROM_T, -hu), 3),
        "hu_by_class": {
            name: round(float(hu[classes == name].mean())) for name in CATEGORIES if (classes == name).any()
        },
        "r_women": round(float(np.corrcoef(hu[~male], t[~male])[0, 1]), 2),
        "r_men": round(float(np.corrcoef(hu[male], t[male])[0, 1]), 2),
        "by_age": by_age,
    }


def _columns(people: list[tuple[Person, float]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """HU, T-score of L1-L4 and sex of those with a measured L1."""
    kept = [(value, p.t_scores["L1-L4"], p.body.sex == "M") for p, value in people if np.isfinite(value)]
    hu, t, male = zip(*kept, strict=True)
    return np.array(hu), np.array(t), np.array(male)
