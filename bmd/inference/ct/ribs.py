"""Which vertebrae of a CT carry ribs: what crosses the wall beside the spine is followed inwards to its vertebra.

On planes parallel to the sagittal one, 2 mm apart, ribs are small bright spots behind the kidneys. A spot is followed
from plane to plane towards the spine, where a rib goes up and forwards to the side of its vertebra, and outwards, where
it runs on backwards and down; a transverse process is level and ends some 5 cm from the middle. No network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bmd.inference.ct.bodies import Body
from bmd.inference.ct.canal import Spine
from bmd.types import Volume

Floats: TypeAlias = NDArray[np.float64]

STEP_MM = 2.0
INNER_MM, OUTER_MM = 20.0, 90.0
"""How far from the middle of the spine bone is followed."""
FRONT_MM, BACK_MM = 46.0, 54.0
"""How far the planes reach in front of and behind the canal."""
THIN_MM = 18.0
"""A rib is thinner than this from front to back; kidneys, spleen and filled bowel are not."""
BONE_HU, FULL_HU = 100.0, 220.0
"""HU from which a voxel may be bone, and from which it is."""
TALL_MM = 28.0
"""Nor is it higher than this on any plane, even where it falls steeply; the crest of the hip bone and the rims of
kidneys full of contrast are."""
FREE_MM = 30.0
"""Distance from which a plane shows bones apart; nearer, the arches hang together."""
RAISED_HU = 60.0
"""Least height of bone over what is wide around."""
START_MM = (44.0, 50.0, 56.0, 62.0)
"""Distances from the middle at which ribs are looked for: beyond the transverse processes of L1 and T12, where a rib of
38 mm, the shortest that counts as one (Yun 2018, Korean J Radiol 19:1140), is still in view."""
SPOT = 0.25
"""Least bone of a spot, 0..1, smoothed over `SPOT_MM`."""
SPOT_MM = 2.0
WINDOW_MM = (7.0, 6.0)
"""How far up or down, and to front or back, the next place may lie from where it is expected."""
LEAST = 1.5
"""Bone (pixels of 2 mm) that must lie there."""
GAP_STEPS = 3
"""Planes in a row that may lack it: a joint, thin cortex, a slice of 5 mm."""
FALL = 0.7
"""Fall per mm outwards that is expected of a rib before it has been followed."""
ROOT_MM = 4.0
"""How far beside a body a rib is said to start."""
HEAD_MM, LEVEL_MM = 3.0, 14.0
"""How far above the middle of its body a rib starts, and how far from there it may: neighbours lie some 30 mm apart."""
SURE = 0.8
"""Least brightness of a rib along its way; the rim of a kidney full of contrast stays below."""
LEAST_FALL = 5.0
"""Least fall of a rib; transverse processes are level or rise."""


@dataclass(frozen=True, eq=False)
class Rib:
    """A rib, or a process as long as one, that was followed to a body.

    Attributes
    ----------
    body : int
        Which of the bodies it starts at.
    side : int
        -1 right, 1 left.
    above_mm : float
        How far above the middle of the body it starts.
    reach_mm : float
        How far from the middle of the spine it was followed, at most `OUTER_MM`.
    fall_mm : float
        How much lower it ends than it starts.
    bone : float
        Mean brightness along it, 0..1.
    """

    body: int
    side: int
    above_mm: float
    reach_mm: float
    fall_mm: float
    bone: float

    @property
    def clear(self) -> bool:
        """It runs as only ribs do."""
        return self.bone >= SURE and self.fall_mm >= LEAST_FALL


@dataclass(frozen=True, eq=False)
class Planes:
    """Planes to one side of the canal: bone 0..1 (n, z, y) at every `STEP_MM`."""

    bone: NDArray[np.float32]
    out: Floats
    """(n,) distance of each from the canal, mm."""
    z: Floats
    front: Floats
    """(z,) y of the first row, mm."""
    middle: Floats
    """(z,) x of the canal, mm."""
    side: int

    def at(self, k: int, z: float, y: float) -> Floats:
        """A place of plane ``k`` given in pixels as (z, y, x) in mm."""
        own = np.interp(z, np.arange(len(self.z)), self.z)
        front, middle = (float(np.interp(own, self.z, line)) for line in (self.front, self.middle))
        return np.array([own, front + y * STEP_MM, middle + self.side * self.out[k]])


def planes_beside(volume: Volume, spine: Spine, side: int) -> Planes:
    """Sample a volume to the right (-1) or left (1) of the canal; bone is what is bright and thin."""
    dz, dy, dx = volume.spacing_mm
    depth, _, columns = volume.voxels.shape
    out = np.arange(INNER_MM, OUTER_MM, STEP_MM)
    z, own = np.arange(0, (depth - 1) * dz + 1e-6, STEP_MM), np.arange(depth) * dz
    front, middle = np.interp(z, own, spine.y_mm) - FRONT_MM, np.interp(z, own, spine.x_mm)
    y = front[:, None] + np.arange(0, FRONT_MM + BACK_MM, STEP_MM)
    hu, seen = np.empty((len(out), *y.shape), np.float32), np.empty(len(out), bool)
    for k, reach in enumerate(out):
        x = (middle + side * reach) / dx
        seen[k] = bool(((x >= 0) & (x <= columns - 1)).all())
        where = [np.broadcast_to((z / dz)[:, None], y.shape), y / dy, np.broadcast_to(x[:, None], y.shape)]
        hu[k] = ndimage.map_coordinates(volume.voxels, where, np.float32, 1, mode="nearest")
    hu = ndimage.uniform_filter(hu, (1, 2, 2), mode="nearest")
    wide = np.maximum(ndimage.grey_opening(hu, (1, 1, round(THIN_MM / STEP_MM)), mode="nearest"), 0)
    bone = np.clip(np.minimum((hu - BONE_HU) / (FULL_HU - BONE_HU), (hu - wide) / RAISED_HU - 0.5), 0, 1)
    far = out >= FREE_MM
    bone[far] -= ndimage.grey_opening(bone[far], (1, round(TALL_MM / STEP_MM), 1), mode="nearest")
    return Planes(np.asarray(bone * seen[:, None, None], np.float32), out, z, front, middle, side)


def find_ribs(volume: Volume, spine: Spine, bodies: tuple[Body, ...]) -> tuple[Rib, ...]:
    """Ribs of both sides with the body each starts at.

    Parameters
    ----------
    volume : Volume
        The CT.
    spine : Spine
        Where its canal runs.
    bodies : tuple of Body
        Cranial to caudal.
    """
    found: list[Rib] = []
    for side in (-1, 1) if bodies else ():
        planes = planes_beside(volume, spine, side)
        best: dict[int, Rib] = {}
        for start in START_MM:
            k = round((start - INNER_MM) / STEP_MM)
            for spot in _spots(planes.bone[k]):
                rib = _followed(planes, k, spot, bodies)
                if rib is not None and (rib.body not in best or rib.reach_mm > best[rib.body].reach_mm):
                    best[rib.body] = rib
        found += best.values()
    return tuple(sorted(found, key=lambda rib: (rib.body, rib.side)))


def _spots(plane: NDArray[np.float32]) -> list[tuple[float, float]]:
    """Brightest places (z, y) of a plane, pixels."""
    smooth = ndimage.gaussian_filter(plane, SPOT_MM / STEP_MM)
    peak = (smooth == ndimage.maximum_filter(smooth, 5)) & (smooth > SPOT)
    return [(float(z), float(y)) for z, y in np.argwhere(peak)]


def _follow(planes: Planes, k: int, spot: tuple[float, float], step: int, last: int) -> list[tuple[int, float, float]]:
    """Places (plane, z, y) of a spot from plane ``k`` on in one direction, up to plane ``last`` or where it ends."""
    z, y = spot
    fall, back = FALL * step, 0.0
    tall, deep = (mm / STEP_MM for mm in WINDOW_MM)
    line, gap = [(k, z, y)], 0
    while k != last and gap <= GAP_STEPS:
        k += step
        z, y = z + fall, y + back
        z0, y0 = max(0, round(z - tall)), max(0, round(y - deep))
        part = planes.bone[k, z0 : round(z + tall) + 1, y0 : round(y + deep) + 1]
        mass = float(part.sum())
        if mass < LEAST:
            gap += 1
            continue
        gap = 0
        rows, columns = np.indices(part.shape)
        new_z, new_y = z0 + float((rows * part).sum()) / mass, y0 + float((columns * part).sum()) / mass
        fall = step * float(np.clip(step * (fall + 0.25 * (new_z - z)), -0.3, 1.8))
        back = float(np.clip(back + 0.25 * (new_y - y), -1.2, 1.2))
        z, y = z + 0.7 * (new_z - z), y + 0.7 * (new_y - y)
        line.append((k, z, y))
    return line


def _followed(planes: Planes, k: int, spot: tuple[float, float], bodies: tuple[Body, ...]) -> Rib | None:
    """A spot followed inwards to its body and outwards to its end; None where it does not lead to a body."""
    inwards = _follow(planes, k, spot, -1, 0)
    lines = [planes.at(*place) for place in inwards]
    best: tuple[float, int, int] | None = None
    for index, body in enumerate(bodies):
        half = 0.5 * float(body.radii.mean(0)[[18, 54]].sum())
        first = max(0, round((half + ROOT_MM - INNER_MM) / STEP_MM))
        at = next((n for n, place in enumerate(inwards) if place[0] <= first), None)
        if at is None:
            continue
        above = float(body.frame.local(lines[at])[0])
        if best is None or abs(above - HEAD_MM) < abs(best[0] - HEAD_MM):
            best = above, index, at
    if best is None or abs(best[0] - HEAD_MM) > LEVEL_MM:
        return None
    above, index, at = best
    outwards = _follow(planes, k, spot, 1, len(planes.bone) - 1)
    root, end = lines[at], planes.at(*outwards[-1])
    way = [*inwards[: at + 1], *outwards]
    steps = abs(way[-1][0] - inwards[at][0]) + 1
    bone = sum(_brightest(planes, *place) for place in dict.fromkeys(way)) / steps
    return Rib(index, planes.side, above, float(planes.out[outwards[-1][0]]), float(end[0] - root[0]), bone)


def _brightest(planes: Planes, k: int, z: float, y: float) -> float:
    """Most bone within a pixel of a place: a rib is hollow."""
    z0, y0 = max(0, round(z) - 1), max(0, round(y) - 1)
    return float(planes.bone[k, z0 : round(z) + 2, y0 : round(y) + 2].max(initial=0.0))
