"""The built-in sample cases: simulated films shipped as small DICOM files with a thumbnail and their truth.

``python -m bmd.app.film.samples`` makes them again; run it after the simulator has changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bmd.app.samples import Sample, Samples, fractured, lumbar_density, plain_spine, whole_lumbar_spine
from bmd.reference import CATEGORIES, reported_t
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


SAMPLES = Samples(
    (
        FilmSample("normal", 1003, "normal"),
        FilmSample("osteopenia", 2000, "osteopenia"),
        FilmSample("osteoporosis", 3000, "osteoporosis"),
        FilmSample("fracture", 4006, "fracture"),
        FilmSample("implant", 5000, "implant"),
        FilmSample("stout", 6000, "stout"),
        FilmSample("scoliosis", 7000, "scoliosis"),
        FilmSample("ap_view", 8000, "normal", view="ap"),
    )
)
"""Seeds are where the search for a good example starts."""


def main() -> None:
    """Simulate every case again and write film, thumbnail and truth."""
    SAMPLES.write(_write)


def _write(sample: FilmSample) -> dict[str, Any]:
    from bmd.report.film.dicom import film_dicom

    seed, case = sample.first_good(TRIES, lambda seed: _draw(sample, seed))
    sample.path.write_bytes(film_dicom(case.study, f"Simulated: {sample.title}"))
    sample.write_thumbnail(case.study.images[0].pixels)
    truth = case.truth
    return {"seed": seed, **lumbar_density(truth), "fractured": fractured(truth), "tags": sorted(truth.tags)}


def _draw(sample: FilmSample, seed: int) -> Case | None:
    """The film of this seed, as large as fits into the file; None where it is no good example."""
    from bmd.report.film.dicom import film_dicom
    from bmd.simulator.case import simulate_film

    for height in HEIGHTS_PX:
        case = simulate_film(seed, height, sample.view, sample.finding)
        if not good_example(sample, case) or not answered(sample, case):
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
    return sample.view != "lateral" or (whole_lumbar_spine(truth) and plain_spine(truth, sample.finding))


def answered(sample: FilmSample, case: Case) -> bool:
    """Whether the shipped networks answer as the case is: the truth in the interval, the category it is named after.

    A case explains the page. How often networks come as close is another question, answered on people nobody chose.
    """
    from bmd.inference.film.pipeline import analyse

    report = analyse(case.study)
    if sample.view != "lateral":
        return not report.suitability.suitable
    found = report.prediction
    if found is None or found.interval is None or not report.levels_certain:
        return False
    low, high = found.interval
    as_named = sample.name not in CATEGORIES or found.category == sample.name
    return low <= reported_t(case.truth.t_l1l4) <= high and as_named


if __name__ == "__main__":
    main()
