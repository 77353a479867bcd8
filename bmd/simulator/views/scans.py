"""DXA images as they are passed around: lines and names burnt in, coarse, streaked, made square; other sites too."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.simulator.case import simulate_dxa
from bmd.simulator.film.tissue import noise
from bmd.simulator.views import film
from bmd.simulator.views.mannequin import build
from bmd.truth import Truth

Picture = NDArray[np.float32]
FONT = cv2.FONT_HERSHEY_SIMPLEX
L1, L5 = 3, 7
"""Indices of ``LEVELS``."""


def spine_scan(rng: np.random.Generator) -> Picture:
    """A scan of the lumbar spine from the front, (H, W) in 0..1."""
    cohort = str(rng.choice(["film", "enriched", "clinic"]))
    case = simulate_dxa(int(rng.integers(2**31)), cohort=cohort, view="ap")
    shown, truth = case.study.images[0].pixels, case.truth
    assert isinstance(truth, Truth)
    if rng.random() < 0.6:
        shown = _coarse(shown, rng)
    if rng.random() < 0.5:
        shown = _streaked(shown, rng)
    if rng.random() < 0.6:
        shown = technicians_lines(shown, truth, rng)
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
        shown = _coarse(shown, rng)
    if rng.random() < 0.4:
        shown = _streaked(shown, rng)
    if rng.random() < 0.4:
        shown = _boxed(shown, rng)
    return _exported(shown, rng)


def technicians_lines(shown: Picture, truth: Truth, rng: np.random.Generator) -> Picture:
    """Lines between the vertebrae inside a box, the edge of the bone, and names on plates at the box's side."""
    known = [k for k in range(L1, L5) if truth.visible[k] and np.isfinite(truth.corners_px[k]).all()]
    if len(known) < 2:
        return shown
    canvas = np.ascontiguousarray(np.round(shown * 255).astype(np.uint8))
    thick = max(1, round(max(canvas.shape) / 350))
    ink = int(rng.choice([255, 220, 160]))
    ends = np.concatenate([truth.corners_px[known, :2], truth.corners_px[known[-1:], 3:1:-1]]).astype(float)
    wide = float(np.abs(ends[:, 1, 0] - ends[:, 0, 0]).mean())
    left = max(2.0, float(ends[..., 0].min()) - wide * rng.uniform(0.3, 1.1))
    right = min(canvas.shape[1] - 3.0, float(ends[..., 0].max()) + wide * rng.uniform(0.3, 1.1))
    heights = []
    for a, b in ends:
        slope = (b[1] - a[1]) / max(b[0] - a[0], 1.0) * float(rng.choice([0.0, 1.0], p=[0.4, 0.6]))
        rows = [int(np.clip((a[1] + b[1]) / 2 + slope * (x - (a[0] + b[0]) / 2), -999, 9999)) for x in (left, right)]
        cv2.line(canvas, (int(left), rows[0]), (int(right), rows[1]), ink, thick)
        heights.append(rows)
    for k, x in enumerate((left, right)):
        cv2.line(canvas, (int(x), heights[0][k]), (int(x), heights[-1][k]), ink, thick)
    size = max(0.22, max(canvas.shape) / 1000)
    for number, row in enumerate(heights[:-1], start=1):
        _name(canvas, f"L{number}", (int(left), row[0]), size, rng.random() < 0.7)
    if rng.random() < 0.75:
        mask = np.isin(truth.labels, [k + 1 for k in known]).astype(np.uint8)
        outline = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
        cv2.drawContours(canvas, outline, -1, int(rng.choice([0, 200, 255])), thick)
    return (canvas / np.float32(255)).astype(np.float32)


def _name(canvas: NDArray[np.uint8], word: str, at: tuple[int, int], size: float, plate: bool) -> None:
    """A level's name below ``at``, bright on black or the other way round."""
    (w, h), _ = cv2.getTextSize(word, FONT, size, 1)
    if plate:
        cv2.rectangle(canvas, (at[0] - 2, at[1] + 1), (at[0] + w + 2, at[1] + h + 6), 0, -1)
        cv2.rectangle(canvas, (at[0] - 2, at[1] + 1), (at[0] + w + 2, at[1] + h + 6), 255, 1)
    cv2.putText(canvas, word, (at[0], at[1] + h + 3), FONT, size, 255, 1, cv2.LINE_AA)


def _coarse(shown: Picture, rng: np.random.Generator) -> Picture:
    """As a scan of a millimetre or two a pixel looks when it is shown large."""
    ratio = rng.uniform(60, 170) / max(shown.shape)
    small = cv2.resize(shown, None, fx=min(1.0, ratio), fy=min(1.0, ratio), interpolation=cv2.INTER_AREA)
    small = small + rng.uniform(0.0, 0.05) * rng.standard_normal(small.shape, np.float32)
    way = cv2.INTER_CUBIC if rng.random() < 0.6 else cv2.INTER_LINEAR
    return np.asarray(np.clip(cv2.resize(small, shown.shape[::-1], interpolation=way), 0, 1), np.float32)


def _streaked(shown: Picture, rng: np.random.Generator) -> Picture:
    """Counting noise that the sweep of the arm draws out along the rows."""
    grain = rng.standard_normal(shown.shape, np.float32)
    size = max(shown.shape) / 224
    grain = cv2.GaussianBlur(grain, (0, 0), sigmaX=rng.uniform(1.5, 9) * size, sigmaY=rng.uniform(0.5, 1.0) * size)
    return np.asarray(
        np.clip(shown + rng.uniform(0.02, 0.14) * grain / max(float(grain.std()), 1e-6), 0, 1), np.float32
    )


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
