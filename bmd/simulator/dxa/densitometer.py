"""Dual-energy absorptiometry: what two energies count behind a body, and bone density from their ratio.

Each pixel has two unknowns, bone mineral and soft tissue, and two measurements. How soft tissue attenuates depends on
its share of fat, which the densitometer reads beside the spine, row by row, and carries across it; where fat lies over
the spine but not beside it the reading errs, as it does in life.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from bmd.simulator.film import beam
from bmd.simulator.film.projection import Geometry
from bmd.simulator.film.tissue import chord, noise, ramp
from bmd.simulator.person.anatomy import Skeleton
from bmd.simulator.record import Array, Mask

LOW, HIGH = 0, 2  # 45 and 75 keV in ``beam``'s tables
LOW_MINERAL = beam.MU_MINERAL[LOW] - beam.DISPLACED_CM3_G * beam.MU_LEAN[LOW]
HIGH_MINERAL = beam.MU_MINERAL[HIGH] - beam.DISPLACED_CM3_G * beam.MU_LEAN[HIGH]
TITANIUM = {LOW: 7.14, HIGH: 2.07}  # 1/cm, titanium (NIST) x 4.43 g/cm3 of Ti-6Al-4V
NEAR_MM, FAR_MM = 6.0, 16.0  # soft tissue is read this far beside the bone


@dataclass(frozen=True, eq=False)
class Scan:
    """What a densitometer computes, (H, W) float32: bone mineral in g/cm2 and soft tissue (-ln of the high energy)."""

    mineral: Array
    soft: Array


def soft_tissue(
    skeleton: Skeleton, geometry: Geometry, spine_mm: Array, rng: np.random.Generator, uneven: bool = False
) -> tuple[Array, Array]:
    """Thickness in cm of lean tissue and of fat, (H, W).

    Parameters
    ----------
    spine_mm : ndarray
        (H, 1) x of the middle of the spine in each row.
    uneven : bool
        Let the share of fat change right over the spine, which the reading beside it cannot see.
    """
    x, z = geometry.object_plane()
    torso, shape = skeleton.torso, (geometry.height, geometry.width)
    rel = (z - skeleton.bone("L3").centre_mm[2]) / 100
    width = torso.half_width_mm * (1 - 0.07 * np.cos((rel - 0.2) * 2.2))
    total = chord(x, width, torso.half_depth_mm * 0.85) * np.exp(rng.normal(0, 0.05) * rel)
    away = x - spine_mm
    fat = np.clip(0.18 + 0.012 * (torso.fat_mm - 8) + rng.normal(0, 0.05), 0.06, 0.7)
    fat = fat + rng.normal(0, 0.0004) * away + 0.05 * rng.normal() * rel
    side = ramp(np.abs(away) - 38, 30)  # organs, bowel and flank beside the spine and the strip next to it
    liver = ramp(-(x + rng.uniform(20, 45)), 15) * ramp(z - skeleton.bone("L1").centre_mm[2] + rng.uniform(-10, 45), 12)
    spleen = ramp(x - rng.uniform(40, 60), 12) * ramp(z - skeleton.bone("T12").centre_mm[2] + rng.uniform(-5, 30), 12)
    fat = fat - side * (rng.uniform(0.05, 0.18) * liver + rng.uniform(0.03, 0.12) * spleen)
    psoas = np.exp(-(((np.abs(away) - 34 - 10 * np.clip(-rel, -0.4, 1.2)) / 13) ** 2)) * ramp(-rel + 0.5, 0.8)
    fat = fat - side * rng.uniform(0, 0.06) * psoas
    fat = fat + side * (rng.uniform(0.01, 0.05) * noise(rng, shape, 40 / geometry.column_mm, 4, 0.6))
    if uneven:
        fat = fat + rng.uniform(0.02, 0.06) * noise(rng, shape, 60 / geometry.column_mm, 2)
    gas = 18 * np.clip(noise(rng, shape, 30 / geometry.column_mm, 3) - rng.uniform(0.6, 1.8), 0, None)
    fat = np.clip(fat, 0.02, 0.85)
    tissue = np.clip(total - gas, 5, None) * 0.1
    return (tissue * (1 - fat)).astype(np.float32), (tissue * fat).astype(np.float32)


def attenuate(lean: Array, fat: Array, mineral: Array, metal: Array, energy: int) -> Array:
    """-ln of the transmission at one of ``beam``'s energies; thicknesses in cm, mineral in g/cm2."""
    excess = beam.MU_MINERAL[energy] - beam.DISPLACED_CM3_G * beam.MU_LEAN[energy]
    return np.asarray(
        beam.MU_LEAN[energy] * lean + beam.MU_FAT[energy] * fat + excess * mineral + TITANIUM[energy] * metal
    )


