"""A DXA picture with its truth: whose spine, how it was laid, how it was shown; also the views a spine page refuses."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from bmd.reference import LEVELS
from bmd.reference import t_score as reference_t
from bmd.simulator.dxa import console as dxa_display
from bmd.simulator.dxa.console import Shown
from bmd.simulator.dxa.densitometer import Scan, scan
from bmd.simulator.dxa.scan import AP, Scanned, cast_hips, cast_vertebrae, parallel, scan_spine
from bmd.simulator.film import devices
from bmd.simulator.film.casting import Tube
from bmd.simulator.film.projection import Geometry
from bmd.simulator.film.tissue import noise
from bmd.simulator.person.anatomy import DRAWN, Skeleton
from bmd.simulator.record import Array
from bmd.truth import DxaTruth

FINDINGS: dict[str, dict[str, Any]] = {
    "normal": {"person": {"t_range": (-0.8, 1.2), "fracture": False}},
    "osteopenia": {"person": {"t_range": (-2.3, -1.3), "fracture": False}},
    "osteoporosis": {"person": {"t_range": (-4.0, -2.8), "fracture": False}},
    "outlier": {"person": {"t_range": (-3.0, -1.0)}},
    "aorta": {"person": {"age_range": (68, 88), "fracture": False}, "extras": frozenset({"aorta"})},
    "scoliosis": {"person": {"fracture": False}, "curved": True},
    "implant": {"person": {}, "extras": frozenset({"implant"})},
}
"""What to ask of the population, of the skeleton and of the beam for each teaching case."""
POSITIONS = ("tilted", "off_centre", "high", "low")
VIEWS = ("ap", "lateral", "hip", "forearm")
FAULTY = 0.18
"""Share of scans drawn at random with one of ``POSITIONS``."""


@dataclass(frozen=True, eq=False)
class Picture:
    """What the door needs: display values (H, W), density g/cm2 or None, square pixel in mm or None, truth."""

    pixels: Array
    density: Array | None
    spacing_mm: float | None
    truth: DxaTruth


def picture_of_spine(
    skeleton: Skeleton,
    rng: np.random.Generator,
    finding: str | None,
    position: str | None,
    look: str | None,
    calibrated: bool,
    height: int | None,
) -> Picture:
    """Scan and show a spine from the front; everything not asked for is drawn."""
    if position is None and finding is None and rng.random() < FAULTY:
        position = str(rng.choice(POSITIONS))
    extras = None if finding is None else FINDINGS[finding].get("extras", frozenset())
    scanned = scan_spine(skeleton, rng, position, extras)
    look = look or str(rng.choice(dxa_display.LOOKS, p=(0.5, 0.25, 0.25)))
    grey = dxa_display.plain(scanned.measured, scanned.labels, rng, look)
    if calibrated:
        shown = Shown(grey, np.array([[1.0, 0, 0], [0, 1, 0]]))
        return Picture(grey, scanned.measured.mineral, scanned.spacing_mm, _truth(skeleton, scanned, shown, look))
    if look == "bone" and rng.random() < 0.7:
        grey = dxa_display.step_edges(grey, rng)
    shown = dxa_display.resample(grey, rng, height)
    whole = [k for k in range(3, 7) if (scanned.labels == k + 1).any()]
    if whole and rng.random() < 0.3:
        rows = range(whole[0], whole[-1] + 1)
        drawn = dxa_display.draw_regions(shown, scanned.lines, rows, rng, scanned.labels)
        shown = Shown(drawn, shown.matrix)
    if rng.random() < 0.12:
        shown = dxa_display.report_page(shown, rng)
    shown = Shown(dxa_display.grain(shown.pixels, rng), shown.matrix)
    truth = _truth(skeleton, scanned, shown, look)
    return Picture(shown.pixels, None, None, truth)


def _truth(skeleton: Skeleton, scanned: Scanned, shown: Shown, look: str) -> DxaTruth:
    """Regions in pixels of the picture beside the numbers of an ideal scan."""
    n, (height, width) = len(LEVELS), shown.pixels.shape
    labels = cv2.warpAffine(scanned.labels, shown.matrix, (width, height), flags=cv2.INTER_NEAREST)
    corners, boxes, visible = np.full((n, 4, 2), np.nan), np.full((n, 4), np.nan, np.float32), np.zeros(n, bool)
    for k in range(1, len(DRAWN)):
        (a, b), (d, c) = scanned.lines[k], scanned.lines[k + 1]
        corners[k] = np.array([a, b, c, d]) @ shown.matrix[:, :2].T + shown.matrix[:, 2]
        rows, columns = np.nonzero(labels == k + 1)
        if len(rows) < 12:
            continue
        boxes[k] = columns.min() - 0.5, rows.min() - 0.5, columns.max() + 0.5, rows.max() + 0.5
        rows, columns = np.nonzero(scanned.labels == k + 1)
        edge = (1, 1, scanned.labels.shape[1] - 2, scanned.labels.shape[0] - 2)
        inside = columns.min() > edge[0] and rows.min() > edge[1] and columns.max() < edge[2] and rows.max() < edge[3]
        visible[k] = inside
    person = skeleton.person
    bmd = (scanned.bmc_g / scanned.area_cm2).astype(np.float32)
    t = np.full(n, np.nan, np.float32)
    for level in ("L1", "L2", "L3", "L4", "L5"):
        t[LEVELS.index(level)] = reference_t(float(bmd[LEVELS.index(level)]), level)
    grades = np.array([skeleton.bone(x).fracture_grade if x in DRAWN else 0 for x in LEVELS], np.int8)
    return DxaTruth(
        labels=labels,
        corners_px=corners.astype(np.float32),
        boxes_px=boxes,
        visible=visible,
        bmd_g_cm2=bmd,
        t_score=t,
        fracture_grade=grades,
        bmd_l1l4=float(person.bmd["L1-L4"]),
        t_l1l4=float(person.t_scores["L1-L4"]),
        tags=scanned.tags | {look},
        bmc_g=scanned.bmc_g.astype(np.float32),
        area_cm2=scanned.area_cm2.astype(np.float32),
        view="ap",
    )


def picture_of_other(skeleton: Skeleton, rng: np.random.Generator, view: str, height: int | None) -> Picture:
    """A scan of something else: the spine from the side, a hip, a forearm."""
    scanned = {"lateral": _lateral, "hip": _hip, "forearm": _forearm}[view](skeleton, rng)
    labels = np.zeros(scanned.mineral.shape, np.uint8)
    look = str(rng.choice(dxa_display.LOOKS))
    shown = dxa_display.resample(dxa_display.plain(scanned, labels, rng, look), rng, height)
    n = len(LEVELS)
    nothing = np.full(n, np.nan, np.float32)
    person = skeleton.person
    truth = DxaTruth(
        labels=np.zeros(shown.pixels.shape, np.uint8),
        corners_px=np.full((n, 4, 2), np.nan, np.float32),
        boxes_px=np.full((n, 4), np.nan, np.float32),
        visible=np.zeros(n, bool),
        bmd_g_cm2=nothing,
        t_score=nothing,
        fracture_grade=np.zeros(n, np.int8),
        bmd_l1l4=float(person.bmd["L1-L4"]),
        t_l1l4=float(person.t_scores["L1-L4"]),
        tags=frozenset({view, look}),
        bmc_g=nothing,
        area_cm2=nothing,
        view=view,
    )
    return Picture(dxa_display.grain(shown.pixels, rng), None, None, truth)


def _counted(mineral: Array, thickness_cm: float, geometry: Geometry, rng: np.random.Generator) -> Scan:
    """Behind soft tissue of even thickness, slightly lumpy."""
    tissue = thickness_cm * (1 + 0.03 * noise(rng, (mineral.shape[0], mineral.shape[1]), 40, 3))
    lean, fat = (0.75 * tissue).astype(np.float32), (0.25 * tissue).astype(np.float32)
    column = np.zeros(mineral.shape, bool)
    column[:, mineral.shape[1] // 3 : mineral.shape[1] * 2 // 3] = True
    blurred = cv2.GaussianBlur(mineral.astype(np.float32), (0, 0), 1.1)
    return scan(lean, fat, blurred, np.zeros_like(blurred), column, geometry, rng)


def _lateral(skeleton: Skeleton, rng: np.random.Generator) -> Scan:
    view = np.eye(3)
    middle = skeleton.bone("L1").centre_mm
    high, wide = rng.uniform(230, 420), rng.uniform(130, 200)
    geometry = parallel(middle[1] - 15, middle[2] + rng.uniform(-40, 60), wide, high, 1.0)
    bodies, back = cast_vertebrae(skeleton, geometry, view)
    mineral = bodies.sum(0) + back.sum(0) + cast_hips(skeleton, geometry, view)
    return _counted(mineral + devices.ribs(skeleton, geometry, view, rng), rng.uniform(20, 32), geometry, rng)


def _hip(skeleton: Skeleton, rng: np.random.Generator) -> Scan:
    hips = skeleton.hips
    scale, crest = float(hips.scale), float(hips.crest_z_mm)
    side = rng.choice([-1, 1])
    x, z = side * (float(hips.head_x_mm) + 18) * scale, (float(hips.head_z_mm) - 40 + crest) * scale
    geometry = parallel(x, z, rng.uniform(110, 150), rng.uniform(130, 190), 0.8)
    return _counted(cast_hips(skeleton, geometry, AP), rng.uniform(14, 24), geometry, rng)


def _forearm(skeleton: Skeleton, rng: np.random.Generator) -> Scan:
    geometry = parallel(0.0, 0.0, rng.uniform(80, 130), rng.uniform(130, 220), 0.8)
    out = np.zeros((geometry.height, geometry.width), np.float32)
    tilt, rind = rng.normal(0, 0.06), 0.9 * skeleton.cortex
    for x, radius in ((-11.0, rng.uniform(6.5, 8.5)), (11.0, rng.uniform(5.0, 7.0))):
        z = np.linspace(-130, 130, 14)
        bow = 4 * np.sin(z / 80 + rng.uniform(-0.5, 0.5))
        points = np.column_stack([x + bow + z * math.tan(tilt), np.zeros_like(z), z])
        devices.add_rod(out, points, Tube(radius, 2.6, 0.08, rind), geometry, AP)
    for _ in range(9):  # carpal bones
        at = geometry.project(np.array([[0.0, rng.normal(0, 16), rng.uniform(-110, -70)]]))[0]
        cv2.circle(out, (int(at[0]), int(at[1])), int(rng.integers(8, 13)), float(rng.uniform(0.3, 0.6)), -1)
    return _counted(out, rng.uniform(3, 6), geometry, rng)
