"""What limits a result on a film."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

from bmd.findings import Finding, note, warning
from bmd.inference.film.found import Film, Found
from bmd.inference.film.measure import FEWEST, PATIENT_LEVELS
from bmd.inference.patient import of_age
from bmd.reference import LUMBAR
from bmd.types import Prediction, Study, Suitability

METAL_SHARE = 0.02
"""From here metal is suspected: 54 % of 124 simulated films with screws and rods, 8 % of 1,800 without, 11 % of 73 with
cement (so cement is not seen; chosen on these films), none of 29 real ones, whose share is 0.001 at most."""


def warnings(
    film: Film,
    found: Found,
    each: tuple[Prediction, ...],
    patient: Prediction | None,
    study: Study,
    suitability: Suitability,
) -> tuple[Finding, ...]:
    """Everything the reader should know before using the numbers, most important first."""
    said = [*found.said, *_coverage(found, each, patient), *of_age(study.patient)]
    if metal_share(film, found) > METAL_SHARE:
        said.append(warning("film.metal"))
    if suitability.inverted:
        said.append(note("film.inverted"))
    if found.second_spine:
        said.append(warning("film.second_spine"))
    return tuple(said)


def _coverage(found: Found, each: tuple[Prediction, ...], patient: Prediction | None) -> list[Finding]:
    said = []
    levels = {v.level for v in found.vertebrae}
    missing = tuple(level for level in LUMBAR if level not in levels)
    if missing:
        said.append(warning("film.missing", levels=missing))
    cut = tuple(level for level in LUMBAR if level in found.cut)
    if cut:
        said.append(warning("film.cut", levels=cut))
    if each and patient is None:
        said.append(warning("film.too_few", least=FEWEST))
    used = tuple(p.level for p in each if p.level is not None and p.level in PATIENT_LEVELS)
    if patient is not None and len(used) < len(PATIENT_LEVELS):
        said.append(warning("film.rests_on", levels=used))
    if neighbours_differ(each):
        said.append(warning("film.neighbours_differ"))
    return said


def neighbours_differ(each: tuple[Prediction, ...]) -> bool:
    """Whether two adjacent vertebrae of L1-L4 differ by more than one T-score (ISCD's reason to exclude one)."""
    t = {p.level: p.t_score for p in each}
    pairs = ((t.get(a), t.get(b)) for a, b in pairwise(PATIENT_LEVELS))
    return any(a is not None and b is not None and abs(a - b) > 1.05 for a, b in pairs)  # T-scores come to 0.1


def metal_share(film: Film, found: Found) -> float:
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
