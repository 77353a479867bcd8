"""A study in, a report out, in four steps: gate, localise, measure, report."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bmd.errors import WeightsError
from bmd.inference.engine import Engine, default_engine
from bmd.inference.film import gate as gates
from bmd.inference.film.measure import NETWORK, measure
from bmd.inference.film.warnings import warnings
from bmd.inference.spine.localise import Localised, localise, quality
from bmd.inference.spine.looks import LOCALISER
from bmd.types import Prediction, Report, Study, Suitability

Progress = Callable[[float, str], None]


def analyse(study: Study, file: str = "", progress: Progress | None = None, engine: Engine | None = None) -> Report:
    """Analyse one lateral spine film.

    Parameters
    ----------
    study : Study
        What was read; its first radiograph is analysed.
    file : str
        Name to show in the report.
    progress : callable, optional
        Called with a share 0..1 (never falling, 1 last) and what is being done.
    engine : Engine, optional
        Runs the networks; by default the best one this machine has.

    Returns
    -------
    Report
        An unsuitable picture gives a report with ``suitability.suitable`` False and its reasons, not an exception.

    Raises
    ------
    WeightsError
        The localiser's weights are missing or damaged.
    """
    start = time.perf_counter()
    tell = progress or (lambda share, what: None)
    tell(0.02, "Checking the picture")
    suitability, image = gates.gate(study)
    modality = study.modality or "radiograph"
    report = Report(file, modality, suitability, patient=study.patient)
    if image is not None:
        engine = engine or default_engine()
        tell(0.15, "Finding the vertebrae")
        film, found, suitability = find(image.pixels, suitability, engine)
        report = replace(report, suitability=suitability, device=engine.device, models={"localiser": LOCALISER})
        if suitability.suitable:
            tell(0.7, "Estimating bone density")
            report = describe(report, study, film, found, engine)
    tell(1.0, "Done")
    return replace(report, seconds=round(time.perf_counter() - start, 3))


def find(pixels: NDArray, suitability: Suitability, engine: Engine) -> tuple[NDArray, Localised, Suitability]:
    """Localise on the film as it is; where that is doubtful or the film seems inverted, also on its negative.

    Returns
    -------
    film, Localised, Suitability
        The film with bone bright, what was found on it and the final verdict.
    """
    film = np.clip(np.asarray(pixels, np.float32), 0, 1)
    found, inverted = localise(film, engine), False
    if gates.too_little(found.decoded) or gates.seems_inverted(film):
        negative = 1 - film
        other = localise(negative, engine)
        if quality(other.decoded) > quality(found.decoded):
            film, found, inverted = negative, other, True
    reasons, scores = gates.judge(film, found.decoded)
    return film, found, Suitability(not reasons, reasons, inverted, suitability.scores | scores)


def describe(report: Report, study: Study, film: NDArray, found: Localised, engine: Engine) -> Report:
    """Measure, and fill the report."""
    each: tuple[Prediction, ...] = ()
    patient: Prediction | None = None
    missing: tuple[str, ...] = ()
    models = dict(report.models)
    try:
        each, patient = measure(film, found.vertebrae, study.patient, engine, skip=found.cut)
        models["density"] = NETWORK
    except WeightsError as error:
        missing = (f"Bone density was not estimated: {error}",)
    return replace(
        report,
        vertebrae=found.vertebrae,
        measurements=each,
        prediction=patient,
        levels_certain=found.decoded.certain,
        warnings=warnings(film, found, each, patient, study, report.suitability) + missing,
        models=models,
    )
