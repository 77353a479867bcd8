"""Numbers beside every heat map: how much of it lies on the bone, and whether it needs the trained weights at all."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def inside_share(heat: NDArray, contour: NDArray) -> float:
    """Share of the heat inside an outline.

    Parameters
    ----------
    heat : ndarray
        (h, w), not negative.
    contour : ndarray
        (n, 2) in pixels of ``heat``.

    Returns
    -------
    float
        0..1; 0 for a map without heat.
    """
    area = np.zeros(heat.shape, np.uint8)
    cv2.fillPoly(area, [np.round(np.asarray(contour) * 16).astype(np.int32)], 1, shift=4)
    return mask_share(heat, area > 0)


def mask_share(heat: NDArray, mask: NDArray) -> float:
    """Share of the heat (h, w) in a boolean mask of the same shape, 0..1; 0 for a map without heat."""
    total = float(heat.sum())
    return float(heat[mask].sum()) / total if total > 0 else 0.0


def area_share(shape: tuple[int, int], contour: NDArray) -> float:
    """Share of the crop that the vertebra covers: what ``inside_share`` would be for heat spread evenly."""
    return inside_share(np.ones(shape, np.float32), contour)


def correlation(one: NDArray, other: NDArray) -> float:
    """Pearson correlation of two maps of the same shape; 0 when one of them is flat.

    Between the map of the trained and of a randomised network: near 1 means that the map shows the picture rather
    than what the network has learnt (Adebayo et al. 2018, Sanity checks for saliency maps).
    """
    a, b = one.ravel() - one.mean(), other.ravel() - other.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum() / size) if size > 1e-12 else 0.0
