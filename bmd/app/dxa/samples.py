"""The built-in DXA cases: simulated scans as small densitometer files, a report's picture, and one to be refused.

``python -m bmd.app.dxa.samples`` makes them again; run it after the simulator has changed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from bmd.app.film.samples import FOLDER as CASES
from bmd.app.film.samples import THUMBNAIL_PX, Sample
from bmd.errors import OptionError
from bmd.inference.dxa.densitometry import SPINE, proposed_exclusions
from bmd.truth import Case, DxaTruth
from bmd.types import LevelDensity

FOLDER = CASES / "dxa"
TRIES = 200


@dataclass(frozen=True)
class DxaSample(Sample):
    """One built-in DXA case; ``options`` go to the simulator. Calibrated scans are DICOM files, others pictures."""

    truths = "dxa/truth.json"
    options: dict[str, Any] = field(default_factory=dict, hash=False)

    @property
    def path(self) -> Path:
        """The scan."""
        return FOLDER / f"{self.name}{'.dcm' if self.options.get('calibrated') else '.png'}"

    @property
    def thumbnail(self) -> Path:
        """A small JPEG of the picture."""
        return FOLDER / f"{self.name}.jpg"


_MEASURED = {"calibrated": True, "look": "bone"}
SAMPLES: tuple[DxaSample, ...] = (
    DxaSample("dxa_normal", "Normal", "Density in the normal range.", 100, "normal", options=_MEASURED),
    DxaSample("dxa_osteoporosis", "Osteoporosis", "T-score of −2.5 or lower.", 200, "osteoporosis", options=_MEASURED),
    DxaSample(
        "dxa_outlier", "Uneven levels", "Levels that differ by about one T-score.", 300, "outlier", options=_MEASURED
    ),
    DxaSample("dxa_scoliosis", "Scoliosis", "A curved spine.", 400, "scoliosis", options=_MEASURED),
    DxaSample(
        "dxa_picture",
        "Report picture",
        "No scale: only the network answers.",
        500,
        "osteopenia",
        options={"height": 460},
    ),
    DxaSample("dxa_hip", "Hip scan", "Not a spine: the page has to refuse it.", 600, options={"view": "hip"}),
)
"""Seeds are where the search for a good example starts."""


def shipped() -> tuple[DxaSample, ...]:
    """The cases whose files are there."""
    return tuple(sample for sample in SAMPLES if sample.path.exists() and sample.thumbnail.exists())


def find(name: str | None) -> DxaSample | None:
    """Sample of that name, or None."""
    return next((sample for sample in SAMPLES if sample.name == name), None)


def main() -> None:
    """Simulate every case again and write scan, thumbnail and truth."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    truths = {sample.name: _write(sample) for sample in SAMPLES}
    (FOLDER / "truth.json").write_text(json.dumps(truths, indent=1) + "\n", "utf-8")


def _write(sample: DxaSample) -> dict[str, Any]:
    import cv2

    from bmd.report.film.dicom import dxa_dicom

    seed, case = _find_case(sample)
    pixels = (case.study.images[0].pixels * 255).round().astype("uint8")
    if sample.options.get("calibrated"):
        sample.path.write_bytes(dxa_dicom(case.study, f"Simulated: {sample.title}"))
    else:
        cv2.imwrite(str(sample.path), pixels)
    scale = THUMBNAIL_PX / max(pixels.shape)
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(sample.thumbnail), small, [cv2.IMWRITE_JPEG_QUALITY, 82])
    truth = case.truth
    found: dict[str, Any] = {"seed": seed, "tags": sorted(truth.tags)}
    if sample.options.get("view", "ap") == "ap":
        found |= {"t_l1l4": round(float(truth.t_l1l4), 2), "bmd_l1l4": round(float(truth.bmd_l1l4), 3)}
    return found


def _find_case(sample: DxaSample) -> tuple[int, Case]:
    from bmd.simulator.case import simulate_dxa

    for seed in range(sample.seed, sample.seed + TRIES):
        case = simulate_dxa(seed, finding=sample.finding, **sample.options)
        if good_example(sample, case):
            return seed, case
    raise OptionError("A sample case must be a good example.", f"{sample.name}: none found", "Start at another seed.")


def good_example(sample: DxaSample, case: Case) -> bool:
    """Whether a scan shows what it should: L1-L4 whole, no transition at the sacrum, the finding in the numbers."""
    truth = case.truth
    if not isinstance(truth, DxaTruth) or truth.view != "ap":
        return True
    t = truth.t_score[3:7]
    if not truth.visible[3:7].all() or "transitional" in truth.tags or not 0.55 < _aspect(case) < 1.2:
        return False
    levels = [
        LevelDensity(level, 0.0, 1.0, float(bmd), float(value))
        for level, bmd, value in zip(SPINE, truth.bmd_g_cm2[3:7], t, strict=True)
    ]
    calm = all(abs(float(b - a)) < 0.9 for a, b in pairwise(t))
    return len(proposed_exclusions(levels)) == 1 if sample.finding == "outlier" else calm


def _aspect(case: Case) -> float:
    height, width = case.study.images[0].pixels.shape
    return float(width / height)


if __name__ == "__main__":
    main()
