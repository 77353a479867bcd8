"""A DXA image of the lumbar spine in, a report out: gate, regions, measured density, the network's estimate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bmd import reference
from bmd.errors import WeightsError
from bmd.findings import Finding, refusal, warning
from bmd.inference import run, view
from bmd.inference.dxa.densitometry import (
    DIFFERS_T,
    FEWEST,
    SPINE,
    density_map,
    level_densities,
    measured,
    measured_patient,
    pooled,
    proposed_exclusions,
    why_not_calibrated,
)
from bmd.inference.dxa.regions import ROLE as REGION_ROLE
from bmd.inference.dxa.regions import Regions, find_regions
from bmd.inference.dxa.shape import absurd
from bmd.inference.dxa.ways import AS_IT_IS, agree, back, best_way
from bmd.inference.film import gate as gates
from bmd.inference.patient import as_z, of_age
from bmd.inference.run import Networks, Teller
from bmd.inputs.dxa import Way, dxa_input
from bmd.readers.dxa import header_says
from bmd.types import Demographics, LevelDensity, Prediction, Report, Study, Suitability

ROLE = "dxa_density"
Pixels: TypeAlias = NDArray[np.float32]
"""(H, W) in 0..1, bone bright."""
LEAST_EVIDENCE = 1.4
"""Least sum of the scores of L1-L4 of a picture that is taken for a lumbar spine scan from the front."""
METAL_G_CM2 = 2.6
"""Areal density no bone reaches."""


@dataclass(frozen=True, eq=False)
class Scan:
    """A picture to look at; ``measured`` says that its file holds densities, so that it is a DXA image for certain."""

    pixels: Pixels
    measured: bool


def gate(study: Study) -> tuple[Suitability, Scan | None]:
    """First look, without any network: one DXA image from the front with something on it."""
    images = [image for image in study.images if image.modality == "dxa" and image.unit != "g/cm2"]
    if not images:
        return _refused("dxa.not_dxa")
    image = images[0]
    if image.view not in (None, "ap"):
        return _refused("dxa.is_film" if header_says(study) == "film" else "dxa.from_the_side")
    pixels = np.clip(np.asarray(image.pixels, np.float32), 0, 1)
    height, width = pixels.shape
    if min(height, width) < gates.MIN_SIDE:
        return _refused("dxa.too_small", width=width, height=height, least=gates.MIN_SIDE)
    if max(height, width) > gates.MAX_ASPECT * min(height, width):
        return _refused("dxa.too_narrow", width=width, height=height)
    low, high = (float(v) for v in np.percentile(pixels[::2, ::2], (0.5, 99.5)))
    if high - low < gates.BLANK_RANGE:
        return _refused("dxa.blank")
    scan = Scan(pixels, any(image.unit == "g/cm2" for image in study.images))
    return Suitability(True, scores={"range": round(high - low, 3)}), scan


def _refused(code: str, **values: int) -> tuple[Suitability, None]:
    return Suitability(False, (refusal(code, **values),)), None


def find(scan: Scan, suitability: Suitability, networks: Networks) -> tuple[Regions | None, Suitability]:
    """The regions, and whether the picture, and they, look like the lumbar spine on a scan from the front."""
    doubts: tuple[Finding, ...] = ()
    if not scan.measured:
        shown = view.look(scan.pixels, networks)
        suitability = replace(suitability, scores=suitability.scores | shown.scores())
        objections = view.objections(shown, view.SCAN)
        if objections:
            return None, replace(suitability, suitable=False, reasons=objections)
        doubts = view.doubts(shown, view.SCAN)
    looked = best_way(scan.pixels, networks)
    way, doubts = looked.way, doubts if looked.clear else (*doubts, warning("dxa.way_doubtful"))
    if not looked.clear and way != AS_IT_IS:
        return None, replace(suitability, suitable=False, reasons=(refusal("dxa.way_unclear"),))
    pixels = way.turn(scan.pixels)
    found = find_regions(pixels, networks)
    certain = scan.measured and found.certain and agree(found, looked.named)  # on real pictures both may be one off
    found = back(replace(found, doubts=doubts, certain=certain), way, len(pixels))
    levels = [v.level for v in found.vertebrae if v.level in SPINE]
    scores = {"regions": float(len(levels)), "evidence": round(found.evidence, 3), "margin": round(looked.margin, 3)}
    scores = suitability.scores | scores
    suitability = replace(suitability, inverted=way.dark, upside_down=way.down, scores=scores)
    if len(levels) < FEWEST or found.evidence < LEAST_EVIDENCE:
        return found, replace(suitability, suitable=False, reasons=(refusal("dxa.no_spine"),))
    if absurd(found.vertebrae, (pixels.shape[0], pixels.shape[1])):
        return found, replace(suitability, suitable=False, reasons=(refusal("dxa.absurd_outlines"),))
    return found, suitability


def describe(
    report: Report, study: Study, scan: Scan, found: Regions | None, networks: Networks, tell: Teller
) -> Report:
    """Measure, estimate, and fill the report."""
    tell(0.7, "progress.estimating_density")
    assert found is not None  # else it was refused
    vertebrae = tuple(v for v in found.vertebrae if v.level in SPINE)
    levels = level_densities(study, [v for v in vertebrae if v.level not in found.cut])
    total, named = pooled(levels), found.certain and not found.doubts
    answers = [] if total is None else [measured_patient(total, study.patient, named)]
    models = dict(report.models) | ({} if scan.measured else {view.ROLE: networks.name(view.ROLE)})
    last: tuple[Finding, ...] = ()
    if scan.measured and named:
        way = Way(report.suitability.inverted, report.suitability.upside_down)
        try:
            answers.append(estimate(way.turn(scan.pixels), study.patient, networks))
            models["density"], last = networks.name(ROLE), (warning("dxa.estimate_simulated"),)
        except WeightsError as error:
            last = (warning("dxa.estimate_missing", reason=error.finding),)
    return replace(
        report,
        vertebrae=vertebrae,
        densities=levels,
        measurements=tuple(as_z(measured(level, named), study.patient) for level in levels),
        prediction=answers[0] if answers else None,
        answers=tuple(answers),
        levels_certain=named,
        warnings=(*found.doubts, *turned(report.suitability), *warnings(study, found, levels), *last),
        models=models,
    )


def turned(suitability: Suitability) -> tuple[Finding, ...]:
    """What to say of a picture that is not the right way round."""
    said = [warning("dxa.bone_dark")] if suitability.inverted else []
    return (*said, *([warning("dxa.upside_down")] if suitability.upside_down else ()))


def estimate(pixels: Pixels, patient: Demographics, networks: Networks) -> Prediction:
    """What the network says of the spine; interval and probabilities from its errors on simulated scans.

    Weights without a calibration give the bare density, with neither.
    """
    density = float(networks.run(ROLE, dxa_input(pixels)[None])["bmd"].reshape(-1)[0])
    numbers: dict[str, Any] = networks.metadata(ROLE).get("calibration") or {}
    if "slope" in numbers:
        density = numbers["offset"] + numbers["slope"] * density
    density = round(float(density), 3)
    t = float(reference.t_score(density, "L1-L4"))
    half, spread = numbers.get("half_width"), numbers.get("sigma_t")
    shown = reference.reported_t(t)
    found = Prediction(
        level=None,
        bmd_g_cm2=density,
        t_score=shown,
        interval=None if half is None else reference.reported_interval(t - half, t + half),
        probabilities={} if spread is None else reference.class_shares(t, float(spread)),
        category=reference.category(shown),
        model=networks.name(ROLE),
    )
    return as_z(found, patient)


def warnings(study: Study, found: Regions, levels: tuple[LevelDensity, ...]) -> tuple[Finding, ...]:
    """Everything the reader should know before using the numbers, most important first."""
    said, named = [], found.certain and not found.doubts
    names = [v.level for v in found.vertebrae if v.level in SPINE]
    if not named:
        said.append(warning("dxa.levels_uncertain"))
        said += [warning("dxa.no_t_unnamed")] if levels else []
    missing = tuple(level for level in SPINE if level not in names)
    if missing:
        said.append(warning("dxa.not_found", levels=missing))
    cut = tuple(level for level in SPINE if level in found.cut and level in names)
    if cut:
        said.append(warning("dxa.cut_off", levels=cut))
    proposed = proposed_exclusions(levels) if named else ()
    said += [warning("dxa.differs", level=level, by_t=DIFFERS_T) for level in proposed]
    image = density_map(study)
    if image is not None and float(np.percentile(image.pixels, 99.7)) > METAL_G_CM2:
        said.append(warning("dxa.metal"))
    if levels and len(levels) < FEWEST:
        said.append(warning("dxa.too_few", least=FEWEST))
    reason = why_not_calibrated(study)
    if reason is not None:
        said.append(reason)
    return (*said, *of_age(study.patient))


STEPS = run.Steps(
    "dxa", REGION_ROLE, gate, find, describe, (0.02, "progress.checking_picture"), (0.2, "progress.finding_regions")
)
analyse_dxa = STEPS.analyse
"""One DXA image of the lumbar spine: the first of a study; a second one that holds densities is measured.

In the report ``vertebrae`` are the regions L1-L4; ``densities`` and ``measurements`` what the scan's own map says of
them; ``answers`` the measured L1-L4 and the network's estimate, as far as there are any; ``prediction`` the first of
them. Names are certain where two networks agree on them and the picture is clearly the right way round, or was turned
to be. A picture without a scale has neither: on 84 real ones no score ranked density (decision 26). Where names are not
certain densities have no T-score and nothing is estimated.

Roles: "dxa_regions", "dxa_way", "dxa_density"; see ``run.Steps.analyse``."""
