"""Bone density measured in a DXA image, where the file says what its pixels mean, and what leaving a vertebra out does.

A displayed picture has lost its scale: no grey value of it is a density. A file that holds the densitometer's own map,
areal density in g/cm2 with the size of its pixels, is measured as the densitometer does: content over area.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from bmd import reference
from bmd.errors import OptionError
from bmd.findings import Finding, warning
from bmd.geometry import filled
from bmd.inference.patient import as_z
from bmd.reference import HOLOGIC
from bmd.types import Demographics, Image, LevelDensity, Prediction, Report, Study, Vertebra

SPINE = ("L1", "L2", "L3", "L4")
WHOLE = "L1-L4"
UNIT = "g/cm2"
MEASURED = "measured"
"""Stands for the model of a density that no network gave."""
FEWEST = 2
"""A patient is never reported from a single vertebra (ISCD 2023)."""
DIFFERS_T = 1.0
"""A vertebra whose T-score differs by more from its neighbours may be left out (ISCD)."""


# --- densities of a file ------------------------------------------------------------------------------------------
def density_map(study: Study) -> Image | None:
    """The image of the study that holds areal density with a known pixel size, or None."""
    return next((i for i in study.images if i.modality == "dxa" and i.unit == UNIT and i.spacing_mm), None)


def why_not_calibrated(study: Study) -> Finding | None:
    """Why no density can be measured in this study; None when it can."""
    if density_map(study) is not None:
        return None
    if any(image.unit == UNIT for image in study.images):
        return warning("dxa.pixel_size_unknown")
    return warning("dxa.no_unit")


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
            t = float(reference.t_score(density, vertebra.level))
            found.append(LevelDensity(vertebra.level, content, area, density, t))
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
        return LevelDensity(WHOLE, content, area, density, float(reference.t_score(density, WHOLE)))
    mean = sum(item.area_cm2 * HOLOGIC.mean[item.level] for item in used) / area
    return LevelDensity(_name(used), content, area, density, (density - mean) / HOLOGIC.sd[WHOLE])


def _name(used: Sequence[LevelDensity]) -> str:
    numbers = [SPINE.index(item.level) for item in used]
    if numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{used[0].level}-{used[-1].level}"
    return ", ".join(item.level for item in used)


# --- as reported --------------------------------------------------------------------------------------------------
def measured(found: LevelDensity, named: bool = True) -> Prediction:
    """A measured density of one vertebra as a prediction: nothing was estimated, so no interval and no probability.

    Every level has a reference of its own, so without a certain name (``named``) there is neither T-score nor category.
    """
    if not named:
        return Prediction(found.level, round(found.bmd_g_cm2, 3), None, None, {}, None, MEASURED)
    t = reference.reported_t(found.t_score)
    return Prediction(found.level, round(found.bmd_g_cm2, 3), t, None, {}, reference.category(t), MEASURED)


def measured_patient(found: LevelDensity, patient: Demographics, named: bool = True) -> Prediction:
    """The measured density of the patient; under 50 with the Z-score that is known of L1-L4 together only.

    Where names are not certain (``named``) the density alone.
    """
    one = replace(measured(found, named), level=None)
    if not named:
        return one
    one = as_z(one, patient)
    return one if found.level == WHOLE else replace(one, z_score=None)


# --- leaving vertebrae out ----------------------------------------------------------------------------------------
def without(report: Report, levels: Collection[str]) -> Report:
    """The report as it is when a reader leaves vertebrae out of the patient's measured result (ISCD).

    Parameters
    ----------
    report : Report
        From ``analyse_dxa``, nothing left out.
    levels : collection of str
        Any of ``SPINE``.

    Returns
    -------
    Report
        With the measured result of the vertebrae that remain, and as its first warning which these are. Where that
        cannot be (nothing was measured, one of the levels was not, or a single one would remain) nothing is left out,
        and the first warning says why.

    Raises
    ------
    OptionError
        A level that is none of ``SPINE``.
    """
    unknown = tuple(level for level in levels if level not in SPINE)
    if unknown:
        raise OptionError("dxa.unknown_level", levels=unknown, known=SPINE)
    chosen = tuple(level for level in SPINE if level in levels)
    if not chosen or not report.suitability.suitable:
        return report
    there = {item.level for item in report.densities}
    missing = tuple(level for level in chosen if level not in there)
    rest = pooled(report.densities, chosen)
    if missing:
        return _said(report, warning("dxa.left_out_unmeasured", levels=missing))
    if rest is None:
        return _said(report, warning("dxa.left_out_too_few", least=FEWEST))
    one = measured_patient(rest, report.patient, report.levels_certain)
    answers = (one, *(answer for answer in report.answers if answer.model != MEASURED))
    kept = tuple(said for said in report.warnings if not _proposes(said, chosen))
    changed = replace(report, prediction=one, answers=answers, warnings=kept)
    return _said(changed, warning("dxa.left_out", levels=chosen, rest=rest.level))


def _proposes(said: Finding, levels: Collection[str]) -> bool:
    """Whether a warning proposes to leave one of these levels out, which is done now."""
    return said.code == "dxa.differs" and said.values["level"] in levels


def left_out(report: Report) -> tuple[tuple[str, ...], str]:
    """Levels that ``without`` left out of the patient's result, and the name of the rest; ((), "") where none."""
    for said in report.warnings:
        if said.code == "dxa.left_out":
            levels = said.values["levels"]
            assert isinstance(levels, tuple)
            return tuple(str(level) for level in levels), str(said.values["rest"])
    return (), ""


def _said(report: Report, finding: Finding) -> Report:
    return replace(report, warnings=(finding, *report.warnings))


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
