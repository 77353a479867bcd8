"""The built-in DXA cases: simulated scans as small densitometer files, a report's picture, and one to be refused.

``python -m bmd.app.dxa.samples`` makes them again; run it after the simulator has changed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from bmd.app.samples import FOLDER, Sample, Samples, lumbar_density
from bmd.inference.dxa.densitometry import SPINE, proposed_exclusions
from bmd.reference import category
from bmd.truth import Case, DxaTruth
from bmd.types import LevelDensity

TRIES = 200
NEAR_T = 0.3
"""How far a measured T-score may lie from the truth, the densitometer's own error."""


@dataclass(frozen=True)
class DxaSample(Sample):
    """One built-in DXA case; ``options`` go to the simulator. Calibrated scans are DICOM files, others pictures."""

    folder = FOLDER / "dxa"
    options: dict[str, Any] = field(default_factory=dict, hash=False)

    @property
    def path(self) -> Path:
        """The scan."""
        return self.folder / f"{self.name}{'.dcm' if self.options.get('calibrated') else '.png'}"


_MEASURED = {"calibrated": True, "look": "bone"}
SAMPLES = Samples(
    (
        DxaSample("dxa_normal", 100, "normal", options=_MEASURED),
        DxaSample("dxa_osteoporosis", 200, "osteoporosis", options=_MEASURED),
        DxaSample("dxa_outlier", 300, "outlier", options=_MEASURED),
        DxaSample("dxa_scoliosis", 400, "scoliosis", options=_MEASURED),
        DxaSample(
            "dxa_picture",
            500,
            "osteopenia",
            options={"height": 460},
        ),
        DxaSample("dxa_hip", 600, options={"view": "hip"}),
    )
)
"""Seeds are where the search for a good example starts."""


def main() -> None:
    """Simulate every case again and write scan, thumbnail and truth."""
    SAMPLES.write(_write)


def _write(sample: DxaSample) -> dict[str, Any]:
    import cv2

    from bmd.report.film.dicom import dxa_dicom

    seed, case = sample.first_good(TRIES, lambda seed: _draw(sample, seed))
    pixels = case.study.images[0].pixels
    if sample.options.get("calibrated"):
        sample.path.write_bytes(dxa_dicom(case.study, f"Simulated: {sample.title}"))
    else:
        cv2.imwrite(str(sample.path), (pixels * 255).round().astype("uint8"))
    sample.write_thumbnail(pixels)
    truth = case.truth
    found: dict[str, Any] = {"seed": seed, "tags": sorted(truth.tags)}
    if sample.options.get("view", "ap") == "ap":
        found |= lumbar_density(truth)
    return found


def _draw(sample: DxaSample, seed: int) -> Case | None:
    from bmd.simulator.case import simulate_dxa

    case = simulate_dxa(seed, finding=sample.finding, **sample.options)
    return case if good_example(sample, case) and answered(sample, case) else None


def answered(sample: DxaSample, case: Case) -> bool:
    """Whether the page answers as the case is: the density measured near the truth and of its category, names certain.

    A picture without a scale gets its four regions and no density, and what is no spine is refused.
    """
    from bmd.inference.dxa.pipeline import analyse_dxa

    report = analyse_dxa(case.study)
    found, truth = report.prediction, case.truth
    if sample.options.get("view", "ap") != "ap":
        return not report.suitability.suitable
    if not sample.options.get("calibrated"):
        return [v.level for v in report.vertebrae] == list(SPINE) and found is None
    if found is None or found.t_score is None or not report.levels_certain:
        return False
    proposed = sum(warning.code == "dxa.differs" for warning in report.warnings)
    near = abs(found.t_score - truth.t_l1l4) <= NEAR_T and found.category == category(truth.t_l1l4)
    return near and proposed == (1 if sample.finding == "outlier" else 0)


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
