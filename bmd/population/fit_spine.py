"""Fit vertebral shapes and fractures to NHANES 2013-14 lateral spine morphometry (vertebrae T10-L4 of ages 40+).

Points were marked on lateral DXA pictures in pixels; ``MM_PER_PX`` is inferred (vertebral depth against CT, DXA areas
against heights agree on 0.38 +- 0.02), so every length carries a common scale error of about 5 %; ratios do not.

Shape: logarithms of 53 lengths of unfractured vertebrae on stature, age, weight, lumbar and neck T-score, per sex, with
the correlation of the residuals between all lengths and levels. Fracture: a logistic model with a person's own
tendency (random intercept, so that fractures gather in people as they do in the survey), grade and kind given
fracture, and the loss of height at the front, middle and back for each grade and kind.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import ndtr, ndtri

from bmd import reference
from bmd.population.survey import Array, Column, Rows
from bmd.simulator.person.spine import DEPTHS, DISCS, HEIGHTS, KINDS, MEASURED, fracture_terms

MM_PER_PX = 0.38
AGE_80_AND_OVER = 84.0  # the survey codes everybody from 80 as 80
BODY = (*HEIGHTS, *DEPTHS)
NAMES = tuple(f"{level}:{part}" for part in BODY + DISCS for level in MEASURED if part in BODY or level != "L4")
CRUSH_LOSS = 0.15  # share of the posterior height lost that makes a deformity a crush
LUMBAR = ("l1_bmd", "l2_bmd", "l3_bmd", "l4_bmd")
FRACTURE_TERMS = ("male", "age_decade", "age_over_75", "t_neck", "neck_below_-2", "lumbar_below_-2")


def normal_cdf(z: Array) -> Array:
    """Standard normal distribution function."""
    return np.asarray(ndtr(z))


def normal_ppf(p: Array) -> Array:
    """Standard normal quantile function."""
    return np.asarray(ndtri(p))


def nearest_correlation(matrix: Array, floor: float = 1e-4) -> Array:
    """Positive definite correlation matrix near ``matrix``: negative eigenvalues lifted, diagonal set to 1."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    lifted = (vectors * np.maximum(values, floor)) @ vectors.T
    scale = 1 / np.sqrt(np.diag(lifted))
    return np.asarray(lifted * scale[:, None] * scale[None, :])


def em_correlation(z: Array, w: Array, steps: int = 30) -> Array:
    """Correlation (k, k) of rows (n, k) with values missing at random, weights (n,): EM of a normal distribution."""
    k = z.shape[1]
    mean, covariance = np.nanmean(z, 0), np.eye(k)
    seen = np.isfinite(z)
    patterns = np.unique(seen, axis=0)
    for _ in range(steps):
        filled, extra = np.where(seen, z, 0.0), np.zeros((k, k))
        for pattern in patterns:
            rows = (seen == pattern).all(1)
            o, m = np.flatnonzero(pattern), np.flatnonzero(~pattern)
            if not len(m):
                continue
            gain = np.linalg.solve(covariance[np.ix_(o, o)], covariance[np.ix_(o, m)])
            filled[np.ix_(rows, m)] = mean[m] + (z[np.ix_(rows, o)] - mean[o]) @ gain
            extra[np.ix_(m, m)] += w[rows].sum() * (covariance[np.ix_(m, m)] - covariance[np.ix_(m, o)] @ gain)
        mean = np.average(filled, axis=0, weights=w)
        centred = filled - mean
        covariance = ((centred * w[:, None]).T @ centred + extra) / w.sum()
    return nearest_correlation(covariance / np.sqrt(np.outer(np.diag(covariance), np.diag(covariance))))


def mean_lumbar_t(table: dict[str, Column]) -> Array:
    """Mean T-score of the valid levels among L1-L4, NaN without any."""
    t = np.stack([reference.t_score(table[c], c[:2].upper()) for c in LUMBAR], 1)
    count = np.isfinite(t).sum(1)
    return np.asarray(np.where(count > 0, np.nansum(t, 1) / np.maximum(count, 1), np.nan))


def people(vertebra: dict[str, Column], nhanes: dict[str, Column]) -> dict[str, Column]:
    """One row per person of the morphometry file with covariates and weights from the person file."""
    at = {int(s): i for i, s in enumerate(nhanes["seqn"])}
    known = np.array([s for s in np.unique(vertebra["seqn"]) if int(s) in at])
    rows = np.array([at[int(s)] for s in known])
    names = ("age", "sex", "height_cm", "weight_kg", "strata", "psu", *(f"l{i}_area" for i in range(1, 5)))
    out = {name: nhanes[name][rows] for name in names}
    out["age"] = np.where(out["age"] >= 80, AGE_80_AND_OVER, out["age"])
    return out | {
        "seqn": known,
        "weight": nhanes["wt_mec"][rows],
        "t_lumbar": mean_lumbar_t(nhanes)[rows],
        "t_neck": reference.t_score(nhanes["femoral_neck_bmd"][rows], "femoral_neck"),
    }


