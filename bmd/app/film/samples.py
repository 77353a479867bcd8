"""The built-in sample cases: simulated films shipped as small DICOM files with a thumbnail and their truth.

``python -m bmd.app.film.samples`` makes them again; run it after the simulator has changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bmd.app.samples import Sample, first_good, named, there, write_all, write_thumbnail
from bmd.reference import LEVELS, LUMBAR
from bmd.truth import Case
from bmd.types import View

HEIGHTS_PX = (640, 576, 512)
"""Tried in this order until the file is small enough."""
LARGEST_BYTES = 395_000
TRIES = 400


@dataclass(frozen=True)
class FilmSample(Sample):
    """One built-in film, a DICOM file."""

    view: View = "lateral"


SAMPLES = (
    FilmSample("normal", 1003, "normal"),
    FilmSample("osteopenia", 2000, "osteopenia"),
    FilmSample("osteoporosis", 3000, "osteoporosis"),
    FilmSample("fracture", 4006, "fracture"),
    FilmSample("implant", 5000, "implant"),
    FilmSample("stout", 6000, "stout"),
    FilmSample("scoliosis", 7000, "scoliosis"),
    FilmSample("ap_view", 8000, "normal", view="ap"),
)
"""Seeds are where the search for a good example starts."""


def shipped() -> tuple[FilmSample, ...]:
    """The cases whose files are there."""
    return there(SAMPLES)


def find(name: str | None) -> FilmSample | None:
    """Case of that name, or None."""
    return named(SAMPLES, name)


def main() -> None:
    """Simulate every case again and write film, thumbnail and truth."""
    write_all(SAMPLES, _write)


def _write(sample: FilmSample) -> dict[str, Any]:
    from bmd.report.film.dicom import film_dicom

    seed, case = first_good(sample, TRIES, lambda seed: _draw(sample, seed))
    sample.path.write_bytes(film_dicom(case.study, f"Simulated: {sample.title}"))
    write_thumbnail(case.study.images[0].pixels, sample.thumbnail)
    truth = case.truth
    return {
        "seed": seed,
        "t_l1l4": round(float(truth.t_l1l4), 2),
        "bmd_l1l4": round(float(truth.bmd_l1l4), 3),
        "fractured": [level for level, grade in zip(LEVELS, truth.fracture_grade, strict=True) if grade > 0],
        "tags": sorted(truth.tags),
    }


def _draw(sample: FilmSample, seed: int) -> Case | None:
    """The film of this seed, as large as fits into the file; None where it is no good example."""
    from bmd.report.film.dicom import film_dicom
    from bmd.simulator.case import simulate_film

    for height in HEIGHTS_PX:
        case = simulate_film(seed, height, sample.view, sample.finding)
        if not good_example(sample, case):
            return None
        if len(film_dicom(case.study)) <= LARGEST_BYTES:
            return case
    return None


def good_example(sample: FilmSample, case: Case) -> bool:
    """Whether a film shows what it should: well exposed, whole lumbar spine and sacrum in view, finding visible."""
    pixels, truth = case.study.images[0].pixels, case.truth
    height, width = pixels.shape
    mean, white, black = float(pixels.mean()), float((pixels > 0.97).mean()), float((pixels < 0.03).mean())
    if not (0.25 < mean < 0.6 and white < 0.08 and black < 0.45 and 0.55 < width / height <= 1.0):
        return False
    if sample.view != "lateral":
        return True
    lumbar = [LEVELS.index(level) for level in LUMBAR]
    in_view = bool(truth.visible[lumbar].all() and truth.visible[LEVELS.index("S1")])
    fractured = bool((truth.fracture_grade[lumbar] >= 2).any())
    return in_view and "transitional" not in truth.tags and (fractured or sample.finding != "fracture")


if __name__ == "__main__":
    main()
