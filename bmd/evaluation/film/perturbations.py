"""What may happen to a film between the detector and an upload, none of it a reason for another answer.

Pure functions of displayed pixels, the same every time; those that move pixels say how.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.simulator.film.printed import NUISANCES

Floats: TypeAlias = NDArray[np.float32]
Affine: TypeAlias = NDArray[np.float64]
"""(2, 3): a point of the changed picture, (x, y, 1), to the point of the original; pixel centres are whole numbers."""

SAME_PLACE: Affine = np.array([[1.0, 0, 0], [0, 1, 0]])
BORDER = 0.10
"""Width of a border as a share of the side it is added to."""
JPEG_QUALITY = 30
TURN_DEG = 10.0
SMALL_PX = 400


@dataclass(frozen=True, eq=False)
class Changed:
    """A picture, float32 (H, W) in 0..1, and the way of its points back to the original."""

    pixels: Floats
    back: Affine

    def to_original(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Points (n, 2) of the changed picture as (x, y) of the original."""
        return np.asarray(points, np.float64) @ self.back[:, :2].T + self.back[:, 2]


Perturbation: TypeAlias = Callable[[Floats, np.random.Generator], Changed]
"""Pixels float32 (H, W) in 0..1 and a source of chance, to what becomes of them."""


def _in_place(change: Callable[[Floats, np.random.Generator], NDArray[np.floating]]) -> Perturbation:
    """A change of greys as a perturbation: nothing moves, and the result stays within 0..1."""

    def perturbed(pixels: Floats, rng: np.random.Generator) -> Changed:
        return Changed(np.clip(np.asarray(change(pixels, rng), np.float32), 0, 1), SAME_PLACE)

    return perturbed


def grid(pixels: Floats, rng: np.random.Generator) -> Floats:
    """The printed measuring grid of a film: white lines every tenth of the longer side, as thick as 2 px in 1,000."""
    shown = pixels.copy()
    longest = max(shown.shape)
    step, thick = longest / 10, max(1, round(0.002 * longest))
    for axis in (0, 1):
        for start in np.arange(step / 2, shown.shape[axis], step).astype(int):
            lines = slice(start, start + thick)
            shown[(lines, slice(None)) if axis == 0 else (slice(None), lines)] = 0.95
    return shown


def jpeg(pixels: Floats, rng: np.random.Generator) -> Floats:
    """Stored once as JPEG of quality 30."""
    eight = np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
    _, data = cv2.imencode(".jpg", eight, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.float32) / np.float32(255)


def noise(pixels: Floats, rng: np.random.Generator) -> Floats:
    """White noise of an SD of .03 of the range."""
    return pixels + np.float32(0.03) * rng.standard_normal(pixels.shape, np.float32)


def clahe(pixels: Floats, rng: np.random.Generator) -> Floats:
    """Contrast-limited adaptive histogram equalisation, 8 x 8 tiles, limit 3."""
    sixteen = np.round(np.clip(pixels, 0, 1) * 65535).astype(np.uint16)
    even = cv2.createCLAHE(clipLimit=3.0, tileGridSize=(8, 8)).apply(sixteen)
    return np.asarray(even, np.float32) / np.float32(65535)


def sharpened(pixels: Floats, rng: np.random.Generator) -> Floats:
    """Unsharp masking: what is finer than .5 % of the longer side, twice as strong."""
    return pixels + (pixels - _blurred(pixels, 0.005))


def veiled(pixels: Floats, rng: np.random.Generator) -> Floats:
    """A veil of scatter: two fifths of each pixel replaced by its wide surroundings."""
    return np.float32(0.6) * pixels + np.float32(0.4) * _blurred(pixels, 0.08)


def lut(pixels: Floats, rng: np.random.Generator) -> Floats:
    """An S-shaped look-up table, as consoles apply for more contrast."""
    low, high = 1 / (1 + np.exp(4.0)), 1 / (1 + np.exp(-4.0))
    return np.asarray((1 / (1 + np.exp(-8 * (pixels - np.float32(0.5)))) - low) / (high - low), np.float32)


