"""Parts of a cohort whose figures are stated beside those of the whole: who is served worse?

Each is a code below ``network.group`` of the words. Cuts are those of the WHO (body mass index), of the ISCD (50 years)
and decades; exposure is the film's own median grey, since a console hides the dose.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bmd.reference import DENSITY_LEVELS, LEVELS

FEWEST = 10
"""A part with fewer is not stated."""
FEWEST_OF_A_KIND = 8
"""An AUC with fewer ill or fewer well people is not stated."""
AGES, BMIS = (65.0, 75.0), (25.0, 30.0)
"""Where age bands (years) and bands of body mass index (kg/m2) begin."""
Rows = NDArray[np.bool_]


def of_people(age: NDArray[Any], male: NDArray[Any], height: NDArray[Any], weight: NDArray[Any]) -> dict[str, Rows]:
    """Sex, age band and BMI band: for each code, which of n people belong to it.

    Parameters
    ----------
    age, height, weight : ndarray
        (n,) years, cm, kg; NaN where unknown, which belongs to no band.
    male : ndarray
        (n,) 1 for men, 0 for women.
    """
    bmi = np.asarray(weight, float) / (np.asarray(height, float) / 100) ** 2
    men = np.asarray(np.asarray(male) >= 0.5, bool)
    found: dict[str, Rows] = {"women": ~men, "men": men}
    return found | _bands("age", np.asarray(age, float), AGES) | _bands("bmi", bmi, BMIS)


def of_films(shards: Mapping[str, NDArray[Any]]) -> dict[str, Rows]:
    """The same of simulated films, and with or without fracture of L1-L4, with or without metal, by exposure.

    Parameters
    ----------
    shards : mapping
        From ``simulator.shards.film.read_shards``: ``patient`` (n, 4), ``fracture`` (n, 9), ``metal`` (n, H, W),
        ``image`` (n, H, W).
    """
    found = of_people(*(shards["patient"][:, k] for k in range(4)))
    levels = [LEVELS.index(level) for level in DENSITY_LEVELS]
    fractured: NDArray[np.bool_] = np.any(shards["fracture"][:, levels] > 0, axis=1)
    found |= {"fracture": fractured, "no_fracture": ~fractured}
    if "metal" in shards:
        metal = np.array([bool(one.any()) for one in shards["metal"]])
        found |= {"metal": metal, "no_metal": ~metal}
    return found | _thirds(np.array([float(np.median(one[one > 0])) for one in shards["image"]]))


def large(parts: Mapping[str, Rows]) -> dict[str, NDArray[np.int64]]:
    """Rows of every part with at least ``FEWEST``."""
    return {code: np.flatnonzero(rows) for code, rows in parts.items() if rows.sum() >= FEWEST}


def _bands(name: str, values: NDArray[np.float64], cuts: tuple[float, float]) -> dict[str, Rows]:
    low, high = cuts
    known = np.isfinite(values)
    return {
        f"{name}_low": known & (values < low),
        f"{name}_middle": known & (values >= low) & (values < high),
        f"{name}_high": known & (values >= high),
    }


def _thirds(grey: NDArray[np.float64]) -> dict[str, Rows]:
    """The darkest and the brightest third of films."""
    dark, bright = np.quantile(grey, (1 / 3, 2 / 3))
    return {"dark": grey <= dark, "bright": grey > bright}
