"""What is printed on a picture, or done to it, after the exposure: grids, seams, rulers, letters, stickers, processing.

Every function takes displayed pixels, float32 (H, W) in 0..1, and a ``numpy.random.Generator``, and returns new pixels
of the same shape, range and type; the input is left as it is. None moves anything, so labels stay true. Sizes are in
pixels of a picture of 384 rows and scale with it. All shapes and ranges are drawn by hand after films that are seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import cv2
import numpy as np

from bmd.simulator.record import F32, Array

ROWS = 384
"""Height of the picture that sizes are given for."""

MARKERS = ("L", "R", "LT.", "RT.", "RT", "LT", "LAT", "LL", "STANDING", "UPRIGHT", "L-SPINE LAT", "12", "A.B.")
CAPTIONS = (
    "80 kV 40 mAs",
    "SID 115",
    "1/2",
    "SE 1 IM 2",
    "W 4096 C 2047",
    "ZOOM 60%",
    "2041-01-01 10:02",
    "WEIGHT-BEARING",
)
FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_PLAIN, cv2.FONT_HERSHEY_COMPLEX_SMALL)


def _size(pixels: Array) -> float:
    """By how much things are larger than at 384 rows."""
    return float(max(pixels.shape) / ROWS)


def _done(pixels: Array) -> F32:
    return np.clip(pixels, 0, 1).astype(np.float32)


def _over(pixels: Array, cover: Array, ink: float) -> F32:
    """Ink laid over a picture, ``cover`` 0..1 of each pixel."""
    return _done(pixels + cover * (ink - pixels))


def _lines(along: Array, pitch: float, phase: float, width: float) -> Array:
    """Share of each pixel covered by lines across ``along``; a line thinner than a pixel is fainter, not gone."""
    distance = np.abs((along - phase + pitch / 2) % pitch - pitch / 2)
    return np.asarray(np.clip(width / 2 + 0.5 - distance, 0, min(1.0, width)), np.float32)


def _numbers(shape: tuple[int, int], places: list[tuple[int, int]], step: int, size: float) -> Array:
    """Cover (H, W) of the numbers 0, ``step``, 2 ``step`` ... written at ``places`` (column, row)."""
    drawn = np.zeros(shape, np.uint8)
    for k, place in enumerate(places):
        cv2.putText(drawn, str(step * k), place, FONTS[0], size, 255, 1, cv2.LINE_AA)
    return drawn.astype(np.float32) / 255


def grid(pixels: Array, rng: np.random.Generator) -> F32:
    """A measuring grid: bright, now and then dark lines in both directions, 5 to 20 % of the width apart."""
    height, width = pixels.shape
    scale = _size(pixels)
    pitch = rng.uniform(0.05, 0.20) * width
    pitches = pitch, pitch * (1.0 if rng.random() < 0.7 else rng.uniform(0.6, 1.6))
    thick = max(0.4, math.exp(rng.uniform(math.log(0.4), math.log(2.0))) * scale)
    turn = math.radians(rng.normal(0, 0.7)) if rng.random() < 0.4 else 0.0
    row, column = np.ogrid[0.0:height, 0.0:width]
    across, down = column + turn * row, row - turn * column
    phases = rng.uniform(0, pitches[0]), rng.uniform(0, pitches[1])
    cover = np.maximum(_lines(across, pitches[0], phases[0], thick), _lines(down, pitches[1], phases[1], thick))
    if rng.random() < 0.25:  # every second or fifth line is stronger
        often = int(rng.choice([2, 5]))
        strong = [_lines(x, often * p, f, 1.8 * thick) for x, p, f in zip((across, down), pitches, phases, strict=True)]
        cover = np.maximum(0.6 * cover, np.maximum(*strong))
    dark = rng.random() < 0.2
    if rng.random() < 0.25:
        places = [(int(rng.uniform(0, 3)), int(f)) for f in np.arange(phases[1] - 2 * scale, height, pitches[1])]
        cover = np.maximum(cover, _numbers((height, width), places, 5, 0.3 * scale))
    ink = rng.uniform(0.0, 0.15) if dark else rng.uniform(0.7, 1.0)
    return _over(pixels, cover * rng.uniform(0.55, 1.0), ink)


def seam(pixels: Array, rng: np.random.Generator) -> F32:
    """A stitched picture: from the seam on brighter or darker, of other contrast, often with a line at the seam."""
    height, width = pixels.shape
    upright = rng.random() < 0.9
    length = height if upright else width
    shown = np.array(pixels if upright else pixels.T, np.float32)
    for _ in range(1 if rng.random() < 0.75 else 2):
        at = rng.uniform(0.15, 0.85) * length
        overlap = rng.uniform(0.3, 1.0) if rng.random() < 0.6 else rng.uniform(2, 14) * _size(pixels)
        rows = np.arange(length, dtype=np.float32)[:, None]
        beyond = np.clip((rows - at) / overlap + 0.5, 0, 1)
        step = math.copysign(rng.uniform(0.03, 0.16), rng.normal())
        middle = float(shown.mean())
        shown = shown + beyond * ((math.exp(rng.normal(0, 0.2)) - 1) * (shown - middle) + step)
        if rng.random() < 0.5:
            line = _lines(rows, 4.0 * length, at, rng.uniform(0.6, 3.0) * _size(pixels))
            shown = shown + line * (float(rng.choice([0.0, 1.0, rng.random()])) - shown)
    return _done(shown if upright else shown.T)


def ruler(pixels: Array, rng: np.random.Generator) -> F32:
    """A ruler along a side: a scale of short and long lines, often with numbers, on the film or on a bar of its own."""
    scale = _size(pixels)
    upright = rng.random() < 0.85
    shown = np.ascontiguousarray(pixels if upright else pixels.T, np.float32)
    height, width = shown.shape
    breadth = max(3.0, rng.uniform(5, 13) * scale)
    at = rng.uniform(0.0, 0.12) * width if rng.random() < 0.75 else rng.uniform(0.2, 0.75) * width
    row, column = np.ogrid[0.0:height, 0.0:width]
    off = column - at
    pitch = max(2.5, rng.uniform(3, 9) * scale)
    phase, thick = rng.uniform(0, pitch), rng.uniform(0.5, 1.3) * max(1.0, scale)
    minor = _lines(row, pitch, phase, thick) * ((off >= 0) & (off < 0.5 * breadth))
    major = _lines(row, 5 * pitch, phase, thick) * ((off >= 0) & (off < breadth))
    cover = np.maximum(np.maximum(minor, major), np.clip(thick / 2 + 0.5 - np.abs(off), 0, 1) * np.ones_like(row))
    if rng.random() < 0.7:
        places = [(int(at + breadth + 1), int(f)) for f in np.arange(phase + 3 * scale, height, 5 * pitch)]
        cover = np.maximum(cover, _numbers((height, width), places, 1, 0.28 * scale))
    bar = rng.random() < 0.3
    dark = bar and rng.random() < 0.7
    plate = (bar & (off >= -1) & (off < 1.9 * breadth)) * rng.uniform(0.5, 1.0) * np.ones_like(row)
    if rng.random() < 0.5:
        plate, cover = plate[:, ::-1], cover[:, ::-1]
    shown = _over(shown, plate, 0.95 if dark else 0.05)
    shown = _over(shown, cover * rng.uniform(0.7, 1.0), 0.0 if dark else rng.uniform(0.75, 1.0))
    return np.ascontiguousarray(shown if upright else shown.T)


def _worded(words: str, size: float, ink: float, ground: float, rng: np.random.Generator) -> Array:
    """A word on a plate, (h, w)."""
    font = FONTS[int(rng.integers(len(FONTS)))]
    bold = 1 + int(rng.random() < 0.3)
    (w, h), below = cv2.getTextSize(words, font, size, bold)
    plate = np.full((h + below + 4, w + 6), round(255 * ground), np.uint8)
    cv2.putText(plate, words, (3, h + 2), font, size, round(255 * ink), bold, cv2.LINE_AA)
    return plate.astype(np.float32) / 255


def _place(pixels: Array, plate: Array, solid: bool, rng: np.random.Generator) -> None:
    """Lay a plate on a picture, in place, mostly near a side; not one that is larger than the picture."""
    height, width = pixels.shape
    h, w = plate.shape
    if h >= height or w >= width:
        return
    aside = rng.uniform(0, 0.12) if rng.random() < 0.5 else rng.uniform(0.8, 0.98)
    column = min(int((aside if rng.random() < 0.7 else rng.random()) * width), width - w)
    row = int(rng.uniform(0, height - h))
    under = pixels[row : row + h, column : column + w]
    under[:] = plate if solid else np.maximum(under, plate)


def lettering(pixels: Array, rng: np.random.Generator) -> F32:
    """Lead markers and burnt-in captions, plain or on a plate, now and then mirrored."""
    shown = np.array(pixels, np.float32)
    for _ in range(int(rng.integers(1, 4))):
        words = str(rng.choice(MARKERS if rng.random() < 0.7 else CAPTIONS))
        size = max(0.25, float(rng.uniform(0.3, 0.75)) * _size(pixels))
        plain = rng.random() < 0.5
        ink, ground = (1.0, 0.0) if plain else (0.05, 1.0) if rng.random() < 0.7 else (0.9, 0.3)
        plate = _worded(words, size, ink, ground, rng)
        _place(shown, plate[:, ::-1] if rng.random() < 0.25 else plate, not plain, rng)
    if np.abs(shown - pixels).max() < 0.3:  # all too large for the picture, or white on white
        _place(shown, _worded("L", max(0.25, 0.4 * _size(pixels)), 0.05, 1.0, rng), True, rng)
    return _done(shown)


def sticker(pixels: Array, rng: np.random.Generator) -> F32:
    """A label of paper with lines of writing or bars, or a blank patch that hides what stood there."""
    height, width = pixels.shape
    shown = np.array(pixels, np.float32)
    h, w = (max(4, int(rng.uniform(a, b) * height)) for a, b in ((0.03, 0.12), (0.06, 0.2)))
    w = min(w, width // 2)
    ground = float(rng.choice([0.0, rng.uniform(0.3, 0.7), rng.uniform(0.85, 1.0)], p=[0.25, 0.25, 0.5]))
    plate = np.full((h, w), round(255 * ground), np.uint8)
    kind, ink = rng.random(), 12 if ground > 0.5 else 242
    if kind < 0.3:
        bars = np.repeat(rng.random(w) < 0.5, max(1, round(1.2 * _size(pixels))))[:w]
        plate[h // 5 : h - h // 4, bars] = ink
    elif kind < 0.8:
        for line in range(int(rng.integers(1, 4))):
            words = "".join(rng.choice(list("0123456789-/ "), int(rng.integers(5, 12))))
            at = (2, int((line + 1) * h / 3.2))
            cv2.putText(plate, words, at, FONTS[0], h / 90, ink, 1, cv2.LINE_AA)
    row = int(rng.choice([rng.uniform(0, 0.15), rng.uniform(0.7, 1)]) * (height - h))
    column = int(
        rng.choice([rng.uniform(0, 0.15), rng.uniform(0.85, 1), rng.random()], p=[0.4, 0.4, 0.2]) * (width - w)
    )
    turn = cv2.getRotationMatrix2D((w / 2, h / 2), rng.normal(0, 4), 1.0)
    turn[:, 2] += column, row
    there = cv2.warpAffine(np.ones((h, w), np.float32), turn, (width, height))
    paper = cv2.warpAffine(plate.astype(np.float32) / 255, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return _done(shown + there * (paper - shown))


def equalise(pixels: Array, rng: np.random.Generator) -> F32:
    """Strong local processing: histograms equalised in tiles, or every scale of detail brought to like contrast."""
    if rng.random() < 0.5:
        tiles = (int(rng.integers(3, 13)), int(rng.integers(3, 10)))
        tool = cv2.createCLAHE(float(rng.uniform(2.5, 9.0)), tiles)
        return _done(tool.apply(np.round(_done(pixels) * 255).astype(np.uint8)).astype(np.float32) / 255)
    shown = np.array(pixels, np.float32)
    scale, power, floor = _size(pixels), rng.uniform(0.5, 0.9), rng.uniform(0.02, 0.05)
    base = shown
    built = np.zeros_like(shown)
    for sigma in (2.0, 6.0, 18.0, 45.0):
        lower = _smooth(base, sigma * scale)
        band = base - lower
        local = np.sqrt(_smooth(band * band, 2.5 * sigma * scale)) + floor
        built += band * (0.09 / local) ** power
        base = lower
    shown = rng.uniform(0.2, 0.7) * base + rng.uniform(0.8, 1.6) * built
    dark, bright = np.percentile(shown[::2, ::2], (1.0, 99.5))
    return _done((shown - dark) / max(float(bright - dark), 1e-3))


def _smooth(pixels: Array, sigma: float) -> Array:
    """Gaussian blur, wide ones on a smaller picture."""
    step = max(1, int(sigma / 3))
    if step == 1:
        return np.asarray(cv2.GaussianBlur(pixels, (0, 0), max(sigma, 0.4)))
    height, width = pixels.shape
    small = cv2.resize(pixels, (max(2, width // step), max(2, height // step)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(cv2.GaussianBlur(small, (0, 0), sigma / step), (width, height)))


def flat(pixels: Array, rng: np.random.Generator) -> F32:
    """Very low contrast: a seventh to nearly half of what it was, about a level between dark and bright."""
    share = math.exp(rng.uniform(math.log(0.14), math.log(0.45)))
    level = rng.uniform(share / 2, 1 - share / 2)
    return _done(level + share * (pixels - 0.5))


def bright_or_dark_part(pixels: Array, rng: np.random.Generator) -> F32:
    """A part with soft edges, mostly the pelvis, driven towards white or black, as by a window that suits the rest."""
    height, width = pixels.shape
    row, column = np.ogrid[0.0:height, 0.0:width]
    if rng.random() < 0.75:  # the lower part
        tilt = rng.normal(0, 0.25)
        depth = (row + tilt * (column - width / 2)) / height - rng.uniform(0.5, 0.8)
    elif rng.random() < 0.5:  # the upper part
        depth = rng.uniform(0.15, 0.4) - (row + rng.normal(0, 0.25) * (column - width / 2)) / height
    else:  # a round one anywhere
        at = rng.uniform(0, height), rng.uniform(0, width)
        radius = rng.uniform(0.12, 0.35)
        depth = radius - np.hypot((row - at[0]) / height, (column - at[1]) / height)
    soft = np.clip(depth / rng.uniform(0.08, 0.4) + 0.5, 0, 1)
    odds = np.exp(soft * soft * (3 - 2 * soft) * rng.uniform(1.3, 3.3))  # what is there stays, squeezed to one end
    shown = np.clip(pixels, 0, 1)
    if rng.random() < 0.6:
        return _done(odds * shown / (1 + (odds - 1) * shown))
    return _done(shown / (shown + odds * (1 - shown)))


NUISANCES: Mapping[str, Callable[[Array, np.random.Generator], F32]] = MappingProxyType(
    {
        "grid": grid,
        "seam": seam,
        "ruler": ruler,
        "lettering": lettering,
        "sticker": sticker,
        "equalise": equalise,
        "flat": flat,
        "bright_or_dark_part": bright_or_dark_part,
    }
)
"""Every nuisance by its name, which is also its tag in ``Truth.tags``."""
