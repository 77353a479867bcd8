"""The vertebrae above T10, which only films with a long field show: simple bodies and arches on a curved column.

Sizes relative to T10 follow the usual tables of adult thoracic vertebrae (depth falls by two fifths up to T1, height by
a quarter, width least at T5); the kyphosis from T1 to T10, 33 +/- 9 degrees, is that of standing adults.
"""

from __future__ import annotations

import math

import numpy as np

from bmd.simulator.person.anatomy import Bone, Skeleton, rotation

ABOVE = ("T9", "T8", "T7", "T6", "T5", "T4", "T3", "T2", "T1")
DEPTH = (0.98, 0.95, 0.92, 0.88, 0.84, 0.79, 0.73, 0.66, 0.60)
WIDTH = (0.96, 0.93, 0.90, 0.87, 0.85, 0.86, 0.88, 0.92, 0.97)
HEIGHT = (0.97, 0.94, 0.92, 0.89, 0.87, 0.85, 0.83, 0.79, 0.75)
DISC_MM = (5.5, 5.2, 5.0, 4.8, 4.6, 4.4, 4.2, 4.0, 4.0)
KYPHOSIS_DEG = (33.0, 9.0)


def upper_vertebrae(skeleton: Skeleton, rng: np.random.Generator) -> tuple[Bone, ...]:
    """T9, T8 ... T1 on top of a skeleton's T10, in the patient frame; their densities are those of T10."""
    below = skeleton.bone("T10")
    tilt = math.atan2(float(below.rotation[2, 1]), float(below.rotation[2, 2]))
    size = skeleton.person.body.height_cm / 165.0
    swayed = max(0.0, -math.degrees(tilt) - 12)  # who leans back there bends forward above, head over the hips
    kyphosis = math.radians(float(np.clip(rng.normal(*KYPHOSIS_DEG) + 0.7 * swayed, 8, 70)))
    if skeleton.person.body.age_y > 65:
        kyphosis *= rng.uniform(1.0, 1.4)
    top = below.centre_mm + _up(tilt) * below.shape.half_height_mm
    placed = []
    for k, level in enumerate(ABOVE):
        bend = kyphosis / len(ABOVE) * math.exp(rng.normal(0, 0.2))
        middle, tilt = tilt + bend / 2, tilt + bend
        p = below.shape.changed(
            half_depth_mm=below.shape.half_depth_mm * DEPTH[k],
            half_width_mm=below.shape.half_width_mm * WIDTH[k],
            half_height_mm=below.shape.half_height_mm * HEIGHT[k] * math.exp(rng.normal(0, 0.02)),
            wedge_top_mm=0.5,
            wedge_bottom_mm=0.5,
            dish_top_mm=1.0,
            dish_bottom_mm=1.0,
            osteophyte_mm=0.5 * below.shape.osteophyte_mm,
            pedicle_radius_mm=below.shape.pedicle_radius_mm * (0.6 + 0.4 * DEPTH[k]),
            spinous_length_mm=below.shape.spinous_length_mm * rng.uniform(0.9, 1.2),
        )
        top = top + DISC_MM[k] * size * math.exp(rng.normal(0, 0.12)) * _up(middle)
        centre = top + p.half_height_mm * _up(tilt)
        placed.append(Bone(level, p, centre, rotation(tilt, rng.normal(0, 0.02), rng.normal(0, 0.02)), 0))
        top = centre + p.half_height_mm * _up(tilt)
    return tuple(placed)


def _up(tilt: float) -> np.ndarray:
    """Unit vector towards the head along a column that leans forward by ``tilt``."""
    return np.array([0.0, math.sin(tilt), math.cos(tilt)])
