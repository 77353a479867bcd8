"""A lateral radiograph computed from a CT: the slab around the spine, seen from the side, for the film localiser.

Only a curved slab about as wide as a vertebral body is projected, so that the iliac wings do not lie over L5 and S1 and
a scoliotic spine stays in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.inference.ct.canal import Spine
from bmd.types import Volume

PIXEL_MM = 1.0
HALF_WIDTH_MM = 20.0
FRONT_MM, BACK_MM = 105.0, 75.0
"""How far the film reaches in front of and behind the canal."""
FACING = -1.0
"""Anterior lies to the left of the film, because axis 1 of a volume runs from front to back."""
AIR_HU, DENSE_HU = -200.0, 900.0
"""HU are clipped to this range, so that gas and metal do not rule the film."""


@dataclass(frozen=True, eq=False)
class SideFilm:
    """The computed film.

    Attributes
    ----------
    pixels : ndarray
        float32 (H, W) in 0..1, bone bright, front to the left; 1 mm pixels.
    plane : ndarray
        float32 (D, rows): mean HU of the slab in the voxels of the volume.
    shift_mm : float
        y of the first column, mm from the first row of the volume.
    """

    pixels: NDArray[np.float32]
    plane: NDArray[np.float32]
    shift_mm: float

    def to_volume(self, points: NDArray[np.floating], spacing: tuple[float, float, float]) -> NDArray[np.float64]:
        """Film pixels (n, 2) to (row, slice) of the volume, as `Vertebra` wants them on a CT."""
        mm = (np.asarray(points, float) + 0.5) * PIXEL_MM
        return np.column_stack([(mm[:, 0] + self.shift_mm) / spacing[1] - 0.5, mm[:, 1] / spacing[0] - 0.5])


def side_film(volume: Volume, spine: Spine, half_width_mm: float = HALF_WIDTH_MM) -> SideFilm:
    """Project the slab around the spine from the side.

    Parameters
    ----------
    volume : Volume
        CT volume.
    spine : Spine
        Where its canal runs.
    half_width_mm : float
        Half the thickness of the slab.
    """
    dz, dy, dx = volume.spacing_mm
    depth, rows, columns = volume.voxels.shape
    plane = np.empty((depth, rows), np.float32)
    for k in range(depth):
        centre = spine.x_mm[k] / dx
        low = int(np.clip(round(centre - half_width_mm / dx), 0, columns - 1))
        high = int(np.clip(round(centre + half_width_mm / dx) + 1, low + 1, columns))
        plane[k] = np.clip(volume.voxels[k, :, low:high], AIR_HU, DENSE_HU).mean(1, dtype=np.float32)
    size = (max(16, round(rows * dy / PIXEL_MM)), max(16, round(depth * dz / PIXEL_MM)))
    method = cv2.INTER_AREA if max(dz, dy) < PIXEL_MM else cv2.INTER_CUBIC
    film = cv2.resize(plane, size, interpolation=method)
    front = int(np.clip(spine.y_mm.min() - FRONT_MM, 0, size[0] - 16))
    back = int(np.clip(spine.y_mm.max() + BACK_MM, front + 16, size[0]))
    film = film[:, front:back]
    low_hu, high_hu = -150.0, max(350.0, float(np.percentile(film, 99.7)))
    shown = np.clip((film - low_hu) / (high_hu - low_hu), 0, 1) ** 0.8
    return SideFilm(np.ascontiguousarray(shown, np.float32), plane, float(front))
