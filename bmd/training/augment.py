"""Turn one simulated film into many: other crops, aspects, borders, exposures, sharpness. numpy and cv2, in the loader.

Nothing here imitates anatomy (that is the simulator's task); it imitates what happens between the detector and the
file: framing, stretching, what is printed on a film, display processing, compression, objects and borders.

No view is turned into its negative: inference looks at both and takes the one that looks more like a spine, which a
network that reads negatives as well could not tell. (The simulator inverts a film now and then.)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.reference import LEVELS
from bmd.simulator.film.printed import NUISANCES
from bmd.training.films import FIRST_LUMBAR, Film, View, warp

PRINTED: Mapping[str, float] = MappingProxyType(
    {
        "grid": 0.10,
        "seam": 0.03,
        "ruler": 0.03,
        "lettering": 0.05,
        "sticker": 0.03,
        "equalise": 0.06,
        "flat": 0.04,
        "bright_or_dark_part": 0.06,
    }
)
"""How often each of ``printed.NUISANCES`` is drawn on a view, beside those that the simulator drew on the film."""
BORDERED = 0.12
"""How often a view has a border around the picture, as pages, presentations and archives add."""
BORDER = 0.15
"""Widest such border, share of the side."""


@dataclass(frozen=True)
class FilmAugment:
    """Draws a view of a film for the localisers."""

    size: int  # side of the view in pixels
    stride: int = 2  # image pixels per label pixel
    tight: float = 0.2  # probability of a view that shows only some neighbouring bodies
    printed: float = 1.0  # factor on ``PRINTED`` and ``BORDERED``

    def __call__(self, film: Film, rng: np.random.Generator) -> View:
        """Draw one view; all randomness comes from ``rng``."""
        matrix, clip = draw_framing(film, self.size, self.tight, rng)
        if rng.random() < self.printed * BORDERED:
            matrix, clip = within_border(matrix, clip, self.size, rng)
        view = warp(film, matrix, self.size, self.stride, _fill(film.image, rng))
        view = clip_borders(replace(view, image=draw_printed(view.image, rng, self.printed)), clip, rng)
        return replace(view, image=draw_display(view.image, rng))


def draw_printed(image: NDArray[np.float32], rng: np.random.Generator, factor: float = 1.0) -> NDArray[np.float32]:
    """Draw each nuisance with its probability times ``factor``; float32 (H, W) in 0..1."""
    for name, share in PRINTED.items():
        if rng.random() < factor * share:
            image = np.asarray(NUISANCES[name](image, rng), np.float32)
    return image


def within_border(
    matrix: NDArray[np.float64], clip: tuple[int, ...], size: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], tuple[int, ...]]:
    """The same framing with a border on each side, up to ``BORDER`` of it wide; see ``draw_framing``."""
    low, high = rng.uniform(0, BORDER, 2) * size, size - rng.uniform(0, BORDER, 2) * size
    scale = (high - low) / size
    inner = np.c_[np.diag(scale) @ matrix[:, :2], scale * (matrix[:, 2] + 0.5) + low - 0.5]
    x1, y1 = np.ceil(scale * clip[:2] + low).astype(int).tolist()
    x2, y2 = np.floor(scale * clip[2:] + low).astype(int).tolist()
    return inner, (x1, y1, x2, y2)


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


def clip_borders(view: View, clip: tuple[int, ...], rng: np.random.Generator) -> View:
    """Cover what is outside ``clip``, now and then a strip at any edge too, with one grey value; drop labels there.

    Mostly near black, sometimes white or any grey.
    """
    size, stride = view.image.shape[0], view.stride
    x1, y1, x2, y2 = clip
    if rng.random() < 0.25:  # collimation
        x1, y1 = max(x1, int(rng.uniform(0, 0.12) * size)), max(y1, int(rng.uniform(0, 0.12) * size))
        x2, y2 = min(x2, size - int(rng.uniform(0, 0.12) * size)), min(y2, size - int(rng.uniform(0, 0.12) * size))
    if (x1, y1, x2, y2) == (0, 0, size, size):
        return view
    kind = rng.random()
    value = 1.0 if kind < 0.18 else rng.random() if kind < 0.28 else rng.uniform(0, 0.05)
    framed, labels, metal = np.full_like(view.image, value), np.zeros_like(view.labels), np.zeros_like(view.metal)
    framed[y1:y2, x1:x2] = view.image[y1:y2, x1:x2]
    inner = np.s_[-(-y1 // stride) : y2 // stride, -(-x1 // stride) : x2 // stride]
    labels[inner], metal[inner] = view.labels[inner], view.metal[inner]
    return replace(view, image=framed, labels=labels, metal=metal)


def draw_display(x: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw resolution, compression, tone, sharpness, noise, objects: float32 (H, W) in 0..1 -> the same."""
    x = _stored(x, rng)
    rows, columns = x.shape
    if rng.random() < 0.5:  # tone: mostly mild, at times as far as viewers go
        power = math.exp(rng.normal(0, 0.35) if rng.random() < 0.7 else rng.uniform(math.log(0.4), math.log(2.5)))
        x = np.asarray(x ** np.float32(power), np.float32)
    if rng.random() < 0.2:  # edge enhancement as vendors apply it
        x = x + np.float32(rng.uniform(0.3, 1.5)) * (x - cv2.GaussianBlur(x, (0, 0), rng.uniform(1.0, 4.0)))
    if rng.random() < 0.2:
        x = cv2.GaussianBlur(x, (0, 0), rng.uniform(0.5, 1.6))
    if rng.random() < 0.3:
        x = x + rng.standard_normal(x.shape, np.float32) * np.float32(rng.uniform(0.005, 0.05))
    if rng.random() < 0.25:  # uneven exposure
        coarse = rng.standard_normal((3, 3)).astype(np.float32)
        coarse = cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_CUBIC)
        x = (x * np.exp(np.float32(0.35) * coarse)).astype(np.float32)
    if rng.random() < 0.15:  # something lies on the film
        height, width = rng.uniform(0.04, 0.35) * rows, rng.uniform(0.04, 0.25) * columns
        top, left = rng.integers(0, (rows, columns))
        x[top : top + int(height), left : left + int(width)] = rng.random()
    return np.asarray(np.clip(x, 0, 1), np.float32)


def _stored(x: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """What remains of a picture once it is stored small or compressed."""
    if rng.random() < 0.2:  # lower resolution
        ratio = rng.uniform(0.35, 0.8)
        small = cv2.resize(x, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA)
        x = cv2.resize(small, x.shape[::-1], interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.2:  # lossy compression
        quality = int(rng.integers(15, 90))
        packed = cv2.imencode(".jpg", np.round(x * 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        x = np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.float32) / np.float32(255)
    return x
