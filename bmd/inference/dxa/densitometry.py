"""Bone density measured in a DXA image, where the file says what its pixels mean.

A displayed picture has lost its scale: no grey value of it is a density. A file that holds the densitometer's own map,
areal density in g/cm2 with the size of its pixels, is measured as the densitometer does: content over area.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from bmd.geometry import filled
from bmd.reference import HOLOGIC
from bmd.reference import t_score as reference_t
from bmd.types import Image, Study, Vertebra

SPINE = ("L1", "L2", "L3", "L4")
UNIT = "g/cm2"
FEWEST = 2
"""A patient is never reported from a single vertebra (ISCD 2023)."""
DIFFERS_T = 1.0
"""A vertebra whose T-score differs by more from its neighbours may be left out (ISCD)."""


@dataclass(frozen=True)
class LevelDensity:
    """One region, or several together (``level`` "L1-L4", "L2-L4", "L1, L3"): content g, area cm2, density g/cm2, T."""

    level: str
    bmc_g: float
    area_cm2: float
    bmd_g_cm2: float
    t_score: float


def density_map(study: Study) -> Image | None:
    """The image of the study that holds areal density with a known pixel size, or None."""
    return next((i for i in study.images if i.modality == "dxa" and i.unit == UNIT and i.spacing_mm), None)


def why_not_calibrated(study: Study) -> str:
    """Why no density can be measured in this study; empty when it can."""
    if density_map(study) is not None:
        return ""
    if any(image.unit == UNIT for image in study.images):
        return "Bone density was not measured: the file gives densities but not the size of a pixel."
    return (
        "Bone density was not measured: grey values of a displayed picture have no unit. "
        "A file with the scan's density map in g/cm² is needed for that."
    )


def level_densities(study: Study, vertebrae: Sequence[Vertebra]) -> tuple[LevelDensity, ...]:
    """Content, area and density of each region L1-L4 of a calibrated study; empty without calibration."""
    image = density_map(study)
    if image is None or image.spacing_mm is None:
        return ()
    pixel_cm2 = image.spacing_mm[0] * image.spacing_mm[1] / 100
    found = []
    for vertebra in vertebrae:
        if vertebra.level not in SPINE:
            continue
        mask = filled(vertebra.contour_px, (image.pixels.shape[0], image.pixels.shape[1]))
        area = float(mask.sum()) * pixel_cm2
        if area > 0:
            content = float(image.pixels[mask].sum()) * pixel_cm2
            density = content / area
            found.append(
                LevelDensity(vertebra.level, content, area, density, float(reference_t(density, vertebra.level)))
            )
    return tuple(found)


def pooled(levels: Sequence[LevelDensity], excluded: Collection[str] = ()) -> LevelDensity | None:
    """Total content over total area of the levels not excluded; None with fewer than two.

    The T-score of all four uses the reference of L1-L4. For fewer the young mean is that of the levels used, weighted
    by their areas, and the spread that of L1-L4.
    """
    used = [item for item in levels if item.level not in excluded]
    if len(used) < FEWEST:
        return None
    content, area = sum(item.bmc_g for item in used), sum(item.area_cm2 for item in used)
    density = content / area
    if len(used) == len(SPINE):
        return LevelDensity("L1-L4", content, area, density, float(reference_t(density, "L1-L4")))
    mean = sum(item.area_cm2 * HOLOGIC.mean[item.level] for item in used) / area
    return LevelDensity(_name(used), content, area, density, (density - mean) / HOLOGIC.sd["L1-L4"])


def _name(used: Sequence[LevelDensity]) -> str:
    numbers = [SPINE.index(item.level) for item in used]
    if numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{used[0].level}-{used[-1].level}"
    return ", ".join(item.level for item in used)


def proposed_exclusions(levels: Sequence[LevelDensity]) -> tuple[str, ...]:
    """Levels that ISCD would let a reader leave out: more than 1.0 T away from every neighbour that was measured.

    Where two neighbours differ from each other only, the one further from the rest is named. At least two levels are
    always left. A proposal: nothing is excluded by it.
    """
    t = {item.level: item.t_score for item in levels}
    found: list[str] = []
    for level in sorted(t, key=lambda name: -_away(name, t)):
        near = [t[n] for n in _neighbours(level) if n in t and n not in found]
        if near and all(abs(t[level] - other) > DIFFERS_T for other in near) and len(t) - len(found) > FEWEST:
            found.append(level)
    return tuple(sorted(found))


def _away(level: str, t: dict[str, float]) -> float:
    """How far a level lies from the median of the others."""
    others = [value for name, value in t.items() if name != level]
    return abs(t[level] - float(np.median(others))) if others else 0.0


def _neighbours(level: str) -> tuple[str, ...]:
    at = SPINE.index(level)
    return tuple(SPINE[i] for i in (at - 1, at + 1) if 0 <= i < len(SPINE))
