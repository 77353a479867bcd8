"""The built-in sample cases: simulated films shipped as small DICOM files. ``python -m bmd.app.samples`` makes them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("cases")


@dataclass(frozen=True)
class Sample:
    """One built-in case: what it is called, what it shows, and how the simulator is asked for it."""

    name: str
    title: str
    description: str
    seed: int
    finding: str = "normal"
    view: str = "lateral"

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
        return _truths().get(self.name, {})


SAMPLES = (
    Sample("normal", "Normal", "Bone density within the normal range, upright field from T11 to the sacrum.", 1),
    Sample("osteopenia", "Osteopenia", "Low bone mass: T-score between -1 and -2.5.", 2, "osteopenia"),
    Sample(
        "osteoporosis",
        "Osteoporosis",
        "T-score of -2.5 or lower; thin, washed-out vertebral bodies.",
        3,
        "osteoporosis",
    ),
    Sample("fracture", "Fracture", "A compressed vertebral body in osteoporotic bone.", 4, "fracture"),
    Sample("implant", "Implant", "Metal screws and rods hide part of the bone.", 5, "implant"),
    Sample("stout", "Stout patient", "More soft tissue: less signal, more scatter and noise.", 6, "stout"),
    Sample("scoliosis", "Scoliosis", "A curved and rotated spine: end plates seen twice.", 7, "scoliosis"),
    Sample("ap_view", "Front view", "An AP film, which this page must refuse.", 8, "normal", "ap"),
)


def find(name: str | None) -> Sample | None:
    """Sample of that name, or None."""
    return next((sample for sample in SAMPLES if sample.name == name), None)


def _truths() -> dict[str, dict[str, Any]]:
    file = FOLDER / "truth.json"
    return json.loads(file.read_text("utf-8")) if file.exists() else {}
