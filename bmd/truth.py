"""What is known of simulated pictures: the labels that networks learn from and figures are measured against.

Coordinates and levels as in ``bmd.types``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bmd.types import Study


@dataclass(frozen=True, eq=False)
class Truth:
    """What is known of a simulated picture. Arrays follow ``reference.LEVELS`` (n = 9, last is S1).

    Attributes
    ----------
    labels : ndarray
        uint8 (H, W): 0 background, i + 1 the body of ``LEVELS[i]`` (S1: first sacral segment), ``reference.UNNAMED``
        (255) the bodies above T10 that long films show.
    corners_px : ndarray
        float32 (9, 4, 2), order as in ``Vertebra.corners_px``; may lie outside the picture.
    boxes_px : ndarray
        float32 (9, 4), bounds of the mask; NaN where the body is out of the picture.
    visible : ndarray
        bool (9,): the body lies fully inside the exposed field.
    bmd_g_cm2, t_score : ndarray
        float32 (9,): areal density L1-L5 as an AP DXA scan would measure it; NaN elsewhere.
    fracture_grade : ndarray
        int8 (9,): Genant 0-3; 0 for S1.
    bmd_l1l4, t_l1l4 : float
        The patient's lumbar value, the label of every patient-level figure.
    tags : frozenset of str
        Nuisances drawn: "implant", "cement", "foreign" (metal that is no implant), "scoliosis", "transitional",
        "inverted", the field unless it is the usual one (``simulator.film.field.FIELDS``), and the names of
        ``simulator.film.printed.NUISANCES``.
    metal : ndarray, optional
        bool (H, W): silhouettes of implants of spine and hips on a film, without cement; None in other modalities.
    """

    labels: NDArray[np.uint8]
    corners_px: NDArray[np.float32]
    boxes_px: NDArray[np.float32]
    visible: NDArray[np.bool_]
    bmd_g_cm2: NDArray[np.float32]
    t_score: NDArray[np.float32]
    fracture_grade: NDArray[np.int8]
    bmd_l1l4: float
    t_l1l4: float
    tags: frozenset[str] = frozenset()
    metal: NDArray[np.bool_] | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class DxaTruth(Truth):
    """What is known of a simulated DXA image: ``Truth``, its bodies being the densitometer's regions.

    ``labels`` holds regions (between the discs, as wide as the column of bodies), ``corners_px`` the ends of the lines
    above and below (upper left, upper right, lower right, lower left), ``bmd_g_cm2`` what an ideal scan reads there.

    Attributes
    ----------
    bmc_g, area_cm2 : ndarray
        float32 (9,): content and area of each region by an ideal scan, as far as it is in the picture; NaN elsewhere.
    view : str
        "ap", or what was scanned instead: "lateral", "hip", "forearm".
    """

    bmc_g: NDArray[np.float32]
    area_cm2: NDArray[np.float32]
    view: str = "ap"


@dataclass(frozen=True, eq=False, kw_only=True)
class CtTruth(Truth):
    """What is known of a simulated CT: ``Truth`` in the sagittal plane (x = row, y = slice) and more in the volume.

    ``labels`` is uint8 (D, H, W): i + 1 the body of ``LEVELS[i]`` (S1: first sacral segment); a body is ``visible``
    when it lies fully in the scanned range; ``fracture_grade`` and densities as in ``Truth``.

    Attributes
    ----------
    femora : ndarray
        uint8 (D, H, W): 1 the right proximal femur, 2 the left.
    centres_zyx : ndarray
        float32 (9, 3): centres of the bodies in voxels; may lie outside.
    head_zyx, neck_axis_zyx : ndarray
        float32 (2, 3), right and left: centre of the femoral head in voxels, unit vector (mm) down the neck.
    bmd_hip, t_hip : dict
        "femoral_neck" and "total_hip", g/cm2 and T-score, as a DXA scan of the left hip would read.
    kvp, phase, oral_contrast
        Tube voltage; "none", "arterial" or "portal"; contrast in the bowel.
    tags
        "implant" (pedicle screws), "cement", "metal_hip", "scoliosis", "transitional".
    """

    femora: NDArray[np.uint8]
    centres_zyx: NDArray[np.float32]
    head_zyx: NDArray[np.float32]
    neck_axis_zyx: NDArray[np.float32]
    bmd_hip: dict[str, float]
    t_hip: dict[str, float]
    kvp: float
    phase: str
    oral_contrast: bool = False


@dataclass(frozen=True, eq=False)
class Case:
    """A simulated study together with its truth. Same ``Study`` type as real input, so one path serves both."""

    study: Study
    truth: Truth
