"""A spine of simple shapes in a CT volume: elliptic bodies with shell, canal, pedicles and arch; its exact truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bmd.types import Vertebra, Volume

DEPTH_MM, WIDTH_MM, HEIGHT_MM, PITCH_MM = 34.0, 46.0, 27.0, 36.0
CANAL_MM = 9.0


@dataclass(frozen=True, eq=False)
class Column:
    """The volume, labels of its bodies (1 the highest), their centres (z, y, x) in mm, the canal's x in each slice."""

    volume: Volume
    labels: np.ndarray
    centres: np.ndarray
    canal_x: np.ndarray


def column(
    trabecular: float = 120.0,
    spacing: tuple[float, float, float] = (3.0, 1.5, 1.5),
    curve_mm: float = 0.0,
    count: int = 5,
    noise: float = 12.0,
    lung: bool = False,
) -> Column:
    """Build it; ``curve_mm`` bends it sideways, ``lung`` puts lungs beside it down to the last slice."""
    shape = (round((count * PITCH_MM + 12) / spacing[0]), round(190 / spacing[1]), round(200 / spacing[2]))
    z, y, x = (np.arange(n, dtype=float) * s for n, s in zip(shape, spacing, strict=True))
    z, y, x = z[:, None, None], y[None, :, None], x[None, None, :]
    middle = 100 + curve_mm * np.sin(np.pi * z / (count * PITCH_MM + 12))
    side, canal_y = x - middle, 128.0
    outer = ((y - 95) / 88) ** 2 + ((x - 100) / 96) ** 2
    hu = np.where(outer < 1, np.where(outer < 0.8, 45.0, -95.0), -1000.0) + 0 * z
    if lung:
        hu[(np.abs(side) > 30) & (np.abs(side) < 85) & (y > 50) & (y < 150) & (outer < 0.75) & (z >= 0)] = -850
    labels = np.zeros(shape, np.uint8)
    centres = []
    body_y = canal_y - CANAL_MM - DEPTH_MM / 2
    for k in range(count):
        at = 6 + PITCH_MM * (k + 0.5)
        radius = np.sqrt(((y - body_y) / (DEPTH_MM / 2)) ** 2 + (side / (WIDTH_MM / 2)) ** 2)
        high = np.abs(z - at)
        inside = (radius < 1) & (high < HEIGHT_MM / 2)
        core = (radius < 0.88) & (high < HEIGHT_MM / 2 - 1.8)
        arch = (high < 11) & (np.hypot(y - canal_y, side) < 15) & (y > canal_y - 6)
        spike = (high < 9) & (np.abs(side) < 5) & (y > canal_y) & (y < canal_y + 32)
        pedicle = (high < 6) & (np.abs(np.abs(side) - 13) < 4) & (np.abs(y - canal_y + 8) < 9)
        hu = np.where(arch | spike | pedicle, 320.0, hu)
        hu = np.where(inside, np.where(core, trabecular, 380.0), hu)
        labels[inside & (labels == 0)] = k + 1
        centres.append((at, body_y, float(np.interp(at, z[:, 0, 0], middle[:, 0, 0]))))
    hu = np.where((np.hypot(y - canal_y, side) < CANAL_MM) & (labels == 0), 30.0, hu)
    hu = hu + np.random.default_rng(0).normal(0, noise, shape)
    volume = Volume(np.round(hu).astype(np.int16), spacing)
    return Column(volume, labels, np.array(centres), np.broadcast_to(middle[:, 0, 0], (shape[0],)))


def seen(found: Column, shift_mm: float, names: tuple[str, ...], error_mm: float = 0.0) -> tuple[Vertebra, ...]:
    """The bodies as the film localiser would give them on the side film, each corner wrong by up to ``error_mm``."""
    rng = np.random.default_rng(1)
    out = []
    for (z, y, _), name in zip(found.centres, names, strict=True):
        back, front = y + DEPTH_MM / 2 - shift_mm, y - DEPTH_MM / 2 - shift_mm
        top, low = z - HEIGHT_MM / 2, z + HEIGHT_MM / 2
        corners = (
            np.array([[back, top], [front, top], [front, low], [back, low]]) + rng.uniform(-1, 1, (4, 2)) * error_mm
        )
        box = (*corners.min(0), *corners.max(0))
        out.append(Vertebra(name, box, corners, 0.9, corners))  # type: ignore[arg-type]
    return tuple(out)
