"""CT, step 3: trabecular attenuation, measured and not learned.

The region is the front of the body without its cortex, its end plates and the basivertebral vein. Bodies that metal,
cement, sclerosis or a fracture make useless are named and left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bmd.ct_types import Attenuation
from bmd.findings import Finding, note, warning
from bmd.inference.ct.bodies import Body, cropped
from bmd.inference.ct.fracture import fracture, shape
from bmd.inference.ct.levels import Block, FoundCt, block
from bmd.types import Volume

WALL_MM, PLATE_MM = 5.0, 5.0
"""Least distance of the region from the side wall and from the end plates."""
PLATE_SHARE = 0.22
"""Least distance from the end plates as a share of the height."""
BACK_SHARE = 0.12
"""The region ends this share of the depth behind the middle: the basivertebral vein enters from the back."""
SMALLEST_CM3 = 0.4
ISLAND_HU, ISLAND_SDS = 120.0, 3.0
"""Voxels further than this (and than so many robust SDs) from the median are not trabecular bone."""
DENSE_HU, DENSE_SHARE = 800.0, 0.03
"""Cement or metal: no trabecular bone is as dense, and cortex alone does not fill this share of the inside."""
SCLEROTIC_HU = 400.0
METAL_HU, METAL_CM3 = 2200.0, 0.4
CONTRAST_HU = (170.0, 900.0)
CONTRAST_MM2 = 90.0
"""A vessel in front of the spine with at least this area of such HU: contrast agent."""


@dataclass(frozen=True, eq=False)
class Measured:
    """Attenuation of the bodies that can be measured, and why the others cannot."""

    attenuation: tuple[Attenuation, ...]
    left_out: tuple[Finding, ...]


def measure_attenuation(volume: Volume, found: FoundCt) -> Measured:
    """Measure every whole body that nothing spoils."""
    values: list[Attenuation] = []
    said: list[Finding] = []
    for k, (vertebra, body) in enumerate(zip(found.vertebrae, found.bodies, strict=True)):
        name = vertebra.level or note("ct.nth_body", number=k + 1)
        if k in found.cut:
            said.append(warning("ct.body_cut", name=name))
            continue
        here = block(volume, body)
        measured = attenuation(volume, body, here, k, vertebra.level)
        problem = spoiled(volume, measured, here) or fracture(volume, shape(volume, found.bodies, k, found.cut))
        if measured is None or problem is not None:
            said.append(warning("ct.body_left_out", name=name, reason=problem or note("ct.too_little_bone")))
        else:
            values.append(measured)
    return Measured(tuple(values), tuple(said))


def attenuation(volume: Volume, body: Body, here: Block, index: int, level: str | None) -> Attenuation | None:
    """Mean and SD of HU in the trabecular region of the body of a vertebra; None when too little is left."""
    offset, hu, (below, above, within) = here
    dz, dy, dx = volume.spacing_mm
    height = float(np.mean(body.edge_heights()))
    margin = max(PLATE_MM, PLATE_SHARE * height, 0.75 * dz)
    margin = min(margin, 0.38 * height)
    wall = max(WALL_MM, 1.5 * max(dy, dx))
    axes = [np.arange(n) + o for n, o in zip(hu.shape, offset, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij")) * np.array([dz, dy, dx]).reshape(3, 1, 1, 1)
    forward = body.frame.local(points)[1]
    inside = (below > margin) & (above > margin) & (within > wall) & (forward > -BACK_SHARE * body.frame.depth)
    inside = without_islands(hu, inside)
    volume_cm3 = float(inside.sum() * dz * dy * dx / 1000)
    if volume_cm3 < SMALLEST_CM3:
        return None
    values = hu[inside].astype(float)
    mean, sd = round(float(values.mean()), 1), round(float(values.std()), 1)
    return Attenuation(level, mean, sd, cropped(offset, inside), round(volume_cm3, 2), index)


def without_islands(hu: NDArray[np.int16], inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The region without voxels far from its median: bone islands, cysts and calcified vessels."""
    if not inside.any():
        return inside
    middle = float(np.median(hu[inside]))
    spread = 1.4826 * float(np.median(np.abs(hu[inside] - middle)))
    return np.asarray(inside & (np.abs(hu - middle) <= max(ISLAND_HU, ISLAND_SDS * spread)))


def spoiled(volume: Volume, measured: Attenuation | None, here: Block) -> Finding | None:
    """Why a body must not be used; None when it may."""
    _, hu, depths = here
    voxel_cm3 = float(np.prod(volume.spacing_mm)) / 1000
    around = np.minimum.reduce(depths) > -12
    if float((hu[around] > METAL_HU).sum()) * voxel_cm3 > METAL_CM3:
        return note("ct.metal")
    inner = np.minimum.reduce(depths) > 3
    if inner.any() and float((hu[inner] > DENSE_HU).mean()) > DENSE_SHARE:
        return note("ct.as_dense_as_cement")
    if measured is not None and measured.mean_hu > SCLEROTIC_HU:
        return note("ct.sclerotic", hu=measured.mean_hu)
    return None


def contrast(volume: Volume, found: FoundCt) -> Finding | None:
    """That the file names a contrast agent, or that one seems to have been given, since vessels there are bright."""
    if volume.acquisition.contrast:
        return warning("ct.contrast")
    areas, bright = [], []
    dy, dx = volume.spacing_mm[1:]
    for body in found.bodies:
        part = _before(volume, body)
        part = part[(part > CONTRAST_HU[0]) & (part < CONTRAST_HU[1])]
        areas.append(part.size * dy * dx)
        bright.append(part)
    if not areas or float(np.median(areas)) <= CONTRAST_MM2:
        return None
    return warning("ct.contrast_seen", hu=float(np.median(np.concatenate(bright))))


def _before(volume: Volume, body: Body) -> NDArray[np.int16]:
    """What lies before the middle of a body, where aorta and vena cava run: one slice, about 80 x 38 mm."""
    dz, dy, dx = volume.spacing_mm
    z, y, x = body.frame.origin
    front = y - 0.5 * body.frame.depth - 4
    rows = slice(max(0, int((front - 38) / dy)), max(1, int(front / dy)))
    columns = slice(max(0, int((x - 40) / dx)), int((x + 40) / dx) + 1)
    return volume.voxels[int(np.clip(round(z / dz), 0, len(volume.voxels) - 1)), rows, columns]
