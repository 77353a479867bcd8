"""Centre maps out of masks, for localisers that give masks alone (U-Net): what the decoder reads beside the masks."""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.inference.spine.maps import BODY

Stack: TypeAlias = NDArray[np.float32]
STRIDE = 4
"""Mask pixels per pixel of the centre maps, at most."""
FEWEST_PIXELS = 12
"""Pixels of the smallest piece of bone that counts as a body, on the centre maps."""
WIDTH = 0.25
"""Of the Gaussian, as a share of the side of a square as large as a body: a body's middle keeps about .88, the disc
between two bodies .62."""
LOW, HIGH = 0.45, 0.88
"""Shares that become 0 and 1."""


def centres_of(masks: Stack) -> Stack:
    """Where the middles of bodies are, by the masks: blurred so widely that each body has one peak.

    Parameters
    ----------
    masks : ndarray
        float32 (10, h, w), probabilities of background and T10 to S1.

    Returns
    -------
    ndarray
        float32 (10, h', w') in 0..1: the nine levels, then any body T10-L5; all 0 where there is no bone.
    """
    size = tuple(max(1, side // STRIDE) if side >= 64 else side for side in masks.shape[:0:-1])
    small = np.stack([cv2.resize(mask, size, interpolation=cv2.INTER_AREA) for mask in masks])
    body = small[BODY].sum(0)
    area = _typical_area(body)
    if not area:
        return np.zeros_like(small)
    sigma = WIDTH * float(np.sqrt(area))
    heat = np.stack([cv2.GaussianBlur(one, (0, 0), sigma) for one in (*small[1:], body)])
    return np.asarray(np.clip((heat - LOW) / (HIGH - LOW), 0, 1), np.float32)


def _typical_area(body: Stack) -> float:
    """Median area of the pieces of bone, 0 where there is none."""
    _, _, stats, _ = cv2.connectedComponentsWithStats((body > 0.5).astype(np.uint8), connectivity=4)
    areas = stats[1:, cv2.CC_STAT_AREA]
    areas = areas[areas >= FEWEST_PIXELS]
    return float(np.median(areas)) if len(areas) else 0.0
