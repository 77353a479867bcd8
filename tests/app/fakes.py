"""A drawn film and a made-up result, so that the app can be tested without weights."""

from __future__ import annotations

import io
import time
from dataclasses import replace

import cv2
import numpy as np
from PIL import Image as Picture

from bmd import reference
from bmd.errors import InputError
from bmd.findings import note, refusal, warning
from bmd.types import Demographics, Explanation, Image, Prediction, Report, Study, Suitability, Vertebra

SIZE = (900, 700)


def bodies() -> dict[str, np.ndarray]:
    """Corners (4, 2) of L1..L5 on the drawn film."""
    corners = {}
    for i, level in enumerate(reference.LUMBAR):
        x, y, tilt = 330 + 18 * np.sin(i * 1.1) * 2, 130 + 130 * i, np.deg2rad(-12 + 7 * i)
        square = np.array([[-62, -46], [62, -46], [62, 46], [-62, 46]], float)
        turn = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
        corners[level] = square @ turn.T + (x, y)
    return corners


def pixels(seed: int = 0) -> np.ndarray:
    """float32 (900, 700) in 0..1."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    film = 0.25 + 0.18 * np.exp(-(((x - 350) / 240) ** 2)) + 0.05 * np.sin(y / 140)
    for corners in bodies().values():
        body = np.zeros(SIZE, np.float32)
        cv2.fillPoly(body, [corners.round().astype(np.int32)], 1.0)
        rim = body - cv2.erode(body, np.ones((9, 9)))
        film = film + 0.22 * cv2.GaussianBlur(body, (0, 0), 3) + 0.12 * cv2.GaussianBlur(rim, (0, 0), 2)
    return np.clip(film + rng.normal(0, 0.015, SIZE), 0, 1).astype(np.float32)


def png(seed: int = 0) -> bytes:
    """The drawn film as an 8-bit PNG."""
    out = io.BytesIO()
    Picture.fromarray((pixels(seed) * 255).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def study(seed: int = 0, patient: Demographics | None = None) -> Study:
    """The drawn film as a study."""
    image = Image(pixels(seed), "radiograph", "lateral", (0.4, 0.4))
    return Study(f"fake-{seed}", (image,), patient or Demographics(), "PNG", (note("read.bits", count=8),))


def read_study(name: str, data: bytes) -> Study:
    """Read any PNG; refuse all else."""
    if not data.startswith(b"\x89PNG"):
        raise InputError("read.not_a_film", found=note("read.kind.text"))
    return study()


def analyse(study: Study, file: str = "", explain: bool = False, progress=None, engine=None) -> Report:
    """Made-up numbers on the drawn bodies, half a second of progress."""
    for share, what in ((0.1, "checking_picture"), (0.4, "finding_vertebrae"), (0.8, "estimating_density")):
        if progress:
            progress(share, note(f"progress.{what}"))
            time.sleep(0.05)
    return report(study.patient)


def report(patient: Demographics | None = None, **changes) -> Report:
    """Made-up result on the drawn film."""
    found, measured = [], []
    for i, (level, corners) in enumerate(bodies().items()):
        box = (*corners.min(0).tolist(), *corners.max(0).tolist())
        found.append(Vertebra(level, box, corners, 0.98 - 0.02 * i, corners))
        measured.append(prediction(-2.9 + 0.5 * i, level))
    whole = Report(
        file="",
        modality="radiograph",
        suitability=Suitability(True),
        vertebrae=tuple(found),
        measurements=tuple(measured),
        prediction=prediction(-1.8, None),
        patient=patient or Demographics(),
        levels_certain=True,
        warnings=(warning("film.metal"),),
        models={"localiser": "cmnet", "density": "c5_gap_fc3"},
        device="cpu (OpenVINO bf16)",
        seconds=0.84,
    )
    return replace(whole, **changes)


def prediction(t: float, level: str | None) -> Prediction:
    """A prediction with an interval of plus or minus 1.2."""
    weights = np.exp(-0.9 * np.abs(np.array([0.2, -1.75, -3.4]) - t))
    probabilities = dict(zip(reference.CATEGORIES, (weights / weights.sum()).tolist(), strict=True))
    bmd = float(reference.bmd(t, level or "L1-L4"))
    return Prediction(level, bmd, t, (t - 1.2, t + 1.2), probabilities, reference.category(t), "c5_gap_fc3")


def explain(study: Study, report: Report, progress=None) -> tuple[Explanation, ...]:
    """A warm blob on each body."""
    y, x = np.mgrid[-1:1:32j, -1:1:32j]
    heat = np.exp(-(x**2 + (y - 0.3) ** 2) * 3).astype(np.float32)
    return tuple(
        Explanation(
            v.level,
            heat,
            v.box_px,
            note("category.osteopenia"),
            note("heat.grad_cam"),
            {"inside_share": 0.71, "random_correlation": 0.08},
        )
        for v in report.vertebrae
    )


REFUSED = report(
    suitability=Suitability(False, (refusal("film.from_front"),)),
    vertebrae=(),
    measurements=(),
    prediction=None,
    warnings=(),
)
