"""Parts of the body that hold no lumbar spine, drawn from simple shapes in HU: head, neck, legs; and projections."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from bmd.types import Acquisition, Volume

SPACING = (3.0, 1.5, 1.5)


def grid(height: float, depth: float, width: float, spacing: tuple[float, float, float]) -> list[np.ndarray]:
    """mm from the top, the front and the middle, broadcast."""
    sizes = [round(mm / s) for mm, s in zip((height, depth, width), spacing, strict=True)]
    z, y, x = (np.arange(n) * s for n, s in zip(sizes, spacing, strict=True))
    return [z[:, None, None], y[None, :, None], (x - width / 2)[None, None, :]]


def noisy(hu: np.ndarray, spacing: tuple[float, float, float], noise: float = 8.0) -> Volume:
    rng = np.random.default_rng(0)
    values = hu + ndimage.gaussian_filter(rng.normal(0, noise * 2, hu.shape), (0, 0.7, 0.7))
    return Volume(np.clip(np.round(values), -1024, 3000).astype(np.int16), spacing, Acquisition(kvp=120.0))


def head(
    tilt_deg: float = 0.0, below_mm: float = 60.0, brain: float = 35.0, spacing: tuple[float, float, float] = SPACING
) -> Volume:
    """A head from above the vertex down; ``below_mm`` of face and neck under the skull; the chin up by ``tilt_deg``."""
    z, y, x = grid(170 + below_mm, 260, 220, spacing)
    angle = np.radians(tilt_deg)
    v, h = z - 95, y - 130
    u, w = v * np.cos(angle) + h * np.sin(angle), h * np.cos(angle) - v * np.sin(angle)

    def ball(up: float, deep: float, wide: float, at: float = 0.0) -> np.ndarray:
        return (((u - at) / up) ** 2 + (w / deep) ** 2 + (x / wide) ** 2) < 1

    neck = ((w - 20) / 58) ** 2 + (x / 58) ** 2 < 1
    hu = np.where(ball(82, 97, 79) | (neck & (u > 40)), -60.0, -1000.0)
    hu = np.where((((w - 20) / 52) ** 2 + (x / 52) ** 2 < 1) & (u > 45), 50.0, hu)
    hu = np.where(ball(77, 92, 74), 850.0, hu)
    hu = np.where(ball(71, 86, 68), brain, hu)
    hu = np.where((((u + 5) / 16) ** 2 + ((w + 5) / 30) ** 2 + ((np.abs(x) - 12) / 7) ** 2) < 1, 8.0, hu)  # ventricles
    column = np.hypot(w - 45, x) < 16
    hu = np.where(column & (u > 68) & (((u - 68) % 20) < 15), 350.0, hu)
    hu = np.where((np.hypot(w - 60, x) < 8) & (u > 60), 20.0, hu)
    return noisy(hu, spacing)


def neck(height: float = 200.0, shoulders_mm: float = 60.0, spacing: tuple[float, float, float] = SPACING) -> Volume:
    """A neck with its column above the shoulders, no skull and no lung in view."""
    z, y, x = grid(height, 260, 480, spacing)
    wide = np.where(z > height - shoulders_mm, 190.0, 58.0)
    deep = np.where(z > height - shoulders_mm, 85.0, 62.0)
    around = ((y - 130) / deep) ** 2 + (x / wide) ** 2
    hu = np.where(around < 1, np.where(around < 0.8, 50.0, -90.0), -1000.0)
    hu = np.where((np.hypot(y - 135, x) < 13) & (z % 20 < 15), 350.0, hu)
    hu = np.where((np.hypot(y - 158, x) < 16) & (z % 20 < 12), 400.0, hu)
    hu = np.where(np.hypot(y - 155, x) < 8, 25.0, hu)
    return noisy(np.where(np.hypot(y - 95, x) < 9, -990.0, hu), spacing)


def legs(height: float = 300.0, spacing: tuple[float, float, float] = SPACING) -> Volume:
    """Two thighs with their shafts."""
    z, y, x = grid(height, 240, 420, spacing)
    side = np.abs(x) - 95
    radius = np.hypot(y - 120, side) + 0 * z
    hu = np.where(radius < 75, np.where(radius < 60, 55.0, -95.0), -1000.0)
    hu = np.where(radius < 15, np.where(radius < 8, -60.0, 1300.0), hu)
    return noisy(hu, spacing)


def projected(volume: Volume, slab: int, step: int) -> Volume:
    """Overlapping maximum intensity projections of so many slices, every ``step``."""
    windows = np.lib.stride_tricks.sliding_window_view(volume.voxels, slab, axis=0)[::step]
    dz, dy, dx = volume.spacing_mm
    return Volume(np.ascontiguousarray(windows.max(-1)), (dz * step, dy, dx))
