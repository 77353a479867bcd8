"""Metal and cement in the scanner: hip prostheses, pedicle screws with rods, cement in bodies; and their streaks."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np

from bmd.simulator.ct.organs import ANYWHERE, Painter
from bmd.simulator.ct.slab import Shapes
from bmd.simulator.person.anatomy import Bone
from bmd.simulator.person.bones import POSTERIOR_WALL
from bmd.simulator.person.femur import Femur
from bmd.simulator.record import F32, Array, Mask

METAL_HU = 3071.0  # where a twelve-bit scanner ends
EVERYWHERE = ANYWHERE | 1 | (1 << 1)


def prosthesis(head: Array, femur: Femur, to_patient: Callable[[int, Array], Array], side: int) -> Shapes:
    """Shapes of a total hip: cup, head, neck and stem; ``to_patient`` maps a side and a point from its head to mm."""
    paint = Painter()
    base = float(femur.length_mm) * femur.neck.astype(float)
    knee, tip = to_patient(side, np.add(base, (-4, 0, -12))), to_patient(side, np.add(base, (-17, 5, -130)))
    paint.ellipsoid(head, (25.0, 25.0, 25.0), METAL_HU, EVERYWHERE)
    paint.capsule(head, knee, 6.5, 9.0, METAL_HU, EVERYWHERE)
    paint.capsule(knee, tip, 9.0, 5.0, METAL_HU, EVERYWHERE)
    return paint.painted()


def screws(bones: list[Bone]) -> Shapes:
    """Pedicle screws in every bone given, and the two rods that join their heads."""
    paint = Painter()
    heads: dict[int, list[Array]] = {-1: [], 1: []}
    for bone in bones:
        p = bone.shape
        wall = -POSTERIOR_WALL * float(p.half_depth_mm)
        for side in (-1, 1):
            x = side * float(p.half_width_mm) * 0.62
            local = [(x * 1.06, wall - 24, float(p.pedicle_z_mm) + 1), (x * 0.55, 0.45 * float(p.half_depth_mm), 2.0)]
            start, end = bone.to_patient(np.array(local))
            paint.capsule(start, end, 3.4, 2.6, METAL_HU, EVERYWHERE)
            heads[side].append(start)
    for side in (-1, 1):
        for above, below in zip(heads[side][:-1], heads[side][1:], strict=True):
            paint.capsule(above, below, 3.0, 3.0, METAL_HU, EVERYWHERE)
    return paint.painted()


def cement(bone: Bone, rng: np.random.Generator) -> Shapes:
    """A cloud of cement in one body."""
    paint, p = Painter(), bone.shape
    for side in (-1, 1):
        local = np.array(
            [side * 0.35 * p.half_width_mm, 0.1 * p.half_depth_mm, rng.uniform(-0.3, 0.3) * p.half_height_mm]
        )
        size = float(p.half_height_mm) * rng.uniform(0.45, 0.75)
        paint.ellipsoid(
            bone.to_patient(local)[0], (size * 1.1, size * 1.1, size), float(rng.uniform(1300, 2300)), EVERYWHERE,
            warp=2.2, grain=150.0,
        )  # fmt: skip
    return paint.painted()


def streaks(metal: Mask, pixel_mm: float, rng: np.random.Generator) -> F32:
    """HU that metal adds to a slice: rays of light and dark around each piece, a dark band between pieces.

    Parameters
    ----------
    metal : ndarray
        bool (H, W).
    """
    count, _, stats, centres = cv2.connectedComponentsWithStats(metal.astype(np.uint8))
    rows, columns = np.mgrid[: metal.shape[0], : metal.shape[1]].astype(np.float32)
    out = np.zeros(metal.shape, np.float32)
    pieces = [(centres[i], stats[i, cv2.CC_STAT_AREA] * pixel_mm**2) for i in range(1, count)]
    for (x, y), area in sorted(pieces, key=lambda piece: -piece[1])[:4]:
        away = np.hypot(rows - y, columns - x) * pixel_mm
        angle = ((np.arctan2(rows - y, columns - x) / (2 * math.pi)) * 512).astype(np.int32) % 512
        rays = cv2.GaussianBlur(rng.standard_normal((1, 512)).astype(np.float32), (0, 0), 3.0).ravel()
        rays = rays / max(float(rays.std()), 1e-6) - 0.4
        strength = min(450.0, 18.0 * math.sqrt(area))
        out += strength * rays[angle] * np.exp(-away / 55) * np.clip(away / 4, 0, 1)
    for (x0, y0), a in pieces[:4]:
        for (x1, y1), b in pieces[:4]:
            length = math.hypot(x1 - x0, y1 - y0)
            if x0 < x1 and length * pixel_mm > 12:
                t = ((columns - x0) * (x1 - x0) + (rows - y0) * (y1 - y0)) / length**2
                off = np.abs((columns - x0) * (y1 - y0) - (rows - y0) * (x1 - x0)) / length * pixel_mm
                wide = 0.4 * math.sqrt(min(a, b)) + 2
                out -= min(500.0, 12 * math.sqrt(min(a, b))) * np.exp(-((off / wide) ** 2)) * ((t > 0) & (t < 1))
    return out
