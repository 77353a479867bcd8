"""CT, step 1: may this volume be analysed, and if not, why? Every refusal says what was seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bmd.inference.ct.canal import Spine
from bmd.types import Study, Suitability, Volume

SHORTEST_MM = 60.0
"""Two vertebrae with their discs: what is needed to see one whole body between its neighbours."""
THICKEST_MM = 7.5
"""Slices thicker than this leave three or fewer in a vertebral body."""
NARROWEST_MM = 70.0
"""Least width and depth of the field: a vertebra with its arch."""
FAT_OR_AIR_HU = -30.0
"""The darkest percent of any CT of the trunk lies below this: fat, gas or the air around the patient."""
BONE_HU = 150.0
LUNG_SHARE = 0.15
"""Share of lung beside the spine from which a slice belongs to the chest; gas in the bowel stays below."""
FRONT = 0.45
"""A canal that lies further in front than this share of the patient's depth means that the volume is turned over."""


def gate_ct(study: Study) -> tuple[Suitability, Volume | None]:
    """First look at a study: is there one CT volume with enough of a trunk in it? Needs no network.

    Returns
    -------
    Suitability, Volume or None
        The verdict, and the volume to analyse.
    """
    if study.volume is None:
        kinds = study.modality or "nothing"
        return Suitability(False, (f"This page analyses an abdominal CT; the file holds {kinds}.",)), None
    reasons, scores = look_at(study.volume)
    return Suitability(not reasons, reasons, scores=scores), None if reasons else study.volume


def look_at(volume: Volume) -> tuple[tuple[str, ...], dict[str, float]]:
    """Reasons not to analyse a volume, from its size and the range of its numbers, and those numbers."""
    dz, dy, dx = volume.spacing_mm
    depth, rows, columns = volume.voxels.shape
    height = depth * dz
    scores = {"height_mm": round(height, 1), "slice_mm": round(dz, 2)}
    if height < SHORTEST_MM:
        return (
            f"The CT is too short: {depth} slices cover {height:.0f} mm, about {height / 35:.0f} "
            f"vertebra{'e' if height >= 52 else ''}; at least {SHORTEST_MM:.0f} mm are needed.",
        ), scores
    if min(rows * dy, columns * dx) < NARROWEST_MM:
        return (f"The field is too narrow ({columns * dx:.0f} x {rows * dy:.0f} mm) to hold a vertebra.",), scores
    if dz > THICKEST_MM:
        return (f"The slices are {dz:.1f} mm apart; at most {THICKEST_MM:g} mm can be used.",), scores
    return _like_ct(volume.voxels, scores)


def _like_ct(pixels: NDArray, scores: dict[str, float]) -> tuple[tuple[str, ...], dict[str, float]]:
    step = tuple(max(1, n // 96) for n in pixels.shape)
    some = pixels[:: step[0], :: step[1], :: step[2]]
    low, high = (float(v) for v in np.percentile(some, (1, 99.9)))
    inside = some[some > -500]
    soft = float(((inside > -150) & (inside < 250)).mean()) if inside.size else 0.0
    scores |= {"darkest_hu": round(low), "brightest_hu": round(high), "soft": round(soft, 3)}
    reason = "These are not CT numbers (HU): "
    if low > FAT_OR_AIR_HU:
        return (reason + "nothing is as dark as fat or air. The volume may be an MRI, a mask or unscaled.",), scores
    if high < BONE_HU:
        return (reason + "nothing is as bright as bone.",), scores
    if soft < 0.15:
        return (reason + "there is hardly any soft tissue.",), scores
    return (), scores


def judge_ct(spine: Spine, bodies: int) -> tuple[tuple[str, ...], dict[str, float]]:
    """Reasons not to trust what was found as a lumbar spine.

    Parameters
    ----------
    spine : Spine
        The canal.
    bodies : int
        Vertebral bodies that were found.
    """
    tail = spine.lung[-max(1, len(spine.lung) // 12) :]
    scores = {"bodies": float(bodies), "lung_below": round(float(tail.mean()), 3), "back": round(spine.back, 2)}
    if spine.back < FRONT and bodies < 3:
        return ("No spine was found at the back of the patient; the volume may lie the wrong way round.",), scores
    if float(tail.mean()) > LUNG_SHARE:
        if float(spine.lung[: len(spine.lung) * 2 // 5].mean()) < 0.02:
            return ("The lungs lie at the lower end of the volume; it may be upside down.",), scores
        return (
            "No lumbar spine is in the field: the lungs lie beside every vertebra, so this is a CT of the chest.",
        ), scores
    if not bodies:
        return ("No vertebral body was found in the volume.",), scores
    return (), scores
