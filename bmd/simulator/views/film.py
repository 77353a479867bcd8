"""Radiographs of a mannequin from any side: chords of every bone through a parallel beam, as consoles show films."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.simulator.film import console, printed
from bmd.simulator.film.tissue import noise
from bmd.simulator.views.mannequin import Mannequin, Rod, Solid

Picture = NDArray[np.float32]

WATER_CM = 0.2
"""Attenuation of water per cm at the mean energy of a spine film."""
MINERAL = 0.55
"""Attenuation of bone mineral in cm2/g there."""


class Sheet:
    """Line integrals of one field: pixels of ``pitch`` mm, the patient turned by ``angle`` about the long axis.

    ``angle`` 0 looks from the side (anterior to the right), 90 degrees from the front.
    """

    def __init__(self, left: float, top: float, pitch: float, shape: tuple[int, int], angle: float) -> None:
        self.left, self.top, self.pitch, self.shape = left, top, pitch, shape
        self.across = np.array([math.sin(angle), math.cos(angle), 0.0])
        self.along = np.array([math.cos(angle), -math.sin(angle), 0.0])

    def place(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points (..., 3) in mm to (..., 2): column, row."""
        points = np.asarray(points, float)
        return np.stack([(points @ self.across - self.left), (self.top - points[..., 2])], -1) / self.pitch

    def _window(self, low: NDArray[np.float64], high: NDArray[np.float64]) -> tuple[slice, slice] | None:
        c0, r0 = np.maximum(np.floor(low).astype(int), 0)
        c1, r1 = np.minimum(np.ceil(high).astype(int) + 1, self.shape[::-1])
        return (slice(r0, r1), slice(c0, c1)) if r0 < r1 and c0 < c1 else None

    def add(self, out: Picture, part: Rod | Solid) -> None:
        """Add the chord through a part in cm, times its shell or core."""
        if isinstance(part, Solid):
            self._add_solid(out, part)
            return
        for k in range(len(part.points) - 1):
            self._add_capsule(out, part, k)

    def _add_capsule(self, out: Picture, rod: Rod, k: int) -> None:
        ends, radii = self.place(rod.points[k : k + 2]), rod.radii[k : k + 2]
        reach = float(radii.max()) / self.pitch
        box = self._window(ends.min(0) - reach, ends.max(0) + reach)
        if box is None:
            return
        rows, columns = np.mgrid[box]
        d = ends[1] - ends[0]
        along = ((columns - ends[0, 0]) * d[0] + (rows - ends[0, 1]) * d[1]) / max(float(d @ d), 1e-6)
        share = np.clip(along, 0, 1)
        away = np.hypot(columns - ends[0, 0] - share * d[0], rows - ends[0, 1] - share * d[1]) * self.pitch
        radius = radii[0] + share * (radii[1] - radii[0])
        deep = float((rod.points[k + 1] - rod.points[k]) @ self.along)
        length = float(np.linalg.norm(rod.points[k + 1] - rod.points[k]))
        steep = min(3.0, 1.0 / max(0.2, math.sqrt(max(1e-6, 1 - (deep / max(length, 1e-6)) ** 2))))
        chord = np.sqrt(np.clip(radius**2 - away**2, 0, None))
        inner = np.sqrt(np.clip((radius - rod.shell_mm).clip(0) ** 2 - away**2, 0, None))
        value = 0.2 * steep * (rod.shell * (chord - inner) + rod.core * inner)
        within = ((along > 0) | (k == 0)) & ((along <= 1) | (k == len(rod.points) - 2))  # caps at the rod's ends only
        out[box] += (value * within).astype(np.float32)

    def _add_solid(self, out: Picture, solid: Solid) -> None:
        middle = self.place(solid.centre)
        wide = math.hypot(solid.half[1] * self.across[1], solid.half[0] * self.across[0])
        deep = math.hypot(solid.half[1] * self.along[1], solid.half[0] * self.along[0])
        tilt = solid.tilt * float(self.across[1])
        reach = math.hypot(wide, float(solid.half[2])) / self.pitch
        box = self._window(middle - reach, middle + reach)
        if box is None:
            return
        rows, columns = np.mgrid[box]
        u, v = (columns - middle[0]) * self.pitch, (middle[1] - rows) * self.pitch
        c, s = math.cos(tilt), math.sin(tilt)
        u, v = c * u + s * v, c * v - s * u
        outer = _chord(u, v, wide, float(solid.half[2]), deep, solid.power)
        value = solid.core * outer
        if solid.shell != solid.core and solid.shell_mm > 0:
            t = solid.shell_mm
            inner = _chord(
                u, v, max(wide - t, 0.1), max(float(solid.half[2]) - t, 0.1), max(deep - t, 0.1), solid.power
            )
            value = solid.shell * (outer - inner) + solid.core * inner
        out[box] += (0.2 * value).astype(np.float32)


def _equalised(shown: Picture, rng: np.random.Generator) -> Picture:
    """Local equalisation, strong as whole-spine films have it."""
    tiles = (int(rng.integers(3, 10)), int(rng.integers(3, 10)))
    equaliser = cv2.createCLAHE(float(rng.uniform(1.5, 6)), tiles)
    return np.asarray(equaliser.apply(np.round(shown * 255).astype(np.uint8)) / 255, np.float32)


