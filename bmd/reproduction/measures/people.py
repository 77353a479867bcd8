"""The people of the CT femur study, simulated: means by class, and the tests Ha et al. report beside their Table 1."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bmd.metrics import class_mix, classes_of
from bmd.reference import CATEGORIES
from bmd.reproduction.plan import Columns, Figure, Measure, Outcome
from bmd.simulator.shards.ct import SITES, read_ct_shards

KEYS = tuple("t_" + site.lower().replace("-", "") for site in SITES)
VARIABLES = ("age", "height", "weight", "bmi")


def people(network: Any, folder: str, size: int) -> Outcome:
    """Everyone of the test split by the class of the lowest T-score of lumbar spine and hip, and the tests."""
    shards = read_ct_shards(folder, keys=("patient", *KEYS))
    age, male, height, weight = shards["patient"].astype(float).T
    truth = classes_of(np.min([shards[key] for key in KEYS], axis=0))
    columns = {"truth": truth, "age": age, "male": male, "height": height / 100, "weight": weight}
    columns["bmi"] = weight / columns["height"] ** 2
    mix = tuple(np.round(class_mix(truth), 4).tolist())
    return Outcome(np.arange(len(truth)), columns, "people", mix, {"tests": tests(columns)})


def tests(columns: Columns) -> dict[str, Any]:
    """Chi-squared of sex; of each measure Levene's test, Welch's analysis of variance and Games-Howell's p by pair.

    Welch's and Games-Howell's tests do not ask for equal variances; the paper chose by Levene's.
    """
    groups = [columns["truth"] == k for k in range(len(CATEGORIES))]
    counts = [[int((columns["male"][g] == sex).sum()) for sex in (1, 0)] for g in groups]
    found: dict[str, Any] = {"sex": {"chi_squared_p": float(stats.chi2_contingency(counts).pvalue), "counts": counts}}
    for name in VARIABLES:
        parts = [columns[name][g] for g in groups]
        pairs = stats.tukey_hsd(*parts, equal_var=False).pvalue
        found[name] = {
            "levene_p": float(stats.levene(*parts).pvalue),
            "welch_p": float(stats.f_oneway(*parts, equal_var=False).pvalue),
            "games_howell_p": {
                f"{CATEGORIES[a]} or {CATEGORIES[b]}": float(pairs[a, b]) for a, b in ((0, 1), (0, 2), (1, 2))
            },
        }
    return found


def _of(category: int, name: str, statistic: Callable[[NDArray[Any]], Any], columns: Columns) -> float:
    mine = columns[name][columns["truth"] == category]
    return float(statistic(mine)) if len(mine) else float("nan")


def _figures(category: int) -> dict[str, Figure]:
    means = {name: partial(_of, category, name, np.mean) for name in VARIABLES}
    spreads = {f"{name}_sd": partial(_of, category, name, np.std) for name in ("age", "weight", "bmi")}
    return {"men": partial(_of, category, "male", np.mean), **means, **spreads}


OF_CLASS = {name: Measure(people, _figures(k)) for k, name in enumerate(CATEGORIES)}
