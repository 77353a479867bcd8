"""Clinical constants, each with its source.

How sure a number is: *read* in the text named; *computed* from the public-use files of CDC NHANES (survey weighted);
*derived* by regression on pairs of density and T-score that a clinic's densitometer printed.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, erf, floor, isfinite, sqrt
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

LEVELS = ("T10", "T11", "T12", "L1", "L2", "L3", "L4", "L5", "S1")
"""Levels the simulator draws and the localiser looks for, cranial to caudal; label-map value = index + 1."""

UNNAMED = 255
"""Label-map value of the bodies above T10 that long films show: no class names them, no loss judges them."""

LUMBAR = ("L1", "L2", "L3", "L4", "L5")
DETECTED = {"five": (0, 1, 2, 3, 4), "nine": (0, 1, 2, 3, 0, 1, 2, 3, 4)}
"""Levels, as indices into ``LUMBAR``, of a detector's classes (Jung 2020): one for each; or L1-L4 not osteoporotic, the
same osteoporotic, L5."""
"""Levels shown to the user. Counted up from the sacrum: L5 is the last vertebra above it."""

DENSITY_LEVELS = ("L1", "L2", "L3", "L4")
"""Levels that densitometry measures at the spine and whose mean is the patient's T-score (ISCD). What is told of L5 in
``HOLOGIC`` is extrapolated: enough to simulate a spine with, not to report."""

CATEGORIES = ("normal", "osteopenia", "osteoporosis")
"""WHO classes, in the order of every probability vector."""

OSTEOPENIA_BELOW_T = -1.0
"""Normal is T >= -1.0 (WHO; read: Clin Mol Allergy 2004;2:9, Table 1)."""

OSTEOPOROSIS_FROM_T = -2.5
"""Osteoporosis is T <= -2.5; osteopenia (low bone mass) is what lies between, -2.5 < T < -1.0 (WHO; same source)."""

HALF_STEP = 0.05
"""Half of the step to which T-scores are reported: -1.04 is reported as -1.0 and is normal."""

MINIMUM_AGE_FOR_T = 50
"""WHO classes are for postmenopausal women and men from 50; below, Z-scores (read: ISCD 2005, PubMed 16731428)."""

LOW_FOR_AGE_FROM_Z = -2.0
"""Below 50: Z <= -2.0 is "below the expected range for age" (read: same source)."""

Value = TypeVar("Value", float, NDArray[np.floating])


@dataclass(frozen=True)
class Reference:
    """Young adults a density is compared with.

    Attributes
    ----------
    mean, sd : dict of str to float
        g/cm2 by site: "L1".."L5", "L1-L4", "femoral_neck", "total_hip", as far as known.
    maker : str
        Densitometer whose scale the numbers are on. Hologic and GE Lunar differ by about 13 % at the spine.
    """

    name: str
    maker: str
    mean: dict[str, float]
    sd: dict[str, float]
    source: str


# Lumbar L1-L4: constant found in public code, the maker's own table was not seen. Together with the neck it reproduces
# the prevalence CDC published for 2017-18 (>= 50 y: 19.5 % of women, 4.7 % of men; published 19.6, 4.4; DB405).
# Neck and hip: NHANES III white women 20-29, Looker 1998 (Osteoporos Int 8:468), values as in public NHANES readers.
# Levels L1-L4: computed, NHANES 2005-10 non-Hispanic white women 20-29 (0.961/.119 1.065/.121 1.101/.118 1.083/.115;
# L1-L4 1.060/.109), means scaled by 0.9904 so that T = 0 at every level is L1-L4 T = 0 (shares of area .216 .235 .259
# .290), SDs by .110/.109. L5 is extrapolated: the step L3-L4 once more, SD of L4.
HOLOGIC = Reference(
    name="White women, young adults (Hologic spine, NHANES III hip)",
    maker="Hologic",
    mean={
        "L1": 0.952,
        "L2": 1.055,
        "L3": 1.090,
        "L4": 1.073,
        "L5": 1.056,
        "L1-L4": 1.047,
        "femoral_neck": 0.858,
        "total_hip": 0.942,
    },
    sd={
        "L1": 0.120,
        "L2": 0.122,
        "L3": 0.119,
        "L4": 0.116,
        "L5": 0.116,
        "L1-L4": 0.110,
        "femoral_neck": 0.120,
        "total_hip": 0.122,
    },
    source="Hologic white women L1-L4; NHANES III hip (Looker 1998); levels after NHANES 2005-10, L5 extrapolated",
)

# Computed: NHANES 2005-10, non-Hispanic white women 20-29.
NHANES_2005_2010 = Reference(
    name="White women 20-29, NHANES 2005-2010",
    maker="Hologic",
    mean={
        "L1": 0.961,
        "L2": 1.065,
        "L3": 1.101,
        "L4": 1.083,
        "L1-L4": 1.060,
        "femoral_neck": 0.878,
        "total_hip": 0.966,
    },
    sd={"L1": 0.119, "L2": 0.121, "L3": 0.118, "L4": 0.115, "L1-L4": 0.109, "femoral_neck": 0.117, "total_hip": 0.117},
    source="CDC NHANES 2005-2010, survey weighted",
)

# Derived: regression over printed pairs of lumbar density and T-score (r = .996); women's scale.
LUNAR = Reference(
    name="Women, GE Lunar",
    maker="GE Lunar",
    mean={"L1-L4": 1.18},
    sd={"L1-L4": 0.12},
    source="derived from densitometer printouts",
)

REFERENCES = {"hologic": HOLOGIC, "nhanes_2005_2010": NHANES_2005_2010, "lunar": LUNAR}
"""By key. ISCD 2023: the same white female reference for women and men of all ethnic groups."""


def category(t: float) -> str:
    """WHO class of a T-score: -1.0 is normal, -2.5 is osteoporosis.

    Differences beyond the sixth decimal are rounding of the density and do not decide.

    Raises
    ------
    ValueError
        The T-score is not a finite number.
    """
    if not isfinite(t):
        raise ValueError(f"a T-score must be a finite number, not {t}")
    t = round(float(t), 6)
    if t >= OSTEOPENIA_BELOW_T:
        return "normal"
    return "osteopenia" if t > OSTEOPOROSIS_FROM_T else "osteoporosis"


def reached_categories(interval: tuple[float, float] | None) -> tuple[str, ...]:
    """WHO classes that an interval of T-scores reaches into, from its upper end to its lower; none without one."""
    if interval is None:
        return ()
    low, high = (CATEGORIES.index(category(t)) for t in interval)
    return tuple(CATEGORIES[high : low + 1])


def reported_t(t: float) -> float:
    """T-score as it is reported and classified: to 0.1, as densitometers print it (docs/decisions/0010)."""
    return round(float(t), 1) + 0.0  # never -0.0


def reported_interval(low: float, high: float) -> tuple[float, float]:
    """Ends of a T-score interval as reported: rounded outwards to 0.1, so that its coverage is not lowered."""
    return floor(round(10 * low, 6)) / 10 + 0.0, ceil(round(10 * high, 6)) / 10 + 0.0


def class_shares(t: float, spread: float) -> dict[str, float]:
    """Share of each WHO class for a T-score known up to a normal error of that spread; limits as reported, to 0.1."""
    limits = OSTEOPENIA_BELOW_T - HALF_STEP, OSTEOPOROSIS_FROM_T + HALF_STEP
    low, osteoporosis = ((1 + erf((limit - t) / spread / sqrt(2))) / 2 for limit in limits)
    shares = (1 - low, low - osteoporosis, osteoporosis)
    return {name: round(share, 4) for name, share in zip(CATEGORIES, shares, strict=True)}


def t_score(bmd: Value, site: str, reference: Reference = HOLOGIC) -> Value:
    """T-score of a density (g/cm2, on the scale of the reference's densitometer) at one of the reference's sites."""
    return (bmd - reference.mean[site]) / reference.sd[site]


def bmd(t: Value, site: str, reference: Reference = HOLOGIC) -> Value:
    """Density (g/cm2) with that T-score: the inverse of ``t_score``."""
    return reference.mean[site] + t * reference.sd[site]


def lunar_to_hologic(bmd_lunar: Value) -> Value:
    """Lumbar density on the Hologic scale, g/cm2 (read: Genant 1994 quoted by Fan 2010); one person errs by 4-7 %."""
    return 0.906 * bmd_lunar - 0.025


# --- age ---------------------------------------------------------------------------------------------------------
CURVE_AGES = (25.0, 35.0, 45.0, 55.0, 65.0, 75.0, 84.0)
"""Middle of the decades 20-29 .. 70-79, and 80 and over."""

# Computed: CDC NHANES 2005-2010, weighted mean and SD, g/cm2.
_CURVES: dict[str, dict[str, tuple[tuple[float, ...], tuple[float, ...]]]] = {
    "F": {
        "L1-L4": ((1.059, 1.072, 1.057, 0.987, 0.953, 0.911, 0.923), (0.118, 0.119, 0.135, 0.146, 0.143, 0.168, 0.155)),
        "femoral_neck": (
            (0.886, 0.861, 0.833, 0.767, 0.728, 0.689, 0.633),
            (0.128, 0.124, 0.129, 0.125, 0.119, 0.124, 0.119),
        ),
        "total_hip": (
            (0.969, 0.965, 0.951, 0.892, 0.855, 0.810, 0.746),
            (0.126, 0.126, 0.133, 0.133, 0.130, 0.143, 0.130),
        ),
    },
    "M": {
        "L1-L4": ((1.058, 1.048, 1.053, 1.055, 1.067, 1.070, 1.088), (0.120, 0.126, 0.132, 0.151, 0.147, 0.172, 0.199)),
        "femoral_neck": (
            (0.959, 0.904, 0.879, 0.838, 0.813, 0.779, 0.736),
            (0.140, 0.136, 0.123, 0.126, 0.137, 0.131, 0.136),
        ),
        "total_hip": (
            (1.077, 1.047, 1.047, 1.021, 1.000, 0.969, 0.921),
            (0.140, 0.140, 0.133, 0.147, 0.148, 0.145, 0.157),
        ),
    },
}


def age_curve(age_y: Value, sex: str, site: str = "L1-L4") -> tuple[Value, Value]:
    """Mean and SD of density (g/cm2, Hologic) of Americans of that age and sex, NHANES 2005-2010; 20-90 years.

    Straight between the middles of decades and constant beyond them. Sites: L1-L4, femoral_neck, total_hip.
    """
    mean, sd = _CURVES[sex][site]
    found = np.interp(age_y, CURVE_AGES, mean), np.interp(age_y, CURVE_AGES, sd)
    if np.ndim(age_y) == 0:
        return float(found[0]), float(found[1])  # type: ignore[return-value]
    return found


def z_score(bmd: Value, age_y: Value, sex: str, site: str = "L1-L4") -> Value:
    """How many SDs a density lies from the mean of the same age and sex (``age_curve``)."""
    mean, sd = age_curve(age_y, sex, site)
    score: Value = (bmd - mean) / sd
    return score


# --- CT ----------------------------------------------------------------------------------------------------------
HU_L1_SENSITIVE = 160.0
"""L1 trabecular HU: <= 160 finds 90 % of DXA osteoporosis (read: Pickhardt 2013, 1,867 adults)."""

HU_L1_SPECIFIC = 110.0
"""L1 trabecular HU: <= 110 is more than 90 % specific for DXA osteoporosis (read: same source)."""

HU_LEVELS = ("T12", *DENSITY_LEVELS)
"""Levels the cut-offs are used at: the same source found "similar performance" from T12 to L5; L5 is not classed."""

HU_KVP = 120.0
"""Tube voltage of the normal values (read: Jang 2019)."""

HU_DXA_R = 0.59
"""Correlation of HU with density by DXA, pooled over 41 studies (read: Mousavi 2024; 95 % interval .53-.64)."""

HU_DXA_R_ENDS = (0.35, 0.64)
"""The weakest of these studies, and the upper end of the pooled interval (read: same source)."""

OSTEOPOROSIS_AGES = (54.4, 64.1, 73.8, 80.5)
"""Mean ages of the decades 50-59, 60-69, 70-79, and of 80 and over, in ``OSTEOPOROSIS_SHARE``."""

# Computed: NHANES 2005-2020, T <= -2.5 on ``HOLOGIC`` at the lowest of lumbar spine, femoral neck and total hip, survey
# weighted, 11,125 people with both spine and hip. All from 50 on: 10.2 %; CDC published 12.6 % for 2017-18 (DB405).
OSTEOPOROSIS_SHARE = {"F": (0.081, 0.145, 0.266, 0.374), "M": (0.031, 0.031, 0.052, 0.125)}
"""Share of Americans of that sex and age with osteoporosis by DXA."""

PEOPLE_FROM_50 = {"F": (0.212, 0.164, 0.099, 0.053), "M": (0.206, 0.149, 0.083, 0.035)}
"""How Americans from 50 on divide into the same groups (computed: same files)."""


def hu_normal(age_y: float) -> tuple[float, float]:
    """Mean and SD of L1 trabecular HU at 120 kV in people of that age, women and men alike.

    Read (Jang 2019, 20,374 CT): 226 +- 44 under 30, 89 +- 38 from 90 on, 2.5 HU less a year. The line is laid through
    226 at 28 years (derived) and never below 89; the SD runs straight between the two.
    """
    mean = max(226.0 - 2.5 * max(age_y - 28.0, 0.0), 89.0)
    return mean, float(np.interp(age_y, (28.0, 90.0), (44.0, 38.0)))


def osteoporosis_share(age_y: float, sex: str) -> float:
    """Share of Americans of that age and sex with osteoporosis by DXA; see ``OSTEOPOROSIS_SHARE``."""
    return float(np.interp(age_y, OSTEOPOROSIS_AGES, OSTEOPOROSIS_SHARE[sex]))


# --- scores from age and weight ----------------------------------------------------------------------------------
OST_SCREEN_BELOW = {"F": 2, "M": 4}
"""Osteoporosis Self-assessment Tool: scan women below 2, men below 4 (read: University of Washington, osteoed)."""

ORAI_SCREEN_FROM = 9
"""Osteoporosis Risk Assessment Instrument: scan from 9 points (read: CMAJ 2000;162:1289)."""


def ost(age_y: float, weight_kg: float) -> int:
    """Osteoporosis Self-assessment Tool: 0.2 x (weight - age), truncated to an integer."""
    return int(0.2 * (weight_kg - age_y))


def osta_risk(age_y: float, weight_kg: float) -> str:
    """Asian variant of the same index: "low" above -1, "high" below -4, else "medium"."""
    index = ost(age_y, weight_kg)
    if index > -1:
        return "low"
    return "high" if index < -4 else "medium"


def orai(age_y: float, weight_kg: float, oestrogen: bool = False) -> int:
    """Points of the Osteoporosis Risk Assessment Instrument, 0-26 (women from 45)."""
    age = 15 if age_y >= 75 else 9 if age_y >= 65 else 5 if age_y >= 55 else 0
    weight = 9 if weight_kg < 60 else 3 if weight_kg < 70 else 0
    return age + weight + (0 if oestrogen else 2)
