"""Clinical constants, each with its source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from numpy.typing import NDArray

LEVELS = ("T10", "T11", "T12", "L1", "L2", "L3", "L4", "L5", "S1")
"""Levels the simulator draws and the localiser looks for, cranial to caudal; label-map value = index + 1."""

LUMBAR = ("L1", "L2", "L3", "L4", "L5")
"""Levels shown to the user. Counted up from the sacrum: L5 is the last vertebra above it."""

CATEGORIES = ("normal", "osteopenia", "osteoporosis")
"""WHO classes, in the order of every probability vector."""

OSTEOPENIA_BELOW_T = -1.0
"""Normal is T >= -1.0 (WHO)."""

OSTEOPOROSIS_FROM_T = -2.5
"""Osteoporosis is T <= -2.5; osteopenia (low bone mass) lies between: -2.5 < T < -1.0 (WHO)."""

Value = TypeVar("Value", float, NDArray)


@dataclass(frozen=True)
class Reference:
    """Young-adult mean and SD (g/cm2) of each site, the densitometer they belong to, and where they come from."""

    name: str
    maker: str
    mean: dict[str, float]
    sd: dict[str, float]
    source: str


_YOUNG_WHITE_WOMEN = {"L1": (0.961, 0.119), "L2": (1.065, 0.121), "L3": (1.101, 0.118), "L4": (1.083, 0.115)}
_SCALE = 1.047 / 1.060  # L1-L4 of the maker's reference over that of the same survey women

HOLOGIC = Reference(
    name="Hologic white women, hip NHANES III",
    maker="Hologic",
    mean={
        "L1-L4": 1.047,
        **{level: round(mean * _SCALE, 3) for level, (mean, _) in _YOUNG_WHITE_WOMEN.items()},
        "L5": 1.052,
        "femoral_neck": 0.858,
        "total_hip": 0.942,
    },
    sd={
        "L1-L4": 0.110,
        **{level: sd for level, (_, sd) in _YOUNG_WHITE_WOMEN.items()},
        "L5": 0.115,
        "femoral_neck": 0.120,
        "total_hip": 0.122,
    },
    source="x",
)


def category(t: float) -> str:
    """WHO class of a T-score."""
    if t >= OSTEOPENIA_BELOW_T:
        return "normal"
    return "osteopenia" if t > OSTEOPOROSIS_FROM_T else "osteoporosis"


def t_score(bmd: Value, site: str, reference: Reference = HOLOGIC) -> Value:
    """T-score of a density (g/cm2) at a site of the reference."""
    return (bmd - reference.mean[site]) / reference.sd[site]


def bmd(t: Value, site: str, reference: Reference = HOLOGIC) -> Value:
    """Density (g/cm2) with that T-score: the inverse of ``t_score``."""
    return reference.mean[site] + t * reference.sd[site]
