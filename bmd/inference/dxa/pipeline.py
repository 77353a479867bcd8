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
from bmd.findings import Finding, refusal, warning
from bmd.inference.dxa.densitometry import (
    DIFFERS_T,
    FEWEST,
    SPINE,
    as_z,
    density_map,
    level_densities,
    measured,
    measured_patient,
    pooled,
    proposed_exclusions,
    why_not_calibrated,
)
from bmd.inference.dxa.regions import NETWORK as REGION_NETWORK
from bmd.inference.dxa.regions import Regions, find_regions
from bmd.inference.engine import Engine, default_engine
from bmd.inference.film import gate as gates
from bmd.inference.patient import of_age
from bmd.inference.run import Progress
from bmd.inputs.dxa import dxa_input
from bmd.models._registry import default
from bmd.types import Demographics, LevelDensity, Prediction, Report, Study, Suitability

NETWORK = default("dxa_density")
LEAST_EVIDENCE = 1.4
"""Least sum of the scores of L1-L4 of a picture that is taken for a lumbar spine scan from the front."""
METAL_G_CM2 = 2.6
"""Areal density no bone reaches."""


def analyse_dxa(study: Study, file: str = "", progress: Progress | None = None, engine: Engine | None = None) -> Report:
    """Analyse one DXA image of the lumbar spine.

    Parameters
    ----------
    study : Study
        Its first DXA image is analysed; where a second one holds densities (``readers``), they are measured.
    file : str
        Name to show in the report.
    progress : callable, optional
        Called with a share 0..1 and what is being done.
    engine : Engine, optional
        Runs the networks; by default the best one this machine has.

    Returns
    -------
    Report
        ``vertebrae`` are the regions L1-L4; ``densities`` and ``measurements`` what the scan's own map says of them;
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


def gate(study: Study) -> tuple[Suitability, NDArray[np.float32] | None]:
    """First look, without any network: one DXA image from the front with something on it."""
    images = [image for image in study.images if image.modality == "dxa" and image.unit != "g/cm2"]
    if not images:
        return _refused("dxa.not_dxa")
    image = images[0]
    if image.view not in (None, "ap"):
        return _refused("dxa.from_the_side")
    pixels = np.clip(np.asarray(image.pixels, np.float32), 0, 1)
    height, width = pixels.shape
    if min(height, width) < gates.MIN_SIDE:
        return _refused("dxa.too_small", width=width, height=height, least=gates.MIN_SIDE)
    if max(height, width) > gates.MAX_ASPECT * min(height, width):
        return _refused("dxa.too_narrow", width=width, height=height)
    low, high = (float(v) for v in np.percentile(pixels[::2, ::2], (0.5, 99.5)))
    if high - low < gates.BLANK_RANGE:
        return _refused("dxa.blank")
    return Suitability(True, scores={"range": round(high - low, 3)}), pixels


def _refused(code: str, **values: int) -> tuple[Suitability, None]:
    return Suitability(False, (refusal(code, **values),)), None


def judge(suitability: Suitability, found: Regions) -> Suitability:
    """Whether what was found looks like the lumbar spine on a scan from the front."""
    levels = [v.level for v in found.vertebrae if v.level in SPINE]
    scores = suitability.scores | {"regions": float(len(levels)), "evidence": round(found.evidence, 3)}
    if len(levels) < FEWEST or found.evidence < LEAST_EVIDENCE:
        return Suitability(False, (refusal("dxa.no_spine"),), suitability.inverted, scores)
    return replace(suitability, scores=scores)


def describe(report: Report, study: Study, pixels: NDArray[np.float32], found: Regions, engine: Engine) -> Report:
    """Measure, estimate, and fill the report."""
    vertebrae = tuple(v for v in found.vertebrae if v.level in SPINE)
    levels = level_densities(study, [v for v in vertebrae if v.level not in found.cut])
    total = pooled(levels)
    answers = [] if total is None else [measured_patient(total, study.patient)]
    missing: tuple[Finding, ...] = ()
    models = dict(report.models)
    try:
        answers.append(estimate(pixels, study.patient, engine))
        models["density"] = NETWORK
    except WeightsError as error:
        missing = (warning("dxa.estimate_missing", reason=str(error) if error.legacy else error.finding),)
    return replace(
        report,
        vertebrae=vertebrae,
        densities=levels,
        measurements=tuple(measured(level) for level in levels),
        prediction=answers[0] if answers else None,
        answers=tuple(answers),
        levels_certain=found.certain,
        warnings=(*warnings(study, found, levels), *missing),
        models=models,
    )


def estimate(pixels: NDArray[np.float32], patient: Demographics, engine: Engine) -> Prediction:
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


def warnings(study: Study, found: Regions, levels: tuple[LevelDensity, ...]) -> tuple[Finding, ...]:
    """Everything the reader should know before using the numbers, most important first."""
    said = []
    names = [v.level for v in found.vertebrae if v.level in SPINE]
    if not found.certain:
        said.append(warning("dxa.levels_uncertain"))
    missing = tuple(level for level in SPINE if level not in names)
    if missing:
        said.append(warning("dxa.not_found", levels=missing))
    cut = tuple(level for level in SPINE if level in found.cut and level in names)
    if cut:
        said.append(warning("dxa.cut_off", levels=cut))
    said += [warning("dxa.differs", level=level, by_t=DIFFERS_T) for level in proposed_exclusions(levels)]
    image = density_map(study)
    if image is not None and float(np.percentile(image.pixels, 99.7)) > METAL_G_CM2:
        said.append(warning("dxa.metal"))
    if levels and len(levels) < FEWEST:
        said.append(warning("dxa.too_few", least=FEWEST))
    reason = why_not_calibrated(study)
    if reason is not None:
        said.append(reason)
    return (*said, *of_age(study.patient))