def resampled(pixels: Floats, rng: np.random.Generator) -> Floats:
    """Made smaller to 60 % and larger again, as viewers and messengers do."""
    height, width = pixels.shape
    small = cv2.resize(pixels, (max(1, round(0.6 * width)), max(1, round(0.6 * height))), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def _blurred(pixels: Floats, share: float) -> Floats:
    """A Gaussian blur, its sigma given as a share of the longer side; a wide one on a smaller copy, for speed."""
    height, width = pixels.shape
    sigma = share * max(height, width)
    factor = max(1.0, sigma / 4)
    small = (max(1, round(width / factor)), max(1, round(height / factor)))
    thin = cv2.resize(pixels, small, interpolation=cv2.INTER_AREA) if factor > 1 else pixels
    soft = cv2.GaussianBlur(thin, (0, 0), sigma / factor)
    return np.asarray(cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


# --- changes that move pixels ------------------------------------------------------------------------------------
def bordered(grey: float) -> Perturbation:
    """A border of one grey, a tenth of each side wide."""

    def perturbed(pixels: Floats, rng: np.random.Generator) -> Changed:
        rows, columns = (round(BORDER * side) for side in pixels.shape)
        framed = np.pad(pixels, ((rows, rows), (columns, columns)), constant_values=np.float32(grey))
        return Changed(framed, np.array([[1.0, 0, -columns], [0, 1, -rows]]))

    return perturbed


def turned(degrees: float) -> Perturbation:
    """Turned on a black ground that holds the whole film; positive is counter-clockwise on screen."""

    def perturbed(pixels: Floats, rng: np.random.Generator) -> Changed:
        height, width = pixels.shape
        cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        wide = int(np.ceil(width * abs(cos) + height * abs(sin)))
        high = int(np.ceil(width * abs(sin) + height * abs(cos)))
        turn = np.array([[cos, sin], [-sin, cos]])
        there = np.array([(wide - 1) / 2, (high - 1) / 2]) - turn @ [(width - 1) / 2, (height - 1) / 2]
        forth = np.hstack([turn, there[:, None]])
        picture = cv2.warpAffine(pixels, forth, (wide, high), flags=cv2.INTER_LINEAR, borderValue=0)
        back = np.hstack([turn.T, (-turn.T @ there)[:, None]])
        return Changed(np.asarray(picture, np.float32), back)

    return perturbed


def reduced(longer_px: int) -> Perturbation:
    """Resized so that the longer side has so many pixels; a film that is smaller still stays as it is."""

    def perturbed(pixels: Floats, rng: np.random.Generator) -> Changed:
        height, width = pixels.shape
        factor = longer_px / max(height, width)
        if factor >= 1:
            return Changed(pixels, SAME_PLACE)
        size = round(width * factor), round(height * factor)
        picture = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        across, down = width / size[0], height / size[1]
        back = np.array([[across, 0, across / 2 - 0.5], [0, down, down / 2 - 0.5]])
        return Changed(np.asarray(picture, np.float32), back)

    return perturbed


PERTURBATIONS: Mapping[str, Perturbation] = {
    "grid": _in_place(grid),
    "white_border": bordered(1.0),
    "black_border": bordered(0.0),
    "inverted": _in_place(lambda pixels, rng: 1 - pixels),
    "jpeg_30": _in_place(jpeg),
    "noise": _in_place(noise),
    "gamma_0.5": _in_place(lambda pixels, rng: np.sqrt(pixels)),
    "gamma_2": _in_place(lambda pixels, rng: pixels**2),
    "clahe": _in_place(clahe),
    "turned_left": turned(TURN_DEG),
    "turned_right": turned(-TURN_DEG),
    "small": reduced(SMALL_PX),
    "sharpened": _in_place(sharpened),
    "lut": _in_place(lut),
    "veil": _in_place(veiled),
    "resampled": _in_place(resampled),
    **{f"printed_{name}": _in_place(change) for name, change in NUISANCES.items()},
}
"""By the name that ``evaluate robustness --perturbation`` takes; "printed_..." are the simulator's own nuisances."""

SIZES: Mapping[str, Perturbation] = {
    f"reduced_{px}": reduced(px) for px in (700, 600, 500, 400, 350, 300, 250, 200, 170, 140, 120, 100)
}
"""How small a film may be: "reduced_300" has 300 pixels on its longer side. Asked for by name only."""
