"""Plain sentences about what limits a result."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.inference.film.measure import FEWEST, PATIENT_LEVELS
from bmd.inference.patient import of_age
from bmd.inference.spine.localise import Localised
from bmd.reference import LUMBAR
from bmd.types import Prediction, Said, Study, Suitability

METAL_SHARE = 0.02
"""From here metal is suspected: 54 % of 124 simulated films with screws and rods, 8 % of 1,800 without, 11 % of 73 with
cement (so cement is not seen; chosen on these films), none of 29 real ones, whose share is 0.001 at most."""


def warnings(
    film: NDArray,
    found: Localised,
    each: tuple[Prediction, ...],
    patient: Prediction | None,
    study: Study,
    suitability: Suitability,
) -> tuple[Said, ...]:
    """Everything the reader should know before using the numbers, most important first."""
    said: list[Said] = [*_levels(found), *_coverage(found, each, patient), *of_age(study.patient)]
    if metal_share(film, found) > METAL_SHARE:
        said.append("There may be metal or cement at the spine; bone density there cannot be trusted.")
    if suitability.inverted:
        said.append("The film was inverted (bone dark); it was turned back before the analysis.")
    if found.decoded.others:
        said.append("A second spine is visible in the picture; only the clearer one was analysed.")
    return tuple(said)


def _levels(found: Localised) -> list[str]:
    if found.decoded.certain:
        return []
    if found.decoded.sacrum < 0.1:
        return ["Levels uncertain: the sacrum is not clearly in view, so the names of the vertebrae are a guess."]
    return ["Levels uncertain: the names of all vertebrae may be off by one."]


def _coverage(found: Localised, each: tuple[Prediction, ...], patient: Prediction | None) -> list[str]:
    said = []
    levels = {v.level for v in found.vertebrae}
    missing = [level for level in LUMBAR if level not in levels]
    if missing:
        said.append(f"Not found on the film: {', '.join(missing)}.")
    cut = [level for level in LUMBAR if level in found.cut]
    if cut:
        said.append(f"Cut off by the edge of the picture and not measured: {', '.join(cut)}.")
    if each and patient is None:
        said.append(f"No result for the patient: fewer than {FEWEST} of the vertebrae L1-L4 could be measured.")
    used = [p.level for p in each if p.level in PATIENT_LEVELS]
    if patient is not None and len(used) < len(PATIENT_LEVELS):
        said.append(f"The patient's value rests on {', '.join(str(level) for level in used)} only.")
    if neighbours_differ(each):
        said.append("Neighbouring vertebrae differ by more than one T-score: look for fracture, implant or arthrosis.")
    return said


def neighbours_differ(each: tuple[Prediction, ...]) -> bool:
    """Whether two adjacent vertebrae of L1-L4 differ by more than one T-score (ISCD's reason to exclude one)."""
    t = {p.level: p.t_score for p in each}
    pairs = ((t.get(a), t.get(b)) for a, b in pairwise(PATIENT_LEVELS))
    return any(a is not None and b is not None and abs(a - b) > 1.05 for a, b in pairs)  # T-scores come to 0.1


def metal_share(film: NDArray, found: Localised) -> float:
    """Share of the bodies and their surroundings that is near white and stands out sharply, as metal does."""
    if not found.vertebrae:
        return 0.0
    area = np.zeros(film.shape, np.uint8)
    for body in found.vertebrae:
        cv2.fillPoly(area, [np.round(body.contour_px).astype(np.int32)], 1)
    high = float(np.mean([v.box_px[3] - v.box_px[1] for v in found.vertebrae]))
    size = max(3, int(1.2 * high)) | 1
    around = cv2.dilate(area, np.ones((size, size), np.uint8)) > 0
    sharp = film - cv2.GaussianBlur(film, (0, 0), max(1.0, 0.35 * high)) > 0.25
    return float((sharp & (film > 0.85) & around).sum() / max(1, around.sum()))
