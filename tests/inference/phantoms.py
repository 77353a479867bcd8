"""A CT phantom of pelvis and spine: balls in sockets on necks and shafts, boxes in a column, and an engine for it."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bmd.ct_types import Region
from bmd.types import Vertebra, Volume

SPACING = (3.0, 1.8, 1.8)
SHAPE = (84, 130, 220)
HEADS_MM = {"right": (150.0, 118.0, 108.0), "left": (153.0, 118.0, 290.0)}
RADIUS = 23.0
TURN = 0.25  # mm the neck goes back for each mm sideways


def _grid() -> list[NDArray]:
    return list(
        np.meshgrid(*(np.arange(n) * s for n, s in zip(SHAPE, SPACING, strict=True)), indexing="ij", sparse=True)
    )


def _shelled(distance: NDArray, radius: float, volume: NDArray, core: float = 260.0) -> None:
    """Bone of ``core`` HU up to ``radius`` with a shell of 700 HU."""
    volume[distance < radius] = core
    volume[(distance < radius) & (distance > radius - 3.5)] = 700


@cache
def pelvis(metal: str = "", rows_below_mm: float = 100.0) -> Volume:
    """Both hips; ``metal`` names a side with a prosthesis, ``rows_below_mm`` how far the scan goes below them."""
    z, y, x = _grid()
    volume = np.full(SHAPE, -1000.0, np.float32)
    body = ((x - 199) / 180) ** 2 + ((y - 115) / 100) ** 2 + 0 * z < 1
    volume[body] = 40
    for side, (hz, hy, hx) in HEADS_MM.items():
        sign = -1.0 if side == "right" else 1.0
        ball = np.sqrt((z - hz) ** 2 + (y - hy) ** 2 + (x - hx) ** 2)
        volume[(ball > RADIUS + 4) & (ball < RADIUS + 9) & (sign * (x - hx) < 8)] = 650  # socket
        u = np.array([0.55, TURN, sign])
        u /= np.linalg.norm(u)
        along = (z - hz) * u[0] + (y - hy) * u[1] + (x - hx) * u[2]
        across = np.sqrt(np.maximum(ball**2 - along**2, 0))
        _shelled(np.where((along > 0) & (along < 60), across, 99), 16, volume, 200)
        sy, sx = hy + TURN * 48, hx + sign * 48
        shaft = np.sqrt((y - sy) ** 2 + (x - sx) ** 2) + 0 * z
        _shelled(np.where((z > hz + 20), shaft, 99), 17, volume, 120)
        _shelled(ball, RADIUS, volume)
        if metal == side:
            volume[ball < RADIUS] = 3000
    noise = np.random.default_rng(0).normal(0, 12, SHAPE)
    last = int((HEADS_MM["left"][0] + rows_below_mm) / SPACING[0])
    return Volume(np.clip(volume + noise, -1024, 3071).astype(np.int16)[:last], SPACING)


@cache
def column(levels: tuple[str, ...] = ("L1", "L2", "L3")) -> tuple[Volume, tuple[Vertebra, ...]]:
    """Boxes of bone, denser from level to level, and the vertebrae that a localiser would give."""
    volume = np.full((20 * len(levels), 100, 100), 40, np.int16)
    found = []
    for k, level in enumerate(levels):
        box = np.s_[20 * k + 4 : 20 * k + 14, 30:50, 38:62]
        volume[box] = 100 + 100 * k
        body = Region((20 * k + 4, 30, 38), np.ones((10, 20, 24), bool))
        outline = np.array([[30, 20 * k + 4], [50, 20 * k + 4], [50, 20 * k + 14], [30, 20 * k + 14]], float)
        found.append(Vertebra(level, (30, 20 * k + 4, 50, 20 * k + 14), outline, 0.9, None, body))
    return Volume(volume, (2.0, 1.5, 1.5)), tuple(found)


class BrightEngine:
    """Networks that find more osteoporosis the darker the middle of the picture is; notes what it was given."""

    device = "fake"

    def __init__(self, calibration: dict[str, float] | None = None) -> None:
        self.calls: dict[str, tuple[NDArray, ...]] = {}
        self.calibration = calibration or {}

    def run(self, network: str, *inputs: NDArray) -> dict[str, NDArray]:
        """See ``Engine.run``."""
        self.calls[network] = inputs
        first = inputs[0]
        if first.ndim == 4:
            side = first.shape[-1]
            middle = first[:, 0, side // 2 - 16 : side // 2 - 4, side // 2 - 4 : side // 2 + 4].mean((1, 2))
        else:
            middle = first[:, 0]
        return {"logits": np.stack([middle, 0 * middle, -middle], 1).astype(np.float32)}

    def metadata(self, network: str) -> dict[str, Any]:
        """See ``Engine.metadata``."""
        return {"calibration": self.calibration}
