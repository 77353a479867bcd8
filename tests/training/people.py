"""A made-up survey: density falls with age and rises with weight, by how much is known."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from bmd.reference import HOLOGIC, bmd

CYCLES = {"2005-2006": 20, "2007-2008": 20, "2009-2010": 20, "2013-2014": 40, "2017-Mar2020": 50}
SITES = {"lumbar_l1l4_bmd": "L1-L4", "femoral_neck_bmd": "femoral_neck", "total_femur_bmd": "total_hip"}


def write_survey(path: Path, each: int = 400, seed: int = 0) -> Path:
    """``each`` people a cycle, in the columns of the real table; every tenth field and every fifth site is empty."""
    rng = np.random.default_rng(seed)
    rows = []
    for cycle, youngest in CYCLES.items():
        for _ in range(each):
            male = bool(rng.integers(2))
            age, weight = int(rng.integers(youngest, 81)), float(np.clip(rng.normal(75, 14), 40, 130))
            height = float(rng.normal(175 if male else 162, 6))
            t = 0.3 - 0.035 * (age - 40) + 0.03 * (weight - 75) + 0.7 * male + rng.normal(0, 0.9)
            row = {"cycle": cycle, "age": age, "sex": "M" if male else "F", "wt_mec": rng.uniform(1e4, 4e4)}
            row |= {"height_cm": round(height, 1), "weight_kg": round(weight, 1)}
            row |= {column: round(float(bmd(t + rng.normal(0, 0.4), s, HOLOGIC)), 3) for column, s in SITES.items()}
            for name in ("height_cm", "weight_kg"):
                row[name] = "" if rng.random() < 0.03 else row[name]
            for name in SITES:
                row[name] = "" if rng.random() < 0.1 else row[name]
            rows.append(row)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path
