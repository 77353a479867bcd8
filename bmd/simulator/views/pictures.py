"""What is no radiograph at all: photographs, drawings, documents, charts, ultrasound, screens.

Photographs are random parts of the pictures that scikit-image and scikit-learn ship (public domain, CC0 or CC BY; see
their READMEs), read where they are installed and never copied; the rest is drawn.
"""

from __future__ import annotations

import string
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.simulator.film.tissue import noise

Picture = NDArray[np.float32]
PHOTOGRAPHS = {
    "skimage": ("data", ("astronaut.png", "brick.png", "camera.png", "cell.png", "chelsea.png", "clock_motion.png",
                         "coffee.png", "coins.png", "color.png", "grass.png", "gravel.png", "horse.png",
                         "hubble_deep_field.jpg", "ihc.png", "moon.png", "motorcycle_left.png", "page.png",
                         "retina.jpg", "rocket.jpg", "text.png")),
    "sklearn": ("datasets/images", ("china.jpg", "flower.jpg")),
}  # fmt: skip


@cache
def photographs() -> tuple[Picture, ...]:
    """Every photograph there is on this machine, grey, 0..1, at most 640 pixels long."""
    found = []
    for package, (folder, names) in PHOTOGRAPHS.items():
        place = find_spec(package)
        if place is None or place.origin is None:
            continue
        for name in names:
            grey = cv2.imread(str(Path(place.origin).parent / folder / name), cv2.IMREAD_GRAYSCALE)
            if grey is not None:
                scale = min(1.0, 640 / max(grey.shape))
                found.append((cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) / 255).astype(
                    np.float32))  # fmt: skip
    return tuple(found)


def photograph(rng: np.random.Generator, shape: tuple[int, int]) -> Picture:
    """A random part of a photograph; a drawn scene where no package with photographs is installed."""
    there = photographs()
    if not there:
        return scene(rng, shape)
    picture = there[int(rng.integers(len(there)))]
    share = rng.uniform(0.25, 1.0)
    high, wide = (max(32, int(share * side)) for side in picture.shape)
    r, c = int(rng.integers(picture.shape[0] - high + 1)), int(rng.integers(picture.shape[1] - wide + 1))
    part = cv2.resize(picture[r : r + high, c : c + wide], shape[::-1], interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(part[:, ::-1] if rng.random() < 0.5 else part)


def scene(rng: np.random.Generator, shape: tuple[int, int]) -> Picture:
    """Light and shade with things in it: smooth noise and blurred shapes at every size."""
    shown = 0.5 + 0.2 * noise(rng, shape, rng.uniform(20, 200), 5, rng.uniform(0.4, 0.8))
    for _ in range(int(rng.integers(3, 40))):
        layer = shown.copy()
        points = (rng.random((int(rng.integers(3, 9)), 2)) * rng.uniform(0.1, 0.8) + rng.uniform(-0.2, 0.9, 2)) * shape[
            ::-1
        ]
        cv2.fillPoly(layer, [cv2.convexHull(points.astype(np.int32))], float(rng.random()), cv2.LINE_AA)
        shown = cv2.addWeighted(shown, 0.4, cv2.GaussianBlur(layer, (0, 0), rng.uniform(0.5, 4)), 0.6, 0)
    return np.clip(shown + 0.05 * noise(rng, shape, 6, 3), 0, 1).astype(np.float32)


def document(rng: np.random.Generator, shape: tuple[int, int]) -> Picture:
    """Lines of text, perhaps a table, on paper or on a dark screen."""
    page = np.full(shape, 255, np.uint8)
    size, row = float(rng.uniform(0.25, 0.8)), 12
    while row < shape[0]:
        words = " ".join("".join(rng.choice(list(string.ascii_letters), int(rng.integers(2, 10)))) for _ in range(12))
        if rng.random() < 0.85:
            cv2.putText(page, words, (8, row), cv2.FONT_HERSHEY_SIMPLEX, size, int(rng.integers(0, 90)), 1, cv2.LINE_AA)
        row += int(size * rng.uniform(32, 48))
    for _ in range(int(rng.integers(0, 6))):
        a, b = (tuple(int(v) for v in rng.random(2) * shape[::-1]) for _ in range(2))
        cv2.rectangle(page, a, b, int(rng.integers(0, 200)), -1 if rng.random() < 0.2 else 1)
    shown = page.astype(np.float32) / 255
    return np.asarray(1 - shown if rng.random() < 0.3 else shown, np.float32)


def chart(rng: np.random.Generator, shape: tuple[int, int]) -> Picture:
    """Curves, bars or a schematic drawing of bones on a plain ground."""
    page = np.full(shape, 1.0, np.float32)
    x = np.linspace(0.1, 0.95, 60) * shape[1]
    for _ in range(int(rng.integers(1, 5))):
        y = (0.5 + 0.12 * np.cumsum(rng.normal(0, 0.25, 60))) * shape[0]
        cv2.polylines(
            page, [np.stack([x, y], 1).astype(np.int32)], False, float(rng.uniform(0, 0.6)), int(rng.integers(1, 4))
        )
    for k in range(int(rng.integers(0, 12))):
        at = (int((0.1 + 0.07 * k) * shape[1]), int(rng.uniform(0.2, 0.9) * shape[0]))
        cv2.rectangle(page, at, (at[0] + shape[1] // 20, shape[0]), float(rng.random()), -1)
    for k in range(int(rng.integers(0, 8))):
        middle = (int(rng.uniform(0.3, 0.7) * shape[1]), int((0.1 + 0.11 * k) * shape[0]))
        cv2.ellipse(page, middle, (shape[1] // 9, shape[0] // 24), float(rng.normal(0, 8)), 0, 360, 0.0, 2, cv2.LINE_AA)
    return 1 - page if rng.random() < 0.3 else page


def ultrasound(rng: np.random.Generator, shape: tuple[int, int]) -> Picture:
    """A sector of speckle on black."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    top = np.array([-0.1 * shape[0], shape[1] / 2])
    away, angle = np.hypot(rows - top[0], columns - top[1]), np.arctan2(columns - top[1], rows - top[0])
    inside = (
        (np.abs(angle) < rng.uniform(0.4, 0.8)) & (away > 0.15 * shape[0]) & (away < rng.uniform(0.9, 1.2) * shape[0])
    )
    speckle = np.abs(noise(rng, shape, 3, 1) + 1j * noise(rng, shape, 3, 1)) * np.exp(0.8 * noise(rng, shape, 50, 3))
    return np.asarray(np.clip(0.25 * speckle * inside * np.exp(-away / shape[0]), 0, 1), np.float32)


DRAWN: tuple[Callable[[np.random.Generator, tuple[int, int]], Picture], ...] = (
    photograph, photograph, scene, document, chart, ultrasound,
)  # fmt: skip


def draw_picture(rng: np.random.Generator) -> Picture:
    """Any of them, (H, W) in 0..1."""
    shape = (int(rng.integers(160, 360)), int(rng.integers(160, 360)))
    return DRAWN[int(rng.integers(len(DRAWN)))](rng, shape)