def wide(vertebra: dict[str, Column], person: dict[str, Column], column: str) -> Array:
    """(people, 7) values of one column at T10..L4, NaN where absent."""
    out = np.full((len(person["seqn"]), len(MEASURED)), np.nan)
    index = np.searchsorted(person["seqn"], vertebra["seqn"]).clip(0, len(person["seqn"]) - 1)
    known = person["seqn"][index] == vertebra["seqn"]
    for j, level in enumerate(MEASURED):
        rows = known & (vertebra["level"] == level)
        out[index[rows], j] = vertebra[column][rows]
    return out


def shape_covariates(person: dict[str, Column]) -> Array:
    """(n, 6): one, log stature over 165 cm, decades from 60 y, log weight over 80 kg, lumbar T + 1, neck T + 1."""
    return np.stack(
        [
            np.ones(len(person["age"])),
            np.log(person["height_cm"] / 165),
            (person["age"] - 60) / 10,
            np.log(person["weight_kg"] / 80),
            person["t_lumbar"] + 1,
            person["t_neck"] + 1,
        ],
        1,
    )


def fit_shape(vertebra: dict[str, Column], person: dict[str, Column]) -> tuple[dict[str, Any], Array]:
    """Regression and residual correlation of all lengths, per sex; also every person's own size, see ``own_size``."""
    sound = wide(vertebra, person, "sq") == 0
    logs = np.full((len(person["seqn"]), len(NAMES)), np.nan)
    for part in BODY + DISCS:
        values = np.where(sound, wide(vertebra, person, part) * MM_PER_PX, np.nan)
        for j, level in enumerate(MEASURED):
            if f"{level}:{part}" in NAMES:
                logs[:, NAMES.index(f"{level}:{part}")] = np.log(values[:, j])
    x = shape_covariates(person)
    complete = np.isfinite(logs).all(1) & np.isfinite(x).all(1)
    out: dict[str, Any] = {"names": list(NAMES)}
    residual, z = np.full_like(logs, np.nan), np.full_like(logs, np.nan)
    for sex in "FM":
        everyone = person["sex"] == sex
        rows = complete & everyone
        w = person["weight"][rows]
        root = np.sqrt(w)[:, None]
        coefficients = np.linalg.lstsq(x[rows] * root, logs[rows] * root, rcond=None)[0]
        residual[everyone] = logs[everyone] - np.nan_to_num(x[everyone]) @ coefficients
        sd = np.sqrt(np.average(residual[rows] ** 2, axis=0, weights=w))
        z[everyone] = residual[everyone] / sd
        factor = np.linalg.cholesky(nearest_correlation(weighted_corr(z[rows], w), 1e-3))
        out[sex] = {"coefficients": coefficients, "sd": sd, "cholesky": [row[: i + 1] for i, row in enumerate(factor)]}
    out["skew_quantiles"] = disc_quantiles(z[complete])
    for sex in "FM":
        rows = (person["sex"] == sex) & np.isfinite(x).all(1)
        match_lengths(out[sex], out["skew_quantiles"], np.exp(logs[rows]), x[rows], person["weight"][rows])
    return out, own_size(residual)


def match_lengths(fit: dict[str, Any], quantiles: dict[str, Array], lengths: Array, x: Array, w: Array) -> None:
    """Shift intercepts and scale SDs so that the lengths, not only their logs, have the survey's mean and SD."""
    scores = (np.arange(41)[:, None] + 0.5) / 41
    for j, name in enumerate(NAMES):
        known = np.isfinite(lengths[:, j])
        z = normal_ppf(scores)
        part = name.split(":")[1]
        if part in DISCS:
            z = np.interp(z, quantiles["z"], quantiles[part])
        mean = np.average(lengths[known, j], weights=w[known])
        sd = np.sqrt(np.average((lengths[known, j] - mean) ** 2, weights=w[known]))
        for _ in range(5):
            drawn = np.exp(x[known] @ fit["coefficients"][:, j] + fit["sd"][j] * z)  # (41, people)
            own_mean = np.average(drawn.mean(0), weights=w[known])
            own_sd = np.sqrt(np.average(((drawn - own_mean) ** 2).mean(0), weights=w[known]))
            fit["coefficients"][0, j] += np.log(mean / own_mean)
            fit["sd"][j] *= sd / own_sd


