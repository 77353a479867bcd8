"""The only door to the simulator: a seed in, a study with its truth out."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from bmd.errors import OptionError
from bmd.simulator.anatomy import build_skeleton
from bmd.simulator.population import Person, sample_person
from bmd.simulator.radiograph import expose_film
from bmd.types import Case, Image, Study, View

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


def _draw_person(rng: np.random.Generator, finding: str | None, cohort: str) -> Person:
    """A person who shows the finding, or anyone of the cohort; ``enriched`` draws every T-score alike."""
    if finding is not None:
        return sample_person(rng, cohort="film", **FINDINGS[finding])
    if cohort == "enriched":
        low = float(rng.uniform(-4.2, 1.2))
        return sample_person(rng, cohort="film", t_range=(low, low + 0.6))
    return sample_person(rng, cohort=cohort)


def simulate_film(
    seed: int,
    size: int = 384,
    view: View = "lateral",
    finding: str | None = None,
    cohort: str = "film",
    person: Person | None = None,
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
        A key of ``FINDINGS``: draw a person, and take a film, that shows it.
    cohort : str
        Whom to draw from when no finding is asked for: one of ``population.COHORTS``, or "enriched", people of the
        film cohort drawn so that T-scores from -4 to +1.5 are equally common, for training.
    person : Person, optional
        Take the film of this person.

    Raises
    ------
    OptionError
        Unknown view or finding, or a size below 64.
    """
    if view not in ("lateral", "ap"):
        raise OptionError("A film is taken from the side or from the front.", repr(view), "Use 'lateral' or 'ap'.")
    if finding is not None and finding not in FINDINGS:
        raise OptionError("Unknown finding.", repr(finding), f"Choose one of: {', '.join(FINDINGS)}.")
    if size < 64:
        raise OptionError("A film needs at least 64 rows.", str(size), "Ask for a larger size.")
    rng = np.random.default_rng(seed)
    if person is None:
        person = _draw_person(rng, finding, cohort)
    curved = {None: None, "scoliosis": True}.get(finding, False)
    skeleton = build_skeleton(person, rng, scoliosis=curved)
    metal = {None: None, "implant": True}.get(finding, False)
    film = expose_film(skeleton, rng, size=size, view=view, implant=metal)
    image = Image(film.pixels, "radiograph", view, film.spacing_mm)
    uid = hashlib.sha256(film.pixels.tobytes()).hexdigest()[:16]
    return Case(Study(uid, (image,), person.demographics, "simulated"), film.truth)
