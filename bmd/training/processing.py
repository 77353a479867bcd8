"""What happens to a film between detector and file: sharpness, noise, display curves, compression, marks on it.

Drawn for the measuring network, whose answer must not depend on it. Every function takes and gives float32 (H, W) in
0..1 and moves nothing, so that corners hold. Strengths are broad guesses at what consoles and archives do; none was
fitted to real films.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from bmd.simulator.film import printed

Film = NDArray[np.float32]
Step = Callable[[Film, Generator], Film]


def noise(film: Film, rng: Generator) -> Film:
    """Grain, white or as coarse as two pixels, up to a quarter of the standard deviation of the whole film."""
    grain = rng.standard_normal(film.shape, np.float32)
    if rng.random() < 0.4:
        grain = cv2.GaussianBlur(grain, (0, 0), 0.8) * np.float32(2.3)  # about unit variance again
    return np.asarray(
        film + grain * film.std() * np.float32(math.exp(rng.uniform(math.log(0.02), math.log(0.25)))), np.float32
    )


def blur(film: Film, rng: Generator) -> Film:
    """Unsharpness of focus and detector."""
    return np.asarray(cv2.GaussianBlur(film, (0, 0), rng.uniform(0.3, 1.3)), np.float32)


def resample(film: Film, rng: Generator) -> Film:
    """Kept at a lower resolution, down to a half."""
    ratio, (height, width) = rng.uniform(0.5, 1.0), film.shape
    small = cv2.resize(film, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA)
    way = int(rng.choice([cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC], p=[0.1, 0.6, 0.3]))
    return np.asarray(cv2.resize(small, (width, height), interpolation=way), np.float32)


def scatter(film: Film, rng: Generator) -> Film:
    """Scattered radiation: part of the picture spread over a wide neighbourhood."""
    share = np.float32(rng.uniform(0.1, 0.5))
    return np.asarray((1 - share) * film + share * _wide(film, rng.uniform(16, 56)), np.float32)


def _wide(film: Film, sigma: float) -> Film:
    """A film blurred widely; an eighth of the resolution is enough for that."""
    height, width = film.shape
    small = cv2.resize(film, (max(1, width // 8), max(1, height // 8)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(cv2.GaussianBlur(small, (0, 0), sigma / 8), (width, height)), np.float32)


def compress_range(film: Film, rng: Generator) -> Film:
    """Coarse brightness taken back, as consoles do to show thick and thin parts at once."""
    flat = film - np.float32(rng.uniform(0.2, 0.8)) * _wide(film, rng.uniform(12, 56))
    low, high = np.percentile(flat[::4, ::4], (0.5, 99.5))
    return np.asarray((flat - low) / max(high - low, 0.05), np.float32)


def gamma(film: Film, rng: Generator) -> Film:
    """A power law."""
    return np.asarray(np.clip(film, 0, 1) ** np.float32(math.exp(rng.uniform(-0.9, 0.9))), np.float32)


def curve(film: Film, rng: Generator) -> Film:
    """A monotone display curve through eight random steps, or an S as film and consoles have it."""
    x = np.linspace(0, 1, 9)
    if rng.random() < 0.5:
        y = np.concatenate([[0], np.cumsum(rng.gamma(1.2, 1.0, 8) + 0.05)])
    else:
        y = 1 / (1 + np.exp(-(x - rng.uniform(0.3, 0.7)) * rng.uniform(2, 9)))
    y = (y - y[0]) / (y[-1] - y[0])
    table = np.interp(np.linspace(0, 1, 1024), x, y).astype(np.float32)
    return np.asarray(table[(np.clip(film, 0, 1) * 1023).astype(np.int32)], np.float32)


def clahe(film: Film, rng: Generator) -> Film:
    """Local equalisation (Zuiderveld 1994), mild to strong."""
    tiles = int(rng.integers(2, 9))
    way = cv2.createCLAHE(rng.uniform(1, 6), (tiles, tiles))
    grey = way.apply((np.clip(film, 0, 1) * 65535).astype(np.uint16))
    return np.asarray(grey.astype(np.float32) / np.float32(65535), np.float32)


def sharpen(film: Film, rng: Generator) -> Film:
    """Edges enhanced, fine or broad."""
    sigma = math.exp(rng.uniform(math.log(0.6), math.log(8.0)))
    return np.asarray(film + np.float32(rng.uniform(0.2, 2.0)) * (film - cv2.GaussianBlur(film, (0, 0), sigma)))


def jpeg(film: Film, rng: Generator) -> Film:
    """Lossy compression, quality 20-95."""
    grey = (np.clip(film, 0, 1) * 255).round().astype(np.uint8)
    packed = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 96))])[1]
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.float32) / np.float32(255)


def mark(film: Film, rng: Generator) -> Film:
    """One of the marks and processings that prints and long films bring along."""
    name = list(printed.NUISANCES)[int(rng.integers(len(printed.NUISANCES)))]
    return printed.NUISANCES[name](np.clip(film, 0, 1), rng)


STEPS: tuple[tuple[float, Step], ...] = (
    (0.25, scatter),
    (0.35, blur),
    (0.40, noise),
    (0.25, compress_range),
    (0.50, gamma),
    (0.35, curve),
    (0.45, sharpen),
    (0.20, clahe),
    (0.35, resample),
    (0.40, jpeg),
)
"""Probability of each step, in the order in which they happen to a film; parts of a film can go through them too."""

MARKED = 0.15
"""Probability of ``mark``: now and then, as on real films. It needs the whole film, for its sizes."""


def process(film: Film, rng: Generator) -> Film:
    """Draw what happens to one film, or to a part of it.

    Parameters
    ----------
    film : ndarray
        float32 (H, W) in 0..1.
    rng : Generator
        All randomness comes from it.

    Returns
    -------
    ndarray
        float32 (H, W) in 0..1.
    """
    for chance, step in STEPS:
        if rng.random() < chance:
            film = step(film, rng)
    return np.clip(film, 0, 1).astype(np.float32)
