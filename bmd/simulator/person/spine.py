"""Vertebral shapes, discs and fractures of one simulated person, from the numbers of ``population.fit_spine``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import expit

from bmd import reference

LEVELS = reference.LEVELS[:-1]  # T10..L5
MEASURED = LEVELS[:-1]  # T10..L4
HEIGHTS = ("h_ant", "h_mid", "h_post")
DEPTHS = ("depth_sup", "depth_inf")
DISCS = ("disc_ant", "disc_mid", "disc_post")
KINDS = ("wedge", "biconcave", "crush")

L5_OVER_L4 = {
    "F": {"h_ant": 29.6 / 27.9, "h_post": 25.5 / 27.2, "depth_sup": 33.3 / 32.1, "depth_inf": 33.3 / 32.1},
    "M": {"h_ant": 30.7 / 28.8, "h_post": 26.8 / 28.7, "depth_sup": 37.1 / 35.8, "depth_inf": 37.1 / 35.8},
}
"""Mean L5 (CT, Cook & Baker 2021, Int J Spine Surg, Table 6) over mean L4 (NHANES at 0.38 mm/px)."""

LOWER_DISCS = {"L4": (1.10, 1.05, 1.00), "L5": (1.25, 1.15, 0.92)}
"""Front, middle, back of discs L4-L5 and L5-S1 over L3-L4: the survey has none; medians of 18 annotated films."""

WIDTH_OVER_L1 = {"T10": 0.86, "T11": 0.90, "T12": 0.95}
"""Mean width of the lower thoracic bodies over L1: assumed, the survey has no width there."""

L5_WIDTH_OVER_L4 = 1.03
"""Mean width of L5 over L4: assumed."""

L5_NOISE = 0.04
"""SD of the log of an L5 length given L4, as L4 given L3 in the survey (heights .04, depths .03)."""

DISC_NOISE = 0.12
"""SD of the log of a lower disc's height given the disc above."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class VertebraShape:
    """One vertebral body in mm, heights as they are after any fracture (grade 0-3, Genant)."""

    level: str
    height_ant_mm: float
    height_mid_mm: float
    height_post_mm: float
    depth_sup_mm: float
    depth_inf_mm: float
    width_mm: float
    fracture_grade: int = 0
    fracture_kind: str = ""

    @property
    def lengths_mm(self) -> tuple[float, float, float, float, float]:
        """In the order of ``HEIGHTS`` and ``DEPTHS``."""
        heights = (self.height_ant_mm, self.height_mid_mm, self.height_post_mm)
        return (*heights, self.depth_sup_mm, self.depth_inf_mm)


@dataclass(frozen=True)
class Disc:
    """The disc below ``level``: heights in mm."""

    level: str
    height_ant_mm: float
    height_mid_mm: float
    height_post_mm: float

    @property
    def lengths_mm(self) -> tuple[float, float, float]:
        """In the order of ``DISCS``."""
        return self.height_ant_mm, self.height_mid_mm, self.height_post_mm


def fracture_terms(male: Array, age: Array, t_lumbar: Array, t_neck: Array) -> Array:
    """(n, 6) predictors of fracture; the risk bends upwards at high age and low density."""
    bends = [np.maximum(age - 75, 0) / 10, t_neck + 1, np.maximum(-2 - t_neck, 0), np.maximum(-2 - t_lumbar, 0)]
    return np.stack([male, (age - 60) / 10, *bends], 1)


def sample_grades(
    rng: Generator, fit: dict[str, Any], age: Array, male: NDArray[np.bool_], t_lumbar: Array, t_neck: Array
) -> NDArray[np.int8]:
    """Genant grade (n, 8) of T10..L5; L5 breaks as often as L4 (extrapolated)."""
    x = fracture_terms(male.astype(float), age, t_lumbar, t_neck)
    tendency = fit["person_sd"] * rng.standard_normal(len(age))
    intercept = np.append(fit["level_intercept"], fit["level_intercept"][-1])
    linear = intercept[None, :] + (x @ fit["slope"] + tendency)[:, None]
    draw = rng.random((3, len(age), len(LEVELS)))
    broken = draw[0] < expit(linear)
    severity = np.stack([np.ones(len(age)), x[:, 1], x[:, 3]], 1)
    moderate = draw[1] < expit(severity @ fit["moderate"])[:, None]
    severe = draw[2] < expit(severity @ fit["severe"])[:, None]
    return np.asarray(broken * (1 + moderate * (1 + severe)), np.int8)


