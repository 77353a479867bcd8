"""What might tell density from a DXA picture without its scale: fixed scores, chosen before any was looked at.

Each is written so that more means less bone. None has a weight or a threshold that was fitted on a real picture; they
are measured on real ones by `pictures.evaluate_pictures`. What a console does to the greys before it exports a picture
(gamma, window) is undone in ways that are guesses too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.geometry import filled
from bmd.inference.dxa.densitometry import SPINE
from bmd.types import Vertebra

Pixels = NDArray[np.float32]
DISPLAYS: Mapping[str, Callable[[Pixels], Pixels]] = {
    "as shown": lambda grey: grey,
    "gamma 2.2 undone": lambda grey: np.asarray(grey ** np.float32(2.2), np.float32),
    "gamma 1/2.2 undone": lambda grey: np.asarray(grey ** np.float32(1 / 2.2), np.float32),
    "window undone": lambda grey: _stretched(grey),
    "negative": lambda grey: np.asarray(1 - grey, np.float32),
}
"""What a console may have done, undone, before the network sees the picture."""
LAGS = np.array([1, 2, 3, 4])
"""Distances in pixels of the variogram (a trabecular bone score takes its slope there; Pothuaud 2008)."""
LINE = 0.97
"""Grey from which a pixel may be a line that was burnt in."""


def _stretched(grey: Pixels) -> Pixels:
    low, high = np.percentile(grey, (1, 99))
    return np.asarray(np.clip((grey - low) / max(float(high - low), 1e-3), 0, 1), np.float32)


def cues(grey: Pixels, vertebrae: Sequence[Vertebra]) -> dict[str, float]:
    """Scores of one picture, more meaning less bone; empty with fewer than two regions of L1-L4.

    Parameters
    ----------
    grey : ndarray
        float32 (H, W) in 0..1, bone bright.
    vertebrae : sequence of Vertebra
        Regions with their outlines.
    """
    spine = [v for v in vertebrae if v.level in SPINE]
    if len(spine) < 2:
        return {}
    shape = (grey.shape[0], grey.shape[1])
    masks = [filled(v.contour_px, shape) for v in spine]
    line = cv2.dilate((grey > LINE).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    column = np.any(masks, 0)
    bone, soft = column & ~line, _beside(column) & ~line
    if bone.sum() < 50 or soft.sum() < 50:
        return {}
    inner = [_eroded(mask) for mask in masks]
    body, disc = np.any(inner, 0) & bone, _discs(column, masks, inner) & bone
    means = {name: float(np.mean(grey[where])) for name, where in (("bone", bone), ("soft", soft))}
    spread = float(np.std(grey[soft])) + 1e-3
    heights, widths = np.array([_extent(mask) for mask in masks]).T
    return {
        "bone grey": -means["bone"],
        "bone minus soft tissue": means["soft"] - means["bone"],
        "bone over soft tissue": -means["bone"] / (means["soft"] + 0.05),
        "bone over soft tissue's spread": (means["soft"] - means["bone"]) / spread,
        "bone against the burnt-in lines": -means["bone"] / max(float(np.percentile(grey, 99.9)), 1e-3),
        "bodies minus discs": _mean(grey, disc) - _mean(grey, body),
        "edge of the bone": -_edge(grey, column),
        "texture: slope of the variogram": -_slope(grey, inner),
        "texture: spread within bodies": -float(np.mean([grey[one].std() for one in inner if one.sum() > 20] or [0])),
        "soft tissue's grain (a thin patient)": -spread,
        "low bodies (height over width)": -float(np.median(heights / widths)),
        "narrow bodies (width over picture)": -float(np.median(widths)) / shape[1],
    }


def _beside(column: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Soft tissue on either side: a quarter to three quarters of the column's width away from its edges."""
    rows = np.flatnonzero(column.any(1))
    out = np.zeros_like(column)
    for row in rows:
        at = np.flatnonzero(column[row])
        wide = int(at[-1] - at[0]) + 1
        for start, step in ((at[-1], 1), (at[0], -1)):
            ends = sorted((start + step * (wide // 4), start + step * (3 * wide // 4)))
            out[row, max(0, ends[0]) : max(0, ends[1])] = True
    return out & ~column


def _eroded(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Without its outer sixth, where lines and edges lie."""
    high, wide = (max(1, int(side / 3)) | 1 for side in _extent(mask))
    return np.asarray(cv2.erode(mask.astype(np.uint8), np.ones((int(high), int(wide)), np.uint8)) > 0)


def _discs(
    column: NDArray[np.bool_], masks: Sequence[NDArray[np.bool_]], inner: Sequence[NDArray[np.bool_]]
) -> NDArray[np.bool_]:
    """What lies between the cores of the regions, as wide as they are."""
    core = np.any(inner, 0)
    rows, columns = np.flatnonzero(core.any(1)), np.flatnonzero(core.any(0))
    out = np.zeros_like(column)
    if len(rows):
        out[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    return np.asarray(out & column & ~core)


def _extent(mask: NDArray[np.bool_]) -> tuple[float, float]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return (float(len(rows) or 1), float(len(columns) or 1))


def _mean(grey: Pixels, where: NDArray[np.bool_]) -> float:
    return float(grey[where].mean()) if where.any() else 0.0


def _edge(grey: Pixels, column: NDArray[np.bool_]) -> float:
    """Median step across the left and right edges of the column, five pixels in against five out."""
    steps = []
    for row in np.flatnonzero(column.any(1)):
        at = np.flatnonzero(column[row])
        for start, inward in ((at[0], 1), (at[-1], -1)):
            within, outside = start + 5 * inward, start - 5 * inward
            if 0 <= outside < grey.shape[1] and 0 <= within < grey.shape[1]:
                steps.append(float(grey[row, within] - grey[row, outside]))
    return float(np.median(steps)) if steps else 0.0


def _slope(grey: Pixels, inner: Sequence[NDArray[np.bool_]]) -> float:
    """Slope of log mean squared difference against log distance, along the rows, mean of the bodies."""
    slopes = []
    for mask in inner:
        values = []
        for lag in LAGS:
            both = mask[:, lag:] & mask[:, :-lag]
            step = (grey[:, lag:] - grey[:, :-lag])[both]
            values.append(float((step**2).mean()) if both.sum() > 20 else np.nan)
        if np.isfinite(values).all():
            slopes.append(float(np.polyfit(np.log(LAGS), np.log(np.array(values) + 1e-9), 1)[0]))
    return float(np.mean(slopes)) if slopes else 0.0
