"""What console and radiographer do to a film: processing, window, collimation, markers, grid lines, stitching."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

MARKERS = ("L", "R", "LT.", "RT.", "RT", "LT", "LAT", "LL", "STANDING", "UPRIGHT", "L-SPINE LAT", "12", "A.B.")


def process(film: NDArray, body: NDArray, spine: NDArray, rng: np.random.Generator) -> NDArray:
    """Display values 0..1 from log signal: multi-frequency processing, window, sigmoid or gamma.

    Parameters
    ----------
    film : ndarray
        Log signal (H, W), bone bright.
    body, spine : ndarray of bool
        Where the body is, and the region around the lumbar spine on which the console places its window.
    """
    strength = 0.0
    if rng.random() < 0.9:
        film, strength = _multi_frequency(film, body, rng)
    low, high = _window(film, body, spine, strength, rng)
    shown = (film - low) / (high - low + 1e-6)
    if rng.random() < 0.6:
        shown = 1 / (1 + np.exp(-(shown - rng.uniform(0.4, 0.62)) * rng.uniform(2.8, 6)))
        shown = (shown - shown.min()) / (np.ptp(shown) + 1e-6)
    shown = np.clip(shown, 0, 1) ** math.exp(rng.normal(0.05, 0.3))
    if rng.random() < 0.25:
        tiles = (int(rng.integers(2, 9)), int(rng.integers(2, 6)))
        equaliser = cv2.createCLAHE(float(rng.uniform(1, 3.5)), tiles)
        shown = equaliser.apply((shown * 255).astype(np.uint8)).astype(np.float32) / 255
    return shown.astype(np.float32)


def _window(
    film: NDArray, body: NDArray, spine: NDArray, strength: float, rng: np.random.Generator
) -> tuple[float, float]:
    """Ends of the display window: 1 to 2.6 nepers about the spine (less once compressed), or shares of the body."""
    if spine.sum() > 100 and rng.random() < 0.7:
        width = rng.uniform(1.0, 2.6) * (1 - 0.55 * strength)
        low = float(np.median(film[spine])) - rng.uniform(0.35, 0.75) * width
        return low, max(low + width, float(np.percentile(film[body], rng.uniform(85, 99.5))))
    values = film[body] if body.sum() > 100 else film.ravel()
    low, high = np.percentile(values, [rng.uniform(0.5, 25), rng.uniform(98, 100)])
    return float(low), float(high)


def _multi_frequency(film: NDArray, body: NDArray, rng: np.random.Generator) -> tuple[NDArray, float]:
    """Compress the coarse band and lift the finer ones, as consoles do; also the share of the coarse band removed."""
    height, width = film.shape

    def low_pass(image: NDArray, sigma: float) -> NDArray:
        half = cv2.resize(image, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        return cv2.resize(cv2.GaussianBlur(half, (0, 0), sigma / 2), (width, height))

    scale = height / 288
    coarse = low_pass(film, rng.uniform(18, 45) * scale)
    strength = rng.uniform(0.5, 0.95) if rng.random() < 0.4 else rng.uniform(0.0, 0.6)
    film = film - strength * (coarse - (coarse[body].mean() if body.any() else coarse.mean()))
    film = film + rng.uniform(0, 1.2) * (film - low_pass(film, rng.uniform(7, 14) * scale))
    return film + rng.uniform(0, 1.6) * (film - low_pass(film, rng.uniform(2, 5) * scale)), strength


def collimate(shown: NDArray, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
    """Black or white beyond the shutters, sometimes turned a little; returns the picture and the exposed field."""
    height, width = shown.shape
    field = np.ones((height, width), np.float32)
    if rng.random() < 0.5:
        left, right = (int(max(0, rng.normal(0, 0.07 * width))) for _ in range(2))
        top, bottom = (int(max(0, rng.normal(0, 0.045 * height))) for _ in range(2))
        field[:] = 0
        cv2.rectangle(field, (left, top), (width - 1 - right, height - 1 - bottom), 1.0, -1)
        if rng.random() < 0.4:
            turn = cv2.getRotationMatrix2D((width / 2, height / 2), rng.normal(0, 2), 1.0)
            field = cv2.warpAffine(field, turn, (width, height))
        edge = cv2.GaussianBlur(field, (0, 0), rng.uniform(0.5, 2))
        shown = shown * edge + (1.0 if rng.random() < 0.2 else 0.0) * (1 - edge)
    return shown, field > 0.5


def annotate(shown: NDArray, rng: np.random.Generator) -> NDArray:
    """Lead markers and burnt-in text, plain or on a plate, sometimes mirrored."""
    height, width = shown.shape
    scale = height / 384
    for _ in range(int(rng.integers(0, 3))):
        text = str(rng.choice(MARKERS))
        size = float(rng.uniform(0.3, 0.7)) * scale
        (w, h), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, 1)
        ink, ground = (255, None) if rng.random() < 0.5 else (12, 255) if rng.random() < 0.7 else (230, 75)
        drawn = np.full((h + 8, w + 8), ground or 0, np.uint8)
        cv2.putText(
            drawn, text, (4, h + 3), cv2.FONT_HERSHEY_SIMPLEX, size, ink, 1 + int(rng.random() < 0.4), cv2.LINE_AA
        )
        plate = drawn.astype(np.float32) / 255
        if rng.random() < 0.25:
            plate = plate[:, ::-1]
        if plate.shape[0] >= height or plate.shape[1] >= width:
            continue
        edge = rng.random() < 0.7
        column = (
            int(rng.choice([rng.uniform(0, 0.12), rng.uniform(0.8, 0.98)]) * width)
            if edge
            else int(rng.uniform(0, width))
        )
        row, column = int(rng.uniform(0, height - plate.shape[0])), min(column, width - plate.shape[1])
        window = shown[row : row + plate.shape[0], column : column + plate.shape[1]]
        window[:] = plate if ground is not None else np.maximum(window, plate)
    return shown


def artefacts(shown: NDArray, rng: np.random.Generator) -> NDArray:
    """Grid lines, a stitching seam, a bright cassette edge, dust."""
    height, width = shown.shape
    if rng.random() < 0.08:
        lines = np.sin(np.arange(width, dtype=np.float32) * rng.uniform(0.5, 2.6) + rng.uniform(0, 6))
        shown = shown * (1 + rng.uniform(0.01, 0.05) * lines[None, :])
    if rng.random() < 0.06:
        row, step = int(rng.uniform(0.2, 0.9) * height), rng.normal(0, 0.06)
        shown = shown.copy()
        shown[row:] += step
        if rng.random() < 0.5:
            shown[row - 1 : row + 1] = rng.uniform(0, 1)
    if rng.random() < 0.15:
        shown = shown.copy()
        thickness = int(rng.integers(1, 5))
        if rng.random() < 0.5:
            shown[:, :thickness] = rng.uniform(0.5, 1)
        else:
            shown[-thickness:] = rng.uniform(0.5, 1)
    if rng.random() < 0.2:
        shown = shown.copy()
        for _ in range(int(rng.integers(1, 6))):
            shown[int(rng.integers(height)), int(rng.integers(width))] = 1.0
    return np.clip(shown, 0, 1)
