"""What quantities drawn for a simulated person tell of T, before any picture: ``python -m bmd evaluate cues``.

No network is trained. A quantity that goes with T more closely than anything in a patient does would be learned in
place of what the picture is meant to be read for; docs/simulator.md holds the table and what is known of patients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from bmd.metrics import auc
from bmd.reference import OSTEOPOROSIS_FROM_T
from bmd.simulator.case import draw_person
from bmd.simulator.film.projection import Geometry
from bmd.simulator.film.radiograph import BoneMaps, cast_bones
from bmd.simulator.person import bones
from bmd.simulator.person.anatomy import Skeleton, build_skeleton
from bmd.simulator.person.density import MASS_STEP_MM
from bmd.simulator.record import Array, Mask

LEVELS = ("L1", "L2", "L3", "L4")
SIDE = Geometry(1e5, 10.0, 0.0, 0.0, -130.0, 230.0, 2.0, 2.0, 130, 180)
"""A parallel beam from the side on pixels of 2 mm: what a film could show of the bones at best."""


def _mean(skeleton: Skeleton, part: str) -> float:
    return float(np.mean([float(skeleton.bone(level).shape[part]) for level in LEVELS]))


def _content(skeleton: Skeleton) -> float:
    """Mineral of L1-L4 over what the reading says it is."""
    person, grams, wanted = skeleton.person, 0.0, 0.0
    for k, level in enumerate(LEVELS, start=3):
        p, v = skeleton.bone(level).shape, person.vertebrae[k]
        mass = bones.component_mass(p, MASS_STEP_MM)
        grams += float(mass[:3] @ [p.trabecular_g_cm3, p.cortex_g_cm3, p.endplate_g_cm3] + mass[3])
        wanted += person.bmd[level] * v.width_mm * (v.height_mid_mm + person.discs[k].height_mid_mm) / 100
    return grams / wanted


def _lost_height(skeleton: Skeleton) -> float:
    """Smallest front or middle height over the back's among T10-L5."""
    return min(min(v.height_ant_mm, v.height_mid_mm) / v.height_post_mm for v in skeleton.person.vertebrae)


DRAWN: Mapping[str, Callable[[Skeleton], float]] = {
    "trabecular": lambda s: _mean(s, "trabecular_g_cm3"),
    "cortex": lambda s: _mean(s, "cortex_g_cm3"),
    "end_plates": lambda s: _mean(s, "endplate_g_cm3"),
    "arch": lambda s: _mean(s, "posterior_shell_g_cm3"),
    "texture": lambda s: -s.rarefied,
    "mineral": lambda s: _content(s) * s.person.bmd["L1-L4"],
    "sacrum_core": lambda s: float(s.sacrum.core_g_cm3),
    "sacrum_rind": lambda s: float(s.sacrum.rind_g_cm3),
    "sacrum_lamina": lambda s: float(s.sacrum.rind_g_cm3 * s.sacrum.lamina),
    "hip_core": lambda s: float(s.hips.core_g_cm3),
    "hip_rim": lambda s: float(s.hips.rind_g_cm3 * s.hips.rim),
    "femur_rind": lambda s: float(s.hips.femur_rind_g_cm3),
    "red_marrow": lambda s: -s.yellow,
    "height_kept": _lost_height,
    "depth_of_body": lambda s: _mean(s, "half_depth_mm"),
    "wear": lambda s: s.degeneration,
    "youth": lambda s: -s.person.body.age_y,
    "body_mass_index": lambda s: s.person.body.bmi,
    "fat_under_skin": lambda s: s.torso.fat_mm,
}
"""Quantities of a skeleton that may tell of its density, each so that more should go with a higher T-score."""

