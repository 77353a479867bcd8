"""The built-in CT: simulated, shipped as a small zip of DICOM slices with a thumbnail and its truth.

``python -m bmd.app.ct_samples`` makes them again; run it after the simulator has changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bmd.app.samples import FOLDER, Sample


@dataclass(frozen=True)
class CtSample(Sample):
    """One built-in CT."""

    truths = "ct_truth.json"

    @property
    def path(self) -> Path:
        """The slices, a zip archive."""
        return FOLDER / f"{self.name}.zip"


SAMPLES: tuple[CtSample, ...] = (
    CtSample("ct_normal", "Normal", "Native CT, bone density in the normal range.", 1100, "normal"),
    CtSample("ct_fracture", "Fracture", "Osteoporosis with a compressed vertebral body.", 4100, "fracture"),
    CtSample("ct_contrast", "Contrast, metal hip", "Portal venous phase; one hip is replaced.", 2100, "osteopenia"),
    CtSample("ct_cut", "Cut off below", "Upper abdomen only: the sacrum is not in the field.", 2200, "osteopenia"),
)
"""Seeds are where the search for a good example starts."""


def shipped() -> tuple[CtSample, ...]:
    """The cases whose files are there."""
    return tuple(sample for sample in SAMPLES if sample.path.exists() and sample.thumbnail.exists())


def find(name: str | None) -> CtSample | None:
    """Sample of that name, or None."""
    return next((sample for sample in SAMPLES if sample.name == name), None)
