"""DXA images as they are passed around: lines and names burnt in, coarse, streaked, made square; other sites too."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.simulator.case import simulate_dxa
from bmd.simulator.dxa.archive import bridged, coarse, streaked, technicians_lines
from bmd.simulator.film.tissue import noise
from bmd.simulator.views import film
from bmd.simulator.views.mannequin import build
from bmd.truth import Truth

Picture = NDArray[np.float32]
Floats = NDArray[np.floating]
L1, L5 = 3, 7
"""Indices of ``LEVELS``."""


Spine: TypeAlias = tuple[Picture, Floats, NDArray[np.uint8], NDArray[np.bool_]]
"""A scan; by ``LEVELS`` the ends of the lines above and below each (9, 4, 2), regions (H, W), and which lie in it."""


def spine_scan(rng: np.random.Generator) -> Picture:
    """A scan of the lumbar spine from the front, (H, W) in 0..1; one of three of a mannequin."""
    shown, corners, labels, visible = _mannequins(rng) if rng.random() < 0.35 else _persons(rng)
    if rng.random() < 0.4:
        shown = bridged(shown, rng)
    if rng.random() < 0.6:
        shown = coarse(shown, rng)
    if rng.random() < 0.5:
        shown = streaked(shown, rng)
    if rng.random() < 0.6:
        shown = technicians_lines(shown, corners, labels, visible, rng)
    if rng.random() < 0.5:
        shown = _around(shown, corners[visible], rng)
    return _exported(shown, rng)


def _persons(rng: np.random.Generator) -> Spine:
    case = simulate_dxa(int(rng.integers(2**31)), cohort=str(rng.choice(["film", "enriched", "clinic"])), view="ap")
    truth = case.truth
    assert isinstance(truth, Truth)
    visible = np.asarray(truth.visible) & np.isfinite(truth.corners_px).all((1, 2))
    return case.study.images[0].pixels, truth.corners_px, truth.labels, visible


def _mannequins(rng: np.random.Generator) -> Spine:
    body, high, rows = build(rng), float(rng.uniform(170, 320)), 300
    pitch, columns = high / rows, int(rows * rng.uniform(0.4, 1.1))
    sheet = film.Sheet(0.0, 0.0, pitch, (rows, columns), math.pi / 2 + rng.normal(0, 0.05))
    middle = body.spine[int(rng.integers(1, 4))]
    sheet.left = float(middle @ sheet.across) - columns * pitch * rng.uniform(0.4, 0.6)
    sheet.top = float(middle[2]) + high * rng.uniform(0.42, 0.58)
    mineral, water = np.zeros(sheet.shape, np.float32), np.zeros(sheet.shape, np.float32)
    for part in body.bones:
        sheet.add(mineral, part)
    for part in body.flesh:
        sheet.add(water, part)
    texture = 1 + rng.uniform(0.05, 0.3) * noise(rng, sheet.shape, rng.uniform(3, 9) / pitch, 2, 0.6)
    shown = cv2.GaussianBlur(mineral * texture, (0, 0), rng.uniform(0.5, 1.6) / pitch)
    top = float(np.percentile(shown, rng.uniform(97, 99.8)))
    shown = np.clip(shown / max(top, 1e-3), 0, 1) ** rng.uniform(0.6, 1.3)
    veil = cv2.GaussianBlur(water, (0, 0), 8 / pitch) / max(float(water.max()), 1e-3)
    share = float(rng.uniform(0, 0.5))  # consoles show mineral alone, or some of the soft tissue too
    shown = np.asarray(np.clip((1 - share) * shown + share * veil, 0, 1), np.float32)
    bone = film.column(body, sheet, rng) & (cv2.blur(mineral, (5, 5)) > 0.3)
    return shown, *_levels(sheet.place(body.spine[: L5 - L1 + 1][::-1]), 24 / pitch, bone)


def _levels(
    bodies: Floats, reach: float, bone: NDArray[np.bool_]
) -> tuple[Floats, NDArray[np.uint8], NDArray[np.bool_]]:
    """Lines midway between the middles of L1 to L5 (5, 2), ``reach`` to each side; what of the bone lies between."""
    rows = bone.shape[0]
    edges = (
        np.concatenate([3 * bodies[:1] - bodies[1:2], bodies[:-1] + bodies[1:], 3 * bodies[-1:] - bodies[-2:-1]]) / 2
    )
    corners, aside = np.full((9, 4, 2), np.nan), np.array([reach, 0])
    labels = np.zeros(bone.shape, np.uint8)
    for k, (above, below) in enumerate(pairwise(edges), start=L1):
        corners[k] = above - aside, above + aside, below + aside, below - aside
        start, stop = (int(np.clip(end[1], 0, rows)) for end in (above, below))
        labels[start:stop] = (k + 1) * bone[start:stop]
    inside = (corners[..., 1] > 0) & (corners[..., 1] < rows)  # False beside NaN
    return corners, labels, inside.all(1)


def other_scan(rng: np.random.Generator) -> Picture:
    """A scan of something else: the spine from the side, a hip, a forearm, the whole body."""
    view = str(rng.choice(["lateral", "hip", "hip", "forearm", "body"]))
    if view == "body":
        shown = _whole_body(rng)
    else:
        shown = simulate_dxa(int(rng.integers(2**31)), view=view).study.images[0].pixels
    if rng.random() < 0.5:
        shown = coarse(shown, rng)
    if rng.random() < 0.4:
        shown = streaked(shown, rng)
    if rng.random() < 0.4:
        shown = _boxed(shown, rng)
    return _exported(shown, rng)


def _around(shown: Picture, corners: Floats, rng: np.random.Generator) -> Picture:
    """Only what lies around the lumbar vertebrae that are seen."""
    corners = corners[-(L5 - L1 + 1) :]
    if len(corners) < 3:
        return shown
    low, high = corners.min((0, 1)), corners.max((0, 1))
    margin = (high - low) * rng.uniform([0.35, 0.02], [1.3, 0.45])
    x1, y1 = np.maximum(low - margin, 0).astype(int)
    x2, y2 = np.minimum(high + margin, shown.shape[::-1]).astype(int)
    return np.ascontiguousarray(shown[y1:y2, x1:x2]) if min(x2 - x1, y2 - y1) > 40 else shown


def _boxed(shown: Picture, rng: np.random.Generator) -> Picture:
    """A region of interest: a tilted box with a line or two across."""
    canvas = np.ascontiguousarray(np.round(shown * 255).astype(np.uint8))
    middle = rng.uniform(0.3, 0.7, 2) * shown.shape[::-1]
    box = (tuple(middle), tuple(rng.uniform(0.15, 0.5, 2) * min(shown.shape)), float(rng.uniform(-50, 50)))
    cv2.polylines(canvas, [cv2.boxPoints(box).astype(np.int32)], True, 255, 1)
    for _ in range(int(rng.integers(0, 4))):
        row = int(rng.uniform(0.1, 0.9) * shown.shape[0])
        cv2.line(canvas, (int(0.1 * shown.shape[1]), row), (int(0.9 * shown.shape[1]), row), 255, 1)
    return (canvas / np.float32(255)).astype(np.float32)


def _whole_body(rng: np.random.Generator) -> Picture:
    """The bones of a whole body, 4 mm a pixel, with little or nothing of the soft tissue."""
    body = build(rng)
    pitch = float(rng.uniform(3.5, 5.5))
    high, wide = (int(mm / pitch) for mm in (rng.uniform(1500, 1850), rng.uniform(480, 640)))
    sheet = film.Sheet(-wide * pitch / 2, 0.0, pitch, (high, wide), math.pi / 2)
    sheet.top = float(body.landmarks["head"][2]) + 150
    mineral, water = np.zeros(sheet.shape, np.float32), np.zeros(sheet.shape, np.float32)
    for part in body.bones:
        sheet.add(mineral, part)
    for part in body.flesh:
        sheet.add(water, part)
    mineral = cv2.GaussianBlur(mineral, (0, 0), 0.7) * (1 + 0.1 * noise(rng, sheet.shape, 3, 1))
    shown = np.clip(mineral / rng.uniform(1.0, 2.2), 0, 1) ** rng.uniform(0.6, 1.0)
    shown = shown + rng.uniform(0.0, 0.35) * np.clip(water / 25, 0, 1)
    return np.asarray(np.clip(shown, 0, 1), np.float32)


def _exported(shown: Picture, rng: np.random.Generator) -> Picture:
    """Stretched to a square now and then, with a thin frame, compressed."""
    if rng.random() < 0.45:
        shown = cv2.resize(shown, (224, 224), interpolation=cv2.INTER_AREA)
    shown = np.array(shown, np.float32)
    if rng.random() < 0.3:
        ink, thick = float(rng.uniform(0.3, 1.0)), int(rng.integers(1, 4))
        for edge in (shown[:thick], shown[-thick:], shown[:, :thick], shown[:, -thick:]):
            if rng.random() < 0.6:
                edge[:] = ink
    if rng.random() < 0.4:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))]
        packed = cv2.imencode(".jpg", np.round(shown * 255).astype(np.uint8), quality)[1]
        shown = np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.float32) / np.float32(255)
    return np.asarray(np.clip(shown, 0, 1), np.float32)
