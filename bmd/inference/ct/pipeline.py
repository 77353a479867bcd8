"""A CT in, a report out, in four steps: gate, localise, measure, classify."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from bmd.errors import WeightsError
from bmd.findings import Finding, warning
from bmd.inference import run
from bmd.inference.ct.attenuation import Measured, contrast, measure_attenuation
from bmd.inference.ct.femur import find_and_read_hips
from bmd.inference.ct.gate import gate_ct, judge_ct
from bmd.inference.ct.levels import ROLE, FoundCt, localise_ct
from bmd.inference.ct.slices import ROLE as SLICES
from bmd.inference.ct.slices import classify_slices
from bmd.inference.ct.turned import contradictions
from bmd.inference.ct.verdict import as_prediction, judge, of_source, with_second_reader
from bmd.inference.patient import below_who_age, of_age
from bmd.inference.run import Networks, Teller
from bmd.reference import HU_KVP, LUMBAR
from bmd.types import Hip, Prediction, Report, Study, Suitability, Volume

Result = TypeVar("Result")


def find(volume: Volume, suitability: Suitability, networks: Networks) -> tuple[FoundCt, Suitability]:
    """Find and name the bodies, and judge whether that is a lumbar spine."""
    found = localise_ct(volume, networks)
    reasons, scores = judge_ct(found.spine, len(found.bodies), volume.spacing_mm[0])
    reasons = contradictions(volume, found.spine) or reasons
    return found, Suitability(not reasons, reasons, scores=suitability.scores | scores)


def describe(report: Report, study: Study, volume: Volume, found: FoundCt, networks: Networks, tell: Teller) -> Report:
    """Measure every body, classify slices and hips, and fill the report."""
    tell(0.55, "progress.measuring_attenuation")
    measured = measure_attenuation(volume, found)
    values, trabecular = judge(measured.attenuation, volume.acquisition.kvp, study.patient)
    said = (*_of_upload(study), *_names(found), *measured.left_out, *_technique(volume, found, measured))
    said += of_age(study.patient)
    report = replace(
        report,
        vertebrae=found.vertebrae,
        attenuation=values,
        trabecular=trabecular,
        prediction=as_prediction(trabecular),
        levels_certain=found.certain,
        warnings=said,
    )
    tell(0.65, "progress.classifying")
    young = below_who_age(study.patient)
    report = _hips(report if young else _slices(report, volume, networks), volume, study, networks, spine_end(found))
    return _without_classes(report) if young else report


def _without_classes(report: Report) -> Report:
    """Under 50 no WHO class, and these networks name nothing else (ISCD)."""
    hips = tuple(replace(hip, prediction=None) for hip in report.hips)
    said = warning("ct.networks_left_out")
    return replace(report, hips=hips, answers=(), warnings=(*report.warnings, said))


def spine_end(found: FoundCt) -> float:
    """Where the lowest vertebral body lies, mm from the first slice; 0 where none was found."""
    return max((float(body.frame.origin[0]) for body in found.bodies), default=0.0)


def _slices(report: Report, volume: Volume, networks: Networks) -> Report:
    usable = {a.level for a in report.attenuation if a.level is not None}
    chosen = [v for v in report.vertebrae if v.level in usable]
    nothing: tuple[tuple[Prediction, ...], Prediction | None] = (), None
    (each, patient), said = _tried("ct.slices_not_read", lambda: classify_slices(volume, chosen, networks), nothing)
    trabecular, differ = with_second_reader(report.trabecular, patient)
    return replace(
        report,
        measurements=each,
        trabecular=trabecular,
        answers=report.answers if patient is None else (*report.answers, patient),
        models=report.models | ({SLICES: networks.name(SLICES)} if each else {}),
        warnings=(*differ, *report.warnings, *said),
    )


def _hips(report: Report, volume: Volume, study: Study, networks: Networks, spine_ends_mm: float) -> Report:
    nothing: tuple[tuple[Hip, ...], dict[str, Prediction]] = (), {}
    (hips, answers), said = _tried(
        "ct.hips_not_read", lambda: find_and_read_hips(volume, study.patient, networks, spine_ends_mm), nothing
    )
    return replace(
        report,
        hips=hips,
        answers=(*report.answers, *answers.values()),
        models=report.models | {role: answer.model for role, answer in answers.items()},
        warnings=report.warnings + said,
    )


def _tried(code: str, read: Callable[[], Result], otherwise: Result) -> tuple[Result, tuple[Finding, ...]]:
    """Run a part; missing weights leave it out with a warning and the rest of the report stands."""
    try:
        return read(), ()
    except WeightsError as error:
        return otherwise, (warning(code, reason=error.finding),)


def _names(found: FoundCt) -> tuple[Finding, ...]:
    """Which names are missing, what the others were counted from, or why there are none."""
    if found.source == "rib":
        return (warning("ct.named_from_rib", doubts=found.doubts),)
    if found.source == "sacrum" and not found.certain:
        return tuple(replace(doubt, severity="warning") for doubt in found.doubts)
    if not found.certain:
        return (warning("ct.levels_uncertain", doubts=found.doubts, count=len(found.vertebrae)),)
    named = {v.level for v in found.vertebrae}
    missing = tuple(level for level in LUMBAR if level not in named)
    return (warning("ct.not_found", levels=missing),) if missing else ()


def _technique(volume: Volume, found: FoundCt, measured: Measured) -> list[Finding]:
    """What moves HU and was not corrected."""
    if not measured.attenuation:
        return []
    said = []
    kvp = volume.acquisition.kvp
    if kvp is None:
        said.append(warning("ct.kvp_unknown", reference_kvp=HU_KVP))
    elif not of_source(kvp):
        said.append(warning("ct.kvp_other", kvp=kvp, reference_kvp=HU_KVP))
    given = contrast(volume, found)
    if given is not None:
        said.append(given)
    if volume.acquisition.kernel == "sharp":
        said.append(warning("ct.sharp_kernel"))
    return said


def _of_upload(study: Study) -> tuple[Finding, ...]:
    """What reading noticed that limits every result, such as files of several patients."""
    return tuple(found for found in study.notes if found.severity == "warning")


STEPS = run.Steps(
    "ct", ROLE, gate_ct, find, describe, (0.02, "progress.checking_volume"), (0.08, "progress.finding_vertebrae")
)
analyse_ct = STEPS.analyse
"""One CT of the abdomen: the volume of a study. Roles: "localiser", "slices", "femur_image", "femur_demographics",
"femur_multimodal"; see ``run.Steps.analyse``."""
