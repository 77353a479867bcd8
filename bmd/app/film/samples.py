"""The built-in sample cases: simulated films shipped as small DICOM files with a thumbnail and their truth.

``python -m bmd.app.film.samples`` makes them again; run it after the simulator has changed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bmd.errors import OptionError
from bmd.reference import LEVELS, LUMBAR
from bmd.truth import Case
from bmd.types import View

HEIGHTS_PX = (640, 576, 512)
"""Tried in this order until the file is small enough."""
LARGEST_BYTES = 395_000
THUMBNAIL_PX = 300
TRIES = 400

FOLDER = Path(__file__).resolve().parents[1] / "cases"


@dataclass(frozen=True)
class Sample:
    """One built-in case: what it is called, what it shows, and how the simulator is asked for it."""

    name: str
    title: str
    description: str
    seed: int
    finding: str | None = None
    view: View = "lateral"

    truths = "truth.json"
    """File with the truth of every case."""

    @property
    def path(self) -> Path:
        """The film, a DICOM file."""
        return FOLDER / f"{self.name}.dcm"

    @property
    def thumbnail(self) -> Path:
        """A small JPEG of the film."""
        return FOLDER / f"{self.name}.jpg"

    def truth(self) -> dict[str, Any]:
        """What the simulator knows of this case: bmd_l1l4 in g/cm2, t_l1l4, tags; empty when not recorded."""
        file = FOLDER / self.truths
        truths = json.loads(file.read_text("utf-8")) if file.exists() else {}
        return truths.get(self.name, {})


SAMPLES = (
    Sample("normal", "Normal", "Bone density in the normal range.", 1003, "normal"),
    Sample("osteopenia", "Osteopenia", "Low bone mass: T-score between −1 and −2.5.", 2000, "osteopenia"),
    Sample("osteoporosis", "Osteoporosis", "T-score of −2.5 or lower, no fracture.", 3000, "osteoporosis"),
    Sample("fracture", "Fracture", "Low density with a compressed vertebral body.", 4006, "fracture"),
    Sample("implant", "Implant", "Screws and rods hide part of the bone.", 5000, "implant"),
    Sample("stout", "Stout patient", "More soft tissue: less signal, more scatter, more noise.", 6000, "stout"),
    Sample("scoliosis", "Scoliosis", "A curved, rotated spine: end plates are seen twice.", 7000, "scoliosis"),
    Sample("ap_view", "Front view", "An AP film, which this page has to refuse.", 8000, "normal", view="ap"),
)
"""Seeds are where the search for a good example starts."""


def shipped() -> tuple[Sample, ...]:
    """The cases whose files are there."""
    return tuple(sample for sample in SAMPLES if sample.path.exists() and sample.thumbnail.exists())


def find(name: str | None) -> Sample | None:
    """Sample of that name, or None."""
    return next((sample for sample in SAMPLES if sample.name == name), None)


def main() -> None:
    """Simulate every case again and write film, thumbnail and truth."""
    FOLDER.mkdir(exist_ok=True)
    truths = {sample.name: _write(sample) for sample in SAMPLES}
    (FOLDER / "truth.json").write_text(json.dumps(truths, indent=1) + "\n", "utf-8")


def _write(sample: Sample) -> dict[str, Any]:
    import cv2

    from bmd.report.film.dicom import film_dicom

    seed, case = _find_case(sample)
    data = film_dicom(case.study, f"Simulated: {sample.title}")
    sample.path.write_bytes(data)
    pixels = case.study.images[0].pixels
    scale = THUMBNAIL_PX / max(pixels.shape)
    small = cv2.resize(pixels * 255, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(sample.thumbnail), small.round().astype("uint8"), [cv2.IMWRITE_JPEG_QUALITY, 82])
    truth = case.truth
    return {
        "seed": seed,
        "t_l1l4": round(float(truth.t_l1l4), 2),
        "bmd_l1l4": round(float(truth.bmd_l1l4), 3),
        "fractured": [level for level, grade in zip(LEVELS, truth.fracture_grade, strict=True) if grade > 0],
        "tags": sorted(truth.tags),
    }


def _find_case(sample: Sample) -> tuple[int, Case]:
    """First seed, from the sample's own upwards, whose film is a good example; as large as fits into the file."""
    from bmd.report.film.dicom import film_dicom
    from bmd.simulator.case import simulate_film

    for seed in range(sample.seed, sample.seed + TRIES):
        for height in HEIGHTS_PX:
            case = simulate_film(seed, height, sample.view, sample.finding)
            if not good_example(sample, case):
                break
            if len(film_dicom(case.study)) <= LARGEST_BYTES:
                return seed, case
    raise OptionError("A sample case must be a good example.", f"{sample.name}: none found", "Start at another seed.")


def good_example(sample: Sample, case: Case) -> bool:
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
