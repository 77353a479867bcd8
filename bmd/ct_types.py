"""What is measured in the voxels of a CT: frozen, numpy only, bottom layer beside `bmd.types`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Region:
    """A part of a volume: a mask in its bounding box.

    Attributes
    ----------
    offset_zyx : tuple of int
        Voxel of the volume at which the mask starts.
    mask : ndarray
        bool (d, h, w).
    """

    offset_zyx: tuple[int, int, int]
    mask: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Attenuation:
    """Trabecular attenuation of one vertebra on CT, measured, not learned.

    Attributes
    ----------
    level : str or None
        As ``Vertebra.level``.
    mean_hu, sd_hu : float
        Over the voxels of ``roi``.
    roi : Region
        The voxels averaged: the body without its cortex, end plates and basivertebral vein.
    volume_cm3 : float
        Volume of ``roi``.
    vertebra : int
        Which of ``Report.vertebrae`` was measured, counted from 0; a body without a name is told by this alone.
    """

    level: str | None
    mean_hu: float
    sd_hu: float
    roi: Region
    volume_cm3: float
    vertebra: int