def weighted_corr(z: Array, w: Array) -> Array:
    """Correlation (k, k) of the normal scores of the columns, weights (n,)."""
    scores = normal_scores(z)
    centred = scores - np.average(scores, axis=0, weights=w)
    covariance = (centred * w[:, None]).T @ centred
    return np.asarray(covariance / np.sqrt(np.outer(np.diag(covariance), np.diag(covariance))))


def normal_scores(z: Array) -> Array:
    """Normal score of every value within its column."""
    ranks = z.argsort(0).argsort(0)
    return normal_ppf((ranks + 0.5) / len(z))


def disc_quantiles(z: Array) -> dict[str, Array]:
    """Residual shape of disc heights (narrow discs make a long left tail), pooled over levels, at normal scores."""
    grid = np.array([-4.0, -3, -2, -1, 0, 1, 2, 3, 4])
    out = {"z": grid}
    for part in DISCS:
        columns = [i for i, name in enumerate(NAMES) if name.endswith(part)]
        table = np.quantile(z[:, columns], normal_cdf(grid))
        draw = np.interp(normal_ppf((np.arange(20000) + 0.5) / 20000), grid, table)
        out[part] = (table - draw.mean()) / draw.std()
    return out


def own_size(residual: Array) -> Array:
    """How much taller (log) the person's unfractured vertebrae are than expected: (n, 3) front, middle, back."""
    heights = np.stack([residual[:, [NAMES.index(f"{lv}:{p}") for lv in MEASURED]] for p in BODY[:3]], 2)
    count = np.isfinite(heights).sum(1)
    return np.asarray(np.nansum(heights, 1) / np.maximum(count, 1))


def fit(vertebra: dict[str, Column], nhanes: dict[str, Column]) -> dict[str, Any]:
    """Everything about the spine that ``population.json`` holds."""
    person = people(vertebra, nhanes)
    shape, size = fit_shape(vertebra, person)
    grade = wide(vertebra, person, "sq")
    return {
        "source": "CDC NHANES 2013-2014 vertebral fracture assessment; 0.38 mm per pixel inferred",
        "mm_per_px": MM_PER_PX,
        "shape": shape,
        "width": fit_width(vertebra, person),
        "fracture": fit_fracture(grade, person),
        "deformity": fit_deformity(vertebra, person, shape, size, grade),
    }


def fit_width(vertebra: dict[str, Column], person: dict[str, Column]) -> dict[str, Any]:
    """Log width of L1-L4 on log depth, per sex: DXA area over body height plus disc (a mean width, not the rim's).

    The disc below L4 is not in the survey and is taken as 1.05 of the disc below L3.
    """
    lumbar = slice(MEASURED.index("L1"), None)
    area = np.stack([person[f"l{i}_area"] for i in range(1, 5)], 1) * 100  # cm2 to mm2
    disc = wide(vertebra, person, "disc_mid")[:, lumbar]
    disc[:, 3] = 1.05 * disc[:, 2]
    length = (wide(vertebra, person, "h_mid")[:, lumbar] + disc) * MM_PER_PX
    depth = np.log(sum(wide(vertebra, person, part)[:, lumbar] for part in BODY[3:]) / 2 * MM_PER_PX)
    sound = wide(vertebra, person, "sq")[:, lumbar] == 0
    width = np.where(sound, np.log(area / length), np.nan)
    rows = np.isfinite(width + depth).all(1)
    out: dict[str, Any] = {}
    for sex in "FM":
        w, d = width[rows & (person["sex"] == sex)], depth[rows & (person["sex"] == sex)]
        centred_w, centred_d = w - w.mean(0), d - d.mean(0)
        slope = float((centred_w * centred_d).sum() / (centred_d**2).sum())
        rest = centred_w - slope * centred_d
        own = rest.mean(1)
        within = rest - own[:, None]
        level_var = float((within**2).sum() / (len(w) * 3))
        out[sex] = {
            "mean": w.mean(0),
            "mean_depth": d.mean(0),
            "slope": slope,
            "person_sd": float(np.sqrt(own.var() - level_var / 4)),
            "level_sd": float(np.sqrt(level_var)),
        }
    return out


def filled(person: dict[str, Column]) -> tuple[Array, Array]:
    """Lumbar and neck T-scores; a missing one is predicted from age, sex and the other (fractures hide sites)."""
    out = []
    for own, other in (("t_lumbar", "t_neck"), ("t_neck", "t_lumbar")):
        known = np.isfinite(person[other])
        x = np.stack([np.ones(len(known)), person["sex"] == "M", person["age"], np.nan_to_num(person[other]), known], 1)
        rows = np.isfinite(person[own])
        guess = x @ np.linalg.lstsq(x[rows], person[own][rows], rcond=None)[0]
        out.append(np.where(rows, person[own], guess))
    return out[0], out[1]


