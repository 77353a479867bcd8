"""A CT in, a report out, in four steps: gate, localise, measure, classify."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bmd.errors import WeightsError
from bmd.findings import Finding, warning
from bmd.inference.ct.attenuation import Measured, contrast, measure_attenuation, reading
from bmd.inference.ct.gate import gate_ct, judge_ct
from bmd.inference.ct.levels import FoundCt, localise_ct
from bmd.inference.engine import Engine, default_engine
from bmd.inference.patient import of_age
from bmd.inference.run import Progress
from bmd.inference.spine.looks import LOCALISER
from bmd.reference import LUMBAR
from bmd.types import Report, Study, Suitability, Volume

REFERENCE_KVP = 120.0
"""Tube voltage of the published values."""


def analyse_ct(study: Study, file: str = "", progress: Progress | None = None, engine: Engine | None = None) -> Report:
    """Analyse one CT of the abdomen.

    Parameters
    ----------
    study : Study
        What was read; its volume is analysed.
    file : str
        Name to show in the report.
    progress : callable, optional
        Called with a share 0..1 (never falling, 1 last) and what is being done.
    engine : Engine, optional
        Runs the networks; by default the best one this machine has.

    Returns
    -------
    Report
        An unsuitable volume gives a report with ``suitability.suitable`` False and its reasons, not an exception.

    Raises
    ------
    WeightsError
        The localiser's weights are missing or damaged.
    """
    start = time.perf_counter()
    tell = progress or (lambda share, what: None)
    tell(0.02, "Checking the volume")
    suitability, volume = gate_ct(study)
    report = Report(file, "ct", suitability, patient=study.patient)
    if volume is not None:
        engine = engine or default_engine()
        tell(0.08, "Finding the vertebrae")
        found = localise_ct(volume, engine)
        reasons, scores = judge_ct(found.spine, len(found.bodies))
        suitability = Suitability(not reasons, reasons, scores=suitability.scores | scores)
        report = replace(report, suitability=suitability, device=engine.device, models={"localiser": LOCALISER})
        if suitability.suitable:
            tell(0.55, "Measuring the attenuation")
            measured = measure_attenuation(volume, found)
            report = _filled(report, study, volume, found, measured)
            tell(0.65, "Classifying slices and hips")
            report = classify(report, volume, study, engine, spine_end(found))
    tell(1.0, "Done")
    return replace(report, seconds=round(time.perf_counter() - start, 3))


def _filled(report: Report, study: Study, volume: Volume, found: FoundCt, measured: Measured) -> Report:
    said = (*_names(found), *measured.left_out, *_technique(volume, found, measured), *of_age(study.patient))
    return replace(
        report,
        vertebrae=found.vertebrae,
        attenuation=measured.attenuation,
        levels_certain=found.certain,
        warnings=said,
    )


def spine_end(found: FoundCt) -> float:
    """Where the lowest vertebral body lies, mm from the first slice; 0 where none was found."""
    return max((float(body.frame.origin[0]) for body in found.bodies), default=0.0)


def classify(report: Report, volume: Volume, study: Study, engine: Engine, spine_ends_mm: float = 0.0) -> Report:
    """What the networks say of slices and hips; one whose weights are missing is named and left out."""
    report = _slices(report, volume, engine)
    return _hips(report, volume, study, engine, spine_ends_mm)


def _slices(report: Report, volume: Volume, engine: Engine) -> Report:
    from bmd.inference.ct.slices import NETWORK, classify_slices

    usable = {a.level for a in report.attenuation if a.level is not None}
    chosen = [v for v in report.vertebrae if v.level in usable]
    each, patient, said = _tried("ct.slices_not_read", lambda: classify_slices(volume, chosen, engine), ((), None))
    models = report.models | ({"slices": NETWORK} if each else {})
    answers = (*report.answers, patient) if patient is not None else report.answers
    return replace(
        report, measurements=each, prediction=patient, answers=answers, models=models, warnings=report.warnings + said
    )


def _hips(report: Report, volume: Volume, study: Study, engine: Engine, spine_ends_mm: float) -> Report:
    from bmd.inference.ct.femur import find_and_read_hips

    hips, answers, said = _tried(
        "ct.hips_not_read", lambda: find_and_read_hips(volume, study.patient, engine, spine_ends_mm), ((), ())
    )
    names = {answer.model: answer.model for answer in answers}
    return replace(
        report,
        hips=hips,
        answers=report.answers + answers,
        models=report.models | names,
        warnings=report.warnings + said,
    )


def _tried(code: str, run: Callable[[], Any], otherwise: tuple[Any, Any]) -> tuple[Any, Any, tuple[Finding, ...]]:
    """Run a part; missing weights leave it out with a warning and the rest of the report stands."""
    try:
        first, second = run()
        return first, second, ()
    except WeightsError as error:
        return *otherwise, (warning(code, reason=str(error) if error.legacy else error.finding),)


def _names(found: FoundCt) -> tuple[Finding, ...]:
    """Which names are missing, or why there are none."""
    if not found.certain:
        return (warning("ct.levels_uncertain", doubts=found.doubts, count=len(found.vertebrae)),)
    named = {v.level for v in found.vertebrae}
    missing = tuple(level for level in LUMBAR if level not in named)
    return (warning("ct.not_found", levels=missing),) if missing else ()


def _technique(volume: Volume, found: FoundCt, measured: Measured) -> list[Finding]:
    """Reading of L1, and what moves HU and was not corrected."""
    if not measured.attenuation:
        return []
    said = [*reading(measured.attenuation)]
    kvp = volume.acquisition.kvp
    if kvp is None:
        said.append(warning("ct.kvp_unknown"))
    elif abs(kvp - REFERENCE_KVP) > 1:
        said.append(warning("ct.kvp_other", kvp=kvp, reference_kvp=REFERENCE_KVP))
    if contrast(volume, found):
        said.append(warning("ct.contrast"))
    return said
