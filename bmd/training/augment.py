"""Turn one simulated film into many: other crops, aspects, borders, exposures, sharpness. numpy and cv2, in the loader.

Nothing here imitates anatomy (that is the simulator's task); it imitates what happens between the detector and the
file: framing, stretching, display processing, compression, objects and borders.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.reference import LEVELS
from bmd.training.films import FIRST_LUMBAR, Film, View, warp


@dataclass(frozen=True)
class FilmAugment:
    """Draws a view of a film for the localisers."""

    size: int  # side of the view in pixels
    stride: int = 2  # image pixels per label pixel
    tight: float = 0.2  # probability of a view that shows only some neighbouring bodies

    def __call__(self, film: Film, rng: np.random.Generator) -> View:
        """Draw one view; all randomness comes from ``rng``."""
        matrix, clip = draw_framing(film, self.size, self.tight, rng)
        image, labels, corners = warp(film, matrix, self.size, self.stride, _fill(film.image, rng))
        image, labels = clip_borders(image, labels, clip, rng)
        return View(draw_display(image, rng), labels, corners)


def _fill(image: NDArray[np.uint8], rng: np.random.Generator) -> int:
    """Grey value outside the film: mostly black, sometimes white or the film's mean."""
    return int(rng.choice([0, 0, 0, 255, int(image.mean())]))


def draw_framing(
    film: Film, size: int, tight: float, rng: np.random.Generator
) -> tuple[NDArray[np.float64], tuple[int, ...]]:
    """Draw which part of the film is seen and how it fills the square.

    Returns
    -------
    matrix : ndarray
        (2, 3) affine from film to view pixels: turn by up to 12 degrees, aspect 0.55-1.1 stretched to the square
        (as some archives do) or letterboxed, either facing.
    clip : tuple of int
        x1, y1, x2, y2 of the part of the view that is exposed; outside it lie borders.
    """
    side = film.image.shape[0]
    if rng.random() < tight:
        centre, height = _some_bodies(film.corners, rng)
    else:
        lumbar = film.corners[FIRST_LUMBAR : LEVELS.index("S1")].reshape(-1, 2)
        height = side * math.exp(rng.uniform(-0.5, 0.2))
        centre = np.nanmean(lumbar, 0) + rng.normal(0, (0.10, 0.10)) * height + (0, 0.05 * height)
    aspect = math.exp(rng.uniform(math.log(0.55), math.log(1.1)))
    scale_y = size / height
    scale_x, clip = scale_y, (0, 0, size, size)
    if rng.random() < 0.45:  # stretched to the square
        scale_x = scale_y / aspect
    elif rng.random() < 0.6:  # letterboxed: borders left and right
        edge = max(0, int(size * (1 - aspect) / 2))
        clip = (edge, 0, size - edge, size)
    scale_x *= math.exp(rng.normal(0, 0.04))
    angle = math.radians(rng.uniform(-12, 12))
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    linear = np.diag([scale_x * mirror, scale_y]) @ turn
    return np.c_[linear, np.full(2, (size - 1) / 2) - linear @ centre], clip


def _some_bodies(corners: NDArray[np.float32], rng: np.random.Generator) -> tuple[NDArray[np.float64], float]:
    """Centre and height of a window around three to six neighbouring bodies, wherever the sacrum is."""
    count = int(rng.integers(3, 7))
    first = int(rng.integers(0, len(LEVELS) - count + 1))
    points = corners[first : first + count].reshape(-1, 2)
    low, high = np.nanmin(points, 0), np.nanmax(points, 0)
    extent = max(float(high[1] - low[1]), 1.2 * float(high[0] - low[0]), 40.0)
    return (low + high) / 2 + rng.normal(0, 0.06, 2) * extent, extent * rng.uniform(1.05, 1.5)


def clip_borders(
    image: NDArray[np.uint8], labels: NDArray[np.uint8], clip: tuple[int, ...], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Cover what is outside ``clip``, now and then a strip at any edge too, with black or white; drop labels there."""
    size, stride = image.shape[0], image.shape[0] // labels.shape[0]
    x1, y1, x2, y2 = clip
    if rng.random() < 0.25:  # collimation
        x1, y1 = max(x1, int(rng.uniform(0, 0.12) * size)), max(y1, int(rng.uniform(0, 0.12) * size))
        x2, y2 = min(x2, size - int(rng.uniform(0, 0.12) * size)), min(y2, size - int(rng.uniform(0, 0.12) * size))
    if (x1, y1, x2, y2) == (0, 0, size, size):
        return image, labels
    value = 255 if rng.random() < 0.15 else int(rng.integers(0, 12))
    framed, kept = np.full_like(image, value), np.zeros_like(labels)
    framed[y1:y2, x1:x2] = image[y1:y2, x1:x2]
    inner = np.s_[-(-y1 // stride) : y2 // stride, -(-x1 // stride) : x2 // stride]
    kept[inner] = labels[inner]
    return framed, kept


def draw_display(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw display processing, compression, noise, objects: uint8 (S, S) -> float32 (S, S) in 0..1."""
    size = image.shape[0]
    if rng.random() < 0.2:  # lower resolution
        ratio = rng.uniform(0.35, 0.8)
        small = cv2.resize(image, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA)
        image = cv2.resize(small, (size, size), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.2:  # lossy compression
        quality = int(rng.integers(15, 70))
        packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        image = np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE))
    x: NDArray[np.float32] = image.astype(np.float32) / np.float32(255)
    if rng.random() < 0.5:
        x = np.asarray(x ** np.float32(math.exp(rng.normal(0, 0.35))), np.float32)
    if rng.random() < 0.2:  # edge enhancement as vendors apply it
        x = x + np.float32(rng.uniform(0.3, 1.5)) * (x - cv2.GaussianBlur(x, (0, 0), rng.uniform(1.0, 4.0)))
    if rng.random() < 0.2:
        x = cv2.GaussianBlur(x, (0, 0), rng.uniform(0.5, 1.6))
    if rng.random() < 0.3:
        x = x + rng.standard_normal(x.shape, np.float32) * np.float32(rng.uniform(0.005, 0.05))
    if rng.random() < 0.25:  # uneven exposure
        coarse = rng.standard_normal((3, 3)).astype(np.float32)
        coarse = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)
        x = (x * np.exp(np.float32(0.35) * coarse)).astype(np.float32)
    if rng.random() < 0.15:  # something lies on the film
        height, width = rng.uniform(0.04, 0.35) * size, rng.uniform(0.04, 0.25) * size
        top, left = rng.integers(0, size, 2)
        x[top : top + int(height), left : left + int(width)] = rng.random()
    x = np.clip(x, 0, 1)
    return np.asarray(1 - x if rng.random() < 0.04 else x, np.float32)
