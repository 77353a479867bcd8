"""What becomes of a scan on its way to a picture: vendors' greys and windows, region lines, report pages, resolution.

Three looks, drawn by eye from published densitometer pictures: "bone" (GE Lunar: bone on black, steps at the sides
where the scan arm turned back), "mixed" (bone over grey soft tissue) and "film" (Hologic: the attenuation picture).
None says what grey a density has: the window is set so that each spine looks well, as consoles do, and only part of the
density survives in the picture. How much is an assumption (``KEEPS``).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from bmd.simulator.dxa.densitometer import Scan
from bmd.simulator.film.tissue import noise
from bmd.simulator.record import Array, Labels

LOOKS = ("bone", "mixed", "film")
KEEPS = 0.75
"""Share of a spine's (log) density that the window lets through; the rest is set away by the console.

With ``WANDERS`` it decides how well any network can do. Both are set so that pictures tell about as much of the
density as those of the paper did (r = .818, Kirilov 2022).
"""
WANDERS = 0.06
"""Spread of the (log) window between consoles and users."""
TYPICAL_G_CM2 = 1.25  # bone density near white in a typical window
FONT = cv2.FONT_HERSHEY_SIMPLEX
L1 = 3
"""Index of ``LEVELS``."""


@dataclass(frozen=True, eq=False)
class Shown:
    """A displayed picture (H, W) in 0..1 and the affine (2, 3) that maps scan pixels to its pixels."""

    pixels: Array
    matrix: Array


def plain(scan: Scan, labels: Labels, rng: np.random.Generator, look: str) -> Array:
    """Grey picture (H, W) in 0..1 of a scan by one of ``LOOKS``."""
    bone = scan.mineral
    spine = bone[labels > 0] if (labels > 0).sum() > 50 else bone[bone > np.percentile(bone, 80)]
    own = max(0.3, float(np.percentile(spine, 96)))
    top = TYPICAL_G_CM2 * (own / TYPICAL_G_CM2) ** (1 - KEEPS) * np.exp(rng.normal(0, WANDERS)) * rng.uniform(1.0, 1.2)
    low = rng.uniform(0.0, 0.22) * top if look == "bone" else 0.0
    grey = np.clip((bone - low) / (top - low), 0, 1.1)
    if look != "bone":
        inside = np.clip((scan.soft - np.percentile(scan.soft, 1)) / max(float(np.ptp(scan.soft)), 0.3), 0, 1)
        share = rng.uniform(0.15, 0.3) if look == "mixed" else rng.uniform(0.3, 0.55)
        grey = (1 - share) * grey + share * inside
    grey = np.clip(grey, 0, 1) ** rng.uniform(0.75, 1.25)
    if rng.random() < 0.35:  # sharpened
        grey = grey + rng.uniform(0.2, 0.8) * (grey - cv2.GaussianBlur(grey, (0, 0), rng.uniform(1.0, 2.5)))
    return np.asarray(np.clip(grey, 0, 1), np.float32)


def step_edges(grey: Array, rng: np.random.Generator) -> Array:
    """Black at the sides in blocks of rows: a scan that follows the body turns back early in places."""
    out, row = grey.copy(), 0
    while row < len(out):
        high = int(rng.integers(len(out) // 10, len(out) // 4))
        for left in (True, False):
            cut = int(max(0, rng.normal(0.01, 0.05)) * out.shape[1])
            if cut and left:
                out[row : row + high, :cut] = 0
            elif cut:
                out[row : row + high, -cut:] = 0
        row += high
    return out


def resample(grey: Array, rng: np.random.Generator, height: int | None = None, stretch: float | None = None) -> Shown:
    """Bring a picture to the size it is exported in; drawn from 220-800 rows, up to 12 % stretched, when None."""
    rows = height or int(np.exp(rng.uniform(np.log(220), np.log(800))))
    ratio = np.exp(rng.normal(0, 0.06)) if stretch is None else stretch
    if height is None and rng.random() < 0.15:  # made square, as the pictures of data sets often are
        ratio = len(grey) / grey.shape[1]
    sy = rows / len(grey)
    columns = max(48, round(grey.shape[1] * sy * ratio))
    sx = columns / grey.shape[1]
    method = cv2.INTER_AREA if sy < 1 else cv2.INTER_CUBIC if rng.random() < 0.7 else cv2.INTER_LINEAR
    out = np.clip(cv2.resize(grey, (columns, rows), interpolation=method), 0, 1)
    matrix = np.array([[sx, 0, sx / 2 - 0.5], [0, sy, sy / 2 - 0.5]])
    return Shown(out, matrix)


def draw_regions(shown: Shown, lines: Array, rows: range, rng: np.random.Generator, labels: Labels) -> Array:
    """Lines between the vertebrae, edge of the bone and names, as the report of a scan has them.

    Parameters
    ----------
    lines : ndarray
        (9, 2, 2) in scan pixels; row k is the line above level k.
    rows : range
        Levels whose region is drawn (indices of ``LEVELS``).
    labels : ndarray
        Regions in scan pixels; their outline is drawn half of the time.
    """
    canvas = _eight_bit(shown.pixels)
    thick = max(1, round(len(canvas) / 400))
    colour = int(rng.choice([255, 215, 150]))
    left, right = 0.04 * canvas.shape[1], (1 - rng.uniform(0.04, 0.14)) * canvas.shape[1]
    heights = []
    for k in (*rows, rows[-1] + 1):
        a, b = (shown.matrix[:, :2] @ p + shown.matrix[:, 2] for p in lines[k])
        slope = (b[1] - a[1]) / max(b[0] - a[0], 1.0)
        ends = [(int(x), int(np.clip(a[1] + slope * (x - a[0]), -9999, 9999))) for x in (left, right)]
        cv2.line(canvas, ends[0], ends[1], colour, thick, cv2.LINE_AA)
        heights.append(ends[0][1])
    for x in (int(left), int(right)):
        cv2.line(canvas, (x, heights[0]), (x, heights[-1]), colour, thick)
    size = len(canvas) / 700
    for number, (a, b) in enumerate(pairwise(heights), start=rows[0] - L1 + 1):
        cv2.putText(canvas, f"L{number}", (int(left) + 3, (a + b) // 2), FONT, size, 255, thick, cv2.LINE_AA)
    if rng.random() < 0.5:
        size_px = (canvas.shape[1], canvas.shape[0])
        mask = cv2.warpAffine((labels > 0).astype(np.uint8), shown.matrix, size_px, flags=cv2.INTER_NEAREST)
        outline = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
        cv2.drawContours(canvas, outline, -1, int(rng.choice([0, 255])), thick)
    return (canvas / np.float32(255)).astype(np.float32)


def report_page(shown: Shown, rng: np.random.Generator) -> Shown:
    """Put the picture into a frame as reports have it: margins, a title, lines of text and a small table below."""
    height, width = shown.pixels.shape
    paper = 255 if rng.random() < 0.75 else 0
    ink = 255 - paper
    top, bottom = int(rng.uniform(0.02, 0.16) * height), int(rng.uniform(0.02, 0.3) * height)
    left, right = (int(rng.uniform(0.02, 0.2) * width) for _ in range(2))
    page = np.full((height + top + bottom, width + left + right), paper, np.uint8)
    page[top : top + height, left : left + width] = _eight_bit(shown.pixels)
    size = height / 900
    if top > 0.06 * height:
        cv2.putText(page, "AP SPINE BONE DENSITY", (left, int(0.7 * top)), FONT, size, ink, 1, cv2.LINE_AA)
    for k in range(int(bottom / max(8, 0.05 * height))):
        y = top + height + int((k + 0.8) * 0.05 * height)
        words = f"L{k % 4 + 1}   {rng.uniform(0.5, 1.4):.3f}   {rng.uniform(-4, 2):.1f}"
        cv2.putText(page, words, (left, y), FONT, 0.8 * size, ink, 1, cv2.LINE_AA)
    return Shown((page / np.float32(255)).astype(np.float32), shown.matrix + np.array([[0, 0, left], [0, 0, top]]))


def _eight_bit(grey: Array) -> Array:
    return np.ascontiguousarray(np.round(np.clip(grey, 0, 1) * 255).astype(np.uint8))


def grain(grey: Array, rng: np.random.Generator) -> Array:
    """Compression blocks and a little noise of what was copied from a screen."""
    if rng.random() < 0.3:
        packed = cv2.imencode(".jpg", np.round(grey * 255).astype(np.uint8), [1, int(rng.integers(30, 95))])[1]
        grey = np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.float32) / 255
    if rng.random() < 0.2:
        grey = grey + rng.uniform(0.002, 0.02) * noise(rng, (grey.shape[0], grey.shape[1]), 2, 1)
    return np.asarray(np.clip(grey, 0, 1), np.float32)