def _chord(
    u: NDArray[np.float64], v: NDArray[np.float64], wide: float, high: float, deep: float, power: float
) -> NDArray[np.float64]:
    """Half chords of a rounded block across its depth, mm."""
    rest = 1 - np.abs(u / wide) ** power - np.abs(v / high) ** max(power, 2.0)
    return np.asarray(deep * np.sqrt(np.clip(rest, 0, None)))


def expose(body: Mannequin, sheet: Sheet, rng: np.random.Generator) -> tuple[Picture, NDArray[np.bool_]]:
    """Log signal of a field, bone bright, and where the body is."""
    mineral = np.zeros(sheet.shape, np.float32)
    water, inside = _water(body, sheet, rng)
    for part in body.bones:
        sheet.add(mineral, part)
    texture = 1 + 0.12 * noise(rng, sheet.shape, 2.5, 2, 0.6)
    signal = WATER_CM * water + MINERAL * mineral * texture
    signal += rng.uniform(0.05, 0.25) * noise(rng, sheet.shape, 40, 3, 0.6) * inside
    levelled = cv2.GaussianBlur(signal, (0, 0), rng.uniform(18, 45) / sheet.pitch)
    # what most consoles do before anything else is seen; others show lungs black and the belly white
    signal = signal - (rng.uniform(0.6, 0.92) if rng.random() < 0.6 else rng.uniform(0.0, 0.6)) * levelled
    grain = rng.uniform(0.004, 0.03) * np.exp(0.25 * np.clip(signal - signal.mean(), -2, 3))
    blurred = cv2.GaussianBlur(signal, (0, 0), rng.uniform(0.4, 1.2))
    return (blurred + grain * rng.standard_normal(sheet.shape, np.float32)).astype(np.float32), inside


def _water(body: Mannequin, sheet: Sheet, rng: np.random.Generator) -> tuple[Picture, NDArray[np.bool_]]:
    """Soft tissue along each ray in cm of water, and where the body is: lungs with vessels, gas, skin."""
    water, holes = np.zeros(sheet.shape, np.float32), np.zeros(sheet.shape, np.float32)
    for part in body.flesh:
        sheet.add(water, part)
    water = cv2.GaussianBlur(water, (0, 0), max(1.0, 9 / sheet.pitch))
    inside = water > 1.5
    for part in body.cavities:
        sheet.add(holes, part)
    holes = np.minimum(holes, 0)  # heart and diaphragm take air away, they add nothing beside it
    vessels = np.clip(1 - 1.6 * np.abs(noise(rng, sheet.shape, rng.uniform(12, 24) / sheet.pitch, 3, 0.8)), 0, 1)
    holes *= 1 - rng.uniform(0.03, 0.2) * vessels
    water = np.clip(water + cv2.GaussianBlur(holes, (0, 0), max(0.6, 2.0 / sheet.pitch)), 0.15 * water, None)
    return water.astype(np.float32), inside


def column(body: Mannequin, sheet: Sheet, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Where the vertebral column is, as programs cut it out."""
    mask = np.zeros(sheet.shape, np.uint8)
    points = [np.round(sheet.place(body.spine) * 8).astype(np.int32)]
    cv2.polylines(mask, points, False, 1, max(3, int(rng.uniform(32, 60) / sheet.pitch)), cv2.LINE_8, 3)
    return mask > 0


def develop(
    signal: Picture,
    inside: NDArray[np.bool_],
    middle: NDArray[np.float64],
    rng: np.random.Generator,
    kept: NDArray[np.bool_] | None = None,
) -> Picture:
    """The film as a console shows it, windowed on ``middle`` (column, row); black outside ``kept``."""
    if rng.random() < 0.35:
        rows, columns = np.mgrid[: signal.shape[0], : signal.shape[1]]
        near = np.hypot(columns - middle[0], rows - middle[1]) < 0.22 * max(signal.shape)
        shown = console.process(signal, inside, near & inside, rng)
    else:
        seen = signal[inside] if inside.any() else signal.ravel()
        low, high = np.percentile(seen, (rng.uniform(0.5, 12), rng.uniform(97, 99.9)))
        shown = np.clip((signal - low) / max(high - low, 1e-3), 0, 1) ** np.exp(rng.normal(0, 0.3))
        if rng.random() < 0.3:
            shown = _equalised(shown, rng)
        elif rng.random() < 0.3:  # every scale brought to like contrast, as films of a whole spine often have it
            shown = printed.equalise(shown, rng)
        elif rng.random() < 0.25:  # little contrast, as many exported films have it
            shown = np.asarray(rng.uniform(0.05, 0.35) + rng.uniform(0.3, 0.6) * shown, np.float32)
    if kept is None:
        shown, _ = console.collimate(shown, rng)
        shown, _ = console.print_over(console.artefacts(shown, rng), rng)
    else:
        shown = shown * kept
    if rng.random() < 0.5:
        shown = shown[:, ::-1]
    return np.ascontiguousarray(np.clip(shown, 0, 1), np.float32)
