"""A DXA image of the lumbar spine in, a report out: gate, regions, measured density, the network's estimate."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bmd import reference
from bmd.errors import WeightsError
from bmd.inference.dxa.densitometry import (
    FEWEST,
    SPINE,
    LevelDensity,
    density_map,
    level_densities,
    pooled,
    proposed_exclusions,
    why_not_calibrated,
)
from bmd.inference.dxa.regions import NETWORK as REGION_NETWORK
from bmd.inference.dxa.regions import Regions, find_regions
from bmd.inference.engine import Engine, default_engine
from bmd.inference.film import gate as gates
from bmd.inference.run import Progress
from bmd.inputs.dxa import dxa_input
from bmd.models._registry import default
from bmd.types import Demographics, Prediction, Report, Study, Suitability

NETWORK = default("dxa_density")
MEASURED = "measured"
LEAST_EVIDENCE = 1.4
"""Least sum of the scores of L1-L4 of a picture that is taken for a lumbar spine scan from the front."""
METAL_G_CM2 = 2.6
"""Areal density no bone reaches."""


def analyse_dxa(study: Study, file: str = "", progress: Progress | None = None, engine: Engine | None = None) -> Report:
    """Analyse one DXA image of the lumbar spine.

    Parameters
    ----------
    study : Study
        Its first DXA image is analysed; where a second one holds densities (``data.dxa``), they are measured.
    file : str
        Name to show in the report.
    progress : callable, optional
        Called with a share 0..1 and what is being done.
    engine : Engine, optional
        Runs the networks; by default the best one this machine has.

    Returns
    -------
    Report
        ``vertebrae`` are the regions L1-L4; ``measurements`` their measured densities (calibrated files only);
        ``answers`` the measured L1-L4 and the network's estimate, as far as there are any; ``prediction`` the first of
        them. An unsuitable picture gives a report with its reasons.

    Raises
    ------
    WeightsError
        The weights of the region network are missing or damaged.
    """
    start = time.perf_counter()
    tell = progress or (lambda share, what: None)
    tell(0.02, "Checking the picture")
    suitability, pixels = gate(study)
    report = Report(file, "dxa", suitability, patient=study.patient)
    if pixels is not None:
        engine = engine or default_engine()
        tell(0.2, "Finding L1 to L4")
        found = find_regions(pixels, engine)
        suitability = judge(suitability, found)
        report = replace(report, suitability=suitability, device=engine.device, models={"localiser": REGION_NETWORK})
        if suitability.suitable:
            tell(0.7, "Estimating bone density")
            report = describe(report, study, pixels, found, engine)
    tell(1.0, "Done")
    return replace(report, seconds=round(time.perf_counter() - start, 3))


def gate(study: Study) -> tuple[Suitability, NDArray | None]:
    """First look, without any network: one DXA image from the front with something on it."""
    images = [image for image in study.images if image.modality == "dxa" and image.unit != "g/cm2"]
    if not images:
        return Suitability(False, ("This page analyses a DXA image of the lumbar spine.",)), None
    image = images[0]
    if image.view not in (None, "ap"):
        return Suitability(False, ("This scan is taken from the side; the front (AP) scan is needed.",)), None
    pixels = np.clip(np.asarray(image.pixels, np.float32), 0, 1)
    height, width = pixels.shape
    if min(height, width) < gates.MIN_SIDE:
        reason = f"The picture is too small ({width} x {height} pixels); each side needs at least {gates.MIN_SIDE}."
        return Suitability(False, (reason,)), None
    if max(height, width) > gates.MAX_ASPECT * min(height, width):
        return Suitability(False, (f"The picture is too narrow ({width} x {height} pixels) for a spine scan.",)), None
    low, high = (float(v) for v in np.percentile(pixels[::2, ::2], (0.5, 99.5)))
    if high - low < gates.BLANK_RANGE:
        return Suitability(False, ("The picture is blank: there is no contrast in it.",)), None
    return Suitability(True, scores={"range": round(high - low, 3)}), pixels


def judge(suitability: Suitability, found: Regions) -> Suitability:
    """Whether what was found looks like the lumbar spine on a scan from the front."""
    levels = [v.level for v in found.vertebrae if v.level in SPINE]
    scores = suitability.scores | {"regions": float(len(levels)), "evidence": round(found.evidence, 3)}
    if len(levels) < FEWEST or found.evidence < LEAST_EVIDENCE:
        reason = (
            "No lumbar spine seen from the front was found. A hip, a forearm, a scan from the side or a picture that "
            "is no scan cannot be used, and a strongly curved spine may not be found."
        )
        return Suitability(False, (reason,), suitability.inverted, scores)
    return replace(suitability, scores=scores)


def describe(report: Report, study: Study, pixels: NDArray, found: Regions, engine: Engine) -> Report:
    """Measure, estimate, and fill the report."""
    vertebrae = tuple(v for v in found.vertebrae if v.level in SPINE)
    whole = [v for v in vertebrae if v.level not in found.cut]
    levels = level_densities(study, whole)
    each = tuple(measured(level, study.patient) for level in levels)
    answers: list[Prediction] = []
    total = pooled(levels)
    if total is not None:
        answers.append(replace(measured(total, study.patient), level=None))
    missing: tuple[str, ...] = ()
    models = dict(report.models)
    try:
        answers.append(estimate(pixels, study.patient, engine))
        models["density"] = NETWORK
    except WeightsError as error:
        missing = (f"The network's estimate is missing: {error}",)
    return replace(
        report,
        vertebrae=vertebrae,
        measurements=each,
        prediction=answers[0] if answers else None,
        answers=tuple(answers),
        levels_certain=found.certain,
        warnings=(*warnings(study, found, levels), *missing),
        models=models,
    )


def measured(level: LevelDensity, patient: Demographics) -> Prediction:
    """A measured density as a prediction: no interval and no probabilities, since nothing was estimated."""
    density = round(level.bmd_g_cm2, 3)
    t = reference.reported_t(level.t_score)
    found = Prediction(level.level, density, t, None, {}, reference.category(t), MEASURED)
    return as_z(found, patient) if level.level == "L1-L4" else found


def estimate(pixels: NDArray, patient: Demographics, engine: Engine) -> Prediction:
    """What the DXA CNN says of the spine; interval and probabilities from its errors on simulated scans."""
    raw = float(engine.run(NETWORK, dxa_input(pixels)[None])["bmd"].reshape(-1)[0])
    numbers: dict[str, Any] = engine.metadata(NETWORK).get("calibration") or {}
    density = numbers.get("offset", 0.0) + numbers.get("slope", 1.0) * raw
    density = round(float(density), 3)
    t = float(reference.t_score(density, "L1-L4"))
    half, spread = numbers.get("half_width"), numbers.get("sigma_t")
    shown = reference.reported_t(t)
    found = Prediction(
        level=None,
        bmd_g_cm2=density,
        t_score=shown,
        interval=None if half is None else reference.reported_interval(t - half, t + half),
        probabilities={} if spread is None else class_shares(t, float(spread)),
        category=reference.category(shown),
        model=NETWORK,
    )
    return as_z(found, patient)


def class_shares(t: float, spread: float) -> dict[str, float]:
    """Share of each WHO class for a T-score known up to a normal error of that spread (limits as reported, to 0.1)."""
    below = [0.5 * (1 + math.erf((limit - t) / (spread * math.sqrt(2)))) for limit in (-1.05, -2.45)]
    shares = (1 - below[0], below[0] - below[1], below[1])
    return {name: round(share, 4) for name, share in zip(reference.CATEGORIES, shares, strict=True)}


def as_z(found: Prediction, patient: Demographics) -> Prediction:
    """Under 50 a Z-score in place of T-score and class, where sex is known (ISCD)."""
    young = patient.age_y is not None and patient.age_y < reference.MINIMUM_AGE_FOR_T
    if not young or patient.sex is None or found.bmd_g_cm2 is None or patient.age_y is None:
        return found
    z = float(reference.z_score(found.bmd_g_cm2, patient.age_y, patient.sex))
    return replace(found, t_score=None, interval=None, probabilities={}, category=None, z_score=reference.reported_t(z))


def warnings(study: Study, found: Regions, levels: tuple[LevelDensity, ...]) -> tuple[str, ...]:
    """Everything the reader should know before using the numbers, most important first."""
    said = []
    names = [v.level for v in found.vertebrae if v.level in SPINE]
    if not found.certain:
        said.append("Levels uncertain: the names of the vertebrae may be off by one.")
    missing = [level for level in SPINE if level not in names]
    if missing:
        said.append(f"Not found on the image: {', '.join(missing)}.")
    cut = [level for level in SPINE if level in found.cut and level in names]
    if cut:
        said.append(f"Cut off by the edge of the picture and not measured: {', '.join(cut)}.")
    said += proposals(levels)
    image = density_map(study)
    if image is not None and float(np.percentile(image.pixels, 99.7)) > METAL_G_CM2:
        said.append("There may be metal or cement in the scan; bone density there cannot be trusted.")
    if levels and len(levels) < FEWEST:
        said.append(f"No measured result for the patient: fewer than {FEWEST} of L1-L4 could be measured.")
    reason = why_not_calibrated(study)
    if reason:
        said.append(reason)
    age = study.patient.age_y
    if age is not None and age < reference.MINIMUM_AGE_FOR_T:
        said.append(
            f"WHO categories are meant for postmenopausal women and men from {reference.MINIMUM_AGE_FOR_T} years; "
            "below that age Z-scores are used (ISCD)."
        )
    return tuple(said)


def proposals(levels: tuple[LevelDensity, ...]) -> list[str]:
    """ISCD's reason to leave a vertebra out, as a proposal."""
    return [
        f"{level} differs by more than 1.0 T from its neighbours: look for fracture, arthrosis or an implant. It may "
        "be left out (ISCD); nothing was left out."
        for level in proposed_exclusions(levels)
    ]
