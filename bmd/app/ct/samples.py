"""The built-in CT: simulated, shipped as a small zip of DICOM slices with a thumbnail and its truth.

``python -m bmd.app.ct.samples`` makes them again; run it after the simulator has changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bmd.app.samples import Sample, Samples, fractured, lumbar_density, plain_spine, whole_lumbar_spine
from bmd.ct_types import BANDS
from bmd.errors import OptionError
from bmd.reference import CATEGORIES, category
from bmd.report.fractures import fractured_levels
from bmd.truth import Case, CtTruth
from bmd.types import volume_of

SPACING_MM = (3.0, 1.9, 1.9)
STEP_HU = 16
LARGEST_BYTES = 3_000_000
TRIES = 40
METAL_HIP = "metal_hip"


@dataclass(frozen=True)
class CtSample(Sample):
    """One built-in CT: ``field`` and ``phase`` as ``simulate_ct`` takes them."""

    field: str = "abdomen_pelvis"
    phase: str = "none"

    truths = "ct_truth.json"
    ending = ".zip"


SAMPLES = Samples(
    (
        CtSample("ct_normal", 1104, "normal"),
        CtSample("ct_fracture", 4111, "fracture"),
        CtSample("ct_contrast", 2312, METAL_HIP, phase="portal"),
        CtSample("ct_cut", 2201, "osteopenia", field="upper"),
    )
)
"""Seeds are where the search for a good example starts."""


def main() -> None:
    """Simulate every case again and write slices, thumbnail and truth."""
    SAMPLES.write(_write)


def _write(sample: CtSample) -> dict[str, Any]:
    from bmd.report.ct.dicom import ct_zip

    seed, case = sample.first_good(TRIES, lambda seed: _draw(sample, seed))
    data = ct_zip(case, f"Simulated: {sample.title}", STEP_HU)
    if len(data) > LARGEST_BYTES:
        raise OptionError("app.case_too_large", name=sample.name, bytes=len(data))
    sample.path.write_bytes(data)
    _write_thumbnail(sample, case)
    truth = case.truth
    assert isinstance(truth, CtTruth)
    return {
        "seed": seed,
        **lumbar_density(truth),
        "t_hip": {site: round(float(t), 2) for site, t in truth.t_hip.items()},
        "fractured": fractured(truth),
        "kvp": truth.kvp,
        "phase": truth.phase,
        "tags": sorted(truth.tags),
    }


def _write_thumbnail(sample: CtSample, case: Case) -> None:
    """The volume seen through from the front, which shows spine, ribs and hips."""
    import numpy as np

    volume = volume_of(case.study)
    spacing = volume.spacing_mm
    front = np.clip(volume.voxels, -100, 700).astype(np.float32).mean(1)
    low, high = np.percentile(front, (20, 99.7))
    front = np.clip((front - low) / max(float(high - low), 1.0), 0, 1) ** 0.8
    sample.write_thumbnail(front, (spacing[0], spacing[2]))


def _draw(sample: CtSample, seed: int) -> Case | None:
    from bmd.simulator.case import simulate_ct

    case = simulate_ct(seed, None, "film", sample.finding, SPACING_MM, sample.field, sample.phase)  # type: ignore[arg-type]
    return case if good_example(sample, case.truth) and answered(sample, case) else None


def answered(sample: CtSample, case: Case) -> bool:
    """Whether the page answers as the case is: HU on the truth's side of the cut-offs, the slice network with them.

    A fracture is said where one is and nowhere else, and of two hips one is metal and the other is read. A case
    explains the page. How often answers come as close is another question, measured on people nobody chose.
    """
    from bmd.inference.ct.pipeline import analyse_ct

    report = analyse_ct(case.study)
    found = report.trabecular
    if found is None or found.band != BANDS[CATEGORIES.index(category(case.truth.t_l1l4))] or not found.agrees:
        return False
    said = fractured_levels(report)
    if not set(said) <= set(fractured(case.truth)) or bool(said) != (sample.finding == "fracture"):
        return False
    named = report.levels_certain == (sample.field == "abdomen_pelvis")
    reasons = [hip.reason.code if hip.reason else "read" for hip in report.hips]
    return named and (sample.finding != METAL_HIP or sorted(reasons) == ["ct.hip.metal", "read"])


def good_example(sample: CtSample, truth: Any) -> bool:
    """Whether a volume shows what it should: lumbar spine and sacrum in the field where asked for, finding there."""
    if whole_lumbar_spine(truth) != (sample.field == "abdomen_pelvis"):
        return False
    return plain_spine(truth, sample.finding) and (METAL_HIP in truth.tags) == (sample.finding == METAL_HIP)


if __name__ == "__main__":
    main()
