"""What the localiser network says about one film, in one frame of coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from bmd.reference import LEVELS

Points: TypeAlias = NDArray[np.float64]
"""(n, 2) or (2,) points x, y, or rows that begin with them."""
TINY = np.float32(1e-6)
"""Against division by zero."""
BODY = slice(1, 1 + LEVELS.index("S1"))
"""Mask channels of the bodies T10-L5 (0 is background, 9 is S1)."""
S1 = LEVELS.index("S1")
ANY = len(LEVELS)
"""Centre channel of "a vertebral body, whichever it is"."""


@dataclass(frozen=True, eq=False)
class Maps:
    """Probability maps on one square frame.

    Attributes
    ----------
    masks : ndarray
        float32 (10, h, w), softmax over background and ``LEVELS``; any fixed stride of the frame.
    centres : ndarray
        float32 (10, h', w'), sigmoid; ``LEVELS`` then the class-agnostic body.
    size : int
        Side of the frame in pixels; maps cover it completely.
    content : tuple of float
        Part of the frame that is picture and not padding, (x1, y1, x2, y2), pixels.
    parts : tuple of Maps
        What was averaged: the same of every look alone; empty for a single look.
    metal : ndarray or None
        float32 (h, w) as the masks, sigmoid: an implant; None of a localiser that does not look for it.
    """

    masks: NDArray[np.float32]
    centres: NDArray[np.float32]
    size: int
    content: tuple[float, float, float, float]
    parts: tuple[Maps, ...] = ()
    metal: NDArray[np.float32] | None = None

    @property
    def body(self) -> NDArray[np.float32]:
        """Probability of any body T10-L5, float32 (h, w)."""
        total: NDArray[np.float32] = self.masks[BODY].sum(0)
        return total

    def mask_xy(self, points: ArrayLike) -> Points:
        """Frame pixels (n, 2) to mask pixels (n, 2), both with (0, 0) the centre of the first pixel."""
        return rescale(points, self.size, self.masks.shape[-1])

    def centre_xy(self, points: ArrayLike) -> Points:
        """Frame pixels (n, 2) to centre-map pixels (n, 2)."""
        return rescale(points, self.size, self.centres.shape[-1])


def rescale(points: ArrayLike, side: int, new_side: int) -> Points:
    """Move (n, 2) points between two samplings of the same square."""
    moved: Points = (np.asarray(points, float) + 0.5) * (new_side / side) - 0.5
    return moved


def disc_values(stack: NDArray[np.float32], centre: Points, radius: float) -> NDArray[np.float32]:
    """Values of (c, h, w) maps inside a disc, as (c, n); n is at least 1, the nearest pixel."""
    height, width = stack.shape[-2:]
    cx, cy = float(np.clip(centre[0], 0, width - 1)), float(np.clip(centre[1], 0, height - 1))
    r = max(radius, 0.75)
    x0, x1 = max(0, int(np.floor(cx - r))), min(width, int(np.ceil(cx + r)) + 1)
    y0, y1 = max(0, int(np.floor(cy - r))), min(height, int(np.ceil(cy + r)) + 1)
    ys, xs = np.mgrid[y0:y1, x0:x1]
    inside = (xs - cx) ** 2 + (ys - cy) ** 2 <= r * r
    return stack[:, y0:y1, x0:x1][:, inside]


def peaks(heat: NDArray[np.float32], threshold: float, radius: int) -> Points:
    """Local maxima of a map, strongest first.

    Parameters
    ----------
    heat : ndarray
        (h, w) in 0..1.
    threshold : float
        Smallest value of a peak.
    radius : int
        A peak is the largest value within this many pixels.

    Returns
    -------
    ndarray
        (n, 3): x, y (sub-pixel, by the centroid of the 3 x 3 neighbourhood) and value.
    """
    heat = np.ascontiguousarray(heat, np.float32)
    top = cv2.dilate(heat, np.ones((2 * radius + 1,) * 2, np.uint8))
    ys, xs = np.nonzero((heat >= top) & (heat >= threshold))
    order = np.argsort(-heat[ys, xs], kind="stable")
    found: list[tuple[float, float, float]] = []
    for y, x in zip(ys[order], xs[order], strict=True):
        if any((px - x) ** 2 + (py - y) ** 2 <= radius**2 for px, py, _ in found):
            continue
        y0, x0 = max(0, y - 1), max(0, x - 1)
        window = heat[y0 : y + 2, x0 : x + 2].astype(float)
        gy, gx = np.mgrid[y0 : y0 + window.shape[0], x0 : x0 + window.shape[1]]
        weight = window / window.sum()
        found.append((float((gx * weight).sum()), float((gy * weight).sum()), float(heat[y, x])))
    return np.array(found, float).reshape(-1, 3)
