"""What becomes of a DXA image once it is passed around: coarse, streaked, discs bridged, lines and names burnt in.

Drawn by eye after published scans and their technicians' lines; all of it takes and gives a picture (H, W) in 0..1.
"""

from __future__ import annotations

import cv2
import numpy as np

from bmd.simulator.record import Array, Labels, Mask

FONT = cv2.FONT_HERSHEY_SIMPLEX
L1, L5 = 3, 7
"""Indices of ``LEVELS``."""


def technicians_lines(shown: Array, corners: Array, labels: Labels, visible: Mask, rng: np.random.Generator) -> Array:
    """Lines between the vertebrae inside a box, the edge of the bone, and names on plates at the box's side.

    Parameters
    ----------
    corners : ndarray
        (9, 4, 2) in pixels: ends of the lines above and below each of ``LEVELS``.
    labels : ndarray
        (H, W): i + 1 in the region of ``LEVELS[i]``.
    visible : ndarray
        bool (9,): levels that lie whole in the picture.
    """
    known = [k for k in range(L1, L5) if visible[k] and np.isfinite(corners[k]).all()]
    if len(known) < 2:
        return shown
    canvas = np.ascontiguousarray(np.round(shown * 255).astype(np.uint8))
    thick = max(1, round(max(canvas.shape) / 350))
    ink = int(rng.choice([255, 220, 160]))
    ends = np.concatenate([corners[known, :2], corners[known[-1:], 3:1:-1]]).astype(float)
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
    for number, row in enumerate(heights[:-1], start=known[0] - L1 + 1):
        _name(canvas, f"L{number}", (int(left), row[0]), size, rng.random() < 0.7)
    if rng.random() < 0.75:
        mask = np.isin(labels, [k + 1 for k in known]).astype(np.uint8)
        outline = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
        cv2.drawContours(canvas, outline, -1, int(rng.choice([0, 200, 255])), thick)
    return (canvas / np.float32(255)).astype(np.float32)


def _name(canvas: Labels, word: str, at: tuple[int, int], size: float, plate: bool) -> None:
    """A level's name below ``at``, bright on black or the other way round."""
    (w, h), _ = cv2.getTextSize(word, FONT, size, 1)
    if plate:
        cv2.rectangle(canvas, (at[0] - 2, at[1] + 1), (at[0] + w + 2, at[1] + h + 6), 0, -1)
        cv2.rectangle(canvas, (at[0] - 2, at[1] + 1), (at[0] + w + 2, at[1] + h + 6), 255, 1)
    cv2.putText(canvas, word, (at[0], at[1] + h + 3), FONT, size, 255, 1, cv2.LINE_AA)


def coarse(shown: Array, rng: np.random.Generator) -> Array:
    """As a scan of a millimetre or two a pixel looks when it is shown large."""
    ratio = rng.uniform(60, 170) / max(shown.shape)
    small = cv2.resize(shown, None, fx=min(1.0, ratio), fy=min(1.0, ratio), interpolation=cv2.INTER_AREA)
    small = small + rng.uniform(0.0, 0.05) * rng.standard_normal(small.shape, np.float32)
    way = cv2.INTER_CUBIC if rng.random() < 0.6 else cv2.INTER_LINEAR
    return np.asarray(np.clip(cv2.resize(small, shown.shape[::-1], interpolation=way), 0, 1), np.float32)


def streaked(shown: Array, rng: np.random.Generator) -> Array:
    """Counting noise that the sweep of the arm draws out along the rows."""
    grain = rng.standard_normal(shown.shape, np.float32)
    size = max(shown.shape) / 224
    grain = cv2.GaussianBlur(grain, (0, 0), sigmaX=rng.uniform(1.5, 9) * size, sigmaY=rng.uniform(0.5, 1.0) * size)
    return np.asarray(
        np.clip(shown + rng.uniform(0.02, 0.14) * grain / max(float(grain.std()), 1e-6), 0, 1), np.float32
    )


def bridged(shown: Array, rng: np.random.Generator) -> Array:
    """Discs hardly darker than bodies, as arthrosis and the arch make them: partly smeared along the spine."""
    share, spread = rng.uniform(0.1, 0.6), rng.uniform(0.012, 0.04) * shown.shape[0]
    return np.asarray(shown + share * (cv2.GaussianBlur(shown, (0, 0), sigmaX=0.5, sigmaY=spread) - shown), np.float32)
