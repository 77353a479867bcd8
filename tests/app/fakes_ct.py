"""A drawn CT and a made-up result, so that the CT page can be tested without weights or simulator."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from bmd import reference
from bmd.findings import note, refusal, warning
from bmd.inference.ct.verdict import as_prediction, judge, with_second_reader
from bmd.types import (
    Acquisition,
    Attenuation,
    Demographics,
    Explanation,
    Hip,
    Prediction,
    Region,
    Report,
    Study,
    Suitability,
    Vertebra,
    Volume,
)

SHAPE, SPACING = (90, 100, 128), (4.0, 3.0, 3.0)


def centres() -> dict[str, tuple[float, float, float]]:
    """Centres of L1..L5 in voxels (z, y, x)."""
    return {level: (16.0 + 10 * i, 60 + 4 * np.cos(i), 64.0 + i) for i, level in enumerate(reference.LUMBAR)}


def _ellipsoid(centre, radii, power=2.0):
    z, y, x = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    parts = [abs((axis - c) / r) ** power for axis, c, r in zip((z, y, x), centre, radii, strict=True)]
    return parts[0] + parts[1] + parts[2] < 1


def pixels(seed: int = 0) -> np.ndarray:
    """int16 (90, 100, 128) HU: a trunk with five bodies and two femoral heads."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: SHAPE[1], : SHAPE[2]]
    trunk = ((y - 50) / 40) ** 2 + ((x - 64) / 56) ** 2 < 1
    wall = ((y - 50) / 36) ** 2 + ((x - 64) / 52) ** 2 < 1
    volume = np.where(wall, 45.0, np.where(trunk, -95.0, -1000.0))[None].repeat(SHAPE[0], 0)
    for centre in centres().values():
        volume[_ellipsoid(centre, (4.6, 6.5, 8.5), 6)] = 420
        volume[_ellipsoid(centre, (3.8, 5.4, 7.4), 6)] = 130
    for side in (28, 100):
        volume[_ellipsoid((78, 52, side), (6, 8, 8))] = 260
    return (volume + rng.normal(0, 18, SHAPE)).astype(np.int16)


def study(patient: Demographics | None = None, seed: int = 0) -> Study:
    """The drawn CT as a study."""
    notes = (note("read.ct.tube_voltage", kvp=120.0),)
    volume = Volume(pixels(seed), SPACING, Acquisition(kvp=120.0))
    return Study(f"fake-ct-{seed}", (), patient or Demographics(), "DICOM CT", notes, volume)


def _region(mask: np.ndarray) -> Region:
    where = np.nonzero(mask)
    low, high = [int(w.min()) for w in where], [int(w.max()) + 1 for w in where]
    inside = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    return Region((low[0], low[1], low[2]), mask[inside])


def analyse(study: Study, progress, models=None) -> Report:
    """Made-up numbers on the drawn bodies."""
    for share, what in ((0.1, "checking_volume"), (0.4, "finding_vertebrae"), (0.8, "measuring_attenuation")):
        progress(share, note(f"progress.{what}"))
        time.sleep(0.02)
    return report(study.patient)


def share(name: str, level: str | None, model: str, sure: float = 0.62) -> Prediction:
    """An answer of a classifier: no T-score."""
    rest = (1 - sure) / 2
    shares = {category: sure if category == name else rest for category in reference.CATEGORIES}
    return Prediction(level, None, None, None, shares, name, model)


def _crop() -> np.ndarray:
    """A hip's picture: a bright ball."""
    y, x = np.mgrid[-1:1:250j, -1:1:250j]
    return np.clip(0.4 + 0.5 * (x**2 + y**2 < 0.3), 0, 1).astype(np.float32)


def report(patient: Demographics | None = None, **changes) -> Report:
    """Made-up result on the drawn CT."""
    found, measured, density = [], [], []
    for i, (level, centre) in enumerate(centres().items()):
        body = _region(_ellipsoid(centre, (4.6, 6.5, 8.5), 6))
        box = (centre[1] - 6.5, centre[0] - 4.6, centre[1] + 6.5, centre[0] + 4.6)
        contour = np.array([(box[0], box[1]), (box[2], box[1]), (box[2], box[3]), (box[0], box[3])])
        found.append(Vertebra(level, box, contour, 0.95 - 0.01 * i, body=body))
        measured.append(share("osteopenia", level, "pair_acm", 0.5 + 0.05 * i))
        roi = _region(_ellipsoid(centre, (3.0, 4.4, 6.2), 6))
        density.append(Attenuation(level, 131.4 - 3 * i, 21.0, roi, 5.2, i))
    values, judged = judge(tuple(density), 120.0, patient or Demographics())
    trabecular, differ = with_second_reader(judged, share("osteopenia", None, "pair_acm"))
    whole = Report(
        file="",
        modality="ct",
        suitability=Suitability(True),
        vertebrae=tuple(found),
        measurements=tuple(measured),
        attenuation=values,
        trabecular=trabecular,
        hips=(
            Hip("right", None, _crop(), (78.0, 52.0, 28.0), share("osteopenia", "hip", "femur_image")),
            Hip("left", refusal("ct.hip.metal"), None, None, None),
        ),
        answers=(
            share("osteopenia", None, "pair_acm"),
            share("osteopenia", None, "femur_image", 0.55),
            share("osteoporosis", None, "femur_demographics", 0.48),
            share("osteopenia", None, "femur_multimodal", 0.6),
        ),
        prediction=as_prediction(trabecular),
        patient=patient or Demographics(),
        levels_certain=True,
        warnings=(*differ, warning("ct.contrast")),
        models={"localiser": "cmnet", "slices": "pair_acm"},
        device="cpu",
        seconds=2.5,
    )
    return replace(whole, **changes)


def explain(study: Study, report: Report, progress=None) -> tuple[Explanation, ...]:
    """A warm blob on the slice of each body, for both branches."""
    y, x = np.mgrid[-1:1:32j, -1:1:32j]
    heat = np.exp(-(x**2 + (y - 0.2) ** 2) * 3).astype(np.float32)
    numbers = {"inside_share": 0.71, "area_share": 0.3, "random_correlation": 0.08}
    found = []
    for level, (_, y0, x0) in centres().items():
        for branch, low_hu in (("s", -128.0), ("t", -450.0)):
            box = (x0 - 20, y0 - 20, x0 + 20, y0 + 20)
            target, method = note("category.osteopenia"), note("heat.slice", branch=branch, low_hu=low_hu)
            found.append(Explanation(level, heat, box, target, method, numbers, (low_hu, 1024.0)))
    return tuple(found)


REFUSED = report(
    suitability=Suitability(False, (refusal("ct.no_body"),)),
    vertebrae=(),
    measurements=(),
    attenuation=(),
    hips=(),
    answers=(),
    trabecular=None,
    prediction=None,
    warnings=(),
)
