"""DXA images as they are passed around: lines and names burnt in, coarse, streaked, made square; other sites too."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.simulator.case import simulate_dxa
from bmd.simulator.dxa.archive import coarse, streaked, technicians_lines
from bmd.simulator.film.tissue import noise
from bmd.simulator.views import film
from bmd.simulator.views.mannequin import build
from bmd.truth import Truth

Picture = NDArray[np.float32]
L1, L5 = 3, 7
"""Indices of ``LEVELS``."""


def spine_scan(rng: np.random.Generator) -> Picture:
    """A scan of the lumbar spine from the front, (H, W) in 0..1."""
    cohort = str(rng.choice(["film", "enriched", "clinic"]))
    case = simulate_dxa(int(rng.integers(2**31)), cohort=cohort, view="ap")
    shown, truth = case.study.images[0].pixels, case.truth
    assert isinstance(truth, Truth)
    if rng.random() < 0.6:
        shown = coarse(shown, rng)
    if rng.random() < 0.5:
        shown = streaked(shown, rng)
    if rng.random() < 0.6:
        shown = technicians_lines(shown, truth.corners_px, truth.labels, truth.visible, rng)
    if rng.random() < 0.5:
        shown = _around(shown, truth, rng)
    return _exported(shown, rng)


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


def _around(shown: Picture, truth: Truth, rng: np.random.Generator) -> Picture:
    """Only what lies around the lumbar spine."""
    boxes = truth.boxes_px[L1 : L5 + 1]
    boxes = boxes[np.isfinite(boxes).all(1)]
    if len(boxes) < 3:
        return shown
    low, high = boxes[:, :2].min(0), boxes[:, 2:].max(0)
    margin = (high - low) * rng.uniform([0.35, 0.02], [1.3, 0.45])
    x1, y1 = np.maximum(low - margin, 0).astype(int)
    x2, y2 = np.minimum(high + margin, shown.shape[::-1]).astype(int)
    return np.ascontiguousarray(shown[y1:y2, x1:x2])


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
