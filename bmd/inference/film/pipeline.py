"""A film in, a report out, in four steps: gate, localise, measure, report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from bmd.errors import WeightsError
from bmd.findings import Finding, refusal, warning
from bmd.inference import run, view
from bmd.inference.film import measure as density
from bmd.inference.film import size
from bmd.inference.film.boxes import by_boxes
from bmd.inference.film.found import ROLE, Film, Found, by_maps
from bmd.inference.film.gate import gate, seems_inverted
from bmd.inference.film.reduced import on_whole_film, reduced
from bmd.inference.film.warnings import warnings
from bmd.inference.patient import as_z
from bmd.inference.run import Networks, Teller
from bmd.models._registry import spec
from bmd.types import Image, Report, Study, Suitability

LOCALISERS: Mapping[str, Callable[[Film, Networks], Found]] = {
    "masks": by_maps,
    "outlines": by_maps,
    "boxes": by_boxes,
    "instances": by_boxes,
}
"""By the task of the network: networks of one task give the same outputs."""


@dataclass(frozen=True, eq=False)
class Seen:
    """The film, reduced and with bone bright; what was found on it, in its pixels (None where it was not looked at);
    doubts about its view; ``scale`` is that of ``reduced``.
    """

    film: Film
    found: Found | None
    doubts: tuple[Finding, ...] = ()
    scale: tuple[float, float] = (1.0, 1.0)


def find(image: Image, suitability: Suitability, networks: Networks) -> tuple[Seen, Suitability]:
    """Ask what the picture shows, then localise; where little is found or it seems inverted, also on its negative.

    Returns
    -------
    Seen, Suitability
        The better of both, and the final verdict.
    """
    localise = LOCALISERS[spec(networks.name(ROLE)).task]
    film, scale = reduced(image.pixels)
    shown = view.look(film, networks)
    suitability = replace(suitability, scores=suitability.scores | shown.scores())
    objections = view.objections(shown, view.LATERAL)
    if objections:
        return Seen(film, None), replace(suitability, suitable=False, reasons=objections)
    found, inverted = localise(film, networks), False
    if not found.enough or seems_inverted(film):
        negative = np.asarray(1 - film, np.float32)
        other = localise(negative, networks)
        if other.quality > found.quality:
            film, found, inverted = negative, other, True
    reasons = size.too_small(found.vertebrae) if found.enough else (refusal("film.no_spine"),)
    scores = suitability.scores | found.scores
    return Seen(film, found, view.doubts(shown, view.LATERAL), scale), Suitability(
        not reasons, reasons, inverted, scores
    )


def describe(report: Report, study: Study, image: Image, seen: Seen, networks: Networks, tell: Teller) -> Report:
    """Measure, and fill the report; without the density network's weights the rest of it stands."""
    tell(0.7, "progress.estimating_density")
    measured = density.Measured()
    missing: tuple[Finding, ...] = ()
    models, found = {**report.models, view.ROLE: networks.name(view.ROLE)}, seen.found
    assert found is not None  # else it was refused
    try:
        measured = density.measure(seen.film, found.vertebrae, study.patient, networks, skip=found.unmeasured)
        models[density.ROLE] = networks.name(density.ROLE)
    except WeightsError as error:
        missing = (warning("film.no_density", error=error.finding),)
    return replace(
        report,
        vertebrae=tuple(on_whole_film(vertebra, seen.scale) for vertebra in found.vertebrae),
        measurements=tuple(as_z(one, study.patient) for one in measured.each),
        prediction=None if measured.patient is None else as_z(measured.patient, study.patient),
        levels_certain=found.certain and not seen.doubts,
        warnings=seen.doubts + warnings(found, measured, study, report.suitability) + missing,
        models=models,
    )


STEPS = run.Steps(
    "radiograph", ROLE, gate, find, describe, (0.02, "progress.checking_picture"), (0.15, "progress.finding_vertebrae")
)
analyse = STEPS.analyse
"""One lateral spine film: the first radiograph of a study. Roles: "localiser", "density"; see ``run.Steps.analyse``."""
