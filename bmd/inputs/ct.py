"""What the CT networks look at, cut out of a volume. The same functions serve training, inference and heat maps.

Volumes are HU (D, H, W) as ``types.Volume`` says: axis 0 head to feet, 1 front to back, 2 the patient's right to left.
Points are (z, y, x) in voxels, spacings (slice, row, column) in mm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from bmd.types import Vertebra

AIR = -1024.0
Point = tuple[float, float, float]
Spacing = tuple[float, float, float]

SLICE_SIZE, SLICE_MM, SLICE_THICKNESS_MM, SLICE_BEHIND_MM = 120, 1.0, 3.0, 8.0
"""Axial crop: pixels a side, mm a pixel, mm averaged, and mm that its middle lies behind the middle of the body,
so that the arch is in it."""

SLICE_MIN_HU, SLICE_MAX_HU = (-128.0, -450.0), 1024.0
"""Windows x^s and x^t (Choi et al. 2021, eq. 1)."""

HIP_SIZE, HIP_MM, HIP_THICKNESS_MM = 250, 0.875, 3.0
"""Coronal picture: pixels a side (Ha et al. 2024), mm a pixel, mm averaged across the plane."""

HIP_HEAD = (80.0, 165.0)
"""Where the centre of the femoral head lies in it, (row, column): the shaft runs down and to the left."""

HIP_CENTRE_HU, HIP_WIDTH_HU = 500.0, 2000.0
"""Window of the coronal picture (Ha et al. 2024, eq. 1-4)."""


# --- vertebra ----------------------------------------------------------------------------------------------------
def body_centre(vertebra: Vertebra) -> Point:
    """Middle of a body's height and centroid of its voxels there, (z, y, x) in voxels of the volume."""
    if vertebra.body is None:
        raise ValueError("a vertebra without a body has no centre")
    z, y, x = np.nonzero(vertebra.body.mask)
    dz, dy, dx = vertebra.body.offset_zyx
    return (float(z.min() + z.max()) / 2 + dz, float(y.mean()) + dy, float(x.mean()) + dx)


def axial_crop(voxels: NDArray[np.int16], spacing_mm: Spacing, centre_zyx: Point) -> NDArray[np.float32]:
    """Cut the slice through the middle of a vertebral body.

    Returns
    -------
    ndarray
        float32 (120, 120) HU, 1 mm a pixel, averaged over 3 mm, 8 mm behind the body's centre; air outside the volume.
    """
    dz, dy, dx = spacing_mm
    z, y, x = centre_zyx
    slab = _average(voxels, z, SLICE_THICKNESS_MM / dz)
    offset = (np.arange(SLICE_SIZE) - (SLICE_SIZE - 1) / 2) * SLICE_MM
    rows, columns = y + (offset + SLICE_BEHIND_MM) / dy, x + offset / dx
    grid = np.meshgrid(rows, columns, indexing="ij")
    return np.asarray(map_coordinates(slab, grid, order=1, mode="constant", cval=AIR), np.float32)


def _average(voxels: NDArray[np.int16], centre: float, thickness: float) -> NDArray[np.float32]:
    """Mean over ``thickness`` slices around ``centre``, slices at the ends counted by the share that is inside."""
    thickness = max(thickness, 1.0)
    low, high = centre - thickness / 2, centre + thickness / 2
    index = np.arange(max(0, int(np.floor(low + 0.5))), min(len(voxels) - 1, int(np.ceil(high - 0.5))) + 1)
    weight = np.minimum(index + 0.5, high) - np.maximum(index - 0.5, low) if len(index) else np.zeros(0)
    if not weight.clip(0).sum() > 0:
        return np.asarray(voxels[int(np.clip(round(centre), 0, len(voxels) - 1))], np.float32)
    weight = weight.clip(0)
    return np.tensordot(weight / weight.sum(), voxels[index].astype(np.float32), 1).astype(np.float32)


def slice_windows(hu: NDArray[np.floating]) -> NDArray[np.float32]:
    """Show axial crops (n, S, S) in both windows: float32 (n, 2, S, S), x^s then x^t, 0..1 put on mean 0."""
    low = np.array(SLICE_MIN_HU, np.float32)[:, None, None]
    shown = (np.asarray(hu, np.float32)[:, None] - low) / (SLICE_MAX_HU - low)  # eq. 1 without the factor 255
    return ((np.clip(shown, 0, 1) - 0.3) / 0.2).astype(np.float32)


# --- hip ---------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class HipPlane:
    """The oblique coronal plane through a proximal femur.

    Attributes
    ----------
    head_mm : tuple of float
        Centre of the femoral head, (z, y, x) in mm from the centre of the volume's first voxel.
    lateral_mm : tuple of float
        Unit vector (y, x) in the axial plane from the head along the neck.
    """

    head_mm: Point
    lateral_mm: tuple[float, float]


def hip_plane(head_mm: Point, towards_mm: Point) -> HipPlane:
    """Plane through the head that holds the vertical and a point of the neck or of the trochanters."""
    direction = np.array(towards_mm[1:], float) - np.array(head_mm[1:], float)
    length = float(np.linalg.norm(direction))
    direction = direction / length if length > 1e-6 else np.array([0.0, 1.0])
    return HipPlane(head_mm, (float(direction[0]), float(direction[1])))


def hip_crop(voxels: NDArray[np.int16], spacing_mm: Spacing, plane: HipPlane) -> NDArray[np.float32]:
    """Reformat the picture of one hip; a left hip comes out mirrored, like a right one.

    Returns
    -------
    ndarray
        float32 (250, 250) HU, 0.875 mm a pixel, the mean of 3 mm across the plane, head at ``HIP_HEAD``, the outer side
        of the thigh on the left; air outside the volume.
    """
    down = (np.arange(HIP_SIZE) - HIP_HEAD[0]) * HIP_MM
    out = (HIP_HEAD[1] - np.arange(HIP_SIZE)) * HIP_MM
    head, (uy, ux) = np.asarray(plane.head_mm, float), plane.lateral_mm
    total = np.zeros((HIP_SIZE, HIP_SIZE), np.float32)
    z = np.broadcast_to((head[0] + down)[:, None] / spacing_mm[0], total.shape)
    for across in (-HIP_THICKNESS_MM / 3, 0.0, HIP_THICKNESS_MM / 3):
        y = (head[1] + uy * out + ux * across) / spacing_mm[1]
        x = (head[2] + ux * out - uy * across) / spacing_mm[2]
        points = [z, np.broadcast_to(y, total.shape), np.broadcast_to(x, total.shape)]
        total += map_coordinates(voxels, points, np.float32, order=1, mode="constant", cval=AIR)
    return np.asarray(total / 3, np.float32)


def hip_window(hu: NDArray[np.floating]) -> NDArray[np.float32]:
    """Show HU in the paper's window: float32 in 0..1 (eq. 4 without the factor 255)."""
    low = HIP_CENTRE_HU - HIP_WIDTH_HU / 2
    return np.asarray(np.clip((np.asarray(hu, np.float32) - low) / HIP_WIDTH_HU, 0, 1), np.float32)


def hip_input(shown: NDArray[np.floating]) -> NDArray[np.float32]:
    """What the network gets: pictures (n, 250, 250) in 0..1 on mean 0, float32 (n, 1, 250, 250)."""
    return ((np.asarray(shown, np.float32)[:, None] - 0.3) / 0.15).astype(np.float32)
