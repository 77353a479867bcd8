"""Whether the anatomy of a CT contradicts its header: front and back swapped, or upside down.

Left and right cannot be told reliably from a part of a trunk (the liver is not in every one, and organs do lie the
other way round in some people), so nothing is said of them. Whether the patient lay on back or belly is not asked:
headers state directions of the patient, not of the table.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bmd.findings import Finding, refusal
from bmd.inference.ct.canal import Spine, coarse, find_spine
from bmd.types import Volume

AT_THE_BACK = 0.55
"""A canal that lies further back in the patient than this needs no second look. On 22 simulated CTs it lay at 0.62 or
more, and with front and back swapped at 0.46 or less in 18."""
BETTER = 1.15
"""How much more a canal must look like one with front and back swapped. On those CTs the right way round gave 1.02 to
2.3 times the score of the wrong one."""

HIP_BONE_HU, HIP_BONE_MM2 = 300.0, 450.0
"""Bone on each side of a slice that makes it one of the pelvis: two ilia; ribs that are cut across are smaller."""
ASIDE_MM = (40.0, 150.0)
PELVIS_MM = 24.0
"""Fewest mm of such slices that are a pelvis."""
LUNG_SHARE, LUNG_MM = 0.1, 150.0
"""A shoulder has a lung within this distance below it, an upper abdomen a lung beside its spine; a pelvis has none."""


def contradictions(volume: Volume, spine: Spine) -> tuple[Finding, ...]:
    """Reasons not to believe the directions of a volume; none where nothing contradicts them.

    Parameters
    ----------
    volume : Volume
        The CT.
    spine : Spine
        The canal that was found in it as it is.
    """
    if swapped(volume, spine):
        return (refusal("ct.front_to_back"),)
    if upside_down(volume, spine):
        return (refusal("ct.pelvis_above"),)
    return ()


def swapped(volume: Volume, spine: Spine) -> bool:
    """Whether the canal lies in front, and bodies and arches around it fit better with front and back swapped."""
    if spine.back >= AT_THE_BACK:
        return False
    other = find_spine(replace(volume, voxels=np.ascontiguousarray(volume.voxels[:, ::-1])))
    return other.back > AT_THE_BACK and float(other.score.mean()) > BETTER * float(spine.score.mean())


def upside_down(volume: Volume, spine: Spine) -> bool:
    """Whether the pelvis lies at the upper end of the volume and not at the lower one."""
    bone, step = hip_bone(volume)
    pelvis = bone > HIP_BONE_MM2
    third = len(pelvis) // 3
    fewest = max(1, round(PELVIS_MM / step))
    if third < fewest or pelvis[:third].sum() < fewest or pelvis[-third:].any():
        return False
    last = int(np.flatnonzero(pelvis)[-1] * step / volume.spacing_mm[0])
    near = spine.lung[: last + round(LUNG_MM / volume.spacing_mm[0])]
    return bool(near.max() < LUNG_SHARE)


def hip_bone(volume: Volume) -> tuple[NDArray[np.float64], float]:
    """Area of bone beside the middle, on the side with less, mm2 per slice of a coarse grid, and its step, mm."""
    small, (dz, dy, dx) = coarse(volume)
    share = ((small > -150) & (small < 250)).sum((0, 1)).astype(float)
    middle = float((share * np.arange(len(share))).sum() / max(share.sum(), 1.0))
    x = (np.arange(small.shape[2]) - middle) * dx
    sides = [(small[:, :, (x * s > ASIDE_MM[0]) & (x * s < ASIDE_MM[1])] > HIP_BONE_HU).sum((1, 2)) for s in (-1, 1)]
    return np.minimum(*sides) * dy * dx, dz
