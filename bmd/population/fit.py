"""Fit the population to NHANES: ``python -m bmd.population.fit --nhanes FILE --vertebra FILE``.

Writes ``simulator/person/population.json``: fitted numbers only, no rows. Steps, each per sex and survey weighted:

1. shares of every year of age 20-90, smoothed; the ages the survey reports as "80 and over" or "85 and over" are
   spread by a geometric decline to 90;
2. stature given age; log weight given age and stature; bone density of L1-L4, femoral neck and total hip given
   age, stature and weight: means are straight between knots of age, SDs likewise, and the residual keeps its own
   shape (skew, tails) through a table of quantiles;
3. correlation of the residuals between sites, as normal scores, at five ages (EM: many people lack a site);
4. vertebral shapes and fractures: ``population.fit_spine``.
"""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np

from bmd.population import fit_spine as spine
from bmd.population.survey import Array, Column, combined_weight, read_table, weighted_quantile
from bmd.simulator.person.sample import FITTED, hat

log = logging.getLogger(__name__)

SOURCE = "CDC NHANES 2005-2010, 2013-2014, 2017-March 2020 (public-use files; DXA by Hologic densitometers)"
AGES = np.arange(20, 91)
KNOTS = np.array([20, 30, 40, 45, 50, 55, 60, 65, 70, 75, 80, 88], float)
SD_KNOTS = np.array([20, 40, 50, 60, 70, 80, 88], float)
Z_GRID = np.array([-4.5, -3, -2.5, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5, 3, 4.5])
FIT_CYCLES = ("2005-2006", "2007-2008", "2009-2010")
CORRELATION_BANDS = ((20, 40, 30), (40, 50, 45), (50, 60, 55), (60, 70, 65), (70, 91, 77))  # from, to, stands for
PARAMETERS = Path(__file__).resolve().parents[1] / "simulator" / "person" / "population.json"
COLUMNS = ("l1_bmd", "l2_bmd", "l3_bmd", "l4_bmd", "femoral_neck_bmd", "total_femur_bmd")
VALID_BMD = (0.3, 2.0)  # g/cm2; a handful outside are scan artefacts (0.000, 2.864)
DECLINE = 0.90  # share still in the sample one year of age later, above 79: fitted by eye to 2005-06, coded to 85


def true_age(age: Array, cycle: Column) -> Array:
    """Expected age of people the survey codes as 80 (85 in 2005-06) and over."""
    out = age.copy()
    for code, rows in ((80, (age == 80) & (cycle != "2005-2006")), (85, (age == 85) & (cycle == "2005-2006"))):
        years = np.arange(code, 91)
        out[rows] = np.average(years, weights=DECLINE ** (years - code))
    return out


def age_shares(age: Array, weight: Array) -> Array:
    """Weight of each year 20..90, smoothed over about five years below 80, geometric above."""
    counts = np.array([weight[age == a].sum() for a in range(20, 80)])
    kernel = np.exp(-0.5 * (np.arange(-5, 6) / 2.0) ** 2)
    ones = np.convolve(np.ones(60), kernel, "same")
    smooth = np.convolve(counts, kernel, "same") / ones
    old = DECLINE ** np.arange(11)
    return np.concatenate([smooth, old / old.sum() * weight[age >= 80].sum()])


def regress(y: Array, x: Array, w: Array) -> Array:
    """Weighted least squares coefficients."""
    root = np.sqrt(w)[:, None]
    return np.asarray(np.linalg.lstsq(x * root, y * root[:, 0], rcond=None)[0])


def fit_scale(residual: Array, age: Array, w: Array) -> Array:
    """SD at ``SD_KNOTS``: regression of squared residuals, floored."""
    variance = regress(residual**2, hat(age, SD_KNOTS), w)
    return np.sqrt(np.maximum(variance, 0.25 * np.average(residual**2, weights=w)))


def quantile_table(z: Array, w: Array) -> Array:
    """Values of the standardised residual at normal scores ``Z_GRID``; mean 0, SD 1; straight tails."""
    inner = weighted_quantile(z, w, spine.normal_cdf(Z_GRID[1:-1]))
    table = np.concatenate([[0.0], inner, [0.0]])
    table[0] = inner[0] - 1.5 * (inner[2] - inner[0])
    table[-1] = inner[-1] + 1.5 * (inner[-1] - inner[-3])
    draw = np.interp(spine.normal_ppf((np.arange(20000) + 0.5) / 20000), Z_GRID, table)
    return np.asarray((table - draw.mean()) / draw.std())


