"""CT, step 1: may this volume be analysed, and if not, why? Every refusal says what was seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bmd.findings import Finding, note, refusal
from bmd.inference.ct.canal import Spine
from bmd.inference.ct.part import look_at_shape, other_part
from bmd.inference.ct.stack import wrong_stack
from bmd.types import Study, Suitability, Volume

SHORTEST_MM = 60.0
"""Two vertebrae with their discs: what is needed to see one whole body between its neighbours."""
NARROWEST_MM = 70.0
"""Least width and depth of the field: a vertebra with its arch."""
FAT_OR_AIR_HU = -30.0
"""The darkest percent of any CT of the trunk lies below this: fat, gas or the air around the patient."""
BONE_HU = 150.0
SOFT_SHARE = 0.15
"""Least share of soft tissue in what is not air."""
PITCH_MM = 35.0
"""Height of a lumbar vertebra with its disc. Lungs end behind beside T12 or L1, so that a volume that goes on for less
below them shows no whole lumbar vertebra."""
LUNG_SHARE = 0.15
"""Share of lung beside the spine from which a slice belongs to the chest; gas in the bowel stays below."""
UNBROKEN = 0.8
"""Share of slices with lung between the first and the last of them in a chest."""
FRONT = 0.45
"""A canal that lies further in front than this share of the patient's depth means that the volume is turned over."""


def gate_ct(study: Study) -> tuple[Suitability, Volume | None]:
    """First look, without any network: the verdict, and the volume where there is one with enough of a trunk in it."""
    if study.volume is None:
        return Suitability(False, (refusal("ct.not_a_ct", holds=note(f"word.{study.modality or 'nothing'}")),)), None
    reasons, scores = look_at(study.volume)
    return Suitability(not reasons, reasons, scores=scores), None if reasons else study.volume


def look_at(volume: Volume) -> tuple[tuple[Finding, ...], dict[str, float]]:
    """Reasons not to analyse a volume, from its size, its slices, its numbers and its shape, and those numbers."""
    dz, dy, dx = volume.spacing_mm
    depth, rows, columns = volume.voxels.shape
    height = depth * dz
    scores = {"height_mm": round(height, 1), "slice_mm": round(dz, 2)}
    if height < SHORTEST_MM:
        count = round(height / PITCH_MM)
        short = refusal("ct.too_short", slices=depth, height_mm=height, count=count, least_mm=SHORTEST_MM)
        return (short,), scores
    if min(rows * dy, columns * dx) < NARROWEST_MM:
        return (refusal("ct.too_narrow", width_mm=columns * dx, depth_mm=rows * dy),), scores
    if wrong := wrong_stack(volume):
        return wrong, scores
    reasons, scores = _like_ct(volume.voxels, scores)
    return reasons or other_part(look_at_shape(volume)), scores


def _like_ct(voxels: NDArray[np.int16], scores: dict[str, float]) -> tuple[tuple[Finding, ...], dict[str, float]]:
    """Whether the numbers are those of a CT of the trunk."""
    step = tuple(max(1, n // 96) for n in voxels.shape)
    some = voxels[:: step[0], :: step[1], :: step[2]]
    low, high = (float(v) for v in np.percentile(some, (1, 99.9)))
    inside = some[some > -500]
    soft = float(((inside > -150) & (inside < 250)).mean()) if inside.size else 0.0
    scores |= {"darkest_hu": round(low), "brightest_hu": round(high), "soft": round(soft, 3)}
    if low > FAT_OR_AIR_HU:
        return (refusal("ct.nothing_dark"),), scores
    if high < BONE_HU:
        return (refusal("ct.nothing_bright"),), scores
    if soft < SOFT_SHARE:
        return (refusal("ct.nothing_soft"),), scores
    return (), scores


def lungs_end(lung: NDArray[np.float64], slice_mm: float) -> float:
    """Where lungs that fill the volume from above end, mm from its upper end; 0 where they do not.

    Gas in the bowel may look like lung in a few slices further down; between lungs and it are slices without.
    """
    found = np.flatnonzero(lung > LUNG_SHARE)
    if not len(found) or float((lung[found[0] : found[-1] + 1] > LUNG_SHARE).mean()) < UNBROKEN:
        return 0.0
    return float((found[-1] + 1) * slice_mm)


def judge_ct(spine: Spine, bodies: int, slice_mm: float) -> tuple[tuple[Finding, ...], dict[str, float]]:
    """Reasons not to trust what was found as a lumbar spine.

    Parameters
    ----------
    spine : Spine
        The canal.
    bodies : int
        Vertebral bodies that were found.
    slice_mm : float
        Distance of the slices.
    """
    tail = spine.lung[-max(1, len(spine.lung) // 12) :]
    scores = {"bodies": float(bodies), "lung_below": round(float(tail.mean()), 3), "back": round(spine.back, 2)}
    if spine.back < FRONT and bodies < 3:
        return (refusal("ct.wrong_way_round"),), scores
    if float(tail.mean()) > LUNG_SHARE:
        if float(spine.lung[: len(spine.lung) * 2 // 5].mean()) < 0.02:
            return (refusal("ct.upside_down"),), scores
        return (refusal("ct.chest"),), scores
    lungs, height = lungs_end(spine.lung, slice_mm), len(spine.lung) * slice_mm
    if lungs > height / 2 and height - lungs < PITCH_MM:
        return (refusal("ct.chest"),), scores
    if not bodies:
        return (refusal("ct.no_body"),), scores
    return (), scores
