"""What is measured in the voxels of a CT: frozen, numpy only, bottom layer beside `bmd.types`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bmd.findings import Finding

Band = Literal["low", "between", "high"]
"""Where a HU lies against the published cut-offs: at or below 110, up to 160, above."""
BANDS: tuple[Band, ...] = ("high", "between", "low")
"""In the order of the WHO classes."""
TRABECULAR = "trabecular_hu"
"""``Prediction.model`` of what rests on measured HU and on published numbers, not on a network."""


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
    band : Band or None
        Against the cut-offs; None where none holds (L5, under 50 years, another tube voltage).
    """

    level: str | None
    mean_hu: float
    sd_hu: float
    roi: Region
    volume_cm3: float
    vertebra: int
    band: Band | None = None


@dataclass(frozen=True)
class Chance:
    """Chance of osteoporosis by DXA, 0..1: ``share``, from ``low`` to ``high`` over the published correlations of HU.

    ``before`` is that of people of this age and sex whose HU nobody measured.
    """

    share: float
    low: float
    high: float
    before: float


@dataclass(frozen=True)
class Trabecular:
    """The primary answer of a CT: measured HU against published numbers.

    Attributes
    ----------
    hu : float
        Of L1, or the mean of the bodies that stand for it.
    level : str or None
        "L1"; None where L1 was not measured.
    vertebrae : tuple of int
        Which of ``Report.vertebrae`` were averaged.
    mean_hu : float
        Of all bodies that the cut-offs are used at (T12 to L4, or those without a name).
    band : Band or None
        None where the cut-offs do not hold.
    where : Finding
        What ``hu`` is of, in words.
    verdict : Finding
        What that means, or why it cannot be told.
    chance : Chance or None
        Chance of osteoporosis; None under 50 and at another tube voltage.
    expected_hu : float or None
        Published mean of the patient's age.
    z_score : float or None
        Under 50: SDs from it, to 0.1.
    agrees : bool or None
        Whether the slice network names the class of the band; None where one of both is missing.
    """

    hu: float
    level: str | None
    vertebrae: tuple[int, ...]
    mean_hu: float
    band: Band | None
    where: Finding
    verdict: Finding
    chance: Chance | None = None
    expected_hu: float | None = None
    z_score: float | None = None
    agrees: bool | None = None