def fit_variable(y: Array, age: Array, covariates: Array, w: Array, spread_by: Array) -> tuple[dict[str, Any], Array]:
    """Mean, covariate slopes, SD and residual shape of one variable; also its normal scores (NaN where missing).

    The SD is ``sd(age) * exp(sd_slope * spread_by)``; ``spread_by`` (n,) is the normal score of weight, or zeros.
    """
    rows = np.isfinite(y) & np.isfinite(covariates).all(1)
    x = np.concatenate([hat(age[rows], KNOTS), covariates[rows]], 1)
    coefficients = regress(y[rows], x, w[rows])
    residual = y[rows] - x @ coefficients
    own, sd_slope = spread_by[rows], 0.0
    for _ in range(3 if own.any() else 1):
        scaled = residual / np.exp(sd_slope * own)
        sd = fit_scale(scaled, age[rows], w[rows])
        z = scaled / (hat(age[rows], SD_KNOTS) @ sd)
        if own.any():  # log |z| has a constant mean when the scale is right
            sd_slope += float(regress(np.log(np.abs(z) + 1e-3), np.stack([np.ones_like(own), own], 1), w[rows])[1])
    table = quantile_table(z, w[rows])
    scores = np.full(len(y), np.nan)
    scores[rows] = np.interp(z, table, Z_GRID)
    k = len(KNOTS)
    return {
        "mean": coefficients[:k],
        "slope": coefficients[k:],
        "sd": sd,
        "sd_slope": sd_slope,
        "quantiles": table,
    }, scores


def site_covariates(age: Array, stature: Array, weight: Array) -> Array:
    """Columns that move bone density, from normal scores of stature and weight: (n, 4)."""
    return np.stack([stature, weight, weight**2 - 1, weight * (age - 60) / 20], 1)


def fit_sex(table: dict[str, Column], age: Array, w: Array) -> dict[str, Any]:
    """All numbers of one sex."""
    nothing, even = np.zeros((len(age), 0)), np.zeros(len(age))
    height, stature = fit_variable(table["height_cm"], age, nothing, w, even)
    ln_weight, weight = fit_variable(np.log(table["weight_kg"]), age, stature[:, None], w, even)
    x = site_covariates(age, stature, weight)
    sites, scores = {}, []
    for name, column in zip(FITTED, COLUMNS, strict=True):
        y = np.where((table[column] > VALID_BMD[0]) & (table[column] < VALID_BMD[1]), table[column], np.nan)
        sites[name], z = fit_variable(y, age, x, w, weight)
        scores.append(z)
    z = np.stack(scores, 1)
    correlation = []
    for low, high, _ in CORRELATION_BANDS:
        rows = (age >= low) & (age < high) & np.isfinite(z).any(1)
        correlation.append(spine.em_correlation(z[rows], w[rows]))
    area = np.stack([table[f"l{i}_area"] for i in range(1, 5)], 1)
    whole = np.isfinite(area).all(1) & (table["n_valid_lumbar"] == 4)
    fraction = np.average(area[whole] / area[whole].sum(1, keepdims=True), axis=0, weights=w[whole])
    return {
        "age_share": age_shares(table["age"], w),
        "height_cm": height,
        "ln_weight_kg": ln_weight,
        "sites": sites,
        "correlation": np.array(correlation),
        "area_fraction": fraction,
    }


def plain(value: object, digits: int = 5) -> object:
    """Arrays to rounded lists, for JSON."""
    if isinstance(value, dict):
        return {key: plain(item, digits) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item, digits) for item in value]
    if isinstance(value, np.ndarray | float):
        return np.round(value, digits).tolist()
    return value


def fit(nhanes: Path, vertebra: Path) -> dict[str, Any]:
    """Read both files and return everything ``population.json`` holds."""
    table = read_table(nhanes)
    table["weight"] = combined_weight(table)
    rows = (table["age"] >= 20) & np.isin(table["cycle"], FIT_CYCLES)
    adult = {name: column[rows] for name, column in table.items()}
    out: dict[str, Any] = {
        "source": SOURCE,
        "people": len(adult["age"]),
        "knots": KNOTS,
        "sd_knots": SD_KNOTS,
        "z_grid": Z_GRID,
        "correlation_ages": np.array([band[2] for band in CORRELATION_BANDS], float),
    }
    total = adult["weight"].sum()
    for sex in "FM":
        part = {name: column[adult["sex"] == sex] for name, column in adult.items()}
        age = true_age(part["age"], part["cycle"])
        out[sex] = fit_sex(part, age, part["weight"] / total)
    out["spine"] = spine.fit(read_table(vertebra), table)
    return out


def main(arguments: list[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--nhanes", type=Path, required=True, help="nhanes_bmd.csv")
    parser.add_argument("--vertebra", type=Path, required=True, help="nhanes_vertebra_2013.csv")
    parser.add_argument("--out", type=Path, default=PARAMETERS)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    numbers = plain(fit(options.nhanes, options.vertebra))
    options.out.write_text(json.dumps(numbers, separators=(",", ":")) + "\n", encoding="utf-8")
    log.info("%s: %.0f kB", options.out, options.out.stat().st_size / 1000)


if __name__ == "__main__":
    main()