def fit_fracture(grade: Array, person: dict[str, Column]) -> dict[str, Any]:
    """Random-intercept logistic regression of grade >= 1 by level, and grade >= 2 and 3 given fracture."""
    t_lumbar, t_neck = filled(person)
    x = fracture_terms((person["sex"] == "M").astype(float), person["age"], t_lumbar, t_neck)
    w = np.sqrt(person["weight"] / person["weight"].mean())  # half way: full weights leave too few fractures
    nodes, share = np.polynomial.hermite_e.hermegauss(21)
    seen, broken = np.isfinite(grade), np.nan_to_num(grade) >= 1
    k = len(MEASURED)

    def loss(p: Array) -> float:
        linear = p[:k][None, :, None] + (x @ p[k:-1])[:, None, None] + np.exp(p[-1]) * nodes[None, None, :]
        each = np.where(broken[:, :, None], -np.logaddexp(0, -linear), -np.logaddexp(0, linear)) * seen[:, :, None]
        person_log = np.logaddexp.reduce(each.sum(1) + np.log(share / share.sum()), axis=1)
        return float(-(w * person_log).sum() + 0.5 * (p[k:-1] ** 2).sum())

    start = np.concatenate([np.full(k, -5.0), np.zeros(x.shape[1]), [0.0]])
    best = minimize(loss, start, method="L-BFGS-B").x
    graded = np.stack([np.broadcast_to(v[:, None], grade.shape)[broken] for v in (x[:, 1], x[:, 3])], 1)
    value = grade[broken]
    return {
        "terms": list(FRACTURE_TERMS),
        "level_intercept": best[:k],
        "slope": best[k:-1],
        "person_sd": float(np.exp(best[-1])),
        "moderate": logit(graded, value >= 2),
        "severe": logit(graded[value >= 2], value[value >= 2] >= 3),
    }


def logit(x: Array, y: Rows) -> Array:
    """Intercept and slopes of a logistic regression, slopes slightly shrunk."""
    x = np.concatenate([np.ones((len(x), 1)), x], 1)

    def loss(p: Array) -> float:
        linear = x @ p
        return float((np.logaddexp(0, linear) - y * linear).sum() + 0.5 * (p[1:] ** 2).sum())

    return np.asarray(minimize(loss, np.zeros(x.shape[1]), method="BFGS").x)


def fit_deformity(
    vertebra: dict[str, Column], person: dict[str, Column], shape: dict[str, Any], size: Array, grade: Array
) -> dict[str, Any]:
    """Kinds by region and grade, and height lost (front, middle, back) by kind and grade: mean and SD."""
    x = np.nan_to_num(shape_covariates(person))
    expected = np.zeros((len(x), len(MEASURED), 3))
    for sex in "FM":
        rows = person["sex"] == sex
        fitted = x[rows] @ shape[sex]["coefficients"]
        for h, part in enumerate(BODY[:3]):
            expected[rows, :, h] = fitted[:, [NAMES.index(f"{lv}:{part}") for lv in MEASURED]]
    expected += size[:, None, :]
    seen = np.stack([wide(vertebra, person, part) * MM_PER_PX for part in BODY[:3]], 2)
    loss = 1 - np.exp(np.log(seen) - expected)
    ok = (np.nan_to_num(grade) >= 1) & np.isfinite(loss).all(2)
    loss, g = loss[ok], grade[ok].astype(int)
    region = np.broadcast_to(np.arange(len(MEASURED)) >= MEASURED.index("L2"), grade.shape)[ok].astype(int)
    kind = np.where(loss[:, 2] > CRUSH_LOSS, 2, np.where(loss[:, 0] >= loss[:, 1] - 0.03, 0, 1))
    counts = np.full((2, 3, 3), 0.5)  # region, grade, kind: half a case of each to begin with
    np.add.at(counts, (region, g - 1, kind), 1)
    pooled = counts.sum(0) / counts.sum((0, 2))[:, None] * 4 + counts  # small cells lean on both regions together
    mean, sd = np.zeros((3, 3, 3)), np.zeros((3, 3, 3))
    for i in range(3):
        for j in range(3):
            rows = (g == i + 1) & (kind == j)
            shared = g == i + 1
            share = rows.sum() / (rows.sum() + 2)
            mean[i, j] = share * (loss[rows].mean(0) if rows.any() else 0) + (1 - share) * loss[shared].mean(0)
            sd[i, j] = loss[rows].std(0) if rows.sum() > 4 else loss[shared].std(0) * 0.7
    return {
        "kinds": list(KINDS),
        "kind_share": pooled / pooled.sum(2, keepdims=True),
        "loss_mean": mean,
        "loss_sd": sd,
    }
