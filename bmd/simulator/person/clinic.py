"""The people of a clinic that scans every age: the class and age mix of the femur CT paper (Ha 2024)."""

from __future__ import annotations

import numpy as np

from bmd.reference import category
from bmd.simulator.person.sample import Person, sample_person

CLINIC = {
    "normal": (1068, 36.6, 15.6, 291),
    "osteopenia": (925, 62.5, 11.9, 134),
    "osteoporosis": (1019, 76.5, 9.6, 220),
}
"""People, mean age, its SD, and men of each class (Ha 2024, Table 1)."""


def clinic_person(rng: np.random.Generator) -> Person:
    """Draw class, age and sex, then people until the lowest T-score of lumbar spine and hip is of that class."""
    names = list(CLINIC)
    counts = np.array([CLINIC[name][0] for name in names], float)
    wanted = names[int(rng.choice(3, p=counts / counts.sum()))]
    count, mean, spread, men = CLINIC[wanted]
    while True:
        age = float(np.clip(rng.normal(mean, spread), 20, 90))
        span = (max(20.0, age - 2), min(90.0, age + 2))
        male = rng.random() < men / count
        for _ in range(12):
            person = sample_person(rng, age_range=span, sex="M" if male else "F")
            if category(min(person.t_scores[site] for site in ("L1-L4", "femoral_neck", "total_hip"))) == wanted:
                return person
