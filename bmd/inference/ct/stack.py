"""How the slices of a CT volume were stacked, and whether they can be measured: reformats, projections. No network."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bmd.findings import Finding, refusal
from bmd.types import Volume

PLANES = ("axial", "coronal", "sagittal")
UNEVEN = 1.25
"""How much wider than the slices from head to feet another step must be to be that of the stack."""
THICKEST_MM = {"axial": 7.5, "coronal": 5.0, "sagittal": 5.0}
"""Thicker axial slices leave three or fewer in a vertebral body; thicker sagittal or coronal ones three or fewer in the
spinal canal, which is some 22 mm wide and 16 mm deep and is what the spine is found by. On three simulated CTs HU moved
by 3 at most up to 6.4 mm; at 9.6 mm bodies were lost."""
SAGITTAL_MM = 110.0
"""Least width of a sagittal reformat: narrower ones show neither the wings of the sacrum nor ribs (to 55 mm from the
middle), which tell the levels."""
BESIDE = 2
"""Voxels between two of a slice whose numbers are equal by chance alone."""
PROJECTED, COPIED = 0.25, 0.95
"""Share of numbers repeated in the next slice from which slices are projections, and from which they are copies."""


def stacked_along(spacing_mm: tuple[float, float, float]) -> int:
    """Axis along which the slices were stacked: that of the widest step; axial where none is clearly wider."""
    axis = int(np.argmax(spacing_mm))
    return axis if spacing_mm[axis] > UNEVEN * spacing_mm[0] else 0


def wrong_stack(volume: Volume) -> tuple[Finding, ...]:
    """What is wrong with the slices: too thick, a reformat that covers too little, or projections."""
    axis = stacked_along(volume.spacing_mm)
    plane = PLANES[axis]
    slice_mm = max(volume.spacing_mm[axis], volume.acquisition.slice_thickness_mm or 0.0)
    if slice_mm > THICKEST_MM[plane]:
        return (refusal(f"ct.too_thick.{plane}", slice_mm=slice_mm, most_mm=THICKEST_MM[plane]),)
    width = volume.voxels.shape[2] * volume.spacing_mm[2]
    if plane == "sagittal" and width < SAGITTAL_MM:
        return (refusal("ct.narrow_sagittal", width_mm=width, least_mm=SAGITTAL_MM),)
    shares = repeated(volume.voxels, axis)
    projected = (shares > PROJECTED) & (shares < COPIED)
    return (refusal("ct.projection"),) if projected.sum() > len(shares) / 2 else ()


def repeated(voxels: NDArray[np.int16], axis: int) -> NDArray[np.float64]:
    """Share of soft tissue whose number was taken over from the next slice, for some 64 pairs of slices.

    Numbers are equal by chance too: 0.28 / s of them with noise of a standard deviation of s HU, more where a scan was
    smoothed or stored in coarse steps. How many is seen beside each voxel in its own slice, and taken out. A maximum
    over a slab takes the same voxel for several slices: where slabs of n slices follow each other every m, the share is
    (n - m) / (n + m). Where slices were repeated to make a volume finer, it is 1 for those pairs and 0 for the others.
    """
    planes = np.moveaxis(voxels, axis, 0)
    step = [max(1, n // 128) for n in planes.shape[1:]]
    shares = []
    for k in range(0, len(planes) - 1, max(1, len(planes) // 64)):
        one, other = (plane[:: step[0], :: step[1]] for plane in planes[k : k + 2])
        soft = (one > -150) & (one < 300)
        if soft.sum() > 50:
            beside = planes[k][:: step[0], BESIDE :: step[1]]  # as far from each other as voxels of two slices, or less
            near = soft[:, : beside.shape[1]]
            chance = float((one[:, : beside.shape[1]] == beside)[near].mean()) if near.any() else 0.0
            alike = float((one[soft] == other[soft]).mean())
            shares.append((alike - chance) / (1 - chance) if chance < 1 else 0.0)
    return np.array(shares)
