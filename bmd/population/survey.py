"""Weighted statistics of a stratified survey with standard errors (Taylor linearisation).

Every statistic is linearised to one influence value per person; the variance of their weighted total is that of
with-replacement sampling of primary sampling units within strata (NCHS analytic guidelines; Lumley, "Complex
Surveys", 2010, ch. 2).
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Column = NDArray[Any]
"""Numbers, or words, of all rows."""
Rows = NDArray[np.bool_]

CYCLE_YEARS = {"2005-2006": 2.0, "2007-2008": 2.0, "2009-2010": 2.0, "2013-2014": 2.0, "2017-Mar2020": 3.2}
"""Length of each NHANES release, years (CDC NHANES 2017-March 2020 pre-pandemic analytic note: 3.2)."""

FIRST_AGE = {"2005-2006": 8, "2007-2008": 8, "2009-2010": 8, "2013-2014": 40, "2017-Mar2020": 50}
"""Youngest age with a spine or hip scan in each release, as seen in the file."""

MISSING = {"", "NA", "nan"}


def read_table(path: str | Path) -> dict[str, Column]:
    """Read a CSV file: columns of numbers as float64 with NaN where empty, others as str."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    columns: dict[str, Column] = {}
    for name, values in zip(rows[0], zip(*rows[1:], strict=True), strict=True):
        try:
            columns[name] = np.array([np.nan if v in MISSING else float(v) for v in values])
        except ValueError:
            columns[name] = np.array(values)
    return columns


def combined_weight(table: dict[str, Column]) -> Array:
    """Examination weight over all releases that scanned people of that age: share of survey years x ``wt_mec``."""
    age, cycle = table["age"], table["cycle"]
    eligible = np.zeros(len(age))
    for name, years in CYCLE_YEARS.items():
        eligible += years * (age >= FIRST_AGE[name])
    own = np.array([CYCLE_YEARS[c] for c in cycle])
    return np.asarray(table["wt_mec"] * own / eligible)


@dataclass(frozen=True, eq=False)
class Design:
    """Weights, strata and primary sampling units of every row; statistics take a mask of rows (the domain)."""

    weight: Array
    stratum: Column
    psu: Column

    def standard_error(self, influence: Array) -> float:
        """Standard error of ``sum(weight * influence)``; rows outside the domain have influence 0."""
        total = self.weight * influence
        unit, first, index = np.unique(
            np.stack([self.stratum, self.psu], 1), axis=0, return_index=True, return_inverse=True
        )
        sums = np.bincount(index.ravel(), total, minlength=len(unit))
        variance = 0.0
        for stratum in np.unique(self.stratum[first]):
            inside = sums[unit[:, 0] == stratum]
            if len(inside) > 1:
                variance += len(inside) / (len(inside) - 1) * float(((inside - inside.mean()) ** 2).sum())
        return float(np.sqrt(variance))

    def mean(self, values: Array, rows: Rows) -> tuple[float, float]:
        """Weighted mean and its standard error. A share is the mean of 0 and 1."""
        return self._statistic(rows, values, mean_influence)

    def sd(self, values: Array, rows: Rows) -> tuple[float, float]:
        """Weighted standard deviation and its standard error."""
        return self._statistic(rows, values, sd_influence)

    def correlation(self, x: Array, y: Array, rows: Rows) -> tuple[float, float]:
        """Weighted Pearson correlation and its standard error."""
        return self._statistic(rows, np.stack([x, y], 1), correlation_influence)

    def _statistic(
        self, rows: Rows, values: Array, influence: Callable[[Array, Array], tuple[float, Array]]
    ) -> tuple[float, float]:
        rows = rows & np.isfinite(values.reshape(len(values), -1)).all(1)
        value, part = influence(values[rows], self.weight[rows])
        full = np.zeros(len(self.weight))
        full[rows] = part / self.weight[rows].sum()
        return value, self.standard_error(full)


def mean_influence(x: Array, w: Array) -> tuple[float, Array]:
    """Weighted mean and each row's influence on it."""
    mean = float(np.average(x, weights=w))
    return mean, x - mean


def sd_influence(x: Array, w: Array) -> tuple[float, Array]:
    """Weighted SD and each row's influence on it."""
    d2 = (x - np.average(x, weights=w)) ** 2
    sd = float(np.sqrt(np.average(d2, weights=w)))
    return sd, (d2 - sd**2) / (2 * sd)


def correlation_influence(xy: Array, w: Array) -> tuple[float, Array]:
    """Weighted Pearson correlation of the two columns and each row's influence on it."""
    d = xy - np.average(xy, axis=0, weights=w)
    z = d / np.sqrt(np.average(d**2, axis=0, weights=w))
    r = float(np.average(z[:, 0] * z[:, 1], weights=w))
    return r, z[:, 0] * z[:, 1] - r * (z**2).sum(1) / 2


def weighted_quantile(values: Array, weight: Array, share: Array) -> Array:
    """Quantiles of weighted values at ``share`` (0..1), linear between the middles of the steps."""
    order = np.argsort(values)
    w = weight[order]
    position = (np.cumsum(w) - w / 2) / w.sum()
    return np.interp(share, position, values[order])
