"""The only door to the simulator: a seed in, a study with its truth out.

==================  ===================================================================================
`simulate_film`     ``film.radiograph``: `expose_film` of a skeleton
`simulate_ct`       ``ct.scan``: `lie_down` in the scanner, then `scan_volume`
`simulate_dxa`      ``dxa.case``: `picture_of_spine`, or `picture_of_other` for what must be refused
==================  ===================================================================================

All begin with `draw_person` and ``person.anatomy.build_skeleton``; what the pictures of one seed share is said in the
package's docstring.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from bmd.errors import OptionError
from bmd.simulator.ct import scan as ct
from bmd.simulator.ct.scanner import PHASES, Phase
from bmd.simulator.dxa import case as dxa
from bmd.simulator.dxa.console import LOOKS
from bmd.simulator.film.radiograph import expose_film
from bmd.simulator.person.anatomy import build_skeleton
from bmd.simulator.person.clinic import clinic_person
from bmd.simulator.person.sample import Person, sample_person
from bmd.truth import Case
from bmd.types import Image, Study, View, Volume

FINDINGS: dict[str, dict[str, Any]] = {
    "normal": {"t_range": (-0.8, 1.5), "fracture": False},
    "osteopenia": {"t_range": (-2.3, -1.3), "fracture": False},
    "osteoporosis": {"t_range": (-4.0, -2.8), "fracture": False},
    "fracture": {"t_range": (-4.0, -2.0), "fracture": True},
    "implant": {},
    "stout": {"bmi_range": (34, 42), "fracture": False},
    "scoliosis": {"fracture": False},
}
"""What to ask of the population for each teaching case."""

LEAST_ROWS = 64


def draw_person(rng: np.random.Generator, finding: str | None, cohort: str) -> Person:
    """A person who shows the finding, or anyone of the cohort.

    ``enriched`` draws every T-score alike, ``clinic`` adults of every age as in Ha 2024.
    """
    if finding is not None:
        return sample_person(rng, cohort="film", **FINDINGS[finding])
    if cohort == "enriched":
        low = float(rng.uniform(-4.2, 1.2))
        return sample_person(rng, cohort="film", t_range=(low, low + 0.6))
    if cohort == "clinic":
        return clinic_person(rng)
    return sample_person(rng, cohort=cohort)


def _shows(finding: str | None, what: str) -> bool | None:
    """Whether a picture must show something; None leaves it to the draw where no finding is asked for."""
    return None if finding is None else finding == what


def simulate_film(
    seed: int,
    size: int = 384,
    view: View = "lateral",
    finding: str | None = None,
    cohort: str = "film",
    person: Person | None = None,
    console: int | None = None,
) -> Case:
    """Simulate one spine film.

    Parameters
    ----------
    seed : int
        Same seed, same bytes.
    size : int
        Height in pixels (>= 64); the width is that or less.
    view : {"lateral", "ap"}
    finding : str, optional
        A key of ``FINDINGS``: draw a person, and take a film, that shows it, of the usual field and with nothing but
        letters printed on it.
    cohort : str
        Whom to draw from when no finding is asked for: one of ``population.COHORTS``, or "enriched", people of the
        film cohort drawn so that T-scores from -4 to +1.5 are equally common, for training.
    person : Person, optional
        Take the film of this person.
    console : int, optional
        Which of ``film.console.CONSOLES`` shows the film; drawn when None.

    Raises
    ------
    OptionError
        Unknown view or finding, or a size below 64.
    """
    if view not in ("lateral", "ap"):
        raise OptionError("simulator.view", view=view)
    _check_choice("finding", finding, FINDINGS)
    if size < LEAST_ROWS:
        raise OptionError("simulator.size", rows=size, least=LEAST_ROWS)
    rng = np.random.default_rng(seed)
    if person is None:
        person = draw_person(rng, finding, cohort)
    skeleton = build_skeleton(person, rng, scoliosis=_shows(finding, "scoliosis"))
    film = expose_film(skeleton, rng, size, view, _shows(finding, "implant"), finding is not None, console)
    image = Image(film.pixels, "radiograph", view, film.spacing_mm)
    uid = hashlib.sha256(film.pixels.tobytes()).hexdigest()[:16]
    return Case(Study(uid, (image,), person.body.demographics, "simulated"), film.truth)


def simulate_ct(
    seed: int,
    person: Person | None = None,
    cohort: str = "film",
    finding: str | None = None,
    spacing: tuple[float, float, float] | None = None,
    field: str | None = None,
    phase: Phase | None = None,
    fov_mm: float | None = None,
) -> Case:
    """Simulate one abdominal CT volume; its truth is a ``CtTruth``.

    Parameters
    ----------
    seed : int
        Same seed, same bytes; and the same person as the film of that seed.
    person : Person, optional
        Scan this person; else one is drawn as in ``simulate_film``.
    cohort : str
        As in ``simulate_film``.
    finding : str, optional
        A key of ``FINDINGS`` or one of ``ct.SPECIAL``; the scan then has no other metal or cement.
    spacing : (slice, row, column), optional
        Voxel size in mm, row = column, slice = thickness of the slices; by default the protocol's thickness and 1.6 mm.
    field : str, optional
        One of ``ct.FIELDS``; drawn when None.
    phase : {"none", "arterial", "portal"}, optional
        Intravenous contrast; drawn when None.
    fov_mm : float, optional
        Side of the field of view; drawn when None, now and then too small for the body.

    Raises
    ------
    OptionError
        Unknown finding, field or phase, or a spacing out of range.
    """
    _check_ct(finding, spacing, field, phase)
    rng = np.random.default_rng(seed)
    if person is None:
        person = draw_person(rng, finding if finding in FINDINGS else None, cohort)
    scene = ct.lie_down(person, rng, spacing[0] if spacing else None, phase, finding)
    scan = ct.scan_volume(scene, rng, field, spacing[2] if spacing else ct.PIXEL_MM, fov_mm)
    uid = hashlib.sha256(scan.pixels.tobytes()).hexdigest()[:16]
    volume = Volume(scan.pixels, scan.spacing_mm)
    return Case(Study(uid, patient=person.body.demographics, origin="simulated", volume=volume), scan.truth)


def _check_ct(
    finding: str | None, spacing: tuple[float, float, float] | None, field: str | None, phase: str | None
) -> None:
    """Refuse what no scanner does."""
    _check_choice("finding", finding, (*FINDINGS, *ct.SPECIAL))
    _check_choice("field", field, ct.FIELDS)
    _check_choice("phase", phase, PHASES)
    if spacing is not None and (spacing[1] != spacing[2] or not (0.5 <= spacing[0] <= 10 and 0.4 <= spacing[2] <= 5)):
        raise OptionError("simulator.voxels", spacing_mm=spacing)


def _check_choice(what: str, asked: str | None, known: Iterable[str]) -> None:
    """Refuse a name that is not known; None leaves the choice to the draw."""
    if asked is not None and asked not in known:
        raise OptionError(f"simulator.{what}", asked=asked, known=tuple(known))


def simulate_dxa(
    seed: int,
    person: Person | None = None,
    cohort: str = "film",
    finding: str | None = None,
    view: str = "ap",
    position: str | None = None,
    look: str | None = None,
    calibrated: bool = False,
    height: int | None = None,
) -> Case:
    """Simulate one DXA image of the lumbar spine, or of something a spine page must refuse.

    Parameters
    ----------
    seed : int
        Same seed, same bytes.
    person : Person, optional
        Scan this person; else one is drawn as in ``simulate_film``.
    cohort : str
        As in ``simulate_film``.
    finding : str, optional
        A key of ``dxa.case.FINDINGS``; the scan then has no other nuisance.
    view : {"ap", "lateral", "hip", "forearm"}
        What is scanned.
    position : {"tilted", "off_centre", "high", "low"}, optional
        A fault of positioning; drawn when None and no finding is asked for.
    look : {"bone", "mixed", "film"}, optional
        The console's way of showing it; drawn when None.
    calibrated : bool
        A second image of the study holds the density in g/cm2 on the same pixels, nothing is drawn on the first.
    height : int, optional
        Rows of an image that is not calibrated; drawn when None.

    Returns
    -------
    Case
        ``truth`` is a ``DxaTruth``.

    Raises
    ------
    OptionError
        Unknown finding, view, position or look.
    """
    _check_choice("finding", finding, dxa.FINDINGS)
    _check_choice("projection", view, dxa.VIEWS)
    _check_choice("position", position, dxa.POSITIONS)
    _check_choice("look", look, LOOKS)
    rng = np.random.default_rng(seed)
    asked = dxa.FINDINGS.get(finding or "", {})
    if person is None and finding is not None:
        person = sample_person(rng, cohort="film", **asked["person"])
    person = person or draw_person(rng, None, cohort)
    curved = asked.get("curved", None if finding is None else False)
    skeleton = build_skeleton(person, rng, scoliosis=curved, same_day=True)
    if view == "ap":
        shown = dxa.picture_of_spine(skeleton, rng, finding, position, look, calibrated, height)
    else:
        shown = dxa.picture_of_other(skeleton, rng, view, height)
    spacing = None if shown.spacing_mm is None else (shown.spacing_mm, shown.spacing_mm)
    seen: View = "lateral" if view == "lateral" else "ap"
    images = [Image(shown.pixels, "dxa", seen, spacing)]
    if shown.density is not None:
        images.append(Image(shown.density, "dxa", seen, spacing, unit="g/cm2"))
    uid = hashlib.sha256(shown.pixels.tobytes()).hexdigest()[:16]
    return Case(Study(uid, tuple(images), person.body.demographics, "simulated"), shown.truth)
