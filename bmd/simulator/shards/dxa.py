"""DXA images on disk for training, in the format of ``shards.film``: squares of 320 pixels with their truth."""

from __future__ import annotations

from functools import partial
from typing import Any

import cv2
import numpy as np

from bmd.simulator.case import simulate_dxa
from bmd.simulator.dxa.case import VIEWS
from bmd.simulator.shards import film, store
from bmd.truth import Case, DxaTruth

SCANS = store.Kind("films", 200, "--modality dxa ")  # every reader's prefix
SIDE = 320
OTHERS = 12
"""Every twelfth image of a cohort written with ``others`` shows something else than a spine from the front."""


def square(case: Case, side: int = SIDE) -> dict[str, Any]:
    """One case as arrays on a black square, the picture fitted into it and centred; keys as ``film.square``."""
    truth = case.truth
    assert isinstance(truth, DxaTruth)
    pixels = case.study.images[0].pixels
    height, width = pixels.shape
    ratio = side / max(height, width)
    h, w = round(height * ratio), round(width * ratio)
    left, top = (side - w) // 2, (side - h) // 2
    matrix = np.array([[w / width, 0, w / width / 2 - 0.5 + left], [0, h / height, h / height / 2 - 0.5 + top]])
    image = np.zeros((side, side), np.uint8)
    method = cv2.INTER_AREA if ratio < 1 else cv2.INTER_LINEAR
    small = cv2.resize(pixels, (w, h), interpolation=method)
    image[top : top + h, left : left + w] = np.round(np.clip(small, 0, 1) * 255)
    scale = np.array([w / width, h / height] * 2, np.float32)
    return film.known(case) | {
        "image": image,
        "labels": cv2.warpAffine(truth.labels, matrix, (side, side), flags=cv2.INTER_NEAREST),
        "corners": (truth.corners_px @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32),
        "boxes": truth.boxes_px * scale + np.array([left, top] * 2, np.float32),
        "view": truth.view,
    }


def scan_row(seed: int, cohort: str, others: bool) -> dict[str, Any]:
    """The arrays of one scan."""
    other = others and seed % OTHERS == 0
    view = VIEWS[1 + seed // OTHERS % 3] if other else "ap"
    return square(simulate_dxa(seed, cohort=cohort, view=view))


def write_shards(
    out: str, count: int, seed: int, workers: int = 1, cohort: str = "film", others: bool = False
) -> list[str]:
    """Simulate ``count`` scans with seeds from ``seed`` on into ``out``; shards already there are kept."""
    row = partial(scan_row, cohort=cohort, others=others)
    command = f"python -m bmd simulate --modality dxa --cohort {cohort}" + " --others" * others
    return store.write_all(out, SCANS, range(seed, seed + count), row, command, workers)