SEEN: Mapping[str, Callable[[BoneMaps], float]] = {
    "seen_bodies": lambda m: _inside(m.bodies, m),
    "seen_all": lambda m: _inside(m.bodies + m.posterior + m.pelvis, m),
    "seen_arch": lambda m: float(np.percentile(m.posterior[: SIDE.height * 6 // 10], 98)),
    "seen_pelvis": lambda m: float(m.pelvis.mean()),
}
"""Line integrals of bone from the side, g/cm2: mean within the silhouettes of L1-L4, and of arch and pelvis."""

TOGETHER = {
    "body_together": ("trabecular", "cortex", "end_plates"),
    "bone_together": ("trabecular", "cortex", "end_plates", "arch"),
    "everything_together": (*(name for name in DRAWN if name != "mineral"), *SEEN),
}
"""Least squares on standardised values, fitted on one half of the people and read on the other."""


def _inside(picture: Array, maps: BoneMaps) -> float:
    lumbar = (maps.labels >= 4) & (maps.labels <= 7)
    return float(picture[lumbar].mean()) if lumbar.any() else float("nan")


def draw_cues(count: int, seed: int, cohort: str = "film") -> tuple[dict[str, Array], Array, Mask]:
    """Every quantity of ``count`` people, (count,) each; their T-scores L1-L4; whether each is a woman."""
    rows, t, women = [], [], []
    for i in range(count):
        rng = np.random.default_rng(seed + i)
        skeleton = build_skeleton(draw_person(rng, None, cohort), rng)
        maps = cast_bones(skeleton, SIDE, np.eye(3))
        rows.append([f(skeleton) for f in DRAWN.values()] + [f(maps) for f in SEEN.values()])
        t.append(skeleton.person.t_scores["L1-L4"])
        women.append(skeleton.person.body.sex == "F")
    values = np.array(rows).T
    return dict(zip((*DRAWN, *SEEN), values, strict=True)), np.array(t), np.array(women, bool)


def together(columns: Array, t: Array) -> Array:
    """T-scores (n,) read from ``columns`` (n, k) by least squares, each half of the people by the other half's fit."""
    x = np.column_stack([np.ones(len(t)), (columns - columns.mean(0)) / (columns.std(0) + 1e-9)])
    half, read = np.arange(len(t)) % 2 == 0, np.empty(len(t))
    for rows in (half, ~half):
        read[rows] = x[rows] @ np.linalg.lstsq(x[~rows], t[~rows], rcond=None)[0]
    return read


def evaluate_cues(count: int = 1500, seed: int = 700_000) -> dict[str, Any]:
    """Draw people from 50 years on and set what was drawn of each against their T-score (L1-L4).

    Parameters
    ----------
    count : int
        People; person ``i`` has the seed ``seed + i``.
    seed : int

    Returns
    -------
    dict
        ``people``, ``osteoporosis`` (T <= -2.5), ``seeds``, and ``cues``: name to ``r`` with T, ``r_women``, ``r_men``
        and ``auc`` for osteoporosis, largest ``r`` first.
    """
    return summary(*draw_cues(count, seed), TOGETHER, seed)


def summary(
    values: dict[str, Array], t: Array, women: Mask, parts: Mapping[str, Sequence[str]], seed: int
) -> dict[str, Any]:
    """What ``evaluate_cues`` returns, of quantities (n,) by name and the T-scores (n,) of people from ``seed`` on.

    ``parts`` names which quantities are also read together, and what that is called.
    """
    joined = {name: together(np.column_stack([values[part] for part in some]), t) for name, some in parts.items()}
    return {
        "people": len(t),
        "osteoporosis": int((t <= OSTEOPOROSIS_FROM_T).sum()),
        "seeds": [seed, seed + len(t) - 1],
        "cues": against_t(values | joined, t, women),
    }


def against_t(values: Mapping[str, Array], t: Array, women: Mask) -> dict[str, dict[str, float]]:
    """For each quantity (n,) its r with T-scores (n,) and its AUC for T <= -2.5, largest r first."""
    cues = {}
    for name, value in values.items():
        cues[name] = {
            "r": _r(value, t),
            "r_women": _r(value[women], t[women]),
            "r_men": _r(value[~women], t[~women]),
            "auc": round(auc(t <= OSTEOPOROSIS_FROM_T, -value), 3),
        }
    return dict(sorted(cues.items(), key=lambda item: -abs(item[1]["r"])))


def _r(value: Array, t: Array) -> float:
    return round(float(np.corrcoef(value, t)[0, 1]), 3)
