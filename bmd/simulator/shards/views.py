"""Pictures of every kind on disk, to train and measure the view network: greys of at most 256 pixels on black."""

from __future__ import annotations

from functools import partial
from typing import Any

import cv2
import numpy as np

from bmd.simulator.shards import store
from bmd.simulator.views import SHOWN, draw_view

PICTURES = store.Kind("views", 600, "--others ")
SIDE = 256
TURN = (
    *("lateral_lumbar",) * 4,
    *("ap_spine",) * 2,
    *(kind for kind in SHOWN if "spine" not in kind and kind != SHOWN[0]),
)
"""Kinds take turns with the seeds; a quarter are what the app is for, and an eighth what is most like it."""


def row(seed: int, turn: tuple[str, ...] = TURN) -> dict[str, Any]:
    """``image`` uint8 (256, 256) with the picture in its upper left, its ``shape`` (2,), ``kind`` in ``SHOWN``."""
    kind = turn[seed % len(turn)]
    picture = draw_view(kind, seed)
    ratio = min(1.0, SIDE / max(picture.shape))
    small = cv2.resize(picture, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA)[:SIDE, :SIDE]
    image = np.zeros((SIDE, SIDE), np.uint8)
    image[: small.shape[0], : small.shape[1]] = np.round(np.clip(small, 0, 1) * 255)
    return {"image": image, "shape": np.array(small.shape, np.int16), "kind": np.uint8(SHOWN.index(kind))}


def write_shards(out: str, count: int, seed: int, workers: int = 1) -> list[str]:
    """Draw ``count`` pictures with seeds from ``seed`` on into ``out``; shards already there are kept."""
    command = "python -m bmd simulate --others"
    return store.write_all(out, PICTURES, range(seed, seed + count), partial(row), command, workers)