def scan(
    lean: Array,
    fat: Array,
    mineral: Array,
    metal: Array,
    spine: Mask,
    geometry: Geometry,
    rng: np.random.Generator,
    quanta: float = 3e6,
) -> Scan:
    """Count both energies, with noise, and solve for bone.

    Parameters
    ----------
    lean, fat, mineral, metal : ndarray
        (H, W) along each ray: cm, cm, g/cm2, cm.
    spine : ndarray
        bool (H, W): the column of vertebrae, where soft tissue cannot be read.
    quanta : float
        Per pixel and energy without a body in the beam.
    """
    logs = []
    for energy in (LOW, HIGH):
        clean = np.minimum(attenuate(lean, fat, mineral, metal, energy), 12.0)
        counts = quanta * np.exp(-clean)
        counts = counts + np.sqrt(counts) * rng.standard_normal(clean.shape, dtype=np.float32)
        logs.append(-np.log(np.maximum(counts, 1.0) / quanta))
    ratio = _soft_ratio(logs[0], logs[1], mineral + metal > 0.01, spine, geometry)
    bone = (logs[0] - ratio * logs[1]) / (LOW_MINERAL - ratio * HIGH_MINERAL)
    return Scan(bone.astype(np.float32), logs[1].astype(np.float32))


def _soft_ratio(low: Array, high: Array, bone: Mask, spine: Mask, geometry: Geometry) -> Array:
    """Low over high attenuation of soft tissue, (H, W): read on either side of the spine, straight across it."""
    distance = cv2.distanceTransform((~spine).astype(np.uint8), cv2.DIST_L2, 5) * geometry.column_mm
    use = (distance > NEAR_MM) & (distance < FAR_MM) & ~bone
    columns = np.arange(low.shape[1], dtype=np.float32)[None, :]
    rows = np.flatnonzero(spine.any(1))
    middle = np.interp(np.arange(len(low)), rows, [np.flatnonzero(spine[r]).mean() for r in rows])[:, None]
    found = []
    window = (1, 2 * max(1, int(8 / geometry.row_mm)) + 1)
    for left in (True, False):
        here = use & ((columns < middle) == left)
        sums = [cv2.blur((here * v).sum(1).astype(np.float32)[:, None], window) for v in (1.0, low, high, columns)]
        good = sums[0][:, 0] > 0.5
        rows_good = np.flatnonzero(good)
        if not len(rows_good):
            return np.full_like(low, float(np.median(low / np.maximum(high, 1e-3))))
        line = np.arange(len(low))
        found.append([np.interp(line, rows_good, v) for v in _quotients(sums, good)])
    (r0, c0), (r1, c1) = found
    slope = ((r1 - r0) / np.maximum(c1 - c0, 1.0))[:, None]
    return np.asarray(r0[:, None] + slope * (np.clip(columns, c0[:, None], c1[:, None]) - c0[:, None]))


def _quotients(sums: list[Array], good: Array) -> tuple[Array, Array]:
    count, low, high, columns = (s[good, 0] for s in sums)
    return low / high, columns / count
