"""The built-in CT: simulated, shipped as a small zip of DICOM slices with a thumbnail and its truth.

``python -m bmd.app.ct.samples`` makes them again; run it after the simulator has changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bmd.app.samples import Sample, first_good, named, there, write_all, write_thumbnail
from bmd.errors import OptionError
from bmd.reference import LEVELS, LUMBAR
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


SAMPLES: tuple[CtSample, ...] = (
    CtSample("ct_normal", 1100, "normal"),
    CtSample("ct_fracture", 4100, "fracture"),
    CtSample("ct_contrast", 2100, METAL_HIP, phase="portal"),
    CtSample("ct_cut", 2200, "osteopenia", field="upper"),
)
"""Seeds are where the search for a good example starts."""


def shipped() -> tuple[CtSample, ...]:
    """The cases whose files are there."""
    return there(SAMPLES)


def find(name: str | None) -> CtSample | None:
    """Case of that name, or None."""
    return named(SAMPLES, name)


def main() -> None:
    """Simulate every case again and write slices, thumbnail and truth."""
    write_all(SAMPLES, _write)


def _write(sample: CtSample) -> dict[str, Any]:
    from bmd.report.ct.dicom import ct_zip

    seed, case = first_good(sample, TRIES, lambda seed: _draw(sample, seed))
    data = ct_zip(case, f"Simulated: {sample.title}", STEP_HU)
    if len(data) > LARGEST_BYTES:
        raise OptionError("app.case_too_large", name=sample.name, bytes=len(data))
    sample.path.write_bytes(data)
    _write_thumbnail(case, sample.thumbnail)
    truth = case.truth
    assert isinstance(truth, CtTruth)
    return {
        "seed": seed,
        "t_l1l4": round(float(truth.t_l1l4), 2),
        "bmd_l1l4": round(float(truth.bmd_l1l4), 3),
        "t_hip": {site: round(float(t), 2) for site, t in truth.t_hip.items()},
        "fractured": [level for level, grade in zip(LEVELS, truth.fracture_grade, strict=True) if grade > 0],
        "kvp": truth.kvp,
        "phase": truth.phase,
        "tags": sorted(truth.tags),
    }


def _write_thumbnail(case: Case, path: Path) -> None:
    """The volume seen through from the front, which shows spine, ribs and hips."""
    import numpy as np

    volume = volume_of(case.study)
    spacing = volume.spacing_mm
    front = np.clip(volume.voxels, -100, 700).astype(np.float32).mean(1)
    low, high = np.percentile(front, (20, 99.7))
    front = np.clip((front - low) / max(float(high - low), 1.0), 0, 1) ** 0.8
    write_thumbnail(front, path, (spacing[0], spacing[2]))


def _draw(sample: CtSample, seed: int) -> Case | None:
    from bmd.simulator.case import simulate_ct

    case = simulate_ct(seed, None, "film", sample.finding, SPACING_MM, sample.field, sample.phase)  # type: ignore[arg-type]
    return case if good_example(sample, case.truth) else None


def good_example(sample: CtSample, truth: Any) -> bool:
    """Whether a volume shows what it should: lumbar spine and sacrum in the field where asked for, finding there."""
    lumbar = [LEVELS.index(level) for level in LUMBAR]
    whole = bool(truth.visible[lumbar].all() and truth.visible[LEVELS.index("S1")])
    fractured = bool((truth.fracture_grade[lumbar] >= 2).any())
    if "transitional" in truth.tags or whole != (sample.field == "abdomen_pelvis"):
        return False
    return (fractured or sample.finding != "fracture") and (METAL_HIP in truth.tags) == (sample.finding == METAL_HIP)


if __name__ == "__main__":
    main()
