"""Reports made for the export tests."""

from __future__ import annotations

import numpy as np

from bmd.findings import note, refusal, warning
from bmd.reference import category
from bmd.types import Demographics, Explanation, Image, Prediction, Report, Study, Suitability, Vertebra

WARNINGS = (warning("film.missing", levels=("L3", "L4")), warning("film.metal"))
REASONS = (refusal("film.no_spine"), refusal("film.too_small", width_px=90, height_px=70, least_px=128))


def prediction(level: str | None, t: float) -> Prediction:
    probabilities = {"normal": 0.1, "osteopenia": 0.6, "osteoporosis": 0.3}
    return Prediction(level, 1.047 + 0.11 * t, t, (t - 1, t + 1), probabilities, category(t), "fake")


def vertebra(level: str | None, top: float) -> Vertebra:
    corners = np.array([[20, top], [50, top + 2], [50, top + 20], [20, top + 18]], np.float32)
    return Vertebra(level, (20.0, top, 50.0, top + 20), corners, np.float32(0.9), corners)  # type: ignore[arg-type]


def study(height: int = 140, width: int = 100) -> Study:
    pixels = np.linspace(0, 1, height * width, dtype=np.float32).reshape(height, width)
    return Study("abc", (Image(pixels, "radiograph", "lateral"),), Demographics(70.0, "F", None, 60.0), "test")


def report(file: str = "film.png", **changes: object) -> Report:
    content: dict = {
        "vertebrae": (vertebra("L1", 10), vertebra("L2", 40), vertebra(None, 70)),
        "measurements": (prediction("L1", -1.6), prediction("L2", -0.4)),
        "prediction": prediction(None, -1.1),
        "patient": Demographics(70.0, "F", None, 60.0),
        "levels_certain": True,
        "warnings": WARNINGS,
        "models": {"localiser": "cmnet", "density": "c5_gap_fc3"},
        "device": "CPU",
        "seconds": 0.5,
        "explanations": (
            Explanation(
                "L1",
                np.zeros((4, 4), np.float32),
                (20, 10, 50, 30),
                note("category.osteopenia"),
                note("heat.grad_cam"),
                {"inside_share": 0.8},
            ),
        ),
    }
    return Report(file, "radiograph", Suitability(True), **(content | changes))


def refused(file: str = "other.png") -> Report:
    return Report(file, "radiograph", Suitability(False, REASONS))
