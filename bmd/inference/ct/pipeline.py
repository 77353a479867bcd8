"""A CT in, a report out, in four steps: gate, localise, measure, classify."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bmd.errors import WeightsError
from bmd.inference.ct.attenuation import Measured, contrast, measure_attenuation, reading
from bmd.inference.ct.gate import gate_ct, judge_ct
from bmd.inference.ct.levels import FoundCt, localise_ct
from bmd.inference.engine import Engine, default_engine
from bmd.inference.film.pipeline import Progress
from bmd.inference.patient import of_age
from bmd.inference.spine.looks import LOCALISER
from bmd.reference import LUMBAR
from bmd.types import Report, Said, Study, Suitability, Volume

log = logging.getLogger(__name__)


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
    said: list[Said] = [*_names(found), *measured.left_out, *_technique(study, volume, found, measured)]
    return replace(
        report,
        vertebrae=found.vertebrae,
        attenuation=measured.attenuation,
        levels_certain=found.certain,
        warnings=(*said, *of_age(study.patient)),
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
    each, patient, said = _tried(
        "Slices were not classified", lambda: classify_slices(volume, chosen, engine), ((), None)
    )
    models = report.models | ({"slices": NETWORK} if each else {})
    answers = (*report.answers, patient) if patient is not None else report.answers
    return replace(
        report, measurements=each, prediction=patient, answers=answers, models=models, warnings=report.warnings + said
    )


def _hips(report: Report, volume: Volume, study: Study, engine: Engine, spine_ends_mm: float) -> Report:
    from bmd.inference.ct.femur import find_and_read_hips

    hips, answers, said = _tried(
        "The hips were not read", lambda: find_and_read_hips(volume, study.patient, engine, spine_ends_mm), ((), ())
    )
    names = {answer.model: answer.model for answer in answers}
    return replace(
        report,
        hips=hips,
        answers=report.answers + answers,
        models=report.models | names,
        warnings=report.warnings + said,
    )


def _tried(what: str, run: Callable[[], Any], otherwise: tuple[Any, Any]) -> tuple[Any, Any, tuple[str, ...]]:
    """Run a part; missing weights leave it out with a sentence and the rest of the report stands."""
    try:
        first, second = run()
        return first, second, ()
    except WeightsError as error:
        return *otherwise, (f"{what}: {error}",)


def _names(found: FoundCt) -> list[str]:
    said = []
    if not found.certain:
        count = len(found.vertebrae)
        bodies = f"{count} vertebral bod{'y is' if count == 1 else 'ies are'} shown"
        said.append(f"Levels uncertain: {' and '.join(found.doubts)}. {bodies} without a name.")
    else:
        missing = [level for level in LUMBAR if level not in {v.level for v in found.vertebrae}]
        if missing:
            said.append(f"Not found in the CT: {', '.join(missing)}.")
    return said


def _technique(study: Study, volume: Volume, found: FoundCt, measured: Measured) -> list[str]:
    """Reading of L1, and what moves HU and was not corrected."""
    said = [sentence for sentence in (reading(measured.attenuation),) if sentence]
    voltage = volume.acquisition.kvp
    if measured.attenuation:
        if voltage is None:
            said.append("The tube voltage is not known; HU of bone rise as it falls and were not corrected.")
        elif abs(voltage - 120) > 1:
            said.append(
                f"Tube voltage {voltage:.0f} kV: HU of bone rise as the voltage falls; they were not corrected to the "
                "120 kV of published values."
            )
        if contrast(volume, found):
            said.append(
                "A contrast agent was given: it raises HU of bone, by 11 on average in 157 people (SD 19; Pickhardt "
                "2016); not corrected."
            )
    return said