def sample_spine(
    rng: Generator,
    fit: dict[str, Any],
    male: bool,
    age: float,
    height_cm: float,
    weight_kg: float,
    t_lumbar: float,
    t_neck: float,
    grades: NDArray[np.int8],
) -> tuple[tuple[VertebraShape, ...], tuple[Disc, ...]]:
    """Vertebrae T10..L5 and the discs below them."""
    shape, sex = fit["shape"], "M" if male else "F"
    x = [1.0, np.log(height_cm / 165), (age - 60) / 10, np.log(weight_kg / 80), t_lumbar + 1, t_neck + 1]
    z = shape[sex]["cholesky"] @ rng.standard_normal(len(shape["names"]))
    for part in DISCS:
        columns = [i for i, name in enumerate(shape["names"]) if name.endswith(part)]
        z[columns] = np.interp(z[columns], shape["skew_quantiles"]["z"], shape["skew_quantiles"][part])
    logs = np.array(x) @ shape[sex]["coefficients"] + shape[sex]["sd"] * np.clip(z, -4, 4)
    size = dict(zip(shape["names"], np.exp(logs).tolist(), strict=True))
    _extrapolate(rng, size, sex)
    widths = _widths(rng, fit["width"][sex], np.array([[size[f"{lv}:{part}"] for part in DEPTHS] for lv in LEVELS]))
    vertebrae = []
    for i, level in enumerate(LEVELS):
        heights = np.array([size[f"{level}:{part}"] for part in HEIGHTS])
        kind, heights = _deform(rng, fit["deformity"], level, int(grades[i]), heights)
        depth = [size[f"{level}:{part}"] for part in DEPTHS]
        ant, mid, post = heights.tolist()
        vertebrae.append(
            VertebraShape(level, ant, mid, post, depth[0], depth[1], float(widths[i]), int(grades[i]), kind)
        )
    discs = tuple(Disc(level, *(size[f"{level}:{part}"] for part in DISCS)) for level in LEVELS)
    return tuple(vertebrae), discs


def _widths(rng: Generator, fit: dict[str, Any], depths: Array) -> Array:
    """Mean widths (8,) of T10..L5, mm, given the depths (8, 2)."""
    mean, mean_depth = np.empty(len(LEVELS)), np.empty(len(LEVELS))
    mean[3:7], mean_depth[3:7] = fit["mean"], fit["mean_depth"]
    mean[:3] = fit["mean"][0] + np.log(list(WIDTH_OVER_L1.values()))
    mean[7] = fit["mean"][3] + np.log(L5_WIDTH_OVER_L4)
    mean_depth[:3], mean_depth[7] = fit["mean_depth"][0] + np.log([0.95, 0.96, 0.97]), fit["mean_depth"][3] + 0.036
    own = fit["person_sd"] * rng.standard_normal() + fit["level_sd"] * rng.standard_normal(len(LEVELS))
    return np.asarray(np.exp(mean + fit["slope"] * (np.log(depths.mean(1)) - mean_depth) + own))


def _extrapolate(rng: Generator, size: dict[str, float], sex: str) -> None:
    """Add L5 and the two lowest discs to the lengths."""
    shared, noise = L5_NOISE * rng.standard_normal(), L5_NOISE / 2 * rng.standard_normal(5)
    for part, own in zip(("h_ant", "h_post", *DEPTHS), noise, strict=False):
        size[f"L5:{part}"] = size[f"L4:{part}"] * L5_OVER_L4[sex][part] * float(np.exp(shared * 0.7 + own))
    waist = size["L4:h_mid"] / (size["L4:h_ant"] + size["L4:h_post"])
    size["L5:h_mid"] = waist * (size["L5:h_ant"] + size["L5:h_post"])
    narrowing = 0.0
    for level, factors in LOWER_DISCS.items():
        narrowing = min(narrowing + DISC_NOISE * rng.standard_normal(), 0.15)  # discs wear; few gain
        for part, factor in zip(DISCS, factors, strict=True):
            size[f"{level}:{part}"] = size[f"L3:{part}"] * factor * float(np.exp(narrowing))


def _deform(rng: Generator, fit: dict[str, Any], level: str, grade: int, heights: Array) -> tuple[str, Array]:
    """Kind of fracture and the heights (front, middle, back) it leaves."""
    if grade == 0:
        return "", heights
    region = int(LEVELS.index(level) >= LEVELS.index("L2"))
    kind = int(np.searchsorted(np.cumsum(fit["kind_share"][region, grade - 1])[:2], rng.random()))
    loss = fit["loss_mean"][grade - 1, kind] + fit["loss_sd"][grade - 1, kind] * np.clip(rng.standard_normal(3), -2, 2)
    return KINDS[kind], heights * (1 - np.clip(loss, -0.05, 0.75))
